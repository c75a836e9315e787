"""The models of the zoo by name: what there is, how to make it, what it is.

```python
zoo.list_models("pupil*")  # ["pupil_course", "pupil_lstm"]
model = zoo.create_model("shallow_cnn", classes=12)
zoo.model_info("shallow_cnn").parameters  # 7947818
```

The numbers are those of the builders' defaults, with which the papers' networks are
made; tests build every model and compare.
"""

import difflib
import fnmatch
from dataclasses import dataclass
from typing import NamedTuple

import keras

from zoo.gfe import GrammaticalLSTM, GrammaticalMLP, GrammaticalSequence
from zoo.inception_v4 import InceptionV4
from zoo.inception_v4_weights import IMAGENET
from zoo.lstm_pb import LSTMPB
from zoo.pupil_course import PupilCourse
from zoo.pupil_lstm import PupilLSTM
from zoo.shallow_cnn import ShallowCNN

LICENCE = "Apache-2.0"
BUILDERS = (
    *(GrammaticalLSTM, GrammaticalMLP, GrammaticalSequence, InceptionV4, LSTMPB),
    *(PupilCourse, PupilLSTM, ShallowCNN),
)


class Tensor(NamedTuple):
    """An input or output: its shape without the batch (`None`: any), what it holds."""

    shape: tuple[int | None, ...]
    meaning: str

    def __str__(self) -> str:
        sides = ["any" if side is None else str(side) for side in self.shape]
        return f"{' x '.join(sides)}: {self.meaning}"


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """Facts about a model, as its builder makes it by default."""

    name: str  # what `create_model` takes, and the default name of the Keras model
    builder: str  # its name in `zoo`
    paper: str  # citation of the paper that uses it, or that it answers
    architecture: str | None  # citation; `None` where it is Duchenne's own
    inputs: tuple[Tensor, ...]
    output: Tensor
    parameters: int  # number of weights
    feature_width: int  # number of features that another head can be put on
    features: str  # what these are
    licence: str = LICENCE  # of the code
    weights: tuple[str, ...] = ()  # names of published weights that the builder takes
    weights_licence: str | None = None

    def __str__(self) -> str:
        weights = f"{', '.join(self.weights)} ({self.weights_licence})"
        facts = {
            "builder": f"zoo.{self.builder}, zoo.create_model({self.name!r})",
            "paper": self.paper,
            "architecture": self.architecture or "Duchenne's own",
            "input": "\n".join(map(str, self.inputs)),
            "output": self.output,
            "parameters": f"{self.parameters:,}",
            "features": f"{self.feature_width}: {self.features}",
            "licence": self.licence,
            "weights": weights if self.weights else "none published",
        }
        indented = "\n".ljust(15)
        lines = [
            f"{key:14}{fact}".replace("\n", indented) for key, fact in facts.items()
        ]
        return "\n".join([self.name, *lines])


def list_models(pattern: str | None = None) -> list[str]:
    """Return the sorted names of all models, or of those like `"pupil*"`."""
    names = sorted(info.name for info in MODELS)
    return names if pattern is None else fnmatch.filter(names, pattern.lower())


def create_model(name: str, /, **kwargs) -> keras.Model:
    """Make a model by a name that `model_info` knows, with its builder's arguments."""
    by_name = {builder.__name__: builder for builder in BUILDERS}
    return by_name[model_info(name).builder](**kwargs)


def model_info(name: str) -> ModelInfo:
    """Return the facts about a model.

    Args:
        name: one of `list_models()`, or its builder's name; case, `_` and `-` do not
            matter.

    Raises:
        ValueError: there is no such model; the message names those that are like it.
    """
    by_key = {info.name.replace("_", ""): info for info in MODELS}
    key = str(name).lower().replace("_", "").replace("-", "")
    if key in by_key:
        return by_key[key]
    close = difflib.get_close_matches(key, by_key, n=3, cutoff=0.5)
    hint = f"Did you mean {', '.join(by_key[other].name for other in close)}?"
    hint = hint if close else f"There are: {', '.join(list_models())}."
    raise ValueError(f"There is no model named {name!r}. {hint}")


