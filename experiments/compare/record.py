"""What is compared, in one form: a run folder that was read, and the models in it."""

import pathlib
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from experiments.compare.words import printable, setting


class Case(NamedTuple):
    """What runs in one table have in common."""

    dataset: str
    task: str
    protocol: str
    sample: bool
    validation: str
    quick: bool


class Broken(ValueError):
    """A folder that cannot be compared; the message says why."""


@dataclass(eq=False)
class Model:
    """What is compared: a run, or one of the models in it.

    Attributes:
        record: its `Record`.
        name: as its study calls it; a `Group` has one that is unique.
        measures: as metrics.json has them.
        table: a row a tested sample: `subject`, `sample` (what it is, the same in
            every run), `truth`, `answer`, `score` (probability of genuine) and `part`:
            samples are only compared with those of the same part. Where a run has
            repetitions also `seed`, and a sample is there once for each.
        probabilities: of all classes, `(n, classes)`.
    """

    record: "Record"
    name: str
    measures: dict
    table: pd.DataFrame
    probabilities: np.ndarray


@dataclass(eq=False)
class Record:
    """A run folder that was read.

    Attributes:
        path: of the folder.
        study: of `zoo._studies.STUDIES`.
        config: the content of config.json.
        metrics: that of metrics.json.
        history: that of history.csv; empty where there is none.
        classes: names of the classes, posed ones first.
        models: one or more.
    """

    path: pathlib.Path
    study: object
    config: dict
    metrics: dict
    history: pd.DataFrame
    classes: tuple
    models: list = field(default_factory=list)

    @property
    def label(self):
        """Its name on pages: no place on anybody's disk."""
        return f"{self.study.name}/{self.folder}"

    @property
    def folder(self):
        """The folder's own name, in characters that can be shown."""
        return printable(self.path.name)

    @property
    def settings(self):
        return self.config["settings"]

    @property
    def sample(self):
        """Whether it was measured on the sample; either file's word is enough."""
        return "sample" in (self.config["data"]["kind"], self.metrics["data"])

    @property
    def validation(self):
        """How it was validated; empty for a run on the test part."""
        how = self.settings.get("validate")
        if isinstance(how, str):
            return f"by {setting(how)}"
        return "on" if how or self.metrics.get("validation") else ""

    @property
    def started(self):
        return str(self.config.get("started") or "")

    @property
    def fingerprint(self):
        """What its data are recognised by; `None` where that is not known."""
        data = self.config["data"]
        return data.get("content") or data.get("fingerprint")

    @property
    def quick(self):
        """Whether its settings are those of a first look."""
        return self.config.get("quick", False)

    @property
    def task(self):
        """What was asked, as far as runs of a study can differ in it."""
        asked = self.settings.get("task")
        if asked:
            return asked
        columns = {"gfe": "expression", "sase_fe": "emotion"}
        column = columns.get(self.study.data)
        if column is None:
            return ""
        return ", ".join(sorted(self.models[0].table[column].unique()))

    @property
    def case(self):
        """Runs of the same case may stand in one table."""
        protocol = self.settings["protocol"]
        kind = self.sample, self.validation, self.quick
        return Case(self.study.data, self.task, protocol, *kind)
