"""The work of a study on observers' pupils: data, rounds, answers, models."""

import dataclasses
import pathlib

import numpy as np
import pandas as pd

from datasets import pupil
from experiments.harness import metrics, parallel, report, run_folder
from experiments.harness.study import Result, user_errors
from experiments.pupil import SPEC
from zoo.export import export

COLUMNS = ["observer", "video", "eye", "label", "n_samples"]
CONSTANT = (
    "On the paper's test part of 24 real and 46 fake series, 34.29 % = 24/70 is just "
    'what the constant answer "real" scores, and 65.71 % = 46/70 what "fake" does: the '
    "paper's figures are those of constant answers, with a balanced accuracy of 0.5."
)


@dataclasses.dataclass(frozen=True)
class Data:
    """The series of a study.

    Attributes:
        index: one row per series, see `datasets.pupil.index`.
        diameters: `(n, samples)`, raw; NaN not measured, 0 after the end.
        content: a hash of them.
    """

    index: pd.DataFrame
    diameters: np.ndarray
    content: str

    @property
    def labels(self) -> np.ndarray:
        return self.index["label"].to_numpy()


def work(run, method) -> Result:
    """Train and test a method in every round.

    Args:
        run: the `Run`.
        method: class of the settings and the `Data`, with `models`: what tables add to
            the study's name for each model. `learn(division)` returns what a checkpoint
            takes, with the test series' probability of genuine by the names of the
            models, and their `parameters`; `rebuild(division, content)` the same Keras
            models, from raw diameters; `result(contents, title)` fields of `Result`.
    """
    data = read(run)
    with user_errors():
        divisions = divide(data.index, run.settings, run.validating)
    parts = {division["name"]: (division,) for division in divisions}
    shared = method, run.settings, data
    contents = run.compute(learn, parts, shared, unit="round")
    learner = cached(*shared)
    predictions = tabulate(run, method.models, data, divisions, contents)
    fields = learner.result(contents, report.title(run))
    notes = {"Answers": count_answers(predictions), "The paper's figures": CONSTANT}
    fields["notes"] = {**fields.get("notes", {}), **notes}
    sizes = contents[divisions[0]["name"]]["parameters"]
    fields["more"]["parameters"] = {
        run.study.model + model: sizes[name] for name, model in method.models.items()
    }

    def write(folder):
        models = learner.rebuild(divisions[0], contents[divisions[0]["name"]])
        return write_models(run, models, divisions, folder)

    return Result(predictions, write_models=write, **fields)


def read(run) -> Data:
    """Read and record the data; a validation gets the first round's training part."""
    with user_errors():
        index = pupil.index(run.data_dir)
        diameters = pupil.diameters(index)
        content = run_folder.hash_data(index[COLUMNS], diameters)
        run.record_data(
            pupil.summary(index),
            index["path"].unique(),
            index.attrs["report"],
            content=content,
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
    return Data(index, diameters, content)


def divide(index, settings, validating=False) -> list[dict]:
    """Return the protocol's rounds, or folds of observers of a training part."""
    name = "observer" if validating else settings.protocol
    return pupil.protocol(index, name, settings.seed)


def learn(method, settings, data, division, threads) -> dict:
    """Train and test a method in a round; a part of `Run.compute`."""
    content = cached(method, settings, data).learn(division)
    truth = data.labels[division["test"]]
    return {**content, "loss": metrics.loss(truth, content["probability"])}


def cached(method, settings, data):
    """A method, which serves one round after the other in its process."""
    key = method.__name__, repr(settings), data.content
    return parallel.cached_in_process(key, lambda: method(settings, data))


def tabulate(run, models, data, divisions, contents) -> pd.DataFrame:
    """Arrange every model's answers; where there are two eyes, their mean as well."""
    series = []
    for division in divisions:
        content = contents[division["name"]]
        answers = {name: content[name].astype(float) for name in models}
        rows = data.index.iloc[division["test"]][COLUMNS[:4]]
        series.append(rows.assign(round=division["name"], **answers))
    series = pd.concat(series, ignore_index=True)
    series["sample"] = series[["observer", "video", "eye"]].agg("/".join, axis=1)
    keys = ["round", "observer", "video", "label"]
    viewings = series.groupby(keys, sort=False)[list(models)].mean().reset_index()
    viewings["sample"] = viewings["observer"] + "/" + viewings["video"]
    tables = {"": series}
    if len(viewings) < len(series):
        tables[", eyes averaged"] = viewings
    return pd.concat(
        [
            metrics.predictions_table(
                SPEC,
                run.study.model + model + averaged,
                table["label"],
                table[name],
                sample=table["sample"],
                subject=table["observer"],
                video=table["video"],
                group=table["round"],
                seed=run.settings.seed,
            )
            for averaged, table in tables.items()
            for name, model in models.items()
        ],
        ignore_index=True,
    )


def count_answers(predictions) -> str:
    """Count each model's genuine answers, and the rounds in which it says nothing else.

    Returns:
        A Markdown list.
    """
    lines = []
    for model, table in predictions.groupby("model", sort=False):
        genuine = table["answer"] == SPEC.classes[1]
        constant = genuine.groupby(table["group"]).nunique() == 1
        span = table.groupby("group")["p_genuine"].agg(np.ptp).max()
        lines.append(
            f'- {model}: "genuine" for {genuine.sum()} of {len(table)}; constant '
            f"answers in {constant.sum()} of {len(constant)} rounds; within a round, "
            f"probabilities span at most {span:.2g}"
        )
    return "\n".join(lines)


def write_models(run, models, divisions, folder: pathlib.Path) -> dict[str, str]:
    """Write models for Keras and for TensorFlow; return what the files are."""
    which = ""
    if len(divisions) > 1:
        which = f", of the first of {len(divisions)} rounds ({divisions[0]['name']})"
    files, parts = {}, {}
    for name, model in models.items():
        part = "" if name == "probability" else name
        prefix = part and f"{part}_"
        model.save(folder / f"{prefix}model.keras")
        export(model, folder / f"{prefix}saved_model")
        text = ", ".join(
            filter(None, ["from raw diameters to posed and genuine", part])
        )
        files[f"{prefix}model.keras"] = f"{text}{which}, for Keras"
        files[f"{prefix}saved_model/"] = "the same for TensorFlow alone"
        parts[part] = {"model": f"{prefix}model.keras"}
    run_folder.write_serving(
        folder, run.study.name, run.kind, "diameters", SPEC.classes, parts
    )
    return {**files, "serving.json": "what `zoo.load_run` needs to know of them"}
