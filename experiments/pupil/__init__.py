"""The studies on observers' pupils: their options, measures and search space."""

from dataclasses import dataclass
from typing import Annotated, Literal

from datasets.about import PUPIL
from experiments import papers
from experiments.harness import options
from experiments.harness.metrics import Spec
from experiments.harness.options import AboveZero, BelowOne, Positive, Range
from experiments.harness.study import Search

SPEC = Spec(
    classes=("posed", "genuine"),
    decides=("roc_auc", "balanced_accuracy"),
    group="round",
    resample=("subject", "video"),
    unit="series",
    people="observers",
)


@dataclass
class Settings(options.Settings):
    """Settings that the studies on pupils have in common.

    Attributes:
        protocol: what is left out for the test: videos, observers, or both; or the
            paper's split, which leaves out neither
    """

    protocol: Literal[tuple(PUPIL.protocols)] = "video"


EPOCHS = {"gong": 50, "dlops": 10}


@dataclass
class NetworkSettings(Settings):
    """The settings of the network, and of its pruning.

    Attributes:
        validate: measure by folds of observers inside the training part of the
            protocol's first round, for choosing settings; the test part stays unseen
        preset: the epochs: the paper's 50, or the 10 of its re-implementation
        epochs: of each training (default: the preset's)
        learning_rate: of SGD
        batch_size: series per training step
        dropout: share dropped behind each hidden layer
        diameters: filled from before and padded with zeros as in the paper; or
            standardised in each series, with a mask of what was measured
        four_patterns: the paper's, as we read it: train on four groups of the training
            part, one after the other, all epochs each, and prune by the groups' mean
            series
        low: degrees: below this angle two hidden units do the same work (those that
            hardly change from series to series are pruned anyway)
        high: degrees: above this angle two hidden units do the opposite
        merge: add a pruned unit's weights to those of the unit that does the same (or
            subtract them); scale them by its activation; or remove both of two opposite
            units
    """

    validate: bool = False
    preset: Literal["gong", "dlops"] = "gong"
    epochs: Positive | None = None
    learning_rate: AboveZero = 1e-3
    batch_size: Positive = 5
    dropout: BelowOne = 0.5
    diameters: Literal["paper", "standardised"] = "paper"
    four_patterns: bool = False
    low: Annotated[float, Range(0, 90)] = 15.0
    high: Annotated[float, Range(90, 180)] = 165.0
    merge: Literal["add", "scale", "remove"] = "add"

    def __post_init__(self):
        self.epochs = self.epochs or EPOCHS[self.preset]


def work_lstm(run):
    from experiments.pupil import network, study

    return study.work(run, network.PrunedNetwork)


def work_course(run):
    from experiments.pupil import course, study

    return study.work(run, course.Course)


def space():
    """Return ranges around the paper's values; answers count as before pruning."""
    from optuna import distributions as kinds

    return {
        "learning_rate": kinds.FloatDistribution(1e-4, 1e-1, log=True),
        "epochs": kinds.IntDistribution(5, 100, log=True),
        "batch_size": kinds.CategoricalDistribution([5, 10, 20]),
        "dropout": kinds.FloatDistribution(0.0, 0.8, step=0.1),
        "diameters": kinds.CategoricalDistribution(["paper", "standardised"]),
        "four_patterns": kinds.CategoricalDistribution([True, False]),
    }


SEARCH = Search(
    space,
    "Validated by folds of observers inside the training part of the protocol's first "
    "round, whose test part was put aside: nobody who is validated was trained on.",
    "Only the first round's test part is new: those of other rounds (predictions.csv, "
    "column group) hold series that were trained on or validated here.",
    {"validate": True},
)

# What the two recipes declare alike.
COMMON = {
    "dataset": PUPIL,
    "paper": papers.GONG,
    "reported": papers.PUPIL,
    "spec": SPEC,
    "paper_protocol": "paper",
}
