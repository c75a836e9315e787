"""A study's finished run: its model and head, ready for new people.

```python
run = zoo.load_run("runs/STUDY/20261122-031402-fdd23d6c")
run.predict(pictures)  # (n, 2): posed, spontaneous
```
"""

import pathlib

from zoo import heads, safe
from zoo._predict import KINDS

SERVING, FORMAT = "serving.json", 1
UNFINISHED = ".unfinished"  # so begins the name of a run's folder while it is written
REQUIRED = ("study", "data", "classes", "parts")  # in serving.json


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
        genuine = ("genuine", "spontaneous")
        self.genuine = [n for n, c in enumerate(self.classes) if c.startswith(genuine)]
        self.settings, self.metrics = config["settings"], metrics
        spec = serving["parts"][part]
        model, head, by_name = (spec.get(key) for key in ("model", "head", "heads"))
        self.model = model and safe.load_model(safe.inside(path, model))
        self.head = head and heads.load(safe.inside(path, head))
        if by_name:
            files = {name: safe.inside(path, file) for name, file in by_name.items()}
            self.head = {name: heads.load(file) for name, file in files.items()}
        self._predictor = KINDS[self.inputs](self, spec)

    def predict(self, inputs):
        """Return the probability of each class.

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
            arrays. Of an iterator an iterator of what each of its items gives.

        Raises:
            ValueError: the inputs are not as above.
        """
        # Text and dicts can be gone through, too, and are never meant so.
        whole = isinstance(inputs, list | tuple | str | dict)
        if whole or hasattr(inputs, "shape") or not hasattr(inputs, "__iter__"):
            return self._predictor(inputs)
        if hasattr(inputs, "element_spec"):  # a tf.data.Dataset, which may have labels
            inputs = (item[0] if isinstance(item, tuple) else item for item in inputs)
        return map(self._predictor, inputs)

    def __repr__(self):
        part = f", part {self.part!r}" if self.part else ""
        return f"<TrainedRun {self.study}{part}: {self.inputs} to {len(self.classes)}>"


def parts(path):
    """Return the names of the models that a run folder holds.

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
    """Load a finished run of one of the studies.

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
    try:
        return TrainedRun(path, part, serving, config, metrics)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
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
            f"{path / SERVING} is of format {form!r} for inputs {inputs!r}; this "
            f"version of Duchenne reads format {FORMAT} for {', '.join(KINDS)}. Use "
            "the version that wrote it."
        )
    missing = [name for name in REQUIRED if not serving.get(name)]
    if missing:
        raise ValueError(
            f"{path / SERVING} is damaged: it lacks {', '.join(missing)}. Copy the run "
            "anew from where it was trained."
        )
    return serving
