"""A study's finished run: its model and head, ready for new people.

```python
run = zoo.load_run("runs/STUDY/20261122-031402-fdd23d6c")
run.predict(pictures)  # (n, 2): posed, spontaneous
```
"""

import pathlib
import reprlib

from zoo import heads, safe
from zoo._predict import KINDS

SERVING, FORMAT = "serving.json", 1
UNFINISHED = ".unfinished"  # so begins the name of a run's folder while it is written
FRAMING = ("width", "height", "x", "y")  # see `zoo.inputs.faces`


class TrainedRun:
    """A model of a run folder with all that is needed to use it.

    Made by `load_run`.

    Attributes:
        path: the run folder.
        study: name of the study that trained it.
        part: which of the run's models this is; `""` where it has one.
        data: `"real"` or `"sample"`: what it was trained on.
        inputs: what it takes: `"pictures"`, `"points"`, `"diameters"` or `"tracks"`.
        classes: names of the columns that `predict` returns.
        genuine: numbers of those columns that mean genuine; empty for `"points"`.
        model: the Keras model; `None` where the head decides on pixels.
        head: the scikit-learn or XGBoost estimator that decides on the model's
            features, a dict of them (one an expression), or `None`.
        settings: the run's settings, by name.
        metrics: what was measured in the run.
        serving: what the run folder says of its models' use.
    """

    def __init__(self, path, part, serving, config, metrics):
        self.path, self.part, self.serving = path, part, serving
        self.study, self.data = serving["study"], serving["data"]
        self.inputs = serving["inputs"]
        self.classes = tuple(serving["classes"])
        names = enumerate(self.classes)
        truly = ("genuine", "spontaneous")
        self.genuine = [n for n, name in names if name.startswith(truly)]
        self.settings, self.metrics = config["settings"], metrics
        spec = serving["parts"][part]
        file = spec.get("model")
        self.model = file and safe.load_model(safe.inside(path, file))
        self.head = self._load_head(spec)
        self._predictor = KINDS[self.inputs](self, spec)

    def _load_head(self, spec):
        found = spec.get("heads") or spec.get("head")
        if isinstance(found, dict):
            return {
                name: heads.load(safe.inside(self.path, file))
                for name, file in found.items()
            }
        return found and heads.load(safe.inside(self.path, found))

    def predict(self, inputs):
        """The probability of each class.

        Args:
            inputs: by what the run takes, see `self.inputs`:

                - `"pictures"`: array `(n, height, width, 3)` or a list of arrays
                  `(height, width, 3)` of any sizes, RGB, values in 0..255. Faces have
                  to lie in them as in the training pictures: see `zoo.inputs.faces`;
                - `"points"`: one recording, an array `(frames, 100, 3)` of Kinect
                  points (x and y in pixels, z in mm), or a list of recordings;
                - `"diameters"`: raw pupil diameters at 60 Hz, array `(n, samples)` or a
                  list of arrays `(samples,)`; NaN is missing;
                - `"tracks"`: a `LandmarkTrack`, an array `(copies, frames, 80)`, or a
                  list of them, a video each.

                Or an iterator, a generator or a `tf.data.Dataset` over any of these:
                then nothing is computed before it is asked for, and nothing is kept.
                Of what a dataset gives with labels, the labels are left out.

        Returns:
            float64 `(n, classes)`: of each picture, frame, series or video the
            probability of each class, in 0..1. Of a list of recordings a list of such
            arrays. Of an iterator a generator of what each of its items gives.

        Raises:
            ValueError: the inputs are not as above.
        """
        if not is_stream(inputs):
            return self._predictor(inputs)
        dataset = hasattr(inputs, "element_spec")
        return (self._predictor(first(item) if dataset else item) for item in inputs)

    def __repr__(self):
        part = f", part {self.part!r}" if self.part else ""
        return f"<TrainedRun {self.study}{part}: {self.inputs} to {len(self.classes)}>"


def is_stream(inputs):
    """Whether it has to be gone through item by item."""
    # Text and dicts can be gone through, too, and are never meant so.
    whole = isinstance(inputs, list | tuple | str | dict) or hasattr(inputs, "shape")
    return not whole and hasattr(inputs, "__iter__")


def first(item):
    """The inputs of an item that a `tf.data.Dataset` gives with labels."""
    return item[0] if isinstance(item, tuple) else item


