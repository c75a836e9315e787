"""What is compared between backends: networks, layers, and a step of training each.

Used twice: by `reference.py`, which computes with TensorFlow, and by the tests, which
compute the same with another backend.
"""

import functools
import pathlib
import re

import keras
import numpy as np

import zoo
from zoo import layers

DOCS = pathlib.Path(__file__).parents[2] / "docs" / "backends.md"
ROW = re.compile(r"^\| `(?P<name>[^`]+)` \| (?P<jax>\S+) \| (?P<torch>\S+) \|", re.M)
MASKED_FROM = np.array([4, 9, 6])  # of nine steps


def documented(backend):
    """The largest difference that the docs give each case."""
    rows = ROW.finditer(DOCS.read_text())
    return {row["name"]: row[backend] for row in rows}


def rng():
    return np.random.default_rng(0)


def pictures(side, count=4):
    return rng().uniform(-1, 1, (count, side, side, 3)).astype("float32")


def normal(*shape):
    return rng().normal(size=shape).astype("float32")


def labels(*shape):
    """Both classes, in turn."""
    return (np.arange(np.prod(shape)) % 2).reshape(shape).astype("int32")


def diameters():
    """Series in millimetres with blinks, gaps, ends before the last sample."""
    values = rng().normal(4, 0.5, (5, 70)).astype("float32")
    values[0, 10:14] = np.nan
    values[1, :5] = 0
    values[2, 40:] = 0
    values[3, 20] = np.inf
    return values


def points():
    """Kinect points, some not measured."""
    xy = rng().uniform(100, 400, (6, 100, 2))
    z = rng().normal(1500, 20, (6, 100, 1))
    values = np.concatenate([xy, z], axis=-1).astype("float32")
    values[1, :40, 2] = 0
    values[2, 3, 2] = np.nan
    values[3, 17] = 0
    values[4, :, 2] = 0
    return values


def frames(*shape):
    return rng().normal(3, 20, shape).astype("float32")


def masked():
    """Sequences that end at different steps; zeros stand for no step."""
    values = normal(3, 9, 4)
    values[np.arange(9) >= MASKED_FROM[:, None]] = 0
    values[1, 0] = 0  # and one that begins late
    return values


# Name: builder, its arguments, inputs, labels.
BUILDERS = {
    "InceptionV4": (
        zoo.InceptionV4,
        {"input_shape": (75, 75, 3), "classes": 2},
        functools.partial(pictures, 75),
        labels(4),
    ),
    "ShallowCNN": (
        zoo.ShallowCNN,
        {"input_shape": (48, 48, 3)},
        functools.partial(pictures, 48),
        labels(4),
    ),
    "GrammaticalLSTM": (
        zoo.GrammaticalLSTM,
        {},
        functools.partial(normal, 8, 1, 118),
        labels(8),
    ),
    "GrammaticalLSTM, 7 steps": (
        zoo.GrammaticalLSTM,
        {"input_shape": (7, 118)},
        functools.partial(normal, 8, 7, 118),
        labels(8),
    ),
    "GrammaticalMLP": (
        zoo.GrammaticalMLP,
        {},
        functools.partial(normal, 8, 118),
        labels(8),
    ),
    "GrammaticalSequence": (
        zoo.GrammaticalSequence,
        {},
        functools.partial(normal, 3, 20, 118),
        labels(3, 20),
    ),
    "PupilLSTM": (
        zoo.PupilLSTM,
        {"input_shape": (60, 2)},
        functools.partial(normal, 5, 60, 2),
        labels(5),
    ),
    "PupilCourse": (
        zoo.PupilCourse,
        {},
        functools.partial(normal, 5, 720, 2),
        labels(5),
    ),
}


def build(name, weights=None):
    """A builder's network, without dropout: each backend draws its own numbers."""
    builder, arguments, *_ = BUILDERS[name]
    return builder(weights=weights, dropout=0.0, **arguments)


def alone(layer, *shape):
    """A model of one layer."""
    return keras.Sequential([keras.Input(shape), layer])


