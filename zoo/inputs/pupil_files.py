"""The workbooks of the pupil study: found, checked and read.

Pupil diameters of people who watched real and fake smiles, as they were published with
Gong, "Using LSTM Neural Network to predict the real or fake smile based on Observers
Pupil Dataset" (The Australian National University): `LEPD.xlsx` of left and `REPD.xlsx`
of right eyes. A sheet a video (L and H: real smile, A: fake), a column an observer, a
row a sample. Column A and the first two rows hold nothing that is read; the third row
names the observers.

Our readings: a series ends with its last cell that is not empty. The text NaN is a
missing sample, and so is an empty cell before the end; a number that cannot be a
diameter (0 or less, or too large for float32) is missing as well. A cell in which
Excel reports an error (#N/A, #DIV/0!) counts as empty: calamine, which reads the
workbooks, does not tell the two apart.
"""

import os
import re
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo._extras import optional
from zoo.inputs import plain_files

WORKBOOKS = {"left": "LEPD.xlsx", "right": "REPD.xlsx"}
REAL = ("L1", "L3", "L4", "L5", "H1", "H2", "H3", "H4", "H5")
FAKE = ("A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10")
VIDEOS = REAL + FAKE

_HEADER = 3  # the row that names the observers, counted from 1 as Excel does
_OBSERVER, _ANY = re.compile(r"p[1-9][0-9]{0,8}"), re.compile(r".+")
_ERRORS = {"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"}
_PANIC = "PanicException"  # of calamine, which is written in Rust


class Workbook(NamedTuple):
    """The content of a workbook.

    Attributes:
        series: video -> observer -> float32 (n_samples,), read-only: diameters, NaN
            where missing. Videos in the order of `VIDEOS`, observers in that of the
            columns.
        ignored: names of the sheets that are none of the study's.
    """

    series: dict
    ignored: tuple


def find(data_dir: str | os.PathLike) -> dict[str, Path]:
    """Finds the workbooks in a folder, or in the one folder below that has some.

    Args:
        data_dir: The folder with the workbooks, or the one around it.

    Returns:
        Eye ("left", "right") -> workbook. Upper and lower case in names do not matter.

    Raises:
        FileNotFoundError: There is no such folder, or not both workbooks in it.
        ValueError: A workbook twice, or workbooks in several folders.
    """
    root = Path(os.path.abspath(os.path.expanduser(data_dir)))
    if not root.is_dir():
        raise FileNotFoundError(_complaint(root, "it is not a folder"))
    books = _listed(root)
    if not books:
        inside = (p for p in sorted(root.iterdir()) if p.name[0] != "." and p.is_dir())
        usable = (p for p in inside if os.access(p, os.R_OK | os.X_OK))
        found = {folder: listed for folder in usable if (listed := _listed(folder))}
        if len(found) > 1:
            raise ValueError(
                f"{root} has workbooks in several folders: "
                f"{', '.join(folder.name for folder in found)}. Name one of them."
            )
        books = next(iter(found.values()), {})
    if not books:
        raise FileNotFoundError(_complaint(root, "it has neither of them"))
    for eye, name in WORKBOOKS.items():
        if eye not in books:
            [other] = books.values()
            why = f"there is {other.name} in {other.parent}, but no {name}"
            raise FileNotFoundError(_complaint(root, why))
    return {eye: books[eye] for eye in WORKBOOKS}


def _complaint(root: Path, why: str) -> str:
    return (
        f"No pupil workbooks in {root}: {why}. Expected, in that folder or in one "
        f"folder below, {' and '.join(WORKBOOKS.values())} (left and right eyes). They "
        "belong to the authors of the pupil studies at the Research School of Computer "
        "Science, Australian National University, who are to be asked for them."
    )


def _listed(folder: Path) -> dict[str, Path]:
    books = {}
    for path in sorted(folder.iterdir()):
        for eye, name in WORKBOOKS.items():
            if path.name.lower() == name.lower() and path.is_file():
                if eye in books:
                    raise ValueError(
                        f"{folder} has two workbooks of {eye} eyes: {books[eye].name} "
                        f"and {path.name}. Keep one of them."
                    )
                books[eye] = path
    return books


def read(path: str | os.PathLike) -> Workbook:
    """Read a workbook of the study; the same file is then kept in memory.

    Args:
        path: An .xlsx file with a sheet for each of `VIDEOS`.

    Raises:
        ValueError: The file is not as expected; the message names sheet and cell.
        ModuleNotFoundError: python-calamine is not installed.
        OSError: The file cannot be read.
    """
    return _cached(path, VIDEOS)


def read_own(path: str | os.PathLike) -> Workbook:
    """Read a workbook of the same form with other videos and observers.

    Args:
        path: An .xlsx file: a sheet per video, of any name; row 3 names the observers
            from column B on, and below each are the samples. Sheets that name none are
            ignored.

    Raises:
        ValueError: The file is not as expected, or no sheet names an observer.
        ModuleNotFoundError: python-calamine is not installed.
        OSError: The file cannot be read.
    """
    return _cached(path, None)


