"""`datasets.gfe`: index, points; and the real data."""

import os
from pathlib import Path

import numpy as np
import pytest

from datasets import gfe
from zoo.inputs import gfe_files

ROOT = Path(__file__).parents[2]


def write(folder, name, labels, first=1, targets=None):
    """A recording whose every coordinate is its frame's number plus `first`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [" ".join(gfe_files.HEADER)]
    lines += [" ".join([f"1.{n}"] + 300 * [str(first + n)]) for n in range(len(labels))]
    (folder / f"{name}_datapoints.txt").write_text("\n".join(lines))
    (folder / f"{targets or name}_targets.txt").write_text("\n".join(map(str, labels)))


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "gfe", "b_topics", [0, 1] * 6, first=1)
    write(tmp_path / "gfe", "a_topics", [0, 0, 1] * 5, first=101)
    write(tmp_path / "gfe", "a_doubt_question", [1] * 4, 201, "A_DOUBTS_question")
    return tmp_path / "gfe"


@pytest.fixture
def frame(folder):
    return gfe.index(folder)


def test_index(folder, frame):
    assert list(frame) == ["signer", "expression", "frame", "label", "path"]
    assert frame["signer"].tolist() == ["a"] * 4 + ["a"] * 15 + ["b"] * 12
    assert frame["expression"].tolist() == ["doubt_question"] * 4 + ["topics"] * 27
    assert frame["frame"].tolist() == [*range(4), *range(15), *range(12)]
    assert frame["label"].tolist() == [1] * 4 + [0, 0, 1] * 5 + [0, 1] * 6
    assert frame["path"][30] == str(folder / "b_topics_datapoints.txt")
    report = frame.attrs["report"]
    assert list(report["recordings"]) == ["a_doubt_question", "a_topics", "b_topics"]
    told = {"frames": 15, "positive": 5, "depths": 0, "xy": 0}
    told |= {"frames_depths": 0, "frames_xy": 0}
    assert report["recordings"]["a_topics"] == told
    assert len(report["missing"]) == 15 and "b_doubt_question" in report["missing"]


def test_the_folder_around_it_will_do(folder, frame):
    assert gfe.index(folder.parent).equals(frame)
    assert gfe.index(str(folder) + "/../gfe").equals(frame)
    write(folder.parent / ".gfe-download", "a_topics", [0, 1])  # hidden
    assert gfe.index(folder.parent).equals(frame)


def test_recordings_in_several_folders(folder):
    write(folder.parent / "copy", "a_topics", [0, 1])
    with pytest.raises(ValueError, match="several folders: copy, gfe. Name one"):
        gfe.index(folder.parent)


def test_nothing_there(tmp_path):
    for place in (tmp_path, tmp_path / "gone"):
        with pytest.raises(FileNotFoundError) as caught:
            gfe.index(place)
        for part in (str(place), "X_datapoints.txt", "topics", gfe_files.SOURCE):
            assert part in str(caught.value)


@pytest.mark.parametrize(
    ("gone", "partner"), [("datapoints", "targets"), ("targets", "datapoints")]
)
def test_half_a_recording(folder, gone, partner):
    (folder / f"b_topics_{gone}.txt").unlink()
    with pytest.raises(ValueError) as caught:
        gfe.index(folder)
    assert f"b_topics_{gone}.txt" in str(caught.value)
    assert str(folder / f"b_topics_{partner}.txt") in str(caught.value)


def test_both_spellings_at_once(folder):
    (folder / "a_doubt_question_targets.txt").write_text("1\n1\n1\n1")
    with pytest.raises(ValueError, match="two files of targets .* Keep one"):
        gfe.index(folder)


def test_frames_and_targets_that_differ_in_number(folder):
    (folder / "b_topics_targets.txt").write_text("0\n1\n" * 5)
    with pytest.raises(ValueError) as caught:
        gfe.index(folder)
    points, targets = str(caught.value).split(", but ")
    assert points.endswith(
        "b_topics_datapoints.txt has 12 frames (its last is line 13)"
    )
    assert "b_topics_targets.txt has 10 labels (its last is line 10)" in targets


def test_points(frame):
    points = gfe.points(frame)
    assert points.shape == (31, 100, 3) and points.dtype == np.float32
    expected = [*range(201, 205), *range(101, 116), *range(1, 13)]
    assert (points == np.array(expected)[:, None, None]).all()
    rows = [30, 2, 2, 17, 0]
    np.testing.assert_array_equal(gfe.points(frame.iloc[rows]), points[rows])
    points[:] = 0  # a copy: the next caller gets its own
    assert gfe.points(frame).all()


def test_a_file_that_became_shorter(folder, frame):
    write(folder, "a_topics", [0, 1])
    with pytest.raises(ValueError, match="a_topics_datapoints.txt.* Index the data"):
        gfe.points(frame)


def test_summary(frame):
    text = gfe.summary(frame)
    assert "3 recordings, 31 frames, 15 of them positive (48%)" in text
    assert "a_doubt_question: 4 frames, 4 positive, worth a look: only one" in text
    assert "missing recordings: a_affirmative, b_affirmative" in text
    one = gfe.summary(frame[frame["signer"] == "b"])
    assert "1 recordings, 12 frames" in one and "a_topics:" not in one


# Frames and positive frames of each recording, counted by other means.
REAL = {
    "affirmative": ((1062, 414), (1074, 528)),
    "conditional": ((1907, 548), (2034, 589)),
    "doubt_question": ((1312, 491), (1497, 780)),
    "emphasis": ((1403, 330), (1344, 531)),
    "negative": ((1124, 528), (1582, 712)),
    "relative": ((2330, 644), (1904, 550)),
    "topics": ((1796, 360), (1825, 467)),
    "wh_question": ((1286, 609), (1328, 549)),
    "yn_question": ((1390, 532), (1738, 715)),
}


@pytest.fixture(scope="module")
def real():
    if not os.environ.get("DUCHENNE_DATA"):
        pytest.skip("DUCHENNE_DATA is not set")
    return gfe.index(Path(os.environ["DUCHENNE_DATA"]) / "gfe")


@pytest.mark.real_data
def test_real_counts(real):
    assert (len(real), real["label"].sum()) == (27936, 9877)
    counts = real.groupby(["expression", "signer"])["label"].agg(["size", "sum"])
    for expression, by_signer in REAL.items():
        for signer, expected in zip("ab", by_signer, strict=True):
            assert tuple(counts.loc[expression, signer]) == expected
    assert real.attrs["report"]["missing"] == []


@pytest.mark.real_data
def test_real_points_are_bridged(real):
    points = gfe.points(real)
    assert points.shape == (27936, 100, 3)
    assert np.isfinite(points).all() and (points > 0).all()
    recordings = real.attrs["report"]["recordings"]
    # The published file has none of these gaps; the rebuilt copy has these.
    if recordings["a_relative"]["xy"]:
        assert recordings["a_relative"]["frames_xy"] == 588
        assert recordings["a_relative"]["xy"] == 588 * 200
    others = {name: told["xy"] for name, told in recordings.items()}
    assert not any(xy for name, xy in others.items() if name != "a_relative")
    assert recordings["a_affirmative"]["depths"] == 3157


@pytest.mark.real_data
def test_real_values_where_nothing_is_missing(real):
    rows = real[(real["signer"] == "a") & (real["expression"] == "affirmative")]
    file = rows["path"].iloc[0]
    table = np.loadtxt(file, skiprows=1, usecols=range(1, 301), max_rows=50)
    table = table.reshape(50, 100, 3)
    points = gfe.points(rows[:50])
    known = table != 0
    np.testing.assert_array_equal(points[known], table[known].astype(np.float32))
