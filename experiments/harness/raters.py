"""Answers of people who rated the same samples, beside the models."""

import numpy as np
import pandas as pd

from experiments.harness import intervals
from experiments.harness.metrics import Spec, predictions_table

COLUMNS = ["said_genuine", "genuineness"]  # share of raters; mean rating, -10 to 10


def answers(spec: Spec, tested: pd.DataFrame, seed: int) -> list[pd.DataFrame]:
    """Return the answers of most raters, and of their mean rating.

    Args:
        spec: of two classes.
        tested: rows of `sample`, `subject`, `label` (1 genuine) and `COLUMNS`; without
            the last there are no answers.
        seed: of the run.
    """
    if not set(COLUMNS) <= set(tested):
        return []
    label, share = tested["label"], tested["said_genuine"].to_numpy()
    # A tie is nobody's majority: it counts as wrong.
    share = np.where(share == 0.5, np.where(label == 1, 0.499, 0.501), share)
    rating = 0.5 + tested["genuineness"].to_numpy() / 20
    given = {"people: most raters": share, "people: mean rating": rating}
    who = {"sample": tested["sample"], "subject": tested["subject"], "seed": seed}
    return [predictions_table(spec, n, label, p, **who) for n, p in given.items()]


def one_rater(tested: pd.DataFrame) -> dict:
    """Return how often a single rater is right, with its interval by person.

    Args:
        tested: see `answers`.

    Returns:
        What `Result.more` takes; empty where there are no raters.
    """
    if not set(COLUMNS) <= set(tested):
        return {}
    share = tested["said_genuine"]
    right = share.where(tested["label"] == 1, 1 - share).to_numpy()
    weights = intervals.drawn_weights(tested, ("subject",))
    ends = intervals.percentiles(weights @ right / weights.sum(axis=1))
    return {"people": {"people: one rater": {"accuracy": right.mean(), "ci95": ends}}}
