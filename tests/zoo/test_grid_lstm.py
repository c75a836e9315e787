"""The Grid LSTM's cell in Keras's RNN against NumPy, and its gradients."""

import keras
import numpy as np
import pytest

import zoo

# Jax has float64 on request only, and Keras on Torch multiplies matrices in float32.
EXACT = 1e-12 if keras.backend.backend() == "tensorflow" else 1e-5
TIED = [None, "depth", "all"]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.5, shape)


def recurrent(units, depth, tied, width=3, dtype="float64", **arguments):
    """A built layer with weights larger than the initial ones."""
    cell = zoo.GridLSTMCell(units, depth, tied, dtype=dtype)
    layer = keras.layers.RNN(cell, return_sequences=True, dtype=dtype, **arguments)
    layer.build((None, None, width))
    shapes = [weight.shape for weight in layer.cell.weights]
    layer.cell.set_weights([normal(*shape, seed=k) for k, shape in enumerate(shapes)])
    return layer


def run(reference, weights, x, units, depth):
    """All outputs by NumPy, and the states at the end in the cell's order."""
    hidden = [np.zeros((len(x), units))] * depth
    memory, outputs = list(hidden), []
    for now in np.swapaxes(x, 0, 1):
        outputs.append(reference.grid(weights, now, hidden, memory))
    pairs = zip(hidden, memory, strict=True)
    states = [outputs[-1], *(one for pair in pairs for one in pair)]
    return np.stack(outputs, 1), states


@pytest.mark.parametrize("tied", TIED)
@pytest.mark.parametrize("units, depth", [(5, 1), (4, 3)])
def test_outputs_and_states_are_those_of_numpy(units, depth, tied, reference):
    layer = recurrent(units, depth, tied, return_state=True)
    x = normal(2, 6, 3)
    outputs, *states = map(keras.ops.convert_to_numpy, layer(x))
    want = run(reference, layer.cell.get_weights(), x, units, depth)
    np.testing.assert_allclose(outputs, want[0], atol=EXACT)
    assert len(states) == 1 + 2 * depth
    np.testing.assert_allclose(states, want[1], atol=EXACT)


def test_state_is_carried_over():
    x = normal(2, 6, 3)
    layer = recurrent(4, 2, "depth")
    want = keras.ops.convert_to_numpy(layer(x))
    stateful = keras.layers.RNN(layer.cell, stateful=True, dtype="float64")
    stateful(x[:, :4])
    assert len(stateful.states) == 5
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(stateful(x[:, 4:])), want[:, -1], atol=EXACT
    )


def test_masks_hold_the_state():
    x = normal(2, 6, 3)
    layer = recurrent(4, 2, "depth")
    want = keras.ops.convert_to_numpy(layer(x))
    last = keras.layers.RNN(layer.cell, dtype="float64")
    mask = np.arange(6) < np.array([[3], [6]])
    got = keras.ops.convert_to_numpy(last(x, mask=mask))
    np.testing.assert_allclose(got, [want[0, 2], want[1, 5]], atol=EXACT)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="GradientTape")
@pytest.mark.parametrize("tied", TIED)
def test_gradients_are_differences(tied, reference):
    import tensorflow as tf

    units, depth = 3, 3
    layer = recurrent(units, depth, tied)
    upstream, x = normal(2, 5, units, seed=9), normal(2, 5, 3)
    with tf.GradientTape() as tape:
        given = tf.constant(x)
        tape.watch(given)
        loss = tf.reduce_sum(layer(given) * upstream)
    variables = [weight.value for weight in layer.trainable_weights]
    gradients = tape.gradient(loss, [given, *variables])
    weights = layer.cell.get_weights()

    def numpy_loss():
        return np.sum(run(reference, weights, x, units, depth)[0] * upstream)

    for gradient, array in zip(gradients, [x, *weights], strict=True):
        chosen = np.random.default_rng(0).permutation(array.size)[:25]
        want = reference.slopes(numpy_loss, array, chosen)
        got = gradient.numpy().reshape(-1)[chosen]
        np.testing.assert_allclose(got, want, atol=1e-8)
        assert np.abs(got).max() > 1e-4


@pytest.mark.parametrize("units, depth, inputs", [(5, 3, 4), (512, 4, 64)])
def test_numbers_of_weights(units, depth, inputs):
    transform = 2 * units * 4 * units + 4 * units
    for tied, transforms in {None: 2 * depth, "depth": depth + 1, "all": 2}.items():
        cell = zoo.GridLSTMCell(units, depth, tied)
        cell.build((None, inputs))
        assert cell.count_params() == inputs * units + units + transforms * transform


def test_initial_weights_are_uniform_within_their_limits():
    keras.utils.set_random_seed(0)
    cell = zoo.GridLSTMCell(64, 2)
    cell.build((None, 25))
    limits = [1 / 5] * 2 + [128**-0.5] * 4
    for weight, limit in zip(cell.get_weights(), limits, strict=True):
        assert np.abs(weight).max() <= limit
        assert np.abs(weight).max() > 0.9 * limit
        assert weight.std() == pytest.approx(limit / 3**0.5, rel=0.3)
    for part in ("", "time_", "depth_"):
        bias = np.ravel(getattr(cell, f"{part}bias"))
        first = np.ravel(getattr(cell, f"{part}kernel"))[: bias.size]
        assert np.abs(np.corrcoef(first, bias)[0, 1]) < 0.5, part  # nor copies


@pytest.mark.parametrize("tied", [None, "all"])
def test_a_keras_file_brings_the_cell_back(tied, tmp_path):
    inputs = keras.Input((None, 3))
    cell = zoo.GridLSTMCell(4, 2, tied, name="grid")
    outputs = keras.layers.RNN(cell, return_sequences=True)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(outputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    cell = again.layers[1].cell
    assert type(cell) is zoo.GridLSTMCell
    assert (cell.units, cell.depth, cell.tied) == (4, 2, tied)
    x = normal(2, 6, 3).astype("float32")
    want = model.predict(x, verbose=0)
    assert want.shape == (2, 6, 2)
    np.testing.assert_array_equal(again.predict(x, verbose=0), want)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float16"])
def test_other_policies(policy):
    layer = recurrent(4, 2, "depth", dtype=policy)
    x = normal(2, 5, 3)
    got = layer(x)
    assert keras.backend.standardize_dtype(got.dtype) == policy.removeprefix("mixed_")
    want = recurrent(4, 2, "depth")(x)
    got, want = (
        keras.ops.convert_to_numpy(keras.ops.cast(y, "float64")) for y in (got, want)
    )
    np.testing.assert_allclose(got, want, atol=0.02)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"units": 0}, "units must be a whole number of 1 or more. Received: 0"),
        ({"units": 2.5}, "units must be .* Received: 2.5"),
        ({"units": "wide"}, "units must be .* Received: 'wide'"),
        ({"units": None}, "units must be .* Received: None"),
        ({"units": 4, "depth": -1}, "depth must be .* Received: -1"),
        ({"units": 4, "tied": "time"}, "None, 'depth', 'all'. Received: 'time'"),
        ({"units": 4, "tied": ["depth"]}, r"Received: \['depth'\]"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.GridLSTMCell(**arguments)
