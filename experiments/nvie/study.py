"""Common steps of the three picture studies: read data, arrange answers, serve."""

import os
import pathlib

import numpy as np
import pandas as pd

from datasets import nvie, pictures, splits, stills
from datasets.summary import summarise
from experiments import clips
from experiments.harness import raters
from experiments.harness.metrics import predictions_table
from experiments.harness.run_folder import hash_data, write_serving
from experiments.harness.study import Run, user_errors
from zoo.inputs import faces, landmarks

FRAMED = 200  # training pictures that faces are measured in


def read(run: Run) -> dict[str, dict[str, pd.DataFrame]]:
    """Read the index, divide it, and record what was found.

    Returns:
        By round ("" for a hold-out, else "fold1" ...): a row per picture with its
        `class` and what it is called as `sample`, of `train`, `validation`, `test` and
        `measured`, which is one of these two.

    Raises:
        StudyError: there are no data to work with, or too few subjects.
    """
    settings = run.settings
    with user_errors():
        index, lines = read_index(run)
        labels = nvie.task_labels(index, settings.task)
        rounds = divide(index, labels, settings)
        if any(len(np.unique(labels[one["train"]])) < 2 for one in rounds.values()):
            raise ValueError(
                "Expected pictures of two classes in the training part. Received: of "
                "one. Try another --seed, or add data."
            )
    index["class"] = labels
    sources = index["source"] if "source" in index else index["path"]
    sizes = [os.path.getsize(path) for path in index["path"]]
    hashed = index.drop(columns=["path", "source"], errors="ignore")
    known = {"content": hash_data(hashed.assign(size=sizes))}
    data = {}
    for name, parts in rounds.items():
        one = {part: index.iloc[rows] for part, rows in parts.items()}
        data[name] = one | {"measured": one["validation" if run.validating else "test"]}
    for part, table in next(iter(data.values())).items():
        if part != "measured":
            people = table["subject"].nunique()
            of = f"{part}, {next(iter(data))}" if len(data) > 1 else part
            lines.append(f"{of}: {len(table)} pictures of {people} subjects")
            if part != "test" or len(data) == 1:
                known[f"n_{part}"] = len(table)
    known["n_subjects"] = int(index["subject"].nunique())
    known["faces_by"] = landmarks.load_mesh("mesh468").model
    run.record_data("\n".join(lines), sources, index.attrs["report"], **known)
    if settings.control == "permuted":
        for one in data.values():
            for part in ("train", "validation"):
                one[part] = permute(one[part], settings.seed)
    return data


def read_index(run: Run) -> tuple[pd.DataFrame, list[str]]:
    """Return a row per picture, and what was found, for people."""
    settings = run.settings
    if settings.dataset == "nvie":
        index = nvie.index(run.data_dir)
        paths = [os.path.relpath(path, run.data_dir) for path in index["path"]]
        index["sample"] = [path.replace(os.sep, "/") for path in paths]
        return index, [nvie.summary(index)]
    found = clips.read_index(run)
    report = found.attrs["report"]
    grey = settings.control == "grey_world"
    index, failed = stills.cut_faces(found, settings.frame, grey)
    report["without a face, or unreadable"] = failed["reason"].tolist()
    if settings.task == "emotion":
        report["no emotion"] = index.loc[index["emotion"].isna(), "sample"].tolist()
        index = index[index["emotion"].notna()].reset_index(drop=True)
    index.attrs["report"] = report
    lines = [summarise(index, run.about.name, f"faces ({settings.frame})")]
    index = index.rename(columns={"label": "spontaneous"})
    index = index.assign(illumination=pd.NA)
    index.attrs["report"] = report
    return index, lines


def divide(index: pd.DataFrame, labels, settings) -> dict[str, dict[str, np.ndarray]]:
    """Return the rows of training, validation and test by round."""
    if settings.protocol == "folds":
        if getattr(settings, "validate", False):
            raise ValueError(
                "--validate: expected a hold-out by person, as everybody is tested in "
                "folds. Received: --protocol folds."
            )
        rounds = splits.folds(index, labels, seed=settings.seed)
        return {f"fold{number}": one for number, one in enumerate(rounds, start=1)}
    split = splits.image_holdout if settings.protocol == "image" else splits.holdout
    return {"": split(index, labels, seed=settings.seed)}


def inner_folds(train: pd.DataFrame, labels: np.ndarray, seed: int) -> list:
    """Return folds by subject inside a training part: five, or one per person."""
    return splits.kfold(train, labels, min(5, train["subject"].nunique()), seed)


def permute(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Permute the classes of a table's rows within each person."""
    rng = np.random.default_rng(seed)
    groups = table.groupby("subject")["class"]
    return table.assign(**{"class": groups.transform(rng.permutation)})


def predictions(
    run: Run, tested: pd.DataFrame, probability: np.ndarray, model: str, group=""
) -> pd.DataFrame:
    """Arrange a model's answers for the measured part as predictions.csv."""
    answers = (run.spec, model, tested["class"], probability)
    columns = {"sample": tested["sample"], "subject": tested["subject"]}
    columns |= {"group": group, "seed": run.settings.seed}
    return predictions_table(*answers, **columns)


def beside(run: Run, rounds: dict) -> tuple[list[pd.DataFrame], dict]:
    """Return the raters' answers for the measured parts, and a single rater's measures.

    Returns:
        `(tables, more)`: what predictions.csv and `Result.more` take.
    """
    if len(run.spec.classes) > 2:
        return [], {}
    measured = pd.concat([data["measured"] for data in rounds.values()])
    measured = measured.rename(columns={"spontaneous": "label"})
    seed = run.settings.seed
    return raters.answers(run.spec, measured, seed), raters.one_rater(measured)


def serve(run: Run, train: pd.DataFrame, path: pathlib.Path, **files) -> None:
    """Write serving.json.

    Args:
        run: the `Run`.
        train: the training pictures, which tell how faces are framed.
        path: of the run folder.
        files: names of the files of model and head, and what goes with them.
    """
    framing = stills.FRAMING
    if run.settings.dataset == "nvie":
        some = train["path"].sample(min(FRAMED, len(train)), random_state=0)
        with user_errors():
            framing = faces.framing(map(pictures.read, some))
    model = (path, run.study.name, run.kind, "pictures", run.spec.classes)
    write_serving(*model, {"": files}, framing=framing)
