"""From points to a decision in the GFE studies: features, network, head, model."""

import keras
import numpy as np

import zoo
from datasets import gfe
from experiments.gfe.networks import FrameNetwork, Part, RecordingNetwork, standardise
from experiments.harness.study import user_errors
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
TREES = {"n_estimators": 200, "max_depth": 4, "subsample": 0.7}
TREES |= {"colsample_bytree": 0.1, "max_bin": 32}


class Method:
    """A study's way to find expressions, the same for all of them."""

    def __init__(self, builder: str, settings):
        self.builder, self.settings = builder, settings
        self.new_people = settings.people == "new"
        self.on_recordings = NETWORKS[builder] is RecordingNetwork
        self.geometric = settings.features == "geometric"
        shape = (None, POINTS, 3) if self.on_recordings else (POINTS, 3)
        self.points = keras.Input(shape, name="points")
        trunk = self.trunk()
        self.trunk_model = keras.Model(self.points, trunk)
        self.width = trunk.shape[-1]
        self.network = None
        if not self.geometric:
            self.network = NETWORKS[builder](self.build, settings)

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

    def learn(self, part: Part, points: np.ndarray) -> dict:
        """Train on a part's training frames and decide on its test frames.

        Returns:
            `probability` that the expression is occurring, of the test frames; of a
            network `history` (`HISTORY` per epoch), `weights`, and `mean` and
            `variance` where a z-score is in front of it; the fitted `head`; of a pruned
            network the probability `before` and the number of `units` at work after.
        """
        x = self.features(part, points)
        if self.geometric:
            copies = [x[part.train]]
            if self.new_people:  # faces are asymmetric: train on mirror images too
                copies.append(self.features(part, gfe.mirrored(points))[part.train])
            head = self.fit_head(part, np.concatenate(copies), len(copies))
            probability = head.predict_proba(x[part.test])[:, 1]
            return {"probability": probability, "head": head}
        network = self.network
        x, scale = standardise(part, x, self.settings.z_score)
        content = {"history": network.fit(part, x), **scale}
        if self.settings.prune:
            content["before"] = network.predict(part, x, part.test)
            kept = pruning.mask(network.model, FEATURES, x[part.train]).kept
            content["units"] = len(kept)
        content["weights"] = network.model.get_weights()
        if self.settings.head == "softmax":
            return {**content, "probability": network.predict(part, x, part.test)}
        head = self.fit_head(part, network.features(part, x, part.train))
        learned = network.features(part, x, part.test)
        probability = head.predict_proba(learned)[:, 1]
        return {**content, "probability": probability, "head": head}

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
        with user_errors():  # XGBoost may be absent, a block of time have one label
            if self.settings.head == "xgboost":
                return heads.xgboost(part.seed).set_params(**TREES).fit(x, truth)
            # Calibrate on blocks of time: neighbours in time are too much alike.
            pairs = []
            for pair in gfe.blocks(part.index, part.train):
                positions = [np.searchsorted(part.train, rows) for rows in pair]
                offsets = np.arange(copies)[:, None] * len(part.train)
                pairs.append([(rows + offsets).ravel() for rows in positions])
            return heads.svm(calibration=pairs).fit(x, truth)

    def saved_model(self, learned: dict[str, dict]) -> keras.Model:
        """Build one model of what `learn` returned, by expression.

        Returns:
            A model from `(batch, 100, 3)` or `(batch, frames, 100, 3)` to the
            probability of each expression, in their order. Its features are `(...,
            expressions, width)`. With geometric features it ends in them: they
            are what the heads take.
        """
        if self.geometric:
            return self.trunk_model
        shared = self.trunk_model.output
        if self.settings.z_score == "recording":
            shared = RecordingStandardisation(name="z_score")(shared)
        networks = {name: self.build(name) for name in learned}
        for name, network in networks.items():
            network.set_weights(learned[name]["weights"])
        features = [
            zoo.feature_extractor(network)(self.scaled(shared, name, learned[name]))
            for name, network in networks.items()
        ]
        shape = (len(networks), features[0].shape[-1])
        shape = (-1, *shape) if self.on_recordings else shape
        features = keras.layers.Concatenate(name="side_by_side")(features)
        features = keras.layers.Reshape(shape, name=FEATURES)(features)
        answers = []
        for number, (name, network) in enumerate(networks.items()):
            inside = network.get_layer(FEATURES).output
            top = keras.Model(inside, network.output, name=f"{name}_classifier")
            # Of the two classes the second: the expression is occurring.
            answers.append(top(features[..., number, :])[..., 1:])
        answer = keras.layers.Concatenate(name=PREDICTIONS)(answers)
        return keras.Model(self.points, answer, name=self.network.model.name)

    def scaled(self, x, name, content):
        """Prepare the input of an expression's network."""
        if "mean" in content:
            scale = {key: content[key] for key in ("mean", "variance")}
            x = keras.layers.Normalization(name=f"{name}_z_score", **scale)(x)
        if self.builder == "GrammaticalLSTM":
            x = keras.layers.Reshape((1, self.width), name=f"{name}_step")(x)
        return x
