"""Genuine and fake emotions, SASE-FE: videos -> index -> facial points -> `tf.data`.

Fifty people watched films that made them angry, happy and so on, and showed what they
felt (genuine), or showed an emotion after a film for another one (fake): ChaLearn's
challenge of 2017 and Huynh and Kim 2017. Twelve videos a person.

What lies where, and our readings of it: `datasets.sase_fe_layout`; labels of flat
videos: `datasets.sase_fe_labels`; names: `datasets.sase_fe_names`.
"""

import os
import re

import pandas as pd

from datasets import sase_fe_layout as layout
from datasets.sase_fe_names import CODES, EMOTIONS, natural
from datasets.sase_fe_tracks import batches, load, store

__all__ = ["CODES", "EMOTIONS", "batches", "index", "load", "store", "summary"]

pd.set_option("mode.string_storage", "python")  # see datasets.nvie
_COLUMNS = ["path", "subject", "emotion", "label", "video", "part", "kind"]
_PARTS = ("train", "validation", "test")
_REASONS = {
    "missing": "codes that a person lacks",
    "empty": "people's folders without a video",
    "duplicates": "left out, the clip is there already",
    "videos_with_points": "videos not read, their points are used",
    "unknown": "left out, names that nobody knows",
    "unlabelled": "without a label",
    "unknown_subject": "videos of an unknown person; all of their folder count as one "
    "subject",
    "labels_without_video": "in a table of labels, but without a video",
    "other_files": "neither videos nor points",
    "unreadable": "folders that may not be read, and links that lead nowhere",
    "same_people": "folders that may show the same people under other names; a split "
    "by subject would not know: index them apart",
}


def index(folder: str | os.PathLike) -> pd.DataFrame:
    """Lists the videos below a folder, by their names; no video is opened.

    Args:
        folder: The folder of all parts (`Train`, `Validation`, `Test`), of one part, of
            the whole database (`FakeTrue_DB`) or of one person.

    Returns:
        One row a video, by part, subject, emotion, label and name:

        - `path` (str): the video, or the point file beside it or instead of it;
        - `subject` (str): "Train/1", "FakeTrue_DB/Anna", "Validation:41" where a table
          names the person, "Validation:unknown" for all flat videos of a folder where
          it does not name everybody: nobody is ever two subjects of one folder;
        - `emotion` (str): one of `EMOTIONS`;
        - `label` (Int64): 1 genuine, 0 fake, `pd.NA` where unknown;
        - `video` (str): its code as in `CODES`, or number and emotion in capitals;
        - `part` (str): "train", "validation" or "test";
        - `kind` (str): "video" or "points".

        `attrs["report"]` says what else is to be known, lists of strings: `missing`
        ("Train/3 N2A"), `empty` (people's folders without a clip), `duplicates`,
        `videos_with_points`, `unknown`, `other_files`, `unlabelled`, `unknown_subject`
        (paths of files, relative to the folder), `labels_without_video`, `unreadable`
        (folders, and links that lead nowhere), `same_people` (see `summary`).

    Raises:
        FileNotFoundError: There is no such folder, or no video of the dataset in it;
            the message says what was expected and found.
        ValueError: A table of labels is not as expected, or two of them differ.
    """
    clips, report = layout.find(folder)
    clips = sorted(clips, key=_order)
    rows = [[str(c.path), *(getattr(c, n) for n in _COLUMNS[1:])] for c in clips]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    table = table.astype(dict.fromkeys(_COLUMNS, "str") | {"label": "Int64"})
    table.attrs["report"] = report | {"same_people": _same_people(clips)}
    return table


def _same_people(clips: list[layout.Clip]) -> list[str]:
    """The groups, where some have people's names and others numbers or flat videos."""
    people = {c.group for c in clips if c.person}
    named = {c.group for c in clips if not re.fullmatch("[0-9]*", c.person)}
    others = people - named | {c.group for c in clips if not c.person}
    return sorted(named | others) if named and others else []


def _order(clip: layout.Clip) -> tuple:
    label = 2 if clip.label is None else clip.label
    part = _PARTS.index(clip.part)
    return part, natural(clip.subject), EMOTIONS.index(clip.emotion), label, clip.video


def summary(index: pd.DataFrame) -> str:
    """A few lines on an index: what it holds, what is missing and what was left out."""
    lines = []
    for part, rows in index.groupby("part", sort=False):
        unknown = rows["label"].isna().sum()
        genuine = int(rows["label"].sum())
        told = f"{genuine} genuine, {len(rows) - genuine - unknown} fake"
        told += f", {unknown} without a label" if unknown else ""
        lines.append(
            f"{part}: {len(rows)} videos ({told}) of {rows['subject'].nunique()} "
            f"subjects, {(rows['kind'] == 'points').sum()} of them as point files"
        )
        counts = rows["emotion"].value_counts()
        lines.append("  " + ", ".join(f"{e} {counts.get(e, 0)}" for e in EMOTIONS))
    for what, told in index.attrs.get("report", {}).items():
        if told:
            lines.append(f"{_REASONS[what]}: {_listed(told)}")
    return "\n".join(lines)


def _listed(names: list[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{len(names)} ({', '.join(names[:most])}{more})"
