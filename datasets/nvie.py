"""NVIE, posed and spontaneous facial expressions: folder -> index -> `tf.data`.

USTC-NVIE: Wang et al. 2010, "A natural visible and infrared facial expression
database for expression recognition and emotion inference". It is lent by its
owners (USTC) under an agreement. Read as in the thesis (Christensen 2018, section 4.3):
visible light only, the six basic emotions, apex frames of the spontaneous part,
each looked up in its subject's sequences.

Our readings of what the thesis leaves open: a spontaneous picture's emotion is
the word that its sequence's folder spells, or else the first character of its
file name (1 happiness, 2 disgust, 3 fear, 4 surprise, 5 anger, 6 sadness, other
digits none of them), or else the digit that is its sequence's folder. A file name
that begins with 7, 8, 9 or 0 leaves the picture out, whatever its folder says.
"""

import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from datasets import augment as augmentation
from datasets import nvie_layout as layout
from datasets import nvie_match, pictures, pipeline
from datasets.emotions import EMOTIONS
from datasets.nvie_layout import Place
from zoo.inputs.plain_files import natural

# File names are bytes, and Arrow, which pandas takes for text where it is installed,
# refuses those that are not UTF-8, as archives from elsewhere leave them.
pd.set_option("mode.string_storage", "python")

CLASS_NAMES = {
    "spontaneous": ("posed", "spontaneous"),
    "emotion": tuple(
        f"{part} {emotion}" for part in ("posed", "spontaneous") for emotion in EMOTIONS
    ),
}

_DTYPES = {
    "path": "string",
    "subject": "string",
    "emotion": "string",
    "spontaneous": "int64",
    "illumination": "string",
    "glasses": "boolean",
    "sequence": "string",
}
# Reasons of the report that leave nothing out.
_NOTES = {
    "apex unmatched": "no sequence holds it; subject and emotion from its path",
    "apex matched by nearest picture": "the same picture, saved again",
    "last frame taken as apex": "there is no folder of apex frames",
    "emotion conflict": "file name and sequence folder disagree",
}


def index(data_dir: str | os.PathLike) -> pd.DataFrame:
    """List the usable pictures of a copy of NVIE, posed and spontaneous.

    A `manifest.csv` in the folder (`path, subject, emotion, spontaneous,
    illumination, glasses`, optionally `sequence`; paths absolute or relative to the
    folder) describes any other layout, and is then all that is read. A saved index
    is such a manifest: `index(d).to_csv(d + "/manifest.csv", index=False)`.

    Args:
        data_dir: The folder that holds NVIE's parts, at any depth.

    Returns:
        One row a picture, sorted by path: `path` (absolute), `subject`, `emotion`
        (one of `EMOTIONS`), `spontaneous` (1 or, for posed, 0), `illumination`
        (front, left, right or NA), `glasses` (True, False or NA), `sequence`
        (folder of the sequence that a spontaneous picture is the apex of, relative
        to `data_dir`, or NA; its first frame is the onset). `attrs["report"]` says
        what was left out and what deserves a look: reason -> list of paths, where
        bytes of a file name that are not UTF-8 are spelt `\\udcb8`.

    Raises:
        FileNotFoundError: There is no such folder, or nothing of NVIE in it.
        ValueError: The manifest cannot be understood, or no picture is usable.
    """
    root = Path(os.path.abspath(os.path.expanduser(data_dir)))
    if not root.is_dir():
        raise FileNotFoundError(_complaint(root, "it is not a folder", {}))
    report = defaultdict(list)
    listed = (root / layout.MANIFEST).is_file()
    rows = _from_manifest(root, report) if listed else _from_tree(root, report)
    report = {
        reason: sorted(map(_printable, paths))
        for reason, paths in report.items()
        if paths
    }
    if not rows:
        kind = FileNotFoundError if _NOTHING_USED.issuperset(report) else ValueError
        raise kind(_complaint(root, "no picture in it can be used", report))
    frame = pd.DataFrame(rows, columns=list(_DTYPES)).astype(_DTYPES)
    frame = frame.sort_values("path", ignore_index=True)
    frame.attrs["report"] = report
    return frame


_NOTHING_USED = {
    "closed folder",
    "ignored file",
    "infrared folder",
    "missing",
    "not in the layout",
}


def _printable(text: str) -> str:
    """Spell out the bytes of another encoding, which cannot be printed."""
    return text.encode("utf-8", "backslashreplace").decode()


def _first_few(paths: list[str]) -> str:
    return ", ".join(paths[:3]) + (", ..." if len(paths) > 3 else "")


