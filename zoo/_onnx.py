"""Functions of a model as ONNX files."""

import keras

from zoo._extras import optional
from zoo._portable import portable

OPSET = 18  # the last that tf2onnx knows
SMALL = 4096  # values
OUTPUTS = ("predictions", "probabilities", "features")  # in this order


def convert(model, endpoints):
    """Converts the function of a model that says most to an ONNX model.

    Not `model.export(format="onnx")`: of Keras 3.15 it takes 7 GB of memory where this
    takes 1.6 (Inception V4), names neither input nor axes, and asks for the mean of a
    `keras.layers.Normalization` as a further input.

    Args:
        model: the `keras.Model` that the functions use.
        endpoints: dict of names to `(function, signature)`: from tensors to a dict of
            names to tensors, and a list of `tf.TensorSpec` with names, one for each
            argument. Of several, `features` is converted.

    Returns:
        The bytes of the file. Its inputs and outputs have the names above.

    Raises:
        ImportError: a package of the extra `export` is missing.
        ValueError: ONNX has nothing for what the function does.
    """
    import tensorflow as tf

    check_precision(model)
    onnx = optional("onnx", "export")
    tf2onnx = optional("tf2onnx.convert", "export")
    function, signature = endpoints.get("features") or endpoints["serve"]
    # tf2onnx copies a graph many times over: large weights are put in at the end.
    weights = {f"weight_{n}": one for n, one in enumerate(large(model))}
    specs = [tf.TensorSpec(v.shape, v.dtype, name) for name, v in weights.items()]
    with portable(model, loops=False):
        function = without_captures(function, signature, weights.values(), specs)
    written, _ = tf2onnx.from_function(
        function,
        [*signature, *specs],
        opset=OPSET,
        custom_op_handlers={"SelectV2": (select, [])},
    )
    arrange(written.graph, len(signature))
    for name, one in weights.items():
        tensor = onnx.numpy_helper.from_array(one.numpy(), name)
        written.graph.initializer.append(tensor)
    written = written.SerializeToString()
    try:
        onnx.checker.check_model(written, full_check=True)
    except (
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
    ) as error:
        raise ValueError(
            f"ONNX has nothing for a part of {model.name}: {error}"
        ) from None
    return written


def check_precision(model):
    layers = model._flatten_layers(include_self=False)
    halved = [layer for layer in layers if layer.compute_dtype == "bfloat16"]
    if halved:
        raise ValueError(
            f"ONNX files cannot be written in bfloat16, and layer {halved[0].name!r} "
            f"of {model.name!r} computes in it. Build the model with dtype policy "
            '"float32" and give it the same weights: '
            "copy.set_weights(model.get_weights())"
        )


def large(model):
    """The large weights of a model but those that tf2onnx has to see.

    It recognises the loop of an LSTM, which ONNX has as one operation, by its weights.
    """
    recurrent = {
        id(variable)
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.RNN)
        for variable in layer.variables
    }
    return [
        variable
        for variable in model.variables
        if id(variable) not in recurrent and keras.ops.size(variable) > SMALL
    ]


def without_captures(function, signature, variables, specs):
    """Return a function that takes variables' values last, all else being constant.

    tf2onnx knows what to do with variables, but not with other tensors from outside,
    such as the mean of a `keras.layers.Normalization`.
    """
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants

    def run(*inputs):
        given = zip(variables, inputs[len(signature) :], strict=True)
        with keras.StatelessScope(state_mapping=list(given)):
            return function(*inputs[: len(signature)])

    run = tf.function(run, autograph=False).get_concrete_function(*signature, *specs)
    freeze = convert_to_constants.convert_variables_to_constants_v2
    frozen = freeze(run, lower_control_flow=False, aggressive_inlining=True)
    names = sorted(run.structured_outputs)
    return tf.function(lambda *inputs: dict(zip(names, frozen(*inputs), strict=True)))


def select(graph, node, name, _):
    """`tf.where`; tf2onnx multiplies by 0 and 1, but 0 times NaN is NaN."""
    node.type = "Where"


def arrange(graph, inputs):
    """Keep the first inputs, put the outputs in order, and name the free axes."""
    del graph.input[inputs:]
    outputs = sorted(graph.output, key=lambda one: OUTPUTS.index(one.name))
    del graph.output[:]
    graph.output.extend(outputs)
    for value in (*graph.input, *graph.output):
        for place, axis in enumerate(value.type.tensor_type.shape.dim):
            if not axis.HasField("dim_value"):
                axis.dim_param = f"{value.name}_{place}" if place else "batch"
