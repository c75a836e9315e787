import numpy as np
import pandas as pd
import pytest

from datasets import splits


def make_index(seed, n_subjects, classes=2, uneven=True):
    """An index of subjects with 1 to 40 rows each, shuffled, and its labels."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 41, n_subjects) if uneven else np.full(n_subjects, 24)
    subject = np.repeat([f"s{i:03}" for i in range(n_subjects)], sizes)
    random.shuffle(subject)
    # The frame's own labels are not 0..n-1: results must be positions.
    rows = np.arange(len(subject)) * 7 + 100
    index = pd.DataFrame({"subject": subject}, index=rows)
    return index, random.integers(0, classes, len(subject))


def sides(index, *parts):
    return [set(index["subject"].iloc[part]) for part in parts]


def assert_partition(parts, n):
    assert all((np.diff(part) > 0).all() for part in parts)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(n))


@pytest.mark.parametrize("n_subjects", [3, 4, 7, 25, 100])
def test_holdout_keeps_every_subject_on_one_side(n_subjects):
    for seed in range(8):
        index, labels = make_index(seed, n_subjects)
        parts = splits.holdout(index, labels, seed=seed)
        assert list(parts) == ["train", "validation", "test"]
        assert_partition(list(parts.values()), len(index))
        train, validation, test = sides(index, *parts.values())
        assert train and validation and test
        assert not (train & validation or train & test or validation & test)


@pytest.mark.parametrize("test,validation", [(0.01, 0.01), (0.99, 0.99), (0.5, 0.3)])
def test_holdout_keeps_a_subject_for_each_part(test, validation):
    index, labels = make_index(1, 6)
    parts = splits.holdout(index, labels, test=test, validation=validation)
    assert all(sides(index, *parts.values()))


def test_holdout_sizes_and_classes_are_near_the_asked_share():
    for seed in range(8):
        index, labels = make_index(seed, 60)
        parts = splits.holdout(index, labels, test=0.2, validation=0.15, seed=seed)
        n = len(index)
        assert len(parts["test"]) / n == pytest.approx(0.2, abs=0.01)
        assert len(parts["validation"]) / n == pytest.approx(0.8 * 0.15, abs=0.01)
        for part in parts.values():
            assert labels[part].mean() == pytest.approx(labels.mean(), abs=0.02)


def test_holdout_balances_subjects_who_only_posed():
    # Half the subjects have nothing but posed rows, so that a draw that does not
    # look at the labels is usually far off.
    index, _ = make_index(0, 40, uneven=False)
    labels = (index["subject"] < "s020").to_numpy().astype(int)
    for seed in range(20):
        parts = splits.holdout(index, labels, test=0.2, seed=seed)
        assert labels[parts["test"]].mean() == 0.5
        assert labels[parts["validation"]].mean() == pytest.approx(0.5, abs=0.15)


def classes_of(labels, parts):
    return {name: set(labels[part]) for name, part in parts.items()}


def test_holdout_gives_every_part_every_class_where_it_can():
    # One subject holds nearly all of class 1, two others a little: for any part the
    # nearest share would be none of it, or both of the others in one part.
    index = pd.DataFrame({"subject": np.repeat([f"s{i:02}" for i in range(20)], 20)})
    labels = np.zeros(len(index), int)
    labels[:18] = labels[[20, 21, 40, 41]] = 1
    for seed in range(10):
        parts = splits.holdout(index, labels, seed=seed)
        assert all(held == {0, 1} for held in classes_of(labels, parts).values())


@pytest.mark.parametrize("holders", [1, 2])
def test_holdout_leaves_a_class_of_few_subjects_to_training(holders):
    index = pd.DataFrame({"subject": np.repeat(list("abcde"), 10)})
    labels = np.zeros(len(index), int)
    labels[: 10 * holders : 10] = 1
    for seed in range(10):
        held = classes_of(labels, splits.holdout(index, labels, test=0.6, seed=seed))
        assert held["train"] == {0, 1}
        assert sum(1 in classes for classes in held.values()) == holders


def test_kfold_keeps_every_subject_on_one_side():
    for seed in range(8):
        for n_subjects, folds in [(2, 2), (5, 5), (9, 4), (40, 10)]:
            index, labels = make_index(seed, n_subjects)
            pairs = splits.kfold(index, labels, folds=folds, seed=seed)
            assert len(pairs) == folds
            assert_partition([test for _, test in pairs], len(index))
            for train, test in pairs:
                assert_partition([train, test], len(index))
                assert not set.intersection(*sides(index, train, test))


def test_kfold_sizes_and_classes_are_near():
    index, _ = make_index(0, 40, uneven=False)
    only_posed = (index["subject"] < "s020").to_numpy().astype(int)
    for _, test in splits.kfold(index, only_posed, folds=5):
        assert len(test) == len(index) / 5
        assert only_posed[test].mean() == 0.5
    index, labels = make_index(3, 60)
    for _, test in splits.kfold(index, labels, folds=5):
        assert len(test) / len(index) == pytest.approx(0.2, abs=0.02)


def test_image_holdout_is_stratified_and_shares_subjects():
    index, labels = make_index(0, 30, classes=12)
    parts = splits.image_holdout(index, labels, test=0.2, validation=0.25)
    assert_partition(list(parts.values()), len(index))
    train, validation, test = sides(index, *parts.values())
    assert train & test and train & validation and validation & test
    counts = np.bincount(labels)
    for name in ["test", "validation"]:
        assert np.abs(np.bincount(labels[parts[name]]) - 0.2 * counts).max() <= 1


@pytest.mark.parametrize("split", [splits.holdout, splits.image_holdout])
def test_seed_decides(split):
    index, labels = make_index(0, 40)
    first, again, other = (split(index, labels, seed=seed) for seed in (1, 1, 2))
    for name in first:
        assert np.array_equal(first[name], again[name])
    assert not np.array_equal(first["test"], other["test"])


def test_kfold_seed_decides_between_equals():
    index, _ = make_index(0, 40, uneven=False)
    labels = np.zeros(len(index))
    first, again, other = (
        splits.kfold(index, labels, seed=seed)[0][1] for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_labels_and_subjects_of_other_types():
    index, labels = make_index(0, 10)
    words = pd.Series(np.where(labels, "spontaneous", "posed"), index=index.index)
    numbers = index.assign(subject=index["subject"].str[1:].astype(int))
    expected = splits.holdout(index, labels)
    received = splits.holdout(numbers, words)
    for name in expected:
        assert np.array_equal(expected[name], received[name])


ALL = [splits.holdout, splits.kfold, splits.image_holdout]


@pytest.mark.parametrize("split", ALL)
def test_bad_index_or_labels(split):
    index, labels = make_index(0, 10)
    with pytest.raises(ValueError, match="column `subject`.*person"):
        split(index.rename(columns={"subject": "person"}), labels)
    missing = index.copy()
    missing.iloc[4, 0] = None
    with pytest.raises(ValueError, match="no subject .the first at position 4"):
        split(missing, labels)
    with pytest.raises(ValueError, match="no label .the first at position 2"):
        split(index, np.where(np.arange(len(labels)) == 2, np.nan, labels))
    with pytest.raises(ValueError, match="one label for each row"):
        split(index, labels[:-1])
    with pytest.raises(ValueError, match="one label for each row"):
        split(index.iloc[:0], labels[:0])


@pytest.mark.parametrize("split", [splits.holdout, splits.image_holdout])
@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_share_out_of_range(split, share):
    index, labels = make_index(0, 10)
    with pytest.raises(ValueError, match="test must lie between"):
        split(index, labels, test=share)
    with pytest.raises(ValueError, match="validation must lie between"):
        split(index, labels, validation=share)


def test_too_few_subjects_or_rows():
    index, labels = make_index(0, 2)
    with pytest.raises(ValueError, match="at least 3 subjects.*has 2"):
        splits.holdout(index, labels)
    with pytest.raises(ValueError, match="at least 5 subjects.*has 2"):
        splits.kfold(index, labels, folds=5)
    four = pd.DataFrame({"subject": list("abcd")})
    with pytest.raises(ValueError, match="greater than the number of members in each"):
        splits.kfold(four, [0, 0, 1, 1], folds=4)
    with pytest.raises(ValueError, match="only 1 member, which is too few"):
        splits.image_holdout(four, [0, 0, 0, 1])
