"""`datasets.gfe`: index, points, windows, pipeline; and the real data."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

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


def window_by_hand(frame, span, within):
    """Frame by frame: outwards from the middle, for as long as there is a next."""
    keys = list(zip(within["path"], within["frame"], strict=True))
    position = {key: n for n, key in enumerate(keys)}
    result = []
    for path, middle in zip(frame["path"], frame["frame"], strict=True):
        sides = []
        for step in (-1, 1):
            at, side = middle, []
            for _ in range(span // 2):
                at = at + step if (path, at + step) in position else at
                side.append(position[path, at])
            sides.append(side)
        result.append([*sides[0][::-1], position[path, middle], *sides[1]])
    return np.array(result)


@pytest.mark.parametrize("span", [1, 3, 7, 61])
def test_windows_against_a_plain_loop(frame, span):
    rng = np.random.default_rng(span)
    seen = frame.iloc[rng.permutation(31)[:24]]  # with gaps, and in any order
    some = seen.iloc[rng.integers(24, size=40)]  # repeated, and in any order
    for rows, within in ((frame, frame), (seen, seen), (some, seen), (seen, frame)):
        got = gfe.windows(rows, span, within)
        np.testing.assert_array_equal(got, window_by_hand(rows, span, within))
    assert gfe.windows(frame, span).tolist() == gfe.windows(frame, span, frame).tolist()
    assert gfe.windows(frame[:0], span).shape == (0, span)


def test_a_window_keeps_to_what_may_be_seen(frame):
    [parts] = gfe.protocol(frame[frame["expression"] == "topics"], "holdout")
    topics = frame[frame["expression"] == "topics"]
    train = topics.iloc[parts["train"]]
    last = train.iloc[gfe.windows(train, 5, train)[11]]
    assert last["frame"].tolist() == [9, 10, 11, 11, 11]
    assert last["signer"].unique().tolist() == ["a"]


def test_windows_refuse(frame):
    for span in (0, 2, -1, 3.0):
        with pytest.raises(ValueError, match="odd number of frames"):
            gfe.windows(frame, span)
    with pytest.raises(ValueError, match="2 of 31 rows are not in `within`, the first"):
        gfe.windows(frame, 3, frame.drop([7, 30]))
    with pytest.raises(ValueError, match="31 of 31 rows are not in"):
        gfe.windows(frame, 3, frame[:0])
    with pytest.raises(ValueError, match="frame 3 of .*doubt.* twice"):
        gfe.windows(frame, 3, frame.iloc[[*range(31), 3]])


def passed(dataset):
    """One pass over the dataset: all points, all labels."""
    batches = [(x.numpy(), y.numpy()) for x, y in dataset]
    return tuple(np.concatenate(part) for part in zip(*batches, strict=True))


def test_load_frames(frame):
    dataset = gfe.load(frame, 8)
    points, labels = dataset.element_spec
    assert points.shape.as_list() == [None, 100, 3]
    assert (points.dtype, labels.dtype) == (tf.float32, tf.int32)
    assert dataset.cardinality() == 4
    assert [len(y) for _, y in dataset] == [8, 8, 8, 7]
    got, labels = passed(dataset)
    np.testing.assert_array_equal(got, gfe.points(frame))
    assert labels.tolist() == frame["label"].tolist()


def test_load_windows(frame):
    rows, within = frame.iloc[[20, 5, 3]], frame.drop([6, 19])
    dataset = gfe.load(rows, 2, 5, within)
    assert dataset.element_spec[0].shape.as_list() == [None, 5, 100, 3]
    assert dataset.cardinality() == 2
    got, labels = passed(dataset)
    expected = gfe.points(within)[gfe.windows(rows, 5, within)]
    np.testing.assert_array_equal(got, expected)
    assert labels.tolist() == rows["label"].tolist()
    alone, _ = passed(gfe.load(frame, 8, 3))
    np.testing.assert_array_equal(alone, gfe.points(frame)[gfe.windows(frame, 3)])


def test_each_epoch_has_its_own_order(frame):
    def order(dataset):
        points, labels = passed(dataset)
        middle = points[:, 1, 0, 0] if points.ndim == 4 else points[:, 0, 0]
        by_value = dict(zip(gfe.points(frame)[:, 0, 0], frame["label"], strict=True))
        assert labels.tolist() == [by_value[value] for value in middle]
        return middle.tolist()

    dataset = gfe.load(frame, 8, seed=5, shuffle=True)
    first, second, third = (order(dataset) for _ in range(3))
    assert sorted(first) == sorted(second) == sorted(order(gfe.load(frame, 8)))
    assert len({tuple(first), tuple(second), tuple(third)}) == 3
    again = gfe.load(frame, 4, 3, seed=5, shuffle=True, epoch=1)
    assert order(again) == second and order(again) == third
    assert order(gfe.load(frame, 8, seed=6, shuffle=True)) != first
    still = gfe.load(frame, 8, seed=5)
    assert order(still) == order(still) == gfe.points(frame)[:, 0, 0].tolist()


def test_a_pass_that_is_broken_off_counts(frame):
    dataset = gfe.load(frame, 8, shuffle=True)
    next(iter(dataset))
    whole = gfe.load(frame, 8, shuffle=True, epoch=1)
    np.testing.assert_array_equal(passed(dataset)[0], passed(whole)[0])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch_size": 0}, "batch_size to be 1 or more, got 0"),
        ({"seed": -1}, "seed to be 0 or more, got -1"),
        ({"epoch": -1}, "epoch to be 0 or more, got -1"),
        ({"span": 4}, "odd number"),
        ({"within": True}, "a span along with `within`"),
    ],
)
def test_load_refuses(frame, wrong, message):
    if "within" in wrong:
        wrong = {"within": frame}
    with pytest.raises(ValueError, match=message):
        gfe.load(frame, **{"batch_size": 4, **wrong})
    with pytest.raises(ValueError, match="got an empty one"):
        gfe.load(frame[:0], 4)


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
