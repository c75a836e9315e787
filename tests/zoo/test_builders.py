"""What all builders promise: parameters, shapes, features, saving."""

import pathlib
import subprocess
import sys

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
}


def count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


@pytest.mark.parametrize("builder, arguments", PARAMETERS)
def test_parameter_count(builder, arguments):
    model = getattr(zoo, builder)(**dict(arguments))
    counted = model.count_params(), count(model.trainable_weights)
    assert counted == PARAMETERS[builder, arguments]


def test_no_builder_lacks_a_parameter_count():
    builders = {name for name in zoo.__all__ if name[0].isupper()}
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


def test_inception_v4_stages_have_the_shapes_of_the_paper():
    model = zoo.InceptionV4()
    assert {n: model.get_layer(n).output.shape[1:] for n in ENDPOINTS} == SHAPES_AT_299
    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert len(convolutions) == 149
    assert not any(layer.use_bias for layer in convolutions)


def test_shallow_cnn_layers_have_the_shapes_of_the_thesis():
    model = zoo.ShallowCNN()
    shapes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert shapes["conv_1"] == (96, 96, 8)
    assert shapes["conv_2"] == (96, 96, 16)
    assert shapes["pool_1"] == (32, 32, 16)
    assert shapes["conv_3"] == (32, 32, 24)
    assert shapes["conv_4"] == (32, 32, 32)
    assert shapes["pool_2"] == (11, 11, 32)
    assert shapes["flatten"] == (3872,)
    assert shapes["features"] == (2048,)


def random_pictures(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


@pytest.mark.parametrize("shape", [(75, 112, 3), (90, 75, 1), (75, 75, 4)])
def test_inception_v4_takes_any_shape_from_75_pixels(shape):
    model = zoo.InceptionV4(input_shape=shape, classes=2)
    probability = keras.ops.convert_to_numpy(model(random_pictures(2, *shape)))
    assert probability.shape == (2, 2)
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-5)


def test_grey_pictures_are_their_channel_repeated():
    grey = zoo.InceptionV4(input_shape=(75, 75, 1), include_top=False, pooling="avg")
    colour = zoo.InceptionV4(input_shape=(75, 75, 3), include_top=False, pooling="avg")
    colour.set_weights(grey.get_weights())
    pictures = random_pictures(2, 75, 75, 1)
    np.testing.assert_allclose(
        grey(pictures), colour(np.repeat(pictures, 3, axis=-1)), atol=1e-5
    )


BUILDERS = [(zoo.InceptionV4, 75, 1536, 1536), (zoo.ShallowCNN, 32, 2048, 32)]


@pytest.mark.parametrize("builder, size, width, channels", BUILDERS)
def test_features(builder, size, width, channels):
    model = builder(input_shape=(size, size, 3), classes=2)
    pictures = random_pictures(2, size, size, 3)
    features = keras.ops.convert_to_numpy(zoo.feature_extractor(model)(pictures))
    assert features.shape == (2, width)
    kernel, bias = model.get_layer("predictions").get_weights()
    logits = features @ kernel + bias
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model(pictures), softmax, rtol=1e-3, atol=1e-5)
    for pooling in ["avg", "max"]:
        headless = builder(
            include_top=False, input_shape=(size, size, 3), pooling=pooling
        )
        assert headless.output.shape == (None, channels)
        assert zoo.feature_extractor(headless).output.shape == (None, channels)
    bare = builder(include_top=False, input_shape=(size, size, 3))
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


@pytest.mark.parametrize(
    "builder, size, suffix",
    [
        (zoo.InceptionV4, 75, ".keras"),
        (zoo.ShallowCNN, 32, ".keras"),
        (zoo.ShallowCNN, 32, ".weights.h5"),
    ],
)
def test_own_files_load_back(builder, size, suffix, tmp_path):
    model = builder(input_shape=(size, size, 3), classes=3)
    path = tmp_path / f"model{suffix}"
    model.save(path) if suffix == ".keras" else model.save_weights(path)

    again = builder(input_shape=(size, size, 3), classes=3, weights=path)
    for ours, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())

    # A study's file has preprocessing in front and another number of classes.
    raw = keras.Input((None, None, 3))
    picture = preprocess_input(keras.layers.Resizing(size, size)(raw))
    with pytest.warns(UserWarning, match="3 classes and the model has 2"):
        builder(input_tensor=picture, classes=2, weights=path)

    for pooling in [None, "avg"]:
        headless = builder(
            include_top=False,
            input_shape=(size, size, 3),
            weights=path,
            pooling=pooling,
        )
        for ours, theirs in zip(headless.weights, model.weights, strict=False):
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_own_files_of_another_network_or_damaged_are_refused(tmp_path):
    other = tmp_path / "other.keras"
    zoo.ShallowCNN(input_shape=(32, 32, 3)).save(other)
    with pytest.raises(ValueError, match="left over: conv_1/0"):
        zoo.InceptionV4(input_shape=(75, 75, 3), classes=2, weights=other)
    damaged = tmp_path / "damaged.keras"
    damaged.write_bytes(other.read_bytes()[:5000])
    with pytest.raises(ValueError, match="another kind or damaged"):
        zoo.ShallowCNN(weights=damaged)


def test_import_is_quiet_and_leaves_heavy_parts_alone():
    # Keras itself imports some of these where they are installed.
    code = (
        "import sys, keras; before = set(sys.modules); import zoo; "
        "added = {name.split('.')[0] for name in set(sys.modules) - before}; "
        "sys.exit(' '.join(added - {'zoo'}) or 0)"
    )
    root = pathlib.Path(zoo.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
