"""Intervals and paired tests of runs that are compared.

All of it resamples people, never pictures: those of one person are alike.
"""

import numpy as np
import pandas as pd
from scipy import stats

from experiments.evaluation import LEAST_SUBJECTS, RESAMPLES

# All 2^13 ways of swapping 13 people's answers are fewer, and are gone through.
SWAPS = 9999
MEASURES = ("accuracy", "balanced_accuracy", "f1", "roc_auc")


class Resampling:
    """Draws of people, and of videos where these differ too.

    Attributes:
        unit: what is drawn together, for each sample, `(n,)`.
        weights: how often each unit is drawn, `(RESAMPLES, units)`.
    """

    def __init__(self, table, factors=("subject",), seed=0):
        """Draws as `evaluation.interval` does, or by two factors independently.

        Args:
            table: a row a sample, with a column for each factor.
            factors: what is drawn.
            seed: of the draws.
        """
        rng = np.random.default_rng(seed)
        drawn = [_drawn(table[name], rng) for name in factors]
        if len(drawn) == 1:
            self.unit, self.weights = drawn[0]
            return
        # A sample counts as often as the product of its own draws (Owen 2007).
        self.unit = np.arange(len(table))
        self.weights = np.prod([draws[:, place] for place, draws in drawn], axis=0)

    def sums(self, values):
        """Weighted sums of a value of each sample, `(RESAMPLES,)`."""
        return self.weights @ self.totals(values)

    def totals(self, values):
        units = self.weights.shape[1]
        return np.bincount(self.unit, weights=values, minlength=units)


def _drawn(column, rng):
    _, place = np.unique(column.to_numpy(str), return_inverse=True)
    people = place.max() + 1
    drawn = rng.integers(people, size=(RESAMPLES, people))
    drawn += people * np.arange(RESAMPLES)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=RESAMPLES * people)
    return place, counts.reshape(RESAMPLES, people).astype(float)


def bounds(values):
    """The 95 % interval of resampled values; `None` where none is defined."""
    if not np.isfinite(values).any():
        return None
    return [float(v) for v in np.nanpercentile(values, [2.5, 97.5])]


def intervals(table, probabilities, resampling):
    """95 % intervals of measures of samples that one model has answered.

    Args:
        table: a row a sample: `truth` and `answer`, classes.
        probabilities: `(n, classes)`.
        resampling: a `Resampling` of the table.

    Returns:
        Dict of `MEASURES` to `[low, high]`, or `None`.
    """
    truth, answer = table["truth"].to_numpy(), table["answer"].to_numpy()
    classes = probabilities.shape[1]
    right = resampling.sums(truth == answer)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, f1, areas = [], [], []
        for one in range(classes):
            true, said = truth == one, answer == one
            hits = resampling.sums(true & said)
            count, answered = resampling.sums(true), resampling.sums(said)
            recall.append(hits / count)
            f1.append(2 * hits / (count + answered))
            if classes > 2 or one == 1:
                areas.append(_areas(resampling, true, probabilities[:, one]))
        # Without a genuine one and a genuine answer, F1 is 0, as in scikit-learn.
        f1 = np.nan_to_num(f1[1]) if classes == 2 else _mean(f1)
        values = {
            "accuracy": right / resampling.sums(np.ones(len(table))),
            "balanced_accuracy": _mean(recall),
            "f1": f1,
            "roc_auc": _mean(areas),
        }
    return {name: bounds(one) for name, one in values.items()}


def _mean(values):
    """The mean of those that are defined, `nan` where none is."""
    values = np.asarray(values)
    known = np.isfinite(values)
    return np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)


