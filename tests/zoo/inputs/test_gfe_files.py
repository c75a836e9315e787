"""`zoo.inputs.gfe_files`: what is found, what is read, and what is refused where."""

import os

import numpy as np
import pytest

from zoo.inputs import gfe_files

FRAMES = 7


def values(seed=0, frames=FRAMES):
    """Coordinates without a gap, as many decimals as UCI's."""
    return np.random.default_rng(seed).uniform(1, 900, (frames, 300)).round(3)


def rows(table):
    return [
        f"5.{n} " + " ".join(f"{v:.6g}" for v in row) for n, row in enumerate(table)
    ]


def write(path, table, end="\r\n", last="\r\n"):
    lines = [" ".join(gfe_files.HEADER), *rows(table)]
    path.write_bytes((end.join(lines) + last).encode())
    return path


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "a_topics_datapoints.txt", values())


def edited(file, line, change):
    """The file with one of its lines (from 1) changed."""
    lines = file.read_bytes().decode().split("\r\n")
    lines[line - 1] = change(lines[line - 1])
    file.write_bytes("\r\n".join(lines).encode())
    return file


def field(number, text):
    def change(line):
        fields = line.split(" ")
        fields[number] = text
        return " ".join(fields)

    return change


def test_names():
    identify = gfe_files.identify
    doubt = ("doubt_question", "a", "targets")
    assert identify("a_doubts_question_targets.txt") == doubt
    assert identify("A_Doubt_Question_TARGETS.TXT") == doubt
    assert identify("b_wh_question_datapoints.txt")[:2] == ("wh_question", "b")
    for name in ("c_topics_targets.txt", "a_topic_targets.txt", "a_topics.txt",
                 "a_topics_targets.csv", "a_topics_targets.txt.part", "README.txt",
                 "._a_topics_targets.txt"):  # fmt: skip
        assert identify(name) is None


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("last", ["", "\n", "\r\n \r\n\n"])
def test_line_ends(tmp_path, end, last, monkeypatch):
    monkeypatch.setattr(gfe_files, "_slow", None)  # not needed for any of them
    file = write(tmp_path / "points.txt", values(), end, last)
    points = gfe_files.read_points(file).points
    assert points.dtype == np.float32
    expected = values().astype(np.float32).reshape(FRAMES, 100, 3)
    np.testing.assert_array_equal(points, expected)
    targets = tmp_path / "targets.txt"
    targets.write_bytes((end.join("0110") + last).encode())
    assert gfe_files.read_targets(targets).tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line + " ",
        lambda line: line.replace(" ", "\t"),
        lambda line: line.replace(" ", "  ", 5),
        field(0, "12:30,5"),
        lambda line: field(3, f"+{float(line.split()[3])}E0")(line),
    ],
)
def test_harmless_oddities_are_read_all_the_same(file, change):
    expected = gfe_files.read_points(file).points
    got = gfe_files.read_points(edited(file, 4, change)).points
    np.testing.assert_array_equal(got, expected)


def test_a_byte_order_mark_is_passed_over(file):
    expected = gfe_files.read_points(file).points
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    np.testing.assert_array_equal(gfe_files.read_points(file).points, expected)


def test_fast_and_slow_read_the_same(file):
    table = values()
    table[2, 5] = 1e-7
    table[3, 7] = np.nan
    lines = rows(table)
    fast, slow = gfe_files._fast(lines), gfe_files._slow("file", lines)
    np.testing.assert_allclose(fast, slow, rtol=1e-15)
    np.testing.assert_array_equal(fast.astype("f4"), table.astype("f4"))
    assert np.isnan(fast[3, 7])


BAD_LINES = [
    (field(5, "1,5"), r"line 4, column 1y: expected a number, received '1,5'"),
    (field(300, "x"), r"line 4, column 99z: expected a number, received 'x'"),
    (field(9, "inf"), r"line 4, column 2z: expected a number, received 'inf'"),
    (field(9, "-inf"), r"line 4, column 2z: .* received '-inf'"),
    (field(9, "1e999"), r"line 4, column 2z: .* received '1e999'"),
    (field(9, "1e39"), r"line 4, column 2z: .* received '1e39'"),
    (field(9, "1_0"), r"line 4, column 2z: .* received '1_0'"),
    (field(9, "NA"), r"line 4, column 2z: .* received 'NA'"),
    (field(9, "0x1A"), r"line 4, column 2z: .* received '0x1A'"),
    (field(9, '"5"'), "line 4, column 2z: .* received"),
    (field(9, "5\x00"), "line 4, column 2z: .* received"),
    (field(9, "5\x005"), "line 4, column 2z: .* received"),
    (field(9, "True"), "line 4, column 2z: .* received 'True'"),
    (field(9, "1d5"), "line 4, column 2z: .* received '1d5'"),
    (field(9, ""), "line 4: expected 301 columns .*, received 300"),
    (lambda line: line.rsplit(" ", 1)[0], "line 4: .* 301 columns .*, received 300"),
    (lambda line: line[:25], r"line 4: expected 301 columns .*, received \d\."),
    (lambda line: line + " 5", "line 4: expected 301 columns .*, received 302"),
    (lambda line: "", "line 4: expected 301 columns .*, received a blank line"),
    (lambda line: line + "\r" + line, "line 4: expected 301 .*, received 602"),
]


