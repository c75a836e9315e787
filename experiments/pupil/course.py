"""The regression on the course of the pupil: `zoo.PupilCourse`, by scikit-learn."""

import keras
import numpy as np

import zoo
from datasets import pupil
from experiments.harness.study import user_errors
from experiments.pupil import figures
from zoo._builder import PREDICTIONS
from zoo.layers import StandardisedDiameters
from zoo.pupil_course import SAMPLES

PENALTIES = np.logspace(-4, 0, 5)


class Course:
    """`zoo.PupilCourse`, its penalty chosen inside each training part; `study.work`."""

    models = ("",)

    def __init__(self, settings, index, diameters):
        self.settings, self.index = settings, index
        extractor = zoo.feature_extractor(self.build())
        self.x = extractor.predict(diameters, verbose=0)

    def build(self):
        raw = keras.Input((None,), name="raw_diameters")
        x = StandardisedDiameters(SAMPLES, name="diameters")(raw)
        return zoo.PupilCourse(input_tensor=x)

    def learn(self, division) -> dict:
        """Fit on a round's training part, and answer for its test part."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        train = division["train"]
        # Balanced, or a test part that is short of a label is guessed to be rich in it.
        regression = LogisticRegression(class_weight="balanced", max_iter=1000)
        search = GridSearchCV(
            make_pipeline(StandardScaler(), regression),
            {"logisticregression__C": PENALTIES},
            cv=self.folds(train),
            scoring="neg_log_loss",
        )
        search.fit(self.x[train], self.index["label"].iloc[train])
        head = search.best_estimator_
        scaler, regression = head
        kernel = regression.coef_[0] / scaler.scale_
        bias = regression.intercept_ - scaler.mean_ @ kernel
        return {
            "answers": [head.predict_proba(self.x[division["test"]])[:, 1]],
            "parameters": [2 * (kernel.size + 1)],
            "weights": [kernel, bias],
            "penalty_C": float(regression.C),
        }

    def folds(self, train):
        """Folds of the training part, by what the protocol leaves out."""
        name = self.settings.protocol.replace("paper", "observer")
        with user_errors():
            index = self.index.iloc[train]
            folds = pupil.protocol(index, name, self.settings.seed)
        return [(fold["train"], fold["test"]) for fold in folds]

    def rebuild(self, division, content) -> dict:
        """Return the regression as a Keras model, from raw diameters."""
        kernel, bias = content["weights"]
        model = self.build()
        # Of the two logits, that of posed is 0.
        weights = [np.stack([0 * kernel, kernel], axis=1), np.append(0, bias)]
        model.get_layer(PREDICTIONS).set_weights(weights)
        return {"": model}

    def draw(self, contents, title, folder) -> list[str]:
        """Draw the mean course, and the first round's weights."""
        name, first = next(iter(contents.items()))
        title += f"\nweights of round {name}" if len(contents) > 1 else ""
        path = folder / "course.png"
        figures.course(self.x, self.index, first["weights"][0], title, path)
        return ["course.png"]

    def result(self, contents) -> dict:
        """Return the penalty of every round."""
        penalties = {name: content["penalty_C"] for name, content in contents.items()}
        return {"notes": {}, "more": {"penalty_C": penalties}}
