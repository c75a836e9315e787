"""Measures of a study, beside what a constant answer and chance would reach."""

import numpy as np
from sklearn import metrics

RESAMPLES = 2000
# Fewer people than this say nothing of how much people differ.
LEAST_SUBJECTS = 5


def evaluate(truth, probability, subjects, seed=0):
    """Measures predictions.

    Args:
        truth: class of each picture, `(n,)`. With two classes, 1 is genuine.
        probability: `(n, classes)`, rows sum to 1.
        subjects: subject of each picture, `(n,)`.
        seed: seed of the interval's resampling.

    Returns:
        Dict with `accuracy`, `balanced_accuracy` (mean recall of the classes that
        occur), `f1` (of the genuine class; macro average with more than two classes),
        `roc_auc` (one against the rest, averaged, with more than two; `None` where only
        one class occurs), `loss` (cross-entropy in nats), `ci95` (of the accuracy; see
        `interval`) and `n_test_subjects`.
    """
    truth, probability = np.asarray(truth), np.asarray(probability, np.float64)
    classes = probability.shape[1]
    answer = probability.argmax(axis=1)
    present = np.unique(truth)
    recall = [np.mean(answer[truth == c] == c) for c in present]
    average = {"average": "binary"} if classes == 2 else {"average": "macro"}
    return {
        "accuracy": float(np.mean(answer == truth)),
        "balanced_accuracy": float(np.mean(recall)),
        "f1": float(metrics.f1_score(truth, answer, zero_division=0, **average)),
        "roc_auc": roc_auc(truth, probability),
        "loss": float(metrics.log_loss(truth, probability, labels=range(classes))),
        "ci95": interval(answer == truth, subjects, seed),
        "n_test_subjects": len(set(subjects)),
    }


def roc_auc(truth, probability):
    columns = [1] if probability.shape[1] == 2 else np.unique(truth)
    areas = [
        metrics.roc_auc_score(truth == c, probability[:, c])
        for c in columns
        if 0 < np.mean(truth == c) < 1
    ]
    return float(np.mean(areas)) if areas else None


def interval(correct, subjects, seed=0):
    """95 % interval of a share, by resampling subjects.

    The pictures of one person are alike, so that resampling pictures would promise too
    much: whole subjects are drawn instead (cluster bootstrap, percentiles). With fewer
    than about twenty subjects it is too narrow: of five, it holds the truth in less
    than nine of ten cases.

    Args:
        correct: 0 or 1 for each picture, `(n,)`.
        subjects: subject of each picture, `(n,)`.
        seed: seed of the resampling.

    Returns:
        `[low, high]`, or `None` with fewer than 5 subjects.
    """
    _, group = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    hits, counts = np.bincount(group, weights=correct), np.bincount(group)
    if len(counts) < LEAST_SUBJECTS:
        return None
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(counts), size=(RESAMPLES, len(counts)))
    shares = hits[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return [float(bound) for bound in np.percentile(shares, [2.5, 97.5])]


def baselines(truth, classes):
    """Accuracy of the best constant answer on this very test part, and of chance."""
    counts = np.bincount(truth, minlength=classes)
    return {
        "majority_class": float(counts.max() / counts.sum()),
        "chance": 1 / classes,
    }


def verdict(result, base):
    """One plain sentence: is the model better than a constant answer?"""
    majority, people = base["majority_class"], result["n_test_subjects"]
    if result["ci95"] is None:
        return (
            f"NOT shown to be better than the majority class ({majority:.3f}): "
            f"{people} test subjects are too few for an interval."
        )
    low, high = result["ci95"]
    answer = "Above" if low > majority else "NOT shown to be better than"
    return (
        f"{answer} the majority class ({majority:.3f}): 95 % interval {low:.3f} to "
        f"{high:.3f}, resampling the {people} test subjects."
    )
