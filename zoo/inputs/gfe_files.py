"""The files of UCI's Grammatical Facial Expressions: found, checked and read.

A recording (a signer, an expression) is a pair of text files: `X_datapoints.txt`, a
header and then one line a frame (a time stamp and 100 points x y z), and
`X_targets.txt`, one 0 or 1 a frame. Rows are in the order of time. The time stamp is
not read: its milliseconds are not zero-padded, so that it is not a decimal number.

Our reading of missing coordinates: a depth of 0 is one that the Kinect did not
measure, and a point is never on the picture's very edge, so that 0 is missing in x
and y as well; so is nan, which rebuilt copies of the data hold.
"""

import csv
import io
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo._extras import optional
from zoo.inputs import plain_files

pd = optional("pandas", "tables")

EXPRESSIONS = (
    "affirmative",
    "conditional",
    "doubt_question",
    "emphasis",
    "negative",
    "relative",
    "topics",
    "wh_question",
    "yn_question",
)
SIGNERS = ("a", "b")
POINTS = 100
# The point on the other side of the face, found by laying the mean face on its mirror
# image; the distance between partners is at most 0.14 eye distances, on the contour.
MIRROR = (
    *(*range(8, 16), *range(8)),  # eyes
    *(*range(26, 36), *range(16, 26)),  # eyebrows
    *range(47, 35, -1),  # nose
    *(*range(54, 47, -1), *range(59, 54, -1)),  # lips, outside
    *(*range(64, 59, -1), *range(67, 64, -1)),  # lips, inside
    *range(86, 67, -1),  # contour
    *(88, 87, 89),  # irises, tip of the nose
    *(*range(95, 100), *range(90, 95)),  # lines above the eyebrows
)
WIDTH = 640  # of the Kinect's picture, in pixels
SOURCE = "https://archive.ics.uci.edu/dataset/317/grammatical+facial+expressions"
HEADER = ("0.0", *(f"{point}{axis}" for point in range(POINTS) for axis in "xyz"))

_NAME = re.compile(r"([ab])_([a-z_]+)_(datapoints|targets)\.txt", re.IGNORECASE)
# UCI spells the targets of signer a's doubt question with an s.
_SPELLINGS = {"doubts_question": "doubt_question"}


class Recording(NamedTuple):
    """The points of a recording, missing coordinates bridged.

    Attributes:
        points: float32 (frames, 100, 3), read-only: x, y in pixels, z in millimetres.
        missing: how many values were bridged: `depths` and `xy`, and in how many
            frames: `frames_depths` and `frames_xy`.
    """

    points: np.ndarray
    missing: dict


def identify(name: str) -> tuple[str, str, str] | None:
    """The (expression, signer, "datapoints" or "targets") that a file's name says."""
    match = _NAME.fullmatch(name)
    if not match:
        return None
    signer, expression, kind = match.group(*range(1, 4))
    expression = expression.lower()
    expression = _SPELLINGS.get(expression, expression)
    if expression not in EXPRESSIONS:
        return None
    return expression, signer.lower(), kind.lower()


def find(data_dir: str | os.PathLike) -> dict[tuple[str, str], tuple[Path, Path]]:
    """Find the recordings in a folder, or in the one folder below that has some.

    Args:
        data_dir: The dataset's folder, or the one around it.

    Returns:
        (expression, signer) -> (datapoints file, targets file), in that order.

    Raises:
        FileNotFoundError: There is no such folder, or no recording in it.
        ValueError: A file without its partner, two files for the same thing, or
            recordings in several folders.
    """
    files = plain_files.find_in_one_folder(data_dir, _listed, _complaint)
    for (expression, signer, kind), path in files.items():
        partner = "targets" if kind == "datapoints" else "datapoints"
        if (expression, signer, partner) not in files:
            raise ValueError(
                f"{path} is there without its {partner} file, "
                f"{signer}_{expression}_{partner}.txt in the same folder."
            )
    keys = [(e, s) for e in EXPRESSIONS for s in SIGNERS if (e, s, "targets") in files]
    return {key: (files[*key, "datapoints"], files[*key, "targets"]) for key in keys}


def _complaint(root: Path, why: str) -> str:
    return (
        f"No Grammatical Facial Expressions in {root}: {why}. Expected, in that folder "
        "or in one folder below, X_datapoints.txt and X_targets.txt with X = a_ or b_ "
        f"and one of {', '.join(EXPRESSIONS)}. The data are free (CC BY 4.0): {SOURCE}."
    )


