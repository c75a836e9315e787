"""The shallow network on posed and spontaneous expressions: the thesis's best model.

Paper     Christensen, "Differentiating Between Spontaneous and Posed Facial Expression
          using Inception V4", University of Agder, 2018 (seeds/003)
Command   python -m experiments.nvie_cnn --data-dir NVIE
Expected  the thesis reports an accuracy of 71.6 % (2 classes) and 22.7 % (12), on a
          split by picture. Not reproduced here: the data are under an agreement.
Time      on the sample about 1 minute on 2 CPU cores.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.nvie_cnn")

from experiments import common, nvie, nvie_network

STUDY = common.Study(
    name="nvie_cnn",
    model="shallow CNN",
    builder="ShallowCNN",
    dataset="nvie",
    paper=nvie.PAPER,
    reported={"spontaneous": 0.716, "emotion": 0.227},
    defaults={
        "learning_rate": 5e-5,
        "dropout": 0.4,
        "batch_size": 64,
        "decay": 0,
        "l2": True,
        "augment": True,
        "activation": "softmax",
        "train_layers": 0,
        "size": 96,
        "weights": "none",
        "epochs": 300,
        "patience": 20,
        "head": "softmax",
        "strategy": "none",
    },
    # Few pictures make few steps an epoch, so larger steps.
    sample={"learning_rate": 5e-4, "batch_size": 32, "augment": False, "epochs": 40},
    paper_protocol="image",
    quick={"epochs": 2, "size": 32},
    space=nvie_network.space,
    trial=nvie_network.TRIAL,
)


def parser():
    return nvie_network.parser(STUDY, __doc__)


def main(argv=None):
    return common.main(STUDY, parser(), nvie_network.work, argv)


if __name__ == "__main__":
    main()
