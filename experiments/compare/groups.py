"""Which runs may stand in one table, and what the table then says.

A group has one dataset, task and protocol, real data or the sample, test part or
validation, full or quick settings: what differs in any of these is never in the same
column.
"""

import functools
from dataclasses import dataclass

from experiments import facts
from experiments.compare import measures, paired_tests
from experiments.compare.check import INTERVALS
from experiments.compare.names import names
from experiments.compare.verdict import BY_RANKING, verdict
from experiments.evaluation import LEAST_SUBJECTS

TASKS = {
    "spontaneous": "posed or spontaneous (2 classes)",
    "emotion": "posed or spontaneous, of six emotions (12 classes)",
}
COLUMNS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced acc.",
    "f1": "F1",
    "roc_auc": "ROC AUC",
}
QUICK = "the figures say that the program works"
# All that a paper's mean goes over, where a run can have less of it.
WHOLE = {"gfe": (9, "nine expressions"), "sase_fe": (6, "six emotions")}


@dataclass(frozen=True)
class Row:
    """A row of a group's table.

    Attributes:
        kind: `"model"`, `"constant"` or `"paper"`.
        name: of what the figures are.
        note: what else is to be known of it; empty where nothing is.
        values: by column `(value, [low, high] or None)`.
        tested: how many samples of how many people.
    """

    kind: str
    name: str
    note: str
    values: dict
    tested: str = ""


