"""Whether a run's metrics.json and predictions.csv belong together and make sense.

Every figure that is shown of a run is computed again from its predictions, as the
study itself does it.
"""

import math

import numpy as np
from sklearn import metrics

from experiments import evaluation, sase_measures
from experiments.compare.expressions import means
from experiments.compare.record import Broken
from experiments.compare.words import printable
from experiments.within_rounds import within_rounds

INTERVALS = {
    "accuracy": "ci95",
    "balanced_accuracy": "balanced_accuracy_ci95",
    "f1": "f1_ci95",
    "roc_auc": "roc_auc_ci95",
    "paired_accuracy": "paired_ci95",
}
# predictions.csv is rounded, and with a changed answer or two still that of the run;
# probabilities near 0 and 1 that differed are then equal.
AGREES = 0.01
AGREES_ON_AREA = 0.05


def check(record):
    """Refuses a run whose figures are none, or not those of its predictions.

    Raises:
        Broken: what of it.
    """
    texts = {
        "protocol": (record.settings["protocol"], str),
        "task": (record.settings.get("task", ""), str | None),
        "validate": (record.settings.get("validate"), str | bool | None),
        "quick": (record.quick, bool),
        "fingerprint": (record.fingerprint, str | None),
    }
    for name, (value, kind) in texts.items():
        if not isinstance(value, kind):
            raise Broken(f"config.json: {name} is {value!r}.")
    for name in (record.config["data"]["kind"], record.metrics["data"]):
        if name not in ("real", "sample"):
            raise Broken(f"its data are {name!r}, neither real nor the sample.")
    _papers(record)
    for model in record.models:
        _figures(model)
        _complete(model)
        _same(model)
    record.case  # noqa: B018, what it needs is there


def _papers(record):
    if record.study.data not in ("gfe", "pupil"):
        return
    paper = record.metrics["paper"]
    if not isinstance(paper, dict):
        raise Broken(f"metrics.json: paper is {paper!r}.")
    for name, value in paper.items():
        _share(name, value, or_none=True)


def _share(name, value, or_none=False):
    """Refuses what is no number from 0 to 1."""
    if value is None and or_none:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not 0 <= value <= 1:
        raise Broken(f"metrics.json: {name} is {value!r}, and no number from 0 to 1.")


def _figures(model):
    told = model.measures
    if not isinstance(told, dict):
        raise Broken(f"metrics.json has no measures of {model.name}.")
    for key, interval in INTERVALS.items():
        if key != "paired_accuracy" or model.record.study.data == "sase_fe":
            _share(key, told[key], or_none=key != "accuracy")
        bounds = told.get(interval)
        if bounds is None:
            continue
        if not isinstance(bounds, list) or len(bounds) != 2:
            raise Broken(f"metrics.json: {interval} is {bounds!r}, and no interval.")
        for bound in bounds:
            _share(interval, bound)
        if bounds[0] > bounds[1]:
            raise Broken(f"metrics.json: {interval} begins above its end: {bounds}.")
    for name, value in _base(model).items():
        _share(name, value)
    if model.record.study.data == "gfe":
        if set(told["expressions"]) != set(model.table["expression"]):
            raise Broken("predictions.csv has other expressions than metrics.json.")
        for name, one in told["expressions"].items():
            _share(f"F1 of {name}", one["f1"])
            _share(f"always_f1 of {name}", one["baselines"]["always_f1"])
        _share("f1_spread", told.get("f1_spread"), or_none=True)


def _base(model):
    base = model.record.metrics["baselines"]
    if not isinstance(base, dict):
        raise Broken("metrics.json has no baselines.")
    keys = ["majority_class"]
    keys += ["always_f1"] if model.record.study.data == "gfe" else []
    return {key: base.get(key) for key in keys}


def _complete(model):
    table = model.table
    if table.isna().any(axis=None):
        lacking = table.columns[table.isna().any()][0]
        raise Broken(f"predictions.csv lacks values: {lacking}.")
    table = table[["sample"]].assign(seed=table.get("seed", 0))
    if table.duplicated().any():
        twice = table.loc[table.duplicated(), "sample"].iloc[0]
        raise Broken(f"predictions.csv has a test sample twice: {printable(twice)}.")
    counts = table["seed"].value_counts()
    _all("test samples", counts.min(), model.measures.get("n_test", counts.max()))
    _all("seeds", len(counts), model.record.settings.get("seeds", 1))


def _all(what, found, expected):
    if found != expected:
        raise Broken(
            f"predictions.csv has {found} of {expected} {what}: it was cut, or is of "
            "another run."
        )


def _same(model):
    told = {**model.measures, **_base(model)}
    for key, value in recomputed(model).items():
        value = None if value is None or math.isnan(value) else value
        within = AGREES_ON_AREA if key == "roc_auc" else AGREES
        both = value is not None and told[key] is not None
        if (
            value is None
            and told[key] is None
            or (both and abs(value - told[key]) <= within)
        ):
            continue
        values = (
            "not defined" if one is None else f"{one:.3f}" for one in (value, told[key])
        )
        raise Broken(
            "predictions.csv has {} of {}, metrics.json of {}: they are not of the "
            "same run.".format(key, *values)
        )


def recomputed(model):
    """The figures of a run's predictions, by its study's own definitions.

    Args:
        model: a `Model`.

    Returns:
        Dict of names to values, as metrics.json has them.
    """
    table, dataset = model.table, model.record.study.data
    if dataset == "gfe":
        return means(table).mean().to_dict()
    truth = table["truth"].to_numpy()
    found = measured(truth, table["answer"].to_numpy(), model.probabilities)
    classes = model.probabilities.shape[1]
    found["majority_class"] = evaluation.baselines(truth, classes)["majority_class"]
    if dataset in ("pupil", "sase_fe"):
        parts = table.assign(label=truth, round=table["part"], emotion="")
        found |= within_rounds(parts, table["score"].to_numpy())
    if dataset == "sase_fe":
        found["paired_accuracy"] = sase_measures.paired(parts, "score")[
            "paired_accuracy"
        ]
    return found


def measured(truth, answer, probabilities):
    """As `evaluation.evaluate`, from the answers themselves.

    Args:
        truth: classes, `(n,)`.
        answer: classes, `(n,)`.
        probabilities: `(n, classes)`.
    """
    average = "binary" if probabilities.shape[1] == 2 else "macro"
    recall = [np.mean(answer[truth == c] == c) for c in np.unique(truth)]
    return {
        "accuracy": float(np.mean(truth == answer)),
        "balanced_accuracy": float(np.mean(recall)),
        "f1": float(metrics.f1_score(truth, answer, average=average, zero_division=0)),
        "roc_auc": evaluation.roc_auc(truth, probabilities),
    }
