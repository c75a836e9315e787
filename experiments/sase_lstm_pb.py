"""Genuine or fake emotion: LSTM with parametric bias on facial landmarks.

Paper     Huynh and Kim 2017, "Discrimination between genuine versus fake emotion using
          long-short term memory with parametric bias and facial landmarks", ICCV
          workshops
Command   python -m experiments.sase_lstm_pb --protocol challenge
Expected  the paper reports an accuracy of 71 % on the validation part and 66.7 % on the
          test part, with the two videos of a person decided as a pair; nobody has run
          this study on SASE-FE here
Time      two minutes on 2 CPU cores for the sample. On SASE-FE hours for each emotion
          (the paper: five and a half on a GPU).

For each emotion: facial landmarks of every video, a network that predicts the next
frame, a PB vector for each copy of each video, and boosted trees on these vectors,
beside a support vector machine and a logistic regression. Six emotions are six
networks, trained in parallel. With --batch-size 1 the network learns online, as the
paper's does.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.sase_lstm_pb")

from dataclasses import dataclass
from typing import Literal

from datasets import about
from experiments import papers, sase_fe
from experiments.harness import study
from experiments.harness.options import AboveZero, BelowOne, Positive, Whole


@dataclass
class Settings(sase_fe.Settings):
    """The settings of the networks."""

    epochs: Positive = 100
    """of each network"""
    batch_size: Positive = 1
    """tracks between updates; 1 is online as in the paper"""
    learning_rate: AboveZero = 0.01
    """of the weights"""
    pb_rate: AboveZero = 0.9
    """of the PB vectors, in learning and recognition"""
    momentum: BelowOne = 0.9
    """of the weights"""
    steps: Positive = 50
    """how often a PB vector moves in recognition"""
    copies: Whole = 10
    """jittered copies of a training video; 0: itself"""
    test_copies: Whole = 100
    """of a test video, their decisions averaged"""
    units: Positive = 512
    """width of the hidden layer and the Grid LSTM"""
    depth: Positive = 4
    """blocks of the Grid LSTM"""
    context: Literal["hidden", "grid"] = "hidden"
    """where the next context comes from: the hidden layer as in the paper, or the Grid
    LSTM alone as in the authors' code"""


STUDY = study.Study(
    name="sase_lstm_pb",
    model="LSTM-PB",
    settings=Settings,
    dataset=about.SASE_FE,
    paper=papers.HUYNH,
    reported=papers.SASE_FE,
    spec=sase_fe.SPEC,
    work=sase_fe.work,
    builder="LSTMPB",
    sample={
        "epochs": 15,
        "batch_size": 8,
        "learning_rate": 0.05,
        "copies": 3,
        "test_copies": 5,
        "units": 128,
        "depth": 2,
    },
    quick={
        "emotions": ("happiness",),
        "epochs": 2,
        "batch_size": 8,
        "steps": 5,
        "copies": 1,
        "test_copies": 1,
        "units": 16,
        "depth": 1,
    },
    paper_protocol="challenge",
    search=sase_fe.SEARCH,
    parts=None,
)


def main(argv=None):
    return study.main(STUDY, __doc__, argv)


if __name__ == "__main__":
    main()
