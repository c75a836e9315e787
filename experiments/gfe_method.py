"""From points to a decision in the GFE studies: features, network, head, model."""

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd

import zoo
from datasets import gfe
from experiments.common import user_errors
from experiments.gfe_learners import FrameNetwork, RecordingNetwork, standardise
from zoo import heads, pruning
from zoo._builder import FEATURES, PREDICTIONS
from zoo.kinect import POINTS
from zoo.layers import (
    AlignedFace,
    FrameGeometry,
    LocalStandardisation,
    RecordingStandardisation,
    TemporalContext,
)

NETWORKS = {
    "GrammaticalLSTM": FrameNetwork,
    "GrammaticalMLP": FrameNetwork,
    "GrammaticalSequence": RecordingNetwork,
}
# Wide features, many alike: a tree sees a tenth of them. By --validate (holdout), three
# times the features, and twice the trees as well, make a difference of 0.001 or less.
TREES = {
    "n_estimators": 200,
    "max_depth": 4,
    "subsample": 0.7,
    "colsample_bytree": 0.1,
    "max_bin": 32,
}


@dataclass
class Learned:
    """What came of one part.

    Attributes:
        probability: that the expression is occurring, for the part's test frames.
        history: a row an epoch: `epoch`, `loss`, `test_loss`; or `None`.
        weights: of the network, or `None`.
        scale: `mean` and `variance` in front of the network, or empty.
        head: a fitted head, or `None`.
        before: `probability` before pruning, or `None` without it.
        units: number of hidden units at work after pruning, or `None`.
    """

    probability: np.ndarray
    history: pd.DataFrame | None = None
    weights: list | None = None
    scale: dict | None = None
    head: object = None
    before: np.ndarray | None = None
    units: int | None = None


