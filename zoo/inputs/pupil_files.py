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
    books = plain_files.find_in_one_folder(data_dir, _listed, _complaint)
    for eye, name in WORKBOOKS.items():
        if eye not in books:
            [other] = books.values()
            why = f"there is {other.name} in {other.parent}, but no {name}"
            raise FileNotFoundError(_complaint(other.parent, why))
    return {eye: books[eye] for eye in WORKBOOKS}


def _complaint(root: Path, why: str) -> str:
    return (
        f"No pupil workbooks in {root}: {why}. Expected, in that folder or in one "
        f"folder below, {' and '.join(WORKBOOKS.values())} (left and right eyes). They "
        "belong to the authors of the pupil studies at the Research School of Computer "
        "Science, Australian National University, who are to be asked for them."
    )


def _listed(folder: Path) -> dict[str, Path]:
    books, eyes = {}, {name.lower(): eye for eye, name in WORKBOOKS.items()}
    for path in sorted(folder.iterdir()):
        eye = eyes.get(path.name.lower())
        if eye and path.is_file() and books.setdefault(eye, path) != path:
            raise ValueError(
                f"{folder} has two workbooks of {eye} eyes: {books[eye].name} and "
                f"{path.name}. Keep one of them."
            )
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
    named = _OBSERVER if videos else _ANY
    if videos is None:
        heads = {name: rows[_HEADER - 1 : _HEADER] for name, rows in tables.items()}
        videos = [
            name
            for name, row in heads.items()
            if row and any(_value(cell) is not None for cell in row[0][1:])
        ]
        if not videos:
            raise ValueError(
                f"{path}: expected observers in row {_HEADER} of a sheet from column B "
                f"on. Received none in {', '.join(map(repr, names))}."
            )
    elif missing := [video for video in videos if video not in names]:
        raise ValueError(
            f"{path}: expected the sheets {', '.join(videos)}. Received "
            f"{', '.join(map(repr, names)) or 'none'}. Missing: "
            f"{', '.join(missing)}; rename or add them."
        )
    series = {v: _observers(f"{path}, sheet {v}", tables[v], named) for v in videos}
    return Workbook(series, tuple(name for name in names if name not in videos))


def _observers(sheet: str, rows: list, named: re.Pattern) -> dict[str, np.ndarray]:
    """Return observer -> samples of one sheet."""
    series, letters = {}, {}
    for number, column in enumerate(zip_longest(*rows)):
        letter = _letter(number)
        observer, *samples = map(_value, column[_HEADER - 1 :] or [None])

        def refuse(row, expected, received, letter=letter):
            raise ValueError(
                f"{sheet}, cell {letter}{row}: expected {expected}, received {received}"
            )

        if number == 0 or observer is None:
            what = "column A"
            if number:
                what = f"a column without an observer in row {_HEADER}, the header,"
            for row, value in enumerate((observer, *samples), _HEADER):
                if value is not None:
                    refuse(row, f"{what} to be empty", f"{_shown(value)}.")
            continue
        if not isinstance(observer, str) or not named.fullmatch(observer):
            what = f"an observer such as p2 (row {_HEADER} is the header)"
            refuse(_HEADER, what, f"{_shown(observer)}.")
        if observer in series:
            first = f"{observer} again (first in {letters[observer]}{_HEADER})"
            refuse(_HEADER, "every observer once", f"{first}. Rename one of them.")
        while samples and samples[-1] is None:
            samples.pop()
        for row, value in enumerate(samples, _HEADER + 1):
            if not isinstance(value, float | None):
                what = "a diameter as a number, or NaN or an empty cell"
                refuse(row, f"{what} where it is missing", f"{_shown(value)}.")
        with np.errstate(over="ignore"):
            values = np.array(samples, np.float64).astype(np.float32)
        values[~((values > 0) & np.isfinite(values))] = np.nan
        values.flags.writeable = False
        series[observer], letters[observer] = values, letter
    if not series:
        raise ValueError(
            f"{sheet}: expected observers such as p2 in row {_HEADER} from column B "
            "on, received an empty row."
        )
    return series


def _value(cell):
    """Return a float, NaN too; None of an empty cell; another cell as it is."""
    if isinstance(cell, str):
        cell = cell.strip()
        if not cell or cell in _ERRORS:
            return None
        return np.nan if cell.lower() == "nan" else cell
    return float(cell) if type(cell) is int else cell


def _shown(value) -> str:
    text = repr(value) if isinstance(value, str) else f"{type(value).__name__} {value}"
    return text if len(text) <= 40 else f"{text[:40]}..."


def _letter(number: int) -> str:
    """Excel's name of a column, counted from 0."""
    high, low = divmod(number, 26)
    return (_letter(high - 1) if high else "") + chr(ord("A") + low)
