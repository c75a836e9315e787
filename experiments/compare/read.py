"""Read run folders: what every study writes into config, metrics and predictions."""

import json
import pathlib
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from experiments.harness.run_folder import UNFINISHED, variant

FILES = ("config.json", "metrics.json", "predictions.csv")
TEXT = ("sample", "subject", "video", "group", "model", "truth", "answer")


class Case(NamedTuple):
    """The common facts of runs in one table; sorts real data and full runs first."""

    sample: bool
    dataset: str
    task: str
    variant: str
    groups: str
    protocol: str
    validation: str
    quick: bool


@dataclass(eq=False)
class Run:
    """A finished run: its folder and the contents of its `FILES`."""

    path: pathlib.Path
    config: dict
    metrics: dict
    predictions: pd.DataFrame

    def __post_init__(self):
        self.label = f"{self.config['study']}/{self.path.resolve().name}"
        metrics = self.metrics
        self.verdict, self.spec = metrics["verdict"]["sentence"], metrics["spec"]
        task, groups = (
            metrics["task"] or "",
            ", ".join(sorted(metrics.get("groups", ()))),
        )
        shown = variant(self.config["settings"])
        case = metrics["data"] == "sample", metrics["dataset"], task, shown, groups
        how = metrics["validation_text"], metrics["quick"]
        self.case = Case(*case, metrics["protocol"], *how)


def read(folder: pathlib.Path) -> Run:
    """Read a run folder.

    Raises:
        ValueError: it is unfinished, damaged, or of another version.
    """
    if folder.name.startswith(UNFINISHED):
        raise ValueError("unfinished: repeat its command with --resume.")
    try:
        texts = [(folder / name).read_text("utf-8") for name in FILES[:2]]
        types = dict.fromkeys(TEXT, str)
        table = pd.read_csv(folder / FILES[2], dtype=types, keep_default_na=False)
        run = Run(folder, *map(json.loads, texts), table)
        for name, measures in run.metrics["models"].items():
            rows = table[table["model"] == name]
            if rows.empty or len(rows) != measures["n_test"] * rows["seed"].nunique():
                raise ValueError("predictions.csv is not complete")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"damaged, or of another version: {error!r}.") from error
    return run


def collect(paths) -> tuple[list[Run], dict[pathlib.Path, str]]:
    """Read run folders, and all those inside of folders, each once.

    Returns:
        `(runs, left_out)`: `left_out` says why, by path.
    """
    runs, left_out = {}, {}
    for path in map(pathlib.Path, paths):
        folders = {file.parent for name in FILES for file in path.rglob(name)}
        if not folders:
            left_out[path] = "neither a run folder nor a folder that holds any."
        for folder in sorted(folders):
            try:
                run = read(folder)
            except ValueError as error:
                left_out[folder] = str(error)
                continue
            content = tuple((folder / name).read_bytes() for name in FILES)
            same = runs.setdefault(content, run)
            if same.path.resolve() != folder.resolve():
                left_out[folder] = f"a copy of {same.label}."
    return list(runs.values()), left_out


def latest(runs: list[Run]) -> list[Run]:
    """Return the last run of each study and case."""
    runs = sorted(runs, key=lambda run: run.config["started"])
    return list({(run.config["study"], run.case): run for run in runs}.values())
