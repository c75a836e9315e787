"""The networks of the GFE studies: on single frames and on recordings."""

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

import zoo
from experiments.harness import metrics
from experiments.harness.graph_training import GraphTraining
from experiments.harness.study import Diverged

HISTORY = ["epoch", "loss", "test_loss"]
# Frames of a recording that the sequence network is trained on at a time, and how far
# apart such stretches begin.
STRETCH, STRIDE = 61, 15


@dataclass
class Part:
    """One expression in one round: what is trained and what is tested on."""

    expression: str
    round: str  # name of its models where there are several rounds, or ""
    block: int  # of time that is validated, from 1; 0 where none is
    seed: int  # of everything that is drawn
    index: pd.DataFrame  # of the expression's frames, see `datasets.gfe.index`
    train: np.ndarray  # positions in it
    test: np.ndarray
    runs: list  # of positions: frames in the order of time that may see each other

    @property
    def key(self) -> str:
        return f"{self.seed}-{self.round}-{self.block}-{self.expression}"

    def labels(self, rows):
        return self.index["label"].to_numpy()[rows]


def standardise(part: Part, x: np.ndarray, z_score: str):
    """Return a part's features with z-scores, and `mean` and `variance` in a dict.

    With `"train"` these are of the training part. With `"recording"`, as in the paper,
    they are of each whole recording, the test part's frames included; then, and with
    `"none"`, the dict is empty.
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


class Network(GraphTraining):
    """A builder's network on standardised features, trained anew for each part."""

    def __init__(self, build, settings):
        super().__init__(build, keras.optimizers.Adam(settings.learning_rate))
        self.settings = settings
        self.extractor = zoo.feature_extractor(self.model)

    def fit(self, part: Part, x: np.ndarray) -> list[list]:
        """Train on a part's features; return the history, `HISTORY` per epoch.

        The test part's loss is there to be looked at: nothing depends on it.

        Raises:
            Diverged: the loss is not a number.
        """
        self.restart(part.seed)
        rng = np.random.default_rng(part.seed)
        rows, weights = self.drawn_from(part)
        size = min(self.settings.batch_size, len(rows))
        steps = len(rows) // size
        labels = part.index["label"].to_numpy()
        arrays = [tf.constant(array) for array in (self.shaped(x), labels, weights)]
        history = []
        for epoch in range(self.settings.epochs):
            # Batches of one size: what is left over has its turn in another epoch.
            order = rng.permutation(rows)[: steps * size]
            order = order.reshape(steps, size, *rows.shape[1:])
            loss = float(self.train(*arrays, tf.constant(order, tf.int32)))
            if not np.isfinite(loss):
                raise Diverged(f"in epoch {epoch + 1}: its loss is {loss}")
            genuine = self.predict(part, x, part.test)
            test_loss = metrics.loss(part.labels(part.test), genuine)
            history.append([epoch, loss, test_loss])
        return history

    def predict(self, part, x, rows):
        return self.apply(self.infer, part, x, rows)[:, 1]

    def features(self, part, x, rows):
        return self.apply(self.extractor.predict_on_batch, part, x, rows)


class FrameNetwork(Network):
    """A network that sees one frame at a time."""

    def shaped(self, x):
        return x.reshape(-1, *self.model.input.shape[1:])

    def drawn_from(self, part):
        return part.train, np.ones(len(part.index), np.float32)

    def apply(self, infer, part, x, rows):
        return np.asarray(infer(self.shaped(x[rows])))


class RecordingNetwork(Network):
    """A network that sees recordings and labels every frame."""

    def shaped(self, x):
        return x

    def drawn_from(self, part):
        """Stretches that hold training frames; other frames have no weight."""
        trained = np.zeros(len(part.index), np.float32)
        trained[part.train] = 1
        stretches = []
        for run in part.runs:
            for start in range(0, max(len(run) - STRETCH, 0) + STRIDE, STRIDE):
                frames = np.arange(start, start + STRETCH)
                stretches.append(run[np.clip(frames, 0, len(run) - 1)])
        stretches = np.array([s for s in stretches if trained[s].any()])
        # Keras divides a loss by the number of all frames, weightless ones included.
        return stretches, trained / trained[stretches].mean()

    def apply(self, infer, part, x, rows):
        """Infer frames from the whole of their runs."""
        answers = [np.asarray(infer(x[run][None]))[0] for run in part.runs]
        result = np.empty((len(x), answers[0].shape[-1]), np.float32)
        result[np.concatenate(part.runs)] = np.concatenate(answers)
        return result[rows]
