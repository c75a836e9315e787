"""What distinctiveness pruning does not do, and says so."""

import keras
import numpy as np
import pytest
from keras import layers

from zoo import pruning

PATTERNS = np.random.default_rng(0).normal(size=(60, 6)).astype("float32")
UNITS = 12


def stack(*what, shape=(6,)):
    """A function to a model of these layers."""
    return lambda: keras.Sequential([keras.Input(shape), *what])


def hidden(units=4, activation="sigmoid"):
    return layers.Dense(units, activation, name="hidden")


def sequential():
    last = layers.Dense(2, "softmax", name="out")
    return stack(hidden(UNITS), layers.Dropout(0.5), last)()


def twice():
    inputs = [keras.Input((6,)), keras.Input((6,))]
    shared, last = hidden(), layers.Dense(2)
    return keras.Model(inputs, [last(shared(one)) for one in inputs])


def parting_activations():
    inputs = keras.Input((6,))
    x = layers.Dense(4, name="hidden")(inputs)
    both = [layers.ReLU(name="rectifier")(x), layers.Activation("tanh")(x)]
    return keras.Model(inputs, [layers.Dense(2)(one) for one in both])


def added():
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(2)(hidden(4, "relu")(inputs) + inputs))


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


def out():
    return layers.Dense(2)


REFUSED = {
    "an output": (stack(hidden()), "an output of the model"),
    "softmax": (stack(hidden(), layers.Softmax(), out()), "neither a plain Dense"),
    "own softmax": (stack(hidden(4, "softmax"), out()), "mixes units"),
    "layer normalisation": (
        stack(hidden(), layers.LayerNormalization(name="norm"), out()),
        "go into 'norm' \\(LayerNormalization\\)",
    ),
    "no bias": (
        stack(hidden(), layers.Dense(2, use_bias=False, name="o")),
        "'o'.* has no bias",
    ),
    "twice": (twice, "'hidden' is called 2 times"),
    "parting activations": (parting_activations, "another activation on one of them"),
    "added": (added, "which is neither"),
    "inside": (lambda: stack(sequential(), out())(), "no such layer of its own"),
    "subclassed": (Subclassed, "expected a built Sequential or Functional"),
    "not built": (lambda: keras.Sequential([hidden()]), "built"),
    "reshaped": (
        stack(hidden(), layers.Reshape((2, 2)), layers.Flatten(), out()),
        "Reshape",
    ),
    "normalised over time": (
        stack(hidden(), layers.BatchNormalization(axis=1), out(), shape=(5, 6)),
        "BatchNormalization",
    ),
    "flattened over time": (
        stack(hidden(), layers.Flatten(), out(), shape=(5, 6)),
        "Flatten",
    ),
    "quantized": (quantized, "expected a plain Dense"),
    "another kind": (
        stack(
            layers.Conv2D(3, 2, name="hidden"), layers.Flatten(), out(), shape=(4, 4, 1)
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
