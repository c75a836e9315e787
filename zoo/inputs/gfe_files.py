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
_LARGEST = float(np.finfo(np.float32).max)


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
    """Finds the recordings in a folder, or in the one folder below that has some.

    Args:
        data_dir: The dataset's folder, or the one around it.

    Returns:
        (expression, signer) -> (datapoints file, targets file), in that order.

    Raises:
        FileNotFoundError: There is no such folder, or no recording in it.
        ValueError: A file without its partner, two files for the same thing, or
            recordings in several folders.
    """
    root = Path(os.path.abspath(os.path.expanduser(data_dir)))
    if not root.is_dir():
        raise FileNotFoundError(_complaint(root, "it is not a folder"))
    files = _listed(root)
    if not files:
        inside = (p for p in sorted(root.iterdir()) if p.name[0] != "." and p.is_dir())
        usable = (p for p in inside if os.access(p, os.R_OK | os.X_OK))
        found = {folder: listed for folder in usable if (listed := _listed(folder))}
        if len(found) > 1:
            raise ValueError(
                f"{root} has recordings in several folders: "
                f"{', '.join(folder.name for folder in found)}. Name one of them."
            )
        files = next(iter(found.values()), {})
    if not files:
        raise FileNotFoundError(_complaint(root, "it has none of these files"))
    return _paired(files)


def _complaint(root: Path, why: str) -> str:
    return (
        f"No Grammatical Facial Expressions in {root}: {why}. Expected, in that folder "
        "or in one folder below, X_datapoints.txt and X_targets.txt with X = a_ or b_ "
        f"and one of {', '.join(EXPRESSIONS)}. The data are free (CC BY 4.0): {SOURCE}."
    )


def _listed(folder: Path) -> dict:
    """(expression, signer) -> {"datapoints": path, "targets": path}"""
    files = {}
    for path in sorted(folder.iterdir()):
        what = identify(path.name)
        if what and path.is_file():
            expression, signer, kind = what
            pair = files.setdefault((expression, signer), {})
            if kind in pair:
                raise ValueError(
                    f"{folder} has two files of {kind} for the same recording: "
                    f"{pair[kind].name} and {path.name}. Keep one of them."
                )
            pair[kind] = path
    return files


def _paired(files: dict) -> dict:
    for (expression, signer), pair in files.items():
        if len(pair) == 1:
            [(kind, path)] = pair.items()
            partner = "targets" if kind == "datapoints" else "datapoints"
            raise ValueError(
                f"{path} is there without its {partner} file, "
                f"{signer}_{expression}_{partner}.txt in the same folder."
            )
    order = sorted(files, key=lambda key: (EXPRESSIONS.index(key[0]), key[1]))
    return {key: (files[key]["datapoints"], files[key]["targets"]) for key in order}


def read_targets(path: str | os.PathLike) -> np.ndarray:
    """Reads a targets file.

    Returns:
        int32 (frames,): 1 where the expression is occurring.

    Raises:
        ValueError: A line is not 0 or 1, or there is none.
        OSError: The file cannot be read.
    """
    labels = [line.strip() for line in _lines(path)]
    for number, label in enumerate(labels, 1):
        if label not in ("0", "1"):
            raise ValueError(f"{path}, line {number}: expected 0 or 1, {_got(label)}.")
    return np.array(labels, np.int32)


def read_points(path: str | os.PathLike) -> Recording:
    """Reads a datapoints file, once: the same file is then kept in memory.

    Raises:
        ValueError: The file is not as expected; the message names the line. Or a
            coordinate is missing in every frame.
        OSError: The file cannot be read.
    """
    facts = plain_files.check(path)
    return _recording(os.fspath(path), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=2 * len(EXPRESSIONS) * len(SIGNERS))  # some 70 MB
def _recording(path: str, size: int, changed: int) -> Recording:
    header, *frames = _lines(path)
    _check_header(path, header)
    if not frames:
        raise ValueError(f"{path}: expected frames after the header, received none.")
    values = _fast(frames)
    if values is None:
        values = _slow(path, frames)
    return _bridged(path, values)


