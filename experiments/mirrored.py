"""One network on all GPUs of a host: `--strategy mirrored`.

Each device has a copy of the network and takes its share of each batch; the gradients
are added up. `tf.distribute.MirroredStrategy` does it, and what it and Keras 3.15 would
change in the result is evened out:

- Keras averages each share by itself. With shares of unequal size, pictures would count
  unequally; here each picture of a batch counts as much as any other (`weighted`, and
  a loss that adds up: `fitting.compile_model`).
- TensorFlow may cut a last, smaller batch into one full share and what is left, which
  can be nothing: batch normalisation would average over no picture, and a fused
  convolution fails. Here all shares are about the same, and none is empty.
- Keras looks at a first batch and fails where its shares are unequal: see `ready`.
- All devices would drop out the same features: see `fitting.EpochSeeds`.

What remains: a last training batch with fewer pictures than devices is filled up with
pictures of weight 0. They have no part in the gradients or in validation, but count in
the training's own accuracy and cross-entropy of `history.csv`, which nothing is chosen
by: one picture or so an epoch.
"""

import contextlib

import keras
import tensorflow as tf

from experiments import fitting
from experiments.common import StudyError


@contextlib.contextmanager
def devices(model, batches, validation, pictures, settings):
    """The scope to compile and fit in, and what is to be fitted there.

    Args:
        model: the network, uncompiled.
        batches: function to the training batches, see `fitting.fit`.
        validation: validation batches.
        pictures: number of validation pictures.
        settings: the study's settings.

    Yields:
        `(model, batches, validation)`: as they are, or for several devices a copy of
        the network, whose weights are the network's own in the end.

    Raises:
        StudyError: there are more devices than pictures in a batch, or for validation.
    """
    names = found() if settings["strategy"] == "mirrored" else []
    count, size = len(names), settings["batch_size"]
    if count == 1:
        print(f"--strategy mirrored: {names[0]} is the only device, and trains alone.")
    if count < 2:
        yield model, batches, validation
        return
    if size < count:
        raise StudyError(
            f"--batch-size {size} is too small for {count} devices: each needs a "
            "picture a step. Take a larger one, or hide GPUs with CUDA_VISIBLE_DEVICES."
        )
    print(f"Training on {count} devices ({', '.join(names)}), {size} pictures a step")
    with tf.distribute.MirroredStrategy(names).scope():
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        yield (
            copy,
            lambda epoch: weighted(batches(epoch), count),
            weighted(rebatched(validation, pictures, size, count), count),
        )
    model.set_weights(copy.get_weights())


def ready(model, batches):
    """Builds a compiled model of several devices, so that `fit` need not.

    It would add up the shares of a first batch as an example for the shapes, which
    fails where they are unequal, and would break off a pass over the training pictures.

    Args:
        model: the compiled model.
        batches: batches as it will get them.
    """
    if fitting.devices() > 1:
        model.test_on_batch(*next(iter(batches)))
        model._maybe_symbolic_build = lambda *_, **__: None


def found():
    """Names of the GPUs, or else of the CPU."""
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    devices = tf.config.list_logical_devices(kind)
    return [device.name.removeprefix("/device:") for device in devices]


def rebatched(batches, count, size, devices):
    """Validation pictures in batches that leave no device without a picture.

    Args:
        batches: a `tf.data.Dataset` of batches.
        count: number of pictures.
        size: pictures in a batch, if that can be; a few more where no smaller
            number can, as 3 for 1,001 pictures in batches of 2 on two devices.
        devices: number of devices.

    Raises:
        StudyError: there are more devices than pictures.
    """
    if count < devices:
        raise StudyError(
            f"There are {count} validation pictures for {devices} devices, and each "
            "needs one. Hide GPUs with CUDA_VISIBLE_DEVICES, or use --strategy none."
        )
    # Rather smaller ones; else as little larger as can be, for the memory's sake.
    sizes = [*range(size, devices - 1, -1), *range(size + 1, count + 1)]
    size = next(n for n in sizes if not 0 < count % n < devices)
    cardinality = tf.data.experimental.assert_cardinality(-(-count // size))
    return batches.rebatch(size).apply(cardinality)


def weighted(batches, devices):
    """The batches with the weight of each picture in the mean over its batch.

    Args:
        batches: a `tf.data.Dataset` of `(inputs, labels)`.
        devices: number of devices. A batch with fewer pictures is filled up with
            pictures of weight 0.

    Returns:
        A `tf.data.Dataset` of `(inputs, labels, weights)`, the weights of a batch 1 in
        sum.
    """

    def add(inputs, labels):
        count = tf.shape(labels)[0]
        rows = tf.range(tf.maximum(count, devices))
        weights = tf.where(rows < count, 1 / count, 0)
        inputs, labels = (tf.gather(x, rows % count) for x in (inputs, labels))
        return inputs, labels, tf.cast(weights, tf.float32)

    # A map hides the batch size, and TensorFlow cuts each batch by its own size. Where
    # it knows the size, it cuts a smaller one into a full share and the rest.
    return batches.map(add).prefetch(tf.data.AUTOTUNE)
