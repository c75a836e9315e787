"""The study on SASE-FE: its options, measures and search space."""

from dataclasses import dataclass
from typing import Literal

from datasets.about import SASE_FE
from datasets.sase_fe_names import EMOTIONS
from experiments.harness import options
from experiments.harness.metrics import Spec
from experiments.harness.study import Search

SPEC = Spec(
    classes=("fake", "genuine"),
    decides=("roc_auc", "balanced_accuracy"),
    group="emotion",
    pairs=True,
    unit="videos",
)


@dataclass
class Settings(options.Settings):
    """Which videos are learned, and which are tested."""

    protocol: Literal[tuple(SASE_FE.protocols)] = "holdout"
    """`holdout`: a fifth of the people are tested; `folds`: five folds by subject,
    everybody is tested once; `challenge`: trained on the training part, tested on the
    flat parts with labels"""
    validate: bool = False
    """measure the validation people, and do not train on them, instead of the test
    part: for choosing settings; with --protocol holdout"""
    emotions: tuple[Literal[EMOTIONS], ...] = EMOTIONS
    """each of which has a network of its own"""

    def __post_init__(self):
        self.emotions = tuple(name for name in EMOTIONS if name in self.emotions)
        if self.validate and self.protocol != "holdout":
            raise ValueError(
                "--validate: expected --protocol holdout, as the others have no "
                f"validation people. Received: --protocol {self.protocol}."
            )


def work(run):
    """Learn every emotion in every round, and answer the tested videos."""
    from experiments.sase_fe import study

    return study.work(run)


def space():
    """Return the search space, around the single values that the paper has.

    Rates 0.01 for the weights and 0.9 for the PB vectors, online; the authors' code
    has a momentum of 0.9 and takes the context from the grid alone. How often a PB
    vector moves in recognition is not known.
    """
    from optuna import distributions

    return {
        "learning_rate": distributions.FloatDistribution(0.001, 0.1, log=True),
        "pb_rate": distributions.FloatDistribution(0.09, 3.0, log=True),
        "batch_size": distributions.CategoricalDistribution([1, 4, 8, 16]),
        "momentum": distributions.FloatDistribution(0.0, 0.9, step=0.1),
        "steps": distributions.IntDistribution(10, 200, log=True),
        "context": distributions.CategoricalDistribution(["hidden", "grid"]),
    }


SEARCH = Search(
    space,
    "Validated on the validation people of the hold-out by subject; the study itself "
    "trains on them too. Videos of the test people were not read.",
    "Its people are new to all that was chosen here; the study trains on the "
    "validation people as well.",
    {"validate": True},
)
