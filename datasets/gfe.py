"""Grammatical Facial Expressions: folder -> index -> points, splits, `tf.data`.

Freitas et al. 2014, "Grammatical facial expressions recognition with machine
learning"; UCI dataset 317 (CC BY 4.0). Two signers of Libras, nine expressions, one
Kinect recording each; every frame is labelled 1 while the expression is occurring.
The study on them is Xu's.

Our readings of what the paper leaves open: rows are in the order of time, and
missing coordinates are bridged within the whole recording (`zoo.inputs.gfe_files`),
before any split: at a split's edge a bridged value has seen both sides.
"""

import math
import os
import tempfile

import numpy as np
import pandas as pd

from datasets import batches
from datasets.gfe_splits import PROTOCOLS, blocks, protocol
from zoo.inputs import gfe_files as files
from zoo.inputs.gfe_files import EXPRESSIONS, SIGNERS

__all__ = [
    "EXPRESSIONS",
    "PROTOCOLS",
    "SIGNERS",
    "blocks",
    "index",
    "load",
    "mirrored",
    "points",
    "protocol",
    "summary",
    "windows",
]

pd.set_option("mode.string_storage", "python")  # see datasets.nvie
_COLUMNS = ["signer", "expression", "frame", "label", "path"]


def index(data_dir: str | os.PathLike) -> pd.DataFrame:
    """Lists the frames of a copy of the dataset; every file is read and checked.

    Args:
        data_dir: The folder with UCI's files, or the one around it. Recordings may
            be absent, but not half of one.

    Returns:
        One row a frame, by expression, signer and frame: `signer` ("a", "b"),
        `expression` (one of `EXPRESSIONS`), `frame` (its number in the recording,
        from 0, in the order of time), `label` (1: the expression is occurring),
        `path` (the datapoints file). `attrs["report"]` holds `recordings` (name,
        such as a_negative -> `frames`, `positive`, and what was bridged: `depths`
        and `xy` values, in `frames_depths` and `frames_xy` frames) and `missing`
        (names of the recordings that are not there).

    Raises:
        FileNotFoundError: There is no such folder, or nothing of the dataset in it.
        ValueError: A file is not as expected; the message names file and line.
    """
    found = files.find(data_dir)
    tables, told = [], {}
    for (expression, signer), (datapoints, targets) in found.items():
        recording = files.read_points(datapoints)
        labels = files.read_targets(targets)
        frames = len(recording.points)
        if frames != len(labels):
            raise ValueError(
                f"{datapoints} has {frames} frames (its last is line {frames + 1}), "
                f"but {targets} has {len(labels)} labels (its last is line "
                f"{len(labels)}); expected one label a frame."
            )
        rows = (signer, expression, np.arange(frames), labels, str(datapoints))
        tables.append(pd.DataFrame(dict(zip(_COLUMNS, rows, strict=True))))
        told[f"{signer}_{expression}"] = {
            "frames": frames,
            "positive": int(labels.sum()),
            **recording.missing,
        }
    result = pd.concat(tables, ignore_index=True)
    names = [f"{s}_{e}" for e in EXPRESSIONS for s in SIGNERS]
    missing = [name for name in names if name not in told]
    result.attrs["report"] = {"recordings": told, "missing": missing}
    return result


def summary(index: pd.DataFrame) -> str:
    """A few lines on an index: what it holds, what was bridged and what is missing."""
    positive = int(index["label"].sum())
    names = (index["signer"] + "_" + index["expression"]).unique()
    lines = [
        f"{len(names)} recordings, {len(index)} frames, {positive} of them positive "
        f"({positive / max(len(index), 1):.0%})"
    ]
    report = index.attrs.get("report", {"recordings": {}, "missing": []})
    for name, told in report["recordings"].items():
        if name in names:
            lines.append(f"  {name}: {', '.join(_told(told))}")
    missing = report["missing"]
    lines += [f"missing recordings: {', '.join(missing)}"] if missing else []
    return "\n".join(lines)


def _told(told: dict) -> list[str]:
    parts = [f"{told['frames']} frames", f"{told['positive']} positive"]
    if told["positive"] in (0, told["frames"]):
        parts.append("worth a look: only one label occurs")
    for what, called in (("depths", "depths"), ("xy", "x or y")):
        if told[what]:
            among = told[f"frames_{what}"]
            parts.append(f"bridged {told[what]} {called} in {among} frames")
    return parts


def points(index: pd.DataFrame) -> np.ndarray:
    """The points of an index's frames, missing coordinates bridged.

    Args:
        index: Rows as `index` gives them, in any order.

    Returns:
        float32 (rows, 100, 3): x and y in pixels, z in millimetres.

    Raises:
        ValueError, OSError: A file has changed since it was indexed.
    """
    result = np.empty((len(index), files.POINTS, 3), np.float32)
    frames = index["frame"].to_numpy()
    for path, rows in index.groupby("path").indices.items():
        recording = files.read_points(path).points
        if not 0 <= frames[rows].min() <= frames[rows].max() < len(recording):
            raise ValueError(
                f"Expected frames from 0 to {len(recording) - 1} of {path}, received "
                f"{frames[rows].min()} to {frames[rows].max()}. Index the data anew."
            )
        result[rows] = recording[frames[rows]]
    return result


def mirrored(points: np.ndarray) -> np.ndarray:
    """The points of the mirror image: left and right change places.

    Args:
        points: (..., 100, 3), x in pixels of the Kinect's picture, 640 wide.

    Returns:
        An array of the same shape and type; mirrored twice it is `points` again.
    """
    result = np.asarray(points)[..., files.MIRROR, :]
    result[..., 0] = files.WIDTH - result[..., 0]
    return result


