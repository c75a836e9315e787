"""`zoo.inputs.pupil_files`: what is found, what is read, and what is refused where."""

import datetime
import importlib.util
import io
import os
import re
import sys
import zipfile

import numpy as np
import openpyxl
import pytest

from zoo.inputs import pupil_files
from zoo.inputs.pupil_files import VIDEOS

ENGINES = list(pupil_files.ENGINES)


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


def edited(path, name, change):
    """The workbook with one of the files in it changed."""
    data = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.namelist():
            inside = old.read(entry)
            new.writestr(entry, change(inside) if entry == name else inside)
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "LEPD.xlsx"


@pytest.fixture(params=ENGINES)
def read(request):
    return lambda path: pupil_files.read(path, request.param)


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


def test_a_number_beyond_all_is_missing(file, read):
    write(file, {"B6": 1234.5, "B7": 0.005})
    edited(file, "xl/worksheets/sheet1.xml", lambda x: x.replace(b"1234.5", b"1e400"))
    check(read(file).series["L1"]["p2"], [0.004, np.nan, np.nan, 0.005])


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


def test_a_sheet_that_is_wrong_about_its_size(file, read):
    expected = read(write(file)).series["L1"]

    def shrink(xml):
        result = re.sub(rb'<dimension ref="A\d:C5"', b'<dimension ref="A1"', xml)
        assert result != xml
        return result

    edited(file, "xl/worksheets/sheet1.xml", shrink)
    for observer, samples in read(file).series["L1"].items():
        check(samples, expected[observer])


def test_rows_outside_of_a_sheet_s_data(file, read):
    """openpyxl reads them as well: in row 4294967295, without end."""
    row = b'<row r="4294967295"><c r="A4294967295"/></row>'
    for change in (
        lambda xml: xml.replace(b"<sheetData>", row + b"<sheetData>"),
        lambda xml: re.sub(b"<(?=row)", row + b"<", xml, count=1).replace(
            b"<sheetData>", b""
        ),
        lambda xml: re.sub(b"</?sheetData>", b"", xml),
    ):
        edited(write(file), "xl/worksheets/sheet1.xml", change)
        with pytest.raises(ValueError, match="rows or cells outside of its sheetData"):
            read(file)


def test_charts_have_rows_of_their_own(file, read):
    book = openpyxl.load_workbook(write(file))
    book["L1"].add_chart(openpyxl.chart.LineChart(), "F9")
    book.save(file)
    office = (
        b'xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"'
    )

    def extended(xml):
        assert b"<row>8</row>" in xml or b":row>8</" in xml
        return xml.replace(b"<oneCellAnchor", b"<oneCellAnchor " + office, 1)

    edited(file, "xl/drawings/drawing1.xml", extended)
    check(read(file).series["L1"]["p2"], [0.004, np.nan])


BAD_CELLS = [
    ("B5", "x", "cell B5: expected a diameter as a number, .* received 'x'"),
    ("C17", "0,004", "cell C17: .* received '0,004'"),
    ("C17", "y" * 99, r"cell C17: .* received 'y{29}\.\.\.\.$"),
    ("B4", "#VALUE", "cell B4: .* received '#VALUE'"),
    ("B4", True, "cell B4: .* received the truth value True"),
    ("B4", datetime.datetime(2020, 5, 17), "cell B4: .* received the date 2020-05-17"),
    ("B4", datetime.time(10, 30), "cell B4: .* received the time 10:30"),
    ("B4", datetime.timedelta(hours=30), "cell B4: .* received the time span 1 day"),
    ("A3", "p1", "cell A3: expected column A to be empty, received 'p1'"),
    ("A9", 0.004, "cell A9: expected column A to be empty, received 0.004"),
    ("D3", "p2", r"cell D3: .* every observer once, received p2 again \(first in B3\)"),
    ("D3", "x2", "cell D3: expected an observer such as p2 .* received 'x2'"),
    ("D3", "p", "cell D3: expected an observer"),
    ("D3", "p02", "cell D3: expected an observer"),
    ("D3", "P2", "cell D3: expected an observer"),
    ("D3", "NaN", "cell D3: expected an observer"),
    (
        "B3",
        0.004,
        "cell B3: expected an observer .*row 3 is the header.* received 0.004",
    ),
    ("AB3", False, "cell AB3: expected an observer .* the truth value False"),
    ("B3", None, "cell B4: expected a column without an observer in row 3, the header"),
    ("AB9", 5, "cell AB9: expected a column without an observer .* received 5"),
]


