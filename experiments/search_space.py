"""What a study declares for `experiments.search`, and distributions in few words."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Validation:
    """How a study measures a setting without its test part: its `Study.trial`.

    Attributes:
        read: function that reads the data of a `common.Run`, once, and returns the
            function that measures: of a `common.Run` with the settings of a trial and
            of `report`, which it calls with the validation cross-entropy that it has so
            far, after each epoch, or after each part and with the number of them. That
            returns a dict of at least `loss`, the cross-entropy in nats of
            probabilities that sum to 1, `balanced_accuracy` and `roc_auc`: to the last
            digit what the study with `--validate` tells.
        held_out: who is validated, and which test part stays unseen, in words.
        tested: what is to be known of the test that follows.
        fixed: settings of every trial that are not the study's defaults.
    """

    read: Callable
    held_out: str
    tested: str
    fixed: dict = field(default_factory=dict)


def log(low, high):
    """A number between, as likely in one decade as in another."""
    import optuna

    kind = optuna.distributions
    if isinstance(low, int):
        return kind.IntDistribution(low, high, log=True)
    return kind.FloatDistribution(low, high, log=True)


def even(low, high, step=None):
    """A number between, in steps."""
    import optuna

    return optuna.distributions.FloatDistribution(low, high, step=step)


def one_of(*values):
    """One of several values."""
    import optuna

    return optuna.distributions.CategoricalDistribution(values)


def onoff():
    return one_of(True, False)


def told(distribution):
    """A distribution, for people."""
    if hasattr(distribution, "choices"):
        return ", ".join(map(shown, distribution.choices))
    text = f"{distribution.low:g} to {distribution.high:g}"
    if distribution.log:
        return f"{text}, by orders of magnitude"
    return f"{text} by {distribution.step:g}" if distribution.step else text


def shown(value):
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def loss(table):
    """Cross-entropy in nats of a table with `label` and `probability` of label 1."""
    probability = table["probability"].to_numpy(np.float64)
    right = np.where(table["label"] == 1, probability, 1 - probability)
    return float(-np.mean(np.log(np.maximum(right, 1e-7))))


def in_order(found):
    """Pairs of a place and a result, by place, whichever comes first.

    The trials of a search are compared after the same parts.
    """
    early, following = {}, 0
    for place, result in found:
        early[place] = result
        while following in early:
            yield following, early.pop(following)
            following += 1
