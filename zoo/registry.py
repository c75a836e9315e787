"""The models of the zoo by name: what there is, how to make it, what it is.

```python
zoo.list_models("pupil*")  # ["pupil_course", "pupil_lstm"]
model = zoo.create_model("shallow_cnn", classes=12)
zoo.model_info("shallow_cnn").parameters  # 7947818
```

The numbers are those of the builders' defaults, with which the papers' networks are
made; tests build every model and compare. The table in the README is made of these
facts and of those in `zoo._studies`.
"""

import difflib
import fnmatch
from dataclasses import dataclass

from zoo._studies import STUDIES, SZEGEDY, Paper, Reported
from zoo._study_data import DATA
from zoo.inception_v4_weights import IMAGENET

LICENCE = "Apache-2.0"


@dataclass(frozen=True)
class Tensor:
    """What goes into a model, or comes out of it.

    Attributes:
        shape: without the batch; `None` for a side of any length.
        meaning: what it holds, with units and range.
    """

    shape: tuple[int | None, ...]
    meaning: str

    def __str__(self):
        sides = ["any" if side is None else str(side) for side in self.shape]
        return f"{' x '.join(sides)}: {self.meaning}"


@dataclass(frozen=True)
class ModelInfo:
    """What is to be known of a model, as its builder makes it by default.

    Attributes:
        name: what `create_model` takes, and the default name of the Keras model.
        builder: name of the builder in `zoo`.
        paper: the study that it belongs to.
        study: where that study lies in the project: `"seeds/003"`.
        architecture: the paper of the architecture; `None` where it is Duchenne's own.
        inputs: what it takes, one or several.
        output: what it returns.
        parameters: number of weights.
        feature_width: number of features that another head can be put on.
        features: what these are.
        licence: of the code.
        weights: names of published weights that the builder takes.
        weights_licence: of these; `None` where there are none.
        reported: the paper's figures, on its own data.
        command: the experiment, in a checkout.
    """

    name: str
    builder: str
    paper: Paper
    study: str
    architecture: Paper | None
    inputs: tuple[Tensor, ...]
    output: Tensor
    parameters: int
    feature_width: int
    features: str
    licence: str
    weights: tuple[str, ...]
    weights_licence: str | None
    reported: tuple[Reported, ...]
    command: str

    def __str__(self):
        own = "Duchenne's own"
        weights = f"{', '.join(self.weights)} ({self.weights_licence})"
        told = {
            "builder": f"zoo.{self.builder}, zoo.create_model({self.name!r})",
            "study": f"{self.paper.citation} ({self.study})",
            "architecture": self.architecture.citation if self.architecture else own,
            "input": "\n".join(map(str, self.inputs)),
            "output": str(self.output),
            "parameters": f"{self.parameters:,}",
            "features": f"{self.feature_width}: {self.features}",
            "licence": self.licence,
            "weights": weights if self.weights else "none published",
            "reported": "\n".join(f"{r}: {r.protocol}" for r in self.reported) or "-",
            "experiment": self.command,
        }
        width = max(map(len, told)) + 2
        lines = [
            f"{'' if place else key:{width}}{line}"
            for key, text in told.items()
            for place, line in enumerate(text.splitlines())
        ]
        return "\n".join([self.name, *lines])


POSED_GENUINE = "probabilities of posed and genuine, in 0..1"
OCCURRING = "probabilities of not occurring and occurring, in 0..1"
PICTURE = "RGB picture as x / 127.5 - 1, in -1..1"
FEATURES = "distances, angles and depths of a face's points, standardised"

