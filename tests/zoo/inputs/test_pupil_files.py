"""`zoo.inputs.pupil_files`: what is found, what is read, and what is refused where."""

import datetime
import os

import numpy as np
import openpyxl
import pytest

from zoo.inputs import pupil_files
from zoo.inputs.pupil_files import VIDEOS


def write(path, cells=None, sheets=VIDEOS, video="L1"):
    """A small workbook; `cells` change some of a sheet's."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name in sheets:
        sheet = book.create_sheet(name)
        rows = [[None, "p2", "p10"], [None, 0.004, 0.003], [None, "NaN", 0.0031]]
        for number, row in enumerate(rows, 3):
            for column, value in enumerate(row, 1):
                sheet.cell(number, column, value)
    for cell, value in (cells or {}).items():
        book[video][cell] = value
    book.save(path)
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "LEPD.xlsx"


@pytest.fixture
def read():
    return pupil_files.read


def check(samples, expected):
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, np.array(expected, np.float32))


def test_videos_and_observers_keep_their_order(file, read):
    book = read(write(file, {"D3": "p1", "D4": 0.005}, sheets=VIDEOS[::-1]))
    assert list(book.series) == list(VIDEOS) and book.ignored == ()
    assert list(book.series["L1"]) == ["p2", "p10", "p1"]
    check(book.series["A10"]["p2"], [0.004, np.nan])
    check(book.series["L1"]["p1"], [0.005])
    with pytest.raises(ValueError, match="read-only"):
        book.series["L1"]["p2"][0] = 1


@pytest.mark.parametrize(
    "missing",
    ["NaN", "nan", " NAN ", None, "", " ", "#N/A", "#DIV/0!", 0, -0.004, 0.0, 1e-60,
     1e39, -1e39],
)  # fmt: skip
def test_what_counts_as_missing(file, read, missing):
    book = read(write(file, {"B5": missing, "B6": 0.005, "B7": 7}))
    check(book.series["L1"]["p2"], [0.004, np.nan, 0.005, 7])


def test_where_a_series_ends(file, read):
    last = {"B6": "NaN", "B7": " ", "B8": "#N/A", "B9": None, "C12": -1}
    series = read(write(file, last)).series["L1"]
    check(series["p2"], [0.004, np.nan, np.nan])
    check(series["p10"], [0.003, 0.0031, *[np.nan] * 7])
    nothing = read(write(file, {"B4": None, "B5": None})).series["L1"]
    check(nothing["p2"], [])


def test_what_is_not_read(file, read):
    cells = {"A1": "anything", "B1": 5, "B2": "Raw Signal", "A2": True, "E3": " "}
    cells |= {"B3": " p2 ", "H3": "p4", "H4": 0.006, "Z40": " "}
    series = read(write(file, cells)).series["L1"]
    assert list(series) == ["p2", "p10", "p4"]
    check(series["p4"], [0.006])


BAD_CELLS = [
    ("B5", "x", "cell B5: expected a diameter as a number, .* received 'x'"),
    ("C17", "y" * 99, r"cell C17: .* received 'y{39}\.\.\."),
    ("B4", True, "cell B4: .* received bool True"),
    ("B4", datetime.datetime(2020, 5, 17), "cell B4: .* received date 2020-05-17"),
    ("A3", "p1", "cell A3: expected column A to be empty, received 'p1'"),
    ("D3", "p2", r"cell D3: .* every observer once, received p2 again \(first in B3\)"),
    ("D3", "P2", "cell D3: expected an observer such as p2 .* received 'P2'"),
    ("AB3", False, "cell AB3: expected an observer .* received bool False"),
    ("B3", None, "cell B4: expected a column without an observer in row 3, the header"),
]


@pytest.mark.parametrize(("cell", "value", "message"), BAD_CELLS)
def test_a_bad_cell_is_named(file, read, cell, value, message):
    write(file, {cell: value}, video="A7")
    with pytest.raises(ValueError, match=f"LEPD.xlsx, sheet A7, {message}") as caught:
        read(file)
    assert str(file) in str(caught.value)


def test_sheet_names(file, read):
    book = read(write(file, sheets=["notes", *VIDEOS, "L2"]))
    assert book.ignored == ("notes", "L2") and list(book.series) == list(VIDEOS)
    write(file, sheets=["a1", *[v for v in VIDEOS if v not in ("A1", "H5")]])
    # Excel does not tell upper from lower case, but the study's are all upper case.
    with pytest.raises(ValueError, match="'a1'.* Missing: H5, A1; rename") as caught:
        read(file)
    assert "expected the sheets L1, L3, L4" in str(caught.value)
    write(file, sheets=["Sheet1"])
    with pytest.raises(ValueError, match="Received 'Sheet1'. Missing: L1, L3"):
        read(file)


@pytest.mark.parametrize("share", [0, 0.3, 0.99])
def test_damaged_workbook(file, read, share):
    data = write(file).read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ValueError, match="expected an Excel workbook .* Copy it anew"):
        read(file)


def test_a_file_that_cannot_be_read(tmp_path, read):
    with pytest.raises(FileNotFoundError, match="gone.xlsx"):
        read(tmp_path / "gone.xlsx")
    with pytest.raises(IsADirectoryError):
        read(tmp_path)


def test_a_file_is_read_once_until_it_changes(file, read):
    first = read(write(file))
    assert read(str(file)) is first
    write(file, {"B5": 0.008})
    check(read(file).series["L1"]["p2"], [0.004, 0.008])
    facts, second = os.stat(file), read(file)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    assert read(file) is not second  # of the same size, but may be another
    assert pupil_files._read.cache_info().maxsize == 4


def place(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_find(tmp_path):
    folder = place(
        tmp_path / "pupil", "~$LEPD.xlsx", "LEPD.xlsx", "repd.XLSX", "x.xlsx"
    )
    place(tmp_path / ".hidden", "LEPD.xlsx", "REPD.xlsx")
    place(tmp_path / "gfe", "~$LEPD.xlsx", "LEPD.xls", "README.md")
    expected = {"left": folder / "LEPD.xlsx", "right": folder / "repd.XLSX"}
    assert pupil_files.find(folder) == pupil_files.find(tmp_path) == expected
    assert list(pupil_files.find(f"{folder}/../pupil")) == ["left", "right"]


@pytest.mark.parametrize(("there", "gone"), [("L", "R"), ("R", "L")])
def test_one_workbook_only(tmp_path, there, gone):
    place(tmp_path, f"{there}EPD.xlsx", f"~${gone}EPD.xlsx")
    message = f"there is {there}EPD.xlsx in {tmp_path}, but no {gone}EPD.xlsx"
    with pytest.raises(FileNotFoundError, match=message):
        pupil_files.find(tmp_path)


def test_no_workbook(tmp_path):
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(FileNotFoundError) as caught:
            pupil_files.find(folder)
        for part in (str(folder), "LEPD.xlsx and REPD.xlsx", "Australian National"):
            assert part in str(caught.value)


def test_too_many_workbooks(tmp_path):
    for name in ("one", "two"):
        place(tmp_path / name, "LEPD.xlsx", "REPD.xlsx")
    with pytest.raises(ValueError, match="several folders: one, two. Name one of"):
        pupil_files.find(tmp_path)
    folder = place(tmp_path / "one", "lepd.xlsx")
    if len(list(folder.iterdir())) < 3:
        pytest.skip("file names here do not tell upper from lower case")
    with pytest.raises(ValueError, match="two workbooks of left eyes: LEPD.xlsx and l"):
        pupil_files.find(folder)


def test_a_workbook_of_other_videos_and_observers(tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "notes"
    book.active["A1"] = "recorded in spring"
    sheet = book.create_sheet("smile 7")
    for cell, value in {"B3": "Ana", "C3": "Bo", "B4": 0.004, "B5": 0.005}.items():
        sheet[cell] = value
    sheet["C4"] = "NaN"
    sheet["C5"] = 0.006
    book.save(tmp_path / "own.xlsx")
    own = pupil_files.read_own(tmp_path / "own.xlsx")
    assert own.ignored == ("notes",) and list(own.series) == ["smile 7"]
    check(own.series["smile 7"]["Ana"], [0.004, 0.005])
    check(own.series["smile 7"]["Bo"], [np.nan, 0.006])
    with pytest.raises(ValueError, match="expected the sheets L1"):
        pupil_files.read(tmp_path / "own.xlsx")
    book.remove(sheet)
    book.save(tmp_path / "none.xlsx")
    with pytest.raises(ValueError, match="observers in row 3.*'notes'"):
        pupil_files.read_own(tmp_path / "none.xlsx")
