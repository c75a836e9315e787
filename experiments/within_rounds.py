"""Measures of studies in several rounds, each of which has a model of its own.

ROC AUC and balanced accuracy compare samples of the same round only: a model whose
answers are all a little higher than another's says nothing about its samples. A model
with a constant answer in every round then has 0.5 in both.
"""

import numpy as np
import pandas as pd

from experiments.evaluation import RESAMPLES


def intervals(table, probability, factors, seed=0):
    """95 % intervals that allow for other people, or other videos.

    Samples of one person are alike, and so are those of one video. Each of these
    factors is drawn anew, independently, and a sample counts as often as the product of
    its own draws (Owen 2007, the pigeonhole bootstrap; percentiles).

    Args:
        table: a row a sample: `label`, `round`, and the factors.
        probability: of genuine, `(n,)`.
        factors: names of the columns to resample.
        seed: of the resampling.

    Returns:
        Dict of `ci95` (of the accuracy), `balanced_accuracy_ci95` and `roc_auc_ci95`
        to `[low, high]`; without those that are not defined.
    """
    truth = table["label"].to_numpy() == 1
    rng = np.random.default_rng(seed)
    weights = np.ones((RESAMPLES, len(table)))
    for column in factors:
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
    """What every pair of a genuine and a posed sample adds to a measure.

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
