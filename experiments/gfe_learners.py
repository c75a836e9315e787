"""The networks of the GFE studies: on single frames and on recordings.

A network is made and compiled once and trained for one expression after the other: only
weights and the optimiser's state start anew.
"""

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

import zoo
from experiments.fitting import is_random

HISTORY = ["epoch", "loss", "test_loss"]
# Frames of a recording that the sequence network is trained on at a time, and how far
# apart such stretches begin.
STRETCH, STRIDE = 61, 15


@dataclass
class Part:
    """One expression in one round: what is trained and what is tested on.

    Attributes:
        index: the expression's frames, see `datasets.gfe.index`.
        train: positions in it.
        test: positions in it.
        runs: lists of positions: frames in the order of time that may see each other.
        seed: of everything that is drawn.
    """

    index: pd.DataFrame
    train: np.ndarray
    test: np.ndarray
    runs: list
    seed: int

    def labels(self, rows):
        return self.index["label"].to_numpy()[rows]


def standardise(part, x, z_score):
    """The features with their z-scores, and what they are relative to.

    Args:
        part: the `Part`.
        x: its features, `(n, width)`.
        z_score: `"train"`: by the training part; `"recording"`: by each whole
            recording, the test part's frames included, as in the paper; `"none"`.

    Returns:
        `(x, scale)`: `scale` is `{"mean": ..., "variance": ...}` of the training part,
        or `{}`.
    """
    if z_score == "none":
        return x, {}
    if z_score == "recording":
        x = x.copy()
        for rows in part.index.groupby("path").indices.values():
            spread = x[rows].std(axis=0)
            x[rows] = (x[rows] - x[rows].mean(axis=0)) / np.where(spread, spread, 1)
        return x, {}
    mean, variance = x[part.train].mean(axis=0), x[part.train].var(axis=0)
    variance = np.maximum(variance, 1e-12)
    return (x - mean) / np.sqrt(variance), {"mean": mean, "variance": variance}


class Network:
    """A builder's network, trained anew for each part.

    Args:
        build: function to the uncompiled network, from standardised features.
        settings: the study's: `learning_rate`, `epochs`, `batch_size`.
    """

    def __init__(self, build, settings):
        self.build = build
        self.settings = settings
        self.model = build()
        # A step is so small that starting it costs more than computing it: 64 at once.
        self.model.compile(
            keras.optimizers.Adam(settings["learning_rate"]),
            "sparse_categorical_crossentropy",
            weighted_metrics=[],
            jit_compile=False,
            steps_per_execution=64,
        )
        self.model.optimizer.build(self.model.trainable_variables)
        self.extractor = zoo.feature_extractor(self.model)
        self.start = [variable.numpy() for variable in self.model.optimizer.variables]

    def restart(self, seed):
        keras.utils.set_random_seed(seed)
        self.model.set_weights(self.build().get_weights())
        for place, layer in enumerate(filter(is_random, self.model.layers)):
            layer.seed_generator.state.assign([seed, place])
        pairs = zip(self.model.optimizer.variables, self.start, strict=True)
        for variable, value in pairs:
            variable.assign(value)

    def fit(self, part, x):
        """Trains on a part's standardised features; the history has a row an epoch.

        The test part's loss is in it as well, to be looked at: nothing depends on it.
        """
        self.restart(part.seed)
        watch = Watch(self, part, x)
        self.model.fit(
            self.batches(part, x),
            epochs=self.settings["epochs"],
            verbose=0,
            shuffle=False,
            callbacks=[watch],
        )
        return pd.DataFrame(watch.rows, columns=HISTORY)


class FrameNetwork(Network):
    """A network that sees one frame at a time."""

    def shaped(self, x):
        return x.reshape(-1, *self.model.input.shape[1:])

    def batches(self, part, x):
        size = min(self.settings["batch_size"], len(part.train))
        frames = tf.data.Dataset.from_tensor_slices(
            (self.shaped(x[part.train]), part.labels(part.train))
        )
        frames = frames.shuffle(len(part.train), seed=part.seed)
        # Batches of one size: what is left over is another's turn in the next epoch.
        return frames.batch(size, drop_remainder=True).prefetch(1)

    def predict(self, part, x, rows):
        return self.model.predict_on_batch(self.shaped(x[rows]))[:, 1]

    def features(self, part, x, rows):
        return self.extractor.predict_on_batch(self.shaped(x[rows]))


class RecordingNetwork(Network):
    """A network that sees recordings and labels every frame."""

    def batches(self, part, x):
        trained = np.zeros(len(part.index), np.float32)
        trained[part.train] = 1
        stretches = []
        for run in part.runs:
            starts = range(0, max(len(run) - STRETCH, 0) + STRIDE, STRIDE)
            for start in starts:
                place = np.arange(start, start + STRETCH)
                stretches.append(run[np.clip(place, 0, len(run) - 1)])
        stretches = np.array([s for s in stretches if trained[s].any()])
        size = min(self.settings["batch_size"], len(stretches))
        # Keras divides a loss by the number of all frames, weightless ones included.
        weights = trained / trained[stretches].mean()
        arrays = x, part.labels(slice(None)), weights
        arrays = [tf.constant(array) for array in arrays]
        rows = tf.data.Dataset.from_tensor_slices(stretches)
        rows = rows.shuffle(len(stretches), seed=part.seed)
        return rows.batch(size, drop_remainder=True).map(
            lambda at: tuple(tf.gather(array, at) for array in arrays)
        )

    def everywhere(self, model, part, x, rows):
        width = model.output.shape[-1]
        result = np.empty((len(x), width), np.float32)
        for run in part.runs:
            result[run] = model.predict_on_batch(x[run][None])[0]
        return result[rows]

    def predict(self, part, x, rows):
        return self.everywhere(self.model, part, x, rows)[:, 1]

    def features(self, part, x, rows):
        return self.everywhere(self.extractor, part, x, rows)


class Watch(keras.callbacks.Callback):
    """Writes down the loss of the test part after each epoch."""

    def __init__(self, network, part, x):
        super().__init__()
        self.parts = network, part, x
        self.rows = []

    def on_epoch_end(self, epoch, logs=None):
        network, part, x = self.parts
        probability = network.predict(part, x, part.test)
        truth = part.labels(part.test)
        loss = cross_entropy(truth, probability)
        self.rows.append([epoch, logs["loss"], loss])


def cross_entropy(truth, probability):
    from sklearn.metrics import log_loss

    return log_loss(truth, np.asarray(probability, np.float64), labels=[0, 1])
