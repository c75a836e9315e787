"""The networks for grammatical facial expressions; see also test_builders."""

import keras
import numpy as np
import pytest

import zoo
from tests.zoo.helpers import lstm, numpy, sigmoid
from zoo import gfe
from zoo.layers import FrameGeometry

# Builder, shape of an input without the batch, shape of its features.
NETWORKS = [
    (gfe.GrammaticalLSTM, (1, 118), (105,)),
    (gfe.GrammaticalLSTM, (7, 205), (105,)),
    (gfe.GrammaticalMLP, (118,), (105,)),
    (gfe.GrammaticalMLP, (20,), (105,)),
    (gfe.GrammaticalSequence, (30, 118), (30, 64)),
    (gfe.GrammaticalSequence, (1, 9), (1, 64)),
]
ONE_EACH = [NETWORKS[0], NETWORKS[2], NETWORKS[4]]
networks = pytest.mark.parametrize("builder, shape, features", NETWORKS)
one_each = pytest.mark.parametrize("builder, shape, features", ONE_EACH)


def frames(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def with_random_biases(model):
    """New biases are 0 and 1, which would hide where they go."""
    for place, weight in enumerate(model.weights):
        if weight.name == "bias":
            weight.assign(0.3 * frames(*weight.shape, seed=place))
    return model


@pytest.mark.parametrize("steps", [1, 6])
def test_the_lstm(steps):
    model = with_random_biases(zoo.GrammaticalLSTM(input_shape=(steps, 118)))
    x = frames(4, steps, 118)
    *cell, kernel, bias = model.get_weights()
    want = lstm(x, *cell)[:, -1]
    np.testing.assert_allclose(zoo.feature_extractor(model)(x), want, atol=1e-5)
    np.testing.assert_allclose(model(x), softmax(want @ kernel + bias), atol=1e-5)


def test_the_lstm_without_a_fixed_number_of_steps():
    model = zoo.GrammaticalLSTM(input_shape=(None, 118))
    for steps in [1, 3, 40]:
        x = frames(2, steps, 118)
        fixed = zoo.GrammaticalLSTM(input_shape=(steps, 118))
        fixed.set_weights(model.get_weights())
        np.testing.assert_allclose(model(x), fixed(x), atol=1e-6)


def test_the_perceptron():
    model = with_random_biases(zoo.GrammaticalMLP(hidden=12, classes=3))
    x = frames(5, 118)
    inner, inner_bias, outer, outer_bias = model.get_weights()
    assert inner.shape == (118, 12)
    want = sigmoid(x @ inner + inner_bias)
    np.testing.assert_allclose(zoo.feature_extractor(model)(x), want, atol=1e-5)
    want = softmax(want @ outer + outer_bias)
    np.testing.assert_allclose(model(x), want, atol=1e-5)


def test_the_sequence_network():
    model = with_random_biases(zoo.GrammaticalSequence())
    x = frames(2, 20, 118)
    kernel, bias, *cells, top, top_bias = model.get_weights()
    padded = np.pad(x, [(0, 0), (2, 2), (0, 0)])
    convolved = sum(padded[:, lag : lag + 20] @ kernel[lag] for lag in range(5)) + bias
    rectified = np.maximum(convolved, 0)
    forward = lstm(rectified, *cells[:3])
    backward = lstm(rectified[:, ::-1], *cells[3:])[:, ::-1]
    want = np.concatenate([forward, backward], axis=-1)
    np.testing.assert_allclose(zoo.feature_extractor(model)(x), want, atol=1e-5)
    np.testing.assert_allclose(model(x), softmax(want @ top + top_bias), atol=1e-5)


@pytest.mark.parametrize("length", [1, 2, 31, 200])
def test_the_sequence_network_labels_every_frame_of_any_recording(length):
    probability = numpy(zoo.GrammaticalSequence()(frames(2, length, 118)))
    assert probability.shape == (2, length, 2)
    assert (probability > 0).all()
    np.testing.assert_allclose(probability.sum(axis=-1), 1, atol=1e-5)


@networks
def test_features_and_classes(builder, shape, features):
    model = builder(input_shape=shape, classes=5)
    assert model.input_shape == (None, *shape)
    assert model.output_shape == (None, *features[:-1], 5)
    x = frames(3, *shape)
    learned = numpy(zoo.feature_extractor(model)(x))
    assert learned.shape == (3, *features)
    headless = builder(input_shape=shape, include_top=False)
    assert headless.output_shape == (None, *features)
    headless.set_weights(model.get_weights()[:-2])
    np.testing.assert_allclose(headless(x), learned, atol=1e-6)
    assert zoo.feature_extractor(headless).output_shape == (None, *features)


@one_each
def test_activation_dropout_and_name(builder, shape, features):
    model = builder(classifier_activation=None, dropout=0.7, name="mine")
    assert model.name == "mine"
    assert model.layers[-1].activation is keras.activations.linear
    rates = [x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)]
    assert rates == [0.7] * len(features)
    usual = builder()
    usual.set_weights(model.get_weights())
    x = frames(3, *shape)
    np.testing.assert_allclose(usual(x), softmax(numpy(model(x))), atol=1e-5)
    # Dropout is for training only.
    np.testing.assert_array_equal(model(x), model(x, training=False))
    once, again = (numpy(model(x, training=True)) for _ in range(2))
    assert not np.allclose(once, again)
    # The paper's networks have none.
    assert usual.get_layer("dropout").rate == (0.5 if len(features) == 2 else 0)


