"""A model for programs that have nothing of ours: SavedModel, ONNX and LiteRT."""

import contextlib
import inspect
import os
import sys
import threading
import warnings

import keras
from keras import ops

from zoo import _frozen
from zoo._atomic import replaced, replaced_saved_model
from zoo._export_checks import (
    check_backend,
    check_ending,
    check_input_dtype,
    features_of,
    single,
)
from zoo.folding import folded, own_call

# Converting changes what belongs to the whole process, and layers of the model.
CONVERTING = threading.RLock()


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
        path: the folder to write. A SavedModel that is there is replaced when the new
            one is complete.
        input_dtype: what the endpoints take, such as `"uint8"` for pictures as they are
            decoded; the model's own input dtype by default.
        dtype: `"bfloat16"` to write the weights of a network with 2-D convolutions in
            half the bits and compute with them: faster on processors with instructions
            for it (AMX, AVX512-BF16), at two to three digits of precision. The weights
            are constants of the graph then: Inception V4 takes 3.0 GB of memory instead
            of 1.3 (`benchmarks/serving.py`). What goes in and comes out keeps its
            dtype. By default, what the model computes in.

    Raises:
        ValueError: the model has no features layer, or not one input and one output;
            `input_dtype` is no dtype of numbers, or given for an `LSTMPB`, which takes
            its own; or `dtype` is given for a model without convolutions.
        NotADirectoryError: `path` is a file.
        RuntimeError: Keras runs on another backend.
    """
    check_backend("A SavedModel")
    model = single(model)
    input_dtype = check_input_dtype(model, input_dtype)
    _frozen.check_dtype(model, dtype)
    if hasattr(model, "endpoints"):
        write(model.endpoints(), path, model)
    elif dtype:
        write(_frozen.endpoints_of(model, input_dtype, dtype), path)
    else:
        write(endpoints_of(folded(model), input_dtype), path)


def onnx(model, path, input_dtype=None):
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
    from zoo._portable import portable

    check_backend("An ONNX file")
    check_ending(path, ".onnx")
    model = single(model)
    input_dtype = check_input_dtype(model, input_dtype)
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
    from zoo._portable import portable

    check_backend("A LiteRT file")
    check_ending(path, ".tflite")
    model = single(model)
    input_dtype = check_input_dtype(model, input_dtype)
    model = folded(model)
    with replaced(path) as partial:
        endpoints = named_endpoints(model, input_dtype, one=True)
        with quiet(), portable(model, loops=True):
            partial.write_bytes(_litert.convert(model, endpoints))


def write(endpoints, path, model=None):
    """Writes functions as the endpoints of a SavedModel.

    Args:
        endpoints: dict of names to `(function, signature)`.
        path: the folder to write, as for `export`.
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
    with replaced_saved_model(path) as partial:
        archive.write_out(str(partial), verbose=False)


def endpoints_of(model, input_dtype):
    (source,) = model.inputs
    signature = [keras.InputSpec(shape=source.shape, dtype=input_dtype or source.dtype)]
    return {
        "serve" if name == "probabilities" else name: (
            inference(part, source.dtype),
            signature,
        )
        for name, part in parts(model).items()
    }


def parts(model):
    """Models of what a file gives, by name: one where the features are all there is."""
    graph = getattr(model, "_functional", model)
    extractor = features_of(graph)
    ends = [one.outputs[0]._keras_history.operation for one in (graph, extractor)]
    if ends[0] is ends[1] and not own_call(model):
        return {"features": extractor}
    return {"probabilities": model, "features": extractor}


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
        (source,) = model.inputs
        spec = tf.TensorSpec(source.shape, input_dtype or source.dtype, source.name)
        return {"serve": (together(parts(model), source), [spec])}
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


def together(models, source):
    """A function to a dict of what models of the same layers say."""
    if any(own_call(model) for model in models.values()):
        runs = {name: inference(one, source.dtype) for name, one in models.items()}
        return lambda inputs: {name: run(inputs) for name, run in runs.items()}
    # As one model, what they share is computed once.
    outputs = {name: model.outputs[0] for name, model in models.items()}
    return inference(keras.Model(source, outputs), source.dtype)


def named(function, output):
    def run(*inputs):
        return {output: function(*inputs)}

    return run


@contextlib.contextmanager
def quiet():
    """Keeps from the terminal what converters in C++ say of their every step.

    One thread at a time; another waits. What Python warns of is told at the end.
    """
    told = []
    try:
        with CONVERTING, warnings.catch_warnings(record=True) as told, silent():
            yield
    finally:
        for one in told:
            warnings.showwarning(one.message, one.category, one.filename, one.lineno)


@contextlib.contextmanager
def silent():
    """Sends the process's error output nowhere, if it has one."""
    try:
        kept = os.dup(2)
    except OSError:  # closed, as where a program has no terminal
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    flush()
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def flush():
    if sys.stderr is not None:
        sys.stderr.flush()
