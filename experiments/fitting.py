"""Training a network so that an interrupted run can go on as if nothing had been."""

import itertools
import json
import math
import os
import shutil
import sys

import keras
import numpy as np
import pandas as pd

from experiments.common import StudyError
from experiments.run_folder import epochs_done

MONITOR = "val_cross_entropy"
# Not stated in the thesis; the strength that Inception's authors trained with.
L2 = 4e-5
APART = 1_000_003  # between the seeds of two devices


def compile_model(model, activation, learning_rate, decay, l2, steps):
    """Compiles a classifier for one-hot labels, with its cross-entropy as a metric.

    The loss is the cross-entropy and, with `l2`, the weight penalty; the metric
    `cross_entropy` is without it, so that it can stand beside random guessing.

    Args:
        model: the model, its trainable layers already chosen.
        activation: `"softmax"`, or `"sigmoid"` for one cross-entropy a class.
        learning_rate: of Adam, at the start.
        decay: the thesis's "learning rate decay rate" does not say more. Read as
            inverse time decay: after `steps` the rate is `learning_rate / (1 + decay)`.
        l2: whether to penalise the squares of the trainable kernels.
        steps: number of steps of the whole training.
    """
    rate = learning_rate
    if decay:
        rate = keras.optimizers.schedules.InverseTimeDecay(rate, steps, decay)
    if l2:
        for layer in model.layers:
            if layer.trainable and hasattr(layer, "kernel_regularizer"):
                layer.kernel_regularizer = keras.regularizers.L2(L2)
                layer.kernel.regularizer = layer.kernel_regularizer
    reduction = "sum" if devices() > 1 else "sum_over_batch_size"  # `weighted`
    if activation == "softmax":
        loss = keras.losses.CategoricalCrossentropy(reduction=reduction)
        metric = keras.metrics.CategoricalCrossentropy(name="cross_entropy")
    else:
        loss = keras.losses.BinaryCrossentropy(reduction=reduction)
        metric = keras.metrics.BinaryCrossentropy(name="cross_entropy")
    accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")
    measures = [accuracy, metric]
    if activation == "sigmoid":
        # Scaled to sum to 1, so that it can stand beside a softmax's.
        measures.append(keras.metrics.CategoricalCrossentropy(name="normalised"))
    # XLA would spend minutes on compiling Inception V4 for a short training.
    model.compile(
        keras.optimizers.Adam(rate),
        loss,
        metrics=measures,
        jit_compile=False,
    )


def devices():
    """How many devices train at once; in the scope of a `tf.distribute.Strategy`."""
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def fit(model, batches, validation, epochs, patience, folder, seed, report=None):
    """Trains with early stopping and puts the best epoch's weights back.

    Args:
        model: a compiled model.
        batches: function from the number of the first epoch to the training batches
            (a `tf.data.Dataset` of one epoch a pass).
        validation: validation batches.
        epochs: most epochs to train.
        patience: epochs without a lower validation cross-entropy before it stops.
        folder: the `RunFolder`; its unfinished training, if any, is gone on with.
        seed: seed of the dropout.
        report: function that hears, after each epoch, the validation cross-entropy of
            the best one so far; a training that reports is quick to repeat, and keeps
            neither backups nor logs.

    Returns:
        The history, a frame with a row an epoch; it is `history.csv` in the folder.

    Raises:
        StudyError: the training diverged in its first epoch.
    """
    repair(folder.work / "backup", len(batches(0)))
    first = epochs_done(folder.work)
    csv = folder.path / "history.csv"
    history = known_history(csv, first)
    best = folder.work / "best.weights.h5"
    if first and (len(history) < first or not is_whole(best)):
        print("The training starts anew: what there is of it is damaged", flush=True)
        shutil.rmtree(folder.work / "backup")
        first, history = 0, known_history(csv, 0)
    if first < epochs and not exhausted(history, patience):
        threshold = history[MONITOR].min() if first else None
        model.fit(
            batches(first),
            validation_data=validation,
            epochs=epochs,
            shuffle=False,  # the dataset does it, from the seed
            verbose=0 if report else 1 if sys.stderr.isatty() else 2,
            callbacks=[
                EpochSeeds(seed),
                keras.callbacks.TerminateOnNaN(),
                Patience(patience, history),
                keras.callbacks.ModelCheckpoint(
                    best,
                    MONITOR,
                    mode="min",
                    save_best_only=True,
                    save_weights_only=True,
                    initial_value_threshold=threshold,
                ),
                keras.callbacks.CSVLogger(csv, append=True),
                *([Report(report)] if report else kept(folder)),
            ],
        )
    history = pd.read_csv(csv)
    if not np.isfinite(history[MONITOR]).any():
        shutil.rmtree(folder.work / "backup")  # nothing to go on with
        raise StudyError(
            "The training diverged: the loss is not a number in the first epoch. Lower "
            "--learning-rate."
        )
    model.load_weights(best)
    return history


