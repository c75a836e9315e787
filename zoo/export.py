"""A model for programs that have TensorFlow and nothing of ours."""

import keras
from keras import ops

from zoo.features import feature_extractor


def export(model, path, input_dtype=None):
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
        path: the folder to write.
        input_dtype: what the endpoints take, such as `"uint8"` for pictures as they are
            decoded; the model's own input dtype by default.

    Raises:
        ValueError: the model has no features layer, or `input_dtype` is given for an
            `LSTMPB`, which takes its own.
        RuntimeError: Keras runs on another backend.
    """
    if hasattr(model, "endpoints"):
        if input_dtype is not None:
            raise ValueError(
                f"{model.name} takes {model.compute_dtype} alone; leave input_dtype "
                f"out. Received: {input_dtype!r}"
            )
        write(model.endpoints(), path, model)
    else:
        write(endpoints_of(model, input_dtype), path)


def write(endpoints, path, model=None):
    """Writes functions as the endpoints of a SavedModel.

    Args:
        endpoints: dict of names to `(function, signature)`.
        path: the folder to write.
        model: what holds the functions' variables, where they are not layers.

    Raises:
        RuntimeError: Keras runs on another backend.
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "A SavedModel can only be written on the TensorFlow backend. Set the "
            "environment variable KERAS_BACKEND=tensorflow and load the .keras file. "
            f"Received backend: {keras.backend.backend()}"
        )
    archive = keras.export.ExportArchive()
    # What layers and models use is tracked by itself; `track` would write it twice.
    if model is not None:
        archive.track(model)
    for endpoint, (function, signature) in endpoints.items():
        archive.add_endpoint(endpoint, function, signature)
    archive.write_out(str(path), verbose=False)


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
