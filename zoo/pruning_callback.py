"""Distinctiveness pruning while a model is being trained."""

import keras
import numpy as np

from zoo import pruning
from zoo._units import find
from zoo.distinctiveness import HIGH, LOW


class DistinctivenessPruning(keras.callbacks.Callback):
    """Prunes a dense layer by the angles between its hidden units, during training.

    Reference: Gedeon and Harris 1992; Gong (seeds/000), section 2.2.

    Units that go are masked in place: they lose their outgoing weights and do not get
    them back, so that they neither say nor learn anything more. Variables and the
    optimizer stay what they are, and nothing is traced again. `zoo.pruning.compact`
    then takes the masked units out.

    ```python
    pruning = zoo.DistinctivenessPruning("fc1", patterns)
    model.fit(x, y, epochs=50, callbacks=[pruning])
    smaller = zoo.pruning.compact(model, "fc1")
    ```

    The number of units at work is in the logs of every epoch as `LAYER_units`.

    Args:
        layer: the `keras.layers.Dense` to prune, or its name.
        patterns: inputs of the model; see `zoo.pruning.prune`.
        low: degrees, 0 to 90; below it two units do the same work.
        high: degrees, 90 to 180; above it they are complementary.
        every: prune after every so many epochs; at the end of training by default.
        merge: see `zoo.pruning.prune`.

    Attributes:
        pruned: a list of `(epoch, zoo.pruning.DistinctiveUnits)`, the epochs counted
            from 0 as in `fit`.

    Raises:
        ValueError: an argument is out of range; when training begins, the layer cannot
            be pruned; when it is pruned, the patterns do not fit.
    """

    def __init__(self, layer, patterns, low=LOW, high=HIGH, every=None, merge=None):
        super().__init__()
        pruning.check(low, high, merge)
        if every is not None and (every < 1 or every != int(every)):
            raise ValueError(
                "Expected every to be None or a number of epochs, 1 or more. "
                f"Received: {every!r}"
            )
        self.layer, self.patterns = layer, patterns
        self.low, self.high = low, high
        self.every, self.merge = every, merge
        self.pruned = []

    def on_train_begin(self, logs=None):
        self.units = find(self.model, self.layer)
        self.probe = pruning.prober(self.units)
        self.masked = pruning.masked(self.units)
        self.epoch = 0

    def on_train_batch_end(self, batch, logs=None):
        if self.masked.any():
            self.silence()

    def on_epoch_end(self, epoch, logs=None):
        self.epoch = epoch
        if self.every and (epoch + 1) % self.every == 0:
            self.prune()
        if logs is not None:
            logs[f"{self.units.dense.name}_units"] = int(np.sum(~self.masked))

    def on_train_end(self, logs=None):
        if self.every is None:
            self.prune()

    def prune(self):
        said = pruning.observe(self.probe, self.patterns)
        found, changed = pruning.merged(
            self.units, said, self.low, self.high, self.merge
        )
        pruning.put(changed)
        self.masked = ~np.isin(np.arange(len(self.masked)), found.kept)
        self.pruned.append((self.epoch, found))

    def silence(self):
        """Takes back what a training step gave to units that are masked."""
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()  # variables are elsewhere within an epoch
        rest = ~self.masked[:, None]
        for consumer in self.units.consumers:
            consumer.kernel.assign(consumer.kernel * rest.astype(consumer.kernel.dtype))
