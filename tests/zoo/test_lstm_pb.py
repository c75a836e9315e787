"""The network with parametric bias: forward and backward passes, and Eq. 1-2."""

import keras
import numpy as np
import pytest
from keras import ops

import zoo

# Jax has float64 on request only, and Keras on Torch multiplies matrices in float32.
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="compares in float64"
)
WIDTHS = {"pb_units": 4, "context_units": 5, "features": 6}
LENGTHS = np.array([9, 5, 7], "int32")
MODES = ["hidden", "grid"]


def network(context="hidden", units=7, depth=3, seed=0, **arguments):
    """A small one in float64, with more movement than its initial weights give."""
    keras.utils.set_random_seed(seed)
    arguments = {"dtype": "float64", **WIDTHS, **arguments}
    model = zoo.LSTMPB(units, depth, context=context, **arguments)
    for variable in model.trainable_variables:
        variable.assign(2 * variable)
    return model


def tracks_and_pb(seed=0):
    """Padded tracks with garbage after each one's end, and PB vectors."""
    rng = np.random.default_rng(seed)
    tracks = rng.uniform(-1, 1, (3, 9, WIDTHS["features"]))
    tracks[np.arange(9) >= LENGTHS[:, None]] = np.nan
    return tracks, rng.normal(0, 0.5, (3, WIDTHS["pb_units"]))


def learn(model, tracks, lengths, pb):
    """Errors, their gradients to PB, and the mean error's to the weights, in NumPy."""
    given = [ops.convert_to_tensor(one) for one in (tracks, lengths, pb)]
    errors, d_pb, gradients = model.passes("learn", *given)
    return (
        ops.convert_to_numpy(errors),
        ops.convert_to_numpy(d_pb),
        {name: ops.convert_to_numpy(one) for name, one in gradients.items()},
    )


def test_numbers_of_weights_of_the_study():
    model = zoo.LSTMPB()
    sizes = [np.prod(weight.shape) for weight in model.trainable_weights]
    assert sum(sizes) == 10_677_904
    assert model.pb.shape == (2, 64)
    assert model.count_params() == 10_677_904 + 128
    shown = []
    model.summary(print_fn=lambda text, **_: shown.append(text))
    assert "10,677,904" in "".join(shown)


@pytest.mark.parametrize("context", MODES)
@pytest.mark.parametrize("units, depth", [(7, 3), (4, 1)])
def test_predictions_are_those_of_numpy(context, units, depth, reference):
    model = network(context, units, depth)
    rng = np.random.default_rng(1)
    tracks, pb = rng.uniform(-1, 1, (2, 8, 6)), rng.normal(size=(2, 4))
    want = reference.predict(model, tracks, pb)
    got = model((tracks, pb))
    assert got.shape == tracks.shape
    np.testing.assert_allclose(ops.convert_to_numpy(got), want, atol=1e-12)
    assert want.std(axis=1).min() > 0.005  # it moves
    predicted = model.predict((tracks, pb), verbose=0)
    np.testing.assert_allclose(predicted, want, atol=1e-6)  # it reads float32


@pytest.mark.parametrize("context", MODES)
def test_what_a_frame_reaches(context):
    """With the context from the grid, the recurrence never sees a landmark."""
    model = network(context)
    rng = np.random.default_rng(1)
    tracks, pb = rng.uniform(-1, 1, (1, 8, 6)), rng.normal(size=(1, 4))
    changed = tracks.copy()
    changed[:, 3] += 0.3
    before, after = (ops.convert_to_numpy(model((x, pb))) for x in (tracks, changed))
    differs = np.abs(after - before).max(axis=(0, 2)) > 0
    reached = {"hidden": [3, 4, 5, 6, 7], "grid": [3]}[context]
    assert np.flatnonzero(differs).tolist() == reached


