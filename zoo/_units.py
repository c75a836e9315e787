"""Follow the units of a dense layer through a model, for `zoo.pruning`."""

import dataclasses

import keras
import numpy as np
from keras import layers

# What treats every unit by itself and, in use, at most scales and shifts it.
AFFINE = (
    layers.BatchNormalization,
    layers.Dropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.AlphaDropout,
    layers.ActivityRegularization,
    layers.Identity,
)
# The same, but bends it.
BENT = (layers.ReLU, layers.LeakyReLU, layers.ELU, layers.PReLU)
# Middle of the range, of activations that have one. (relu6 has one by its formula, but
# its units are at 0 half of the time: around 3 all of them would be alike.)
CENTRES = {
    "sigmoid": 0.5,
    "hard_sigmoid": 0.5,
    "tanh": 0.0,
    "hard_tanh": 0.0,
    "softsign": 0.0,
}


@dataclasses.dataclass(frozen=True)
class Branch:
    """A way from the units to a dense layer that takes them up.

    Attributes:
        passed: layers in between that scale and shift, in order.
        consumer: the dense layer.
    """

    passed: tuple
    consumer: layers.Layer

    def scale_and_shift(self, units):
        """Effect of the layers between on each unit: `scale * activation + shift`."""
        scale, shift = np.ones(units), np.zeros(units)
        for layer in self.passed:
            if isinstance(layer, layers.BatchNormalization):
                factor, offset = normalisation(layer)
                scale, shift = scale * factor, shift * factor + offset
        return scale, shift


@dataclasses.dataclass(frozen=True)
class Units:
    """The units of a dense layer in their model.

    Attributes:
        dense: the layer.
        inputs: those of the model, in their structure.
        trunk: layers that hold something for each unit before the ways part.
        activations: the Keras tensor of what the units say, before `branches`.
        centre: middle of its range, or `None` where it has none.
        branches: the ways to the layers that take the units up.
    """

    dense: layers.Layer
    inputs: object
    trunk: tuple
    activations: object
    centre: float | None
    branches: tuple

    @property
    def beside(self):
        """All layers that have something for each unit, but dense ones."""
        passed = [layer for branch in self.branches for layer in branch.passed]
        return {id(layer): layer for layer in [*self.trunk, *passed]}.values()

    @property
    def consumers(self):
        return [branch.consumer for branch in self.branches]


def refuse(name, reason):
    raise ValueError(f"Cannot prune layer {name!r}: {reason}")


def find(model, layer):
    """Finds what the units of a dense layer go through, and where they go.

    Args:
        model: a Sequential or Functional model, built.
        layer: a `keras.layers.Dense` of it, or its name.

    Returns:
        `Units`.

    Raises:
        ValueError: the layer cannot be pruned; the message says why.
    """
    name = layer if isinstance(layer, str) else getattr(layer, "name", repr(layer))
    graph = functional(model, name)
    dense = next((one for one in graph.layers if one.name == name), None)
    if dense is None or not (isinstance(layer, str) or dense is layer):
        dense_ones = [one.name for one in graph.layers if plain_dense(one)]
        refuse(
            name,
            f"model {model.name!r} has no such layer of its own (layers of models "
            f"inside it do not count). Its dense layers: {', '.join(dense_ones)}.",
        )
    if not plain_dense(dense):
        refuse(name, f"it is a {type(dense).__name__}, expected a plain Dense layer.")
    return Walk(graph, dense).units()


def functional(model, name):
    graph = getattr(model, "_functional", model)  # what is inside a Sequential model
    if not isinstance(graph, keras.Model) or not hasattr(graph, "_nodes_by_depth"):
        refuse(
            name,
            "expected a built Sequential or Functional model, whose layers can be "
            f"followed. Received: {type(model).__name__}",
        )
    return graph


def plain_dense(layer):
    changed = getattr(layer, "lora_enabled", False)
    changed = changed or getattr(layer, "quantization_mode", None) is not None
    return type(layer) is layers.Dense and not changed


