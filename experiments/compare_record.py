"""What is compared, in one form: a run folder that was read, and the models in it."""

import pathlib
from dataclasses import dataclass, field

import numpy as np
import pandas as pd


class Broken(ValueError):
    """A folder that cannot be compared; the message says why."""


@dataclass
class Model:
    """What is compared: a run, or one of the models in it.

    Attributes:
        record: its `Record`.
        name: as tables call it; `compare_groups` makes it unique.
        measures: as metrics.json has them.
        table: a row a tested sample: `subject`, `sample` (what it is, the same in
            every run), `truth`, `answer`, `score` (probability of genuine) and `part`:
            samples are only compared with those of the same part. Of several seeds
            also `seed`.
        probabilities: of all classes, `(n, classes)`.
    """

    record: "Record"
    name: str
    measures: dict
    table: pd.DataFrame
    probabilities: np.ndarray


@dataclass
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
        return f"{self.study.name}/{self.path.name}"

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
            return f"by {how}"
        return "on" if how or self.metrics.get("validation") else ""

    @property
    def started(self):
        return str(self.config.get("started", ""))

    @property
    def fingerprint(self):
        """What its data are recognised by."""
        data = self.config["data"]
        return data.get("content") or data.get("fingerprint") or "none"

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
        return self.study.data, self.task, protocol, self.sample, self.validation