@pytest.mark.parametrize(("change", "message"), BAD_LINES)
def test_a_bad_line_is_named(file, change, message):
    for _ in range(2):
        edited(file, 4, change)
        with pytest.raises(ValueError, match=message) as caught:
            gfe_files.read_points(file)
        assert str(file) in str(caught.value)
        # The first is the one that is told.
        write(file, values())
        edited(file, 6, field(2, "later"))


def test_a_short_and_a_long_line_do_not_make_up_for_each_other(file):
    edited(file, 3, lambda line: line + " 5")
    edited(file, 2, lambda line: line.rsplit(" ", 1)[0])
    with pytest.raises(ValueError, match="line 2: .* received 300"):
        gfe_files.read_points(file)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            field(5, "1x"),
            r"line 1: .* names, received '1x' for '1y' \(name 6\)",
        ),
        (lambda line: line[4:], "line 1: .* of 301 names, received 300 names"),
        (lambda line: "", "line 1: .* of 301 names, received 0"),
        (lambda line: rows(values())[0], "line 1: .* received '5.0' for '0.0'"),
    ],
)
def test_a_wrong_header(file, header, message):
    with pytest.raises(ValueError, match=message):
        gfe_files.read_points(edited(file, 1, header))


def test_empty_files(file):
    for text in ("", " \r\n\r\n"):
        file.write_text(text)
        for read in (gfe_files.read_points, gfe_files.read_targets):
            with pytest.raises(ValueError, match=f"{file}: .* an empty file"):
                read(file)
    file.write_text(" ".join(gfe_files.HEADER))
    with pytest.raises(ValueError, match="frames after the header, received none"):
        gfe_files.read_points(file)


def test_garbage(file):
    file.write_bytes(file.read_bytes()[:5000] + b"\n\x89PNG\xff\xfe")
    with pytest.raises(ValueError, match=r"line 4: expected text, .* byte 0x89"):
        gfe_files.read_points(file)
    file.write_text("1\r\n0\r\n", encoding="utf-16")
    with pytest.raises(ValueError, match="line 1: expected text"):
        gfe_files.read_targets(file)


@pytest.mark.parametrize("bad", ["2", "1.0", "", "x", "-1", "0 1", "nan"])
def test_a_target_that_is_neither_0_nor_1(tmp_path, bad):
    file = tmp_path / "a_topics_targets.txt"
    file.write_bytes(f"0\r\n1\r\n{bad}\r\n1".encode())
    with pytest.raises(ValueError, match="line 3: expected 0 or 1, received") as caught:
        gfe_files.read_targets(file)
    assert str(file) in str(caught.value)


def test_gaps_are_bridged_and_counted(tmp_path):
    table = values().reshape(FRAMES, 100, 3)
    ramp = np.arange(10, 10 + FRAMES)
    table[:, 4, 0] = table[:, 4, 1] = table[:, 4, 2] = ramp
    table[:, 5, 2] = ramp
    table[1:3, 4, 2] = 0  # a gap
    table[4, 4, 0] = 0
    table[3, 4, 1] = np.nan
    table[:2, 5, 2], table[5:, 5, 2] = 0, np.nan  # both ends
    file = write(tmp_path / "points.txt", table.reshape(FRAMES, 300))
    points, missing = gfe_files.read_points(file)
    for axis in range(3):
        np.testing.assert_allclose(points[:, 4, axis], ramp)
    assert points[:, 5, 2].tolist() == [12, 12, 12, 13, 14, 14, 14]
    assert missing == {"depths": 6, "xy": 2, "frames_depths": 5, "frames_xy": 2}
    others = np.delete(points, [4, 5], axis=1)
    whole = np.delete(table, [4, 5], axis=1)
    np.testing.assert_array_equal(others, whole.astype(np.float32))


@pytest.mark.parametrize("nothing", [0, np.nan])
def test_a_coordinate_that_is_missing_everywhere(tmp_path, nothing):
    table = values()
    table[:, 4] = nothing
    file = write(tmp_path / "points.txt", table)
    with pytest.raises(ValueError, match=f"{file}: column 1y is missing .* every"):
        gfe_files.read_points(file)


def test_a_file_is_parsed_once_until_it_changes(file, monkeypatch):
    parsed, fast = [], gfe_files._fast
    monkeypatch.setattr(gfe_files, "_fast", lambda f: parsed.append(1) or fast(f))
    first = gfe_files.read_points(file).points
    assert gfe_files.read_points(str(file)).points is first
    assert len(parsed) == 1
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0
    facts = os.stat(file)
    edited(file, 4, field(4, "123"))
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    assert gfe_files.read_points(file).points[2, 1, 0] == 123
    assert gfe_files._recording.cache_info().maxsize == 36
