"""Layers' computations in operations that every format has.

TensorFlow's antialiased resizing exists nowhere else, and LiteRT has no lists of
tensors of unknown size, in which Keras collects what a recurrent layer says.
"""

import contextlib
import functools
import threading

import keras
from keras import ops

from zoo.layers import PreparePictures

TRACING = threading.RLock()  # it changes layers, which threads may share


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
    own = {}
    for layer in model._flatten_layers():
        if isinstance(layer, PreparePictures):
            own[layer] = {"call": functools.partial(prepared, layer)}
        elif isinstance(layer, keras.layers.RNN):
            check_recurrent(layer, loops)
            if loops and not layer.unroll:
                own[layer] = {"inner_loop": functools.partial(loop, layer)}
    with TRACING, contextlib.ExitStack() as stack:
        for layer, methods in own.items():
            for name, method in methods.items():
                setattr(layer, name, method)
                stack.callback(delattr, layer, name)
        yield


def check_recurrent(layer, loops):
    if layer.stateful:
        raise ValueError(
            f"Layer {layer.name!r} is stateful, and the file would forget its state "
            "after each call. Build the model with stateful=False."
        )
    stacked = isinstance(layer.cell, keras.layers.StackedRNNCells)
    if loops and stacked and not layer.unroll:
        raise ValueError(
            f"Layer {layer.name!r} is a loop of several cells, which LiteRT has "
            "nothing for. Build the model with a recurrent layer for each cell."
        )


def prepared(layer, pictures):
    """`PreparePictures.call`, with resizing as two products of matrices.

    Slower than TensorFlow's own resizing, so for other formats only.
    """
    dtype = "float64" if layer.compute_dtype == "float64" else "float32"
    size, channels = layer.size, pictures.shape[-1]
    _, height, width, _ = ops.shape(pictures)
    rows = ops.reshape(ops.cast(pictures, dtype), (-1, height, width * channels))
    rows = ops.matmul(shares(height, size, dtype), rows)
    columns = ops.reshape(rows, (-1, width, channels))
    columns = ops.matmul(shares(width, size, dtype), columns)
    scaled = ops.reshape(columns, (-1, size, size, channels)) / 127.5 - 1.0
    return ops.cast(scaled, layer.compute_dtype)


def shares(count, size, dtype):
    """Return the share of each pixel of a line in each pixel of the resized line.

    A triangle around the same place in the line, whose sides are as long as two pixels
    of that line are apart which has fewer. Places are whole numbers here, in units of
    half a pixel of a line of `count * size`.

    Returns:
        `(size, count)`.
    """
    places = (2 * ops.arange(size) + 1) * count
    pixels = (2 * ops.arange(count) + 1) * size
    distances = ops.cast(ops.abs(pixels - places[:, None]), dtype)
    triangle = ops.relu(2.0 * ops.cast(ops.maximum(count, size), dtype) - distances)
    return triangle / ops.sum(triangle, axis=1, keepdims=True)


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
