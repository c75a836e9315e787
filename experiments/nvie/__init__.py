"""Settings, measures and the search of networks of the three picture studies.

Christensen 2018, on NVIE; the options of the networks are those of Table 4.1.
"""

from dataclasses import dataclass
from typing import Literal

from datasets import about
from experiments.harness import options
from experiments.harness.metrics import Spec
from experiments.harness.options import AboveZero, NotNegative, Positive, Share
from experiments.harness.study import Result, Run, Search

DATASETS = {one.folder: one for one in (about.NVIE, about.PEDFE, about.OWN)}


@dataclass
class Settings(options.Settings):
    """Settings of every picture study.

    Attributes:
        dataset: what it is trained and tested on: NVIE; PEDFE's clips; own, any folder
            of clips or pictures, which --data-dir names
        task: posed or spontaneous (2 classes), or that with six emotions (12 classes)
        protocol: who is tested: people that were not trained on, as a hold-out
            (subject, holdout) or in folds, or, as in the thesis, pictures of the same
            people (image) (default: subject on NVIE, elsewhere folds)
        frame: of clips, the picture at the height of the expression or before it
        control: what shall be unable to learn expressions: `permuted` trains with the
            labels permuted within people; or may learn less of the light: `grey_world`
            makes each face's mean colour grey
    """

    dataset: Literal["nvie", "pedfe", "own"] = "nvie"
    task: Literal["spontaneous", "emotion"] = "spontaneous"
    protocol: Literal["subject", "holdout", "folds", "image"] | None = None
    frame: Literal["apex", "onset"] = "apex"
    control: Literal["none", "permuted", "grey_world"] = "none"

    def __post_init__(self):
        known = DATASETS[self.dataset].protocols
        if self.protocol is None:
            self.protocol = "subject" if self.dataset == "nvie" else "folds"
        if self.protocol not in known:
            raise ValueError(
                f"--protocol: expected {', '.join(known)} with --dataset "
                f"{self.dataset}. Received: {self.protocol}."
            )
        if self.dataset == "nvie" and (self.frame, self.control) != ("apex", "none"):
            raise ValueError(
                "Expected --dataset pedfe or own with --frame and --control. Received: "
                "--dataset nvie."
            )


@dataclass
class NetworkSettings(Settings):
    """Settings of the two networks.

    Attributes:
        validate: measure the validation part, by which a training stops, instead of the
            test part: for choosing settings
        learning_rate: of Adam, at the start
        dropout: share of the features dropped, 0 to 1
        batch_size: pictures a step
        decay: learning rate decay: it ends at rate / (1 + X), with 0 it stays
        l2: weight penalty, 4e-5
        augment: augmentation of the training pictures
        activation: of the classifier; with sigmoid the saved model gives a probability
            a class, which the report scales to sum to 1
        train_layers: 0 all, 1 the classifier, 2 to 5 also down to Inception-C,
            Reduction-B, Inception-B, Reduction-A; or the name of one block, as Mixed_7b
        size: side of the pictures, in pixels
        weights: to start from: none, a file, or, for Inception V4, imagenet
        epochs: at the most
        patience: epochs without a lower validation cross-entropy before it stops
        head: what decides: the network's own classifier, or an SVM or XGBoost on its
            features
    """

    validate: bool = False
    learning_rate: AboveZero = 5e-4
    dropout: Share = 0.4
    batch_size: Positive = 64
    decay: NotNegative = 0.0
    l2: bool = True
    augment: bool = True
    activation: Literal["softmax", "sigmoid"] = "softmax"
    train_layers: int | str = 0
    size: Positive = 96
    weights: str = "none"
    epochs: Positive = 100
    patience: Positive = 10
    head: Literal["softmax", "svm", "xgboost"] = "softmax"


def spec(settings: Settings) -> Spec:
    """Return how a study's answers are measured; the classes are those of the task."""
    from datasets.nvie import CLASS_NAMES

    return Spec(
        classes=CLASS_NAMES[settings.task], decides=("accuracy",), people="subjects"
    )


def work(run: Run) -> Result:
    """Train and evaluate a network."""
    from experiments.nvie import network

    return network.work(run)


def search(inception: bool = False) -> Search:
    """Return what to search: Table 4.1; Inception V4 has rows of its own (4.4.3)."""

    def space():
        from optuna import distributions

        one_of = distributions.CategoricalDistribution
        thesis = {
            "learning_rate": distributions.FloatDistribution(1e-6, 1e-3, log=True),
            "dropout": distributions.FloatDistribution(0.0, 1.0, step=0.1),
            "batch_size": one_of([8, 16, 32, 64]),
            "decay": one_of([0.0, 2.0, 4.0, 8.0, 10.0]),
            "l2": one_of([True, False]),
            "augment": one_of([True, False]),
        }
        if inception:
            thesis["activation"] = one_of(["softmax", "sigmoid"])
            thesis["train_layers"] = one_of([0, 1, 2, 3, 4, 5])
        return thesis

    return Search(
        space,
        held_out="Validated on the validation part of the hold-out by subject: people "
        "who are in neither the training nor the test part. By the same pictures a "
        "training stops, here as in the study. The test part was not looked at.",
        tested="Its test part is new to all that was chosen here.",
        fixed={"validate": True, "head": "softmax"},
    )
