"""A small model that tells genuine from posed smiles by their observers' pupils.

Paper     none; for the data of Gong (seeds/000), who finds the LSTM "not suitable"
Command   python -m experiments.pupil_course
Expected  a ROC AUC of 0.602 on videos (0.459 to 0.760) and 0.606 on observers (0.444 to
          0.762) that were left out: not shown to beat chance
Time      seconds.

A regression on the course of the pupil: the mean of each second of the first twelve,
relative to the series' own mean and spread. Its penalty is chosen by cross-validation
inside each training part, by the protocol that is asked for (inside the paper's, by
observer).
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.pupil_course")

import functools

import keras
import numpy as np

import zoo
from datasets import pupil as dataset
from experiments import common, pupil, pupil_figures
from experiments.common import user_errors
from experiments.pupil import Learned
from zoo._builder import PREDICTIONS
from zoo.layers import StandardisedDiameters
from zoo.pupil_course import SAMPLES

STUDY = common.Study(
    name="pupil_course",
    model="Course of the pupil",
    builder="PupilCourse",
    dataset="pupil",
    paper="Gong",
    varies_by="protocol",
    defaults={},
    paper_protocol="paper",
)
PENALTIES = np.logspace(-4, 0, 5)


class Course:
    """`zoo.PupilCourse`, fitted by scikit-learn.

    Args:
        settings: the study's settings.
        data: its `Data`.
    """

    def __init__(self, settings, data):
        self.settings, self.data = settings, data
        extractor = zoo.feature_extractor(self.build())
        self.x = extractor.predict(data.diameters, verbose=0)

    def build(self):
        raw = keras.Input((None,), name="raw_diameters")
        x = StandardisedDiameters(SAMPLES, name="diameters")(raw)
        return zoo.PupilCourse(input_tensor=x)

    def learn(self, part):
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        # Balanced, or a test part that is short of a label is guessed to be rich in it.
        regression = LogisticRegression(class_weight="balanced", max_iter=1000)
        search = GridSearchCV(
            make_pipeline(StandardScaler(), regression),
            {"logisticregression__C": PENALTIES},
            cv=self.inner(part),
            scoring="neg_log_loss",
        )
        search.fit(self.x[part.train], self.data.labels[part.train])
        head = search.best_estimator_
        scaler, regression = head[0], head[1]
        kernel = regression.coef_[0] / scaler.scale_
        bias = regression.intercept_[0] - scaler.mean_ @ kernel
        probability = head.predict_proba(self.x[part.test])[:, 1]
        told = {"penalty_C": float(regression.C)}
        return Learned({"probability": probability}, [kernel, bias], told=told)

    def inner(self, part):
        """Folds inside the training part, as positions in it."""
        name = self.settings["protocol"].replace("paper", "observer")
        with user_errors():
            found = dataset.protocol(self.data.index.iloc[part.train], name, part.seed)
        return [(fold["train"], fold["test"]) for fold in found]

    def models(self, part, learned):
        """The regression as a Keras model, from raw diameters."""
        kernel, bias = learned.weights
        model = self.build()
        layer = model.get_layer(PREDICTIONS)
        # Of the two logits, posed's is 0.
        layer.set_weights(
            [np.stack([0 * kernel, kernel], axis=1), np.array([0, float(bias)])]
        )
        return {"probability": model}

    def draw(self, results, title, folder):
        kernel = next(iter(results.values())).weights[0]
        name, _ = next(iter(results.items()))
        note = "" if len(results) == 1 else f"\nweights of the first round ({name})"
        path = folder / "course.png"
        pupil_figures.course(self.x, self.data.index, kernel, title + note, path)
        return ["course.png"]


def parser():
    # A round takes less than a tenth of a second, and a process seconds to start.
    return pupil.parser(STUDY, __doc__, jobs=1)


def main(argv=None):
    work = functools.partial(pupil.work, make_method=Course)
    return common.main(STUDY, parser(), work, argv)


if __name__ == "__main__":
    main()
