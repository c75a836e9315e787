"""SavedModels of networks on pictures that compute in bfloat16.

With the weights as constants in the graph, TensorFlow (oneDNN) brings them into the
order that its kernels want once, not at every call. In bfloat16 that saves a sixth of
the time; in float32 it saves nothing to speak of, for four times the memory, and is not
done.
"""

import keras
from keras import layers, ops

from zoo._export_checks import features_of
from zoo.folding import functional, remade

CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D)
DTYPES = (None, "bfloat16")
# A graph and its constants are one message, of less than 2 GiB.
MOST_PARAMETERS = 2**28


def helps(model):
    """Return whether a model has 2-D convolutions and is small enough for this."""
    parts = model._flatten_layers() if hasattr(model, "inputs") else []
    convolves = any(isinstance(layer, CONVOLUTIONS) for layer in parts)
    return convolves and model.count_params() < MOST_PARAMETERS


def check_dtype(model, dtype):
    if dtype not in DTYPES:
        raise ValueError(f'dtype must be None or "bfloat16". Received: {dtype!r}')
    if dtype and not helps(model):
        raise ValueError(
            f"dtype is for networks with 2-D convolutions; leave it out for "
            f"{model.name!r}. Received: {dtype!r}"
        )


def endpoints_of(model, input_dtype, dtype):
    """The endpoints of `zoo.export.export`, folded and frozen.

    Args:
        model: a model of which `helps` is true.
        input_dtype: as for `zoo.export.export`.
        dtype: what its layers compute in.

    Returns:
        Dict of names to `(function, signature)`.
    """
    graph = functional(model)
    outputs = {"serve": graph.outputs[0], "features": features_of(graph).outputs[0]}
    ends = [output._keras_history.operation for output in outputs.values()]
    if ends[0] is ends[1]:
        del outputs["serve"]
    dtypes = [output.dtype for output in outputs.values()]
    (source,) = model.inputs
    signature = [keras.InputSpec(shape=source.shape, dtype=input_dtype or source.dtype)]
    network = keras.Model(source, list(outputs.values()), name=model.name)
    network = remade(network, dtype)
    constant = frozen(network, signature[0], source.dtype, dtypes)
    return {
        name: (picked(constant, number), signature)
        for number, name in enumerate(outputs)
    }


def frozen(network, spec, dtype, dtypes):
    """A TensorFlow function to the list of outputs, without variables."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    @tf.function(input_signature=[tf.TensorSpec(spec.shape, spec.dtype)])
    def run(inputs):
        outputs = network(ops.cast(inputs, dtype), training=False)
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        return [ops.cast(x, kind) for x, kind in zip(outputs, dtypes, strict=True)]

    return convert_variables_to_constants_v2(
        run.get_concrete_function(), lower_control_flow=False
    )


def picked(function, number):
    def run(inputs):
        return function(inputs)[number]

    return run