def grid(tied, mask=False, **arguments):
    cell = zoo.GridLSTMCell(6, 3, tied)
    before = [keras.layers.Masking()] if mask else []
    recurrent = keras.layers.RNN(cell, return_sequences=True, **arguments)
    return keras.Sequential([keras.Input((9, 4)), *before, recurrent])


def aligned_mesh():
    """Both outputs of the layer in one."""
    points = keras.Input((468, 3))
    aligned, pose = layers.AlignedMesh()(points)
    flat = keras.layers.Flatten()(aligned)
    return keras.Model(points, keras.layers.Concatenate()([flat, pose]))


def from_raw(layer, network, *shape):
    """A network that takes what a user has."""
    return network(input_tensor=layer(keras.Input(shape)), dropout=0.0)


def raw_pictures(side):
    return rng().integers(0, 256, (4, side, side + 7, 3)).astype("float32")


# Name: the model, its inputs, labels or targets (`None` where nothing learns).
MODELS = {
    "PreparePictures, smaller": (
        lambda: alone(layers.PreparePictures(24), None, None, 3),
        functools.partial(raw_pictures, 61),
        None,
    ),
    "PreparePictures, larger": (
        lambda: alone(layers.PreparePictures(40), None, None, 3),
        functools.partial(raw_pictures, 17),
        None,
    ),
    "FilledDiameters": (
        lambda: alone(layers.FilledDiameters(60), None),
        diameters,
        None,
    ),
    "StandardisedDiameters": (
        lambda: alone(layers.StandardisedDiameters(80), None),
        diameters,
        None,
    ),
    "FrameGeometry": (lambda: alone(layers.FrameGeometry(), 100, 3), points, None),
    "FrameGeometry, relative": (
        lambda: alone(layers.FrameGeometry(relative_depth=True), 100, 3),
        points,
        None,
    ),
    "AlignedMesh": (aligned_mesh, functools.partial(frames, 4, 468, 3), None),
    "AlignedFace": (lambda: alone(layers.AlignedFace(), 100, 3), points, None),
    "LocalStandardisation": (
        lambda: alone(layers.LocalStandardisation(15), None, 5),
        functools.partial(frames, 2, 40, 5),
        None,
    ),
    "RecordingStandardisation": (
        lambda: alone(layers.RecordingStandardisation(), 5),
        functools.partial(frames, 30, 5),
        None,
    ),
    "TemporalContext": (
        lambda: alone(layers.TemporalContext(), None, 5),
        functools.partial(frames, 2, 40, 5),
        None,
    ),
    "LSTM": (
        lambda: alone(layers.LSTM(7, return_sequences=True), 30, 4),
        functools.partial(normal, 3, 30, 4),
        normal(3, 30, 7),
    ),
    "GridLSTMCell": (
        lambda: grid("depth"),
        functools.partial(normal, 3, 9, 4),
        normal(3, 9, 6),
    ),
    "GridLSTMCell, none tied": (
        lambda: grid(None),
        functools.partial(normal, 3, 9, 4),
        normal(3, 9, 6),
    ),
    "GridLSTMCell, all tied": (
        lambda: grid("all"),
        functools.partial(normal, 3, 9, 4),
        normal(3, 9, 6),
    ),
    "GridLSTMCell, masked": (lambda: grid("depth", mask=True), masked, normal(3, 9, 6)),
    "GridLSTMCell, backwards": (
        lambda: grid("depth", mask=True, go_backwards=True),
        masked,
        normal(3, 9, 6),
    ),
    "ShallowCNN from pictures": (
        lambda: from_raw(layers.PreparePictures(32), zoo.ShallowCNN, None, None, 3),
        functools.partial(raw_pictures, 50),
        labels(4),
    ),
    "PupilLSTM from diameters": (
        lambda: from_raw(layers.StandardisedDiameters(60), zoo.PupilLSTM, None),
        diameters,
        labels(5),
    ),
    "GrammaticalMLP from points": (
        lambda: from_raw(layers.FrameGeometry(), zoo.GrammaticalMLP, 100, 3),
        lambda: points()[[0, 1, 2, 5]],
        labels(4),
    ),
}

# The network with parametric bias, where the next context comes from.
CONTEXTS = ("hidden", "grid")
RATES = {"learning_rate": 0.2, "pb_rate": 5, "verbose": 0}