@pytest.mark.parametrize("context", MODES)
def test_gradients_are_differences_and_padding_changes_nothing(context, reference):
    model = network(context)
    tracks, pb = tracks_and_pb()
    errors, d_pb, gradients = learn(model, tracks, LENGTHS, pb)
    # The reference takes each track to its end: no frame after it is ever seen.
    want = reference.errors(model, tracks, LENGTHS, pb)
    np.testing.assert_allclose(errors, want, rtol=1e-12)
    differences = reference.slopes(
        lambda: reference.errors(model, tracks, LENGTHS, pb), pb
    ).reshape(3, 4, 3)
    np.testing.assert_allclose(
        d_pb, np.einsum("tpt->tp", differences), atol=1e-9, rtol=1e-7
    )
    names = model.variables_by_name()
    assert gradients.keys() == names.keys()
    assert len(names) == len(model.trainable_variables) == 14
    for name, variable in names.items():
        array = ops.convert_to_numpy(variable).copy()

        def mean_error(variable=variable, array=array):
            variable.assign(array)
            return reference.errors(model, tracks, LENGTHS, pb).mean()

        chosen = np.random.default_rng(0).permutation(array.size)[:12]
        want = reference.slopes(mean_error, array, chosen)
        variable.assign(array)
        got = gradients[name].reshape(-1)[chosen]
        np.testing.assert_allclose(got, want, atol=1e-9, rtol=1e-6, err_msg=name)
        assert np.abs(got).max() > 1e-7, name


def test_one_batch_is_the_mean_of_tracks_alone():
    model = network()
    tracks, pb = tracks_and_pb()
    together = learn(model, tracks, LENGTHS, pb)
    alone = [
        learn(model, tracks[n : n + 1, :length], LENGTHS[n : n + 1], pb[n : n + 1])
        for n, length in enumerate(LENGTHS)
    ]
    for place in range(2):
        want = np.concatenate([one[place] for one in alone])
        np.testing.assert_allclose(together[place], want, rtol=1e-11)
    for name, gradient in together[2].items():
        want = np.mean([one[2][name] for one in alone], axis=0)
        np.testing.assert_allclose(gradient, want, atol=1e-15, rtol=1e-9)


@pytest.mark.parametrize("context", MODES)
def test_gradients_are_those_of_automatic_differentiation(context):
    import tensorflow as tf

    model = network(context)
    tracks, pb = tracks_and_pb()
    got = learn(model, tracks, LENGTHS, pb)
    tracks = np.nan_to_num(tracks)
    with tf.GradientTape() as tape:
        given = tf.constant(pb)
        tape.watch(given)
        told = model((tracks, given))
        there = np.arange(8) < LENGTHS[:, None] - 1
        misses = (told[:, :-1] - tracks[:, 1:]) * there[:, :, None]
        errors = tf.reduce_sum(misses**2, (1, 2)) / ((LENGTHS - 1) * 6)
        loss = tf.reduce_mean(errors)
    variables = {name: one.value for name, one in model.variables_by_name().items()}
    d_pb, gradients = tape.gradient(loss, [given, variables])
    np.testing.assert_allclose(got[0], errors, rtol=1e-12)
    np.testing.assert_allclose(got[1], 3 * d_pb, atol=1e-14, rtol=1e-9)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(got[2][name], gradient, atol=1e-14, rtol=1e-9)


def test_a_vector_of_zeros_is_moved():
    """Under biases of zero it would never be: a ReLU has no slope at zero."""
    keras.utils.set_random_seed(0)
    model = zoo.LSTMPB(32, 2)
    assert not ops.convert_to_numpy(model.pb).any()
    tracks = np.random.default_rng(0).uniform(-1, 1, (2, 6, 80)).astype("float32")
    lengths = np.array([6, 6], "int32")
    d_pb = learn(model, tracks, lengths, np.zeros((2, 64), "float32"))[1]
    assert np.abs(d_pb).max() > 1e-4
    model.parametric_bias.bias.assign(np.zeros(32))
    assert not learn(model, tracks, lengths, np.zeros((2, 64), "float32"))[1].any()


def test_one_online_step_is_equations_1_and_2(reference):
    """The vector moves by the average over time of the error at the PB nodes.

    The error at one time's nodes is that of a vector which differs at this time alone.
    """
    model, rate = network(), 0.7
    start = np.random.default_rng(2).normal(0, 0.5, (2, 4))
    model.pb.assign(start)
    track = tracks_and_pb()[0][:1]
    frames = track.shape[1] - 1
    at_times = np.tile(start[1], (1, frames, 1))

    def of_all_frames():
        told = reference.predict(model, track[:, :-1], at_times)
        return np.sum(np.mean((told - track[:, 1:]) ** 2, axis=2))

    at_nodes = reference.slopes(of_all_frames, at_times).reshape(frames, 4)
    assert (np.abs(at_nodes).max(axis=1) > 1e-6).all()
    model.fit(track, [1], epochs=1, pb_rate=rate, verbose=0)
    moved = ops.convert_to_numpy(model.pb) - start
    np.testing.assert_allclose(moved[1], -rate * at_nodes.mean(axis=0), rtol=1e-6)
    assert not moved[0].any()