@pytest.mark.parametrize(("cell", "value", "message"), BAD_CELLS)
def test_a_bad_cell_is_named(file, read, cell, value, message):
    write(file, {cell: value}, video="A7")
    with pytest.raises(ValueError, match=f"LEPD.xlsx, sheet A7, {message}") as caught:
        read(file)
    assert str(file) in str(caught.value)


def test_a_header_in_another_row(file, read):
    write(file)
    for move, message in (("insert", "cell B4: expected a column without an observer"),
                          ("delete", "cell B3: expected an observer")):  # fmt: skip
        book = openpyxl.load_workbook(file)
        getattr(book["H2"], f"{move}_rows")(1)
        book.save(moved := file.with_name(f"{move}.xlsx"))
        with pytest.raises(ValueError, match=f"{move}.xlsx, sheet H2, {message}"):
            read(moved)


@pytest.mark.parametrize("rows", [0, 2, 3])
def test_a_sheet_without_observers(file, read, rows):
    book = openpyxl.load_workbook(write(file))
    del book["H2"]
    book.create_sheet("H2")
    for _ in range(rows):
        book["H2"].append([None, "something"] if rows == 2 else [])
    book.save(file)
    with pytest.raises(ValueError, match="sheet H2: .* in row 3 .* an empty row"):
        read(file)


def test_sheet_names(file, read):
    book = read(write(file, sheets=["notes", *VIDEOS, "L2"]))
    assert book.ignored == ("notes", "L2") and list(book.series) == list(VIDEOS)
    write(file, sheets=["a1", *[v for v in VIDEOS if v not in ("A1", "H5")]])
    # Excel does not tell upper from lower case, but the study's are all upper case.
    with pytest.raises(ValueError, match="'a1'.* Missing: H5, A1; rename") as caught:
        read(file)
    assert "expected the sheets L1, L3, L4" in str(caught.value)
    write(file, sheets=["Sheet1"])
    with pytest.raises(ValueError, match="received 'Sheet1'. Missing: L1, L3"):
        read(file)


