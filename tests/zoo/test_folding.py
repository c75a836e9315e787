import keras
import numpy as np
import pytest
from keras import layers

import zoo
from tests.zoo.helpers import Scaled
from zoo.folding import fold, folded, remade
from zoo.layers import PreparePictures

NORMS = layers.BatchNormalization


def shaken(model):
    """The model with weights that leave no scale, shift or bias where it starts."""
    generator = np.random.default_rng(0)
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, NORMS):
            for variable in layer.weights:
                low, high = (-1, 1) if "beta" in variable.path else (0.5, 2)
                variable.assign(generator.uniform(low, high, variable.shape))
        elif getattr(layer, "use_bias", False):
            layer.bias.assign(generator.normal(0, 1, layer.bias.shape))
    return model


def norms(model):
    return [layer.name for layer in model.layers if isinstance(layer, NORMS)]


def check(model, left, *shape, atol=1e-5):
    """Folds; what stays is `left`, and outputs stay what they were."""
    inputs = np.random.default_rng(1).normal(0, 1, (2, *shape)).astype("float32")
    before = [np.array(weight) for weight in model.get_weights()]
    folded = fold(model)
    assert norms(folded) == left
    got, want = folded(inputs), model(inputs, training=False)
    for one, other in zip(
        keras.tree.flatten(got), keras.tree.flatten(want), strict=True
    ):
        assert np.std(other) > 0.01
        np.testing.assert_allclose(one, other, atol=atol * max(1, np.abs(other).max()))
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    return folded


def small(build, *shape, **settings):
    keras.utils.set_random_seed(0)
    inputs = keras.Input(shape)
    return shaken(keras.Model(inputs, build(inputs), **settings))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Conv2D(6, 3, use_bias=False, name="linear"), (8, 8, 3)),
        (layers.Conv2D(6, 3, groups=3, strides=2, name="linear"), (8, 8, 3)),
        (layers.Conv1D(6, 3, padding="causal", name="linear"), (8, 3)),
        (layers.DepthwiseConv2D(3, depth_multiplier=2, name="linear"), (8, 8, 3)),
        (layers.DepthwiseConv1D(3, use_bias=False, name="linear"), (8, 3)),
        (layers.Dense(6, name="linear"), (5,)),
        (layers.Dense(6, use_bias=False, name="linear"), (4, 5)),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("settings", [{}, {"scale": False, "center": False}])
def test_each_layer_takes_its_normalisation_up(layer, shape, settings):
    """And keeps its name and activation after it."""
    layer = type(layer).from_config(layer.get_config())
    norm = NORMS(epsilon=0.1, **settings)
    model = small(lambda x: layers.LeakyReLU(name="after")(norm(layer(x))), *shape)
    folded = check(model, [], *shape)
    taken = folded.get_layer("linear")
    assert taken.use_bias and taken is not layer
    assert [one.name for one in folded.layers[1:]] == ["linear", "after"]


def test_channels_first():
    model = small(
        lambda x: NORMS(axis=1, name="norm")(
            layers.Dense(4)(NORMS(axis=1, name="rows")(layers.Dense(4)(x)))
        ),
        4,
        6,
    )
    # The same axis is that of the channels for one layer and not for the other.
    assert norms(fold(model)) == ["rows", "norm"]
    inputs = keras.Input((3, 8, 8))
    convolution = layers.Conv2D(4, 3, data_format="channels_first")
    model = keras.Model(inputs, NORMS(axis=1)(convolution(inputs)))
    assert norms(fold(model)) == []  # TensorFlow has no kernel to compare with on a CPU
    wrong = keras.Model(inputs, NORMS(name="columns")(convolution(inputs)))
    assert norms(fold(wrong)) == ["columns"]


def twice(x):
    x = layers.Conv2D(4, 3)(x)
    return layers.Concatenate()([x, NORMS(name="stays")(x)])


def shared_linear(x):
    shared = layers.Dense(3)
    return NORMS(name="stays")(shared(layers.ReLU()(shared(x))))


def shared_norm(x):
    shared = NORMS(name="stays")
    return shared(layers.Dense(4)(layers.ReLU()(shared(layers.Dense(4)(x)))))


def nested(x):
    inner = keras.Input((6, 6, 4))
    inside = keras.Model(inner, NORMS()(layers.Conv2D(4, 3)(inner)), name="inside")
    return inside(layers.Conv2D(4, 3)(x))


