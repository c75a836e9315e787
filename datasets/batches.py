"""The order in which rows are read: what the adapters' `load` have in common."""

import itertools

import numpy as np


def positions(count: int, batch_size: int, seed: int, shuffle: bool, epoch: int):
    """Positions of rows in batches; each pass is one epoch, broken off or not.

    The order is drawn for every epoch from `seed` and the epoch's number alone.

    Args:
        count: Number of rows, 1 or more.
        batch_size: Rows in a batch; the last batch may hold fewer.
        seed: 0 or more.
        shuffle: Whether to draw a new order for every epoch.
        epoch: Number of the first pass, from 0.

    Returns:
        A `tf.data.Dataset` of int64 (batch,), of known length.

    Raises:
        ValueError: There is no row, or a number is out of range.
    """
    import tensorflow as tf

    least = {"batch_size": 1, "seed": 0, "epoch": 0}
    given = {"batch_size": batch_size, "seed": seed, "epoch": epoch}
    for name, value in given.items():
        if value < least[name]:
            raise ValueError(
                f"Expected {name} to be {least[name]} or more, got {value}."
            )
    if count < 1:
        raise ValueError("Expected an index of one row or more, got an empty one.")
    epochs = itertools.count(epoch)

    def draw():
        rng = np.random.default_rng([seed, next(epochs)])
        yield rng.permutation(count) if shuffle else np.arange(count)

    numbers = tf.TensorSpec((count,), tf.int64)
    return (
        tf.data.Dataset.from_generator(draw, output_signature=numbers)
        .flat_map(
            lambda order: tf.data.Dataset.from_tensor_slices(order).batch(batch_size)
        )
        .apply(tf.data.experimental.assert_cardinality(-(-count // batch_size)))
    )
