"""Sort runs into tables, and make the rows and paired tests of each."""

import itertools
import operator
from typing import NamedTuple

import numpy as np
import pandas as pd

from experiments.compare.paired_tests import compare_accuracy, holm
from experiments.compare.read import Run

# By measure: its name in tables, and the key of its interval in metrics.json.
MEASURES = {
    "accuracy": ("accuracy", "ci95"),
    "balanced_accuracy": ("balanced acc.", "balanced_accuracy_ci95"),
    "f1": ("F1", "f1_ci95"),
    "roc_auc": ("ROC AUC", "roc_auc_ci95"),
    "paired_accuracy": ("in pairs", "paired_ci95"),
}


class Row(NamedTuple):
    """A row of a table: of a "model", a "constant" answer or a "paper".

    Attributes:
        values: measures and intervals, with the keys of metrics.json.
        note: what was tested, and the verdict; or the paper's protocol.
        run: of a model.
        predictions: a model's rows of predictions.csv.
    """

    kind: str
    name: str
    values: dict
    note: str = ""
    run: Run | None = None
    predictions: pd.DataFrame | None = None

    @property
    def beside(self) -> bool:
        """Return whether it is no model, but people or a control beside one."""
        return self.name.startswith(("people: ", "control: "))

    def same(self, other: "Row") -> bool:
        """Return whether both are people or a control, and give the same answers."""
        alike = self.beside and self.name == other.name
        return alike and self.values == other.values


class Table:
    """Models that may be compared: of runs of one case."""

    def __init__(self, runs: list[Run]):
        self.runs, self.case, self.spec = runs, runs[0].case, runs[0].spec
        self.models = []
        for row in itertools.chain(*map(self._model_rows, runs)):
            # Of what stands beside several runs on the same samples, one is enough.
            if not any(row.same(other) for other in self.models):
                self.models.append(row)
        self.models.sort(key=lambda row: row.beside)
        papers = list(self._paper_rows())
        self.rows = [*self.models, *self._constant_rows(), *papers]
        keys = set().union(*(row.values for row in self.rows))
        self.measures = [key for key in MEASURES if key in keys]
        # The measure that papers report, else the first that the verdict goes by.
        self.main = next(iter(papers[0].values)) if papers else self.spec["decides"][0]
        self.tests = self._tests()

    @property
    def title(self) -> str:
        case, groups = self.case, self.case.groups
        if (count := groups.count(",") + 1) > 3:
            groups = f"{count} {self.spec['group']}s"
        elif groups:
            groups = f"{self.spec['group']} {groups}"
        words = [case.task and f"task {case.task}", case.variant, groups]
        words += [f"protocol {case.protocol}"]
        words += ["VALIDATION" * bool(case.validation), "QUICK settings" * case.quick]
        title = ", ".join(filter(None, [*words, "SAMPLE data" * case.sample]))
        return title[0].upper() + title[1:]

    def _model_rows(self, run):
        alike = [one for one in self.runs if one.config["study"] == run.config["study"]]
        folder = f" ({run.path.resolve().name})" * (len(alike) > 1)
        verdict = run.verdict
        for name, values in run.metrics["models"].items():
            predictions = run.predictions[run.predictions["model"] == name]
            note = f"{values['n_test_subjects']} {self.spec['people']}"
            note += f", {values['n_test']:,} {self.spec['unit']}"
            if spread := values.get("f1_spread"):
                seeds = predictions["seed"].nunique()
                note += f", {seeds} seeds (standard deviation of F1 {spread:.3f})"
            note, verdict = f"{note}. {verdict}".strip(), ""  # of the main model alone
            row = Row("model", name, values, note, run, predictions)
            yield row if row.beside else row._replace(name=name + folder)

    def _constant_rows(self):
        classes = self.spec["classes"]
        even = {"balanced_accuracy": 1 / len(classes), "roc_auc": 0.5}
        bases = {}
        for run in self.runs:
            base = run.metrics["baselines"]
            bases.setdefault(
                tuple(round(v, 6) for v in base.values()), (base, run.label)
            )
        for base, label in bases.values():
            of = f", test part of {label}" if len(bases) > 1 else ""
            majority = {"accuracy": base["majority_class"], **even}
            yield Row("constant", f"majority class{of}", majority)
            if "always_f1" in base:
                always = {"f1": base["always_f1"], **even}
                yield Row("constant", f'always "{classes[-1]}"{of}', always)
        people = {}
        for run in self.runs:
            people |= run.metrics.get("people", {})
        for name, values in people.items():
            yield Row("constant", name, values)
        pairs = {"paired_accuracy": 0.5} if self.spec["pairs"] else {}
        yield Row("constant", "chance", {"accuracy": base["chance"], **even, **pairs})

    def _paper_rows(self):
        papers = [paper for run in self.runs for paper in run.metrics["paper"]]
        whole = {(p["name"], p["measure"]): p for p in papers if p["group"] is None}
        known = {None: "protocol not known", self.case.protocol: "this protocol"}
        for (name, measure), paper in whole.items():
            name = f"{name} ({known.get(paper['ours'], 'another protocol')})"
            yield Row("paper", name, {measure: paper["value"]}, f"{paper['protocol']}.")

    def _tests(self):
        """Compare every two models that were tested on the same samples.

        Returns:
            List of dicts, see `compare_accuracy`, with `name`, and `p_holm` where there
            is a p-value. With `Spec.mean`: of the mean F1 over the seeds in common.
        """
        results = []
        for first, second in itertools.combinations(self.models, 2):
            if first.beside and second.beside:
                continue
            if result := self._test(first, second):
                results.append({"name": f"{first.name} minus {second.name}", **result})
        tested = [result for result in results if "p" in result]
        for result, p in zip(tested, holm([one["p"] for one in tested]), strict=True):
            result["p_holm"] = p
        return results

    def _test(self, first, second):
        data, samples, seeds = zip(*map(_tested_on, (first, second)), strict=True)
        if data[0] != data[1] or samples[0] != samples[1]:
            return None
        if not self.spec["mean"]:
            columns = tuple(self.spec["resample"])
            return compare_accuracy(first.predictions, second.predictions, columns)
        if common := [seed for seed in seeds[0] if seed in seeds[1]]:
            difference = np.mean([seeds[0][seed] - seeds[1][seed] for seed in common])
            return {"difference": float(difference), "seeds": ", ".join(common)}


def _tested_on(model):
    """Return which data, which samples of them, and F1 by seed."""
    one = {str(model.predictions["seed"].iloc[0]): model.values["f1"]}
    data = model.run.config["data"].get("content")
    samples = frozenset(model.predictions["sample"])
    return data, samples, model.values.get("f1_by_seed", one)


def make_tables(runs: list[Run]) -> list[Table]:
    """Sort runs into tables: real data first, test parts before validations."""
    case = operator.attrgetter("case")
    groups = itertools.groupby(sorted(runs, key=case), case)
    return [Table(list(group)) for _, group in groups]
