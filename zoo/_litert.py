"""Functions of a model as LiteRT (formerly TensorFlow Lite) files."""

import tempfile

from zoo._portable import portable


def convert(model, endpoints):
    """Converts functions to a LiteRT model.

    Not `model.export(format="litert")`: of Keras 3.15 it writes the one signature
    `serve`, and operations of TensorFlow that LiteRT's own runtime does not have.

    Args:
        model: the `keras.Model` that the functions use.
        endpoints: dict of names to `(function, signature)`: a function from tensors to
            a dict of names to tensors, and a list of `tf.TensorSpec` with names, one
            for each of its arguments.

    Returns:
        The bytes of the file. Its signatures have the names above.

    Raises:
        ValueError: LiteRT has nothing for what a function does.
    """
    import tensorflow as tf

    module = tf.Module()
    module.held = [variable.value for variable in model.variables]
    with portable(model, loops=True), tempfile.TemporaryDirectory() as folder:
        signatures = {
            name: tf.function(function, autograph=False).get_concrete_function(*specs)
            for name, (function, specs) in endpoints.items()
        }
        tf.saved_model.save(module, folder, signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=list(signatures)
        )
        try:
            return converter.convert()
        except Exception as error:
            # The first line names the operation, the others where it was made.
            reason = str(error).strip().splitlines()[0]
            raise ValueError(
                f"LiteRT has nothing for a part of {model.name}: {reason}"
            ) from error
