"""The frozen part of a network, run once instead of in every epoch."""

import pathlib

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from experiments.harness.checkpoint import replace_file
from experiments.harness.fit import is_random


def split_frozen(model: keras.Model) -> tuple[keras.Model, keras.Model] | None:
    """Split a model where its frozen layers end.

    Returns:
        `(trunk, rest)`, sharing layers and weights with `model`, or `None` where
        nothing with weights is frozen in front of the rest.
    """
    changes = [bool(x.trainable_weights) or is_random(x) for x in model.layers]
    for layer in reversed(model.layers[: changes.index(True)]):
        try:
            rest = keras.Model(layer.output, model.output)
        except ValueError:  # another way leads around this layer
            continue
        trunk = keras.Model(model.input, layer.output)
        return (trunk, rest) if trunk.weights else None
    return None


def cache_outputs(
    trunk: keras.Model, batches: tf.data.Dataset, count: int, path: pathlib.Path
) -> np.ndarray:
    """Compute a trunk's output for all pictures, in a file that is whole or absent.

    Args:
        trunk: the frozen part.
        batches: `(pictures, labels)`, in order.
        count: number of pictures.
        path: of the file (.npy); one that an interrupted run completed is read.

    Returns:
        The outputs, a row per picture, read from disk as needed.
    """
    if not path.exists():
        replace_file(path, lambda partial: _write(trunk, batches, count, partial))
    return np.load(path, mmap_mode="r")


def _write(trunk, batches, count, path):
    header = {"descr": "<f4", "fortran_order": False}
    header["shape"] = (count, *trunk.output.shape[1:])
    bar = tqdm(total=count, desc="frozen layers", unit="picture", disable=None)
    with open(path, "wb") as file, bar:
        np.lib.format.write_array_header_1_0(file, header)
        for pictures, _ in batches:
            file.write(trunk.predict_on_batch(pictures).astype("<f4").tobytes())
            bar.update(len(pictures))
