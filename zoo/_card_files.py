"""What a run folder says of itself, read from its text files alone."""

import csv
import pathlib
import reprlib
from dataclasses import dataclass

from zoo import safe
from zoo._studies import STUDIES, Study

UNFINISHED = ".unfinished-"


@dataclass(frozen=True)
class RunFiles:
    """The files of a run that its card is made of.

    Attributes:
        name: of the folder, as it is or will be.
        config: the content of config.json.
        metrics: that of metrics.json.
        people: number of people tested; `None` where nothing tells.
        study: the `Study`.
        parts: names of its models for `zoo.load_run`; empty where it keeps none.
    """

    name: str
    config: dict
    metrics: dict
    people: int | None
    study: Study
    parts: tuple[str, ...]

    @property
    def data(self):
        return self.study.data

    @property
    def settings(self):
        return self.config["settings"]

    @property
    def sample(self):
        """Whether it was measured on the sample; either file's word is enough."""
        return "sample" in (self.config["data"]["kind"], self.metrics["data"])


def check(folder):
    """Refuses what is no finished run folder.

    Raises:
        FileNotFoundError: it is not there, or not what a study writes.
        ValueError: the run is not finished.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    if folder.name.startswith(UNFINISHED) or (folder / "work").is_dir():
        raise ValueError(
            f"The run in {folder} is not finished. Go on with it: the command that "
            "started it, with --resume."
        )
    absent = [n for n in ("config.json", "metrics.json") if not (folder / n).is_file()]
    if absent:
        raise FileNotFoundError(
            f"{folder} is no run folder: {' and '.join(absent)} missing. Expected one "
            "that an experiment has written, runs/STUDY/TIME-HASH."
        )


def read(folder):
    """Reads a run folder.

    Args:
        folder: its path.

    Returns:
        `RunFiles`.

    Raises:
        ValueError: a file is damaged, or the study is not known.
        OSError: a file cannot be read.
    """
    config, metrics = (
        _quotable(folder, "config.json"),
        _quotable(folder, "metrics.json"),
    )
    name = config.get("study")
    if not isinstance(name, str) or name not in STUDIES:
        raise ValueError(
            f"{folder / 'config.json'} names the study {reprlib.repr(name)}, "
            f"which is none of "
            f"{', '.join(STUDIES)}."
        )
    people = _people(safe.inside(folder, "predictions.csv"))
    people = metrics.get("n_test_subjects") if people is None else people
    final = folder.name.removeprefix(UNFINISHED)
    parts = _parts(safe.inside(folder, "serving.json"))
    return RunFiles(final, config, metrics, people, STUDIES[name], parts)


def _quotable(folder, name):
    path = safe.inside(folder, name)
    try:
        return clean(safe.read_json(path))
    except RecursionError as error:
        raise ValueError(f"{path} is refused: it is nested too deep.") from error


def _parts(path):
    if not path.is_file():
        return ()
    parts = safe.read_json(path).get("parts", {})
    if not isinstance(parts, dict):
        raise ValueError(
            f"{path} is damaged: expected parts to be an object, received a "
            f"{type(parts).__name__}."
        )
    return tuple(parts)


# What would begin a heading, a cell, HTML or a link where a card quotes a file.
_PLAIN = {"`": "\u02cb", "<": "&lt;", "|": "&#124;", "[": "&#91;"}


def clean(value):
    """Text from a file as a card may quote it: one line, without Markdown or HTML."""
    if isinstance(value, str):
        return "".join(
            _PLAIN.get(sign, sign if sign.isprintable() else " ") for sign in value
        )
    if isinstance(value, dict):
        return {clean(key): clean(part) for key, part in value.items()}
    if isinstance(value, list):
        return [clean(part) for part in value]
    return value


def _people(path):
    """How many people predictions.csv has; `None` without it, or where one is unknown.

    The file may have been left out on purpose: it names people and their pictures.
    """
    if not path.is_file():
        return None
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            rows = csv.DictReader(file)
            if "subject" not in (rows.fieldnames or ()):
                raise csv.Error(f"found {rows.fieldnames}")
            people = {row["subject"] for row in rows}
    except csv.Error as error:
        raise ValueError(
            f"{path} is damaged: expected a table with a column subject; {error}"
        ) from error
    # A table of labels need not name people: datasets.sase_fe calls them so.
    unknown = any(name is None or name.endswith(":unknown") for name in people)
    return None if unknown or not people else len(people)


def last(text):
    """A path without its folders, which may name people and machines."""
    if not isinstance(text, str):
        return text
    option, equals, value = text.partition("=")
    if not (equals and option.startswith("-")):
        option, equals, value = "", "", text
    name = pathlib.PureWindowsPath(value).name  # either kind of slash ends a folder
    return option + equals + (name if name and name != value else value)
