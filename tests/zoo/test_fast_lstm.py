"""The compiled LSTM against Keras's own and against differences of a NumPy one."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.zoo.helpers import lstm


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.5, shape)


def pair(units, width=3, steps=12, dtype="float64", **arguments):
    """Keras's layer and ours with the same weights."""
    layers = [
        kind(units, dtype=dtype, **arguments)
        for kind in (keras.layers.LSTM, zoo.layers.LSTM)
    ]
    shapes = (width, 4 * units), (units, 4 * units), (4 * units,)
    for layer in layers:
        layer.build((None, steps, width))
        layer.set_weights([normal(*shape, seed=k) for k, shape in enumerate(shapes)])
    return layers


def compiled(model, *inputs, training=True):
    """Whether the graph of a pass holds the compiled functions."""
    run = tf.function(lambda *given: model(*given, training=training))
    library = run.get_concrete_function(*inputs).graph.as_graph_def().library
    return any(
        "lstm_forward" in function.signature.name for function in library.function
    )


def outputs_and_gradients(layer, x, states, upstream):
    """What comes out, and the gradients of its product with `upstream`."""
    x, states = tf.constant(x), [tf.constant(state) for state in states]
    with tf.GradientTape() as tape:
        tape.watch([x, *states])
        results = layer(x, initial_state=states, training=True)
        loss = sum(
            tf.reduce_sum(result * weight)
            for result, weight in zip(results, upstream, strict=True)
        )
    variables = [weight.value for weight in layer.trainable_weights]
    return results, tape.gradient(loss, [x, *states, *variables])


@pytest.mark.parametrize(
    "units, dtype, sequences",
    # Sums of products up to 24 units, matrix products above.
    [(10, "float32", True), (1, "float64", False), (30, "float64", True)],
)
def test_outputs_and_gradients_are_those_of_keras(units, dtype, sequences):
    plain, ours = pair(
        units, dtype=dtype, return_sequences=sequences, return_state=True
    )
    x = normal(5, 12, 3).astype(dtype)
    states = normal(2, 5, units, seed=7).astype(dtype)
    shape = (5, 12, units) if sequences else (5, units)
    upstream = [normal(*shape, seed=8), *normal(2, 5, units, seed=9)]
    upstream = [weight.astype(dtype) for weight in upstream]
    assert compiled(ours, x) and not compiled(plain, x)
    want = outputs_and_gradients(plain, x, states, upstream)
    got = outputs_and_gradients(ours, x, states, upstream)
    for one, other in zip(tf.nest.flatten(got), tf.nest.flatten(want), strict=True):
        assert one.dtype == dtype
        scale = max(1, np.abs(other).max())
        tolerance = 2e-6 if dtype == "float32" else 1e-12
        np.testing.assert_allclose(one / scale, other / scale, atol=tolerance)


def test_gradients_are_differences():
    layer = pair(3, steps=7, return_sequences=True)[1]
    arrays = [normal(2, 7, 3), *layer.get_weights()]
    upstream = normal(2, 7, 3, seed=5)
    x = tf.constant(arrays[0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x, training=True)
        loss = tf.reduce_sum(outputs * upstream)
    np.testing.assert_allclose(outputs, lstm(*arrays), atol=1e-12)
    variables = [weight.value for weight in layer.trainable_weights]
    gradients = tape.gradient(loss, [x, *variables])
    for place, gradient in enumerate(gradients):
        chosen = np.random.default_rng(0).permutation(arrays[place].size)[:40]
        for index in chosen:
            losses = []
            for change in (1e-6, -1e-6):
                moved = [array.copy() for array in arrays]
                moved[place].flat[index] += change
                losses.append(np.sum(lstm(*moved) * upstream))
            slope = (losses[0] - losses[1]) / 2e-6
            np.testing.assert_allclose(gradient.numpy().flat[index], slope, atol=1e-7)


def test_a_long_sequence_keeps_its_precision():
    layer = pair(10, width=1, steps=1168, dtype="float32", return_sequences=True)[1]
    x = normal(5, 1168, 1)
    want = lstm(x, *[weight.astype(float) for weight in layer.get_weights()])
    got = layer(x.astype("float32"), training=True)
    np.testing.assert_allclose(got, want, atol=2e-6)


def dense():
    return keras.layers.Dense(1)


@pytest.mark.parametrize("jit_compile, batch", [("auto", 5), (True, 4)])
def test_fit(jit_compile, batch):
    x, y = normal(8, 20, 2), normal(8, 1)
    histories = []
    for kind, jit in [(keras.layers.LSTM, "auto"), (zoo.layers.LSTM, jit_compile)]:
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((20, 2)), kind(4), dense()])
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit)
        fit = model.fit(x, y, batch_size=batch, epochs=3, shuffle=False, verbose=0)
        histories.append(fit.history["loss"])
    np.testing.assert_allclose(*histories, rtol=1e-5)
    assert histories[0][-1] < histories[0][0]