class Walk:
    """Follows the units of a dense layer through the graph of its model."""

    def __init__(self, graph, dense):
        self.dense, self.inputs = dense, graph.input
        self.nodes = [n for level in graph._nodes_by_depth.values() for n in level]
        self.outputs = {id(tensor) for tensor in keras.tree.flatten(graph.outputs)}

    def units(self):
        tensor = self.output(self.dense)
        self.following(tensor)  # says first what says most: the model's output
        bends = self.bends(self.dense)
        before, after, centre = [], [], self.centre(self.dense)
        activations = tensor
        while True:
            following = self.following(tensor)
            if len(following) != 1 or not self.per_unit(following[0]):
                break
            (layer,) = following
            tensor = self.output(layer)
            after.append(layer)
            if self.bends(layer):
                bends, centre, activations = True, self.centre(layer), tensor
                before, after = before + after, []
        ways = tuple(self.explore(tensor, tuple(after)))
        centre = centre if bends else None
        return Units(self.dense, self.inputs, tuple(before), activations, centre, ways)

    def explore(self, tensor, passed):
        """All ways from a tensor to dense layers."""
        found = []
        for layer in self.following(tensor):
            if plain_dense(layer):
                found.append(Branch(passed, self.checked(layer)))
            elif not self.per_unit(layer):
                self.refuse(
                    f"its units go into {layer.name!r} ({type(layer).__name__}), which "
                    "is neither a plain Dense layer nor an activation, dropout or "
                    "batch normalisation that treats every unit by itself."
                )
            elif self.bends(layer):
                self.refuse(
                    f"its units go several ways and get another activation on one of "
                    f"them ({layer.name!r}), so that there is no one vector for each."
                )
            else:
                found += self.explore(self.output(layer), (*passed, layer))
        return found

    def following(self, tensor):
        """The operations that take a tensor."""
        if id(tensor) in self.outputs:
            self.refuse("its units are an output of the model.")
        return [
            node.operation
            for node in self.nodes
            if any(taken is tensor for taken in node.input_tensors)
        ]

    def output(self, layer):
        """Return a layer's output, where it is called once."""
        nodes = [node for node in self.nodes if node.operation is layer]
        if len(nodes) != 1:
            self.refuse(f"{layer.name!r} is called {len(nodes)} times in this model.")
        return nodes[0].outputs[0]

    def checked(self, consumer):
        self.output(consumer)
        if not consumer.use_bias:
            self.refuse(
                f"{consumer.name!r}, which takes its units up, has no bias for what "
                "constant and complementary units leave. Build it with use_bias=True."
            )
        return consumer

    def per_unit(self, layer):
        if isinstance(layer, layers.Activation):
            return elementwise(layer.activation)
        if isinstance(layer, layers.BatchNormalization):
            return layer.axis in (-1, len(self.output(layer).shape) - 1)
        if isinstance(layer, layers.Flatten):
            return len(layer.input.shape) == 2
        return isinstance(layer, AFFINE + BENT)

    def bends(self, layer):
        if isinstance(layer, (layers.Dense, layers.Activation)):
            if not elementwise(layer.activation):
                self.refuse(
                    f"the activation of {layer.name!r} mixes units, as softmax does."
                )
            return layer.activation is not keras.activations.linear
        return isinstance(layer, BENT)

    def centre(self, layer):
        activation = getattr(layer, "activation", None)
        return CENTRES.get(getattr(activation, "__name__", None))

    def refuse(self, reason):
        refuse(self.dense.name, reason)


def elementwise(activation):
    """Return whether a unit's activation depends on it alone (softmax: no)."""
    values = np.float32([[0.3, -0.7, 1.1, 0.2]])
    first = applied(activation, values)
    if first.shape != values.shape:
        return False
    for unit in range(4):
        other = values.copy()
        other[0, unit] = 2.9
        changed = applied(activation, other) != first
        if np.delete(changed, unit, axis=1).any():
            return False
    return True


def applied(activation, values):
    return keras.ops.convert_to_numpy(activation(keras.ops.convert_to_tensor(values)))


def normalisation(layer):
    """Scale and shift of a batch normalisation in use."""
    numbers = keras.ops.convert_to_numpy
    scale = 1 / np.sqrt(numbers(layer.moving_variance).astype(float) + layer.epsilon)
    if layer.scale:
        scale = scale * numbers(layer.gamma)
    shift = -numbers(layer.moving_mean) * scale
    if layer.center:
        shift = shift + numbers(layer.beta)
    return scale, shift
