"""Common steps of the three studies on NVIE: read data, arrange answers, serve."""

import os
import pathlib

import numpy as np
import pandas as pd

from datasets import nvie, pictures, splits
from experiments.harness.metrics import predictions_table
from experiments.harness.run_folder import hash_data, write_serving
from experiments.harness.study import Run, user_errors
from zoo.inputs import faces, landmarks

FRAMED = 200  # training pictures that faces are measured in


def read(run: Run) -> dict[str, pd.DataFrame]:
    """Read the index, split it, and record what was found.

    Returns:
        A row per picture, see `datasets.nvie.index`, with its `class` and, as `sample`,
        its path relative to the data folder: of `train`, `validation`, `test` and
        `measured`, which is one of these two.

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
    paths = [os.path.relpath(path, run.data_dir) for path in index["path"]]
    index["sample"] = [path.replace(os.sep, "/") for path in paths]
    index["class"] = labels
    sizes = [os.path.getsize(path) for path in index["path"]]
    known = {"content": hash_data(index.drop(columns="path").assign(size=sizes))}
    lines, data = [nvie.summary(index)], {}
    for name, rows in parts.items():
        data[name] = index.iloc[rows]
        subjects = data[name]["subject"].nunique()
        lines.append(f"{name}: {len(rows)} pictures of {subjects} subjects")
        known[f"n_{name}"] = len(rows)
    known["n_subjects"] = int(index["subject"].nunique())
    known["faces_by"] = landmarks.load_mesh("mesh468").model
    run.record_data("\n".join(lines), index["path"], index.attrs["report"], **known)
    return {**data, "measured": data["validation" if run.validating else "test"]}


def predictions(
    run: Run, tested: pd.DataFrame, probability: np.ndarray, model: str
) -> pd.DataFrame:
    """Arrange a model's answers for the measured part as predictions.csv."""
    answers = (run.spec, model, tested["class"], probability)
    columns = {"sample": tested["sample"], "subject": tested["subject"]}
    return predictions_table(*answers, **columns, seed=run.settings.seed)


def serve(run: Run, train: pd.DataFrame, path: pathlib.Path, **files) -> None:
    """Write serving.json.

    Args:
        run: the `Run`.
        train: the training pictures, which tell how faces are framed.
        path: of the run folder.
        files: names of the files of model and head, and what goes with them.
    """
    some = train["path"].sample(min(FRAMED, len(train)), random_state=0)
    with user_errors():
        framing = faces.framing(map(pictures.read, some))
    model = (path, run.study.name, run.kind, "pictures", run.spec.classes)
    write_serving(*model, {"": files}, framing=framing)