def _lines(path: str | os.PathLike) -> list[str]:
    """The lines of a text file, without blank ones at its end."""
    data = plain_files.content(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}, line {line}: expected text, received the byte "
            f"0x{data[error.start]:02x}, which is not UTF-8."
        ) from None
    text = text.rstrip()
    if not text:
        raise ValueError(f"{path}: expected one line a frame, received an empty file.")
    return text.split("\n")


def _got(text: str) -> str:
    if not text:
        return "received a blank line"
    return f"received {text!r}" if len(text) <= 30 else f"received {text[:30]!r}..."


def _check_header(path: str, line: str) -> None:
    names = tuple(line.split())
    if names == HEADER:
        return
    if len(names) != len(HEADER):
        problem = f"received {len(names)} names: {line[:30]!r}..."
    else:
        pairs = enumerate(zip(names, HEADER, strict=True), 1)
        number, name, right = next((n, *pair) for n, pair in pairs if len({*pair}) > 1)
        problem = f"received {name!r} for {right!r} (name {number})"
    raise ValueError(
        f"{path}, line 1: expected the header '{' '.join(HEADER[:5])} ... "
        f"{HEADER[-1]}' of {len(HEADER)} names, {problem}."
    )


def _fast(frames: list[str]) -> np.ndarray | None:
    """The values, float64 (frames, 300), or None where something is out of line."""
    spaces = len(HEADER) - 1
    # Left to itself, pandas fills up what a line lacks.
    if any(frame.count(" ") != spaces for frame in frames):
        return None
    try:
        table = pd.read_csv(
            io.StringIO("\n".join(frames)),
            sep=" ",
            header=None,
            usecols=range(1, len(HEADER)),
            dtype=np.float64,
            keep_default_na=False,
            na_values=["nan", "NaN"],
            skip_blank_lines=False,
            quoting=csv.QUOTE_NONE,
        )
    except ValueError:
        return None
    values = table.to_numpy()
    whole = values.shape == (len(frames), spaces)
    return values if whole and not (np.abs(values) > _LARGEST).any() else None


def _slow(path: str, frames: list[str]) -> np.ndarray:
    """The values, read number by number up to the first that is wrong."""
    values = np.empty((len(frames), len(HEADER) - 1))
    for row, line in enumerate(frames):
        where, fields = f"{path}, line {row + 2}", line.split()
        if len(fields) != len(HEADER):
            got = f"received {len(fields)}" if fields else _got("")
            raise ValueError(
                f"{where}: expected {len(HEADER)} columns (a time stamp and "
                f"{POINTS} points x y z), {got}."
            )
        for column, field in enumerate(fields[1:]):
            values[row, column] = number = _number(field)
            if abs(number) > _LARGEST:
                raise ValueError(
                    f"{where}, column {HEADER[column + 1]}: expected a number, "
                    f"{_got(field)}."
                )
    return values


def _number(field: str) -> float:
    """A number; infinite where the text is none."""
    try:
        return float(field) if "_" not in field else np.inf
    except ValueError:
        return np.inf


def _bridged(path: str, values: np.ndarray) -> Recording:
    """Fills gaps linearly over the recording's frames; its ends are held."""
    missing = np.isnan(values) | (values == 0)
    nowhere = np.flatnonzero(missing.all(axis=0))
    if len(nowhere):
        raise ValueError(
            f"{path}: column {HEADER[nowhere[0] + 1]} is missing (0 or nan) in every "
            f"frame, as are {len(nowhere) - 1} other columns; there is nothing to "
            "bridge it with."
        )
    frames = np.arange(len(values))
    for column in np.flatnonzero(missing.any(axis=0)):
        gap = missing[:, column]
        known = values[~gap, column]
        values[gap, column] = np.interp(frames[gap], frames[~gap], known)
    missing = missing.reshape(-1, POINTS, 3)
    depths, xy = missing[..., 2], missing[..., :2]
    counts = {
        "depths": int(depths.sum()),
        "xy": int(xy.sum()),
        "frames_depths": int(depths.any(axis=1).sum()),
        "frames_xy": int(xy.any(axis=(1, 2)).sum()),
    }
    points = values.astype(np.float32).reshape(-1, POINTS, 3)
    points.flags.writeable = False
    return Recording(points, counts)
