"""What all builders promise: parameters, shapes, features, saving."""

import functools
import inspect

import keras
import numpy as np
import pytest

import zoo
from zoo.inception_v4 import ENDPOINTS, preprocess_input

# Builder and arguments -> parameters, trainable parameters. From the papers' tables and
# the arithmetic of their layers (see the fact sheet in each module).
PARAMETERS = {
    ("InceptionV4", ()): (42_711_400, 42_648_232),
    ("InceptionV4", (("include_top", False),)): (41_174_400, 41_111_232),
    ("ShallowCNN", ()): (7_947_818, 7_947_818),
    ("ShallowCNN", (("classes", 12),)): (7_968_308, 7_968_308),
    # An LSTM has 4 gates of (inputs + outputs + 1) x outputs.
    ("GrammaticalLSTM", ()): (94_292, 94_292),  # 4 x 224 x 105 + 212
    ("GrammaticalLSTM", (("include_top", False),)): (94_080, 94_080),
    ("GrammaticalLSTM", (("input_shape", (None, 20)),)): (53_132, 53_132),
    ("GrammaticalMLP", ()): (12_707, 12_707),  # 119 x 105 + 212
    ("GrammaticalMLP", (("hidden", 20), ("classes", 9))): (2_569, 2_569),
    ("GrammaticalMLP", (("include_top", False),)): (12_495, 12_495),
    # 591 x 64, 2 x 4 x 97 x 32, 130
    ("GrammaticalSequence", ()): (62_786, 62_786),
    ("GrammaticalSequence", (("include_top", False),)): (62_656, 62_656),
    ("GrammaticalSequence", (("input_shape", (30, 20)),)): (31_426, 31_426),
    # 4 x 12 x 10, 11,681 x 200, 201 x 20, 42
    ("PupilCourse", ()): (26, 26),
    ("PupilLSTM", ()): (2_340_742, 2_340_742),
    ("PupilLSTM", (("include_top", False),)): (2_340_700, 2_340_700),
    ("PupilLSTM", (("input_shape", (1168, 2)),)): (2_340_782, 2_340_782),
}


def count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


@pytest.fixture(scope="module")
def built():
    """Builders whose models are kept, for tests that do not change them."""
    return functools.cache(lambda builder, **arguments: builder(**arguments))


@pytest.mark.parametrize("builder, arguments", PARAMETERS)
def test_parameter_count(builder, arguments, built):
    model = built(getattr(zoo, builder), **dict(arguments))
    counted = model.count_params(), count(model.trainable_weights)
    assert counted == PARAMETERS[builder, arguments]


def test_features_of_a_sequential_model():
    layers = [keras.layers.Dense(3, name="features"), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    x = np.ones((1, 4), "float32")
    np.testing.assert_array_equal(zoo.feature_extractor(model)(x), layers[0](x))


def test_no_builder_lacks_a_parameter_count():
    builders = {
        name
        for name in zoo.__all__
        if name[0].isupper() and inspect.isfunction(getattr(zoo, name))
    }
    assert builders == {builder for builder, _ in PARAMETERS}


SHAPES_AT_299 = {
    "Conv2d_1a_3x3": (149, 149, 32),
    "Conv2d_2a_3x3": (147, 147, 32),
    "Conv2d_2b_3x3": (147, 147, 64),
    "Mixed_3a": (73, 73, 160),
    "Mixed_4a": (71, 71, 192),
    **{f"Mixed_5{block}": (35, 35, 384) for block in "abcde"},
    **{f"Mixed_6{block}": (17, 17, 1024) for block in "abcdefgh"},
    **{f"Mixed_7{block}": (8, 8, 1536) for block in "abcd"},
}


def test_inception_v4_stages_have_the_shapes_of_the_paper(built):
    model = built(zoo.InceptionV4)
    assert {n: model.get_layer(n).output.shape[1:] for n in ENDPOINTS} == SHAPES_AT_299
    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert len(convolutions) == 149
    assert not any(layer.use_bias for layer in convolutions)


def test_shallow_cnn_layers_have_the_shapes_of_the_thesis(built):
    model = built(zoo.ShallowCNN)
    shapes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    wanted = {"conv_1": (96, 96, 8), "conv_2": (96, 96, 16), "pool_1": (32, 32, 16)}
    wanted |= {"conv_3": (32, 32, 24), "conv_4": (32, 32, 32), "pool_2": (11, 11, 32)}
    wanted |= {"flatten": (3872,), "features": (2048,)}
    assert {name: shapes[name] for name in wanted} == wanted


def random_pictures(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


@pytest.mark.parametrize("shape", [(75, 112, 4), (90, 75, 1)])
def test_inception_v4_takes_any_shape_from_75_pixels(shape, built):
    model = built(zoo.InceptionV4, input_shape=shape, classes=2)
    probability = keras.ops.convert_to_numpy(model(random_pictures(2, *shape)))
    assert probability.shape == (2, 2)
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-5)


def test_grey_pictures_are_their_channel_repeated(built):
    grey = built(zoo.InceptionV4, input_shape=(90, 75, 1), classes=2)
    grey = keras.Model(grey.input, grey.get_layer("Mixed_7d").output)
    colour = built(zoo.InceptionV4, include_top=False)
    grey.set_weights(colour.get_weights())
    pictures = random_pictures(2, 90, 75, 1)
    np.testing.assert_allclose(
        grey(pictures), colour(np.repeat(pictures, 3, axis=-1)), atol=1e-5
    )


BUILDERS = [(zoo.InceptionV4, 75, 1536, 1536), (zoo.ShallowCNN, 32, 2048, 32)]


@pytest.mark.parametrize("builder, size, width, channels", BUILDERS)
def test_features(builder, size, width, channels, built):
    model = built(builder, input_shape=(size, size, 3), classes=2)
    pictures = random_pictures(2, size, size, 3)
    features = keras.ops.convert_to_numpy(zoo.feature_extractor(model)(pictures))
    assert features.shape == (2, width)
    kernel, bias = model.get_layer("predictions").get_weights()
    logits = features @ kernel + bias
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model(pictures), softmax, rtol=1e-3, atol=1e-5)
    for pooling in ["avg", "max"]:
        headless = built(builder, include_top=False, pooling=pooling)
        assert headless.output.shape == (None, channels)
        assert zoo.feature_extractor(headless).output.shape == (None, channels)
    bare = built(builder, include_top=False)
    assert bare.output.shape[-1] == channels and len(bare.output.shape) == 4
    with pytest.raises(ValueError, match="no layer named 'features'"):
        zoo.feature_extractor(bare)


