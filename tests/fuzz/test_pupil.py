"""Pupil workbooks: cells, sheets and zip members that are not as they should be."""

import io

import numpy as np
import openpyxl
from fuzzing import attempt, folder
from hypothesis import given
from hypothesis import strategies as st

from datasets import pupil
from zoo.inputs import pupil_files
from zoo.inputs.pupil_files import REAL, VIDEOS, WORKBOOKS

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
def test_series_are_those_that_were_written(usual, own, order, others):
    """Whatever the order of the sheets and the columns."""
    sheets = [(video, own.get(video, usual)) for video in order]
    with folder() as here:
        (here / "LEPD.xlsx").write_bytes(workbook(sheets, others))
        book = pupil_files.read(here / "LEPD.xlsx")
    by_name = dict(sheets)
    series = [
        [video, observer, samples(column)]
        for video in VIDEOS
        for observer, column in by_name[video].items()
    ]
    found = [
        [video, observer, [None if v != v else float(v) for v in values]]
        for video, observers in book.series.items()
        for observer, values in observers.items()
    ]
    assert found == series
    assert list(book.ignored) == others


def test_labels():
    """A video's label is that of its sheet's name, wherever the sheet stands."""
    columns = {"p2": [3.5, 3.25], "p4": [2.5]}
    for order in (VIDEOS, VIDEOS[::-1]):
        data = workbook([(video, columns) for video in order])
        with folder() as here:
            for name in WORKBOOKS.values():
                (here / name).write_bytes(data)
            index, _ = attempt(pupil.index, here)
        assert len(index) == 2 * 2 * len(VIDEOS)
        for video, label in zip(index["video"], index["label"], strict=True):
            assert label == (video in REAL)