def windows(
    index: pd.DataFrame, span: int, within: pd.DataFrame | None = None
) -> np.ndarray:
    """The frames around each frame, as far as they may be seen.

    A window stays in the run of consecutive frames of `within` that its frame lies
    in: where the run ends, its last frame is repeated. With a training part as
    `within`, no window sees a test frame.

    Args:
        index: Rows as `index` gives them, in any order.
        span: Frames in a window, an odd number.
        within: The frames that may be seen, in any order, each once; all rows of
            `index` are among them. The index itself by default.

    Returns:
        Integer array (rows, span): positions in `within`, in the order of time; the
        middle one is the row itself.

    Raises:
        ValueError: An even span, a row that is not in `within`, or one twice in it.
    """
    seen = _seen(index, span, index if within is None else within)
    return seen(np.arange(len(index)))


def _seen(index: pd.DataFrame, span: int, within: pd.DataFrame):
    """Function from rows of `index` to their windows; it keeps 24 bytes a row."""
    if not isinstance(span, (int, np.integer)) or span < 1 or span % 2 == 0:
        raise ValueError(f"Expected span to be an odd number of frames, got {span!r}.")
    if index.empty:
        return lambda rows: np.empty((0, span), int)
    keys = _keys(pd.concat([within[["path", "frame"]], index[["path", "frame"]]]))
    known, wanted = keys[: len(within)], keys[len(within) :]
    order = np.argsort(known, kind="stable")
    known = known[order]
    gaps = np.diff(known)
    if (gaps == 0).any():
        twice = within.iloc[order[np.argmax(gaps == 0)]]
        raise ValueError(
            "Expected every frame once in what windows may see, got frame "
            f"{twice['frame']} of {twice['path']} twice."
        )
    places = np.searchsorted(known, wanted)
    # What lies beyond the last has a place, but nothing is there.
    absent = np.append(known, -1)[places] != wanted
    if absent.any():
        row = index.iloc[np.argmax(absent)]
        raise ValueError(
            f"{absent.sum()} of {len(index)} rows are not in `within`, the first of "
            f"them frame {row['frame']} of {row['path']}."
        )
    breaks = np.flatnonzero(gaps != 1) + 1
    starts = np.concatenate([[0], breaks])
    ends = np.concatenate([breaks, [len(known)]]) - 1
    run = np.searchsorted(breaks, places, side="right")
    steps = np.arange(span) - span // 2

    def seen(rows):
        first, last = (edges[run[rows]][:, None] for edges in (starts, ends))
        return order[np.clip(places[rows][:, None] + steps, first, last)]

    return seen


def _keys(rows: pd.DataFrame) -> np.ndarray:
    """A number for each frame: one more than that of the frame just before it only."""
    frames = rows["frame"].to_numpy()
    return pd.factorize(rows["path"])[0] * (frames.max() + 2) + frames


def load(
    index: pd.DataFrame,
    batch_size: int,
    span: int | None = None,
    within: pd.DataFrame | None = None,
    seed: int = 0,
    *,
    shuffle: bool = False,
    epoch: int = 0,
    folder: str | os.PathLike | None = None,
):
    """Reads the frames of an index, alone or in windows, in batches.

    Each pass over the dataset is one epoch, a pass that is broken off as well. The
    order is drawn for every epoch from `seed` and the epoch's number alone.

    Args:
        index: Rows as `index` gives them, in any order.
        batch_size: Frames in a batch; the last batch may hold fewer.
        span: Frames in a window, an odd number, or None for single frames.
        within: The frames that windows may see, see `windows`.
        seed: 0 or more.
        shuffle: Whether to draw a new order for every epoch.
        epoch: Number of the first pass, from 0: an interrupted training goes on
            with what it would have seen.
        folder: An existing folder for a temporary file with the points, for more
            frames than fit into memory (1.2 kB each); in memory by default.

    Returns:
        A `tf.data.Dataset` of `(points, labels)`: float32 (batch, 100, 3), or (batch,
        span, 100, 3) with a span; int32 (batch,), the label of the middle frame.
        Keras's `fit` wants `shuffle=False` with it, or warns that it does not
        shuffle.

    Raises:
        ValueError: An empty index, a number out of range, or what `windows` refuses.
    """
    import tensorflow as tf

    order = batches.positions(len(index), batch_size, seed, shuffle, epoch)
    if span is None and within is not None:
        raise ValueError("Expected a span along with `within`, got None.")
    if span is None:
        within, seen = index, np.arange(len(index)).__getitem__
    else:
        within = index if within is None else within
        seen = _seen(index, span, within)
    values = points(within).__getitem__ if folder is None else _stored(within, folder)
    labels = index["label"].to_numpy(np.int32)

    def read(rows):
        return values(seen(rows)), labels[rows]

    def batch(rows):
        kinds = tf.float32, tf.int32
        # Stateless, or determinism would make the map read one batch at a time.
        frames, truth = tf.numpy_function(read, [rows], kinds, stateful=False)
        frames.set_shape((None, *(() if span is None else (span,)), files.POINTS, 3))
        truth.set_shape((None,))
        return frames, truth

    return order.map(
        batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    ).prefetch(tf.data.AUTOTUNE)


def _stored(index: pd.DataFrame, folder: str | os.PathLike):
    """Function from positions to points that lie in a file, gone with the function."""
    file = tempfile.TemporaryFile(dir=folder)
    shape = (len(index), files.POINTS, 3)
    file.truncate(4 * math.prod(shape))
    for rows in index.groupby("path").indices.values():
        values = np.memmap(file, np.float32, "r+", shape=shape)
        values[rows] = points(index.iloc[rows])

    def read(where):
        # Mapped anew each time: what a map has shown stays in memory as long as it.
        return np.array(np.memmap(file, np.float32, "r", shape=shape)[where])

    return read
