"""The shallow network on posed and spontaneous expressions: the thesis's best model.

Paper     Christensen, "Differentiating Between Spontaneous and Posed Facial Expression
          using Inception V4", University of Agder, 2018
Command   python -m experiments.nvie_cnn --data-dir NVIE
Expected  the thesis reports an accuracy of 71.6 % (2 classes) and 22.7 % (12), on a
          split by picture. Not reproduced here: the data are under an agreement.
Time      on the sample about 1 minute on 2 CPU cores.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.nvie_cnn")

from dataclasses import dataclass

from datasets import about
from experiments import nvie, papers
from experiments.harness import study
from experiments.harness.options import AboveZero, Positive


@dataclass
class Settings(nvie.NetworkSettings):
    """Settings of the shallow network."""

    learning_rate: AboveZero = 5e-5
    epochs: Positive = 300
    patience: Positive = 20


# Few pictures make few steps an epoch, so larger steps. Set beforehand, not searched.
FEW = {"learning_rate": 5e-4, "batch_size": 32, "dropout": 0.6, "epochs": 20}
FEW |= {"patience": 5}

STUDY = study.Study(
    name="nvie_cnn",
    model="shallow CNN",
    settings=Settings,
    dataset=about.NVIE,
    paper=papers.CHRISTENSEN,
    reported=papers.NVIE_CNN,
    spec=nvie.spec,
    work=nvie.work,
    builder="ShallowCNN",
    sample={"learning_rate": 5e-4, "batch_size": 32, "augment": False, "epochs": 40},
    quick={"epochs": 2, "size": 32},
    paper_protocol="image",
    others=((about.PEDFE, FEW), (about.OWN, FEW)),
    search=nvie.search(),
)


def main(argv=None):
    return study.main(STUDY, __doc__, argv)


if __name__ == "__main__":
    main()
