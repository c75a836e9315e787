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
Excel reports an error (#N/A, #DIV/0!) counts as empty, because calamine does not tell
the two apart.
"""

import importlib.util
import io
import os
import re
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo._extras import optional
from zoo.inputs import plain_files, workbook_files

WORKBOOKS = {"left": "LEPD.xlsx", "right": "REPD.xlsx"}
REAL = ("L1", "L3", "L4", "L5", "H1", "H2", "H3", "H4", "H5")
FAKE = ("A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10")
VIDEOS = REAL + FAKE
ENGINES = {"calamine": "python-calamine", "openpyxl": "openpyxl"}  # and their packages

_HEADER = 3  # the row that names the observers, counted from 1 as Excel does
_OBSERVER, _ANY = re.compile(r"p[1-9][0-9]{0,8}"), re.compile(r".+")
_ERRORS = {"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"}
_LARGEST = 10**300
_PANIC = "PanicException"  # of calamine, which is written in Rust
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # first bytes


class Workbook(NamedTuple):
    """What a workbook holds.

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


def read(path: str | os.PathLike, engine: str | None = None) -> Workbook:
    """Reads a workbook, once: the same file is then kept in memory.

    Args:
        path: An .xlsx file.
        engine: "calamine" (several times faster) or "openpyxl"; both read the same.
            By default calamine where it is installed, else openpyxl.

    Raises:
        ValueError: The file is not as expected; the message names sheet and cell. Or
            another engine's name.
        ModuleNotFoundError: The engine is not installed.
        OSError: The file cannot be read.
    """
    engine = _chosen(engine)
    facts = plain_files.check(path)
    return _read(os.fspath(path), facts.st_mtime_ns, facts.st_size, engine, VIDEOS)


def read_own(path: str | os.PathLike) -> Workbook:
    """Reads a workbook of the same form with other videos and observers.

    Args:
        path: An .xlsx file: a sheet a video, of any name; row 3 names the observers
            from column B on, and below each are the samples. Sheets that name none are
            ignored.

    Raises:
        ValueError: The file is not as expected, or no sheet names an observer.
        ModuleNotFoundError: No engine is installed.
        OSError: The file cannot be read.
    """
    facts = plain_files.check(path)
    engine = _chosen(None)
    return _read(os.fspath(path), facts.st_mtime_ns, facts.st_size, engine, None)


def _chosen(engine: str | None) -> str:
    if engine is None:
        if importlib.util.find_spec("python_calamine"):
            return "calamine"
        optional("openpyxl", "tables")
        return "openpyxl"
    if engine not in ENGINES:
        raise ValueError(f"Expected engine {' or '.join(ENGINES)}, got {engine!r}.")
    package = ENGINES[engine]
    if not importlib.util.find_spec(package.replace("-", "_")):
        raise ModuleNotFoundError(
            f"The engine {engine} is not installed: pip install {package}, or let "
            "engine=None take the one that is there."
        )
    return engine


@lru_cache(maxsize=2 * len(WORKBOOKS))  # some 3 MB
def _read(
    path: str, changed: int, size: int, engine: str, videos: tuple | None
) -> Workbook:
    """Reads the sheets of some videos, or those of any in which observers are named."""
    data = plain_files.content(path)
    _check_kind(path, data)
    sheets = {"calamine": _by_calamine, "openpyxl": _by_openpyxl}[engine]
    try:
        names, tables = sheets(workbook_files.packed_anew(data), videos)
    except BaseException as error:  # of many kinds: the readers do not say which
        # What Rust calls a panic is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise
        raise ValueError(
            f"{path}: expected an Excel workbook (.xlsx), but it is damaged or cut off "
            f"({engine}: {plain_files.short(error)}). Copy it anew, or open it in "
            "Excel and save it again."
        ) from error
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"{path}: expected every sheet once, received two of the name "
            f"{', '.join(map(repr, twice))}. Rename or delete one."
        )
    if videos is None:
        heads = {name: rows[_HEADER - 1 : _HEADER] for name, rows in tables.items()}
        videos = [
            name
            for name, row in heads.items()
            if row and not all(map(_is_empty, row[0][1:]))
        ]
        if not videos:
            raise ValueError(
                f"{path}: expected observers in row {_HEADER} of a sheet from column B "
                f"on, received none in {', '.join(map(repr, names))}."
            )
        series = {v: _observers(path, v, tables[v], _ANY) for v in videos}
        return Workbook(series, tuple(name for name in names if name not in videos))
    missing = [video for video in VIDEOS if video not in names]
    if missing:
        raise ValueError(
            f"{path}: expected the sheets {', '.join(VIDEOS)}, received "
            f"{', '.join(map(repr, names)) or 'none'}. Missing: {', '.join(missing)}; "
            "rename or add them."
        )
    series = {v: _observers(path, v, tables[v], _OBSERVER) for v in VIDEOS}
    return Workbook(series, tuple(name for name in names if name not in VIDEOS))


def _check_kind(path: str, data: bytes) -> None:
    if data.startswith(_ZIP):
        return
    if not data:
        got = "an empty file. Copy it anew"
    elif not data.startswith(_OLE):
        got = "another kind of file. Copy it anew, or save it as .xlsx"
    elif "EncryptedPackage".encode("utf-16-le") in data:
        got = "one protected by a password. Save it without one"
    else:
        got = "Excel's old format (.xls). Save it as .xlsx"
    raise ValueError(f"{path}: expected an Excel workbook (.xlsx), received {got}.")


def _by_calamine(data: bytes, videos: tuple | None) -> tuple[list[str], dict]:
    """Names of all sheets; of those that are read, the rows."""
    load_workbook = optional("python_calamine", "tables").load_workbook

    with load_workbook(io.BytesIO(data)) as book:
        wanted = [n for n in book.sheet_names if videos is None or n in videos]
        return book.sheet_names, {
            name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            for name in wanted
        }


def _by_openpyxl(data: bytes, videos: tuple | None) -> tuple[list[str], dict]:
    load_workbook = optional("openpyxl", "tables").load_workbook

    book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    tables = {}
    for sheet in book.worksheets:
        if videos is None or sheet.title in videos:
            # What a sheet says of its own size may be wrong, and would cut it.
            sheet.reset_dimensions()
            rows = sheet.iter_rows(values_only=True)
            tables[sheet.title] = _trimmed(rows)
    return book.sheetnames, tables


def _trimmed(rows) -> list[list]:
    """Without what is empty at the ends, which may be far away."""
    trimmed = []
    for number, row in enumerate(rows, 1):
        row = list(row)
        while row and row[-1] is None:
            row.pop()
        if row:
            trimmed += [[]] * (number - 1 - len(trimmed)) + [row]
    return trimmed


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
    if type(value) is float:
        return value
    if type(value) is int:  # of any length
        return float(value) if abs(value) < _LARGEST else np.inf
    missing = isinstance(value, str) and value.strip().lower() == "nan"
    return np.nan if missing or _is_empty(value) else None


def _is_empty(value) -> bool:
    if isinstance(value, str):
        value = value.strip()
        return not value or value in _ERRORS
    return value is None


def _shown(value) -> str:
    text = str(value) if not isinstance(value, str) else repr(value)
    kind = {"bool": "the truth value ", "datetime": "the date ", "date": "the date ",
            "time": "the time ", "timedelta": "the time span "}  # fmt: skip
    text = text if len(text) <= 30 else f"{text[:30]}..."
    return kind.get(type(value).__name__, "") + text


def _letter(number: int) -> str:
    """Excel's name of a column, counted from 0."""
    return optional("openpyxl.utils", "tables").get_column_letter(number + 1)