class Method:
    """How a study finds expressions; the same for all of them.

    Args:
        builder: name of the network's builder in `zoo`.
        settings: the study's settings.
    """

    def __init__(self, builder, settings):
        self.builder, self.settings = builder, settings
        self.new_people = settings.get("people") == "new"
        # Relative to the frames around, features are standardised already.
        self.z_score = settings.get("z_score", "none" if self.new_people else "train")
        self.on_recordings = NETWORKS[builder] is RecordingNetwork
        self.geometric = settings["features"] == "geometric"
        self.points = self.input()
        trunk = self.trunk()
        self.trunk_model = keras.Model(self.points, trunk)
        self.width = trunk.shape[-1]
        self.network = None
        if not self.geometric:
            self.network = NETWORKS[builder](self.build, settings)

    def input(self):
        shape = (None, POINTS, 3) if self.on_recordings else (POINTS, 3)
        return keras.Input(shape, name="points")

    def trunk(self):
        """The features of every frame that all expressions share."""
        last = FEATURES if self.geometric else "geometry"
        if not self.on_recordings:
            return FrameGeometry(name=last)(self.points)
        geometry = FrameGeometry(relative_depth=True, name="geometry")(self.points)
        face = AlignedFace(name="face")(self.points)
        x = keras.layers.Concatenate(name="frames")([geometry, face])
        if self.new_people:
            x = LocalStandardisation(name="local")(x)
        return TemporalContext(name=last)(x) if self.geometric else x

    def build(self, name="network"):
        steps = {"GrammaticalLSTM": (1,), "GrammaticalSequence": (None,)}
        shape = (*steps.get(self.builder, ()), self.width)
        return getattr(zoo, self.builder)(input_shape=shape, name=name)

    def learn(self, part, points):
        """Trains on a part's training frames and decides on its test frames.

        Args:
            part: the `Part`.
            points: `(n, 100, 3)`, of the part's frames.
        """
        x = self.features(part, points)
        if self.geometric:
            copies = [x[part.train]]
            if self.new_people:
                # Everybody's face has another better half.
                copies.append(self.features(part, gfe.mirrored(points))[part.train])
            with user_errors():
                head = self.fit_head(part, np.concatenate(copies), len(copies))
            return Learned(head.predict_proba(x[part.test])[:, 1], head=head)
        network = self.network
        x, scale = standardise(part, x, self.z_score)
        history = network.fit(part, x)
        if self.settings["head"] == "softmax":
            before = units = None
            if self.settings.get("prune"):
                before = network.predict(part, x, part.test)
                units = len(pruning.mask(network.model, FEATURES, x[part.train]).kept)
            probability = network.predict(part, x, part.test)
            weights = network.model.get_weights()
            return Learned(
                probability, history, weights, scale, before=before, units=units
            )
        weights = network.model.get_weights()
        with user_errors():
            head = self.fit_head(part, network.features(part, x, part.train))
        learned = network.features(part, x, part.test)
        probability = head.predict_proba(learned)[:, 1]
        return Learned(probability, history, weights, scale, head)

    def features(self, part, points):
        trunk = self.trunk_model
        if not self.on_recordings:
            return np.asarray(trunk(points, training=False))
        result = np.empty((len(points), trunk.output.shape[-1]), np.float32)
        for run in part.runs:
            result[run] = trunk(points[run][None], training=False)[0]
        return result

    def fit_head(self, part, x, copies=1):
        truth = np.tile(part.labels(part.train), copies)
        if self.settings["head"] == "xgboost":
            return heads.xgboost(part.seed).set_params(**TREES).fit(x, truth)
        # Calibrated on blocks of time: neighbours in time are too much alike.
        pairs = []
        for pair in gfe.blocks(part.index, part.train):
            places = [np.searchsorted(part.train, rows) for rows in pair]
            offsets = np.arange(copies)[:, None] * len(part.train)
            pairs.append([(rows + offsets).ravel() for rows in places])
        return heads.svm(calibration=pairs).fit(x, truth)

    def saved(self, learned):
        """One model for all expressions, from raw points.

        Args:
            learned: dict of expressions to `Learned`.

        Returns:
            A `keras.Model` from `(batch, 100, 3)` or `(batch, frames, 100, 3)` to the
            probability of each expression, in their order. Its features are `(...,
            expressions, width)`. With geometric features it ends in them: they
            are what the heads take.
        """
        if self.geometric:
            return self.trunk_model
        shared = self.trunk_model.output
        if self.z_score == "recording":
            shared = RecordingStandardisation(name="z_score")(shared)
        networks = {name: self.restored(name, one) for name, one in learned.items()}
        found = [
            zoo.feature_extractor(network)(self.scaled(shared, name, learned[name]))
            for name, network in networks.items()
        ]
        width = found[0].shape[-1]
        shape = (len(networks), width)
        shape = (-1, *shape) if self.on_recordings else shape
        found = keras.layers.Reshape(shape, name=FEATURES)(
            joined(found, "side_by_side")
        )
        answers = []
        for place, (name, network) in enumerate(networks.items()):
            inside = network.get_layer(FEATURES).output
            top = keras.Model(inside, network.output, name=f"{name}_classifier")
            # Of the two classes the second: the expression is occurring.
            if self.on_recordings:
                answers.append(top(found[:, :, place])[:, :, 1:])
            else:
                answers.append(top(found[:, place])[:, 1:])
        answer = joined(answers, PREDICTIONS)
        return keras.Model(self.points, answer, name=self.network.model.name)

    def restored(self, name, learned):
        network = self.build(name)
        network.set_weights(learned.weights)
        return network

    def scaled(self, x, name, learned):
        """What the network of an expression takes."""
        if learned.scale:
            layer = keras.layers.Normalization(name=f"{name}_z_score", **learned.scale)
            x = layer(x)
        if self.builder == "GrammaticalLSTM":
            x = keras.layers.Reshape((1, self.width), name=f"{name}_step")(x)
        return x


def joined(tensors, name):
    if len(tensors) == 1:
        return keras.layers.Identity(name=name)(tensors[0])
    return keras.layers.Concatenate(name=name)(tensors)