class Group:
    """Models that may be compared: of runs of the same case.

    Args:
        records: the runs, `compare.read.Record`.
    """

    def __init__(self, records):
        self.records = records
        self.case = records[0].case
        self.models = [model for record in records for model in record.models]
        self.names = names(records)
        self.parts = self._parts()

    dataset = property(lambda self: self.case.dataset)
    task = property(lambda self: self.case.task)
    protocol = property(lambda self: self.case.protocol)
    sample = property(lambda self: self.case.sample)
    validation = property(lambda self: self.case.validation)
    quick = property(lambda self: self.case.quick)

    @property
    def columns(self):
        """The measures by key, with their names."""
        if self.dataset == "gfe":
            return {**COLUMNS, "f1": "mean F1"}
        pairs = {"paired_accuracy": "in pairs"} if self.dataset == "sase_fe" else {}
        return {**COLUMNS, **pairs}

    @property
    def main(self):
        """The measure that the paper reports."""
        return "f1" if self.dataset == "gfe" else "accuracy"

    @property
    def factors(self):
        """What the study's intervals draw anew."""
        return ("subject", "video") if self.dataset == "pupil" else ("subject",)

    @property
    def title(self):
        """Dataset, task, protocol and kind of data and settings in a line."""
        parts = [facts.NAMES[self.dataset], self.asked, f"protocol {self.protocol}"]
        title = ", ".join(part for part in parts if part)
        how = f" {self.validation}" if self.validation.startswith("by") else ""
        inside = f", VALIDATION{how} inside the training part"
        title += inside if self.validation else ""
        title += ", QUICK settings" if self.quick else ""
        return title + (" (SAMPLE data, made by code)" if self.sample else "")

    @property
    def asked(self):
        """The task in words."""
        if self.dataset == "pupil":
            return "genuine or posed smile"
        count, whole = WHOLE.get(self.dataset, (0, ""))
        if self.task.count(",") + 1 == count:
            return whole
        return TASKS.get(self.task, self.task.replace("_", " "))

    @property
    def about(self):
        """Who was tested, and how it is measured, in sentences."""
        told = [facts.DATA[self.dataset].protocols.get(self.protocol, "")]
        if self.validation:
            told.insert(
                0,
                "A validation: measured on a part of the training data, to choose "
                "settings by; the test part was not touched.",
            )
        if self.quick:
            told.insert(0, f"Quick settings: {QUICK}, and nothing else.")
        if self.sample:
            told.insert(
                0,
                "Measured on the SAMPLE, made by code: it says that the program works, "
                "and nothing about people.",
            )
        return " ".join([*told, facts.MEASURES[self.dataset]])

    def _parts(self):
        """The different test parts: lists of models, in the order met."""
        parts = {}
        for model in self.models:
            tested = frozenset(model.table["sample"])
            data = model.record.fingerprint or id(model.record)
            parts.setdefault((data, tested), []).append(model)
        return list(parts.values())

    def letter(self, model):
        """Which test part it was tested on; empty where there is one only."""
        if len(self.parts) == 1:
            return ""
        place = next(n for n, part in enumerate(self.parts) if model in part)
        return chr(ord("A") + place) if place < 26 else str(place + 1)

    def tested(self, model):
        """How many samples of how many people."""
        table = model.table
        seeds = table["seed"].nunique() if "seed" in table else 1
        count = f"{len(table) // seeds:,} {facts.UNITS[self.dataset]}"
        count += f", {seeds} seeds" if seeds > 1 else ""
        people = f"{table['subject'].nunique()} {facts.SUBJECTS[self.dataset]}"
        letter = self.letter(model)
        return f"{people}, {count}" + (f"; part {letter}" if letter else "")

    @functools.cached_property
    def rows(self):
        """The table: models, constant answers, chance, the papers."""
        rows = []
        for model in self.models:
            values = self.values(model)
            note = verdict(model, values)
            name, tested = self.names[model], self.tested(model)
            rows.append(Row("model", name, note, values, tested))
        for part in self.parts:
            rows += self._constant(part[0])
        classes = len(self.records[0].classes)
        keys = [key for key in self.columns if key != "f1"]
        rows.append(
            Row("constant", "chance", "", {key: (1 / classes, None) for key in keys})
        )
        split = "split" if self.dataset in ("gfe", "pupil") else "data"
        for told in facts.papers(self.records, self.dataset, self.task):
            name = f"{told.name}, on its own {split}"
            note = told.note(self.protocol) + self._more
            rows.append(Row("paper", name, note, {told.measure: (told.value, None)}))
        return [_ranked(row) if row.kind == "constant" else row for row in rows]

    @property
    def _more(self):
        """That a paper's figure goes over more than the runs do; mostly empty."""
        whole = WHOLE.get(self.dataset, (0, ""))[1]
        if not whole or self.asked == whole:
            return ""
        return f"; over {whole}, the runs here over {self.asked} only"

    def values(self, model):
        """Value and interval of every column.

        The run's own intervals are kept. What it has none of is computed, where there
        are enough people.
        """
        told = model.measures
        found = {}
        people = model.table["subject"].nunique()
        if self.dataset != "gfe" and people >= LEAST_SUBJECTS:
            found = _computed(model, self.factors, self.dataset)
        values = {}
        for key in self.columns:
            interval = told.get(INTERVALS[key]) or found.get(key)
            values[key] = (told.get(key), interval)
        return values

    def _constant(self, model):
        letter = self.letter(model)
        of = f", part {letter}" if letter else ""
        base = model.record.metrics["baselines"]
        classes = len(model.record.classes)
        even = {"balanced_accuracy": (1 / classes, None), "roc_auc": (0.5, None)}
        majority = {"accuracy": (base["majority_class"], None), **even}
        rows = [Row("constant", f"majority class{of}", "", majority)]
        if self.dataset == "gfe":
            always = {"f1": (base["always_f1"], None), **even}
            rows.append(Row("constant", f'always "occurring"{of}', "", always))
        elif classes == 2:
            share = float(model.table["truth"].mean())
            genuine = {"accuracy": (share, None), "f1": (2 * share / (1 + share), None)}
            name = f'always "{model.record.classes[1]}"{of}'
            rows.append(Row("constant", name, "", {**genuine, **even}))
        return rows

    @functools.cached_property
    def tests(self):
        """Paired tests of every two models, see `paired_tests.tests`."""
        return paired_tests.tests(self.models, self.names, self.factors)

    @property
    def notes(self):
        """What a reader must know of the tests."""
        return paired_tests.notes(self)


def _computed(model, factors, dataset):
    resampling = measures.Resampling(model.table, factors)
    found = measures.intervals(model.table, model.probabilities, resampling)
    # There the study compares within rounds, and has these intervals itself.
    within = ("balanced_accuracy", "roc_auc") if dataset in BY_RANKING else ()
    return {key: value for key, value in found.items() if key not in within}


def _ranked(row):
    """A constant answer, and chance, rank nothing: 0.5 whatever the classes."""
    values = {key: value for key, value in row.values.items() if key != "roc_auc"}
    return Row(row.kind, row.name, row.note, {**values, "roc_auc": (0.5, None)})


def groups(records):
    """Sorts runs into groups: real data first, test parts before validations."""
    cases = {}
    for record in records:
        cases.setdefault(record.case, []).append(record)

    def order(case):
        place = list(facts.NAMES).index(case.dataset)
        return case.sample, place, case.task, case.protocol, case.validation, case.quick

    return [Group(cases[case]) for case in sorted(cases, key=order)]
