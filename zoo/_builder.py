"""The common parts of the builders: their input, and the head they end in."""

import keras
from keras import layers

from zoo import weights as zoo_weights

FEATURES = "features"
PREDICTIONS = "predictions"


def check_pooling(pooling):
    if pooling not in (None, "avg", "max"):
        raise ValueError(f'pooling must be None, "avg" or "max". Received: {pooling!r}')


def sequence(input_tensor, input_shape, default_shape):
    """Returns the model's input and the features a network on sequences starts from.

    Args:
        input_tensor: a Keras tensor or `None`.
        input_shape: `(steps, width)`, or `(width,)` for single frames, or `None`.
        default_shape: the shape when neither is given.

    Returns:
        `(inputs, x)`.
    """
    rank = len(default_shape)
    if input_tensor is None:
        shape = input_shape or default_shape
        inputs = x = keras.Input(shape, name="frames")
    else:
        inputs, x = from_tensor(input_tensor, input_shape)
        shape = x.shape[1:]
    short = any(side is not None and side < 1 for side in shape)
    if len(shape) != rank or shape[-1] is None or short:
        expected = ["(width,)", "(steps, width)"][rank - 1]
        raise ValueError(f"Wrong input_shape: expected {expected}. Received: {shape}")
    return inputs, x


def from_tensor(input_tensor, input_shape):
    """Returns what a Keras tensor is computed from, and the tensor."""
    if not keras.backend.is_keras_tensor(input_tensor):
        raise ValueError(
            "input_tensor must be a Keras tensor, such as keras.Input(...) or the "
            f"output of a layer called on one. Received: {type(input_tensor)}"
        )
    if input_shape is not None and tuple(input_shape) != input_tensor.shape[1:]:
        raise ValueError(
            f"input_shape {tuple(input_shape)} contradicts the shape of "
            f"input_tensor, {input_tensor.shape[1:]}. Give only one of them."
        )
    inputs = keras.utils.get_source_inputs(input_tensor)
    return inputs[0] if len(inputs) == 1 else inputs, input_tensor


def picture(input_tensor, input_shape, default_size, min_size, fixed_size=False):
    """Returns the model's input and the three-channel picture the network starts from.

    Args:
        input_tensor: a Keras tensor or `None`.
        input_shape: `(height, width, channels)` or `None`.
        default_size: side of the square picture when neither is given.
        min_size: smallest side the network can take.
        fixed_size: whether both sides have to be known.

    Returns:
        `(inputs, x)`; a single channel (grey-scale) is repeated three times in `x`.
    """
    if input_tensor is None:
        shape = input_shape or (default_size, default_size, 3)
        check_shape(shape, min_size, fixed_size)
        inputs = x = keras.Input(shape, name="picture")
    else:
        inputs, x = from_tensor(input_tensor, input_shape)
        check_shape(x.shape[1:], min_size, fixed_size)
    if x.shape[-1] == 1:
        x = layers.Concatenate(axis=-1, name="grey_to_rgb")([x, x, x])
    return inputs, x


def check_shape(shape, min_size, fixed_size):
    expected = (
        "expected (height, width, channels), channels last, with height and width of "
        f"{min_size} or more" + ("." if fixed_size else ", or None.")
    )
    if len(shape) != 3 or not shape[-1] or shape[-1] < 1:
        raise ValueError(f"Wrong input_shape: {expected} Received: {tuple(shape)}")
    for side in shape[:2]:
        if (side is None and fixed_size) or (side is not None and side < min_size):
            raise ValueError(f"Wrong input_shape: {expected} Received: {tuple(shape)}")


def pool(x, pooling):
    """The features without a classifier: `x` itself or pooled over its positions."""
    if pooling == "avg":
        return layers.GlobalAveragePooling2D("channels_last", name=FEATURES)(x)
    if pooling == "max":
        return layers.GlobalMaxPooling2D("channels_last", name=FEATURES)(x)
    return x


def classify(x, classes, activation, dropout):
    """Dropout and the classifier on the features `x`."""
    x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Dense(classes, activation=activation, name=PREDICTIONS)(x)


def finish(inputs, x, name, weights):
    """The model, with weights from a file where one is given."""
    model = keras.Model(inputs, x, name=name)
    source = zoo_weights.check(weights)
    if source is not None:
        tensors = zoo_weights.read_own(source, model)
        zoo_weights.load(model, tensors, source, (PREDICTIONS,))
    return model
