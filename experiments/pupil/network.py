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
HISTORY = ["epoch", "loss", "test_loss"]


class PrunedNetwork:
    """`zoo.PupilLSTM` before and after pruning.

    Args:
        settings: the study's settings.
        data: its `Data`.
    """

    models = {"probability": "", "pruned": ", pruned"}

    def __init__(self, settings, data):
        self.settings, self.data = settings, data
        # What is in front of the network has nothing to learn.
        self.x = tf.constant(self.front()(data.diameters))
        optimiser = keras.optimizers.SGD(settings.learning_rate)
        self.training = GraphTraining(self.build, optimiser)

    def front(self):
        return FRONTS[self.settings.diameters](name="diameters")

    def build(self):
        shape = self.x.shape[1:]
        return zoo.PupilLSTM(input_shape=shape, dropout=self.settings.dropout)

    def learn(self, division) -> dict:
        """Train on a round's training part, and answer for its test part."""
        self.training.restart(self.settings.seed)
        groups, test = self.groups(division), division["test"]
        history = self.fit(groups, test)
        network = self.training.model
        smaller, layers = self.prune(network, groups)
        return {
            "probability": self.answer(test),
            "pruned": smaller.predict(self.x.numpy()[test], verbose=0)[:, 1],
            "weights": network.get_weights(),
            "history": history,
            "layers": layers,
            "parameters": {
                "probability": network.count_params(),
                "pruned": smaller.count_params(),
            },
        }

    def groups(self, division):
        """Training rows, in the groups that they are trained in one after the other."""
        if not self.settings.four_patterns:
            return [division["train"]]
        rng = np.random.default_rng([self.settings.seed, GROUPS])
        return np.array_split(rng.permutation(division["train"]), GROUPS)

    def fit(self, groups, test):
        """Train, and watch the loss on the test part; return a row per epoch."""
        labels, size = self.data.labels, self.settings.batch_size
        rng = np.random.default_rng(self.settings.seed)
        constants = self.x, tf.constant(labels, tf.int32), tf.ones(len(labels))
        history = []
        for rows in groups:
            batch = min(size, len(rows))
            steps = len(rows) // batch
            for _ in range(self.settings.epochs):
                # What is left over has its turn in another epoch.
                order = rng.permutation(rows)[: steps * batch].reshape(steps, batch)
                order = tf.constant(order, tf.int32)
                loss = float(self.training.train(*constants, order))
                if not np.isfinite(loss):
                    raise Diverged(f"in epoch {len(history) + 1}: its loss is {loss}")
                watched = metrics.loss(labels[test], self.answer(test))
                history.append([len(history), loss, watched])
        return history

    def answer(self, rows):
        return self.training.infer(tf.gather(self.x, rows)).numpy()[:, 1]

    def prune(self, network, groups):
        """Return a smaller network, and what became of each layer's units."""
        x = self.x.numpy()
        patterns = x[groups[0]]
        if self.settings.four_patterns:
            patterns = np.stack([x[rows].mean(axis=0) for rows in groups])
        limits = {"low": self.settings.low, "high": self.settings.high}
        layers = []
        for name in LAYERS:
            said = pruning.activations(network, name, patterns)
            units = pruning.distinctive_units(said, **limits)
            smaller = pruning.prune(
                network, name, patterns, merge=self.settings.merge, **limits
            )
            row = {
                "layer": name,
                "units": said.shape[-1],
                "alike": len(units.merged),
                "complementary": 0,
                "constant": len(units.constant),
                "kept": smaller.get_layer(name).units,
                "parameters": network.count_params(),
                "parameters_after": smaller.count_params(),
                "angles": count_angles(said),
            }
            # Both of a pair, where both are removed.
            gone = row["units"] - row["kept"]
            row["complementary"] = gone - row["alike"] - row["constant"]
            layers.append(row)
            network = smaller
        return network, layers

    def rebuild(self, division, content) -> dict:
        """Return the network and the pruned one, from raw diameters."""
        network = self.build()
        network.set_weights(content["weights"])
        smaller, _ = self.prune(network, self.groups(division))
        return {
            "probability": self.from_raw(network),
            "pruned": self.from_raw(smaller),
        }

    def from_raw(self, network):
        """Copy a network, behind what is in front of it."""
        raw = keras.Input((None,), name="raw_diameters")
        x = self.front()(raw)
        for layer in network.layers[1:]:
            x = type(layer).from_config(layer.get_config())(x)
        model = keras.Model(raw, x, name=network.name)
        model.set_weights(network.get_weights())
        return model

    def result(self, contents, title) -> dict:
        """Return the losses, and what became of the units in every round."""
        history = pd.concat(
            pd.DataFrame(content["history"], columns=HISTORY).assign(round=name)
            for name, content in contents.items()
        )
        pruned = {
            name: [{k: v for k, v in row.items() if k != "angles"} for row in rows]
            for name, rows in ((n, c["layers"]) for n, c in contents.items())
        }

        def draw(folder):
            columns = {"loss": "training (with dropout)", "test_loss": "test"}
            harness_figures.losses(
                *(history, columns, title, folder / "loss.png"),
                guessing=np.log(2),
                line="round",
            )
            name, first = next(iter(contents.items()))
            heading = f"{title}\nround {name}" if len(contents) > 1 else title
            limits = self.settings.low, self.settings.high
            figures.angles(first["layers"], *limits, heading, folder / "angles.png")
            return ["loss.png", "angles.png"]

        return {
            "draw": draw,
            "tables": {"history.csv": history[["round", *HISTORY]]},
            "notes": {"Units": summarise_units(pruned)},
            "more": {"pruned": pruned},
        }


def summarise_units(pruned) -> str:
    """What became of each layer's units, over the rounds; a Markdown table."""
    rows = pd.DataFrame([row for layers in pruned.values() for row in layers])
    columns = [name for name in rows if name != "layer"]
    lines = [["layer", *(name.replace("_", " ") for name in columns)]]
    for layer, table in rows.groupby("layer", sort=False):
        lines.append([layer, *(spread(table[name]) for name in columns)])
    return report.markdown_table(lines)


def spread(values) -> str:
    low, high, mean = values.min(), values.max(), values.mean()
    return f"{low:,}" if low == high else f"{mean:,.0f} ({low:,}-{high:,})"


def count_angles(said):
    """How many pairs of units have an angle in each degree; units at 0.5 have none."""
    angles = pruning.unit_angles(said)
    angles = angles[np.triu_indices(len(angles), 1)]
    counts, _ = np.histogram(angles[np.isfinite(angles)], np.arange(181))
    return counts.tolist()
