"""`datasets.pipeline`: the order of rows, epochs, and each dataset's own `load`."""

import numpy as np
import pytest
import tensorflow as tf

from datasets import gfe, pipeline, pupil, sample, sase_fe

VALUES, LABELS = np.arange(31.0), np.arange(31, dtype=np.int32) % 2


def order(dataset):
    """The values in one pass, whose labels are those that belong to them."""
    values, labels = (
        np.concatenate(part) for part in zip(*dataset.as_numpy_iterator(), strict=True)
    )
    assert labels.tolist() == (values % 2).tolist()
    return values.tolist()


def load(batch_size=8, **options):
    return pipeline.from_arrays(VALUES, LABELS, batch_size, **options)


def test_batches_without_shuffling():
    dataset = load()
    assert dataset.cardinality() == 4
    assert [len(y) for _, y in dataset] == [8, 8, 8, 7]
    assert order(dataset) == order(dataset) == VALUES.tolist()


def test_each_epoch_has_its_own_order():
    dataset = load(seed=5, shuffle=True)
    first, second, third = (order(dataset) for _ in range(3))
    assert sorted(first) == sorted(second) == VALUES.tolist()
    assert len({tuple(first), tuple(second), tuple(third)}) == 3
    again = load(4, seed=5, shuffle=True, epoch=1)
    assert order(again) == second and order(again) == third
    assert order(load(seed=6, shuffle=True)) != first


def test_a_pass_that_is_broken_off_counts():
    dataset = load(shuffle=True)
    next(iter(dataset))
    assert order(dataset) == order(load(shuffle=True, epoch=1))


def test_augmentation_is_drawn_per_row_and_epoch():
    def augment(value, seed):
        return value + 2 * (seed % 1000)

    plain = load(augment=augment)
    first, second = order(plain), order(plain)
    assert first != second
    shuffled = load(3, augment=augment, shuffle=True)
    assert sorted(order(shuffled)) == sorted(first)
    assert sorted(order(shuffled)) == sorted(second)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch_size": 0}, "batch_size to be 1 or more, got 0"),
        ({"seed": -1}, "seed to be 0 or more, got -1"),
        ({"epoch": -1}, "epoch to be 0 or more, got -1"),
    ],
)
def test_numbers_out_of_range(wrong, message):
    with pytest.raises(ValueError, match=message):
        load(**wrong)


@pytest.mark.parametrize(
    ("adapter", "values"),
    [(gfe, gfe.points), (pupil, pupil.diameters)],
    ids=["gfe", "pupil"],
)
def test_series_of_a_dataset(adapter, values):
    index = adapter.index(sample.path(adapter.__name__.split(".")[-1]))
    rows = index.iloc[[30, 1, 0, 37, 2]]
    expected = values(rows)
    dataset = adapter.load(rows, 2)
    points, labels = dataset.element_spec
    assert points.shape.as_list() == [None, *expected.shape[1:]]
    assert (points.dtype, labels.dtype) == (tf.float32, tf.int32)
    got, labels = zip(*dataset.as_numpy_iterator(), strict=True)
    np.testing.assert_array_equal(np.concatenate(got), expected)
    assert np.concatenate(labels).tolist() == rows["label"].tolist()
    with pytest.raises(ValueError, match="got an empty one"):
        adapter.load(index[:0], 4)


def test_half_of_the_recorded_frames_are_mirrored():
    rows = gfe.index(sample.path("gfe"))[:40]
    expected = gfe.points(rows)
    augmented = gfe.load(rows, 40, augment=True)
    [(one, _)], [(two, _)] = augmented, augmented
    assert not np.array_equal(one, two)
    same = (one.numpy() == expected).all(axis=(1, 2))
    assert 5 < same.sum() < 35
    np.testing.assert_array_equal(one[~same], gfe.mirrored(expected[~same]))


def test_tracks_are_padded_and_other_copies_in_every_epoch():
    index = sase_fe.index(sample.path("sase_fe")).groupby("label").head(2)
    tracks, rows, _ = sase_fe.tracks(index, copies=3)
    assert len({track.shape[1] for track in tracks}) > 1
    dataset = sase_fe.load(index, 3, copies=3)
    (values, lengths), labels = dataset.element_spec
    assert values.shape.as_list() == [None, None, 80] and labels.dtype == tf.int32
    seen = [set(), set(), set(), set()]
    for _ in range(8):
        passed = [
            one
            for (values, lengths), labels in dataset.as_numpy_iterator()
            for one in zip(values, lengths, labels, strict=True)
        ]
        for row, (track, length, label) in enumerate(passed):
            assert label == rows["label"][row] and length == tracks[row].shape[1]
            assert not track[length:].any()
            same = (tracks[row] == track[:length]).all(axis=(1, 2))
            assert same.sum() == 1
            seen[row].add(same.argmax())
    assert min(map(len, seen)) > 1


def test_a_track_that_cannot_be_read_is_left_out():
    index = sase_fe.index(sample.path("sase_fe"))[:3]
    index.loc[1, "path"] = "/nowhere/N2A.csv"
    with pytest.warns(UserWarning, match="/nowhere/N2A.csv"):
        dataset = sase_fe.load(index, 3)
    assert [len(y) for _, y in dataset] == [2]
