"""Measures of the studies on observers' pupils, with intervals.

The ROC AUC compares series of the same round only: each round has a model of its own,
and one whose answers are all a little higher says nothing about its series.
"""

import time

import numpy as np
import pandas as pd

from experiments import evaluation

RESAMPLES = 2000


def measure(table, column):
    """Measures of one model's answers, with 95 % intervals.

    Args:
        table: a row a tested series: `label`, `round`, `observer`, `video`.
        column: its column of probabilities.

    Returns:
        Dict as of `evaluation.evaluate`, with the intervals of `intervals` as
        `ci95`, `balanced_accuracy_ci95` and `roc_auc_ci95`, and counts.
    """
    probability = table[column].to_numpy(np.float64)
    both = np.stack([1 - probability, probability], axis=1)
    result = evaluation.evaluate(table["label"], both, table["observer"])
    result.pop("ci95")
    return {
        **result,
        "roc_auc": roc_auc(table, probability),
        **intervals(table, probability),
        "n_test_videos": table["video"].nunique(),
        "n_test": len(table),
        "n_genuine_answers": int((probability > 0.5).sum()),
    }


def intervals(table, probability, seed=0):
    """95 % intervals that allow for other observers and for other videos.

    Series of one observer are alike, and so are those of one video. Both are drawn
    anew, independently, and a series counts as often as its observer times its video
    (Owen 2007, the pigeonhole bootstrap; percentiles).
    """
    truth = table["label"].to_numpy() == 1
    rng = np.random.default_rng(seed)
    weights = np.ones((RESAMPLES, len(table)))
    for column in ("observer", "video"):
        place, names = pd.factorize(table[column])
        equal = np.full(len(names), 1 / len(names))
        weights *= rng.multinomial(len(names), equal, RESAMPLES)[:, place]
    right = (probability > 0.5) == truth
    yes, no = weights[:, truth], weights[:, ~truth]
    above, compared = pairs(table, probability)
    with np.errstate(invalid="ignore"):  # a draw may lack a label: NaN, left out
        recalls = [
            side @ right[part] / side.sum(axis=1)
            for side, part in ((yes, truth), (no, ~truth))
        ]
        found = {
            "ci95": weights @ right / weights.sum(axis=1),
            "balanced_accuracy_ci95": np.mean(recalls, axis=0),
            "roc_auc_ci95": ((yes @ above) * no).sum(axis=1)
            / ((yes @ compared) * no).sum(axis=1),
        }
    return {
        name: [float(v) for v in np.nanpercentile(values, [2.5, 97.5])]
        for name, values in found.items()
        if np.isfinite(values).any()
    }


def roc_auc(table, probability):
    above, compared = pairs(table, probability)
    return float(above.sum() / compared.sum()) if compared.any() else None


def pairs(table, probability):
    """Of every genuine series with every posed one of its round: is it above?

    Returns:
        `(above, compared)`, `(genuine, posed)` each: 1 where the genuine series has the
        higher probability, 0.5 where they are equal; 1 where the round is the same.
    """
    truth = table["label"].to_numpy() == 1
    place = pd.factorize(table["round"])[0]
    compared = (place[truth][:, None] == place[~truth]).astype(float)
    difference = probability[truth][:, None] - probability[~truth]
    return compared * ((difference > 0) + 0.5 * (difference == 0)), compared


def both_eyes(table, columns):
    """A row a viewing: the mean probability of its two eyes."""
    viewing = ["round", "observer", "video", "label"]
    return table.groupby(viewing, sort=False)[columns].mean().reset_index()


def latency(models, diameters, repeats=20):
    """Milliseconds for one raw series, median; the models in turn."""
    import tensorflow as tf

    series = tf.constant(diameters[:1])
    calls = {
        name: tf.function(lambda x, model=model: model(x, training=False))
        for name, model in models.items()
    }
    times = {name: [] for name in calls}
    for call in calls.values():
        call(series)
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call(series).numpy()
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: float(np.median(values)) for name, values in times.items()}


def verdict(results, people):
    """One plain sentence: does anything here beat chance?

    Args:
        results: measures by what they are of.
        people: what was resampled, in words.
    """
    told, above = [], []
    for name, result in results.items():
        if result["roc_auc"] is None:
            continue
        low, high = result["roc_auc_ci95"]
        told.append(f"{name} {result['roc_auc']:.3f} ({low:.3f} to {high:.3f})")
        if low > 0.5 and result["balanced_accuracy_ci95"][0] > 0.5:
            above.append(name)
    if above:
        answer = f"Above chance, by ROC AUC and balanced accuracy: {', '.join(above)}."
    else:
        answer = "Nothing here is shown to beat chance."
    return f"{answer} ROC AUC with 95 % interval, {people}: {'; '.join(told)}."
