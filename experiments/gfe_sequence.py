"""Grammatical facial expressions in frames and what surrounds them: the best of ours.

Paper     Xu, "Implement Long Short-Term Memory Recurrent Neural Network on Grammatical
          Facial Expression Recognition", The Australian National University, whose
          proposal for further work is windows of several frames.
Command   python -m experiments.gfe_sequence --protocol signer
Expected  the paper's LSTM on single frames reports a mean F1 of 0.9084; here, over
          three seeds, 0.964 on shuffled frames, 0.883 held out in time, 0.792 on the
          other signer
Time      1.5 minutes on 2 CPU cores, 3.5 for the other signer.

Boosted trees on geometric features by default: distances, angles, depths relative to
the face's, points with the head's movement taken off, that movement, and of all of
these the mean, spread and slope over 5, 15 and 31 frames. With --head softmax a
convolutional-recurrent network, zoo.GrammaticalSequence, labels every frame instead.

Where the people tested are known from training (protocols shuffled, holdout), features
are taken as they are. For new people (signer) they are taken relative to the 151 frames
around, so that what stays the same of a person drops out, and heads on geometric
features are trained on each recording's mirror image as well. Both follow from the
protocol's question; --people overrules it.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.gfe_sequence")

from dataclasses import dataclass
from typing import Literal

from experiments import gfe, papers
from experiments.harness import study
from experiments.harness.options import AboveZero, Positive


@dataclass
class Settings(gfe.Settings):
    """Settings that decide the result, beside the data.

    Attributes:
        people: whom it is for: known to the training part, or new (default: new with
            --protocol signer)
    """

    people: Literal["known", "new"] | None = None
    learning_rate: AboveZero = 0.002
    epochs: Positive = 40
    batch_size: Positive = 16
    head: Literal["softmax", "svm", "xgboost"] = "xgboost"

    def __post_init__(self):
        if self.people is None:
            self.people = "new" if self.protocol == "signer" else "known"
        self.features = self.features or "geometric"
        super().__post_init__()

    @property
    def z_score(self):
        # Relative to the frames around, features are standardised already.
        return "none" if self.people == "new" else "train"


STUDY = study.Study(
    name="gfe_sequence",
    model="frames in their context",
    builder="GrammaticalSequence",
    settings=Settings,
    reported=papers.GFE_LSTM,
    quick={"seeds": 1, "epochs": 1, "batch_size": 64, "head": "softmax"},
    search=gfe.SEARCH_SEQUENCE,
    **gfe.COMMON,
)


def main(argv=None):
    return study.main(STUDY, __doc__, argv)


if __name__ == "__main__":
    main()