ALONE = {
    "after an activation": lambda x: NORMS(name="stays")(
        layers.Conv2D(4, 3, activation="relu")(x)
    ),
    "before": lambda x: layers.Conv2D(4, 3)(NORMS(name="stays")(x)),
    "after something else": lambda x: NORMS(name="stays")(
        layers.MaxPooling2D()(layers.Conv2D(4, 3)(x))
    ),
    "output used twice": twice,
    "shared layer": shared_linear,
    "shared normalisation": shared_norm,
    "features": lambda x: NORMS(name="features")(layers.Dense(4)(x)),
    "other axis": lambda x: NORMS(axis=1, name="stays")(layers.Conv2D(4, 3)(x)),
    "another dtype": lambda x: NORMS(name="stays")(
        layers.Dense(4, dtype="mixed_bfloat16")(x)
    ),
}


@pytest.mark.parametrize("build", ALONE.values(), ids=ALONE)
def test_left_alone(build):
    left = ["features"] if build is ALONE["features"] else ["stays"]
    check(small(build, 8, 8, 3), left, 8, 8, 3)


def test_left_alone_as_an_output_in_training_and_in_models_inside():
    def seen(x):
        x = layers.Conv2D(4, 3)(x)
        return [x, NORMS(name="stays")(x)]

    check(small(seen, 8, 8, 3), ["stays"], 8, 8, 3)

    def training(x):
        return NORMS(name="stays")(layers.Conv2D(4, 3)(x), training=True)

    model = small(training, 8, 8, 3)
    assert norms(fold(model)) == ["stays"]

    folded = check(small(nested, 8, 8, 3), [], 8, 8, 3)
    assert len(norms(folded.get_layer("inside"))) == 1


def test_sequential_compiled_and_operations():
    model = keras.Sequential(
        [keras.Input((5,)), layers.Dense(4), NORMS(), layers.Dense(2)], name="mine"
    )
    model.compile("sgd", "mse")
    folded = check(shaken(model), [], 5)
    assert folded.name == "mine" and model.compiled and not folded.compiled
    check(small(lambda x: NORMS()(layers.Dense(4)(x * 2)) + 1, 5), [], 5)


def test_refused():
    with pytest.raises(ValueError, match="built Sequential or Functional .* LSTMPB"):
        fold(zoo.LSTMPB(4, 1))
    # Its layers do not tell what it computes.
    model = small(lambda x: NORMS()(layers.Dense(3)(x)), 5)
    own = Scaled(model.inputs[0], model.outputs[0])
    with pytest.raises(ValueError, match="Scaled has a call method of its own"):
        fold(own)
    assert folded(own) is own
    # A function that cannot be made anew.
    model = small(
        lambda x: layers.Lambda(lambda y: 2 * y)(NORMS()(layers.Dense(3)(x))), 5
    )
    with pytest.raises(ValueError, match="'lambda.* cannot be made anew"):
        fold(model)
    assert folded(model) is model


def test_double_precision():
    layer = layers.Dense(4, dtype="float64")
    model = small(lambda x: NORMS(dtype="float64")(layer(x)), 5)
    check(model, [], 5, atol=1e-13)


def test_what_outputs_come_from_keeps_its_dtype():
    def build(x):
        x = layers.Conv2D(4, 3, name="inside")(x)
        return NORMS()(layers.Conv2D(4, 3, name="last")(NORMS()(x)))

    halved = remade(small(build, 8, 8, 3), "bfloat16")
    assert norms(halved) == []
    assert halved.get_layer("inside").compute_dtype == "bfloat16"
    assert halved.get_layer("last").compute_dtype == "float32"


def test_inception_v4_on_pictures_of_any_size():
    """Every one of its 149 normalisations goes; the features are still found."""
    keras.utils.set_random_seed(0)
    pictures = keras.Input((None, None, 3), name="pictures")
    model = shaken(zoo.InceptionV4(input_tensor=PreparePictures(75)(pictures)))
    folded = fold(model)
    assert len(norms(model)) == 149 and norms(folded) == []
    # 149 biases for as many shifts, means and variances
    widths = [model.get_layer(name).moving_mean.shape[0] for name in norms(model)]
    assert model.count_params() - folded.count_params() == 2 * sum(widths)
    inputs = np.random.default_rng(0).integers(0, 256, (1, 90, 80, 3)).astype("uint8")
    want = zoo.feature_extractor(model)(inputs)
    got = zoo.feature_extractor(folded)(inputs)
    scale = np.abs(want).max()
    assert scale > 0.1
    np.testing.assert_allclose(got / scale, want / scale, atol=1e-5)
