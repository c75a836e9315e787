"""Batch normalisation folded into the layer before it: the same model, less work.

In use, batch normalisation scales and shifts each channel by numbers that no longer
change. After a layer that is linear it can be part of that layer's kernel and bias:
`scale * (kernel * x + bias) + shift`.
"""

import collections

import keras
import numpy as np
from keras import layers

from zoo._builder import FEATURES
from zoo._shrinking import copy_state, own_objects
from zoo._units import normalisation

DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
LINEAR = (layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D, *DEPTHWISE)
# What is worth its while in half the bits and loses little by it: the products, and
# what lies between them, so that nothing is converted back and forth.
HALVED = (
    *LINEAR,
    layers.BatchNormalization,
    layers.Activation,
    layers.ReLU,
    layers.Add,
    layers.Concatenate,
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    layers.AveragePooling1D,
    layers.AveragePooling2D,
    layers.Dropout,
    layers.Flatten,
)


def fold(model):
    """Returns a model without the batch normalisation that follows a linear layer.

    A `BatchNormalization` goes where it directly follows a `Dense`, `Conv` or
    `DepthwiseConv` layer without activation, which then has a bias, if all it does is
    to scale and shift that layer's channels. It stays where the layer's output is used
    elsewhere too, where one of both is called more than once, where it was called with
    `training=True`, where both compute in different dtypes, inside models in the model,
    and where it is the layer named `features`, which `zoo.feature_extractor` looks for.

    The result is for use, not for training: its outputs are those of `model` with
    `training=False`, up to rounding.

    ```python
    faster = zoo.folding.fold(model)
    ```

    Args:
        model: a built Sequential or Functional model. It is left as it is.

    Returns:
        A new Functional model with weights of its own, not compiled. All other layers,
        and those folded into, keep their names.

    Raises:
        ValueError: the model is of another kind or has a `call` of its own, or a layer
            of it cannot be made anew from its configuration.
    """
    return remade(model)


def folded(model):
    """`fold` where there is something to fold that can be; otherwise the model."""
    graph = getattr(model, "_functional", model)
    possible = hasattr(graph, "_nodes_by_depth") and not own_call(model)
    if not possible or not folds(graph):
        return model
    try:
        return fold(model)
    except Exception:  # whatever the classes of others raise when they are made anew
        return model


def remade(model, dtype=None):
    """The folded model, with its `HALVED` layers in another dtype where one is given.

    The layers that the outputs come from keep theirs, and so do models in the model.
    """
    graph = functional(model)
    folded = folds(graph)
    gone = {id(norm) for norm in folded.values()}
    last = {id(tensor._keras_history.operation) for tensor in graph.outputs}
    last |= {id(layer) for layer, norm in folded.items() if id(norm) in last}
    copies = []

    def copy(layer):
        if id(layer) in gone:
            return None
        changes = {"use_bias": True} if layer in folded else {}
        if dtype and type(layer) in HALVED and id(layer) not in last:
            changes["dtype"] = dtype
        copies.append((layer, again(layer, changes)))
        return copies[-1][1]

    def call(copied, *inputs, **settings):
        return inputs[0] if copied is None else copied(*inputs, **settings)

    compiled, graph.compiled = graph.compiled, False  # a loss may have no config
    try:
        result = keras.models.clone_model(
            graph, clone_function=copy, call_function=call
        )
    finally:
        graph.compiled = compiled
    result.name = model.name  # that of a Sequential is not its graph's
    for layer, copied in copies:
        if layer in folded:
            kernel, bias = merged(layer, folded[layer])
            copied.kernel.assign(kernel)
            copied.bias.assign(bias)
        elif isinstance(layer, keras.Layer):
            copy_state(layer, copied)
    return result


def functional(model):
    graph = getattr(model, "_functional", model)  # what is inside a Sequential model
    if not isinstance(graph, keras.Model) or not hasattr(graph, "_nodes_by_depth"):
        raise ValueError(
            "Cannot fold this model: expected a built Sequential or Functional model, "
            f"whose layers can be followed. Received: {type(model).__name__}"
        )
    if own_call(model):
        raise ValueError(
            f"Cannot fold this model: {type(model).__name__} has a call method of its "
            "own, so its layers do not tell what it computes."
        )
    return graph


def own_call(model):
    """Return whether a model computes more than its layers, one after the other."""
    owner = next(kind for kind in type(model).__mro__ if "call" in vars(kind))
    return not owner.__module__.startswith("keras.")


def folds(graph):
    """Dict from layers to the batch normalisation that can go into them."""
    nodes = [node for level in graph._nodes_by_depth.values() for node in level]
    calls = collections.Counter(id(node.operation) for node in nodes)
    taken = collections.Counter(id(x) for node in nodes for x in node.input_tensors)
    taken.update(id(tensor) for tensor in graph.outputs)
    found = {}
    for node in nodes:
        if type(node.operation) is layers.BatchNormalization:
            (tensor,) = node.input_tensors[:1]
            norm, layer = node.operation, tensor._keras_history.operation
            once = calls[id(norm)] == calls[id(layer)] == taken[id(tensor)] == 1
            trains = node.arguments.kwargs.get("training")
            if once and not trains and fits(layer, norm, len(tensor.shape)):
                found[layer] = norm
    return found


def fits(layer, norm, rank):
    """Return whether a batch normalisation can go into the layer before it."""
    if type(layer) not in LINEAR or norm.name == FEATURES:
        return False
    changed = getattr(layer, "lora_enabled", False)
    changed = changed or getattr(layer, "quantization_mode", None) is not None
    first = getattr(layer, "data_format", None) == "channels_first"
    return (
        not changed
        and layer.activation is keras.activations.linear
        and norm.axis % rank == (1 if first else rank - 1)
        and norm.compute_dtype == layer.compute_dtype
    )


def merged(layer, norm):
    """Kernel and bias of a layer with the batch normalisation after it."""
    scale, shift = normalisation(norm)
    kernel = keras.ops.convert_to_numpy(layer.kernel).astype(float)
    if layer.use_bias:
        shift = shift + scale * keras.ops.convert_to_numpy(layer.bias)
    if type(layer) in DEPTHWISE:  # (..., inputs, outputs of each)
        scale = np.reshape(scale, kernel.shape[-2:])
    return kernel * scale, shift


def again(layer, changes):
    """A layer made anew from its configuration, with some of it changed."""
    try:
        with keras.saving.custom_object_scope(own_objects(layer)):
            return type(layer).from_config({**layer.get_config(), **changes})
    except Exception as error:
        raise ValueError(
            f"Cannot fold this model: its layer {layer.name!r} "
            f"({type(layer).__name__}) cannot be made anew from its configuration. "
            "Does it have get_config, and are its functions registered "
            "(keras.saving.register_keras_serializable)? Keras says: "
            f"{str(error)[:200]}"
        ) from error
