"""What the three studies on NVIE share: data, protocols, the run folder.

Christensen, "Differentiating Between Spontaneous and Posed Facial Expression using
Inception V4", University of Agder, 2018 (seeds/003).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from datasets import nvie, sample, splits
from datasets import pictures as picture_files
from experiments import common, evaluation, report
from experiments import figures as draw
from experiments.run_folder import fingerprint
from zoo.inputs import faces

PAPER = "Christensen 2018"
PROTOCOLS = {
    "subject": "hold-out by subject",
    "image": "hold-out by picture (the thesis's; the same people on both sides)",
}
COMMON = ["config.json", "metrics.json", "predictions.csv", "skipped.json"]
COMMON += ["serving.json"]
FRAMED = 200  # training pictures that faces are measured in
FILES = {
    "config.json": "settings, versions, commit, seed, data",
    "metrics.json": "the measures above",
    "predictions.csv": "every test picture: subject, truth, probability",
    "history.csv": "training and validation by epoch",
    "model.keras": "the network; `keras.saving.load_model` after `import zoo`",
    "saved_model/": "the same for programs with TensorFlow alone: `serve`, `features`",
    "head.ubj": "the XGBoost head on the network's features: `zoo.heads.load`",
    "head.skops": "the SVM head: `zoo.heads.load`",
    "search.csv": "every setting of the SVM search",
    "skipped.json": "what of the data was left out, and why",
    "serving.json": "what `zoo.load_run` needs: classes, how faces lie in the pictures",
    "logs/": "for TensorBoard",
}


def add_task(parser):
    group = parser.add_argument_group("task")
    group.add_argument(
        "--task",
        choices=["spontaneous", "emotion"],
        default="spontaneous",
        help="posed or spontaneous (2 classes), or that with six emotions (12 classes) "
        "(default: spontaneous)",
    )
    group.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        default="subject",
        help="who is tested: subjects that were not trained on, or, as in the thesis, "
        "pictures of the same people (default: subject)",
    )
    return parser


@dataclass(frozen=True)
class Pictures:
    """The pictures of a study and who is trained and tested on.

    Attributes:
        index: a row a picture, see `datasets.nvie.index`.
        labels: class of each picture.
        parts: positions of the pictures of `train`, `validation` and `test`.
        told: what was found and left out, for people.
    """

    index: pd.DataFrame
    labels: np.ndarray
    parts: dict
    told: str

    def part(self, name):
        """`(index, labels)` of a part."""
        rows = self.parts[name]
        return self.index.iloc[rows], self.labels[rows]

    def counts(self):
        counts = {f"n_{name}": len(rows) for name, rows in self.parts.items()}
        return {**counts, "n_subjects": int(self.index["subject"].nunique())}


def read(run):
    """Reads the index and splits it, tells what was found, and writes config.json.

    Args:
        run: the `Run`.

    Returns:
        The `Pictures`.

    Raises:
        StudyError: there are no data to work with, or too few subjects.
    """
    settings = run.settings
    with common.user_errors():
        index = nvie.index(run.data_dir)
        labels = nvie.task_labels(index, settings["task"])
        split = {"subject": splits.holdout, "image": splits.image_holdout}
        parts = split[settings["protocol"]](index, labels, seed=settings["seed"])
        if len(np.unique(labels[parts["train"]])) < 2:
            raise ValueError(
                "The training part has pictures of one class only: too few subjects "
                "have the other. Try another --seed, or add data."
            )
    if run.kind != sample.kind_of(index["path"]):
        run.kind = "sample"  # a manifest, or a folder above, may lead to it
        print("These pictures are those of the SAMPLE, made by code, not people.")
    told = nvie.summary(index)
    for name, rows in parts.items():
        subjects = index["subject"].iloc[rows].nunique()
        told += f"\n{name}: {len(rows)} pictures of {subjects} subjects"
    print(told, flush=True)
    pictures = Pictures(index, labels, parts, told)
    run.folder.write_json("skipped.json", index.attrs["report"])
    seen = {"fingerprint": fingerprint(index, run.data_dir), **pictures.counts()}
    with common.user_errors():
        run.folder.write_config(run, seen)
    return pictures


def serve(run, pictures, part):
    """Writes serving.json.

    Args:
        run: the `Run`.
        pictures: its `Pictures`.
        part: names of the files of model and head, and what goes with them.
    """
    index, _ = pictures.part("train")
    some = index["path"].sample(min(FRAMED, len(index)), random_state=0)
    with common.user_errors():
        framing = faces.framing(map(picture_files.read, some))
    classes = nvie.CLASS_NAMES[run.settings["task"]]
    run.folder.write_serving(run, "pictures", classes, {"": part}, framing=framing)


def measured_part(settings):
    """Name of the part that a run measures."""
    return "validation" if settings.get("validate") else "test"


def protocol_line(settings):
    """Names the protocol, and that it is not the test part that was measured."""
    line = PROTOCOLS[settings["protocol"]]
    return f"{line}; VALIDATION part" if settings.get("validate") else line


def title(run):
    """Study, task, protocol and data in a line."""
    settings = run.settings
    protocol = protocol_line(settings)
    label = common.on_sample(run.kind)
    return f"{run.study.name}, task {settings['task']}, {protocol}{label}"


def conclude(run, pictures, probability, files, figures, rows=(), **more):
    """Measures the test part, or the validation part, and writes what all write.

    Args:
        run: the `Run`.
        pictures: its `Pictures`.
        probability: of each class for the measured part, `(n, classes)`.
        files: names of the files that the study has written itself.
        figures: names of the figures that it has drawn itself.
        rows: further rows for the table, `(name, measures)`.
        more: further entries for metrics.json.

    Returns:
        The text to end with.
    """
    index, labels = pictures.part(measured_part(run.settings))
    task = run.settings["task"]
    names = nvie.CLASS_NAMES[task]
    result = evaluation.evaluate(labels, probability, index["subject"])
    base = evaluation.baselines(labels, len(names))
    metrics = {
        **result,
        "baselines": base,
        "paper": run.study.reported[task],
        "data": run.kind,
        "protocol": protocol_line(run.settings),
        "validation": bool(run.settings.get("validate")),
        **pictures.counts(),
        **more,
    }
    path = run.folder.path
    run.folder.write_json("metrics.json", metrics)
    predictions(index, labels, probability, names, path / "predictions.csv")
    draw.confusion_matrix(
        labels,
        probability.argmax(axis=1),
        names,
        f"Confusion matrix\n{title(run)}",
        path / "confusion_matrix.png",
    )
    draw.roc(labels, probability, f"ROC\n{title(run)}", path / "roc.png")

    table = report.comparison(run, result, base, rows)
    sentence = evaluation.verdict(result, base)
    settings = "\n".join(f"{k}: {v}" for k, v in run.settings.items())
    report.write(
        run,
        title(run),
        table,
        sentence,
        {"Command": run.command, "Settings": settings, "Data": pictures.told},
        [*figures, "confusion_matrix.png", "roc.png"],
        {name: what for name, what in FILES.items() if name in [*COMMON, *files]},
    )
    return f"{title(run)}\n{report.text_table(table)}\n{sentence}"


def predictions(index, labels, probability, names, path):
    """Writes a row a test picture; the probability of genuine, or of every class."""
    table = pd.DataFrame(
        {
            "path": index["path"],
            "subject": index["subject"],
            "truth": [names[label] for label in labels],
            "predicted": [names[answer] for answer in probability.argmax(axis=1)],
        }
    )
    half = len(names) // 2
    table["probability"] = probability[:, half:].sum(axis=1)
    if half > 1:
        for place, name in enumerate(names):
            table[f"probability of {name}"] = probability[:, place]
    table.to_csv(path, index=False, float_format="%.6f", errors="backslashreplace")
