"""`datasets.pupil.protocol`: who and what is on which side."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest

from datasets import pupil, sample


@pytest.fixture(scope="module")
def frame():
    return pupil.index(sample.path("pupil"))


def by_hand(frame, parts):
    """What test series have in common with training series, pair by pair."""
    rows = list(zip(frame["observer"], frame["video"], frame["eye"], strict=True))
    shared = set()
    for train, test in itertools.product(parts["train"], parts["test"]):
        (observer, video, _), (other, another, _) = rows[train], rows[test]
        shared |= {"observer"} if observer == other else set()
        shared |= {"video"} if video == another else set()
        shared |= {"viewing"} if (observer, video) == (other, another) else set()
    return shared


LEAKS = {
    "paper": {"observer", "video", "viewing"},
    "observer": {"video"},
    "video": {"observer"},
    "both": set(),
}


@pytest.mark.parametrize("name", pupil.PROTOCOLS)
@pytest.mark.parametrize("seed", [0, 7])
def test_nothing_leaks_but_what_is_said(frame, name, seed):
    rounds = pupil.protocol(frame, name, seed)
    for parts in rounds:
        assert list(parts) == ["name", "train", "test"]
        for part in (parts["train"], parts["test"]):
            assert len(part) and (np.diff(part) > 0).all()
            assert set(frame["label"].iloc[part]) == {0, 1}
        assert not set(parts["train"]) & set(parts["test"])
        assert by_hand(frame, parts) == LEAKS[name]
        if name != "both":
            assert len(parts["train"]) + len(parts["test"]) == len(frame)
    if name != "paper":
        tested = np.concatenate([parts["test"] for parts in rounds])
        assert sorted(tested) == list(range(len(frame)))


def test_paper(frame):
    [parts] = pupil.protocol(frame, "paper")
    [same] = pupil.protocol(frame, "paper", seed=3)
    assert parts["name"] == "paper" and np.array_equal(parts["test"], same["test"])
    labels = frame["label"].to_numpy()
    for label, count in ((1, 24), (0, 46)):
        of_label = np.flatnonzero(labels == label)
        test = [row for row in parts["test"] if labels[row] == label]
        assert test == of_label[-count:].tolist()
        train = [row for row in parts["train"] if labels[row] == label]
        assert train == of_label[:150].tolist()


def test_both_labels_are_in_every_part_and_parts_are_even(frame):
    for name, rounds in (("observer", 5), ("video", 5), ("both", 9)):
        parts = pupil.protocol(frame, name)
        assert len(parts) == rounds
        sizes = [len(p["test"]) for p in parts]
        assert max(sizes) < 2 * min(sizes)
    for parts in pupil.protocol(frame, "observer"):
        assert frame["observer"].iloc[parts["test"]].nunique() == 2
    for parts in pupil.protocol(frame, "video"):
        videos = frame["video"].iloc[parts["test"]].unique()
        assert sum(v in pupil.REAL for v in videos) in (1, 2)
        assert sum(v in pupil.FAKE for v in videos) == 2


def test_names_say_what_is_left_out(frame):
    for name in ("observer", "video", "both"):
        rounds = pupil.protocol(frame, name)
        assert len({parts["name"] for parts in rounds}) == len(rounds)
        for parts in rounds:
            assert re.fullmatch(r"[a-z]+(-[A-Za-z0-9+]+)+", parts["name"])
            kind, *sides = parts["name"].split("-")
            test = frame.iloc[parts["test"]]
            columns = ["observer", "video"] if name == "both" else [name]
            assert kind == name
            for column, side in zip(columns, sides, strict=True):
                assert set(side.split("+")) == set(test[column])
    names = [parts["name"] for parts in pupil.protocol(frame, "both")]
    for name in names:  # p4 before p10, A9 before A10
        _, observers, videos = name.split("-")
        numbers = [int(o[1:]) for o in observers.split("+")]
        assert numbers == sorted(numbers)
        places = [pupil.VIDEOS.index(v) for v in videos.split("+")]
        assert places == sorted(places)


@pytest.mark.parametrize("name", ["observer", "video", "both"])
def test_the_seed_alone_decides(frame, name):
    def told(frame, seed):
        return [parts["name"] for parts in pupil.protocol(frame, name, seed)]

    assert told(frame, 1) == told(frame, 1) != told(frame, 2)
    mixed = frame.sample(frac=1, random_state=0)
    assert told(mixed, 1) == told(frame, 1)
    for parts, same in zip(pupil.protocol(mixed, name, 1),
                           pupil.protocol(frame, name, 1), strict=True):  # fmt: skip
        assert set(mixed.index[parts["test"]]) == set(same["test"])


@pytest.mark.parametrize("name", ["observer", "video", "both"])
def test_inside_a_training_part(frame, name):
    for parts in pupil.protocol(frame, name):
        inner = frame.iloc[parts["train"]]
        rounds = pupil.protocol(inner, name, seed=1)
        tested = np.concatenate([p["test"] for p in rounds])
        assert sorted(tested) == list(range(len(inner)))
        assert all(by_hand(inner, p) == LEAKS[name] for p in rounds[:2])


def test_fewer_folds_where_there_are_few(frame):
    some = frame[frame["observer"].isin(["p4", "p7", "p10"])]
    assert [p["name"] for p in pupil.protocol(some, "observer", 3)] == [
        f"observer-{o}" for o in ("p10", "p7", "p4")
    ] or len(pupil.protocol(some, "observer", 3)) == 3
    few = frame[frame["video"].isin(["L1", "H2", "A1", "A2", "A3", "A4", "A5"])]
    rounds = pupil.protocol(few, "video")
    assert len(rounds) == 2
    for parts in rounds:
        assert set(few["label"].iloc[parts["test"]]) == {0, 1}
    assert len(pupil.protocol(few, "both")) == 6


def test_an_index_with_holes():
    """Nobody of one fold saw the videos of another."""
    rows = [
        (f"p{o}", v) for o in (2, 4, 5) for v in ("L1", "L3", "L4", "A1", "A2", "A3")
    ]
    frame = pd.DataFrame(rows, columns=["observer", "video"])
    frame["eye"], frame["label"] = "left", frame["video"].str[0].eq("L").astype(int)
    whole = pupil.protocol(frame, "both")
    assert len(whole) == 9
    holed = frame.drop(frame.index[whole[4]["test"]])
    rounds = pupil.protocol(holed, "both")
    assert [p["name"] for p in rounds] == [
        p["name"] for n, p in enumerate(whole) if n != 4
    ]
    lone = frame[(frame["label"] == 1) | (frame["observer"] == "p2")]
    with pytest.raises(ValueError, match="12 series .* observer-p2 does not hold both"):
        pupil.protocol(lone, "observer")


def test_too_little_to_divide(frame):
    with pytest.raises(ValueError, match="paper or observer or .* got 'random'"):
        pupil.protocol(frame, "random")
    with pytest.raises(ValueError, match="seed to be 0 or more, got -1"):
        pupil.protocol(frame, "observer", -1)
    with pytest.raises(
        ValueError, match="174 real and 196 fake .* received 174 and 195"
    ):
        pupil.protocol(frame[:-1], "paper")
    one = frame[frame["observer"] == "p4"]
    for name in ("observer", "both"):
        with pytest.raises(ValueError, match="Leaving observers out .* received 1: p4"):
            pupil.protocol(one, name)
    lone = frame[frame["video"].isin(["H2", "A1", "A2"])]
    for name in ("video", "both"):
        with pytest.raises(ValueError, match="of real smiles out .* received 1: H2"):
            pupil.protocol(lone, name)
    for name in ("observer", "video", "both"):
        with pytest.raises(ValueError, match=r"two or more of them, received 0\."):
            pupil.protocol(frame[:0], name)
