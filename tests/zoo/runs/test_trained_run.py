"""Finished runs loaded and used: what they are, pictures, streams.

That they answer as the studies did is tested in tests/experiments.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.zoo.runs.helpers import PICTURES, RECORDING, RNG, SERIES, SMOOTH, TRACK
from zoo.layers import PreparePictures
from zoo.trained_run import load_run, parts


def plain(run, pictures):
    """What the network says of prepared pictures, straight from Keras."""
    return run.model.predict(np.asarray(pictures, "float32"), verbose=0)


def test_a_run_tells_what_it_is(runs, trained):
    run = runs("pictures")
    assert run.path == trained("pictures") and run.study == "some_study"
    assert (run.part, run.data, run.inputs) == ("", "real", "pictures")
    assert run.classes == ("posed", "spontaneous") and run.genuine == [1]
    assert run.settings["seed"] == 3 and run.metrics == {"accuracy": 0.5}
    assert isinstance(run.model, keras.Model) and run.head is None
    assert "some_study" in repr(run) and "'anger'" in repr(runs("tracks", "anger"))
    assert runs("twelve").genuine == [3, 4, 5]
    assert runs("points", "on_a").genuine == []
    assert runs("whole").model is None
    assert set(runs("points", "on_b").head) == {"topics", "negative"}
    assert zoo.load_run is load_run


def test_parts_are_named_and_chosen(runs, trained):
    assert parts(trained("tracks")) == ["anger", "happiness"]
    assert parts(trained("diameters")) == ["", "pruned"]
    assert parts(str(trained("pictures"))) == [""]
    assert runs("diameters").part == ""  # the one that is meant
    main, pruned = runs("diameters"), runs("diameters", "pruned")
    assert np.abs(main.predict(SERIES) - pruned.predict(SERIES)).max() > 0.01
    for part in [None, ""]:
        with pytest.raises(ValueError, match="several models.*'anger', 'happiness'"):
            load_run(trained("tracks"), part)
    with pytest.raises(ValueError, match="no part 'fear'. Expected one of 'anger'"):
        load_run(trained("tracks"), "fear")


def test_one_part_needs_no_choice(copied, runs):
    def change(serving):
        del serving["parts"]["anger"]

    run = load_run(copied("tracks", change))
    assert run.part == "happiness"
    wanted = runs("tracks", "happiness").predict(TRACK)
    np.testing.assert_array_equal(run.predict(TRACK), wanted)


def test_pictures_are_answered_as_the_network_does(runs):
    run = runs("pictures")
    answers = run.predict(SMOOTH)
    assert answers.shape == (5, 2) and answers.dtype == np.float64
    # The classifier is a sigmoid: its answers need not sum to 1.
    raw = plain(run, SMOOTH).astype(float)
    assert np.abs(raw.sum(axis=1) - 1).max() > 0.01
    np.testing.assert_allclose(
        answers, raw / raw.sum(axis=1, keepdims=True), rtol=1e-5, atol=1e-9
    )
    assert np.ptp(answers[:, 1]) > 0.05  # or nothing here would prove anything


@pytest.mark.parametrize("kind", ["pictures", "whole", "twelve"])
def test_all_forms_of_pictures_are_the_same(kind, runs):
    run = runs(kind)
    wanted = run.predict(SMOOTH)
    forms = [
        list(SMOOTH),
        tuple(SMOOTH),
        SMOOTH.astype("float32"),
        SMOOTH.astype("int64"),
        [*SMOOTH[:2], *SMOOTH[2:].astype("float64")],
        tf.constant(SMOOTH),
        [tf.constant(picture) for picture in SMOOTH],
    ]
    for form in forms:
        np.testing.assert_allclose(run.predict(form), wanted, atol=1e-6)
    np.testing.assert_allclose(wanted.sum(axis=1), 1, atol=1e-9)


def test_pictures_of_different_sizes_and_of_one_channel(runs):
    run = runs("pictures")
    mixed = [SMOOTH[0], SMOOTH[1, :20, :30], PICTURES[2, :1, :1], SMOOTH[3, :, :7]]
    one_by_one = [run.predict(picture[None])[0] for picture in mixed]
    np.testing.assert_allclose(run.predict(mixed), one_by_one, atol=1e-6)
    grey = SMOOTH[..., :1]
    wanted = run.predict(grey.repeat(3, axis=-1))
    np.testing.assert_allclose(run.predict(grey), wanted, atol=1e-6)
    np.testing.assert_allclose(run.predict(list(grey)), wanted, atol=1e-6)


def test_more_pictures_than_a_batch_keep_their_order(runs):
    run = runs("pictures")
    order = RNG.integers(0, 5, 70)
    wanted = run.predict(SMOOTH)[order]
    np.testing.assert_allclose(run.predict(SMOOTH[order]), wanted, atol=1e-6)
    np.testing.assert_allclose(run.predict(list(SMOOTH[order])), wanted, atol=1e-6)


def test_a_head_on_features_and_classes_it_does_not_know(runs):
    run = runs("twelve")
    answers = run.predict(SMOOTH)
    features = zoo.feature_extractor(run.model)(SMOOTH.astype("float32"))
    wanted = run.head.predict_proba(np.asarray(features))
    np.testing.assert_allclose(answers[:, [0, 4, 5]], wanted, atol=1e-6)
    assert (answers[:, [1, 2, 3]] < 1e-11).all() and (answers > 0).all()


def test_a_head_on_pixels(runs):
    run = runs("whole")
    small = np.asarray(PreparePictures(8)(SMOOTH)) / 2 + 0.5
    wanted = run.head.predict_proba(small.reshape(5, -1))
    np.testing.assert_allclose(run.predict(SMOOTH), wanted, atol=1e-6)


@pytest.mark.parametrize(
    "pictures, told",
    [
        (SMOOTH[0], r"shape \(40, 50, 3\): put a single picture into a list"),
        ([SMOOTH], r"shape \(5, 40, 50, 3\)"),
        (SMOOTH[..., 0], r"shape \(5, 40, 50\)"),
        (SMOOTH / 255, "look like pictures scaled to 0..1: multiply by 255"),
        ([SMOOTH[0], SMOOTH[1] / 255], "scaled to 0..1: multiply by 255"),
        (np.where(SMOOTH == SMOOTH.max(), np.nan, SMOOTH), "Received values from nan"),
        (SMOOTH - 128.0, "Received values from -"),
        (SMOOTH.astype(int) - 128, "Received values from -"),
        (SMOOTH * 256.0, "to 4"),
        (SMOOTH.astype(int) * 2, "to 3"),
        (np.concatenate([SMOOTH, SMOOTH[..., :1]], axis=-1), "alpha channel"),
        (SMOOTH[..., :2], r"shape \(5, 40, 50, 2\)"),
        (SMOOTH.astype(object), "type object"),
        ([SMOOTH[0].astype(object)], "type object"),
        (SMOOTH > 100, "type bool"),
        (SMOOTH[:, :0], r"shape \(5, 0, 50, 3\)"),
        ("face.jpg", "Expected pictures"),
        (["face.jpg"], "Expected pictures"),
        ({"picture": SMOOTH}, "Expected pictures"),
        (None, "Expected pictures"),
        ([[1, [2, 3]]], "Expected pictures"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_pictures_that_are_none_are_refused(pictures, told, runs):
    with pytest.raises(ValueError, match=told):
        runs("pictures").predict(pictures)


def test_black_and_nearly_black_pictures_are_pictures(runs):
    for picture in [0 * SMOOTH, 0.0 * SMOOTH, SMOOTH // 255 + 1]:
        assert runs("pictures").predict(picture).shape == (5, 2)


def test_nothing_gives_nothing(runs):
    for kind, classes in [("pictures", 2), ("twelve", 6), ("diameters", 2)]:
        assert runs(kind).predict([]).shape == (0, classes)
    assert runs("tracks", "anger").predict([]).shape == (0, 2)
    assert runs("recordings", "on_a").predict([]) == []
    assert runs("pictures").predict(SMOOTH[:0]).shape == (0, 2)
    assert runs("twelve").predict(SMOOTH[:0]).shape == (0, 6)
    assert runs("diameters").predict(np.zeros((0, 9))).shape == (0, 2)
    for kind, part in [("recordings", "on_a"), ("points", "on_b")]:
        assert runs(kind, part).predict(RECORDING[:0]).shape == (0, 2)


def test_a_stream_is_taken_item_by_item(runs):
    left = iter(range(9))
    answers = runs("pictures").predict(SMOOTH[:2] for _ in left)
    wanted = runs("pictures").predict(SMOOTH[:2])
    for count in (0, 1, 2):
        assert left.__length_hint__() == 9 - count
        np.testing.assert_allclose(next(answers), wanted, atol=1e-6)
    assert list(runs("pictures").predict(iter([]))) == []


def test_nothing_of_a_stream_is_kept(runs):
    import gc
    import weakref

    alive = []

    def pictures():
        for _ in range(4):
            batch = np.array(SMOOTH)
            alive.append(weakref.ref(batch))
            yield batch
            del batch

    for _ in runs("pictures").predict(pictures()):
        gc.collect()
        # The item of this answer may still be held by the loop over the items.
        assert sum(one() is not None for one in alive) <= 1


def test_an_item_that_is_wrong_is_told_when_it_comes(runs):
    answers = runs("pictures").predict(iter([SMOOTH, SMOOTH / 255]))
    assert next(answers).shape == (5, 2)
    with pytest.raises(ValueError, match=r"0\.\.255"):
        next(answers)


def test_a_tf_data_dataset_with_and_without_labels(runs):
    run = runs("pictures")
    wanted = run.predict(SMOOTH)
    plainly = tf.data.Dataset.from_tensor_slices(SMOOTH).batch(2)
    labelled = tf.data.Dataset.from_tensor_slices((SMOOTH, np.arange(5))).batch(2)
    for dataset in (plainly, labelled):
        found = list(run.predict(dataset))
        assert [len(some) for some in found] == [2, 2, 1]
        np.testing.assert_allclose(np.concatenate(found), wanted, atol=1e-6)


def test_streams_of_the_other_kinds(runs, track):
    both = runs("points", "on_a").predict(iter([RECORDING, [RECORDING[:2], RECORDING]]))
    one, two = both
    assert one.shape == (6, 2) and [len(some) for some in two] == [2, 6]
    [one, two] = runs("diameters").predict(iter([SERIES, SERIES[:1]]))
    assert len(one) == 3 and len(two) == 1
    [one] = runs("diameters").predict(iter([tuple(SERIES)]))  # no inputs and labels
    assert len(one) == 3
    [two] = runs("points", "on_a").predict(iter([(RECORDING, RECORDING[:2])]))
    assert [len(some) for some in two] == [6, 2]
    [one, two] = runs("tracks", "anger").predict(iter([track, TRACK]))
    assert one.shape == two.shape == (1, 2)
