"""Layers' computations in operations that every format has.

TensorFlow's antialiased resizing exists nowhere else, and LiteRT has no lists of
tensors of unknown size, in which Keras collects what a recurrent layer says.
"""

import contextlib
import functools

import keras

from zoo.layers import PreparePictures


@contextlib.contextmanager
def portable(model, loops):
    """While this lasts, a model is traced as what other formats have operations for.

    Args:
        model: a `keras.Model`.
        loops: whether that goes for recurrent layers, too.

    Raises:
        ValueError: a recurrent layer keeps its state between calls, or has a loop of
            several cells.
    """
    check_recurrent(model, loops)
    changed = []
    for layer in model._flatten_layers():
        if isinstance(layer, PreparePictures):
            layer.call = functools.partial(prepared, layer)
            changed.append((layer, "call"))
        elif loops and isinstance(layer, keras.layers.RNN) and not layer.unroll:
            layer.inner_loop = functools.partial(loop, layer)
            changed.append((layer, "inner_loop"))
    try:
        yield
    finally:
        for layer, name in changed:
            delattr(layer, name)


def check_recurrent(model, loops):
    for layer in model._flatten_layers():
        if not isinstance(layer, keras.layers.RNN):
            continue
        if layer.stateful:
            raise ValueError(
                f"Layer {layer.name!r} is stateful, and the file would forget its "
                "state after each call. Build the model with stateful=False."
            )
        stacked = isinstance(layer.cell, keras.layers.StackedRNNCells)
        if loops and stacked and not layer.unroll:
            raise ValueError(
                f"Layer {layer.name!r} is a loop of several cells, which LiteRT has "
                "nothing for. Build the model with a recurrent layer for each cell."
            )


def prepared(layer, pictures):
    """`PreparePictures.call`, with resizing as two products of matrices.

    Half the bits do not hold the numbers of the pixels: it computes with more.
    """
    import tensorflow as tf

    double = layer.compute_dtype == "float64"
    pictures = tf.cast(pictures, "float64" if double else "float32")
    batch, height, width, channels = tf.unstack(tf.shape(pictures))
    size = layer.size
    rows = tf.reshape(pictures, (batch, height, width * channels))
    rows = tf.matmul(weights(height, size, rows.dtype), rows)
    columns = tf.reshape(rows, (batch * size, width, channels))
    columns = tf.matmul(weights(width, size, rows.dtype), columns)
    # The number of channels, unlike the sides, is known to the layers behind.
    shape = (-1, size, size, pictures.shape[-1])
    scaled = tf.reshape(columns, shape) / 127.5 - 1.0
    return tf.cast(scaled, layer.compute_dtype)


def weights(count, size, dtype):
    """Return the share of each pixel of a line in each pixel of the resized line.

    A triangle around the same place in the line, whose sides are as long as two pixels
    of that line are apart which has fewer.

    Returns:
        `(size, count)`.
    """
    import tensorflow as tf

    step = tf.cast(count, dtype) / size
    places = (tf.range(size, dtype=dtype) + 0.5) * step
    pixels = tf.cast(tf.range(count), dtype) + 0.5
    distances = tf.abs(pixels - places[:, None])
    triangle = tf.nn.relu(1 - distances / tf.maximum(step, 1))
    return triangle / tf.reduce_sum(triangle, axis=1, keepdims=True)


def loop(layer, sequences, initial_state, mask=None, training=False):
    """`inner_loop` of a recurrent layer, which collects its outputs in one tensor."""
    import tensorflow as tf

    if mask is not None:
        raise ValueError(
            f"LiteRT has no loop with a mask, and layer {layer.name!r} has one. Build "
            "the model without masking, for sequences of one length."
        )
    times = tf.transpose(sequences, [1, 0, 2])
    if layer.go_backwards:
        times = tf.reverse(times, [0])
    states = tuple(initial_state)

    def step(time, said, states):
        output, states = layer.cell(times[time], states)
        said = tf.concat([said, output[None]], 0)
        return time + 1, said if layer.return_sequences else said[1:], tuple(states)

    # A first line that is dropped in the end: LiteRT makes one line out of none.
    first = tf.zeros_like(states[0])[None]
    free = tf.TensorShape([None, *first.shape[1:]])
    _, said, states = tf.while_loop(
        lambda time, *_: time < tf.shape(times)[0],
        step,
        (0, first, states),
        shape_invariants=(tf.TensorShape([]), free, tuple(s.shape for s in states)),
    )
    if layer.return_sequences:
        said = said[1:]
    return said[-1], tf.transpose(said, [1, 0, 2]), list(states)