def _complaint(root: Path, why: str, report: dict) -> str:
    lines = [f"No NVIE data in {root}: {why}.", "Looked for:"]
    if set(report) == {"missing"}:
        count, named = len(report["missing"]), _first_few(report["missing"])
        lines.insert(
            0,
            f"0 of {count} pictures listed in {root / layout.MANIFEST} were found "
            f"({named}); a path there is absolute or relative to {root}.",
        )
    lines += [f"  {line}" for line in layout.LAYOUT.splitlines()]
    lines += ["Found instead:", *_reasons(report)] if report else []
    lines += [
        "NVIE is lent under an agreement with its owners (USTC), who are to be asked "
        "for it.",
        f"For a copy laid out otherwise, write a {layout.MANIFEST} into that folder "
        f"with the columns {','.join(layout.COLUMNS)}.",
    ]
    return _printable("\n".join(lines))


def _reasons(report: dict) -> list[str]:
    return [f"  {len(p)} {reason}: {_first_few(p)}" for reason, p in report.items()]


def _from_manifest(root: Path, report: dict) -> list[dict]:
    rows = layout.read_manifest(root)
    there = {row["path"] for row in rows if os.path.isfile(row["path"])}
    good = pictures.readable(sorted(there))
    for row in rows:
        path = Path(row["path"])
        if row["path"] not in good:
            reason = "unreadable" if row["path"] in there else "missing"
            inside = path.is_relative_to(root)
            shown = path.relative_to(root) if inside else path
            report[reason].append(shown.as_posix())
    return [row for row in rows if row["path"] in good]


def _from_tree(root: Path, report: dict) -> list[dict]:
    found, passed_over = layout.walk(root)
    report.update(passed_over)
    places = defaultdict(list)
    for path in found:
        place = layout.place(path)
        places[place.kind].append(place)
    report["not in the layout"] = [place.path for place in places["unknown"]]

    def expressed(place):
        return layout.emotion_word(place.expression)

    frames = _drop(places["frame"], "no subject", report, lambda p: p.subject)
    posed = _drop(places["posed"], "no emotion", report, expressed)
    posed = _drop(posed, "no subject", report, lambda p: p.subject)
    # A copy without a folder of apex frames still has the sequences. Where the name
    # says that it is none of the emotions, nothing is searched for.
    apexes = (
        _drop(places["apex"], "no emotion", report, lambda p: _by_name(p) != "")
        if places["apex"]
        else _last_frames(frames, report)
    )

    paths = {p.path: os.path.join(root, p.path) for p in posed + apexes}
    good = pictures.readable(list(paths.values()))
    posed, apexes = (
        _drop(part, "unreadable", report, lambda p: paths[p.path] in good)
        for part in (posed, apexes)
    )
    rows = [_row(root, place, 0, expressed(place)) for place in posed]
    return rows + _spontaneous(root, apexes, frames, report)


def _drop(places: list[Place], reason: str, report: dict, keep) -> list[Place]:
    report[reason] += [place.path for place in places if not keep(place)]
    return [place for place in places if keep(place)]


def _last_frames(frames: list[Place], report: dict) -> list[Place]:
    """Return each sequence's last frame, where its folder names an emotion."""
    last = {}
    for frame in sorted(frames, key=lambda frame: natural(frame.path.lower())):
        last[frame.sequence] = frame
    return _drop(list(last.values()), "no emotion", report, _folder_emotion)


def _folder_emotion(frame: Place) -> str | None:
    name = frame.expression
    return layout.emotion_word(name) or layout.emotion_digit(name)


def _spontaneous(root, apexes, frames, report) -> list[dict]:
    own = [apex for apex in apexes if apex.kind == "frame"]
    report["last frame taken as apex"] += [apex.path for apex in own]
    rows = [_row(root, apex, 1, _folder_emotion(apex), apex) for apex in own]
    apexes = [apex for apex in apexes if apex.kind == "apex"]
    matches, unreadable = nvie_match.match(root, apexes, frames)
    report["unreadable"] += unreadable
    for apex in apexes:
        found = matches.get(apex.path)
        frame = found.frame if found else None
        said = _said_emotions(apex, frame)
        if len(set(said)) > 1:
            report["emotion conflict"].append(apex.path)
        if not said:
            report["no emotion"].append(apex.path)
        elif not (apex.subject or frame):
            # Its subject could stand on both sides of a split.
            report["apex without subject"].append(apex.path)
        else:
            rows.append(_row(root, apex, 1, said[0], frame))
            if frame is None:
                report["apex unmatched"].append(apex.path)
            elif found.how == nvie_match.NEAREST:
                report["apex matched by nearest picture"].append(apex.path)
    return rows


def _said_emotions(apex: Place, frame: Place | None) -> list[str]:
    """List what folder and file name say, the most trusted first."""
    folder = frame.expression if frame else None
    said = layout.emotion_word(folder), _by_name(apex), layout.emotion_digit(folder)
    return [emotion for emotion in said if emotion]


def _by_name(apex: Place) -> str | None:
    """Return what an apex's file name begins with; "" is no emotion."""
    first = os.path.basename(apex.path)[0]
    return layout.emotion_digit(first) or ("" if first in "7890" else None)


