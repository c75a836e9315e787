"""Heads that decide on each video by its PB vectors, for one emotion.

Every copy of a video has a PB vector; a video's probability of genuine is the mean over
its copies. Heads are fitted on the training videos' copies.
"""

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold

from zoo import heads

# Huynh and Kim 2017, section 2.4, name the 5,000 trees, the authors' code depth,
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


def fit(vectors, labels, subjects, seed: int = 0, threads: int = 1) -> tuple[dict, int]:
    """Fit all heads on PB vectors, by the label (1 genuine) and subject of each.

    Returns:
        `(fitted, trees)`: heads by the names in `NAMES`, and the number of trees.
    """
    folds = folds_of(labels, subjects)
    settings = {**TREES, "n_jobs": threads}
    trees = number_of_trees(heads.xgboost(seed, **settings), vectors, labels, folds)
    fitted = {
        "xgboost": heads.xgboost(seed, **{**settings, "n_estimators": trees}),
        "svm": heads.svm(calibration=folds),
        "logistic": heads.logistic(),
    }
    return {name: head.fit(vectors, labels) for name, head in fitted.items()}, trees


def folds_of(labels: np.ndarray, subjects: np.ndarray) -> list:
    """Divide by subject: everybody is left out once, both labels always stay.

    Raises:
        ValueError: leaving somebody out would leave one label only.
    """
    people = [len(set(subjects[labels == label])) for label in (0, 1)]
    # Fewer folds where people with one label alone leave no other way.
    for count in range(min(FOLDS, *people), 1, -1):
        folds = list(StratifiedGroupKFold(count).split(labels, labels, subjects))
        if all(len(set(labels[train])) == 2 for train, _ in folds):
            return folds
    raise ValueError(
        "Expected genuine and fake training videos of 2 people or more each, of people "
        f"with both best. Received: genuine ones of {people[1]}, fake ones of "
        f"{people[0]}."
    )


def number_of_trees(head, vectors, labels, folds) -> int:
    """Return the mean number of trees at which people left out are answered best."""
    head = clone(head).set_params(early_stopping_rounds=PATIENCE, eval_metric="logloss")
    best = []
    for train, left_out in folds:
        watched = [(vectors[left_out], labels[left_out])]
        head.fit(vectors[train], labels[train], eval_set=watched, verbose=False)
        best.append(head.best_iteration + 1)
    return max(1, round(np.mean(best)))


def decide(head, vectors: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """Return each video's probability of genuine, by the video of each PB vector."""
    probability = head.predict_proba(vectors)[:, 1].astype("float64")
    return np.bincount(owners, probability) / np.bincount(owners)