# By experiment: name, inputs, output, parameters, width of the features, what they are.
_MODELS = {
    "nvie_inception": (
        "inception_v4",
        (Tensor((299, 299, 3), PICTURE),),
        Tensor((1000,), "probabilities of ImageNet's classes, in 0..1"),
        42_711_400,
        1536,
        "the last feature map, averaged over the picture",
    ),
    "nvie_cnn": (
        "shallow_cnn",
        (Tensor((96, 96, 3), PICTURE),),
        Tensor((2,), POSED_GENUINE),
        7_947_818,
        2048,
        "the first fully connected layer",
    ),
    "gfe_lstm": (
        "grammatical_lstm",
        (Tensor((1, 118), f"a frame: {FEATURES}"),),
        Tensor((2,), OCCURRING),
        94_292,
        105,
        "the LSTM's outputs after the last step",
    ),
    "gfe_mlp": (
        "grammatical_mlp",
        (Tensor((118,), f"a frame: {FEATURES}"),),
        Tensor((2,), OCCURRING),
        12_707,
        105,
        "the hidden layer, in 0..1",
    ),
    "gfe_sequence": (
        "grammatical_sequence",
        (Tensor((None, 118), f"consecutive frames: {FEATURES}"),),
        Tensor((None, 2), f"of each frame, {OCCURRING}"),
        62_786,
        64,
        "of each frame, what two LSTMs have seen before and after it",
    ),
    "pupil_lstm": (
        "pupil_lstm",
        (Tensor((1168, 1), "pupil diameters at 60 Hz as measured, 0.003 to 0.011"),),
        Tensor((2,), POSED_GENUINE),
        2_340_742,
        20,
        "the second hidden layer, in 0..1",
    ),
    "pupil_course": (
        "pupil_course",
        (
            Tensor(
                (720, 2),
                "pupil diameters at 60 Hz in units of the series' spread around its "
                "mean, and 1 where measured, else 0",
            ),
        ),
        Tensor((2,), POSED_GENUINE),
        26,
        12,
        "the mean of each second",
    ),
    "sase_lstm_pb": (
        "lstm_pb",
        (
            Tensor(
                (None, 80), "frames: x, then y of 40 points in the face's box, in -1..1"
            ),
            Tensor((64,), "the video's parametric bias (PB)"),
        ),
        Tensor((None, 80), "of each frame the prediction of the next, in -1..1"),
        10_678_032,
        64,
        "the PB vector that `recognise` finds for a video",
    ),
}
# Architectures that are older than the study.
_ARCHITECTURES = {"nvie_inception": SZEGEDY}


def _info(study):
    name, inputs, output, parameters, width, features = _MODELS[study.name]
    own = None if study.ours else study.paper
    pretrained = study.builder == "InceptionV4"
    return ModelInfo(
        name=name,
        builder=study.builder,
        paper=study.paper,
        study=DATA[study.data].seed,
        architecture=_ARCHITECTURES.get(study.name, own),
        inputs=inputs,
        output=output,
        parameters=parameters,
        feature_width=width,
        features=features,
        licence=LICENCE,
        weights=("imagenet",) if pretrained else (),
        weights_licence=IMAGENET.licence if pretrained else None,
        reported=study.reported,
        command=study.command,
    )


_INFOS = {_MODELS[name][0]: _info(STUDIES[name]) for name in _MODELS}


def list_models(pattern=None):
    """Lists the models that `create_model` makes.

    Args:
        pattern: a name with wildcards, such as `"pupil*"`, in any case; `None` for all.

    Returns:
        Their names, sorted.
    """
    names = sorted(_INFOS)
    return names if pattern is None else fnmatch.filter(names, pattern.lower())


def create_model(name, /, **kwargs):
    """Makes a model by its name.

    Args:
        name: one of `list_models()`, or its builder's name; case, `_` and `-` do not
            matter.
        kwargs: the builder's arguments, its own `name` among them.

    Returns:
        A `keras.Model`, what `zoo.<builder>(**kwargs)` returns.

    Raises:
        ValueError: there is no such model, or an argument is out of range.
        TypeError: the builder has no such argument.
    """
    import zoo

    return getattr(zoo, model_info(name).builder)(**kwargs)


def model_info(name):
    """Says what is to be known of a model.

    Args:
        name: as of `create_model`.

    Returns:
        A `ModelInfo`.

    Raises:
        ValueError: there is no such model; the message names those that are like it.
    """
    by_key = {_key(info.name): info for info in _INFOS.values()}
    key = _key(str(name))
    if key in by_key:
        return by_key[key]
    close = difflib.get_close_matches(key, by_key, n=3, cutoff=0.5)
    names = ", ".join(by_key[other].name for other in close)
    hint = (
        f"Did you mean {names}?" if close else f"There are: {', '.join(list_models())}."
    )
    raise ValueError(f"There is no model named {name!r}. {hint}")


def _key(name):
    return name.lower().replace("_", "").replace("-", "")


def table():
    """The table of the studies, as the README has it.

    Returns:
        Lines of Markdown.
    """
    infos = {info.builder: info for info in _INFOS.values()}
    lines = ["| command | model | name | parameters | study | reported |"]
    lines.append("|---|---|---|---:|---|---|")
    last = None
    for study in STUDIES.values():
        info = infos.get(study.builder)
        where = f"{study.paper.short}, on {DATA[study.data].name}"
        told = "the same" if where == last else where
        last = where
        cells = [
            f"`{study.command}`",
            study.model,
            f"`{info.name}`" if info else "",
            f"{info.parameters:,}" if info else "",
            f"ours, {study.ours}" if study.ours else told,
            ", ".join(map(str, study.reported)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
