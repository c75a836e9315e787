"""The papers that the studies follow, and every number that these report, once.

The credits are those of the papers themselves and of CITATION.cff; neither of the two
reports of the Australian National University bears a year.
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
    def short(self) -> str:
        """Author and year."""
        return f"{self.authors} {self.year}" if self.year else self.authors

    @property
    def citation(self) -> str:
        """Authors, title, venue, year and address in a line."""
        cited = [self.authors, f'"{self.title}"', self.venue, self.year, self.url]
        return ", ".join(str(item) for item in cited if item)


@dataclass(frozen=True)
class Reported:
    """A figure that a paper reports, on its own data.

    Attributes:
        name: author and model, as tables call it.
        measure: `"accuracy"`, `"paired_accuracy"` or `"f1"`.
        value: in 0..1.
        protocol: who or what was tested there, in words.
        ours: the protocol here that is the paper's; `None` where that is not known.
        group: the expression that it is of; `None` where it is of all.
        task: of NVIE's two tasks; `None` where the data have one.
    """

    name: str
    measure: str
    value: float
    protocol: str
    ours: str | None = None
    group: str | None = None
    task: str | None = None


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
    "a fifth of the frames held out; the text has the last ones (holdout here), the "
    "code shuffles frames first (shuffled here)"
)
CONSTANT = (
    "24 real and 46 fake series of the observers and videos trained on; this is what a "
    "constant answer scores: 34.29 % is 24/70, 65.71 % is 46/70"
)
ELSEWHERE = "its protocol is described there only"
CHALLENGE_VALIDATION = "the challenge's validation: 60 videos of 5 people"
CHALLENGE_TEST = "the challenge's test: 60 videos of 5 other people"
AS_PAIRS = f"{CHALLENGE_TEST}, the two of a person and emotion decided as a pair"


def _nvie(model, spontaneous, emotion):
    """Return the accuracies with two classes and with twelve (Christensen 2018)."""
    by_task = {"spontaneous": spontaneous, "emotion": emotion}
    return tuple(
        Reported(
            f"Christensen 2018, {model}",
            "accuracy",
            value,
            BY_PICTURE,
            ours="image",
            task=task,
        )
        for task, value in by_task.items()
    )


NVIE_INCEPTION = _nvie("Inception V4", 0.674, 0.173)
NVIE_CNN = _nvie("shallow CNN", 0.716, 0.227)
NVIE_SVM = _nvie("SVM", 0.538, 0.172)

EXPRESSIONS = (
    *("affirmative", "conditional", "doubt_question", "emphasis", "negative"),
    *("relative", "topics", "wh_question", "yn_question"),
)


def _gfe(name, mean, values, protocol, ours=None):
    """Return a column of Xu's Table 3: the mean F1, then that of each expression."""
    by_group = {None: mean, **dict(zip(EXPRESSIONS, values, strict=True))}
    return tuple(
        Reported(name, "f1", value, protocol, ours, group)
        for group, value in by_group.items()
        if group is None or value is not None
    )


GFE_LSTM = _gfe(
    "Xu, LSTM",
    0.9084,
    [0.9022, 0.8784, 0.9416, 0.8696, 0.8816, 0.9339, 0.9246, 0.9211, 0.9222],
    SHUFFLED,
    "shuffled",
)
GFE_MLP = _gfe(
    "Xu, MLP",
    0.9344,
    [0.8979, 0.9470, 0.9411, 0.9338, 0.8939, 0.9634, 0.9665, 0.9320, 0.9343],
    SHUFFLED,
    "shuffled",
)
FREITAS = _gfe(
    "Freitas, MLP",
    0.9412,
    [0.8773, 0.9534, 0.9700, None, 0.9582, 0.9759, 0.9544, 0.8988, 0.9412],
    ELSEWHERE,
)
GFE = GFE_LSTM + GFE_MLP + FREITAS  # the whole of Table 3

PUPIL = (
    Reported("Gong, before pruning", "accuracy", 0.3429, CONSTANT, "paper"),
    Reported("Gong, after pruning", "accuracy", 0.6571, CONSTANT, "paper"),
    Reported("Gong, re-implemented", "accuracy", 0.6286, ELSEWHERE),
)


def _challenge(name, validation, test, test_measure="accuracy", text=CHALLENGE_TEST):
    """Return a team's accuracies in Huynh and Kim's Tables 2 and 3."""
    values = [
        Reported(
            f"{name}, validation",
            "accuracy",
            validation,
            CHALLENGE_VALIDATION,
            "challenge",
        ),
        test and Reported(f"{name}, test", test_measure, test, text, "challenge"),
    ]
    return tuple(filter(None, values))


SASE_FE = _challenge("Huynh and Kim 2017", 0.71, 0.667, "paired_accuracy", AS_PAIRS)
CHALLENGE = (  # the other teams
    *_challenge("NIT-OVGU", 0.76, 0.667),
    *_challenge("TUBITAK UZAY-METU", 0.61, 0.65),
    *_challenge("BNU CIST", 0.53, 0.617),
    *_challenge("innovwelt", 0.63, None),
    *_challenge("faceall Xlabs", 0.58, 0.517),
    *_challenge("ICV Team", 0.53, None),
)
