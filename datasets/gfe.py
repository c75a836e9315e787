"""Grammatical Facial Expressions: folder -> index -> points, splits, `tf.data`.

Freitas et al. 2014, "Grammatical facial expressions recognition with machine
learning"; UCI dataset 317 (CC BY 4.0). Two signers of Libras, nine expressions, one
Kinect recording each; every frame is labelled 1 while the expression is occurring.
The study on them is Xu's.

Our readings of what the paper leaves open: rows are in the order of time, and
missing coordinates are bridged within the whole recording (`zoo.inputs.gfe_files`),
before any split: at a split's edge a bridged value has seen both sides.
"""

import os

import numpy as np
import pandas as pd

from datasets import pipeline
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


def load(
    index: pd.DataFrame, batch_size: int, augment: bool = False, seed: int = 0, **order
):
    """Batch the frames of an index.

    Args:
        index: Rows as `index` gives them, in any order.
        augment: Whether to mirror half of the frames, other ones in every epoch.
        batch_size, seed, order: See `datasets.pipeline.batches`.

    Returns:
        A `tf.data.Dataset` of `(points, labels)`: float32 (batch, 100, 3); int32
        (batch,).
    """
    return pipeline.from_arrays(
        points(index),
        index["label"].to_numpy(np.int32),
        batch_size,
        seed,
        augment=_sometimes_mirrored if augment else None,
        **order,
    )


def _sometimes_mirrored(frame: np.ndarray, seed: int) -> np.ndarray:
    return mirrored(frame) if seed % 2 else frame
