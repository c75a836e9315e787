"""Functions of a model as ONNX files."""

import logging

import keras

from zoo._extras import optional

OPSET = 18  # the last that tf2onnx knows
SMALL = 4096  # values
OUTPUTS = ("predictions", "probabilities", "features")  # in this order


def convert(model, function, signature):
    """Converts a function to an ONNX model.

    Args:
        model: the `keras.Model` that the function uses.
        function: from tensors to a dict of names to tensors.
        signature: list of `tf.TensorSpec` with names, one for each argument.

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
    # tf2onnx copies a graph many times over: large weights are put in at the end.
    weights = {f"weight_{n}": one for n, one in enumerate(large(model))}
    specs = [tf.TensorSpec(v.shape, v.dtype, name) for name, v in weights.items()]
    signature = [*signature, *specs]
    function = without_captures(taking(function, list(weights.values())), signature)
    handlers = {"SelectV2": (select, [])}
    log = logging.getLogger("tf2onnx")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        written, _ = tf2onnx.from_function(
            function, signature, opset=OPSET, custom_op_handlers=handlers
        )
    finally:
        log.setLevel(level)
    embed(onnx, written.graph, {name: one.numpy() for name, one in weights.items()})
    name_axes(written.graph)
    # tf2onnx has them in alphabetical order.
    outputs = sorted(written.graph.output, key=lambda one: OUTPUTS.index(one.name))
    del written.graph.output[:]
    written.graph.output.extend(outputs)
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


def taking(function, variables):
    """A function that takes the values of variables behind its own arguments."""

    def run(*given):
        count = len(given) - len(variables)
        mapping = list(zip(variables, given[count:], strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return function(*given[:count])

    return run


def without_captures(function, signature):
    """A `tf.function` in which all that the function refers to is constant.

    tf2onnx knows what to do with variables, but not with other tensors from outside,
    such as the mean of a `keras.layers.Normalization`.
    """
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants

    traced = tf.function(function, autograph=False).get_concrete_function(*signature)
    freeze = convert_to_constants.convert_variables_to_constants_v2
    frozen = freeze(traced, lower_control_flow=False, aggressive_inlining=True)
    names = sorted(traced.structured_outputs)

    def run(*inputs):
        return dict(zip(names, frozen(*inputs), strict=True))

    return tf.function(run, autograph=False)


def select(graph, node, name, _):
    """`tf.where`; tf2onnx multiplies by 0 and 1, but 0 times NaN is NaN."""
    node.type = "Where"


def embed(onnx, graph, weights):
    """Makes weights of a graph's inputs, transposed where the graph transposes them."""
    for node in [node for node in graph.node if node.op_type == "Transpose"]:
        if node.input[0] in weights:
            axes = node.attribute[0].ints
            weights[node.output[0]] = weights[node.input[0]].transpose(axes)
            graph.node.remove(node)
    used = names(graph)
    for name in used & weights.keys():
        graph.initializer.append(onnx.numpy_helper.from_array(weights[name], name))
    own = [source for source in graph.input if source.name not in weights]
    del graph.input[:]
    graph.input.extend(own)


def names(graph):
    """The names of all that the nodes of a graph take, and of the graphs in it."""
    found = set()
    for node in graph.node:
        found.update(node.input)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                found |= names(attribute.g)
    return found


def name_axes(graph):
    """Names the free axes of inputs and outputs; tf2onnx numbers them."""
    for value in (*graph.input, *graph.output):
        for place, axis in enumerate(value.type.tensor_type.shape.dim):
            if not axis.HasField("dim_value"):
                axis.dim_param = f"{value.name}_{place}" if place else "batch"