def test_a_batch_moves_each_class_by_the_mean_of_its_tracks():
    model, rate = network(classes=4), 0.7
    tracks, _ = tracks_and_pb()
    start = np.random.default_rng(2).normal(0, 0.5, (4, 4))
    model.pb.assign(start)
    labels = np.array([2, 0, 2])
    d_pb = learn(model, tracks, LENGTHS, start[labels])[1]
    tracks = [track[:length] for track, length in zip(tracks, LENGTHS, strict=True)]
    model.fit(tracks, labels, batch_size=3, epochs=1, pb_rate=rate, verbose=0)
    moved = ops.convert_to_numpy(model.pb) - start
    np.testing.assert_allclose(moved[0], -rate * d_pb[1], rtol=1e-9)
    np.testing.assert_allclose(moved[2], -rate * (d_pb[0] + d_pb[2]) / 2, rtol=1e-9)
    assert not moved[[1, 3]].any()


def raised(model):
    """Biases so large that no ReLU's input is ever below zero."""
    for layer in model.landmarks, model.parametric_bias:
        layer.bias.assign(np.full(layer.units, 20))
    # Open gates and a high memory along depth: what comes out is above zero, too.
    bias = np.repeat([2, -1, 3, 2], model.grid.units)
    model.grid.depth_bias.assign(bias[None])


def converged(model, track, slopes):
    """What `recognise` finds after many steps of nearly the largest safe rate."""
    curvature = 2 * slopes.T @ slopes / len(slopes)
    steepest = np.linalg.eigvalsh(curvature)
    rate = 1.8 / (steepest[0] + steepest[-1])
    # So many steps leave a billionth of the flattest direction's distance.
    steps = int(np.log(1e-9) / np.log(1 - rate * steepest[0])) + 1
    assert steps < 1500
    return model.recognise([track], steps, rate)[0]


def test_recognition_of_a_linear_network_is_least_squares(reference):
    """Context from the grid: what PB adds to a prediction is a product of matrices."""
    model, small = network("grid"), 1e-6
    raised(model)
    rng, nothing = np.random.default_rng(3), np.zeros((1, 4))
    tell = small * rng.normal(size=(7, 6))
    model.prediction.set_weights([tell, np.zeros(6)])
    track = rng.uniform(-small, small, (12, 6))
    # The bias of the output takes most of it back.
    without = reference.predict(model, track[None, :-1], nothing)[0]
    model.prediction.bias.assign(-without.mean(axis=0))
    without = reference.predict(model, track[None, :-1], nothing)[0]
    lean = model.parametric_bias.get_weights()[0]
    slopes = np.tile((lean @ tell).T, (11, 1))
    best = np.linalg.lstsq(slopes, (track[1:] - without).reshape(-1))[0]
    assert 0.01 < np.abs(best).max() < 10
    got = converged(model, track, slopes)
    np.testing.assert_allclose(got, best, rtol=1e-6)


def test_recognition_near_a_point_is_least_squares(reference):
    """Context from the hidden layer: PB reaches later frames through the Grid LSTM.

    Every network is linear for small enough vectors. Its slopes are those of NumPy's
    predictions, and the track is what it predicts itself, and a little more.
    """
    model, small = network("hidden", pb_units=2), 1e-6
    rng = np.random.default_rng(3)
    pb, track = np.zeros((1, 2)), rng.uniform(-1, 1, (1, 1, 6))
    for _ in range(11):
        told = reference.predict(model, track, pb)[:, -1:]
        track = np.concatenate([track, told + small * rng.normal(size=told.shape)], 1)

    def flat():
        return reference.predict(model, track[:, :-1], pb).reshape(-1)

    slopes = reference.slopes(flat, pb).T
    at_once = np.tile(slopes[:6], (11, 1))
    assert np.abs(slopes - at_once).max() > 0.02 * np.abs(slopes).max()
    best = np.linalg.lstsq(slopes, track[0, 1:].reshape(-1) - flat())[0]
    assert small / 10 < np.abs(best).max() < 1000 * small
    got = converged(model, track[0], slopes)
    np.testing.assert_allclose(got, best, rtol=1e-3, atol=1e-4 * np.abs(best).max())
