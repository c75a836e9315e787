"""Runs on grammatical expressions: measures by seed, and what two runs differ in.

Every expression has a model of its own, and each of several seeds is a repetition.
"""

import numpy as np
import pandas as pd
from sklearn import metrics

from experiments.evaluation import LEAST_SUBJECTS


def means(table):
    """The means over the expressions, as `gfe_report.measure` has them.

    Args:
        table: of a `Model`.

    Returns:
        A row a seed.
    """
    rows = []
    keys = ["seed", "expression", "part"]
    for (seed, expression, _), part in table.groupby(keys, sort=False):
        truth, answer = part["truth"].to_numpy(), part["answer"].to_numpy()
        counts = np.bincount(2 * truth + answer, minlength=4).reshape(2, 2)
        known = counts.sum(axis=1) > 0
        recall = np.diag(counts)[known] / counts.sum(axis=1)[known]
        named = counts[1, 1] * 2 + counts[0, 1] + counts[1, 0]
        area = metrics.roc_auc_score(truth, part["score"]) if known.all() else np.nan
        share = truth.mean()
        one = {
            "accuracy": np.diag(counts).sum() / counts.sum(),
            "balanced_accuracy": recall.mean(),
            "f1": 2 * counts[1, 1] / named if named else 0.0,
            "roc_auc": area,
            "always_f1": 2 * share / (1 + share),
            "majority_class": max(share, 1 - share),
        }
        rows.append({"seed": seed, "expression": expression, **one})
    found = pd.DataFrame(rows).groupby(["seed", "expression"], sort=False).mean()
    return found.groupby(level="seed").mean()


def paired(first, second):
    """What two runs differ in on the same frames.

    Compared are the means over the seeds that both runs have; where they have none in
    common, but tested the same frames, the means over the seeds of each.

    Args:
        first: table of a `Model`.
        second: that of another one.

    Returns:
        Dict as of `compare.measures.paired`, with `f1`, the difference of the mean F1,
        and `seeds`, what was compared, in words.
    """
    result = dict.fromkeys(("difference", "ci95", "p", "subjects", "differ", "f1"))
    common = sorted(set(first["seed"]) & set(second["seed"]))
    if common:
        first, second = (one[one["seed"].isin(common)] for one in (first, second))
        seeds = _seeds(common)
    else:
        seeds = " against ".join(
            _seeds(sorted(set(t["seed"]))) for t in (first, second)
        )
    if not _same_frames(first, second, bool(common)):
        return {**result, "why": "tested on different samples", "seeds": ""}
    one, other = means(first).mean(), means(second).mean()
    people = first["subject"].nunique()
    few = people < LEAST_SUBJECTS
    return {
        **result,
        "difference": float(one["accuracy"] - other["accuracy"]),
        "f1": float(one["f1"] - other["f1"]),
        "subjects": people,
        "why": f"too few subjects ({people})" if few else "means are not tested",
        "seeds": seeds,
    }


def _seeds(numbers):
    return f"seed{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"


def _same_frames(first, second, by_seed):
    keys = ["sample", "truth"] + ["seed"] * by_seed
    told = [
        set(table[keys].itertuples(index=False, name=None)) for table in (first, second)
    ]
    return told[0] == told[1]
