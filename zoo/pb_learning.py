"""The learning mode of `LSTMPB`: weights and PB vectors, each with its own rate."""

import keras
import numpy as np
from keras import ops

from zoo.tracks import buckets, checked, factors, padded, whole

PATIENCE = 10  # epochs without improvement, then both rates are divided by DECREASE
DECREASE = 10


class Learning:
    """A model that is being trained on tracks; `LSTMPB.fit` tells the arguments."""

    def __init__(
        self,
        model,
        tracks,
        labels,
        batch_size,
        learning_rate,
        pb_rate,
        momentum,
        seed,
    ):
        whole(batch_size=batch_size)
        factors(learning_rate=learning_rate, pb_rate=pb_rate, momentum=momentum)
        if momentum >= 1:
            raise ValueError(f"momentum must be below 1. Received: {momentum}")
        if seed < 0:
            raise ValueError(f"seed must be 0 or more. Received: {seed}")
        self.model = model
        self.tracks = checked(tracks, model.features)
        self.labels = checked_labels(labels, len(self.tracks), model.classes)
        self.lengths = np.array([len(track) for track in self.tracks])
        self.batch_size, self.seed = batch_size, seed
        self.variables = model.variables_by_name()
        self.optimizer = keras.optimizers.SGD(float(learning_rate), float(momentum))
        self.optimizer.build(list(self.variables.values()))
        self.pb_rate = pb_rate
        self.epoch, self.best, self.stale = 0, np.inf, 0

    def run(self, epochs, callbacks=None, verbose="auto"):
        """Trains up to an epoch, and returns the `keras.callbacks.History`."""
        whole(epochs=epochs)
        verbose = 1 if verbose == "auto" else verbose
        steps = -(-len(self.tracks) // self.batch_size)
        callbacks = keras.callbacks.CallbackList(
            callbacks,
            add_history=True,
            add_progbar=verbose != 0,
            model=self.model,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
        )
        self.model.stop_training = False
        self.model.optimizer = self.optimizer  # callbacks look for it there
        callbacks.on_train_begin()
        while self.epoch < epochs and not self.model.stop_training:
            epoch = self.epoch
            callbacks.on_epoch_begin(epoch)
            logs = self.run_epoch(callbacks)
            callbacks.on_epoch_end(epoch, logs)
        callbacks.on_train_end()
        return self.model.history

    def run_epoch(self, callbacks=None):
        """One pass over all tracks; returns the logs."""
        rng = np.random.default_rng([self.seed, self.epoch])
        total = 0.0
        batches = buckets(self.lengths, self.batch_size, rng)
        done = 0
        rate = float(ops.convert_to_numpy(self.optimizer.learning_rate))
        for n, rows in enumerate(batches):
            if callbacks:
                callbacks.on_train_batch_begin(n)
            total += self.step(rows)
            done += len(rows)
            if callbacks:
                callbacks.on_train_batch_end(n, {"loss": total / done})
        loss = total / done
        self.epoch += 1
        self.slow_down(loss)
        return {"loss": loss, "learning_rate": rate}

    def step(self, rows):
        """One update of weights and PB vectors; returns the sum of the errors."""
        model, labels = self.model, self.labels[rows]
        tracks, lengths = padded([self.tracks[n] for n in rows], model.compute_dtype)
        pb = ops.convert_to_numpy(model.pb)
        errors, d_pb, gradients = model.passes(
            "learn",
            ops.convert_to_tensor(tracks),
            ops.convert_to_tensor(lengths),
            ops.convert_to_tensor(pb[labels]),
        )
        total = float(ops.sum(errors))
        if not np.isfinite(total):
            raise ArithmeticError(
                f"The loss became {total} in epoch {self.epoch + 1}. Lower "
                "learning_rate or pb_rate."
            )
        named = self.variables.items()
        self.optimizer.apply(
            [gradients[name] for name, _ in named], [v for _, v in named]
        )
        model.pb.assign(self.moved(pb, labels, ops.convert_to_numpy(d_pb)))
        return total

    def moved(self, pb, labels, d_pb):
        """Eq. 2: PB vectors moved by the mean of their tracks' gradients."""
        pb = pb.copy()
        for label in np.unique(labels):
            pb[label] -= self.pb_rate * d_pb[labels == label].mean(axis=0)
        return pb

    def state(self):
        """Return the arrays, by name, that `restore` resumes from."""
        arrays = {f"{n:02}": ops.convert_to_numpy(v) for n, v in self.all_variables()}
        progress = self.epoch, self.best, self.stale, self.pb_rate
        return arrays | {"progress": np.array(progress, "float64")}

    def restore(self, state):
        """Goes on from what `state` returned, with the same model and tracks."""
        for n, variable in self.all_variables():
            variable.assign(state[f"{n:02}"])
        epoch, self.best, stale, self.pb_rate = map(float, state["progress"])
        self.epoch, self.stale = int(epoch), int(stale)

    def all_variables(self):
        return enumerate([*self.model.variables, *self.optimizer.variables])

    def slow_down(self, loss):
        """Divides both rates after too many epochs without improvement."""
        self.stale = 0 if loss < self.best else self.stale + 1
        self.best = min(self.best, loss)
        if self.stale == PATIENCE:
            self.stale = 0
            rate = ops.convert_to_numpy(self.optimizer.learning_rate)
            self.optimizer.learning_rate = rate / DECREASE
            self.pb_rate /= DECREASE


def checked_labels(labels, count, classes):
    labels = np.asarray(labels)
    if labels.shape != (count,) or not np.isin(labels, range(classes)).all():
        raise ValueError(
            f"labels must be {count} integers from 0 to {classes - 1}, one a track. "
            f"Received: {labels!r}"
        )
    return labels.astype(int)
