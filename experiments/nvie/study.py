"""What the three studies on NVIE do alike: read the data, arrange answers, serve."""

import os
import pathlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from datasets import nvie, pictures, splits
from experiments.harness.metrics import predictions_table
from experiments.harness.run_folder import hash_data, write_serving
from experiments.harness.study import Run, user_errors
from zoo.inputs import faces

FRAMED = 200  # training pictures that faces are measured in


@dataclass(frozen=True)
class Pictures:
    """The pictures of a study and who is trained and tested on.

    Attributes:
        index: a row per picture, see `datasets.nvie.index`; `sample` is its path
            relative to the data folder.
        labels: class of each picture.
        parts: positions of the pictures of `train`, `validation`, `test` and
            `measured`, which is one of these two.
    """

    index: pd.DataFrame
    labels: np.ndarray
    parts: dict[str, np.ndarray]

    def part(self, name: str) -> tuple[pd.DataFrame, np.ndarray]:
        """Return `(index, labels)` of a part."""
        rows = self.parts[name]
        return self.index.iloc[rows], self.labels[rows]


def read(run: Run) -> Pictures:
    """Read the index, split it, and record what was found.

    Raises:
        StudyError: there are no data to work with, or too few subjects.
    """
    settings = run.settings
    with user_errors():
        index = nvie.index(run.data_dir)
        labels = nvie.task_labels(index, settings.task)
        split = {"subject": splits.holdout, "image": splits.image_holdout}
        parts = split[settings.protocol](index, labels, seed=settings.seed)
        if len(np.unique(labels[parts["train"]])) < 2:
            raise ValueError(
                "Expected pictures of two classes in the training part. Received: of "
                "one. Try another --seed, or add data."
            )
    lines, counts = [nvie.summary(index)], {}
    for name, rows in parts.items():
        subjects = index["subject"].iloc[rows].nunique()
        lines.append(f"{name}: {len(rows)} pictures of {subjects} subjects")
        counts[f"n_{name}"] = len(rows)
    counts["n_subjects"] = int(index["subject"].nunique())
    paths = [os.path.relpath(path, run.data_dir) for path in index["path"]]
    index["sample"] = [path.replace(os.sep, "/") for path in paths]
    sizes = [os.path.getsize(path) for path in index["path"]]
    content = hash_data(index.drop(columns="path").assign(size=sizes))
    skipped = index.attrs["report"]
    run.record_data("\n".join(lines), index["path"], skipped, content=content, **counts)
    parts["measured"] = parts["validation" if run.validating else "test"]
    return Pictures(index, labels, parts)


def predictions(
    run: Run, data: Pictures, probability: np.ndarray, model: str
) -> pd.DataFrame:
    """Arrange a model's answers for the measured part as predictions.csv."""
    index, labels = data.part("measured")
    columns = {"sample": index["sample"], "subject": index["subject"]}
    answers = (run.spec, model, labels, probability)
    return predictions_table(*answers, **columns, seed=run.settings.seed)


def serve(run: Run, data: Pictures, path: pathlib.Path, **files) -> None:
    """Write serving.json.

    Args:
        run: the `Run`.
        data: its `Pictures`.
        path: of the run folder.
        files: names of the files of model and head, and what goes with them.
    """
    index, _ = data.part("train")
    some = index["path"].sample(min(FRAMED, len(index)), random_state=0)
    with user_errors():
        framing = faces.framing(map(pictures.read, some))
    about = (path, run.study.name, run.kind, "pictures", run.spec.classes)
    write_serving(*about, {"": files}, framing=framing)
