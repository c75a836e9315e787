"""The network of the pupil study: trained, then pruned by distinctiveness."""

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

import zoo
from experiments import pupil_figures
from experiments.common import StudyError
from experiments.epochs import GraphTraining
from experiments.pupil import Learned
from zoo import pruning
from zoo._builder import FEATURES
from zoo.layers import FilledDiameters, StandardisedDiameters

LAYERS = ("fc1", FEATURES)
FRONTS = {"paper": FilledDiameters, "standardised": StandardisedDiameters}
GROUPS = 4


class PrunedNetwork:
    """`zoo.PupilLSTM` as the study has it, before and after pruning.

    Args:
        settings: the study's settings.
        data: its `Data`.
    """

    def __init__(self, settings, data):
        self.settings, self.data = settings, data
        front = self.front()
        # What is in front of the network has nothing to learn.
        self.x = tf.constant(front(data.diameters))
        optimiser = keras.optimizers.SGD(settings["learning_rate"])
        self.training = GraphTraining(self.build, optimiser)

    def front(self):
        return FRONTS[self.settings["diameters"]](name="diameters")

    def build(self):
        shape = self.x.shape[1:]
        return zoo.PupilLSTM(input_shape=shape, dropout=self.settings["dropout"])

    def learn(self, part):
        """Trains on a round's training part and decides on its test part."""
        groups, history, answer = self.trained(part)
        network, answers = self.training.model, {"probability": answer}
        x = self.x.numpy()
        smaller, told = self.pruned(network, self.patterns(x, groups))
        after = smaller.predict(x[part.test], verbose=0)
        answers["pruned"] = after[:, 1]
        return Learned(answers, network.get_weights(), history, told)

    def trained(self, part):
        """Trains; the groups, the history, and what it says of the test part."""
        self.training.restart(part.seed)
        groups = self.groups(part)
        history = self.fit(part, groups)
        tested = tf.gather(self.x, part.test)
        return groups, history, self.training.infer(tested).numpy()[:, 1]

    def groups(self, part):
        """Training rows in an order of chance, in the groups they are trained in."""
        if not self.settings["four_patterns"]:
            return [part.train]
        rng = np.random.default_rng([part.seed, GROUPS])
        return np.array_split(rng.permutation(part.train), GROUPS)

    def fit(self, part, groups):
        """Trains on one group after the other; the test part is only watched."""
        training, labels = self.training, self.data.labels
        rng = np.random.default_rng(part.seed)
        constants = [
            self.x,
            tf.constant(labels, tf.int32),
            tf.ones(len(labels)),
        ]
        tested, truth = tf.gather(self.x, part.test), labels[part.test]
        history = []
        for rows in groups:
            size = min(self.settings["batch_size"], len(rows))
            steps = len(rows) // size
            for _ in range(self.settings["epochs"]):
                # What is left over has its turn in another epoch.
                order = rng.permutation(rows)[: steps * size].reshape(steps, size)
                loss = float(training.train(*constants, tf.constant(order, tf.int32)))
                if not np.isfinite(loss):
                    raise StudyError(
                        f"The training diverged in epoch {len(history) + 1}: its loss "
                        f"is {loss}. Lower --learning-rate."
                    )
                answer = training.infer(tested).numpy()
                right = answer[np.arange(len(truth)), truth]
                test_loss = float(-np.mean(np.log(np.maximum(right, 1e-7))))
                history.append([len(history), loss, test_loss])
        return pd.DataFrame(history, columns=["epoch", "loss", "test_loss"])

    def patterns(self, x, groups):
        """What the hidden units are compared over."""
        if self.settings["four_patterns"]:
            return np.stack([x[rows].mean(axis=0) for rows in groups])
        return x[groups[0]]

    def pruned(self, network, patterns):
        """A smaller network, and what became of each layer's units."""
        limits = {name: self.settings[name] for name in ("low", "high")}
        told = []
        for layer in LAYERS:
            said = pruning.activations(network, layer, patterns)
            found = pruning.distinctive_units(said, **limits)
            smaller = pruning.prune(
                network, layer, patterns, merge=self.settings["merge"], **limits
            )
            units, kept = said.shape[-1], smaller.get_layer(layer).units
            alike, constant = len(found.merged), len(found.constant)
            told.append(
                {
                    "layer": layer,
                    "units": units,
                    "kept": kept,
                    "alike": alike,
                    # Both of a pair, where both are removed.
                    "complementary": units - kept - alike - constant,
                    "constant": constant,
                    "parameters": network.count_params(),
                    "parameters_after": smaller.count_params(),
                    "angles": histogram(said),
                }
            )
            network = smaller
        return network, told

    def models(self, part, learned):
        """The network and the pruned one, from raw diameters."""
        network = self.build()
        network.set_weights(learned.weights)
        patterns = self.patterns(self.x.numpy(), self.groups(part))
        smaller, _ = self.pruned(network, patterns)
        models = {"probability": network, "pruned": smaller}
        return {name: self.from_raw(model) for name, model in models.items()}

    def draw(self, results, title, folder):
        """Draws the losses and the first round's angles; writes the losses as well."""
        tables = [one.history.assign(round=name) for name, one in results.items()]
        history = pd.concat(tables, ignore_index=True)
        history.to_csv(folder / "history.csv", index=False)
        starts = np.arange(0, history["epoch"].max() + 1, self.settings["epochs"])
        pupil_figures.losses(history, starts, title, folder / "loss.png")
        name, first = next(iter(results.items()))
        heading = title if len(results) == 1 else f"{title}\nround {name}"
        limits = self.settings["low"], self.settings["high"]
        pupil_figures.angles(first.pruned, *limits, heading, folder / "angles.png")
        return ["loss.png", "angles.png"]

    def from_raw(self, network):
        """A copy of a network behind what is in front of it."""
        raw = keras.Input((None,), name="raw_diameters")
        x = self.front()(raw)
        for layer in network.layers[1:]:
            x = type(layer).from_config(layer.get_config())(x)
        model = keras.Model(raw, x, name=network.name)
        model.set_weights(network.get_weights())
        return model


def histogram(said):
    """How many pairs of units have an angle in each degree; units at 0.5 have none."""
    angles = pruning.unit_angles(said)
    angles = angles[np.triu_indices(len(angles), 1)]
    counts, _ = np.histogram(angles[np.isfinite(angles)], np.arange(181))
    return counts.tolist()