def damaged(path):
    """(what, bytes, message) of files that are no workbook, or not any more."""
    data = write(path).read_bytes()
    yield "empty", b"", "received an empty file. Copy it anew"
    yield "text", b"p2,p3\n1,2\n", "received another kind of file"
    ole = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
    yield "old", ole, "received Excel's old format"
    locked = ole + "EncryptedPackage".encode("utf-16-le")
    yield "locked", locked, "received one protected by a password. Save"
    for share in (0.3, 0.9, 0.99):
        cut = data[: int(len(data) * share)]
        yield f"cut-{share}", cut, "damaged or cut off .* Copy it anew"
    middle = len(data) // 2
    wrong = data[: middle - 999] + bytes(1998) + data[middle + 999 :]
    yield "overwritten", wrong, "damaged or cut off"
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    yield "another", other.getvalue(), "damaged or cut off"
    edited(path, "xl/worksheets/sheet9.xml", lambda xml: xml[: len(xml) // 2])
    yield "half-a-sheet", path.read_bytes(), "damaged or cut off"


def test_files_that_are_no_workbooks(file, read):
    for what, data, message in damaged(file):
        file.write_bytes(data)
        with pytest.raises(ValueError, match=message) as caught:
            read(file)
            pytest.fail(what)
        assert str(caught.value).startswith(f"{file}: expected an Excel workbook"), what


def test_a_file_that_cannot_be_read(tmp_path, read):
    with pytest.raises(FileNotFoundError, match="gone.xlsx"):
        read(tmp_path / "gone.xlsx")
    with pytest.raises(IsADirectoryError):
        read(tmp_path)


def test_engines(file, monkeypatch):
    with pytest.raises(ValueError, match="calamine or openpyxl, got 'xlrd'"):
        pupil_files.read(write(file), "xlrd")
    used, by_openpyxl = [], pupil_files._by_openpyxl
    monkeypatch.setattr(
        pupil_files, "_by_openpyxl", lambda *d: used.append(1) or by_openpyxl(*d)
    )
    fast = pupil_files.read(file)
    assert fast is pupil_files.read(file, "calamine") and not used
    monkeypatch.setitem(sys.modules, "python_calamine", None)  # as if not installed
    assert importlib.util.find_spec("python_calamine") is None
    slow = pupil_files.read(file)
    assert used and slow is pupil_files.read(file, "openpyxl") and slow is not fast
    with pytest.raises(ModuleNotFoundError, match="pip install python-calamine"):
        pupil_files.read(file, "calamine")


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


def test_the_study_s_workbook_is_read_as_any_other(file):
    write(file)
    series, own = pupil_files.read(file).series, pupil_files.read_own(file).series
    assert set(own) == set(series)
    for video, observers in series.items():
        for observer, samples in observers.items():
            check(own[video][observer], samples)


# What the fuzz tests found.

SHEET = "xl/worksheets/sheet1.xml"


def test_two_sheets_of_one_name(file, read):
    """calamine would read the first, and openpyxl the last."""
    write(file)
    edited(file, "xl/workbook.xml", lambda x: x.replace(b'"L3"', b'"L1"'))
    with pytest.raises(ValueError, match="every sheet once.*'L1'"):
        read(file)


def test_a_number_beyond_all_floats(file, read):
    write(file)
    digits = b"<v>1" + 400 * b"0" + b"</v>"
    edited(file, SHEET, lambda x: x.replace(b"<v>0.004</v>", digits))
    check(read(file).series["L1"]["p2"], [np.nan, np.nan])


def test_a_cell_far_away(file, read):
    """calamine would ask for 550 GB, and end the program."""
    write(file)
    far = b'<c r="XFD1048576"><v>1</v></c></row>'
    edited(file, SHEET, lambda x: x.replace(b"</row>", far, 1))
    with pytest.raises(ValueError, match="row 1048576 and column 16384"):
        read(file)


@pytest.mark.parametrize("cell", [b'<c r="XFD1048576" s="0"/>', b""])
def test_an_empty_cell_far_away_is_none(file, read, cell):
    write(file)
    row = b'<row r="1048576">' + cell + b"</row></sheetData>"
    edited(file, SHEET, lambda x: x.replace(b"</sheetData>", row))
    check(read(file).series["L1"]["p2"], [0.004, np.nan])


def test_an_archive_that_unpacks_to_all_memory(file, read, monkeypatch):
    write(file)
    monkeypatch.setattr("zoo.inputs.workbook_files._MOST_BYTES", 2000)
    with pytest.raises(ValueError, match="unpacks to .* expected less than 2000"):
        read(file)


def test_an_observer_of_very_many_digits(file, read):
    write(file, {"B3": "p1" + 5000 * "0"})
    with pytest.raises(ValueError, match="expected an observer such as p2"):
        read(file)


@pytest.mark.parametrize("value", ["1&#50;", "0&#46;5", "1<!-- x -->3", "1</v><v>2"])
def test_values_that_calamine_reads_in_part(file, read, value):
    write(file)
    new = f"<v>{value}</v>".encode()
    edited(file, SHEET, lambda x: x.replace(b"<v>0.004</v>", new))
    with pytest.raises(ValueError, match="has 1 values that hold references"):
        read(file)


@pytest.mark.parametrize(
    ("old", "new"), [(b'"B4"', b'"B5"'), (b'<row r="5"', b'<row r="4"')]
)
def test_cells_that_contradict_their_rows(file, read, old, new):
    """calamine goes by the cell, openpyxl by the row."""
    write(file)
    edited(file, SHEET, lambda x: x.replace(old, new))
    with pytest.raises(ValueError, match="expected rows in order"):
        read(file)


def test_cells_of_an_unknown_kind(file, read):
    write(file)
    edited(file, SHEET, lambda x: x.replace(b't="n"', b't="m"', 1))
    with pytest.raises(ValueError, match="cells of the kind b'm', expected one of"):
        read(file)
