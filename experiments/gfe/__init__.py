"""Grammatical facial expressions: what the three studies declare in common.

Xu, "Implement Long Short-Term Memory Recurrent Neural Network on Grammatical Facial
Expression Recognition", The Australian National University.
"""

from dataclasses import dataclass
from typing import Literal

from datasets import about
from experiments import papers
from experiments.harness import options
from experiments.harness.metrics import Spec
from experiments.harness.options import AboveZero, Positive
from experiments.harness.study import Search

SPEC = Spec(
    classes=("not occurring", "occurring"),
    decides=("f1",),
    group="expression",
    mean=True,
    resample=(),  # two signers
    unit="frames",
    people="signers",
)


@dataclass
class Settings(options.Settings):
    """Settings that decide the result, beside the data.

    Attributes:
        protocol: who is tested: a shuffled fifth of all frames, as in the paper's code;
            the last fifth of each recording (holdout); or the other signer, both ways
            (signer)
        validate: measure inside the training part, without the test part's labels, to
            choose settings
        validate_by: validate on five blocks of time, or on one of the signers and then
            the other, with --protocol holdout only, whose test part is put aside before
        seeds: repetitions, from --seed on, for mean and spread
        learning_rate: of Adam
        epochs: of each training
        batch_size: frames, or stretches of 61 frames, per training step
        head: what decides: the network's own classifier, or an SVM or XGBoost on
            features
        features: of an SVM or XGBoost: the network's, or distances, angles and depths
            (default: learned, in gfe_sequence geometric)
    """

    protocol: Literal[tuple(about.GFE.protocols)] = "signer"
    validate: bool = False
    validate_by: Literal["time", "signer"] = "time"
    seeds: Positive = 3
    learning_rate: AboveZero = 0.0099
    epochs: Positive = 30
    batch_size: Positive = 64
    head: Literal["softmax", "svm", "xgboost"] = "softmax"
    features: Literal["learned", "geometric"] | None = None

    # Options of one study each.
    z_score = "train"
    people = "known"
    prune = False

    def __post_init__(self):
        by_signer = self.validate and self.validate_by == "signer"
        if by_signer and self.protocol != "holdout":
            raise ValueError(
                "--validate-by signer: expected --protocol holdout, as others would "
                f"show it tested frames. Received: {self.protocol}."
            )
        if self.features is None or self.head == "softmax":
            self.features = "learned"


@dataclass
class FrameSettings(Settings):
    """Settings of a network on single frames, beside the data.

    Attributes:
        z_score: mean and spread of the training part, or, as in the paper, of whole
            recordings, the test part's frames included
    """

    z_score: Literal["train", "recording"] = "train"


def work(run):
    from experiments.gfe import study

    return study.work(run)


def download(folder):
    from datasets import gfe_download

    return gfe_download.download(folder)


# What the three recipes declare alike.
COMMON = {"dataset": about.GFE, "paper": papers.XU, "spec": SPEC, "work": work}
COMMON |= {"download": download, "paper_protocol": "shuffled", "parts": None}
COMMON |= {"sample": {"seeds": 1}}


def frame_space() -> dict:
    """Return the ranges that the paper tried, by setting (Xu, Table 2).

    Of the epochs, 5 to 1500 with 30 as the best, only those up to 150; hidden neurons
    (15 to 200) and the optimiser are no options here. Its batch size is not known.
    """
    return space((0.0005, 0.03), (5, 150), [16, 32, 64, 128, 256])


def sequence_space() -> dict:
    """Return ranges around the study's own values: the paper has no such network."""
    return space((0.0002, 0.02), (10, 120), [8, 16, 32], people=["known", "new"])


def space(rates, epochs, sizes, **choices) -> dict:
    from optuna import distributions as kinds

    choices = {"batch_size": sizes, **choices}
    return {
        "learning_rate": kinds.FloatDistribution(*rates, log=True),
        "epochs": kinds.IntDistribution(*epochs, log=True),
        **{k: kinds.CategoricalDistribution(v) for k, v in choices.items()},
    }


HELD_OUT = (
    "Within the first 80 % of each recording each trial trains on one of the two "
    "signers and is validated on the other, both ways. The last 20 %, the test part of "
    "protocol holdout, were put aside before; only a depth that was not measured was "
    "bridged with the next one, if need be there."
)
TESTED = (
    "It is of the same two signers, later in their recordings. Each was validated on, "
    "so that the test part of protocol signer is not new any more."
)
FIXED = {"protocol": "holdout", "validate": True, "validate_by": "signer"}
SEARCH_FRAMES = Search(frame_space, HELD_OUT, TESTED, FIXED)
# The boosted trees that decide by default have no options to search.
SEARCH_SEQUENCE = Search(sequence_space, HELD_OUT, TESTED, {**FIXED, "head": "softmax"})
