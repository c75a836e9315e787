"""Pupil workbooks: cells, sheets and zip members that are not as they should be."""

import io
import os

import numpy as np
import openpyxl
from fuzzing import anything, attempt, damage, damaged, folder
from hypothesis import given
from hypothesis import strategies as st

from datasets import pupil
from zoo.inputs import pupil_files
from zoo.inputs.pupil_files import REAL, VIDEOS, WORKBOOKS


def read(sandbox, data, call="pupil"):
    with folder() as here:
        path = here / "LEPD.xlsx"
        path.write_bytes(data)
        return sandbox("pupil workbooks", call, path)


@given(anything() | anything().map(lambda data: b"PK\x03\x04" + data))
def test_anything(sandbox, data):
    for call in ("pupil", "pupil_own"):
        result, _ = read(sandbox, data, call)
        assert result is None


@given(damage())
def test_damaged_archive(sandbox, changes):
    read(sandbox, damaged(workbook([(v, {"p2": [0.5, 3]}) for v in VIDEOS]), changes))


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
    assert told == [series, others]


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
