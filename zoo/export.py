"""A model for programs that have nothing of ours: SavedModel, ONNX and LiteRT."""

import contextlib
import inspect
import os
import pathlib
import sys

import keras
from keras import ops

from zoo import _frozen
from zoo.features import feature_extractor
from zoo.folding import folded


def export(model, path, input_dtype=None, dtype=None):
    """Writes a model as a TensorFlow SavedModel with two endpoints.

    `serve` returns the probabilities and `features` the features in front of the
    classifier; a model that ends in its features has `features` alone, and `LSTMPB`
    says itself what its `endpoints` are. The preprocessing that is part of the model is
    part of the SavedModel. Needs the TensorFlow backend.

    Batch normalisation goes into the layers before it: see `zoo.folding.fold`.

    ```python
    loaded = tf.saved_model.load(path)  # keep it: its endpoints do not
    loaded.serve(pictures)  # (batch, classes)
    loaded.features(pictures)  # (batch, width)
    ```

    Args:
        model: a model of this zoo, for example one that begins with
            `zoo.layers.PreparePictures`.
        path: the folder to write.
        input_dtype: what the endpoints take, such as `"uint8"` for pictures as they are
            decoded; the model's own input dtype by default.
        dtype: `"bfloat16"` to write the weights of a network with 2-D convolutions in
            half the bits and compute with them: faster on processors with instructions
            for it (AMX, AVX512-BF16), at two to three digits of precision. The weights
            are constants of the graph then: Inception V4 takes 2.8 GB of memory instead
            of 1.0. What goes in and comes out keeps its dtype. By default, what the
            model computes in.

    Raises:
        ValueError: the model has no features layer, `input_dtype` is given for an
            `LSTMPB`, which takes its own, or `dtype` for a model without convolutions.
        RuntimeError: Keras runs on another backend.
    """
    check_backend("A SavedModel")
    _frozen.check_dtype(model, dtype)
    if hasattr(model, "endpoints"):
        check_own_dtype(model, input_dtype)
        write(model.endpoints(), path, model)
    elif dtype:
        write(_frozen.endpoints_of(model, input_dtype, dtype), path)
    else:
        write(endpoints_of(folded(model), input_dtype), path)


def onnx(model, path, input_dtype=None):
    """Writes a model as one ONNX file, with the preprocessing that is part of it.

    Its outputs are `probabilities` and `features`, those in front of the classifier; a
    model that ends in its features has `features` alone. The file of an `LSTMPB` takes
    `tracks` and `lengths` to the `features`, the PB vectors that describe them. The
    first axis is free, and so are all that are free in the model. Needs the TensorFlow
    backend and the extra `export`.

    ```python
    session = onnxruntime.InferenceSession(path)
    (source,) = session.get_inputs()
    probabilities, features = session.run(
        ["probabilities", "features"], {source.name: pictures}
    )
    ```

    Args:
        model: a model of this zoo.
        path: the file to write, in a folder that exists.
        input_dtype: what the file takes, such as `"uint8"` for pictures as they are
            decoded; the model's own input dtype by default.

    Raises:
        ValueError: the model has no features layer, has a part that ONNX has nothing
            for, or is an `LSTMPB` and `input_dtype` is given.
        FileNotFoundError: the folder of `path` does not exist.
        RuntimeError: Keras runs on another backend.
        ImportError: the extra `export` is not installed.
    """
    from zoo import _onnx
    from zoo._portable import portable

    check_backend("An ONNX file")
    model = folded(model)
    with replaced(path) as partial:
        endpoints = named_endpoints(model, input_dtype)
        function, signature = endpoints.get("features") or endpoints["serve"]
        with quiet(), portable(model, loops=False):
            partial.write_bytes(_onnx.convert(model, function, signature))


