"""A model for programs that have nothing of ours: SavedModel, ONNX and LiteRT."""

import inspect
import os
import pathlib

import keras
from keras import ops

from zoo._atomic import replaced, replaced_saved_model
from zoo.features import feature_extractor


def export(
    model: keras.Model, path: str | os.PathLike, input_dtype: str | None = None
) -> None:
    """Writes a model as a TensorFlow SavedModel with two endpoints.

    `serve` returns the probabilities and `features` the features in front of the
    classifier; a model that ends in its features has `features` alone, and `LSTMPB`
    says itself what its `endpoints` are. The preprocessing that is part of the model is
    part of the SavedModel. Needs the TensorFlow backend.

    ```python
    loaded = tf.saved_model.load(path)  # keep it: its endpoints do not
    loaded.serve(pictures)  # (batch, classes)
    loaded.features(pictures)  # (batch, width)
    ```

    Args:
        model: a model of this zoo, for example one that begins with
            `zoo.layers.PreparePictures`.
        path: the folder to write. A SavedModel that is there is replaced when the new
            one is complete.
        input_dtype: what the endpoints take, such as `"uint8"` for pictures as they are
            decoded; the model's own input dtype by default.

    Raises:
        ValueError: the model has no features layer, or not one input and one output;
            or `input_dtype` is no dtype of numbers, or given for an `LSTMPB`, which
            takes its own.
        NotADirectoryError: `path` is a file.
        RuntimeError: Keras runs on another backend.
    """
    check_backend()
    if hasattr(model, "endpoints"):
        check_no_dtype(model, input_dtype)
        return write(model.endpoints(), path, model)
    network, run, spec = joined(model, input_dtype)
    names = {"serve": "probabilities", "features": "features"}
    write(
        {
            end: (lambda x, name=name: run(x)[name], [spec])
            for end, name in names.items()
            if name in network.output
        },
        path,
    )


def onnx(
    model: keras.Model, path: str | os.PathLike, input_dtype: str | None = None
) -> None:
    """Writes a model as one ONNX file, with the preprocessing that is part of it.

    Its outputs are `probabilities` and `features`, in this order, the latter those in
    front of the classifier; a model that ends in its features has `features` alone. The
    file of an `LSTMPB` takes `tracks` and `lengths` to the `features`, the PB vectors
    that describe them. The axes that are free in the model are free in the file, the
    first among them. Needs the TensorFlow backend and the extra `export`.

    ```python
    session = onnxruntime.InferenceSession(path)
    (source,) = session.get_inputs()
    probabilities, features = session.run(None, {source.name: pictures})
    ```

    Args:
        model: a model of this zoo.
        path: the file to write, `*.onnx`, in a folder that exists.
        input_dtype: what the file takes, such as `"uint8"` for pictures as they are
            decoded; the model's own input dtype by default.

    Raises:
        ValueError: the model has no features layer, not one input and one output, or a
            part that ONNX has nothing for; `input_dtype` is no dtype of numbers, or
            given for an `LSTMPB`; or `path` does not end in `.onnx`.
        FileNotFoundError: the folder of `path` does not exist.
        RuntimeError: Keras runs on another backend.
        ImportError: the extra `export` is not installed.
    """
    from zoo import _onnx

    write_file(model, path, ".onnx", input_dtype, _onnx.convert)


def litert(
    model: keras.Model, path: str | os.PathLike, input_dtype: str | None = None
) -> None:
    """Writes a model as one LiteRT file, with the preprocessing that is part of it.

    Its signature is `serve`, with the outputs `probabilities` and `features`, those in
    front of the classifier; a model that ends in its features has `features` alone. The
    axes that are free in the model are free in the file, the first among them. An
    `LSTMPB` has the signatures `serve` and `features` of `export`, for one track at a
    time. Needs the TensorFlow backend, and no operations but LiteRT's own to run.

    ```python
    from ai_edge_litert.interpreter import Interpreter

    serve = Interpreter(path).get_signature_runner("serve")
    (name,) = serve.get_input_details()
    answer = serve(**{name: pictures})  # {"probabilities": ..., "features": ...}
    ```

    Args:
        model: a model of this zoo.
        path: the file to write, `*.tflite`, in a folder that exists.
        input_dtype: what the file takes, such as `"uint8"` for pictures as they are
            decoded; the model's own input dtype by default.

    Raises:
        ValueError: the model has no features layer, not one input and one output, or a
            part that LiteRT has nothing for; `input_dtype` is no dtype of numbers, or
            given for an `LSTMPB`; or `path` does not end in `.tflite`.
        FileNotFoundError: the folder of `path` does not exist.
        RuntimeError: Keras runs on another backend.
    """
    from zoo import _litert

    write_file(model, path, ".tflite", input_dtype, _litert.convert, batch=1)


