"""Pupil workbooks: cells, sheets and zip members that are not as they should be."""

import io
import os
import zipfile
from functools import cache

import numpy as np
import openpyxl
from fuzzing import anything, attempt, damage, damaged, folder
from hypothesis import example, given
from hypothesis import strategies as st

from datasets import pupil
from zoo.inputs import pupil_files
from zoo.inputs.pupil_files import REAL, VIDEOS, WORKBOOKS

SHEET = "xl/worksheets/sheet1.xml"


@cache
def members():
    """The files in a small valid workbook, by name."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name in VIDEOS:
        sheet = book.create_sheet(name)
        sheet["B3"], sheet["C3"] = "p2", "p10"
        sheet["B4"], sheet["C4"], sheet["B5"] = 0.5, "NaN", 3
    buffer = io.BytesIO()
    book.save(buffer)
    with zipfile.ZipFile(buffer) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files, kind=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def read(sandbox, data, call="pupil_both"):
    with folder() as here:
        path = here / "LEPD.xlsx"
        path.write_bytes(data)
        return sandbox("pupil workbooks", call, path)


def check_alike(told):
    """Where both engines read a file, they read the same."""
    if told and not any(isinstance(one, str) for one in told):
        (first, ignored), (second, too) = told
        assert ignored == too
        # A text of no known kind is empty to one and missing to the other.
        assert [[*n, ended(v)] for *n, v in first] == [
            [*n, ended(v)] for *n, v in second
        ]


def ended(values):
    """Without what is missing at the end."""
    while values and values[-1] is None:
        values = values[:-1]
    return values


@given(anything() | anything().map(lambda data: b"PK\x03\x04" + data))
def test_anything(sandbox, data):
    for call in ("pupil_both", "pupil_own"):
        result, _ = read(sandbox, data, call)
        assert result is None


@given(damage())
def test_a_damaged_archive(sandbox, changes):
    check_alike(read(sandbox, damaged(zipped(members()), changes))[0])


PARTS = st.sampled_from([SHEET] * 4 + sorted(members()))


@given(PARTS, damage(most=2))
def test_a_damaged_member(sandbox, name, changes):
    """Within a zip that is whole."""
    files = members() | {name: damaged(members()[name], changes)}
    check_alike(read(sandbox, zipped(files, zipfile.ZIP_STORED))[0])


NUMBERS = ("1", "16384", "16385", "1048576", "4294967295", "18446744073709551616", "-1")
PIECES = st.one_of(
    st.tuples(st.just('r="B4"'), st.sampled_from(
        ['r="XFD1048576"', 'r="XFD00000000001048576"', 'r="B1048576"',
         'r="XFD4"', 'r="ZZZZ9"', 'r="B0"', 'r=""',
         'r="B99999999999999999999"', 'r="4B"', 'r="b4"', "r='C9'", "", 'r="A1:B2"',
         'r="B4" r="C5"', 'r="A4"', 'r="D4"', 'r="D400000"'])),
    st.tuples(st.just('r="4"'), st.sampled_from([f'r="{n}"' for n in NUMBERS])),
    st.tuples(st.just("<dimension"), st.sampled_from(
        ['<dimension ref="A1:XFD1048576"/><dimension', '<dimension ref=""/><x',
         '<dimension ref="A1:ZZZZZZ99999999999"/><x', '<dimension ref="C3:A1"/><x'])),
    st.tuples(st.just('<v>0.5</v>'), st.sampled_from(
        ["<v></v>", "<v>nan</v>", "<v>inf</v>", "<v>-0</v>", "<v>1e999</v>",
         f"<v>1{'0' * 400}</v>", f"<v>{'9' * 5000}</v>", "<v>0x10</v>", "<v>1_0</v>",
         "<v>１</v>", "<v>1<!-- 2 -->3</v>", "<v>1</v><v>2</v>", "<f>1+1</f>",
         "<v> 0.5 </v>", "<v>&#48;.5</v>", "<v>&x;</v>", "<v><![CDATA[7]]></v>"])),
    st.tuples(st.just('t="n"'), st.sampled_from(
        ['t="s"', 't="b"', 't="e"', 't="d"', 't="str"', 't="inlineStr"', 't="?"', "",
         's="99"', 's="-1"', 's="1"', 't="s" s="0"'])),
    st.tuples(st.just("<sheetData>"), st.sampled_from(
        ["<sheetData>" * 3, "<sheetData/>", "", "<x:sheetData>",
         "<a>" * 20000 + "<sheetData>", "</worksheet><sheetData>"])),
)  # fmt: skip


@given(st.lists(PIECES, min_size=1, max_size=2))
@example([('r="B4"', 'r="XFD1048576"')])
@example([("<v>0.5</v>", "<v>&#48;.5</v>")])
@example([('r="4"', 'r="4294967295"'), ("<sheetData>", "")])
@example([('r="4"', 'r="4294967295"'), ("<sheetData>", ""), ("</sheetData>", "")])
@example([("<sheetData>", '<row r="4294967295"><c r="A4294967295"/></row><sheetData>')])
def test_cells_that_cannot_be(sandbox, changes):
    text = members()[SHEET].decode()
    for old, new in changes:
        text = text.replace(old, new, 1)
    told, _ = read(sandbox, zipped(members() | {SHEET: text.encode()}))
    check_alike(told)


BOOK = "xl/workbook.xml"


@given(
    st.sampled_from([BOOK, "xl/_rels/workbook.xml.rels",
                     "xl/styles.xml", "[Content_Types].xml"]),
    st.sampled_from([('"L1"', '"L3"'), ('"L1"', '"&#76;1"'), ('"L1"', '" L1"'),
                     ("sheet1.xml", "sheet2.xml"), ("sheet1.xml", "gone.xml"),
                     ("sheet1.xml", "../../../etc/passwd"), ('count="', 'count="99999'),
                     ("rId1", "rId2"), ("rId1", "rId99"), ("<si>", "<si><si>"),
                     ('uniqueCount="', 'uniqueCount="9999999999'), ("/xl/", "/"),
                     ("<?xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><?xml"),
                     ("worksheet", "chartsheet"), ("utf-8", "utf-16"),
                     ("<workbookPr", '<workbookPr date1904="1"'), ("<", "< ")]),
)  # fmt: skip
def test_parts_that_cannot_be(sandbox, name, change):
    text = members()[name].decode().replace(*change)
    files = members() | {name: text.encode()}
    told, _ = read(sandbox, zipped(files))
    check_alike(told)
    if change[0] == '"L1"' and name == BOOK and "76" not in change[1]:
        assert told is None  # two of one name, or one missing


NAMES = st.integers(1, 12).map("p{}".format)
VALUES = st.one_of(
    st.none(),
    st.floats(2**-9, 9, width=32),
    st.integers(-2, 3),
    st.sampled_from(["NaN", " nan ", "#N/A", "", 1e300, 1e-320, 10**30]),
)
COLUMNS = st.dictionaries(NAMES, st.lists(VALUES, max_size=6), min_size=1, max_size=3)


def diameter(value):
    """A cell as the module docstring reads it."""
    good = isinstance(value, (int, float)) and 0 < np.float32(value) < np.inf
    return float(np.float32(value)) if good else None


def samples(column):
    while column and (column[-1] is None or column[-1] in ("", "#N/A")):
        column = column[:-1]
    with np.errstate(over="ignore"):
        return [diameter(value) for value in column]


def workbook(sheets, others=()):
    book = openpyxl.Workbook(write_only=True)
    for name, columns in sheets:
        sheet = book.create_sheet(name)
        sheet.append([])
        sheet.append([])
        sheet.append([None, *columns])
        for row in range(max(map(len, columns.values()))):
            cells = [c[row] if row < len(c) else None for c in columns.values()]
            sheet.append([None, *cells])
    for name in others:
        book.create_sheet(name)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


@given(
    COLUMNS,
    st.dictionaries(st.sampled_from(VIDEOS), COLUMNS, max_size=3),
    st.permutations(VIDEOS),
    st.lists(st.sampled_from(["Sheet1", "l9x", "notes", "A11"]), max_size=1),
)
def test_series_are_those_that_were_written(sandbox, usual, own, order, others):
    """Whatever the order of the sheets and the columns."""
    sheets = [(video, own.get(video, usual)) for video in order]
    told, _ = read(sandbox, workbook(sheets, others))
    assert told is not None
    by_name = dict(sheets)
    series = [
        [video, observer, samples(column)]
        for video in VIDEOS
        for observer, column in by_name[video].items()
    ]
    for series_read, ignored in told:
        assert series_read == series
        assert ignored == others


def test_labels(sandbox):
    """A video's label is that of its sheet's name, wherever the sheet stands."""
    columns = {"p2": [3.5, 3.25], "p4": [2.5]}
    for order in (VIDEOS, VIDEOS[::-1]):
        data = workbook([(video, columns) for video in order])
        with folder() as here:
            for name in WORKBOOKS.values():
                (here / name).write_bytes(data)
            index, _ = attempt("pupil folders", pupil.index, here)
        assert len(index) == 2 * 2 * len(VIDEOS)
        for video, label in zip(index["video"], index["label"], strict=True):
            assert label == (video in REAL)


def test_odd_places():
    """Folders and pipes named like workbooks are none."""
    with folder() as here:
        (here / "LEPD.xlsx").mkdir()
        os.mkfifo(here / "REPD.xlsx")
        assert attempt("pupil folders", pupil.index, here)[1]
        for name in WORKBOOKS.values():
            for read in (pupil_files.read, pupil_files.read_own):
                assert attempt("pupil folders", read, here / name)[1]