@pytest.mark.parametrize(
    "arguments",
    [
        {"activation": "relu"},
        {"recurrent_activation": "hard_sigmoid"},
        {"use_bias": False},
        {"dropout": 0.3, "seed": 1},
        {"recurrent_dropout": 0.3, "seed": 1},
        {"go_backwards": True},
        {"unroll": True},
        {"dtype": "float16"},
        {"dtype": "mixed_bfloat16"},
    ],
)
def test_what_is_not_compiled_is_left_to_keras(arguments):
    x = normal(2, 6, 3).astype("float32")
    results = []
    for kind in (keras.layers.LSTM, zoo.layers.LSTM):
        keras.utils.set_random_seed(0)
        layer = kind(4, **arguments)
        assert not compiled(layer, x)
        results.append(np.asarray(layer(x, training=True), "float32"))
    np.testing.assert_array_equal(*results)


def test_masks_and_unknown_lengths_are_left_to_keras():
    x = normal(2, 6, 3).astype("float32")
    plain, ours = pair(4, dtype="float32")
    mask = np.arange(6) < [[4], [6]]
    got, want = (layer(x, mask=mask, training=True) for layer in (ours, plain))
    np.testing.assert_array_equal(got, want)
    assert compiled(ours, tf.TensorSpec((None, 6, 3)))
    assert not compiled(ours, tf.TensorSpec((None, None, 3)))
    assert not compiled(lambda *a, **k: ours(*a, mask=mask, **k), x)


def test_state_is_carried_over():
    x = normal(2, 6, 3).astype("float32")
    plain, ours = pair(4, dtype="float32")
    results = []
    for layer in plain, ours:
        stateful = type(layer)(4, stateful=True)
        stateful.build((2, 3, 3))
        stateful.set_weights([*layer.get_weights(), *stateful.get_weights()[3:]])
        stateful(x[:, :3], training=True)
        results.append(stateful(x[:, 3:], training=True))
    np.testing.assert_allclose(results[1], plain(x), atol=1e-6)
    np.testing.assert_allclose(*results, atol=1e-6)


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_files_of_one_layer_load_into_the_other(suffix, tmp_path):
    models = [
        keras.Sequential([keras.Input((6, 3)), kind(4), dense()])
        for kind in (keras.layers.LSTM, zoo.layers.LSTM)
    ]
    x = normal(2, 6, 3).astype("float32")
    for place, (one, other) in enumerate(itertools.permutations(models)):
        path = tmp_path / f"{place}{suffix}"
        one.save(path) if suffix == ".keras" else one.save_weights(path)
        other.set_weights([weight + 1 for weight in other.get_weights()])
        other.load_weights(path)
        np.testing.assert_array_equal(one(x), other(x))


def test_a_keras_file_keeps_the_layer(tmp_path):
    model = keras.Sequential([keras.Input((6, 3)), zoo.layers.LSTM(4)])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.layers[0]) is zoo.layers.LSTM
    x = normal(2, 6, 3).astype("float32")
    np.testing.assert_array_equal(again(x), model(x))
    assert compiled(again, x)
