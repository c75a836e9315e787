"""Check what `zoo.export` is given."""

import pathlib

import keras

from zoo._builder import FEATURES
from zoo.features import feature_extractor
from zoo.folding import own_call

KINDS = "a built Sequential or Functional model, or an LSTMPB"


def single(model):
    """A model as a Functional one from one input to one output, with the same layers.

    One that has `endpoints` or a `call` of its own is returned as it is.
    """
    if hasattr(model, "endpoints"):
        return model
    graph = getattr(model, "_functional", model)  # what is inside a Sequential model
    inputs, outputs = (getattr(graph, name, None) for name in ("inputs", "outputs"))
    if not isinstance(model, keras.Model) or not inputs or not outputs:
        what = repr(model) if isinstance(model, str) else type(model).__name__
        hint = ""
        if isinstance(model, keras.Sequential):
            hint = " that has no layers yet, or was neither built nor called"
        raise ValueError(f"Expected {KINDS}. Received: {what}{hint}")
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(
            "A model of one input and one output is expected: export each of the "
            "others as a keras.Model of its own. Received: "
            f"{len(inputs)} input(s) and {len(outputs)} output(s)"
        )
    if own_call(model):
        return model
    fixed = inputs[0].shape[0] is not None
    if fixed and isinstance(model, keras.Sequential):
        return opened(model, inputs[0])
    return keras.Model(inputs[0], outputs[0], name=model.name)


def opened(model, source):
    """A Sequential model of any batch size; Keras gives it that of its first call."""
    if any(getattr(layer, "stateful", False) for layer in model._flatten_layers()):
        return keras.Model(source, model.outputs[0], name=model.name)
    x = source = keras.Input(source.shape[1:], dtype=source.dtype, name=source.name)
    for layer in model.layers:
        x = layer(x)
    return keras.Model(source, x, name=model.name)


def features_of(graph):
    """`zoo.feature_extractor`, also of layers that are used in other models."""
    nodes = [node for level in graph._nodes_by_depth.values() for node in level]
    for node in nodes:
        if node.operation.name == FEATURES:
            name = f"{graph.name}_{FEATURES}"
            return keras.Model(graph.inputs[0], node.outputs[0], name=name)
    return feature_extractor(graph)  # says what to do


def check_backend(what):
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"{what} can only be written on the TensorFlow backend. Set the "
            "environment variable KERAS_BACKEND=tensorflow and load the .keras file. "
            f"Received backend: {keras.backend.backend()}"
        )


def check_input_dtype(model, input_dtype):
    """Returns the dtype by the name that Keras has for it, or `None`."""
    if input_dtype is None:
        return None
    if hasattr(model, "endpoints"):
        raise ValueError(
            f"{model.name} takes {model.compute_dtype} alone; leave input_dtype "
            f"out. Received: {input_dtype!r}"
        )
    try:
        name = keras.backend.standardize_dtype(input_dtype)
        known = keras.backend.is_float_dtype(name) or keras.backend.is_int_dtype(name)
    except (TypeError, ValueError):
        known = False
    if not known:
        raise ValueError(
            "input_dtype must be None or a dtype of numbers, such as "
            f'"uint8" or "float32". Received: {input_dtype!r}'
        )
    return name


def check_ending(path, ending):
    if pathlib.Path(path).suffix != ending:
        raise ValueError(
            f"Expected a path that ends in {ending}. Received: {str(path)!r}"
        )
