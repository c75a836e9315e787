"""Distinctiveness pruning while a model is being trained."""

import collections.abc
import numbers

import keras
import numpy as np

from zoo import pruning
from zoo._units import find, refuse
from zoo.distinctiveness import HIGH, LOW


class DistinctivenessPruning(keras.callbacks.Callback):
    """Prunes a dense layer by the angles between its hidden units, during training.

    Reference: Gedeon and Harris 1992; Gong, section 2.2.

    Units that go are masked in place: they lose their outgoing weights and do not get
    them back in a training with this callback, so that they neither say nor learn
    anything more. Variables and the optimizer stay what they are, and nothing is traced
    again. `zoo.pruning.compact` then takes the masked units out. Units that have no
    outgoing weights when training begins count as masked.

    List it last: a callback behind it that puts weights back, as `EarlyStopping` does
    with `restore_best_weights=True`, undoes what it did. What one before it puts back
    is pruned again, in the same way.

    ```python
    pruning = zoo.DistinctivenessPruning("fc1", patterns)
    model.fit(x, y, epochs=50, callbacks=[pruning])
    smaller = zoo.pruning.compact(model, "fc1")
    ```

    The number of units at work at the end of every epoch is in its logs as
    `LAYER_units`; validation comes before pruning.

    Args:
        layer: the `keras.layers.Dense` to prune, or its name.
        patterns: inputs of the model; see `zoo.pruning.prune`. They are put through the
            model when training begins, too, to see that they fit.
        low: degrees, 0 to 90; below it two units do the same work.
        high: degrees, 90 to 180; above it they are complementary.
        every: prune after every so many epochs (never in a shorter training); at the
            end of training by default.
        merge: see `zoo.pruning.prune`.

    Attributes:
        pruned: a list of `(epoch, zoo.pruning.DistinctiveUnits)`, the epochs counted
            from 0 as in `fit`.

    Raises:
        ValueError: an argument is out of range; when training begins: the layer cannot
            be pruned, the patterns do not fit, or the model was compiled with several
            `steps_per_execution`, between which nothing can be masked.
    """

    def __init__(self, layer, patterns, low=LOW, high=HIGH, every=None, merge=None):
        super().__init__()
        pruning.check(low, high, merge)
        whole = isinstance(every, numbers.Integral) and not isinstance(every, bool)
        if every is not None and not (whole and every >= 1):
            raise ValueError(
                "Expected every to be None or a number of epochs, 1 or more. "
                f"Received: {every!r}"
            )
        if isinstance(patterns, collections.abc.Iterator):
            raise ValueError(
                "The patterns are looked at more than once: expected arrays, a "
                f"tf.data.Dataset or the like. Received: {type(patterns).__name__}"
            )
        self.layer, self.patterns = layer, patterns
        self.low, self.high = low, high
        self.every, self.merge = every, merge
        self.pruned = []

    def on_train_begin(self, logs=None):
        self.units = find(self.model, self.layer)
        self.probe = pruning.prober(self.units)
        self.masked = pruning.masked(self.units)
        self.epoch, self.decisions = 0, []
        steps = self.model.steps_per_execution
        if steps > 1 and (self.every or self.masked.any()):
            refuse(
                self.units.dense.name,
                "masking units during training needs steps_per_execution=1. The model "
                f"was compiled with {steps}.",
            )
        pruning.observe(self.probe, self.patterns)

    def on_train_batch_end(self, batch, logs=None):
        self.silence()

    def on_epoch_end(self, epoch, logs=None):
        self.epoch = epoch
        if self.every and (epoch + 1) % self.every == 0:
            self.prune()
        if logs is not None:
            logs[f"{self.units.dense.name}_units"] = int(np.sum(~self.masked))

    def on_train_end(self, logs=None):
        # Moving averages, or weights that were restored, may have brought units back:
        # what has none of its own any more has nothing to hand over.
        for decision in self.decisions:
            pruning.put(pruning.handed_over(self.units, decision))
        self.silence()
        if self.every is None:
            self.prune()

    def prune(self):
        said = pruning.observe(self.probe, self.patterns)
        decision = pruning.decide(self.units, said, self.low, self.high, self.merge)
        pruning.put(pruning.handed_over(self.units, decision))
        self.masked = ~np.isin(np.arange(len(self.masked)), decision.found.kept)
        self.decisions.append(decision)
        self.pruned.append((self.epoch, decision.found))

    def silence(self):
        """Takes back what a training step gave to units that are masked."""
        if not self.masked.any():
            return
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()  # variables are elsewhere within an epoch
        for consumer in self.units.consumers:
            rest = keras.ops.cast(~self.masked[:, None], consumer.kernel.dtype)
            consumer.kernel.assign(consumer.kernel * rest)
