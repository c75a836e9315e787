"""What distinctiveness pruning does not do, and says so."""

import keras
import numpy as np
import pytest
from keras import layers

from zoo import pruning

PATTERNS = np.random.default_rng(0).normal(size=(60, 6)).astype("float32")
UNITS = 12


def sequential(activation="sigmoid"):
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(UNITS, activation, name="hidden"),
            layers.Dropout(0.5),
            layers.Dense(2, "softmax", name="out"),
        ]
    )


def ends(*what):
    def build():
        x = inputs = keras.Input((6,), name="x")
        for layer in [layers.Dense(4, "sigmoid", name="hidden"), *what]:
            x = layer(x)
        return keras.Model(inputs, x)

    return build


def twice():
    inputs = [keras.Input((6,)), keras.Input((6,))]
    hidden, out = layers.Dense(4, name="hidden"), layers.Dense(2)
    return keras.Model(inputs, [out(hidden(one)) for one in inputs])


def parting_activations():
    inputs = keras.Input((6,))
    x = layers.Dense(4, name="hidden")(inputs)
    both = [layers.ReLU(name="rectifier")(x), layers.Activation("tanh")(x)]
    return keras.Model(inputs, [layers.Dense(2)(one) for one in both])


def added():
    inputs = keras.Input((4,))
    x = layers.Dense(4, "relu", name="hidden")(inputs)
    return keras.Model(inputs, layers.Dense(2)(x + inputs))


def inside():
    return keras.Sequential([keras.Input((6,)), sequential(), layers.Dense(2)])


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(4, name="hidden")

    def call(self, x):
        return self.hidden(x)


def quantized():
    model = sequential()
    model.get_layer("hidden").enable_lora(2)
    return model


REFUSED = {
    "an output": (ends(), "an output of the model"),
    "softmax": (ends(layers.Softmax(), layers.Dense(2)), "neither a plain Dense"),
    "own softmax": (
        lambda: keras.Sequential(
            [
                keras.Input((6,)),
                layers.Dense(4, "softmax", name="hidden"),
                layers.Dense(2),
            ]
        ),
        "mixes units",
    ),
    "layer normalisation": (
        ends(layers.LayerNormalization(name="norm"), layers.Dense(2)),
        "go into 'norm' \\(LayerNormalization\\)",
    ),
    "no bias": (ends(layers.Dense(2, use_bias=False, name="o")), "'o'.* has no bias"),
    "twice": (twice, "'hidden' is called 2 times"),
    "parting activations": (parting_activations, "another activation on one of them"),
    "added": (added, "which is neither"),
    "inside": (inside, "no such layer of its own"),
    "subclassed": (Subclassed, "expected a built Sequential or Functional"),
    "not built": (lambda: keras.Sequential([layers.Dense(4, name="hidden")]), "built"),
    "reshaped": (
        ends(layers.Reshape((2, 2)), layers.Flatten(), layers.Dense(2)),
        "Reshape",
    ),
    "normalised over time": (
        lambda: keras.Sequential(
            [
                keras.Input((5, 6)),
                layers.Dense(4, name="hidden"),
                layers.BatchNormalization(axis=1),
                layers.Dense(2),
            ]
        ),
        "BatchNormalization",
    ),
    "flattened over time": (
        lambda: keras.Sequential(
            [
                keras.Input((5, 6)),
                layers.Dense(4, name="hidden"),
                layers.Flatten(),
                layers.Dense(2),
            ]
        ),
        "Flatten",
    ),
    "quantized": (quantized, "expected a plain Dense"),
    "another kind": (
        lambda: keras.Sequential(
            [
                keras.Input((4, 4, 1)),
                layers.Conv2D(3, 2, name="hidden"),
                layers.Flatten(),
                layers.Dense(2),
            ]
        ),
        "it is a Conv2D, expected a plain Dense",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_pruned_is_refused(case):
    build, reason = REFUSED[case]
    with pytest.raises(ValueError, match=f"Cannot prune layer 'hidden'.*{reason}"):
        pruning.prune(build(), "hidden", PATTERNS)


@pytest.mark.parametrize(
    "arguments, reason",
    [
        ((PATTERNS[:, :5],), r"expected \[\(None, 6\)\].*Received: \(60, 5\)"),
        (([],), "one pattern or more"),
        ((np.full((3, 6), np.nan),), "not finite.*NaN in the patterns"),
        ((PATTERNS, 15, 80), "degrees"),
        ((PATTERNS, 15, 165, "average"), "add, scale, remove. Received: 'average'"),
    ],
)
def test_arguments_out_of_range(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        pruning.prune(sequential(), "hidden", *arguments)


def test_unknown_layers_are_named():
    model = sequential()
    for layer in ("nowhere", sequential().get_layer("hidden")):
        with pytest.raises(ValueError, match="Its dense layers: hidden, out"):
            pruning.prune(model, layer, PATTERNS)
