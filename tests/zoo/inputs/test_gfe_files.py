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
def test_line_ends(tmp_path, end, last):
    file = write(tmp_path / "points.txt", values(), end, last)
    points = gfe_files.read_points(file).points
    assert points.dtype == np.float32
    expected = values().astype(np.float32).reshape(FRAMES, 100, 3)
    np.testing.assert_array_equal(points, expected)
    targets = tmp_path / "targets.txt"
    targets.write_bytes((end.join("0110") + last).encode())
    assert gfe_files.read_targets(targets).tolist() == [0, 1, 1, 0]


def test_a_byte_order_mark_is_passed_over(file):
    expected = gfe_files.read_points(file).points
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    np.testing.assert_array_equal(gfe_files.read_points(file).points, expected)


BAD_LINES = [
    (field(5, "1,5"), "expected numbers only. Received: .*'1,5'"),
    (field(300, "x"), "expected numbers only. Received: .*'x'"),
    (field(9, "inf"), "Received an infinite number"),
    (field(9, "1e39"), "Received an infinite number"),
    (field(9, "1_0"), "expected numbers only"),
    (field(9, "NA"), "expected numbers only"),
    (field(9, '"5"'), "expected numbers only"),
    (lambda line: line.rsplit(" ", 1)[0], "line 4: expected 301 .* Received 300"),
    (lambda line: line + " 5", "line 4: expected 301 columns .* Received 302"),
    (lambda line: "", "line 4: expected 301 columns .* Received 1"),
]


@pytest.mark.parametrize(("change", "message"), BAD_LINES)
def test_bad_line_is_refused(file, change, message):
    with pytest.raises(ValueError, match=message) as caught:
        gfe_files.read_points(edited(file, 4, change))
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    "header", [field(5, "1x"), lambda line: line[4:], lambda line: rows(values())[0]]
)
def test_wrong_header(file, header):
    with pytest.raises(
        ValueError, match="line 1: expected the header '0.0 0x .* of 301"
    ):
        gfe_files.read_points(edited(file, 1, header))


def test_empty_files(file):
    for text in ("", " \r\n\r\n"):
        file.write_text(text)
        for read in (gfe_files.read_points, gfe_files.read_targets):
            with pytest.raises(ValueError, match=f"{file}: .* Received: no line"):
                read(file)
    file.write_text(" ".join(gfe_files.HEADER))
    with pytest.raises(ValueError, match="Received .* and 0 frames"):
        gfe_files.read_points(file)


def test_bytes_that_are_no_text(file):
    file.write_bytes(file.read_bytes()[:5000] + b"\n\x89PNG\xff\xfe")
    for read in (gfe_files.read_points, gfe_files.read_targets):
        with pytest.raises(ValueError, match="expected text. Received: .* 0x89"):
            read(file)


@pytest.mark.parametrize("bad", ["2", "1.0", "", "x", "-1", "0 1", "nan"])
def test_a_target_that_is_neither_0_nor_1(tmp_path, bad):
    file = tmp_path / "a_topics_targets.txt"
    file.write_bytes(f"0\r\n1\r\n{bad}\r\n1".encode())
    with pytest.raises(ValueError, match="line 3: expected 0 or 1. Received") as caught:
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


def test_file_is_parsed_once_until_it_changes(file):
    first = gfe_files.read_points(file).points
    assert gfe_files.read_points(str(file)).points is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0
    facts = os.stat(file)
    edited(file, 4, field(4, "123"))
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    assert gfe_files.read_points(file).points[2, 1, 0] == 123