def kept(folder):
    """What keeps a training: logs, and a backup of every epoch."""
    return [
        keras.callbacks.TensorBoard(folder.path / "logs"),
        keras.callbacks.BackupAndRestore(
            folder.work / "backup", double_checkpoint=True, delete_checkpoint=False
        ),
    ]


class Report(keras.callbacks.Callback):
    """Tells a function of the best epoch so far; see `fit`."""

    def __init__(self, report):
        super().__init__()
        self.report, self.seen = report, []

    def on_epoch_end(self, epoch, logs=None):
        nats = logs.get("val_normalised", logs[MONITOR])
        self.seen.append((logs[MONITOR], nats))
        known = [pair for pair in self.seen if np.isfinite(pair[0])]
        if known:  # otherwise `fit` says so
            self.report(float(min(known)[1]))


def repair(backup, steps):
    """Puts a backup in order that was cut off while it was written.

    Keras writes weights and epoch one after the other, and keeps the pair before them
    as `.bkp`. The pair that belongs together is kept; without one, none is.

    Args:
        backup: folder of `keras.callbacks.BackupAndRestore`.
        steps: training steps an epoch.
    """
    names = ["latest.weights.h5", "training_metadata.json"]
    for suffix in ["", ".bkp"]:
        weights, metadata = (backup / f"{name}{suffix}" for name in names)
        if belong_together(weights, metadata, steps):
            for name in names if suffix else []:
                shutil.copy(backup / f"{name}{suffix}", backup / name)
            return
    shutil.rmtree(backup, ignore_errors=True)


def belong_together(weights, metadata, steps):
    import h5py

    try:
        epoch = json.loads(metadata.read_text())["epoch"]
        with h5py.File(weights) as file:
            return int(file["optimizer/vars/0"][()]) == epoch * steps
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return False


def is_whole(weights):
    import h5py

    try:
        with h5py.File(weights):
            return True
    except OSError:
        return False


def known_history(csv, epochs):
    """The first epochs of a history that is gone on with; the file is cut to them."""
    if not epochs:
        csv.unlink(missing_ok=True)
        return pd.DataFrame()
    try:
        lines = csv.read_bytes().splitlines(keepends=True)
        partial = csv.with_name(f".{csv.name}.partial")
        partial.write_bytes(b"".join(lines[: epochs + 1]))
        os.replace(partial, csv)
        history = pd.read_csv(csv)
        return history if MONITOR in history else pd.DataFrame()
    except (FileNotFoundError, ValueError):
        return pd.DataFrame()


def since_best(history):
    return len(history) - 1 - int(np.nanargmin(history[MONITOR]))


def exhausted(history, patience):
    return len(history) > 0 and since_best(history) >= patience


class Patience(keras.callbacks.EarlyStopping):
    """Early stopping that knows what happened before an interruption."""

    def __init__(self, patience, history):
        super().__init__(MONITOR, mode="min", patience=patience)
        self.history = history

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if len(self.history):
            self.best = self.history[MONITOR].min()
            self.wait = since_best(self.history)


