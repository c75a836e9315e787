"""The studies that the models are from: papers, and what these report.

The credits are those of the papers themselves (seeds/000 to seeds/004) and of
CITATION.cff; neither of the two reports of the Australian National University bears a
year. Facts only, no code that learns: `zoo.registry` and `zoo.card` tell them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A publication.

    Attributes:
        authors: family names, as it is cited.
        year: of publication; `None` where it bears none.
        title: in full.
        venue: where it appeared.
        url: DOI or address; `None` where there is none.
    """

    authors: str
    year: int | None
    title: str
    venue: str
    url: str | None = None

    @property
    def short(self):
        """Author and year."""
        return f"{self.authors} {self.year}" if self.year else self.authors

    @property
    def citation(self):
        """All of it, in a line."""
        parts = [self.authors, f'"{self.title}"', self.venue]
        parts += [str(part) for part in (self.year, self.url) if part]
        return ", ".join(parts)


@dataclass(frozen=True)
class Reported:
    """A figure that a paper reports, on its own data.

    Attributes:
        measure: `"accuracy"` or `"mean F1"`.
        value: in 0..1.
        of: what it is of, where there are several; empty otherwise.
        protocol: who or what was tested there.
    """

    measure: str
    value: float
    of: str
    protocol: str

    def __str__(self):
        if self.measure != "accuracy":
            return f"{self.measure} {self.value:g}"
        return f"{100 * self.value:.4g} %" + (f" ({self.of})" if self.of else "")


@dataclass(frozen=True)
class Study:
    """A study, as its experiment runs it.

    Attributes:
        name: that of its module in `experiments`, and of its run folders.
        model: what is evaluated, as tables call it.
        builder: name of its builder in `zoo`; `None` where scikit-learn does it all.
        data: key of its data in `zoo._study_data.DATA`.
        paper: the paper that it follows.
        reported: what that paper reports of this model.
        ours: where the model is not the paper's but ours: why it is there.
    """

    name: str
    model: str
    builder: str | None
    data: str
    paper: Paper
    reported: tuple[Reported, ...] = ()
    ours: str = ""

    @property
    def command(self):
        """What runs it in a checkout."""
        return f"python -m experiments.{self.name}"


CHRISTENSEN = Paper(
    "Christensen",
    2018,
    "Differentiating Between Spontaneous and Posed Facial Expression using Inception "
    "V4",
    "Master's thesis, University of Agder",
)
SZEGEDY = Paper(
    "Szegedy, Ioffe, Vanhoucke and Alemi",
    2016,
    "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
    "arXiv:1602.07261",
    "https://arxiv.org/abs/1602.07261",
)
XU = Paper(
    "Xu",
    None,
    "Implement Long Short-Term Memory Recurrent Neural Network on Grammatical Facial "
    "Expression Recognition",
    "The Australian National University",
)
GONG = Paper(
    "Gong",
    None,
    "Using LSTM Neural Network to predict the real or fake smile based on Observers "
    "Pupil Dataset, and apply Image Compression Technical to Pruning Neural Networks",
    "The Australian National University",
)
HUYNH = Paper(
    "Huynh and Kim",
    2017,
    "Discrimination between genuine versus fake emotion using long-short term memory "
    "with parametric bias and facial landmarks",
    "IEEE International Conference on Computer Vision Workshops, pages 3065-3072",
    "https://doi.org/10.1109/ICCVW.2017.362",
)

BY_PICTURE = (
    "the thesis names no split; read as hold-out by picture, the same people on both "
    "sides"
)
SHUFFLED = (
    "a fifth of the frames held out; the text has the last ones, the code shuffles "
    "frames first"
)
CONSTANT = (
    "24 real and 46 fake series of the observers and videos trained on; this is what a "
    "constant answer scores"
)


def _accuracies(two, twelve):
    return (
        Reported("accuracy", two, "2 classes", BY_PICTURE),
        Reported("accuracy", twelve, "12 classes", BY_PICTURE),
    )


_NVIE = {"data": "nvie", "paper": CHRISTENSEN}
_GFE = {"data": "gfe", "paper": XU}
_PUPIL = {"data": "pupil", "paper": GONG}
_LIST = (
    Study(
        "nvie_inception",
        "Inception V4",
        "InceptionV4",
        **_NVIE,
        reported=_accuracies(0.674, 0.173),
    ),
    Study(
        "nvie_cnn",
        "shallow CNN",
        "ShallowCNN",
        **_NVIE,
        reported=_accuracies(0.716, 0.227),
    ),
    Study(
        "nvie_svm", "SVM on pixels", None, **_NVIE, reported=_accuracies(0.538, 0.172)
    ),
    Study(
        "gfe_lstm",
        "LSTM on Kinect frames",
        "GrammaticalLSTM",
        **_GFE,
        reported=(Reported("mean F1", 0.9084, "", SHUFFLED),),
    ),
    Study(
        "gfe_mlp",
        "perceptron on Kinect frames",
        "GrammaticalMLP",
        **_GFE,
        reported=(Reported("mean F1", 0.9344, "", SHUFFLED),),
    ),
    Study(
        "gfe_sequence",
        "frames in their context",
        "GrammaticalSequence",
        **_GFE,
        ours="as Xu proposes",
    ),
    Study(
        "pupil_lstm",
        "LSTM, pruned by distinctiveness",
        "PupilLSTM",
        **_PUPIL,
        reported=(
            Reported("accuracy", 0.3429, "before pruning", CONSTANT),
            Reported("accuracy", 0.6571, "after pruning", CONSTANT),
        ),
    ),
    Study(
        "pupil_course",
        "regression on the pupil's course",
        "PupilCourse",
        **_PUPIL,
        ours="for so small a data set",
    ),
    Study(
        "sase_lstm_pb",
        "LSTM with parametric bias, boosted trees",
        "LSTMPB",
        "sase_fe",
        HUYNH,
        (
            Reported("accuracy", 0.71, "validation", "60 videos of 5 people"),
            Reported(
                "accuracy",
                0.667,
                "test",
                "60 videos of 5 other people, the two of a person and emotion decided "
                "as a pair",
            ),
        ),
    ),
)
STUDIES = {study.name: study for study in _LIST}