def _cached(path, videos):
    facts = plain_files.check(path)
    return _read(os.fspath(path), facts.st_mtime_ns, facts.st_size, videos)


@lru_cache(maxsize=2 * len(WORKBOOKS))  # some 3 MB
def _read(path: str, changed: int, size: int, videos: tuple | None) -> Workbook:
    """Read the sheets of some videos, or those of any in which observers are named."""
    load_workbook = optional("python_calamine", "tables").load_workbook
    try:
        with load_workbook(path) as book:
            names = book.sheet_names
            tables = {
                name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
                for name in names
                if videos is None or name in videos
            }
    except BaseException as error:
        # What Rust calls a panic is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise
        raise ValueError(
            f"{path}: expected an Excel workbook (.xlsx). Received a damaged or locked "
            f"one, or another kind of file ({error}). Copy it anew, or open it in "
            "Excel and save it again."
        ) from error
    if videos is None:
        heads = {name: rows[_HEADER - 1 : _HEADER] for name, rows in tables.items()}
        videos = [
            name
            for name, row in heads.items()
            if row and not all(map(_is_empty, row[0][1:]))
        ]
        named = _ANY
        if not videos:
            raise ValueError(
                f"{path}: expected observers in row {_HEADER} of a sheet from column B "
                f"on. Received none in {', '.join(map(repr, names))}."
            )
    else:
        named = _OBSERVER
        missing = [video for video in videos if video not in names]
        if missing:
            raise ValueError(
                f"{path}: expected the sheets {', '.join(videos)}. Received "
                f"{', '.join(map(repr, names)) or 'none'}. Missing: "
                f"{', '.join(missing)}; rename or add them."
            )
    series = {v: _observers(path, v, tables[v], named) for v in videos}
    return Workbook(series, tuple(name for name in names if name not in videos))


def _observers(
    path: str, video: str, rows: list, named: re.Pattern
) -> dict[str, np.ndarray]:
    """observer -> samples of one sheet."""
    sheet = f"{path}, sheet {video}"
    columns = list(zip_longest(*rows))
    series, cells = {}, {}
    for number, column in enumerate(columns):
        letter, head = _letter(number), column[_HEADER - 1 : _HEADER]
        cell = f"{letter}{_HEADER}"
        if number == 0 or all(map(_is_empty, head)):
            _check_empty(sheet, letter, column)
            continue
        observer = head[0].strip() if isinstance(head[0], str) else head[0]
        if not isinstance(observer, str) or not named.fullmatch(observer):
            raise ValueError(
                f"{sheet}, cell {cell}: expected an observer such as p2 (row {_HEADER} "
                f"is the header), received {_shown(head[0])}."
            )
        if observer in series:
            raise ValueError(
                f"{sheet}, cell {cell}: expected every observer once, received "
                f"{observer} again (first in {cells[observer]}). Rename one of them."
            )
        cells[observer] = cell
        series[observer] = _samples(sheet, letter, list(column[_HEADER:]))
    if not series:
        raise ValueError(
            f"{sheet}: expected observers such as p2 in row {_HEADER} from column B "
            "on, received an empty row."
        )
    return series


def _check_empty(sheet: str, letter: str, column: tuple) -> None:
    for row, value in enumerate(column[_HEADER - 1 :], _HEADER):
        if not _is_empty(value):
            what = "column A"
            if letter != "A":
                what = f"a column without an observer in row {_HEADER}, the header,"
            raise ValueError(
                f"{sheet}, cell {letter}{row}: expected {what} to be empty, received "
                f"{_shown(value)}."
            )


def _samples(sheet: str, letter: str, cells: list) -> np.ndarray:
    while cells and _is_empty(cells[-1]):
        cells.pop()
    numbers = [v if type(v) is float else _number(v) for v in cells]
    if None in numbers:
        row = numbers.index(None)
        raise ValueError(
            f"{sheet}, cell {letter}{row + _HEADER + 1}: expected a diameter as a "
            "number, or NaN or an empty cell where it is missing, received "
            f"{_shown(cells[row])}."
        )
    with np.errstate(over="ignore"):
        samples = np.array(numbers, np.float64).astype(np.float32)
    samples[~((samples > 0) & np.isfinite(samples))] = np.nan
    samples.flags.writeable = False
    return samples


def _number(value) -> float | None:
    """A cell's number, NaN where it is missing; None where it is none."""
    if type(value) in (float, int):
        return float(value)
    missing = isinstance(value, str) and value.strip().lower() == "nan"
    return np.nan if missing or _is_empty(value) else None


def _is_empty(value) -> bool:
    if isinstance(value, str):
        value = value.strip()
        return not value or value in _ERRORS
    return value is None


def _shown(value) -> str:
    text = repr(value) if isinstance(value, str) else f"{type(value).__name__} {value}"
    return text if len(text) <= 40 else f"{text[:40]}..."


def _letter(number: int) -> str:
    """Excel's name of a column, counted from 0."""
    high, low = divmod(number, 26)
    return (_letter(high - 1) if high else "") + chr(ord("A") + low)