def _listed(folder: Path) -> dict[tuple[str, str, str], Path]:
    files = {}
    for path in sorted(folder.iterdir()):
        key = identify(path.name)
        if key and path.is_file() and files.setdefault(key, path) != path:
            raise ValueError(
                f"{folder} has two files of {key[2]} for the same recording: "
                f"{files[key].name} and {path.name}. Keep one of them."
            )
    return files


def read_targets(path: str | os.PathLike) -> np.ndarray:
    """Read a targets file.

    Returns:
        int32 (frames,): 1 where the expression is occurring.

    Raises:
        ValueError: A line is not 0 or 1, or there is none.
        OSError: The file cannot be read.
    """
    labels = [line.strip() for line in _lines(path)]
    for number, label in enumerate(labels, 1):
        if label not in ("0", "1"):
            raise ValueError(
                f"{path}, line {number}: expected 0 or 1. Received {label[:30]!r}."
            )
    return np.array(labels, np.int32)


def read_points(path: str | os.PathLike) -> Recording:
    """Read a datapoints file; the same file is then kept in memory.

    Raises:
        ValueError: The file is not as expected, or a coordinate is missing in every
            frame.
        OSError: The file cannot be read.
    """
    facts = plain_files.check(path)
    return _recording(os.fspath(path), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=2 * len(EXPRESSIONS) * len(SIGNERS))  # some 70 MB
def _recording(path: str, size: int, changed: int) -> Recording:
    header, *frames = _lines(path)
    if header.split() != list(HEADER) or not frames:
        raise ValueError(
            f"{path}, line 1: expected the header '{' '.join(HEADER[:5])} ... "
            f"{HEADER[-1]}' of {len(HEADER)} names, and a line per frame. Received "
            f"{header[:30]!r}... and {len(frames)} frames."
        )
    spaces = len(HEADER) - 1
    for number, frame in enumerate(frames, 2):
        if frame.count(" ") != spaces:  # pandas fills up what a line lacks
            raise ValueError(
                f"{path}, line {number}: expected {len(HEADER)} columns (a time stamp "
                f"and {POINTS} points x y z). Received {frame.count(' ') + 1}."
            )
    try:
        table = pd.read_csv(
            io.StringIO("\n".join(frames)),
            sep=" ",
            header=None,
            usecols=range(1, len(HEADER)),
            dtype=np.float64,
            keep_default_na=False,
            na_values=["nan", "NaN"],
            quoting=csv.QUOTE_NONE,
        )
    except ValueError as error:
        raise ValueError(f"{path}: expected numbers only. Received: {error}.") from None
    if (table.abs() > np.finfo(np.float32).max).any(axis=None):
        raise ValueError(f"{path}: expected coordinates. Received an infinite number.")
    return _bridged(path, table.to_numpy())


def _lines(path: str | os.PathLike) -> list[str]:
    """Return the lines of a text file, without blank ones at its end."""
    try:
        text = plain_files.content(path).decode("utf-8-sig").rstrip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected text. Received: {error}.") from None
    if not text:
        raise ValueError(f"{path}: expected one line per frame. Received: no line.")
    return text.splitlines()


def _bridged(path: str, values: np.ndarray) -> Recording:
    """Fill gaps linearly over the recording's frames; its ends are held."""
    missing = np.isnan(values) | (values == 0)
    nowhere = np.flatnonzero(missing.all(axis=0))
    if len(nowhere):
        raise ValueError(
            f"{path}: column {HEADER[nowhere[0] + 1]} is missing (0 or nan) in every "
            f"frame, as are {len(nowhere) - 1} other columns; there is nothing to "
            "bridge it with."
        )
    points = pd.DataFrame(np.where(missing, np.nan, values))
    points = points.interpolate(limit_direction="both").to_numpy(np.float32)
    missing = missing.reshape(-1, POINTS, 3)
    depths, xy = missing[..., 2], missing[..., :2]
    counts = {
        "depths": int(depths.sum()),
        "xy": int(xy.sum()),
        "frames_depths": int(depths.any(axis=1).sum()),
        "frames_xy": int(xy.any(axis=(1, 2)).sum()),
    }
    points = points.reshape(-1, POINTS, 3)
    points.flags.writeable = False
    return Recording(points, counts)
