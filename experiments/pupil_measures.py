"""Measures of the studies on observers' pupils, with intervals."""

import time

import numpy as np

from experiments import evaluation
from experiments.within_rounds import intervals, within_rounds


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
        **intervals(table, probability, ("observer", "video")),
        "n_test_videos": table["video"].nunique(),
        "n_test": len(table),
        "n_genuine_answers": int((probability > 0.5).sum()),
    }


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
