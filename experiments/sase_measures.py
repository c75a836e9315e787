"""Measures of the parametric-bias study: videos on their own, and in pairs.

On their own is the question that a user has. In pairs is what the authors did at the
test: of the two videos of one person and emotion the more genuine one is called genuine
and the other fake. That is easier, so the two are never mixed.
"""

import numpy as np
import pandas as pd

from experiments import evaluation
from experiments.within_rounds import intervals, within_rounds


def measure(table, column):
    """Measures of one head's answers, with 95 % intervals that resample people.

    ROC AUC and balanced accuracy compare videos of the same round and emotion only:
    each has a network of its own.

    Args:
        table: a row a tested video: `round`, `emotion`, `subject`, `label`.
        column: its column of probabilities.

    Returns:
        Dict as of `evaluation.evaluate`, with the intervals of
        `within_rounds.intervals`, `paired_accuracy`, `paired_ci95` and `n_pairs`.
    """
    probability = table[column].to_numpy(np.float64)
    both = np.stack([1 - probability, probability], axis=1)
    result = evaluation.evaluate(table["label"], both, table["subject"])
    models = table.assign(round=table["round"] + " " + table["emotion"])
    result |= within_rounds(models, probability)
    if result["n_test_subjects"] >= evaluation.LEAST_SUBJECTS:
        result |= intervals(models, probability, ["subject"])
    return result | paired(table, column) | {"n_test": len(table)}


def paired(table, column):
    """How many pairs are in the right order; equal probabilities count half."""
    found = pairs(table)
    if found.empty:
        return {"paired_accuracy": None, "paired_ci95": None, "n_pairs": 0}
    probability = table[column].to_numpy()
    difference = probability[found["genuine"]] - probability[found["posed"]]
    right = (difference > 0) + 0.5 * (difference == 0)
    return {
        "paired_accuracy": float(right.mean()),
        "paired_ci95": evaluation.interval(right, found["subject"]),
        "n_pairs": len(found),
    }


def pairs(table):
    """The videos that belong together: one genuine, one fake, of one person.

    Args:
        table: a row a tested video: `round`, `emotion`, `subject`, `label`.

    Returns:
        Frame with a row a pair: `subject`, and `genuine` and `posed`, positions in the
        table. Videos whose person is unknown, or who has several of a kind, have none.
    """
    known = table.reset_index(drop=True)
    known = known[~known["subject"].str.endswith(":unknown")]
    rows = [
        [subject, *part.sort_values("label", ascending=False).index]
        for (_, _, subject), part in known.groupby(["round", "emotion", "subject"])
        if sorted(part["label"]) == [0, 1]
    ]
    return pd.DataFrame(rows, columns=["subject", "genuine", "posed"])


def verdict(result, name):
    """One plain sentence: is the study's head better than chance?"""
    people = result["n_test_subjects"]
    if "roc_auc_ci95" not in result:
        return (
            f"NOT shown to beat chance: {people} test subjects are too few for an "
            "interval."
        )
    above = min(result["roc_auc_ci95"][0], result["balanced_accuracy_ci95"][0]) > 0.5
    answer = "Above chance" if above else "NOT shown to beat chance"
    told = []
    for key, what in (("roc_auc", "ROC AUC"), ("balanced_accuracy", "accuracy")):
        low, high = result[f"{key}_ci95"]
        told.append(f"{what} {result[key]:.3f} ({low:.3f} to {high:.3f})")
    told = " and ".join(told).replace("and accuracy", "and balanced accuracy")
    return f"{answer}: {name}, {told}, resampling the {people} test subjects."
