"""Keras's `fit` with early stopping, resumed after the last whole epoch."""

import sys
from collections.abc import Callable

import keras
import numpy as np
import pandas as pd

from experiments.harness.checkpoint import Checkpoint
from experiments.harness.study import Diverged, Run

MONITOR = "val_cross_entropy"


def fit(
    model: keras.Model,
    batches: Callable,
    validation,
    run: Run,
    epochs: int,
    patience: int,
    part: str = "",
) -> pd.DataFrame:
    """Train with early stopping and put the best epoch's weights back.

    Args:
        model: compiled, with a metric `cross_entropy`.
        batches: function from the number of the first epoch to the training batches
            (a `tf.data.Dataset` of one epoch per pass).
        validation: validation batches.
        run: the `Run`: its checkpoint is resumed, its seed is that of the dropout. A
            search gets the validation cross-entropy of the best epoch so far, and
            saves neither checkpoints of every epoch nor logs.
        epochs: most epochs to train.
        patience: epochs without a lower validation cross-entropy before it stops.
        part: of a run that trains several networks, which: its checkpoints' prefix.

    Returns:
        The history, one row per epoch.

    Raises:
        Diverged: in the first epoch.
    """
    callback = ResumableTraining(run, patience, part)
    callback.resume(model)
    if callback.epoch < epochs and not callback.is_exhausted():
        callbacks = [callback, keras.callbacks.TerminateOnNaN()]
        if not run.report:
            callbacks.append(
                keras.callbacks.TensorBoard(run.folder.path / "logs" / part)
            )
        model.fit(
            batches(callback.epoch),
            validation_data=validation,
            initial_epoch=callback.epoch,
            epochs=epochs,
            shuffle=False,  # the dataset does it, from the seed
            verbose=0 if run.report else 1 if sys.stderr.isatty() else 2,
            callbacks=callbacks,
        )
    history = pd.DataFrame(callback.history)
    if not np.isfinite(history[MONITOR]).any():
        run.checkpoint.remove(f"{part}epoch")  # nothing to resume
        raise Diverged("in the first epoch: the loss is not a number")
    model.set_weights(callback.best_weights())
    return history


class ResumableTraining(keras.callbacks.Callback):
    """Save every epoch and the best one, and stop early; see `fit`."""

    def __init__(self, run, patience, part=""):
        super().__init__()
        self.run, self.patience, self.part = run, patience, part
        self.seed, self.history, self.best = run.settings.seed, [], None

    @property
    def checkpoint(self) -> Checkpoint:
        return self.run.checkpoint

    @property
    def epoch(self) -> int:
        """Number of epochs that are done."""
        return len(self.history)

    def resume(self, model):
        """Put the last whole epoch back, where there is one."""
        state = self.checkpoint.load(f"{self.part}epoch")
        if state is None or self.checkpoint.load(f"{self.part}best") is None:
            return
        self.history = state["history"]
        model.set_weights(state["weights"])
        model.optimizer.build(model.trainable_variables)
        for variable, value in zip(
            model.optimizer.variables, state["optimizer"], strict=True
        ):
            variable.assign(value)

    def since_best(self) -> int:
        """Number of epochs after the best one."""
        values = np.array([row[MONITOR] for row in self.history])
        best = np.nanargmin(values) if np.isfinite(values).any() else 0
        return len(values) - 1 - int(best)

    def is_exhausted(self):
        return bool(self.history) and self.since_best() >= self.patience

    def best_weights(self):
        return self.best or self.checkpoint.load(f"{self.part}best")["weights"]

    def on_epoch_begin(self, epoch, logs=None):
        """Draw an epoch's dropout from the seed and the epoch's number alone."""
        for number, layer in enumerate(filter(is_random, self.model.layers)):
            layer.seed_generator.state.assign([self.seed + number, epoch])

    def on_epoch_end(self, epoch, logs=None):
        self.history.append({"epoch": epoch, **{k: float(v) for k, v in logs.items()}})
        if np.isfinite(logs[MONITOR]):
            self.keep_epoch()
        self.model.stop_training |= self.is_exhausted()

    def keep_epoch(self):
        is_best = self.since_best() == 0
        if is_best:
            self.best = self.model.get_weights()
        if self.run.report:
            best = self.history[-1 - self.since_best()]
            self.run.report(best.get("val_normalised", best[MONITOR]), self.epoch)
        else:
            if is_best:
                self.checkpoint.save(f"{self.part}best", {"weights": self.best})
            # The epoch comes last: what it does not know of is trained again.
            state = [np.asarray(v) for v in self.model.optimizer.variables]
            content = {"weights": self.model.get_weights(), "optimizer": state}
            self.checkpoint.save(
                f"{self.part}epoch", {**content, "history": self.history}
            )


def is_random(layer: keras.Layer) -> bool:
    return getattr(layer, "seed_generator", None) is not None