def write(endpoints, path, model=None):
    """Writes functions as the endpoints of a SavedModel.

    Args:
        endpoints: dict of names to `(function, signature)`.
        path: the folder to write, as for `export`.
        model: what holds the functions' variables, where they are not layers.

    Raises:
        RuntimeError: Keras runs on another backend.
    """
    check_backend()
    archive = keras.export.ExportArchive()
    # What layers and models use is tracked by itself; `track` would write it twice.
    if model is not None:
        archive.track(model)
    for endpoint, (function, signature) in endpoints.items():
        archive.add_endpoint(endpoint, function, signature)
    with replaced_saved_model(path) as partial:
        archive.write_out(str(partial), verbose=False)


def write_file(model, path, ending, input_dtype, convert, batch=None):
    """Writes what a converter makes of a model and its endpoints.

    Args:
        model: as for `export`.
        path: the file to write.
        ending: what its name has to end in.
        input_dtype: as for `export`.
        convert: function from a `keras.Model` and its `named_endpoints` to bytes.
        batch: the number of tracks that an `LSTMPB` takes at a time, if it is fixed.
    """
    check_backend()
    if pathlib.Path(path).suffix != ending:
        raise ValueError(
            f"Expected a path that ends in {ending}. Received: {str(path)!r}"
        )
    model, endpoints = named_endpoints(model, input_dtype, batch)
    with replaced(path) as partial:
        partial.write_bytes(convert(model, endpoints))


def named_endpoints(model, input_dtype, batch=None):
    """Return a model, and its endpoints with named inputs that return dicts."""
    import tensorflow as tf

    if not hasattr(model, "endpoints"):
        network, run, spec = joined(model, input_dtype)
        name = network.inputs[0].name
        return network, {"serve": (run, [tf.TensorSpec(spec.shape, spec.dtype, name)])}
    check_no_dtype(model, input_dtype)
    endpoints = {}
    for end, (function, specs) in model.endpoints().items():
        names = inspect.signature(function).parameters
        specs = [
            tf.TensorSpec((batch, *spec.shape[1:]), spec.dtype, name)
            for spec, name in zip(specs, names, strict=True)
        ]
        output = "predictions" if end == "serve" else end
        endpoints[end] = (named(function, output), specs)
    return model, endpoints


def named(function, output):
    return lambda *inputs: {output: function(*inputs)}


def joined(model, input_dtype):
    """Join what a file gives in one model, so that what it shares is computed once.

    Returns:
        A `keras.Model` with the same layers and a dict of outputs, a function that
        calls it on an input of another dtype, and the `keras.InputSpec` of that input.
    """
    try:
        inputs, outputs = model.inputs, model.outputs
    except (AttributeError, ValueError):  # no model, or a Sequential one not yet built
        raise ValueError(
            "Expected a built Sequential or Functional model, or an LSTMPB. Received: "
            f"{model!r}. Call a Sequential model that was not built or has no layers "
            "yet."
        ) from None
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(
            "Expected a model of one input and one output. Received: "
            f"{len(inputs)} input(s) and {len(outputs)} output(s). Export each of the "
            "others as a keras.Model of its own."
        )
    (source,), (output,) = inputs, outputs
    features = feature_extractor(model).outputs[0]
    ends = {"features": features}
    if own_call(model):
        ends["probabilities"] = model(source)
    elif output is not features:
        ends["probabilities"] = output
    network = keras.Model(source, ends, name=model.name)
    stateful = any(getattr(x, "stateful", False) for x in network._flatten_layers())
    shape = source.shape if stateful else (None, *source.shape[1:])
    dtype = standard_dtype(input_dtype or source.dtype)

    def run(x):
        return network(ops.cast(x, source.dtype), training=False)

    return network, run, keras.InputSpec(shape=shape, dtype=dtype)


def own_call(model):
    """Return whether a model computes more than its layers, one after the other."""
    owner = next(kind for kind in type(model).__mro__ if "call" in vars(kind))
    return not owner.__module__.startswith("keras.")


def check_backend():
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "Models can only be exported on the TensorFlow backend. Received: "
            f"{keras.backend.backend()}. Set the environment variable "
            "KERAS_BACKEND=tensorflow and load the .keras file."
        )


def check_no_dtype(model, input_dtype):
    if input_dtype is not None:
        raise ValueError(
            f"Expected no input_dtype: {model.name} takes {model.compute_dtype} alone. "
            f"Received: {input_dtype!r}. Please leave input_dtype out."
        )


def standard_dtype(dtype):
    """Return the name that Keras has for a dtype of numbers."""
    try:
        name = keras.backend.standardize_dtype(dtype)
    except (TypeError, ValueError):
        name = ""
    if not name.lstrip("u").startswith(("int", "float", "bfloat")):
        raise ValueError(
            'Expected an input_dtype of None or a dtype of numbers, such as "uint8" or '
            f'"float32". Received: {dtype!r}'
        )
    return name
