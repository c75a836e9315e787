"""`datasets.nvie.load`: pixels, labels, seeds and epochs."""

import subprocess
import sys

import cv2
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

from datasets import nvie

COUNT = 11


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    """An index over pictures of every kind of file and several sizes."""
    root = tmp_path_factory.mktemp("pictures")
    kinds = [("bmp", "RGB"), ("jpg", "RGB"), ("png", "RGB"), ("bmp", "L"),
             ("jpg", "L"), ("png", "L"), ("png", "RGBA"), ("png", "LA"),
             ("bmp", "RGBA"), ("png", "P"), ("BMP", "RGB")]  # fmt: skip
    rows = []
    for i, (suffix, mode) in enumerate(kinds):
        rng = np.random.default_rng(i)
        noise = rng.integers(0, 256, (7, 9, 3)).astype(np.uint8)
        pixels = cv2.resize(noise, (60 + 7 * i, 50 + 3 * i))
        path = root / f"{i}.{suffix}"
        Image.fromarray(pixels).convert(mode).save(path)
        rows.append((str(path), f"{i:03d}", nvie.EMOTIONS[i % 6], i % 2))
    return pd.DataFrame(rows, columns=["path", "subject", "emotion", "spontaneous"])


def passed(dataset):
    """One pass over the dataset: all pictures, all labels."""
    batches = [(x.numpy(), y.numpy()) for x, y in dataset]
    return tuple(np.concatenate(part) for part in zip(*batches, strict=True))


def test_pixels_are_those_of_keras_resizing(frame):
    pixels, _ = passed(nvie.load(frame, 24, 4))
    assert pixels.shape == (COUNT, 24, 24, 3)
    resize = keras.layers.Resizing(24, 24, antialias=True)
    for path, got in zip(frame["path"], pixels, strict=True):
        with Image.open(path) as image:
            decoded = np.asarray(image.convert("RGB"))
        expected = resize(decoded[None].astype(np.float32))[0]
        np.testing.assert_allclose(got, expected, atol=1e-3)
    # Without augmentation nothing is rounded.
    assert np.abs(pixels - pixels.round()).max() > 0.3
    assert pixels.min() >= 0 and pixels.max() <= 255


@pytest.mark.parametrize("augment", [False, True])
def test_types_shapes_and_length(frame, augment):
    dataset = nvie.load(frame, 24, 4, augment=augment)
    pictures, labels = dataset.element_spec
    assert pictures.shape.as_list() == [None, 24, 24, 3]
    assert (pictures.dtype, labels.dtype) == (tf.float32, tf.int32)
    assert dataset.cardinality() == 3
    assert [len(y) for _, y in dataset] == [4, 4, 3]


def test_labels(frame):
    spontaneous = nvie.task_labels(frame, "spontaneous")
    assert spontaneous.tolist() == [0, 1] * 5 + [0]
    emotion = nvie.task_labels(frame, "emotion")
    for label, row in zip(emotion, frame.itertuples(), strict=True):
        part = "spontaneous" if row.spontaneous else "posed"
        assert nvie.CLASS_NAMES["emotion"][label] == f"{part} {row.emotion}"
    assert nvie.CLASS_NAMES["spontaneous"] == ("posed", "spontaneous")
    assert len(set(nvie.CLASS_NAMES["emotion"])) == 12
    for task, expected in (("spontaneous", spontaneous), ("emotion", emotion)):
        assert passed(nvie.load(frame, 8, 4, task=task))[1].tolist() == list(expected)


def test_labels_stay_with_their_pictures_when_shuffled(frame):
    plain = passed(nvie.load(frame, 8, 4, task="emotion"))
    mixed = passed(nvie.load(frame, 8, 3, task="emotion", shuffle=True))
    assert not np.array_equal(plain[0], mixed[0])
    order = places(plain[0], mixed[0])
    assert sorted(order) == list(range(COUNT))
    assert plain[1][order].tolist() == mixed[1].tolist()


def places(pictures, among):
    """For each of `among`, where the very same picture stands in `pictures`."""
    same = (among[:, None] == pictures[None]).all(axis=(2, 3, 4))
    assert (same.sum(axis=1) == 1).all()
    return same.argmax(axis=1)


