"""What each study's predictions.csv says, in one form."""

import numpy as np
import pandas as pd

from experiments.compare.record import Broken, Model

HEADS = {"xgboost": "XGBoost", "svm": "SVM", "logistic": "logistic regression"}


def models(record, rows):
    """The models of a run.

    Args:
        record: its `Record`.
        rows: the content of predictions.csv.

    Returns:
        List of `Model`.

    Raises:
        Broken: labels are none of the task's.
    """
    make = {"nvie": _nvie, "gfe": _gfe, "pupil": _pupil, "sase_fe": _sase}
    return make[record.study.data](record, rows)


def _nvie(record, rows):
    places = {name: place for place, name in enumerate(record.classes)}
    truth, answer = rows["truth"].map(places), rows["predicted"].map(places)
    if truth.isna().any() or answer.isna().any():
        raise Broken("predictions.csv has labels that are none of the task's.")
    folder = str(record.config["data"].get("folder", "")).rstrip("/\\")
    table = pd.DataFrame(
        {
            "subject": rows["subject"],
            "sample": rows["path"].str.removeprefix(folder).str.lstrip("/\\"),
            "truth": truth.astype(int),
            "answer": answer.astype(int),
            "score": rows["probability"],
            "part": "",
        }
    )
    columns = [f"probability of {name}" for name in record.classes]
    if len(record.classes) == 2:
        probabilities = np.stack([1 - table["score"], table["score"]], axis=1)
    else:
        probabilities = rows[columns].to_numpy(float)
    measures = record.metrics
    return [Model(record, record.study.model, measures, table, probabilities)]


def _binary(record, name, measures, rows, column, sample, part, *kept):
    if not rows["truth"].isin([0, 1]).all():
        raise Broken("predictions.csv has labels other than 0 and 1.")
    table = rows[["subject", *kept]].assign(
        sample=sample,
        truth=rows["truth"].astype(int),
        answer=(rows[column] > 0.5).astype(int),
        score=rows[column].astype(float),
        part=part,
    )
    both = np.stack([1 - table["score"], table["score"]], axis=1)
    return Model(record, name, measures, table, both)


def _gfe(record, rows):
    sample = rows["subject"] + "/" + rows["expression"] + "/" + rows["frame"].map(str)
    direction = rows["round"].str.split("-block_").str[0]
    part = rows["seed"].map(str) + " " + rows["expression"] + " " + direction
    sample = rows["round"] + " " + sample
    name, kept = record.study.model, ("seed", "expression")
    made = _binary(
        record, name, record.metrics, rows, "probability", sample, part, *kept
    )
    return [made]


def _pupil(record, rows):
    sample = rows["subject"] + "/" + rows["video"] + "/" + rows["eye"]
    columns = [name for name in ("probability", "pruned") if name in rows]
    models = []
    # Those with parameters are the models; the others average both eyes.
    for name, column in zip(record.metrics["parameters"], columns, strict=False):
        measures = record.metrics["models"][name]
        short = name.replace(" (sample)", "").replace(", this run", "")
        part = rows["round"]
        models.append(
            _binary(record, short, measures, rows, column, sample, part, "video")
        )
    return models


def _sase(record, rows):
    sample = rows["subject"] + "/" + rows["emotion"] + "/" + rows["video"]
    sample = rows["part"] + "/" + sample
    part = rows["round"] + " " + rows["emotion"]
    models = []
    for head, measures in record.metrics["heads"].items():
        column = "probability" if head == "xgboost" else head
        name = f"LSTM-PB, {HEADS.get(head, head)}"
        models.append(
            _binary(record, name, measures, rows, column, sample, part, "emotion")
        )
    return models
