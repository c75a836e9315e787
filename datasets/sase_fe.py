"""Genuine and fake emotions, SASE-FE: videos -> index -> facial points -> `tf.data`.

Fifty people watched films that made them angry, happy and so on, and showed what they
felt (genuine), or showed an emotion after a film for another one (fake): ChaLearn's
challenge of 2017 and Huynh and Kim 2017. Twelve videos a person.

What lies where, and our readings of it: `datasets.sase_fe_layout`; labels of flat
videos: `datasets.sase_fe_labels`; names: `datasets.sase_fe_names`.
"""

import os
import re
import warnings

import numpy as np
import pandas as pd

from datasets import pipeline
from datasets import sase_fe_layout as layout
from datasets.sase_fe_names import CODES, EMOTIONS
from zoo.inputs.plain_files import natural

__all__ = ["CODES", "EMOTIONS", "index", "load", "summary", "tracks"]

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


def tracks(
    index: pd.DataFrame, copies: int = 0, seed: int = 0, jobs: int | None = None
) -> tuple[list[np.ndarray], pd.DataFrame, pd.DataFrame]:
    """Read the facial points of an index's videos, from point files or the videos.

    Videos are worked through in parallel, and what was done is kept in the cache (see
    `datasets.landmarks`). A file that cannot be read does not stop the others.

    Args:
        index: Rows as `index` gives them, in any order.
        copies: Jittered copies of every video, 0 or more.
        seed: Of the copies; 0 or more.
        jobs: Videos worked on at once; by default one a core.

    Returns:
        The tracks, float32 (1 + copies, frames, 80), the first of each from the whole
        crop; the rows of the index that they belong to, numbered from 0; and a table
        of the failures with the columns `path` and `reason`.

    Raises:
        ValueError: An empty index, or not one of its files could be read; the message
            tells the first reason.
        FileNotFoundError: There are videos to read, but a model file of the face mesh
            is missing.
    """
    from datasets import landmarks
    from zoo.inputs import landmark_files
    from zoo.inputs.landmark_track import draw_margins

    draw_margins(copies, seed, b"", 0)  # refuses numbers out of range
    if not len(index):
        raise ValueError("Expected an index of one row or more, got an empty one.")
    videos = index.loc[index["kind"] == "video", "path"].tolist()
    found, reasons = {}, {}
    if videos:
        found, failed = landmarks.extract_all(
            videos, copies, seed, jobs, use=_landmarks
        )
        reasons = dict(failed.itertuples(index=False))
    arrays, kept = [], []
    for row, (path, kind) in enumerate(zip(index["path"], index["kind"], strict=True)):
        if path in reasons:
            continue
        try:
            if kind == "points":
                track = landmark_files.read(path).jittered(copies, seed)
                found[path] = track.landmarks()
            arrays.append(found[path])
            kept.append(row)
        except (ValueError, OSError) as error:
            reason = str(error)
            reasons[path] = reason if path in reason else f"{path}: {reason}"
    if not kept:
        raise ValueError(
            f"None of the {len(index)} files of the index could be read. The first: "
            f"{next(iter(reasons.values()))}"
        )
    failures = pd.DataFrame(reasons.items(), columns=["path", "reason"], dtype="str")
    return arrays, index.iloc[kept].reset_index(drop=True), failures


def _landmarks(track, video):
    return track.landmarks()


def load(
    index: pd.DataFrame,
    batch_size: int,
    copies: int = 0,
    seed: int = 0,
    jobs: int | None = None,
    **order,
):
    """Batch the tracks of an index's videos; a file that cannot be read is left out.

    Args:
        index: Rows as `index` gives them, with labels, in any order.
        copies: Jittered copies of every video; in every epoch one of them, or the
            whole crop, stands for it.
        jobs: See `tracks`.
        batch_size, seed, order: See `datasets.pipeline.batches`.

    Returns:
        A `tf.data.Dataset` of `((tracks, lengths), labels)`: float32 (batch, longest,
        80), zeros after the end of a track, int32 (batch,), int32 (batch,).
    """
    import tensorflow as tf

    arrays, rows, failures = tracks(index, copies, seed, jobs)
    for reason in failures["reason"]:
        warnings.warn(reason, stacklevel=2)
    labels = rows["label"].to_numpy(np.int32)
    kinds = tf.TensorSpec((None, 80), tf.float32), tf.TensorSpec((), tf.int32)

    def read(row, row_seed):
        return arrays[row][row_seed % len(arrays[row])], labels[row]

    def example(*row_and_seed):
        track, label = pipeline.numpy_function(read, row_and_seed, kinds)
        return (track, tf.shape(track)[0]), label

    return pipeline.batches(example, len(rows), batch_size, seed, **order)