def test_augmentation_changes_every_epoch_and_repeats_with_the_seed(frame):
    dataset = nvie.load(frame, 32, 4, augment=True, shuffle=True, seed=5)
    first, second = passed(dataset), passed(dataset)
    assert not np.array_equal(first[0], second[0])
    assert (first[0] == first[0].round()).all()
    assert first[0].min() >= 0 and first[0].max() <= 255

    again = nvie.load(frame, 32, 4, augment=True, shuffle=True, seed=5)
    np.testing.assert_array_equal(passed(again)[0], first[0])
    resumed = nvie.load(frame, 32, 4, augment=True, shuffle=True, seed=5, epoch=1)
    for got, expected in zip(passed(resumed), second, strict=True):
        np.testing.assert_array_equal(got, expected)
    other = nvie.load(frame, 32, 4, augment=True, shuffle=True, seed=6)
    assert not np.array_equal(passed(other)[0], first[0])


def test_order_changes_every_epoch(frame):
    dataset = nvie.load(frame, 8, 4, shuffle=True)
    plain = passed(nvie.load(frame, 8, 4))[0]
    orders = [places(plain, passed(dataset)[0]).tolist() for _ in range(3)]
    assert len(set(map(tuple, orders))) == 3
    unshuffled = nvie.load(frame, 8, 4)
    assert passed(unshuffled)[0].tolist() == passed(unshuffled)[0].tolist()


def test_a_picture_is_augmented_alike_in_any_order_and_batch(frame):
    plain = passed(nvie.load(frame, 32, 4, augment=True))[0]
    mixed = passed(nvie.load(frame, 32, 3, augment=True, shuffle=True))[0]
    assert sorted(places(plain, mixed)) == list(range(COUNT))


DETERMINISTIC = """
import sys
import numpy as np, pandas as pd, tensorflow as tf
tf.config.experimental.enable_op_determinism()
tf.keras.utils.set_random_seed(0)
from datasets import nvie
dataset = nvie.load(pd.read_csv(sys.argv[1]), 32, 4, augment=True, shuffle=True)
np.save(sys.argv[2], np.concatenate([x for x, _ in dataset]))
"""


def test_op_determinism_changes_nothing(frame, tmp_path):
    frame.to_csv(tmp_path / "index.csv", index=False)
    arguments = [str(tmp_path / "index.csv"), str(tmp_path / "pixels.npy")]
    subprocess.run([sys.executable, "-c", DETERMINISTIC, *arguments], check=True)
    expected = passed(nvie.load(frame, 32, 4, augment=True, shuffle=True))[0]
    np.testing.assert_array_equal(np.load(arguments[1]), expected)


def test_fit_takes_one_pass_an_epoch(frame):
    dataset = nvie.load(frame, 8, 4, shuffle=True, epoch=3)
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(),
                              keras.layers.Dense(1)])  # fmt: skip
    model.compile("sgd", "mse")
    model.fit(dataset, epochs=2, shuffle=False, verbose=0)
    later = nvie.load(frame, 8, 4, shuffle=True, epoch=5)
    np.testing.assert_array_equal(passed(dataset)[0], passed(later)[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": 0}, "size to be 1 or more, got 0"),
        ({"batch_size": 0}, "batch_size"),
        ({"seed": -1}, "seed"),
        ({"epoch": -1}, "epoch"),
        ({"task": "mood"}, "spontaneous or emotion, got 'mood'"),
    ],
)
def test_bad_arguments(frame, change, words):
    with pytest.raises(ValueError, match=words):
        nvie.load(**{"index": frame, "size": 8, "batch_size": 4} | change)


def test_missing_imgaug_is_told_at_once(frame, monkeypatch):
    monkeypatch.setitem(sys.modules, "imgaug", None)
    monkeypatch.setitem(sys.modules, "imgaug.augmenters", None)
    with pytest.raises(ImportError, match="Augmentation needs imgaug"):
        nvie.load(frame, 8, 4, augment=True)
    assert len(list(nvie.load(frame, 8, 4))) == 3


def test_bad_index(frame):
    with pytest.raises(ValueError, match="empty"):
        nvie.load(frame.iloc[:0], 8, 4)
    strange = frame.assign(emotion="bliss")
    with pytest.raises(ValueError, match="bliss"):
        nvie.load(strange, 8, 4, task="emotion")
    assert len(passed(nvie.load(strange, 8, 4))[1]) == COUNT
    with pytest.raises(ValueError, match="task"):
        nvie.task_labels(frame, "Spontaneous")
