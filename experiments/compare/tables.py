"""Which runs share a table, and what its rows and paired tests are."""

import itertools
from typing import NamedTuple

import numpy as np
import pandas as pd

from experiments.compare.paired_tests import compare_accuracy, holm
from experiments.compare.read import Case, Run
from experiments.harness.intervals import LEAST_SUBJECTS

# By measure: its name in tables, and the key of its interval in metrics.json.
MEASURES = {
    "accuracy": ("accuracy", "ci95"),
    "balanced_accuracy": ("balanced acc.", "balanced_accuracy_ci95"),
    "f1": ("F1", "f1_ci95"),
    "roc_auc": ("ROC AUC", "roc_auc_ci95"),
    "paired_accuracy": ("in pairs", "paired_ci95"),
}


class Model(NamedTuple):
    """A model of a run: its name in the table, its measures, its rows of answers."""

    run: Run
    name: str
    measures: dict
    predictions: pd.DataFrame


class Row(NamedTuple):
    """A row of a table: of a "model", a "constant" answer or a "paper"."""

    kind: str
    name: str
    values: dict[str, tuple]  # (value, interval or None) by measure
    note: str = ""


class Table:
    """Models that may be compared: of runs of one case."""

    def __init__(self, case: Case, runs: list[Run]):
        self.case, self.runs, self.spec = case, runs, runs[0].metrics["spec"]
        self.models = [model for run in runs for model in _models(run, runs)]
        papers = list(self._papers())
        self.rows = [*map(self._model_row, self.models), *self._constants(), *papers]
        self.measures = [
            k for k in MEASURES if any(k in row.values for row in self.rows)
        ]
        # The measure that papers report, else the first that the verdict goes by.
        self.main = next(iter(papers[0].values)) if papers else self.spec["decides"][0]
        self.notes = {}
        for row in self.rows:
            self.notes.setdefault(row.note, []).append(row.name)
        self.notes.pop("", None)
        self.tests = self._tests()
        self.least_p = max((test.get("least", 0) for test in self.tests), default=0)

    @property
    def title(self) -> str:
        case = self.case
        title = ", ".join(filter(None, [case.task, f"protocol {case.protocol}"]))
        title += (
            ", VALIDATION" * bool(case.validation) + ", QUICK settings" * case.quick
        )
        return title[0].upper() + title[1:] + ", SAMPLE data" * case.sample

    def _model_row(self, model):
        measures, seeds = model.measures, model.predictions["seed"].nunique()
        note = f"{measures['n_test_subjects']} {self.spec['people']}"
        if "n_test_videos" in measures:
            note += f", {measures['n_test_videos']} videos"
        note += f", {measures['n_test']:,} {self.spec['unit']}"
        if seeds > 1:
            spread = measures["f1_spread"]
            note += f", {seeds} seeds (standard deviation of F1 {spread:.3f})"
        metrics = model.run.metrics
        is_main = measures is next(iter(metrics["models"].values()))
        note += f". {metrics['verdict']['sentence']}" if is_main else "."
        values = {
            key: (measures[key], measures.get(interval))
            for key, (_, interval) in MEASURES.items()
            if key in measures
        }
        return Row("model", model.name, values, note)

    def _constants(self):
        classes = self.spec["classes"]
        even = {"balanced_accuracy": (1 / len(classes), None), "roc_auc": (0.5, None)}
        bases = {str(run.metrics["baselines"]): run for run in reversed(self.runs)}
        for run in reversed(bases.values()):
            base = run.metrics["baselines"]
            of = f", test part of {run.label}" if len(bases) > 1 else ""
            majority = {"accuracy": (base["majority_class"], None), **even}
            yield Row("constant", f"majority class{of}", majority)
            if "always_f1" in base:
                always = {"f1": (base["always_f1"], None), **even}
                yield Row("constant", f'always "{classes[-1]}"{of}', always)
        pairs = {"paired_accuracy": (0.5, None)} if self.spec["pairs"] else {}
        chance = {"accuracy": (1 / len(classes), None), **even, **pairs}
        yield Row("constant", "chance", chance)

    def _papers(self):
        papers = [paper for run in self.runs for paper in run.metrics["paper"]]
        papers = [paper for paper in papers if paper["group"] is None]
        known = {None: "protocol not known", self.case.protocol: "this protocol"}
        for paper in {(p["name"], p["measure"]): p for p in papers}.values():
            name = f"{paper['name']} ({known.get(paper['ours'], 'another protocol')})"
            values = {paper["measure"]: (paper["value"], None)}
            yield Row("paper", name, values, f"{paper['protocol']}.")

    def _tests(self):
        """Compare every two models that were tested on the same samples.

        Returns:
            List of dicts, see `compare_accuracy`, with `name`, `p_holm` where there is
            a p-value, else `why` there is none. With `Spec.mean` the difference is of
            the mean F1 over the seeds in common.
        """
        compare = _compare_mean_f1 if self.spec["mean"] else _compare_accuracy
        results = []
        for first, second in itertools.combinations(self.models, 2):
            if result := compare(first, second):
                people = first.measures["n_test_subjects"]
                few = f"too few {self.spec['people']} ({people})"
                why = few if people < LEAST_SUBJECTS else "means are not tested"
                name = f"{first.name} minus {second.name}"
                results.append({"name": name, "why": why, **result})
        tested = [result for result in results if "p" in result]
        corrected = holm([result["p"] for result in tested])
        for result, p in zip(tested, corrected, strict=True):
            result["p_holm"] = p
        return results


def _compare_accuracy(first, second):
    if _data(first) == _data(second):
        columns = tuple(first.run.metrics["spec"]["resample"])
        return compare_accuracy(first.predictions, second.predictions, columns)


def _compare_mean_f1(first, second):
    samples = (set(model.predictions["sample"]) for model in (first, second))
    values = []
    for model in (first, second):
        seed = str(model.predictions["seed"].iloc[0])
        one = {seed: model.measures["f1"]}
        values.append(model.measures.get("f1_by_seed", one))
    seeds = [seed for seed in values[0] if seed in values[1]]
    if (
        _data(first) == _data(second)
        and len(set(map(frozenset, samples))) == 1
        and seeds
    ):
        difference = np.mean([values[0][seed] - values[1][seed] for seed in seeds])
        return {"difference": float(difference), "seeds": ", ".join(seeds)}


def _data(model):
    return model.run.config["data"].get("content")


def _models(run, runs):
    alike = [other for other in runs if other.config["study"] == run.config["study"]]
    folder = f" ({run.path.resolve().name})" * (len(alike) > 1)
    for name, measures in run.metrics["models"].items():
        rows = run.predictions[run.predictions["model"] == name]
        yield Model(run, name + folder, measures, rows)


def make_tables(runs: list[Run]) -> list[Table]:
    """Sort runs into tables: real data first, test parts before validations."""
    cases = {}
    for run in runs:
        cases.setdefault(run.case, []).append(run)
    return [Table(case, cases[case]) for case in sorted(cases)]
