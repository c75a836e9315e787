"""From PB vectors to a decision on each video, for one emotion.

Every copy of a video has a PB vector; a video's probability of genuine is the mean over
its copies. Heads are fitted on the training videos' copies.
"""

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold

from zoo import heads

# Section 2.4 names the 5,000 trees, the authors' code depth, penalty and rows; the
# learning rate is XGBoost's default.
TREES = {
    "n_estimators": 5000,
    "max_depth": 2,
    "reg_lambda": 1000,
    "subsample": 0.8,
    "learning_rate": 0.3,
}
PATIENCE = 500  # trees without improvement, then a fold stops
FOLDS = 5
NAMES = {"xgboost": "XGBoost", "svm": "SVM", "logistic": "logistic regression"}


def fit(vectors, labels, subjects, seed=0, threads=1):
    """Fits all heads.

    Args:
        vectors: PB vectors `(copies of all videos, pb_units)`.
        labels: of each vector, 1 genuine and 0 posed.
        subjects: of each vector.
        seed: of the trees' row sampling.
        threads: of XGBoost.

    Returns:
        `(fitted, trees)`: fitted heads by the names in `NAMES`, and the number of
        trees.

    Raises:
        ValueError: leaving somebody out would leave genuine or posed videos only.
    """
    folds = folds_of(labels, subjects)
    settings = {**TREES, "n_jobs": threads}
    trees = number_of_trees(heads.xgboost(seed, **settings), vectors, labels, folds)
    fitted = {
        "xgboost": heads.xgboost(seed, **{**settings, "n_estimators": trees}),
        "svm": heads.svm(calibration=folds),
        "logistic": heads.logistic(),
    }
    for head in fitted.values():
        head.fit(vectors, labels)
    return fitted, trees


def folds_of(labels, subjects):
    """Folds by subject; the subjects of a fold are left out once."""
    people = [len(set(subjects[labels == label])) for label in (0, 1)]
    if min(people) < 2:
        raise ValueError(
            "The heads need genuine and posed training videos of 2 people or more "
            f"each. Received: genuine ones of {people[1]}, posed ones of {people[0]}"
        )
    folds = StratifiedGroupKFold(min(FOLDS, *people))
    return list(folds.split(labels, labels, subjects))


def number_of_trees(head, vectors, labels, folds):
    """The mean number of trees at which subjects left out are answered best."""
    head = clone(head).set_params(early_stopping_rounds=PATIENCE, eval_metric="logloss")
    best = []
    for train, left_out in folds:
        watched = [(vectors[left_out], labels[left_out])]
        head.fit(vectors[train], labels[train], eval_set=watched, verbose=False)
        best.append(head.best_iteration + 1)
    return max(1, round(np.mean(best)))


def decide(head, vectors, videos):
    """Each video's probability of genuine: the mean over its copies.

    Args:
        head: a fitted head.
        vectors: PB vectors `(copies of all videos, pb_units)`.
        videos: which video each vector belongs to, numbers from 0.
    """
    probability = head.predict_proba(vectors)[:, 1].astype("float64")
    return np.bincount(videos, probability) / np.bincount(videos)
