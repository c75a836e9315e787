"""The learned features of a model, for another head or another study."""

import keras

from zoo._builder import FEATURES


def feature_extractor(model):
    """Returns the part of a model of this zoo up to its features.

    Every builder names the layer before its classifier `features`; the result shares
    that part's layers and weights with `model`.

    Args:
        model: a model made by a builder of this zoo, or a functional model around one.

    Returns:
        A `keras.Model` with the same input and the features as output, of shape
        `(batch, width)`.

    Raises:
        ValueError: the model has no layer named `features`, as when built with
            `include_top=False` and no pooling.
    """
    graph = getattr(model, "_functional", model)  # what is inside a Sequential model
    levels = getattr(graph, "_nodes_by_depth", {}).values()
    # Not the layer's `output`: other models may call the layer, too.
    found = [x for level in levels for x in level if x.operation.name == FEATURES]
    if not found:
        raise ValueError(
            f"Model {model.name!r} has no layer named {FEATURES!r}. Build it with "
            'include_top=True, or with include_top=False and pooling="avg" or "max".'
        )
    # Of a Sequential model, `input` is not to be had.
    inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    return keras.Model(inputs, found[0].outputs[0], name=f"{model.name}_{FEATURES}")
