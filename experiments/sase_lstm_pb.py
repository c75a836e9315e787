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

Each emotion has a network that predicts the next frame's facial landmarks, a PB vector
for each copy of each video, and boosted trees on these vectors, beside a support vector
machine and a logistic regression. The emotions are learned in parallel.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.sase_lstm_pb")

from experiments import papers, sase_fe
from experiments.harness import study

# The paper's settings would take weeks for folds of a thousand clips.
CLIPS = {"epochs": 10, "batch_size": 8, "learning_rate": 0.05, "cuts": True}
CLIPS |= {"copies": 1, "test_copies": 1, "units": 64, "depth": 2}

STUDY = study.Study(
    name="sase_lstm_pb",
    model="LSTM-PB",
    settings=sase_fe.Settings,
    dataset=sase_fe.SASE_FE,
    paper=papers.HUYNH,
    reported=papers.SASE_FE,
    spec=sase_fe.spec,
    work=sase_fe.work,
    builder="LSTMPB",
    sample={"epochs": 15, "batch_size": 8, "learning_rate": 0.05}
    | {"copies": 3, "test_copies": 5, "units": 128, "depth": 2},
    quick={"emotions": ("happiness",), "epochs": 2, "batch_size": 8, "steps": 5}
    | {"copies": 1, "test_copies": 1, "units": 16, "depth": 1},
    paper_protocol="challenge",
    others=((sase_fe.PEDFE, CLIPS), (sase_fe.OWN, CLIPS)),
    search=sase_fe.SEARCH,
    parts=None,
)


def main(argv=None):
    return study.main(STUDY, __doc__, argv)


if __name__ == "__main__":
    main()