CHRISTENSEN = (
    'Christensen 2018, "Differentiating Between Spontaneous and Posed Facial '
    "Expression using Inception V4\", Master's thesis, University of Agder"
)
SZEGEDY = (
    'Szegedy, Ioffe, Vanhoucke and Alemi 2016, "Inception-v4, Inception-ResNet and the '
    'Impact of Residual Connections on Learning", https://arxiv.org/abs/1602.07261'
)
XU = (
    'Xu, "Implement Long Short-Term Memory Recurrent Neural Network on Grammatical '
    'Facial Expression Recognition", The Australian National University'
)
GONG = (
    'Gong, "Using LSTM Neural Network to predict the real or fake smile based on '
    "Observers Pupil Dataset, and apply Image Compression Technical to Pruning Neural "
    'Networks", The Australian National University'
)
HUYNH = (
    'Huynh and Kim 2017, "Discrimination between genuine versus fake emotion using '
    'long-short term memory with parametric bias and facial landmarks", IEEE '
    "International Conference on Computer Vision Workshops, pages 3065-3072, "
    "https://doi.org/10.1109/ICCVW.2017.362"
)
POSED_GENUINE = "probabilities of posed and genuine, in 0..1"
OCCURRING = "probabilities of not occurring and occurring, in 0..1"
PICTURE = "RGB picture as x / 127.5 - 1, in -1..1"
FEATURES = "distances, angles and depths of a face's points, standardised"
COURSE = "pupil diameters at 60 Hz in units of the series' spread around its mean, and "
COURSE += "1 where measured, else 0"

MODELS = (
    ModelInfo(
        name="inception_v4",
        builder="InceptionV4",
        paper=CHRISTENSEN,
        architecture=SZEGEDY,
        inputs=(Tensor((299, 299, 3), PICTURE),),
        output=Tensor((1000,), "probabilities of ImageNet's classes, in 0..1"),
        parameters=42_711_400,
        feature_width=1536,
        features="the last feature map, averaged over the picture",
        weights=("imagenet",),
        weights_licence=IMAGENET.licence,
    ),
    ModelInfo(
        name="shallow_cnn",
        builder="ShallowCNN",
        paper=CHRISTENSEN,
        architecture=CHRISTENSEN,
        inputs=(Tensor((96, 96, 3), PICTURE),),
        output=Tensor((2,), POSED_GENUINE),
        parameters=7_947_818,
        feature_width=2048,
        features="the first fully connected layer",
    ),
    ModelInfo(
        name="grammatical_lstm",
        builder="GrammaticalLSTM",
        paper=XU,
        architecture=XU,
        inputs=(Tensor((1, 118), f"a frame: {FEATURES}"),),
        output=Tensor((2,), OCCURRING),
        parameters=94_292,
        feature_width=105,
        features="the LSTM's outputs after the last step",
    ),
    ModelInfo(
        name="grammatical_mlp",
        builder="GrammaticalMLP",
        paper=XU,
        architecture=XU,
        inputs=(Tensor((118,), f"a frame: {FEATURES}"),),
        output=Tensor((2,), OCCURRING),
        parameters=12_707,
        feature_width=105,
        features="the hidden layer, in 0..1",
    ),
    ModelInfo(
        name="grammatical_sequence",
        builder="GrammaticalSequence",
        paper=XU,
        architecture=None,
        inputs=(Tensor((None, 118), f"consecutive frames: {FEATURES}"),),
        output=Tensor((None, 2), f"of each frame, {OCCURRING}"),
        parameters=62_786,
        feature_width=64,
        features="of each frame, what two LSTMs have seen before and after it",
    ),
    ModelInfo(
        name="pupil_lstm",
        builder="PupilLSTM",
        paper=GONG,
        architecture=GONG,
        inputs=(
            Tensor((1168, 1), "pupil diameters at 60 Hz as measured, 0.003 to 0.011"),
        ),
        output=Tensor((2,), POSED_GENUINE),
        parameters=2_340_742,
        feature_width=20,
        features="the second hidden layer, in 0..1",
    ),
    ModelInfo(
        name="pupil_course",
        builder="PupilCourse",
        paper=GONG,
        architecture=None,
        inputs=(Tensor((720, 2), COURSE),),
        output=Tensor((2,), POSED_GENUINE),
        parameters=26,
        feature_width=12,
        features="the mean of each second",
    ),
    ModelInfo(
        name="lstm_pb",
        builder="LSTMPB",
        paper=HUYNH,
        architecture=HUYNH,
        inputs=(
            Tensor(
                (None, 80), "frames: x, then y of 40 points in the face's box, in -1..1"
            ),
            Tensor((64,), "the video's parametric bias (PB)"),
        ),
        output=Tensor((None, 80), "of each frame the prediction of the next, in -1..1"),
        parameters=10_678_032,
        feature_width=64,
        features="the PB vector that `recognise` finds for a video",
    ),
)
