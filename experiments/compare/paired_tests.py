"""Paired tests between models that were tested on the same samples."""

import numpy as np
import pandas as pd

from experiments.harness import intervals


def compare_accuracy(
    first: pd.DataFrame, second: pd.DataFrame, columns: tuple[str, ...]
) -> dict | None:
    """Compare the accuracy of two models on the same samples.

    If the models are equally good, it does not matter which of the two gave a person's
    answers: those of whole people are swapped (permutation test, two-sided). Where all
    saw the same videos, answers to one video are alike too: those to whole videos are
    swapped as well, and the larger of the two p-values counts.

    Args:
        first: one row per sample and seed, as in predictions.csv.
        second: the same of the other model, in any order.
        columns: what the interval resamples and the test swaps.

    Returns:
        Dict of `difference` (first minus second); where there are people enough also
        `ci95`, `p` and `least` (the smallest p-value that is possible). `None` where
        they were tested on different samples.
    """
    first, second = _share_right(first), _share_right(second)
    keys = list(first.columns.drop("right"))
    if not first[keys].equals(second[keys]):
        return None
    gained = (first["right"] - second["right"]).to_numpy()
    result = {"difference": float(gained.mean())}
    if not columns or first["subject"].nunique() < intervals.LEAST_SUBJECTS:
        return result
    weights = intervals.drawn_weights(first, columns)
    units = (pd.factorize(first[column])[0] for column in columns)
    gains = [np.bincount(unit, weights=gained).round(9) for unit in units]
    differ = min(np.count_nonzero(gain) for gain in gains)
    return {
        **result,
        "ci95": intervals.percentiles(weights @ gained / weights.sum(axis=1)),
        "p": max(map(swap_test, gains)),
        "least": 2.0 ** (1 - differ) if differ else 0,
    }


def _share_right(table):
    """Return for each sample in which share of the seeds it was answered rightly."""
    keys = ["sample", "subject", "truth", *(["video"] if "video" in table else [])]
    right = (table["truth"] == table["answer"]).groupby([table[key] for key in keys])
    return right.mean().rename("right").reset_index()


def swap_test(gained: np.ndarray) -> float:
    """Return the two-sided p-value of a sum of gains, under swaps of whole units.

    Args:
        gained: right answers of the first model minus those of the second, by unit.
    """
    gained = gained[gained != 0]  # swapping the others changes nothing
    if len(gained) < 2:
        return 1.0
    from scipy import stats

    result = stats.permutation_test(
        (gained, np.zeros_like(gained)),
        lambda a, b, axis: (a - b).sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=9999,  # all 2^13 ways of 13 people are fewer: each is tried
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)


def holm(values: list[float]) -> list[float]:
    """Return Holm's correction of several p-values, in their order."""
    values = np.asarray(values, float)
    order = np.argsort(values, kind="stable")
    adjusted = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    return np.minimum(adjusted, 1)[np.argsort(order)].tolist()
