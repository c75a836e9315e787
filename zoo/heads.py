"""Other heads on learned features: a support vector machine, boosted trees.

Christensen 2018 (see `zoo.shallow_cnn`) uses scikit-learn's SVC as the baseline; Huynh
and Kim 2017 (see `zoo.lstm_pb`) decide with XGBoost. Both are scikit-learn estimators
here, to be fitted on the features of the training subjects only, and both are written
without pickles.
"""

import pathlib

from zoo import _skops, _trees
from zoo._extras import optional


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
    classifier = optional("sklearn.svm", "heads").SVC(C=C, kernel=kernel, gamma=gamma)
    calibrated = optional("sklearn.calibration", "heads").CalibratedClassifierCV
    return _standardised(calibrated(classifier, ensemble=False, cv=calibration))


def logistic(C=1.0):
    """Standardisation and a logistic regression.

    Args:
        C: inverse of the penalty's strength, above 0.

    Returns:
        A `sklearn.pipeline.Pipeline`.
    """
    linear_model = optional("sklearn.linear_model", "heads")
    return _standardised(linear_model.LogisticRegression(C=C, max_iter=1000))


def _standardised(classifier):
    scaler = optional("sklearn.preprocessing", "heads").StandardScaler()
    return optional("sklearn.pipeline", "heads").make_pipeline(scaler, classifier)


def xgboost(seed=0, **settings):
    """Boosted trees; without standardisation, which no split of a tree depends on.

    Args:
        seed: seed of the row sampling.
        settings: of `xgboost.XGBClassifier`, where they are to differ from 300 trees
            of depth 3, each on 80 % of the rows, with a learning rate of 0.1.

    Returns:
        A `xgboost.XGBClassifier`.
    """
    usual = {
        "n_estimators": 300,
        "max_depth": 3,
        "learning_rate": 0.1,
        "subsample": 0.8,
        "tree_method": "hist",
    }
    classifier = optional("xgboost", "heads").XGBClassifier
    return classifier(**{**usual, **settings}, random_state=seed)


def save(head, folder):
    """Writes a fitted head as `head.json` (XGBoost) or `head.skops` (scikit-learn).

    Args:
        head: a fitted estimator.
        folder: an existing folder.

    Returns:
        The path of the file.
    """
    folder = pathlib.Path(folder)
    if hasattr(head, "get_booster"):
        head.save_model(folder / "head.json")
        return folder / "head.json"
    optional("skops.io", "heads").dump(head, folder / "head.skops")
    return folder / "head.skops"


def load(path):
    """Reads a head that `save` wrote.

    Nothing in the file is executed. A `.skops` file is only opened where it holds the
    estimators that this module makes and arrays; XGBoost reads a `.json` file once its
    trees are known to be trees.

    Args:
        path: a `.json` or `.skops` file.

    Returns:
        The fitted estimator.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is of another kind, damaged, tampered with, or holds types
            that are not trusted.
    """
    path = pathlib.Path(path)
    if path.suffix not in READERS:
        raise ValueError(
            "A head is a .json (XGBoost) or .skops (scikit-learn) file. "
            f"Received: {path}"
        )
    read, name = READERS[path.suffix]
    # Outside the `try`, or a missing package would look like a damaged file.
    library = optional(name, "heads")
    if not path.is_file():
        raise FileNotFoundError(f"There is no head {path}.")
    try:
        return read(path, library)
    except Exception as error:
        raise ValueError(f"{path} could not be read as a head: {error}") from error


def read_json(path, xgboost):
    text = path.read_bytes()
    _trees.check(text)
    head = xgboost.XGBClassifier()
    head.load_model(bytearray(text))
    return head


READERS = {".json": (read_json, "xgboost"), ".skops": (_skops.load, "skops.io")}