@pytest.mark.parametrize("builder, size, width, channels", BUILDERS)
def test_input_tensor_activation_dropout_and_name(builder, size, width, channels):
    raw = keras.Input((None, None, 3))
    picture = keras.layers.Resizing(size, size)(raw)
    model = builder(
        input_tensor=preprocess_input(picture),
        classes=5,
        classifier_activation=None,
        name="mine",
        dropout=0.7,
    )
    assert model.input is raw
    assert model.name == "mine"
    assert model.layers[-1].activation is keras.activations.linear
    assert model.get_layer("dropout").rate == 0.7
    assert model(np.zeros((1, 99, 50, 3), "float32")).shape == (1, 5)


@pytest.mark.parametrize("builder, size, width, channels", BUILDERS)
@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"weights": "imagnet"}, "weights must be None, .*Received: 'imagnet'"),
        ({"weights": "no/such/file.keras"}, "existing file"),
        ({"weights": 3}, "existing file. Received: 3"),
        ({"input_shape": (96, 96, 0)}, r"Received: \(96, 96, 0\)"),
        ({"pooling": "mean"}, "pooling must be None"),
        ({"input_shape": (5, 96, 3)}, r"or more.* Received: \(5, 96, 3\)"),
        ({"input_shape": (96, 96)}, r"\(height, width, channels\)"),
        ({"input_tensor": np.zeros((1, 96, 96, 3))}, "must be a Keras tensor"),
    ],
)
def test_bad_arguments(builder, size, width, channels, arguments, message):
    with pytest.raises(ValueError, match=message):
        builder(**arguments)


def test_shallow_cnn_needs_to_know_its_size():
    with pytest.raises(ValueError, match=r"Received: \(None, 96, 3\)"):
        zoo.ShallowCNN(input_shape=(None, 96, 3))


def assert_same(ours, theirs, strict=True):
    for our, their in zip(ours.weights, theirs.weights, strict=strict):
        np.testing.assert_array_equal(our.numpy(), their.numpy())


SMALL = {
    "ShallowCNN": {"input_shape": (32, 32, 3)},
    "GrammaticalLSTM": {},
    "GrammaticalMLP": {},
    "GrammaticalSequence": {},
}


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
@pytest.mark.parametrize("name", SMALL)
def test_own_files_load_back(name, suffix, tmp_path):
    # Keras numbers its own names: the first and a later model have different ones.
    builder = functools.partial(getattr(zoo, name), **SMALL[name])
    model, path = builder(classes=3), tmp_path / f"model{suffix}"
    model.save(path) if suffix == ".keras" else model.save_weights(path)
    assert_same(builder(classes=3, weights=path), model)
    with pytest.warns(UserWarning, match="3 classes and the model has 2"):
        other = builder(weights=path)
    for weight, wanted in zip(other.weights[:-2], model.weights[:-2], strict=True):
        np.testing.assert_array_equal(weight, wanted)
    headless = [builder(include_top=False, weights=path)]
    if name == "ShallowCNN":
        headless += [builder(include_top=False, weights=path, pooling="avg")]
        # A study's file has preprocessing in front.
        raw = keras.Input((None, None, 3))
        picture = preprocess_input(keras.layers.Resizing(32, 32)(raw))
        with pytest.warns(UserWarning, match="3 classes and the model has 2"):
            zoo.ShallowCNN(input_tensor=picture, classes=2, weights=path)
    for one in headless:
        assert_same(one, model, strict=False)


def test_inception_v4_s_own_file_loads_back(built, tmp_path):
    model = built(zoo.InceptionV4, input_shape=(75, 75, 3), classes=2)
    path = tmp_path / "model.keras"
    model.save(path)
    raw = keras.Input((None, None, 3))
    picture = preprocess_input(keras.layers.Resizing(75, 75)(raw))
    again = zoo.InceptionV4(input_tensor=picture, classes=2, weights=path)
    assert_same(again, model)
    headless = zoo.InceptionV4(include_top=False, weights=path, pooling="avg")
    assert_same(headless, model, strict=False)


def test_own_files_of_another_network_or_damaged_are_refused(tmp_path):
    other = tmp_path / "other.keras"
    zoo.ShallowCNN(input_shape=(32, 32, 3)).save(other)
    with pytest.raises(ValueError, match="left over: conv_1/0"):
        zoo.InceptionV4(input_shape=(75, 75, 3), classes=2, weights=other)
    damaged = tmp_path / "damaged.keras"
    damaged.write_bytes(other.read_bytes()[:5000])
    with pytest.raises(ValueError, match="another kind or damaged"):
        zoo.ShallowCNN(weights=damaged)