def on_points(builder, shape):
    """The network on raw points, (100, 3) or (frames, 100, 3)."""
    recordings = builder is gfe.GrammaticalSequence
    points = keras.Input((None, 100, 3) if recordings else (100, 3))
    x = FrameGeometry()(points)
    if builder is gfe.GrammaticalLSTM:
        x = keras.layers.Reshape(shape)(x)
    return builder(input_tensor=x), points


def raw_points(model):
    return 5 + frames(*[side or 6 for side in model.input_shape])


@one_each
def test_from_raw_points(builder, shape, features):
    model, points = on_points(builder, shape)
    assert model.input is points
    plain = builder()
    plain.set_weights(model.get_weights())
    raw = raw_points(model)
    geometry = numpy(FrameGeometry()(raw))
    if builder is gfe.GrammaticalLSTM:
        geometry = geometry[:, None]
    np.testing.assert_allclose(model(raw), plain(geometry), atol=1e-5)


def test_files_that_do_not_fit_are_refused(tmp_path):
    path = tmp_path / "lstm.keras"
    zoo.GrammaticalLSTM().save(path)
    with pytest.raises(ValueError, match="left over: features/lstm_cell/"):
        zoo.GrammaticalMLP(weights=path)
    with pytest.raises(ValueError, match="missing: features/forward_lstm/lstm_cell/ke"):
        zoo.GrammaticalSequence(weights=path)
    expected = r"features/lstm_cell/kernel: expected \(20, 420\), received \(118, 420\)"
    with pytest.raises(ValueError, match=expected):
        zoo.GrammaticalLSTM(input_shape=(1, 20), weights=path)


def test_a_file_of_several_networks_is_refused(tmp_path):
    x = keras.Input((1, 118))
    answers = [zoo.GrammaticalLSTM(name=name)(x) for name in ["negative", "topics"]]
    keras.Model(x, answers).save(tmp_path / "two.keras")
    with pytest.raises(ValueError, match="holds several networks"):
        zoo.GrammaticalLSTM(weights=tmp_path / "two.keras")


@one_each
def test_bad_shapes(builder, shape, features):
    expected = r"\(width,\)" if len(shape) == 1 else r"\(steps, width\)"
    expected = f"Wrong input_shape: expected {expected}. Received:"
    for wrong in [(2, 3, 118), (*shape[:-1], None), (*shape[:-1], 0)]:
        with pytest.raises(ValueError, match=expected):
            builder(input_shape=wrong)
    with pytest.raises(ValueError, match=expected):
        builder(input_tensor=keras.Input((100, 3, 1)))


@one_each
@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"weights": "imagenet"}, "weights must be None, .*Received: 'imagenet'"),
        ({"weights": "no/such/file.keras"}, "existing file"),
        ({"input_tensor": np.zeros((1, 118))}, "must be a Keras tensor"),
        ({"dropout": 1.5}, "rate"),
        ({"classes": 0}, "units"),
    ],
)
def test_bad_arguments(builder, shape, features, arguments, message):
    with pytest.raises(ValueError, match=message):
        builder(**arguments)


@one_each
def test_contradicting_shapes(builder, shape, features):
    tensor = keras.Input(shape)
    with pytest.raises(ValueError, match="contradicts the shape of input_tensor"):
        builder(input_tensor=tensor, input_shape=(*shape[:-1], 50))
