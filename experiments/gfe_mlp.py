"""The perceptron with one hidden layer, on single Kinect frames.

Paper     Xu, "Implement Long Short-Term Memory Recurrent Neural Network on Grammatical
          Facial Expression Recognition", The Australian National University: the
          experiment before the paper's own
Command   python -m experiments.gfe_mlp --protocol shuffled
Expected  the paper reports a mean F1 of 0.9344; here, over three seeds, 0.925 on
          shuffled frames, 0.822 held out in time, 0.412 on the other signer
Time      half a minute on 2 CPU cores.

The paper says nothing of this network but that it has one hidden layer. Here it has as
many units as the LSTM, and the LSTM's settings. --prune prunes that layer after
training by the angles between its units over the training frames (distinctiveness), as
the paper's experiment before its own did, and reports F1 before and after.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.gfe_mlp")

from dataclasses import dataclass

from experiments import gfe, papers
from experiments.harness import study


@dataclass
class Settings(gfe.FrameSettings):
    """Settings that decide the result, beside the data.

    Attributes:
        prune: mask hidden units that do others' work (distinctiveness, 15 and 165
            degrees); the saved model is the masked one
    """

    prune: bool = False

    def __post_init__(self):
        super().__post_init__()
        if self.prune and self.head != "softmax":
            raise ValueError(
                "--prune: expected --head softmax, as no other sees the hidden units. "
                f"Received: {self.head}."
            )


STUDY = study.Study(
    name="gfe_mlp",
    model="MLP on Kinect frames",
    builder="GrammaticalMLP",
    settings=Settings,
    reported=papers.GFE_MLP,
    quick={"epochs": 1, "seeds": 1, "batch_size": 512},
    search=gfe.SEARCH_FRAMES,
    **gfe.COMMON,
)


def main(argv=None):
    return study.main(STUDY, __doc__, argv)


if __name__ == "__main__":
    main()
