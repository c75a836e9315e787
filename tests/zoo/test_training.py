import csv
import pathlib
import re

import keras
import numpy as np
import pytest

import zoo

TABLE = pathlib.Path(__file__).parents[1] / "parity/inception_v4/name_map.csv"
CLASSIFIER = 1536 * 2 + 2
MODES = {
    1: r"$^",
    2: r"Mixed_7[bcd]",
    3: r"Mixed_7",
    4: r"Mixed_(7|6[b-h])",
    5: r"Mixed_[67]",
    "Mixed_7b": r"Mixed_7b",
    "Conv2d_2a_3x3": r"Conv2d_2a",
}


def trainable(pattern):
    """Kernel and shift of every convolution in the reference's own table."""
    with TABLE.open() as file:
        rows = [r for r in csv.DictReader(file) if "Aux" not in r["tf_scope"]]
    total = 0
    for row in rows:
        if re.match(rf"InceptionV4/({pattern})", row["tf_scope"]):
            kh, kw, cin, cout = (int(row[k]) for k in ("kh", "kw", "cin", "cout"))
            total += kh * kw * cin * cout + cout
    return total + CLASSIFIER


def count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


@pytest.fixture(scope="module")
def inception():
    return zoo.InceptionV4(input_shape=(75, 75, 3), classes=2)


@pytest.mark.parametrize("mode", MODES)
def test_trainable_parameters_per_mode(inception, mode):
    model = zoo.train_layers(inception, mode)
    assert model is inception
    assert count(model.trainable_weights) == trainable(MODES[mode])


def test_mode_0_undoes_the_others(inception):
    everything = trainable(".*")
    zoo.train_layers(inception, 1)
    assert count(zoo.train_layers(inception, 0).trainable_weights) == everything


def test_frozen_weights_and_statistics_do_not_move(inception):
    zoo.train_layers(inception, "Mixed_7d")
    inception.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    before = {w.path: w.numpy() for w in inception.weights}
    pictures = np.random.default_rng(0).uniform(-1, 1, (4, 75, 75, 3))
    inception.fit(pictures, np.array([0, 1, 0, 1]), epochs=1, batch_size=2, verbose=0)
    moved = {w.path for w in inception.weights if not np.array_equal(before[w.path], w)}
    assert moved
    assert all("Mixed_7d" in path or "predictions" in path for path in moved)
    # The block's own batch statistics do move.
    assert any("Mixed_7d" in path and "moving_mean" in path for path in moved)


def test_shallow_cnn():
    model = zoo.ShallowCNN(input_shape=(32, 32, 3))
    zoo.train_layers(model, 1)
    assert count(model.trainable_weights) == 2048 * 2 + 2
    zoo.train_layers(model, "conv_4")
    assert count(model.trainable_weights) == 2048 * 2 + 2 + 3 * 3 * 24 * 32 + 32
    with pytest.raises(ValueError, match="'Mixed_7b', but 'shallow_cnn' has no"):
        zoo.train_layers(model, 2)


@pytest.mark.parametrize("mode", [-1, 6, 1.0, None, "Mixed_9z", "Mixed_7", "Mixed"])
def test_unknown_mode(inception, mode):
    with pytest.raises(ValueError, match="mode"):
        zoo.train_layers(inception, mode)


@pytest.mark.parametrize("block", ["conv", "pool_1", "flatten", "dropout"])
def test_what_has_no_weights_is_no_block(block):
    with pytest.raises(ValueError, match="no block with weights of that name"):
        zoo.train_layers(zoo.ShallowCNN(input_shape=(32, 32, 3)), block)
