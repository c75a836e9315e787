"""Run folders in one form, whichever study has written them.

Measures are those of metrics.json, which the run's own report tells too; with
predictions.csv runs are compared sample by sample.
"""

import hashlib
import json
import os
import pathlib

import numpy as np
import pandas as pd

from experiments import sessions
from experiments.compare.check import check
from experiments.compare.record import Broken, Record
from experiments.compare.studies import HEADS, models
from experiments.facts import STUDIES
from experiments.run_folder import PREFIX

BINARY = {
    "nvie": ("posed", "spontaneous"),
    "gfe": ("not occurring", "occurring"),
    "pupil": ("posed", "genuine"),
    "sase_fe": ("fake", "genuine"),
}
TEXT = "path subject predicted expression round video eye emotion part kind".split()
UNFINISHED = "unfinished: go on with its command and --resume."
TRIAL = "unfinished, or a trial of experiments.search that was given up."
MOVED = "a session whose runs were moved or removed."
EACH = "probability of "  # with more than two classes, one column for each


def is_run(folder):
    names = ("config.json", "metrics.json", "predictions.csv")
    return any((folder / name).is_file() for name in names)


def _at_work(folder):
    """Whether a run's working files are still there: it has not ended."""
    return is_run(folder) and (folder / "work").is_dir()


def find(paths):
    """Finds run folders.

    Args:
        paths: run folders, folders that hold run folders, or those of sessions of
            `experiments.all`.

    Returns:
        `(folders, left_out)`: `left_out` has a sentence for each path.
    """
    folders, left_out = {}, {}
    for path in map(pathlib.Path, paths):
        path = path.expanduser()
        if not path.is_dir():
            left_out[path] = "there is no such folder."
            continue
        named = sessions.run_folders(path)
        if named is not None:
            found = {place.resolve(): place for place in named if is_run(place)}
            folders |= found
            if not found:
                left_out[path] = MOVED if named else "a session without a finished run."
            continue
        found = {}
        for place, names, _ in os.walk(path):
            place = pathlib.Path(place)
            if place.resolve().name.startswith(PREFIX) or _at_work(place):
                searched = "search" in place.resolve().parts
                left_out[place] = TRIAL if searched else UNFINISHED
                names.clear()
            elif is_run(place):
                found[place.resolve()] = place
                names.clear()  # a run's own folders hold models
            names.sort()
        folders |= found
        inside = any(path in (place, *place.parents) for place in left_out)
        if not found and not inside:
            left_out[path] = "neither a run folder nor a folder that holds any."
    return sorted(folders.values()), left_out


def read(folder):
    """Reads a run folder.

    Args:
        folder: its path.

    Returns:
        A `Record`.

    Raises:
        Broken: the folder is unfinished, damaged, or no study's.
    """
    try:
        config, metrics = (_json(folder / f"{n}.json") for n in ("config", "metrics"))
        study = STUDIES.get(config.get("study"))
        if study is None:
            name = config.get("study")
            raise Broken(f"config.json names {name!r}, which is no study.")
        history = _history(folder / "history.csv")
        rows = _predictions(folder / "predictions.csv")
        each = [name.removeprefix(EACH) for name in rows if name.startswith(EACH)]
        classes = tuple(each) or BINARY[study.data]
        record = Record(folder, study, config, metrics, history, classes)
        record.models = models(record, rows)
        check(record)
        return record
    except OSError as error:
        raise Broken(f"cannot be read: {error.strerror or error}.") from error
    except (AttributeError, LookupError, TypeError) as error:
        raise Broken(
            f"its files are not what the study writes ({error!r}): damaged, or of "
            "another version of Duchenne."
        ) from error


def digest(folder):
    """What a run is recognised by, wherever it was copied to."""
    files = (folder / name for name in ("config.json", "predictions.csv"))
    return tuple(hashlib.sha256(file.read_bytes()).digest() for file in files)


def _json(path):
    if not path.is_file():
        raise Broken(f"{path.name} is missing: not finished, or no run folder.")
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Broken(f"{path.name} is damaged: {error}.") from error
    if not isinstance(content, dict):
        raise Broken(f"{path.name} is damaged: expected an object.")
    return content


def _csv(path):
    names = pd.read_csv(path, nrows=0).columns
    texts = {name: str for name in TEXT if name in names}
    return pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=["", "nan"])


def _history(path):
    """The losses by epoch; empty where they cannot be read: they are no result."""
    try:
        table = _csv(path) if path.is_file() else pd.DataFrame()
        named = [name for name in table if name == "epoch" or "loss" in name]
        table = table.astype(dict.fromkeys(named, float))
        table = table.replace([np.inf, -np.inf], np.nan)
        return table.dropna(subset=[name for name in named if name == "epoch"])
    except ValueError:
        return pd.DataFrame()


def _predictions(path):
    if not path.is_file():
        raise Broken("predictions.csv is missing.")
    try:
        table = _csv(path)
    except ValueError as error:
        reason = str(error).strip().splitlines()[0]
        raise Broken(f"predictions.csv is damaged: {reason}") from error
    if table.empty:
        raise Broken("predictions.csv has no rows.")
    for name in ("subject", "truth", "probability"):
        if name not in table:
            raise Broken(f"predictions.csv has no column {name}.")
    bad = [name for name in table if _is_probability(name) and _wrong(table[name])]
    if bad:
        raise Broken(f"predictions.csv: {bad[0]} is not always a number from 0 to 1.")
    if table[["subject", "truth"]].isna().any(axis=None):
        raise Broken("predictions.csv lacks subjects or labels.")
    return table


def _is_probability(name):
    return name.startswith("probability") or name in ("pruned", *HEADS)


def _wrong(column):
    values = pd.to_numeric(column, errors="coerce").to_numpy(float)
    return not ((values >= 0) & (values <= 1)).all()
