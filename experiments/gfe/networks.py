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
    """One expression in one round: what is trained and what is tested on.

    Attributes:
        expression: its name.
        round: name of the round's model.
        block: number of the block of time that is validated, from 1; 0 without.
        seed: of everything that is drawn.
        index: the expression's frames, see `datasets.gfe.index`.
        train: positions in it.
        test: positions in it.
        runs: lists of positions: frames in the order of time that may see each other.
    """

    expression: str
    round: str
    block: int
    seed: int
    index: pd.DataFrame
    train: np.ndarray
    test: np.ndarray
    runs: list

    @property
    def key(self) -> str:
        block = f"-block_{self.block}" if self.block else ""
        return f"{self.seed}-{self.round}{block}-{self.expression}"

    def labels(self, rows):
        return self.index["label"].to_numpy()[rows]


def standardise(part: Part, x: np.ndarray, z_score: str):
    """Return the features with their z-scores, and what they are relative to.

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


class Network(GraphTraining):
    """A builder's network, trained anew for each part.

    Args:
        build: function to the network, from standardised features.
        settings: the study's: `learning_rate`, `epochs`, `batch_size`.
    """

    def __init__(self, build, settings):
        super().__init__(build, keras.optimizers.Adam(settings.learning_rate))
        self.settings = settings
        self.extractor = zoo.feature_extractor(self.model)

    def fit(self, part: Part, x: np.ndarray) -> list[list]:
        """Train on a part's standardised features.

        Returns:
            The history, `HISTORY` per epoch. The test part's loss in it is there to be
            looked at: nothing depends on it.

        Raises:
            Diverged: the loss is not a number.
        """
        self.restart(part.seed)
        rng = np.random.default_rng(part.seed)
        rows, weights = self.drawn_from(part)
        size = min(self.settings.batch_size, len(rows))
        steps = len(rows) // size
        arrays = self.shaped(x), part.labels(slice(None)), weights
        arrays = [tf.constant(array) for array in arrays]
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


class FrameNetwork(Network):
    """A network that sees one frame at a time."""

    def shaped(self, x):
        return x.reshape(-1, *self.model.input.shape[1:])

    def drawn_from(self, part):
        return part.train, np.ones(len(part.index), np.float32)

    def predict(self, part, x, rows):
        return self.infer(self.shaped(x[rows])).numpy()[:, 1]

    def features(self, part, x, rows):
        return self.extractor.predict_on_batch(self.shaped(x[rows]))


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

    def everywhere(self, infer, part, x):
        """Infer every frame from the whole of its run."""
        answers = [np.asarray(infer(x[run][None]))[0] for run in part.runs]
        result = np.empty((len(x), answers[0].shape[-1]), np.float32)
        for run, answer in zip(part.runs, answers, strict=True):
            result[run] = answer
        return result

    def predict(self, part, x, rows):
        return self.everywhere(self.infer, part, x)[rows, 1]

    def features(self, part, x, rows):
        return self.everywhere(self.extractor.predict_on_batch, part, x)[rows]
