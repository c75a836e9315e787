"""`datasets.gfe.protocol` and `blocks`: who is on which side."""

import numpy as np
import pandas as pd
import pytest

from datasets import gfe

SIZES = {("topics", "a"): 103, ("topics", "b"): 57, ("negative", "a"): 40,
         ("negative", "b"): 80}  # fmt: skip


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    tables = [
        pd.DataFrame(
            {
                "signer": signer,
                "expression": expression,
                "frame": np.arange(size),
                "label": (rng.random(size) < 0.3).astype(int),
                "path": f"/{signer}_{expression}",
            }
        )
        for (expression, signer), size in SIZES.items()
    ]
    return pd.concat(tables, ignore_index=True)


def check_partition(parts, count):
    together = np.concatenate([parts["train"], parts["test"]])
    assert sorted(together) == list(range(count))
    for part in parts.values():
        assert (np.diff(part) > 0).all() and len(part)


@pytest.mark.parametrize("name", gfe.PROTOCOLS)
def test_every_row_is_on_one_side(frame, name):
    rounds = gfe.protocol(frame, name)
    assert len(rounds) == (2 if name == "signer" else 1)
    for parts in rounds:
        assert set(parts) == {"train", "test"}
        check_partition(parts, len(frame))


@pytest.mark.parametrize("name", gfe.PROTOCOLS)
def test_an_expression_does_not_depend_on_the_others(frame, name):
    together = gfe.protocol(frame, name, seed=3)
    for expression in ("topics", "negative"):
        rows = np.flatnonzero(frame["expression"] == expression)
        alone = gfe.protocol(frame.iloc[rows], name, seed=3)
        for both, one in zip(together, alone, strict=True):
            assert np.intersect1d(both["test"], rows).tolist() == (
                rows[one["test"]].tolist()
            )


def test_shuffled_is_a_stratified_fifth_by_seed(frame):
    [parts] = gfe.protocol(frame, "shuffled", seed=1)
    test = frame.iloc[parts["test"]]
    for expression, rows in frame.groupby("expression"):
        own = test[test["expression"] == expression]
        assert abs(len(own) - len(rows) / 5) < 1
        assert abs(own["label"].sum() - rows["label"].sum() / 5) < 1
        assert own["signer"].nunique() == 2
        # Frames in between others, not a stretch of time.
        assert own["frame"].diff().abs().max() > 3
    for seed, same in ((1, True), (2, False)):
        [again] = gfe.protocol(frame, "shuffled", seed=seed)
        assert np.array_equal(again["test"], parts["test"]) == same


def test_holdout_is_the_last_fifth_in_time(frame):
    # Whatever order the rows come in.
    mixed = frame.sample(frac=1, random_state=0)
    for rows in (frame, mixed):
        [parts] = gfe.protocol(rows, "holdout", seed=1)
        [same] = gfe.protocol(rows, "holdout", seed=2)
        assert np.array_equal(parts["test"], same["test"])
        test, train = rows.iloc[parts["test"]], rows.iloc[parts["train"]]
        for (expression, signer), size in SIZES.items():

            def own(part, e=expression, s=signer):
                return part[(part["expression"] == e) & (part["signer"] == s)]["frame"]

            first = size * 4 // 5
            assert sorted(own(test)) == list(range(first, size))
            assert own(train).max() == first - 1
            assert abs(len(own(test)) - size / 5) < 1


def test_signer_goes_both_ways(frame):
    first, second = gfe.protocol(frame, "signer")
    assert set(frame["signer"].iloc[first["train"]]) == {"a"}
    assert set(frame["signer"].iloc[first["test"]]) == {"b"}
    assert np.array_equal(first["train"], second["test"])
    assert np.array_equal(first["test"], second["train"])


def test_too_little_to_divide(frame):
    with pytest.raises(ValueError, match="shuffled or holdout or signer, got 'random'"):
        gfe.protocol(frame, "random")
    with pytest.raises(ValueError, match="an empty one"):
        gfe.protocol(frame[:0], "holdout")
    one = frame[(frame["expression"] == "topics") | (frame["signer"] == "a")]
    with pytest.raises(ValueError, match="only one of negative"):
        gfe.protocol(one, "signer")
    with pytest.raises(
        ValueError, match="5 frames or more .* there are 4 of /a_topics"
    ):
        gfe.protocol(frame[:4], "holdout")
    lone = frame[:50].assign(label=[1] + 49 * [0])
    with pytest.raises(ValueError, match="50 frames of topics cannot be divided"):
        gfe.protocol(lone, "shuffled")


def test_blocks_are_stretches_of_time(frame):
    mixed = frame.sample(frac=1, random_state=1)
    [parts] = gfe.protocol(mixed, "holdout")
    folds = gfe.blocks(mixed, parts["train"], 4)
    assert len(folds) == 4
    for number, (train, validation) in enumerate(folds):
        both = np.sort(np.concatenate([train, validation]))
        assert np.array_equal(both, parts["train"])
        assert (np.diff(train) > 0).all() and (np.diff(validation) > 0).all()
        for path, own in mixed.iloc[validation].groupby("path")["frame"]:
            of_training = mixed.iloc[parts["train"]]
            last = of_training.loc[of_training["path"] == path, "frame"].max()
            expected = range(last + 1)
            expected = [f for f in expected if f * 4 // (last + 1) == number]
            assert sorted(own) == expected
        assert mixed.iloc[validation]["path"].nunique() == len(SIZES)
    tested = np.sort(np.concatenate([validation for _, validation in folds]))
    assert np.array_equal(tested, parts["train"])


def test_blocks_of_rows_with_a_hole_have_equal_numbers(frame):
    """As inside a training part that lacks a block already."""
    rows = np.flatnonzero((frame["signer"] == "a") & (frame["expression"] == "topics"))
    rows = np.concatenate([rows[:10], rows[50:]])  # frames 0-9 and 50-102
    first, second = (frame["frame"].iloc[v] for _, v in gfe.blocks(frame, rows, 2))
    assert first.tolist() == [*range(10), *range(50, 72)]
    assert second.tolist() == list(range(72, 103))


def test_blocks_refuse(frame):
    for folds in (1, 0, 2.0):
        with pytest.raises(ValueError, match="an integer, 2 or more"):
            gfe.blocks(frame, np.arange(9), folds)
    with pytest.raises(ValueError, match="of one row or more"):
        gfe.blocks(frame, [], 5)
    with pytest.raises(ValueError, match="5 frames or more .* 4 of /a_topics"):
        gfe.blocks(frame, np.arange(4), 5)
