"""The models of the zoo by name: what there is, how to make it, what it is.

```python
zoo.list_models("pupil*")  # ["pupil_course", "pupil_lstm"]
model = zoo.create_model("shallow_cnn", classes=12)
zoo.model_info("shallow_cnn").parameters  # 7947818
```

The facts stand beside each builder, under `described`. The numbers are those of the
builders' defaults, with which the papers' networks are made; tests build every model
and compare.
"""

import difflib
import fnmatch
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import keras

LICENCE = "Apache-2.0"
MODELS = {}  # by name: the builder, and its ModelInfo


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


def described(**facts) -> Callable:
    """Enter the builder below it under its default name, with fields of `ModelInfo`."""

    def enter(builder):
        name = inspect.signature(builder).parameters["name"].default
        known = {
            "name": name,
            "builder": builder.__name__,
            "architecture": facts["paper"],
        }
        MODELS[name] = builder, ModelInfo(**known | facts)
        return builder

    return enter


def list_models(pattern: str | None = None) -> list[str]:
    """Return the sorted names of all models, or of those like `"pupil*"`."""
    names = sorted(MODELS)
    return names if pattern is None else fnmatch.filter(names, pattern.lower())


def create_model(name: str, /, **kwargs) -> keras.Model:
    """Make a model by a name that `model_info` knows, with its builder's arguments."""
    return MODELS[model_info(name).name][0](**kwargs)


def model_info(name: str) -> ModelInfo:
    """Return the facts about a model.

    Args:
        name: one of `list_models()`, or its builder's name; case, `_` and `-` do not
            matter.

    Raises:
        ValueError: there is no such model; the message names those that are like it.
    """
    by_key = {name.replace("_", ""): info for name, (_, info) in MODELS.items()}
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
PICTURE = "RGB picture as x / 127.5 - 1, in -1..1"
