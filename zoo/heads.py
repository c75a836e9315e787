"""Other heads on learned features: a support vector machine, boosted trees.

The thesis on NVIE (Christensen 2018, seeds/003) uses scikit-learn's SVC as its
baseline; the study on parametric bias (seeds/002) decides with XGBoost. Both are
scikit-learn estimators here, to be fitted on the features of the training subjects
only, and both are written without pickles.
"""

import pathlib

# What a calibrated classifier is made of; skops knows scikit-learn's public types only.
TRUSTED = [
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
]


def svm(C=1.0, kernel="rbf", gamma="scale", calibration=5):
    """Standardisation and a support vector machine with calibrated probabilities.

    Args:
        C: penalty of a margin violation, above 0.
        kernel: `"rbf"`, `"poly"` or `"linear"`.
        gamma: kernel width, a number or `"scale"`; see `sklearn.svm.SVC`.
        calibration: folds for the calibration: a number, or a list of
            `(train, test)` index pairs, such as folds that keep subjects apart.

    Returns:
        A `sklearn.pipeline.Pipeline`.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    classifier = SVC(C=C, kernel=kernel, gamma=gamma)
    return make_pipeline(
        StandardScaler(),
        CalibratedClassifierCV(classifier, ensemble=False, cv=calibration),
    )


def logistic(C=1.0):
    """Standardisation and a logistic regression.

    Args:
        C: inverse of the penalty's strength, above 0.

    Returns:
        A `sklearn.pipeline.Pipeline`.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=1000))


def xgboost(seed=0, **settings):
    """Boosted trees; without standardisation, which no split of a tree depends on.

    Args:
        seed: seed of the row sampling.
        settings: of `xgboost.XGBClassifier`, where they are to differ from 300 trees
            of depth 3, each on 80 % of the rows, with a learning rate of 0.1.

    Returns:
        A `xgboost.XGBClassifier`.
    """
    from xgboost import XGBClassifier

    usual = {
        "n_estimators": 300,
        "max_depth": 3,
        "learning_rate": 0.1,
        "subsample": 0.8,
        "tree_method": "hist",
    }
    return XGBClassifier(**{**usual, **settings}, random_state=seed)


def save(head, folder):
    """Writes a fitted head as `head.ubj` (XGBoost) or `head.skops` (scikit-learn).

    Args:
        head: a fitted estimator.
        folder: an existing folder.

    Returns:
        The path of the file.
    """
    folder = pathlib.Path(folder)
    if hasattr(head, "get_booster"):
        head.save_model(folder / "head.ubj")
        return folder / "head.ubj"
    import skops.io

    skops.io.dump(head, folder / "head.skops")
    return folder / "head.skops"


def load(path):
    """Reads a head that `save` wrote.

    A `.skops` file is only opened where it holds nothing but scikit-learn and NumPy
    types; one that names any other type is refused.

    Args:
        path: a `.ubj` or `.skops` file.

    Returns:
        The fitted estimator.

    Raises:
        ValueError: the file is of another kind, damaged, or holds types that are not
            trusted.
    """
    path = pathlib.Path(path)
    if path.suffix == ".ubj":
        from xgboost import XGBClassifier
        from xgboost.core import XGBoostError

        head = XGBClassifier()
        try:
            head.load_model(path)
        except XGBoostError as error:
            raise ValueError(f"{path} is not an XGBoost model: {error}") from error
        return head
    if path.suffix == ".skops":
        import skops.io

        try:
            return skops.io.load(path, trusted=TRUSTED)
        except Exception as error:
            raise ValueError(f"{path} could not be read as a head: {error}") from error
    raise ValueError(
        f"A head is a .ubj (XGBoost) or .skops (scikit-learn) file. Received: {path}"
    )
