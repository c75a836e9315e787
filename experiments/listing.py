"""What is known of the studies without starting one: data found, last runs.

Reads text files alone. The study modules need TensorFlow, which takes seconds to load.
"""

import json
import os
import pathlib
import re
import time
from dataclasses import dataclass

from experiments.facts import STUDIES

# What stands in the place of a dataset, and how one comes by it.
GETTING = {
    "nvie": "under an agreement with its owners (USTC)",
    "gfe": "open (CC BY 4.0): the GFE studies download it where it is not found",
    "pupil": "of its authors (Australian National University), no licence stated",
    "sase_fe": "under an agreement with its owners (ChaLearn 2017)",
}
# Files of each dataset by which it is recognised; its reader knows more.
FILES = {
    "nvie": r"manifest\.csv|[^.].*\.(bmp|jpe?g|png)",
    "gfe": r"[ab]_[a-z_]+_datapoints\.txt",
    "pupil": r"[LR]EPD\.xlsx",
    "sase_fe": r"(\d{10}_[a-z]+|\w+2\w+).*"
    r"\.(mp4|avi|mov|mkv|m4v|mpe?g|webm|wmv|npz|npy|csv)",
}
FILES = {name: re.compile(told, re.IGNORECASE) for name, told in FILES.items()}
# The figure that stands for a run: its name, and where metrics.json has it.
FIGURES = {
    "nvie": ("accuracy", "accuracy"),
    "gfe": ("mean F1", "f1"),
    "pupil": ("ROC AUC", "roc_auc"),
    "sase_fe": ("accuracy", "accuracy"),
}
CLOCK = "%Y-%m-%dT%H:%M:%S"


def find(dataset, data_dir=None):
    """Where a study would find real data: as `common.find_data`, without a download.

    Args:
        dataset: name of the dataset's folder, such as "nvie".
        data_dir: the folder that the user named, or `None`; only a folder inside it
            counts here, as it is for all datasets.

    Returns:
        `(folder, tried)`: `None` where there are none; the places tried in vain.

    Raises:
        FileNotFoundError: the folder that the user named does not exist.
    """
    if data_dir is not None and not pathlib.Path(data_dir).expanduser().is_dir():
        raise FileNotFoundError(f"--data-dir: there is no folder {data_dir}.")
    tried = []
    for folder in [data_dir, os.environ.get("DUCHENNE_DATA"), "~/.cache/duchenne"]:
        if not folder:
            continue
        inside = pathlib.Path(folder).expanduser().resolve() / dataset
        if inside.is_dir():
            return inside, []
        tried.append(inside)
    return None, tried


def holds(dataset, folder):
    """Whether a folder holds any file of a dataset, by the files' names.

    Args:
        dataset: its name, such as "nvie".
        folder: a folder.
    """
    for _, _, names in os.walk(folder):
        if any(FILES[dataset].fullmatch(name) for name in names):
            return True
    return False


@dataclass(frozen=True)
class Finished:
    """A finished run, as its files tell it.

    Attributes:
        folder: its path.
        protocol: who was tested, and what else its name needs.
        kind: `"real"` or `"sample"`.
        figure: the figure that stands for it, such as "accuracy 0.688".
        started: in seconds since 1970.
        quick: whether its settings are those of a first look.
    """

    folder: pathlib.Path
    protocol: str
    kind: str
    figure: str
    started: float
    quick: bool


def finished(folder):
    """Reads a run folder.

    Raises:
        ValueError: it is not one that a study has finished.
    """
    folder = pathlib.Path(folder)
    try:
        config, metrics = (
            json.loads((folder / name).read_bytes())
            for name in ("config.json", "metrics.json")
        )
        settings = config["settings"]
        name, key = FIGURES[STUDIES[config["study"]].data]
        value = metrics[key]
        sample = "sample" in (config["data"]["kind"], metrics["data"])
        return Finished(
            folder,
            protocol_of(settings),
            "sample" if sample else "real",
            f"{name} not defined" if value is None else f"{name} {value:.3f}",
            time.mktime(time.strptime(config["started"], CLOCK)),
            config.get("quick") is True,
        )
    except FileNotFoundError as error:
        missing = pathlib.Path(error.filename).name
        raise ValueError(f"{folder} is no finished run: no {missing}") from None
    except OSError as error:
        raise ValueError(f"{folder} cannot be read: {error}") from None
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{folder} is damaged: {error!r}") from None


def protocol_of(settings):
    """The protocol, and what else decides which figures it may be compared with."""
    parts = [str(settings["protocol"])]
    if settings.get("task", "spontaneous") != "spontaneous":
        parts.append(f"task {settings['task']}")
    if settings.get("validate"):
        parts.append("on validation")
    return "".join(c for c in ", ".join(parts) if c.isprintable())


def last_run(out, study):
    """The last finished run of a study.

    Args:
        out: folder of all runs.
        study: the study's name.

    Returns:
        `(run, broken)`: a `Finished` or `None`, and why newer folders are none.
    """
    broken = []
    try:
        folders = [p for p in (out / study).iterdir() if p.name[0] != "."]
    except (FileNotFoundError, NotADirectoryError):
        return None, broken
    except OSError as error:
        return None, [f"{out / study} cannot be read: {error}"]
    for folder in sorted(folders, key=lambda path: path.name, reverse=True):
        try:
            return finished(folder), broken
        except ValueError as error:
            broken.append(str(error))
    return None, broken


def ago(seconds):
    """How long ago, in the largest unit that gives one or more."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