def lstm_pb(context):
    return zoo.LSTMPB(
        8, 3, pb_units=4, context_units=5, features=6, context=context, name="lstm_pb"
    )


def tracks():
    return [rng().uniform(-1, 1, (length, 6)).astype("float32") for length in (9, 6)]


def modes(model):
    """What the three modes of the network and its call give; trains it."""
    first = np.stack([track[0] for track in tracks()])
    seen = np.stack([track[:6] for track in tracks()])
    pb = normal(2, 4)
    found = {
        "call": keras.ops.convert_to_numpy(model((seen, pb))),
        "generate": model.generate(pb, first, 6),
        "recognise": model.recognise(tracks(), steps=6),
    }
    history = model.fit(tracks(), [0, 1], epochs=3, **RATES).history
    found["losses"] = np.array(history["loss"])
    weights = {f"fit_{n:02}": value for n, value in enumerate(model.get_weights())}
    return found | weights


LIMITS = {"low": 55, "high": 125}  # of the angles: some units of each layer go


def hidden_layer():
    """A network whose dense layer is pruned, and patterns."""
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(24, "sigmoid", name="hidden"),
            keras.layers.Dense(2, "softmax", name="out"),
        ]
    ), normal(64, 6)


def pruned(model, patterns):
    """What pruning and masking leave of the units, and what the network then says."""
    smaller = zoo.pruning.prune(model, "hidden", patterns, **LIMITS)
    found = zoo.pruning.mask(model, "hidden", patterns, **LIMITS)
    compact = zoo.pruning.compact(model, "hidden")
    return {
        "kept": found.kept,
        "pruned": smaller.predict(patterns, verbose=0),
        "masked": model.predict(patterns, verbose=0),
        "compact": compact.predict(patterns, verbose=0),
        "kernel": np.array(smaller.get_layer("out").get_weights()[0]),
    }


def pruned_in_training(model, patterns):
    """The same for the callback."""
    callback = zoo.DistinctivenessPruning("hidden", patterns, every=2, **LIMITS)
    model.compile(keras.optimizers.SGD(0.5, 0.9), "sparse_categorical_crossentropy")
    truth = (patterns[:, 0] * patterns[:, 1] > 0).astype("int32")
    options = {"batch_size": 16, "shuffle": False, "verbose": 0}
    fit = model.fit(patterns, truth, epochs=5, callbacks=[callback], **options)
    compact = zoo.pruning.compact(model, "hidden")
    kept = [found.kept for _, found in callback.pruned]
    return {
        "units": np.array(fit.history["hidden_units"]),
        "kept": np.concatenate(kept),
        "loss": np.array(fit.history["loss"]),
        "masked": model.predict(patterns, verbose=0),
        "compact": compact.predict(patterns, verbose=0),
    }


PRUNING = {
    "zoo.pruning": pruned,
    "DistinctivenessPruning": pruned_in_training,
}


def step(model, x, y):
    """One step of SGD.

    Batch normalisation stays as it is in use. With the statistics of four pictures in
    149 layers, a change of 1e-6 in the pictures changes probabilities of Inception V4
    by 0.05 on TensorFlow alone: there would be nothing to compare.

    Returns:
        The loss, and the change of every weight, both as NumPy has them.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    before = model.get_weights()
    loss = "sparse_categorical_crossentropy" if y.dtype == "int32" else "mse"
    # TensorFlow is used once: a graph would cost more than it saves.
    eager = keras.backend.backend() == "tensorflow"
    # A long step: a short one would be lost in the rounding of the weights.
    model.compile(keras.optimizers.SGD(100.0), loss, run_eagerly=eager)
    value = float(model.train_on_batch(x, y))
    changes = [a - b for a, b in zip(model.get_weights(), before, strict=True)]
    return value, changes


def answers(model, x):
    """Outputs, and the features where a model has them."""
    found = {"outputs": model.predict(x, verbose=0, batch_size=len(x))}
    if any(layer.name == "features" for layer in model.layers):
        extractor = zoo.feature_extractor(model)
        found["features"] = extractor.predict(x, verbose=0, batch_size=len(x))
    return found
