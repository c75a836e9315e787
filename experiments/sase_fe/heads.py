"""Heads that decide on each video by its PB vectors, for one emotion.

Every copy of a video has a PB vector; a video's probability of genuine is the mean over
its copies. Heads are fitted on the training videos' copies.
"""

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold

from zoo import heads

# Huynh and Kim 2017, section 2.4, names the 5,000 trees, the authors' code depth,
# penalty and rows; the learning rate is XGBoost's default.
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
    """Folds by subject: everybody is left out once, both labels always stay."""
    people = [len(set(subjects[labels == label])) for label in (0, 1)]
    # Fewer folds where people with one label alone leave no other way.
    for count in range(min(FOLDS, *people), 1, -1):
        splitter = StratifiedGroupKFold(count)
        folds = list(splitter.split(labels, labels, subjects))
        if all(len(set(labels[train])) == 2 for train, _ in folds):
            return folds
    raise ValueError(
        "The heads need training videos of both labels also where somebody is left "
        "out: genuine and posed ones of 2 people or more each, of people with both "
        f"best. Received: genuine ones of {people[1]}, posed ones of {people[0]}"
    )


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
