"""Functions of a model as LiteRT (formerly TensorFlow Lite) files."""

import tempfile


def convert(model, endpoints):
    """Converts functions to a LiteRT model.

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

    # Not `keras.export`: the converter takes one signature alone of its SavedModels.
    module = tf.Module()
    module.held = [variable.value for variable in model.variables]
    signatures = {
        name: tf.function(function, autograph=False).get_concrete_function(*signature)
        for name, (function, signature) in endpoints.items()
    }
    with tempfile.TemporaryDirectory() as folder:
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