def litert(model, path, input_dtype=None):
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
        path: the file to write, in a folder that exists.
        input_dtype: what the file takes, such as `"uint8"` for pictures as they are
            decoded; the model's own input dtype by default.

    Raises:
        ValueError: the model has no features layer, has a part that LiteRT has nothing
            for, or is an `LSTMPB` and `input_dtype` is given.
        FileNotFoundError: the folder of `path` does not exist.
        RuntimeError: Keras runs on another backend.
    """
    from zoo import _litert
    from zoo._portable import portable

    check_backend("A LiteRT file")
    model = folded(model)
    with replaced(path) as partial:
        endpoints = named_endpoints(model, input_dtype, one=True)
        with quiet(), portable(model, loops=True):
            partial.write_bytes(_litert.convert(model, endpoints))


def write(endpoints, path, model=None):
    """Writes functions as the endpoints of a SavedModel.

    Args:
        endpoints: dict of names to `(function, signature)`.
        path: the folder to write.
        model: what holds the functions' variables, where they are not layers.

    Raises:
        RuntimeError: Keras runs on another backend.
    """
    check_backend("A SavedModel")
    archive = keras.export.ExportArchive()
    # What layers and models use is tracked by itself; `track` would write it twice.
    if model is not None:
        archive.track(model)
    for endpoint, (function, signature) in endpoints.items():
        archive.add_endpoint(endpoint, function, signature)
    archive.write_out(str(path), verbose=False)


def check_backend(what):
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"{what} can only be written on the TensorFlow backend. Set the "
            "environment variable KERAS_BACKEND=tensorflow and load the .keras file. "
            f"Received backend: {keras.backend.backend()}"
        )


def check_own_dtype(model, input_dtype):
    if input_dtype is not None:
        raise ValueError(
            f"{model.name} takes {model.compute_dtype} alone; leave input_dtype "
            f"out. Received: {input_dtype!r}"
        )


def endpoints_of(model, input_dtype):
    source = model.input
    signature = [keras.InputSpec(shape=source.shape, dtype=input_dtype or source.dtype)]
    extractor = feature_extractor(model)
    endpoints = {"serve": model, "features": extractor}
    if model.output is extractor.output:
        del endpoints["serve"]
    return {
        name: (inference(part, source.dtype), signature)
        for name, part in endpoints.items()
    }


def inference(model, dtype):
    def run(inputs):
        return model(ops.cast(inputs, dtype), training=False)

    return run


def named_endpoints(model, input_dtype, one=False):
    """Endpoints that return a dict, with signatures that name the inputs.

    Args:
        model: as for `export`.
        input_dtype: as for `export`.
        one: whether an `LSTMPB` takes one track at a time.
    """
    import tensorflow as tf

    if not hasattr(model, "endpoints"):
        if len(model.inputs) != 1:
            raise ValueError(
                f"A model of one input is expected. Received: {len(model.inputs)}"
            )
        source, extractor = model.input, feature_extractor(model)
        outputs = {"probabilities": model.output, "features": extractor.output}
        if model.output is extractor.output:
            del outputs["probabilities"]
        run = inference(keras.Model(source, outputs), source.dtype)
        spec = tf.TensorSpec(source.shape, input_dtype or source.dtype, source.name)
        return {"serve": (run, [spec])}
    check_own_dtype(model, input_dtype)
    outputs = {"serve": "predictions", "features": "features"}
    found = {}
    for name, (function, signature) in model.endpoints().items():
        inputs = zip(inspect.signature(function).parameters, signature, strict=True)
        specs = [
            tf.TensorSpec((1 if one else None, *spec.shape[1:]), spec.dtype, parameter)
            for parameter, spec in inputs
        ]
        found[name] = (named(function, outputs[name]), specs)
    return found


def named(function, output):
    def run(*inputs):
        return {output: function(*inputs)}

    return run


@contextlib.contextmanager
def replaced(path):
    """A path beside another, which it becomes at the end and only if all went well."""
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"The folder to write to does not exist: {path.parent}. Create it first, "
            "or choose another path."
        )
    if path.is_dir():
        raise IsADirectoryError(
            f"Expected the path of a file. Received a folder: {path}"
        )
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def quiet():
    """Keeps from the terminal what converters in C++ say of their every step."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