def _areas(resampling, positive, score):
    """Resampled areas under the ROC curve of one class, `(RESAMPLES,)`.

    A draw only decides how often two units meet: which of their pairs are in the right
    order is counted once.
    """
    unit, units = resampling.unit, resampling.weights.shape[1]
    _, rank = np.unique(score, return_inverse=True)
    others = np.zeros((rank.max() + 1, units))
    np.add.at(others, (rank[~positive], unit[~positive]), 1)
    below = np.cumsum(others, axis=0) - 0.5 * others
    won = np.zeros((units, units))
    np.add.at(won, unit[positive], below[rank[positive]])
    pairs = resampling.sums(positive) * resampling.sums(~positive)
    weights = resampling.weights
    return ((weights @ won) * weights).sum(axis=1) / pairs


def aligned(first, second):
    """The second table in the order of the first; `None` where samples differ."""
    if len(first) != len(second):
        return None
    names = pd.Index(second["sample"])
    if not names.is_unique or not pd.Index(first["sample"]).is_unique:
        return None
    rows = names.get_indexer(first["sample"])
    if (rows < 0).any():
        return None
    second = second.iloc[rows].reset_index(drop=True)
    same = (first[["subject", "truth"]].to_numpy() == second[["subject", "truth"]]).all(
        axis=None
    )
    return second if same else None


def paired(first, second, factors=("subject",)):
    """Compares the accuracy of two models on the same samples.

    The p-value is that of a permutation test: if the models are equally good, it does
    not matter which of the two gave a person's answers, so the answers of whole people
    are swapped (two-sided; all ways where they are few, 9,999 random ones otherwise).
    Where everybody saw the same videos, people's answers are no more independent of
    each other than those to one video are: then the answers to whole videos are swapped
    as well, and the larger of the two p-values counts.

    Args:
        first: a row a sample: `sample`, `subject`, `truth`, `answer`.
        second: the same of the other model, in any order.
        factors: columns of what the interval resamples and the test swaps.

    Returns:
        Dict of `difference` (first minus second), `ci95`, `p`, `subjects`, `differ`
        (those of whom one model has more answers right; of people and videos the fewer)
        and `why` there is no test; `None` where it does not apply.
    """
    other = aligned(first, second)
    result = dict.fromkeys(("difference", "ci95", "p", "subjects", "differ", "why"))
    if other is None:
        return result | {"why": "tested on different samples"}
    truth = first["truth"].to_numpy()
    right = first["answer"].to_numpy() == truth
    gained = right.astype(float) - (other["answer"].to_numpy() == truth)
    people = first["subject"].nunique()
    result |= {"difference": float(gained.mean()), "subjects": people}
    if people < LEAST_SUBJECTS:
        return result | {"why": f"too few subjects ({people})"}
    resampling = Resampling(first, factors)
    counts = resampling.sums(np.ones(len(first)))
    result["ci95"] = bounds(resampling.sums(gained) / counts)
    # Sorted, so that the order of the rows makes no difference.
    columns = (
        np.unique(first[name].to_numpy(str), return_inverse=True) for name in factors
    )
    gains = [np.bincount(unit, weights=gained) for _, unit in columns]
    result["differ"] = min(int(np.count_nonzero(one)) for one in gains)
    result["p"] = max(map(swap_test, gains))
    return result


def swap_test(gained):
    """Two-sided p-value of the sum of gains, under swaps of whole people, or videos.

    Args:
        gained: right answers of the first model minus those of the second, by person,
            or by video.
    """
    gained = gained[gained != 0]  # swapping the others changes nothing
    if len(gained) < 2:
        return 1.0
    done = stats.permutation_test(
        (gained, np.zeros_like(gained)),
        lambda a, b, axis: (a - b).sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=SWAPS,
        rng=np.random.default_rng(0),
    )
    return float(done.pvalue)


def holm(values):
    """Holm's correction of several p-values, in their order."""
    values = np.asarray(values, float)
    order = np.argsort(values, kind="stable")
    factors = len(values) - np.arange(len(values))
    adjusted = np.minimum(np.maximum.accumulate(values[order] * factors), 1)
    result = np.empty_like(adjusted)
    result[order] = adjusted
    return result.tolist()
