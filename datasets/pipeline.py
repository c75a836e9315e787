"""Samples in batches: the one `tf.data` pipeline behind every dataset's `load`."""

import itertools
from collections.abc import Callable

import numpy as np


def batches(
    example: Callable,
    count: int,
    batch_size: int,
    seed: int = 0,
    *,
    shuffle: bool = False,
    epoch: int = 0,
):
    """Batch samples; each pass is one epoch, a pass that is broken off as well.

    Order and augmentation are drawn for every epoch from `seed` and the epoch's number
    alone, one draw per sample, so that neither threads nor batches nor order change
    what a sample becomes.

    Args:
        example: Function from a sample's row and its seed in this epoch, int64
            tensors, to the sample. Series of different lengths are padded with zeros
            to the longest of their batch.
        count: Number of samples.
        batch_size: Samples in a batch; the last batch may hold fewer.
        seed: 0 or more.
        shuffle: Whether to draw a new order for every epoch.
        epoch: Number of the first pass, from 0: an interrupted training goes on
            with what it would have seen.

    Returns:
        A `tf.data.Dataset` of known length. Keras's `fit` wants `shuffle=False` with
        it, or warns that it does not shuffle.

    Raises:
        ValueError: There is no sample, or a number is out of range.
    """
    import tensorflow as tf

    limits = {"batch_size": (batch_size, 1), "seed": (seed, 0), "epoch": (epoch, 0)}
    for name, (value, low) in limits.items():
        if value < low:
            raise ValueError(f"Expected {name} to be {low} or more, got {value}.")
    if count < 1:
        raise ValueError("Expected an index of one row or more, got an empty one.")
    epochs = itertools.count(epoch)

    def draw():
        rng = np.random.default_rng([seed, next(epochs)])
        seeds = rng.integers(2**31, size=count, dtype=np.int64)
        order = rng.permutation(count) if shuffle else np.arange(count)
        # The seeds belong to the samples, whatever place the order gives them.
        yield order, seeds[order]

    numbers = tf.TensorSpec((count,), tf.int64)
    return (
        tf.data.Dataset.from_generator(draw, output_signature=(numbers, numbers))
        .flat_map(lambda *drawn: tf.data.Dataset.from_tensor_slices(drawn))
        .apply(tf.data.experimental.assert_cardinality(count))
        .map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .padded_batch(batch_size)
        .prefetch(tf.data.AUTOTUNE)
    )


def from_arrays(
    values: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    seed: int = 0,
    *,
    augment: Callable | None = None,
    **order,
):
    """Batch the rows of an array, in memory or mapped, with their labels.

    Args:
        values: An array with a row per sample.
        labels: An array with as many rows.
        batch_size, seed, order: See `batches`.
        augment: Function from a row of `values` and its seed to another such row.
    """

    def example(row, row_seed):
        def read(row, row_seed):
            value = values[row]
            return augment(value, row_seed) if augment else value, labels[row]

        return numpy_function(read, (row, row_seed), (values[0], labels[0]))

    return batches(example, len(labels), batch_size, seed, **order)


def numpy_function(function: Callable, inputs: tuple, like: tuple) -> list:
    """Call a NumPy function in a graph; its results have shape and type of `like`."""
    import tensorflow as tf

    # Stateless, or determinism would make the map read one sample at a time.
    results = tf.numpy_function(function, inputs, [x.dtype for x in like], False)
    return [tf.ensure_shape(r, x.shape) for r, x in zip(results, like, strict=True)]