def _row(root, place: Place, spontaneous: int, emotion: str, frame=None) -> dict:
    frame = frame or place
    glasses = frame.glasses if place.glasses is None else place.glasses
    return {
        "path": os.path.join(root, place.path),
        "subject": place.subject or frame.subject,
        "emotion": emotion,
        "spontaneous": spontaneous,
        "illumination": place.illumination or frame.illumination,
        "glasses": glasses,
        "sequence": frame.sequence,
    }


def summary(frame: pd.DataFrame) -> str:
    """Say in a few lines what an index holds, and what was left out and where."""
    report = frame.attrs.get("report", {})
    lines = [f"{len(frame)} pictures of {frame['subject'].nunique()} subjects"]
    orders = {"emotion": EMOTIONS, "illumination": ("front", "left", "right")}
    for value, part in enumerate(CLASS_NAMES["spontaneous"]):
        rows = frame[frame["spontaneous"] == value]
        lines.append(f"{part}: {len(rows)} of {rows['subject'].nunique()} subjects")
        for column, order in orders.items():
            counts = rows[column].fillna("unknown").value_counts()
            told = [f"{n} {counts[n]}" for n in (*order, "unknown") if n in counts]
            lines += [f"  {column}: {', '.join(told)}"] if told else []
    notes = {f"{k} ({_NOTES[k]})": v for k, v in report.items() if k in _NOTES}
    left_out = {reason: v for reason, v in report.items() if reason not in _NOTES}
    lines += ["used, but worth a look:", *_reasons(notes)] if notes else []
    lines += ["left out:", *_reasons(left_out)] if left_out else ["nothing left out"]
    return "\n".join(lines)


def task_labels(index: pd.DataFrame, task: str) -> np.ndarray:
    """Return the int32 labels of an index: positions in `CLASS_NAMES[task]`.

    Args:
        index: Rows as `index` gives them.
        task: "spontaneous" (0 posed, 1 spontaneous) or "emotion" (12 classes: the
            six emotions posed, then the six spontaneous).
    """
    if task not in CLASS_NAMES:
        raise ValueError(f"Expected task {' or '.join(CLASS_NAMES)}, got {task!r}.")
    spontaneous = index["spontaneous"].to_numpy(np.int32)
    if task == "spontaneous":
        return spontaneous
    emotion = pd.Index(EMOTIONS).get_indexer(index["emotion"])
    if (emotion < 0).any():
        raise ValueError(
            f"Expected emotions out of {', '.join(EMOTIONS)}, got "
            f"{sorted(set(index['emotion'].astype(str)[emotion < 0]))}."
        )
    return (spontaneous * len(EMOTIONS) + emotion).astype(np.int32)


def load(
    index: pd.DataFrame,
    size: int,
    batch_size: int,
    augment: bool = False,
    task: str = "spontaneous",
    seed: int = 0,
    labels: np.ndarray | None = None,
    **order,
):
    """Read, decode and resize the pictures of an index, in parallel.

    Args:
        index: Rows as `index` gives them, in any order.
        size: Height and width of the pictures, in pixels. The whole picture is
            scaled (bilinear, antialiased), its aspect ratio not kept.
        augment: Whether to augment the pictures (`datasets.augment`).
        task: "spontaneous" or "emotion", see `task_labels`.
        labels: Other labels than those of the task, a whole number per row.
        batch_size, seed, order: See `datasets.pipeline.batches`.

    Returns:
        A `tf.data.Dataset` of `(pictures, labels)`: float32 (batch, size, size, 3)
        from 0 to 255, RGB; int32 (batch,).

    Raises:
        ValueError: An empty index, an unknown task, a size or number out of range.
        ImportError: `augment` without a usable imgaug.
    """
    import tensorflow as tf

    if augment:
        augmentation.check()
    if size < 1:
        raise ValueError(f"Expected size to be 1 or more, got {size}.")
    labels = task_labels(index, task) if labels is None else np.asarray(labels)
    paths, labels = index["path"].tolist(), tf.constant(labels, tf.int32)
    whole = tf.TensorSpec((None, None, 3), tf.uint8)

    def example(which, picture_seed):
        def read(row):
            return [pictures.read(paths[row])]

        [picture] = pipeline.numpy_function(read, [which], [whole])
        # As keras.layers.Resizing(size, size, antialias=True) does it.
        picture = tf.image.resize(picture, (size, size), antialias=True)
        if augment:
            rounded = tf.saturate_cast(tf.round(picture), tf.uint8)
            drawn = rounded, picture_seed
            [picture] = pipeline.numpy_function(augmentation.apply, drawn, [rounded])
        return tf.cast(picture, tf.float32), labels[which]

    return pipeline.batches(example, len(index), batch_size, seed, **order)