class EpochSeeds(keras.callbacks.Callback):
    """Draws an epoch's dropout from the seed and the epoch's number alone.

    On several devices each gets its own, or all would drop out the same features.
    """

    def __init__(self, seed):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        copies = self.model.distribute_strategy.experimental_local_results
        random = [layer for layer in self.model.layers if is_random(layer)]
        for place, layer in enumerate(random):
            for device, state in enumerate(copies(layer.seed_generator.state.value)):
                state.assign([self.seed + place + APART * device, epoch])


def is_random(layer):
    return getattr(layer, "seed_generator", None) is not None


def split_frozen(model):
    """Splits a model where its frozen layers end.

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


def cache(trunk, batches, count, work, part):
    """Computes a trunk's output once for all pictures, into arrays on disk.

    Args:
        trunk: the frozen part.
        batches: `(pictures, labels)`, in order.
        count: number of pictures.
        work: folder for the arrays; those that an interrupted run completed are reused.
        part: their name.

    Returns:
        `(outputs, labels)`: arrays of a row a picture, read from disk as needed.

    Raises:
        StudyError: the disk has no room for them.
    """
    from tqdm import tqdm

    file, done = work / f"{part}.npy", work / f"{part}.labels.npy"
    if not readable(file, done):
        shape = (count, *trunk.output.shape[1:])
        check_space(work, 4 * math.prod(shape))
        array = np.lib.format.open_memmap(file, "w+", np.float32, shape)
        reserve(file)
        labels, start = [], 0
        with tqdm(
            total=count, desc=f"trunk, {part}", unit="picture", disable=None
        ) as bar:
            for pictures, truth in batches:
                out = trunk.predict_on_batch(pictures)
                array[start : start + len(out)] = out
                labels.append(truth)
                start += len(out)
                bar.update(len(out))
        array.flush()
        partial = work / "labels.partial.npy"
        np.save(partial, np.concatenate(labels))
        os.replace(partial, done)
    return np.load(file, mmap_mode="r"), np.load(done)


def readable(*files):
    """Whether arrays are there, and whole."""
    try:
        return all(np.load(file, mmap_mode="r") is not None for file in files)
    except (OSError, ValueError, EOFError):
        return False


def reserve(file):
    """Gives a mapped file its room: on a full disk, writing to it would crash."""
    if hasattr(os, "posix_fallocate"):
        with open(file, "r+b") as whole:
            os.posix_fallocate(whole.fileno(), 0, os.path.getsize(file))


def check_space(folder, needed):
    free = shutil.disk_usage(folder).free
    if needed > 0.9 * free:
        raise StudyError(
            f"The frozen trunk's output takes {needed / 1e9:.1f} GB in {folder}, where "
            f"{free / 1e9:.1f} GB are free. Choose a place with --out, or freeze more "
            "with --train-layers 1."
        )


def cached_batches(arrays, batch_size, shuffle=False, seed=0, epoch=0):
    """Batches from `cache`'s arrays, an epoch a pass, in the order `datasets` draws.

    Args:
        arrays: `(outputs, labels)`.
        batch_size: rows in a batch.
        shuffle: whether to draw a new order for every epoch.
        seed: of the order.
        epoch: number of the first pass.
    """
    import tensorflow as tf

    outputs, labels = arrays
    epochs = itertools.count(epoch)

    def rows():
        rng = np.random.default_rng([seed, next(epochs)])
        rng.integers(2**31, size=len(labels))  # the pictures' seeds, unused here
        order = rng.permutation(len(labels)) if shuffle else np.arange(len(labels))
        for row in order:
            yield outputs[row], labels[row]

    specs = [tf.TensorSpec(array.shape[1:], array.dtype) for array in arrays]
    return (
        tf.data.Dataset.from_generator(rows, output_signature=tuple(specs))
        .apply(tf.data.experimental.assert_cardinality(len(labels)))
        .batch(batch_size)
        .prefetch(tf.data.AUTOTUNE)
    )
