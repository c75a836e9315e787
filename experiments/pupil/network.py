"""The pupil network: trained, then pruned by distinctiveness."""

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

import zoo
from experiments.harness import figures as harness_figures
from experiments.harness import metrics, report
from experiments.harness.graph_training import GraphTraining
from experiments.harness.study import Diverged
from experiments.pupil import figures
from zoo import pruning
from zoo._builder import FEATURES
from zoo.layers import FilledDiameters, StandardisedDiameters

LAYERS = ("fc1", FEATURES)
FRONTS = {"paper": FilledDiameters, "standardised": StandardisedDiameters}
GROUPS = 4
LOSSES = {"loss": "training (with dropout)", "test_loss": "test (only watched)"}


class PrunedNetwork:
    """`zoo.PupilLSTM` before and after pruning; see `study.work`."""

    models = ("", ", pruned")

    def __init__(self, settings, index, diameters):
        self.settings, self.labels = settings, index["label"].to_numpy()
        # What is in front of the network has nothing to learn.
        self.x = tf.constant(self.front()(diameters))
        optimiser = keras.optimizers.SGD(settings.learning_rate)
        self.training = GraphTraining(self.build, optimiser)

    def front(self):
        return FRONTS[self.settings.diameters](name="diameters")

    def build(self):
        shape = self.x.shape[1:]
        return zoo.PupilLSTM(input_shape=shape, dropout=self.settings.dropout)

    def learn(self, division) -> dict:
        """Train on a round's training part, prune, and answer for its test part."""
        self.training.restart(self.settings.seed)
        groups, test = self.groups(division["train"]), division["test"]
        history = self.fit(groups, test)
        network = self.training.model
        smaller, layers, angles = self.prune(network, groups)
        pruned = smaller.predict(self.x.numpy()[test], verbose=0)[:, 1]
        return {
            "answers": [self.answer(test), pruned],
            "parameters": [network.count_params(), smaller.count_params()],
            "weights": network.get_weights(),
            "history": history,
            "layers": layers,
            "angles": angles,
        }

    def groups(self, rows):
        """Training rows, in the groups that they are trained in one after the other."""
        if not self.settings.four_patterns:
            return [rows]
        rng = np.random.default_rng([self.settings.seed, GROUPS])
        return np.array_split(rng.permutation(rows), GROUPS)

    def fit(self, groups, test):
        """Train, and watch the loss on the test part; return both losses per epoch."""
        rng = np.random.default_rng(self.settings.seed)
        labels = self.labels
        constants = self.x, tf.constant(labels, tf.int32), tf.ones(len(labels))
        history = []
        for rows in groups:
            size = min(self.settings.batch_size, len(rows))
            steps = len(rows) // size
            for _ in range(self.settings.epochs):
                # What is left over has its turn in another epoch.
                order = rng.permutation(rows)[: steps * size].reshape(steps, size)
                order = tf.constant(order, tf.int32)
                loss = float(self.training.train(*constants, order))
                if not np.isfinite(loss):
                    raise Diverged(f"in epoch {len(history) + 1}: its loss is {loss}")
                watched = metrics.loss(labels[test], self.answer(test))
                history.append([loss, watched])
        return history

    def answer(self, rows):
        return self.training.infer(tf.gather(self.x, rows)).numpy()[:, 1]

    def prune(self, network, groups):
        """Prune both hidden layers.

        Returns:
            The smaller network; for each layer what became of its units; and how many
            pairs of its units had an angle in each degree, those at 0.5 excepted.
        """
        x = self.x.numpy()
        patterns = x[groups[0]]
        if self.settings.four_patterns:
            patterns = np.stack([x[rows].mean(axis=0) for rows in groups])
        limits = {"low": self.settings.low, "high": self.settings.high}
        layers, counts = [], []
        for name in LAYERS:
            activations = pruning.activations(network, name, patterns)
            found = pruning.distinctive_units(activations, **limits)
            angles = pruning.unit_angles(activations)
            angles = angles[np.triu_indices(len(angles), 1)]
            angles = angles[np.isfinite(angles)]
            counts.append(np.histogram(angles, np.arange(181))[0])
            merge = self.settings.merge
            network = pruning.prune(network, name, patterns, merge=merge, **limits)
            units, kept = activations.shape[-1], network.get_layer(name).units
            row = {"layer": name, "units": units, "alike": len(found.merged)}
            row |= {"complementary": 0, "constant": len(found.constant), "kept": kept}
            # Both of a pair, where both are removed.
            row["complementary"] = units - kept - row["alike"] - row["constant"]
            layers.append({**row, "parameters": network.count_params()})
        return network, layers, counts

    def rebuild(self, division, content) -> dict:
        """Return the network and the pruned one, from raw diameters."""
        network = self.build()
        network.set_weights(content["weights"])
        smaller, *_ = self.prune(network, self.groups(division["train"]))
        pair = [self.from_raw(network), self.from_raw(smaller)]
        return dict(zip(self.models, pair, strict=True))

    def from_raw(self, network):
        """Put in front of a network what makes its input of raw diameters."""
        raw = keras.Input((None,), name="raw_diameters")
        x = self.front()(raw)
        for layer in network.layers[1:]:
            x = layer(x)
        return keras.Model(raw, x, name=network.name)

    def draw(self, contents, title, folder) -> list[str]:
        """Draw the losses, and the first round's angles."""
        losses = history_of(contents), LOSSES, title, folder / "loss.png"
        harness_figures.losses(*losses, guessing=np.log(2), line="round")
        name, first = next(iter(contents.items()))
        title += f"\nround {name}" if len(contents) > 1 else ""
        limits = self.settings.low, self.settings.high
        path = folder / "angles.png"
        figures.angles(first["layers"], first["angles"], *limits, title, path)
        return ["loss.png", "angles.png"]

    def result(self, contents) -> dict:
        """Return the losses, and what became of the units in every round."""
        pruned = {name: content["layers"] for name, content in contents.items()}
        units = pd.DataFrame(sum(pruned.values(), [])).groupby("layer", sort=False)
        units = units.mean().map("{:,.0f}".format).reset_index()
        table = report.markdown_table([list(units), *units.values.tolist()])
        heading = "Units of the pruned layers, mean over the rounds"
        return {
            "tables": {"history.csv": history_of(contents)},
            "notes": {heading: table},
            "more": {"pruned": pruned},
        }


def history_of(contents) -> pd.DataFrame:
    """The losses, one row per round and epoch."""
    tables = {
        name: pd.DataFrame(content["history"], columns=list(LOSSES))
        for name, content in contents.items()
    }
    return pd.concat(tables, names=["round", "epoch"]).reset_index()
