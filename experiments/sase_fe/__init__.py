"""The study of videos: its options, measures and search space."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from datasets.about import OWN, PEDFE, SASE_FE
from datasets.sase_fe_names import EMOTIONS
from experiments.harness import options
from experiments.harness.metrics import Spec
from experiments.harness.options import AboveZero, BelowOne, Positive, Whole
from experiments.harness.study import Search

DATASETS = {about.folder: about for about in (SASE_FE, PEDFE, OWN)}
KNOWN = (*EMOTIONS, "fear", "any")  # any: of clips whose emotion is not known
SPEC = Spec(
    classes=("fake", "genuine"),
    decides=("roc_auc", "balanced_accuracy"),
    group="emotion",
    pairs=True,
    unit="videos",
)


@dataclass
class Settings(options.Settings):
    """The settings of the study.

    Attributes:
        dataset: what it is trained and tested on: SASE-FE; PEDFE's clips; own, any
            folder of clips, which --data-dir names
        protocol: `holdout`: a fifth of the people are tested; `folds`: everybody is, in
            folds of people; `challenge`: trained on the training part, tested on the
            flat parts; `image`: a fifth of the clips, of the same people (default:
            holdout on SASE-FE, elsewhere folds)
        validate: measure on the validation people of the hold-out, for choosing
            settings
        emotions: each of which has a network of its own
        epochs: of each network
        batch_size: tracks between updates; 1 is online as in the paper
        learning_rate: of the weights
        pb_rate: of the PB vectors, in learning and recognition
        momentum: of the weights
        steps: how often a PB vector moves in recognition
        copies: jittered copies of a training video; 0: itself
        test_copies: of a test video, their decisions averaged
        units: width of the hidden layer and the Grid LSTM
        depth: blocks of the Grid LSTM
        cuts: also measure the first third, the middle half and one random second (30
            frames) of the tested videos
        control: permuted: train with the labels permuted within people, from which
            nothing can be learned
        context: where the next context comes from: the hidden layer as in the paper, or
            the Grid LSTM alone as in the authors' code
    """

    dataset: Literal["sase_fe", "pedfe", "own"] = "sase_fe"
    protocol: Literal["holdout", "folds", "challenge", "image"] | None = None
    validate: bool = False
    emotions: tuple[Literal[KNOWN], ...] = KNOWN
    epochs: Positive = 100
    batch_size: Positive = 1
    learning_rate: AboveZero = 0.01
    pb_rate: AboveZero = 0.9
    momentum: BelowOne = 0.9
    steps: Positive = 50
    copies: Whole = 10
    test_copies: Whole = 100
    units: Positive = 512
    depth: Positive = 4
    cuts: bool = False
    control: Literal["none", "permuted"] = "none"
    context: Literal["hidden", "grid"] = "hidden"

    def __post_init__(self):
        self.emotions = tuple(name for name in KNOWN if name in self.emotions)
        protocols = DATASETS[self.dataset].protocols
        if self.protocol is None:
            self.protocol = "holdout" if self.dataset == "sase_fe" else "folds"
        if self.protocol not in protocols:
            raise ValueError(
                f"--protocol: expected {', '.join(protocols)} with --dataset "
                f"{self.dataset}. Received: {self.protocol}."
            )
        if self.validate and self.protocol != "holdout":
            raise ValueError(
                "--validate: expected --protocol holdout, as the others have no "
                f"validation people. Received: --protocol {self.protocol}."
            )


def spec(settings: Settings) -> Spec:
    """Return how answers are measured: as pairs, too, where people have two videos."""
    return dataclasses.replace(SPEC, pairs=settings.dataset == "sase_fe")


def work(run):
    """Learn every emotion in every round, and answer the tested videos."""
    from experiments.sase_fe import study

    return study.work(run)


def space():
    """Return the search space, around the single values that the paper has."""
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
