"""The work of a study on observers' pupils: data, rounds, answers, models."""

import pathlib

import numpy as np
import pandas as pd

from datasets import pupil
from experiments.harness import metrics, parallel, report, run_folder
from experiments.harness.study import Result, user_errors
from experiments.pupil import SPEC
from zoo.export import export

VIEWING = ["observer", "video"]
CONSTANT = (
    "The paper's accuracies are those of constant answers, whose balanced accuracy is "
    '0.5: on its test part "real" scores 24/70 = 34.29 %, "fake" 46/70 = 65.71 %.'
)


def work(run, method) -> Result:
    """Train and test a method in every round.

    Args:
        run: the `Run`.
        method: class of the settings, the index and the diameters. `models` has what
            tables add to the study's name for each model. `learn(division)` returns
            what a checkpoint takes, such as the models' `answers` (probabilities of
            genuine) and `parameters`; `rebuild(division, content)` the models, from raw
            diameters; `result(contents)` the `tables`, `notes` and `more` of `Result`.
    """
    index, diameters = read(run)
    with user_errors():
        divisions = divide(index, run.settings, run.validating)
    parts = {division["name"]: (division,) for division in divisions}
    shared = method, run.settings, index, diameters
    contents = run.compute(learn, parts, shared, unit="round")
    learner, first = method(*shared[1:]), contents[divisions[0]["name"]]
    result = Result(
        tabulate(run, method.models, index, contents, divisions),
        draw=lambda folder: learner.draw(contents, report.title(run), folder),
        write_models=lambda folder: write_models(
            run, learner.rebuild(divisions[0], first), divisions[0]["name"], folder
        ),
        **learner.result(contents),
    )
    result.notes["Answers"] = count_answers(result.predictions)
    result.notes["The paper's figures"] = CONSTANT
    names = [run.study.model + model for model in method.models]
    result.more["parameters"] = dict(zip(names, first["parameters"], strict=True))
    return result


def read(run) -> tuple[pd.DataFrame, np.ndarray]:
    """Read index and diameters; a validation gets the first round's training part."""
    with user_errors():
        index = pupil.index(run.data_dir)
        diameters = pupil.diameters(index)
        run.record_data(
            pupil.summary(index),
            index["path"].unique(),
            index.attrs["report"],
            content=run_folder.hash_data(index.drop(columns="path"), diameters),
            n_series=len(index),
            n_genuine=int(index["label"].sum()),
            n_subjects=index["observer"].nunique(),
            n_videos=index["video"].nunique(),
        )
        if run.validating:
            rows = divide(index, run.settings)[0]["train"]
            index = index.iloc[rows].reset_index(drop=True)
            # The padding must not show how long the test part's series are.
            diameters = diameters[rows, : index["n_samples"].max()]
    return index, diameters


def divide(index, settings, validating=False) -> list[dict]:
    """Return the protocol's rounds, or folds of observers of a training part."""
    name = "observer" if validating else settings.protocol
    return pupil.protocol(index, name, settings.seed)


def learn(method, settings, index, diameters, division, threads) -> dict:
    """Train and test a method in a round; a part of `Run.compute`."""
    arguments = settings, index, diameters
    key = method.__name__, repr(settings), run_folder.hash_data(index, diameters)
    learner = parallel.cached_in_process(key, lambda: method(*arguments))
    content = learner.learn(division)
    truth = index["label"].to_numpy()[division["test"]]
    return {**content, "loss": metrics.loss(truth, content["answers"][0])}


def tabulate(run, models, index, contents, divisions) -> pd.DataFrame:
    """Arrange the models' answers; where there are two eyes, their mean as well."""
    answers = []
    for name, rows in ((one["name"], one["test"]) for one in divisions):
        columns = dict(zip(models, contents[name]["answers"], strict=True))
        answers.append(index.iloc[rows].assign(round=name, **columns))
    answers = pd.concat(answers).astype(dict.fromkeys(models, float))
    samples = {"": [*VIEWING, "eye"]}
    if answers.duplicated(VIEWING).any():
        samples[", eyes averaged"] = VIEWING
    tables = []
    for averaged, columns in samples.items():
        groups = answers.groupby(["round", "label", *columns], sort=False)
        table = groups[list(models)].mean().reset_index()
        who = {"subject": table["observer"], "video": table["video"]}
        who |= {"group": table["round"], "seed": run.settings.seed}
        who |= {"sample": table[columns].agg("/".join, axis=1)}
        for model in models:
            answer = table["label"], table[model]
            name = run.study.model + model + averaged
            tables.append(metrics.predictions_table(SPEC, name, *answer, **who))
    return pd.concat(tables, ignore_index=True)


def count_answers(predictions) -> str:
    """Count the rounds in which each model answers all alike; a Markdown list."""
    groups = predictions.groupby(["model", "group"], sort=False)["answer"]
    constant = (groups.nunique() == 1).groupby("model", sort=False).agg(["sum", "size"])
    return "\n".join(
        f"- {model}: constant answers in {count} of {rounds} rounds"
        for model, count, rounds in constant.itertuples()
    )


def write_models(run, models, division: str, folder: pathlib.Path) -> dict[str, str]:
    """Write models for Keras and for TensorFlow; return what the files are."""
    files, parts = {}, {}
    for name, model in models.items():
        part = name.removeprefix(", ")
        prefix = part and f"{part}_"
        model.save(folder / f"{prefix}model.keras")
        export(model, folder / f"{prefix}saved_model")
        text = f"from raw diameters to posed and genuine{name}, of round {division}"
        files[f"{prefix}model.keras"] = f"{text}, for Keras"
        files[f"{prefix}saved_model/"] = "the same for TensorFlow alone"
        parts[part] = {"model": f"{prefix}model.keras"}
    study = run.study.name, run.kind
    run_folder.write_serving(folder, *study, "diameters", SPEC.classes, parts)
    return files
