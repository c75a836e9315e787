"""Excel workbooks made safe for the programs that read them.

calamine lays out every sheet as a rectangle up to its last cell. Where a damaged file
names one in Excel's last corner, that is 550 GB, and the whole program is ended, not
only the reading. A small archive may also unpack to any size. And calamine and openpyxl
read some sheets that Excel would not write as different numbers. All this is looked for
first, and the reader gets a new archive of nothing but what was looked at.
"""

import io
import re
import zipfile

_MOST_BYTES = 2**30  # of all files together; the study's workbooks unpack to 9 MB
# Cells of a sheet's rectangle: so many, or so many times those that it really holds.
_CELLS, _SPARSE = 10**6, 20

_ATTRIBUTES = rb'(?:\s+[\w:]+="[^"<>]*")*\s*'
# Excel writes cells without a value, often far beyond the others: they are not laid
# out.
_EMPTY_CELL = re.compile(rb"<c" + _ATTRIBUTES + rb"(?:/>|></c>)")
_EMPTY_ROW = re.compile(rb"<row" + _ATTRIBUTES + rb"(?:/>|></row>)")
# calamine loses what follows a reference or a comment within a value: 1&#50; is 12.
_VALUE = re.compile(rb"<(?:\w+:)?v[\s>]")
_PLAIN_VALUE = re.compile(
    rb"<(?:\w+:)?v(?:\s[^<>]*)?>[^<&]*</(?:\w+:)?v>(?!\s*<(?:\w+:)?v[\s>])"
)
_ROW = re.compile(rb"<(?:\w+:)?row[\s>]")
_SHEETS = b"spreadsheetml/2006/main"  # drawings have rows too
_ROW_OR_CELL = re.compile(rb"<(?:\w+:)?(?:row|c)[\s/>]")
_KIND = re.compile(rb"<(?:\w+:)?c\s[^<>]*?\bt\s*=\s*[\"']([^\"']*)")
_KINDS = {b"n", b"s", b"str", b"b", b"e", b"d", b"inlineStr"}
_PLACE = re.compile(rb"(?<![\w:])r\s*=\s*[\"']([A-Za-z]*)([0-9]*)[\"']")


def packed_anew(data: bytes) -> bytes:
    """The workbook as an archive whose every file was unpacked and looked at.

    Files that hold zero bytes, such as pictures and XML in UTF-16, are left out.

    Args:
        data: An .xlsx file's content.

    Raises:
        ValueError: It holds a file twice, or more than any memory takes, or a sheet
            that can be read in two ways.
        Exception: What zipfile raises on a damaged archive, which is of many kinds.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        entries = old.infolist()
        names = [entry.filename for entry in entries]
        if len(set(names)) < len(names):
            raise ValueError("it holds a file twice")
        size = sum(entry.file_size for entry in entries)
        if size > _MOST_BYTES:
            raise ValueError(
                f"it unpacks to {size} bytes, expected less than {_MOST_BYTES}"
            )
        for entry in entries:
            part = old.read(entry)
            if b"\0" in part:
                continue
            # openpyxl reads rows wherever they stand.
            rows = _SHEETS in part and _ROW.search(part)
            if b"sheetData" in part or rows:
                _check_places(entry.filename, part)
                _check_values(entry.filename, part)
                _check_kinds(entry.filename, part)
            new.writestr(entry.filename, part)
    return buffer.getvalue()


def _check_places(name: str, part: bytes) -> None:
    """Refuses a sheet whose cells are far from each other, or contradict their rows."""
    start, end = part.find(b"sheetData"), part.rfind(b"sheetData")
    if _ROW_OR_CELL.search(part[:start] + part[end:]):
        raise ValueError(
            f"{name} has rows or cells outside of its sheetData, expected all inside"
        )
    part = part[start:end]
    part = _EMPTY_ROW.sub(b"", _EMPTY_CELL.sub(b"", part))
    places = _PLACE.findall(part)
    wide = max(map(_number, {column.upper() for column, _ in places}), default=0)
    # Ten digits and more are beyond any sheet.
    rows = [int(row.lstrip(b"0")[:10] or 0) for _, row in places]
    tall = max(rows, default=0)
    if tall * wide > max(_CELLS, _SPARSE * len(places)):
        raise ValueError(
            f"{name} reaches to row {tall} and column {wide}, but holds {len(places)} "
            "cells and rows; expected cells next to each other"
        )
    numbered = sum(not column for column, _ in places)
    if numbered < len(places) and numbered != len(_ROW.findall(part)):
        raise ValueError(
            f"{name} has cells that say where they are, in rows that do not; expected "
            "a number of each row"
        )
    current = 0
    for (column, _), row in zip(places, rows, strict=True):
        if row != current if column else row <= current:
            place = column.decode() + str(row)
            raise ValueError(
                f"{name} has {place} in or after row {current}; expected rows in "
                "order, and each cell in its own"
            )
        current = row


def _check_values(name: str, part: bytes) -> None:
    """Refuses what calamine and openpyxl would read as different numbers."""
    odd = len(_VALUE.findall(part)) - len(_PLAIN_VALUE.findall(part))
    if odd:
        raise ValueError(
            f"{name} has {odd} values that hold references or comments, or stand in "
            "one cell; expected numbers and names as plain text"
        )


def _check_kinds(name: str, part: bytes) -> None:
    """Refuses cells of a kind that Excel does not know: each program guesses then."""
    odd = set(_KIND.findall(part)) - _KINDS
    if odd:
        raise ValueError(
            f"{name} has cells of the kind {min(odd)[:30]!r}, expected one of "
            f"{b', '.join(sorted(_KINDS)).decode()}"
        )


def _number(column: bytes) -> int:
    """A column's number, counted from 1; none has more than three letters."""
    number = 0
    for letter in column[:4]:
        number = 26 * number + letter - ord("A") + 1
    return number
