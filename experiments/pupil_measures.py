"""Measures of the studies on observers' pupils, with intervals.

ROC AUC and balanced accuracy compare series of the same round only: each round has a
model of its own, and one whose answers are all a little higher says nothing about its
series. A model with a constant answer in every round then has 0.5 in both.
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
        **within_rounds(table, probability),
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
    compared, wins = pairs(table, probability)
    with np.errstate(invalid="ignore"):  # a draw may lack a label: NaN, left out
        counts = ((yes @ compared) * no).sum(axis=1)
        found = {
            f"{name}_ci95": ((yes @ won) * no).sum(axis=1) / counts
            for name, won in wins.items()
        }
        found["ci95"] = weights @ right / weights.sum(axis=1)
    return {
        name: [float(v) for v in np.nanpercentile(values, [2.5, 97.5])]
        for name, values in found.items()
        if np.isfinite(values).any()
    }


def within_rounds(table, probability):
    """ROC AUC and balanced accuracy; `None` where no round has both labels."""
    compared, wins = pairs(table, probability)
    if not compared.any():
        return dict.fromkeys(wins)
    return {name: float(won.sum() / compared.sum()) for name, won in wins.items()}


def pairs(table, probability):
    """What every pair of a genuine and a posed series adds to a measure.

    Returns:
        `(compared, wins)`: 1 where the two are of the same round, `(genuine, posed)`;
        and by measure what of it is won: for `roc_auc` where the genuine one has the
        higher probability (half of it where they are equal), for `balanced_accuracy`
        half of it for each that is answered rightly.
    """
    truth = table["label"].to_numpy() == 1
    place = pd.factorize(table["round"])[0]
    compared = (place[truth][:, None] == place[~truth]).astype(float)
    difference = probability[truth][:, None] - probability[~truth]
    above = (difference > 0) + 0.5 * (difference == 0)
    right = (probability > 0.5) == truth
    rightly = (right[truth][:, None] + right[~truth].astype(float)) / 2
    wins = {"roc_auc": compared * above, "balanced_accuracy": compared * rightly}
    return compared, wins


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
