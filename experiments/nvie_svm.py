"""The SVM on pixels: the thesis's baseline, with the whole of its search.

Paper     Christensen, "Differentiating Between Spontaneous and Posed Facial Expression
          using Inception V4", University of Agder, 2018, section 4.4.4
Command   python -m experiments.nvie_svm --data-dir NVIE
Expected  the thesis reports an accuracy of 52.0 % with its default (C 1, gamma 0.001,
          which answers "posed" always) and 53.8 % after the search (2 classes), 17.2 %
          (12), on a split by picture. Not reproduced: the data are under an agreement.
Time      on the sample about 1 minute on 2 CPU cores.

The thesis drew 70 of the 126 settings at random because the grid took weeks. Every
kernel of the grid comes from one Gram matrix, so the whole grid is run, as there on
pictures with light from the front, in five folds by subject within the training part.

Read so, where the thesis is silent: pixels are scaled to 0..1. On 0..255 the default's
kernel is the identity matrix, and its answer constant, as in Table 4.4. Decisions are
those of the calibrated probabilities.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.nvie_svm")

from dataclasses import dataclass

from datasets import about
from experiments import nvie, papers
from experiments.harness import study
from experiments.harness.options import Positive


@dataclass
class Settings(nvie.Settings):
    """Settings of the SVM.

    Attributes:
        search: search all 126 settings of the thesis's grid; without, its default only
        size: side of the pictures, in pixels
    """

    search: bool = True
    size: Positive = 96


def work(run: study.Run) -> study.Result:
    """Search, fit and evaluate the SVM."""
    from experiments.nvie import svm

    return svm.work(run)


STUDY = study.Study(
    name="nvie_svm",
    model="SVM on pixels",
    settings=Settings,
    dataset=about.NVIE,
    paper=papers.CHRISTENSEN,
    reported=papers.NVIE_SVM,
    spec=nvie.spec,
    work=work,
    quick={"search": False, "size": 32},
    paper_protocol="image",
    others=((about.PEDFE, {}), (about.OWN, {})),
    parts=None,
)


def main(argv=None):
    return study.main(STUDY, __doc__, argv)


if __name__ == "__main__":
    main()