def parts(path):
    """Names of the models that a run folder holds.

    Args:
        path: the run folder.

    Returns:
        List of names for `load_run`, such as emotions; `""` is the one that is meant
        where none is named.

    Raises:
        ValueError: it is no finished run, or is damaged.
    """
    return list(read_serving(path)["parts"])


def load_run(path, part=None):
    """Loads a finished run of one of the studies.

    Nothing in the folder is executed: models and heads are read by `zoo.safe` and
    `zoo.heads`, which refuse what is not theirs.

    Args:
        path: the run folder, `runs/STUDY/TIME-HASH`.
        part: which of its models, where it has several: one of `parts(path)`, such as
            an emotion, the person trained on, or `"pruned"`.

    Returns:
        A `TrainedRun`.

    Raises:
        ValueError: it is no finished run, is damaged or tampered with, or has several
            models and none of them was named.
        ImportError: the package of its head is not installed.
    """
    path = pathlib.Path(path).expanduser()
    serving = read_serving(path)
    names = list(serving["parts"])
    if part is None:
        part = "" if "" in names or len(names) > 1 else names[0]
    if part not in names:
        listed = ", ".join(repr(name) for name in names)
        raise ValueError(
            f"{path} holds several models; name one of them with part: {listed}."
            if part == ""
            else f"{path} has no part {part!r}. Expected one of {listed}."
        )
    config = safe.read_json(safe.inside(path, "config.json"))
    metrics = safe.read_json(safe.inside(path, "metrics.json"))
    if not isinstance(config.get("settings"), dict):
        raise ValueError(f"{path / 'config.json'} is damaged: it has no settings.")
    try:
        return TrainedRun(path, part, serving, config, metrics)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not a run folder as the studies write it: {SERVING} or "
            f"config.json lacks something or has it in another form ({error!r})."
        ) from error


def run_folder(path):
    """Return the path of a finished run's folder, or raise ValueError."""
    path = pathlib.Path(path).expanduser()
    if not path.is_dir():
        raise ValueError(
            f"Expected a run folder (runs/STUDY/TIME-HASH) at {path}; there is "
            + ("a file." if path.exists() else "nothing.")
        )
    if path.resolve().name.startswith(UNFINISHED):
        raise ValueError(
            f"{path} is of a run that was interrupted. Finish it with --resume."
        )
    return path


def read_serving(path):
    """Return the checked content of a run's serving.json."""
    path = run_folder(path)
    if not (path / SERVING).exists():
        inside = [*path.glob(f"[!.]*/{SERVING}"), *path.glob(f"*/[!.]*/{SERVING}")]
        inside = sorted((file.parent for file in inside), key=lambda run: run.name)
        hint = f" Did you mean {inside[-1]}?" if inside else ""
        raise ValueError(
            f"{path} is no finished run with a model: it has no {SERVING}. Runs that "
            f"only validate, and those of before version 0.1, have none.{hint}"
        )
    serving = safe.read_json(safe.inside(path, SERVING))
    form, inputs = serving.get("format"), serving.get("inputs")
    if form != FORMAT or inputs not in list(KINDS):
        raise ValueError(
            f"{path / SERVING} is of format {reprlib.repr(form)} for inputs "
            f"{reprlib.repr(inputs)}; this version of Duchenne reads format {FORMAT} "
            f"for {', '.join(KINDS)}. Use the version that wrote it."
        )
    wrong = wrong_entries(serving)
    if wrong:
        received = reprlib.repr([serving.get(name) for name in wrong])
        raise ValueError(
            f"{path / SERVING} is damaged: expected {', '.join(wrong)} as the studies "
            f"write them. Received: {received}"
        )
    return serving


def wrong_entries(serving):
    """Return the names in a serving.json that are not as the studies write them."""
    classes, parts = serving.get("classes"), serving.get("parts")
    framing = serving.get("framing")
    sides = [framing.get(k) for k in FRAMING] if isinstance(framing, dict) else [None]
    fine = {
        "study": isinstance(serving.get("study"), str),
        "data": serving.get("data") in ("real", "sample"),
        "classes": isinstance(classes, list) and {*map(type, classes)} == {str},
        "parts": isinstance(parts, dict) and {*map(type, parts.values())} == {dict},
        "framing": framing is None or {*map(type, sides)} <= {int, float},
    }
    return [name for name, good in fine.items() if not good]
