"""The figures of a run in words and tables, for its model card.

Each study measures what suits its data (see `experiments`): the verdict is drawn from
the same numbers as the sentence of the run's report.
"""

import math

_ACCURACY = {"accuracy": "accuracy", "95 % interval": "ci95"}
_WITHIN = {
    "balanced accuracy": "balanced_accuracy",
    "95 % interval ": "balanced_accuracy_ci95",
    "ROC AUC": "roc_auc",
    "95 % interval  ": "roc_auc_ci95",
}
COLUMNS = {
    "nvie": {
        **_ACCURACY,
        "balanced accuracy": "balanced_accuracy",
        "F1": "f1",
        "ROC AUC": "roc_auc",
        "cross-entropy": "loss",
    },
    "pupil": {**_ACCURACY, **_WITHIN, "cross-entropy": "loss"},
    "sase_fe": {
        **_ACCURACY,
        "in pairs": "paired_accuracy",
        "95 % interval   ": "paired_ci95",
        **_WITHIN,
        "cross-entropy": "loss",
    },
}
INTERVALS = {
    "nvie": "The interval draws the people tested anew (percentiles); the model is not "
    "trained anew.",
    "gfe": "Means over the expressions, at threshold 0.5. The constant answer is "
    '"occurring" for F1 and the more frequent label for accuracy.',
    "pupil": "The intervals draw observers and videos anew (percentiles); the model is "
    "not trained anew. ROC AUC and balanced accuracy compare series of the same round.",
    "sase_fe": "The intervals draw the people tested anew (percentiles); the networks "
    "are not trained anew. ROC AUC and balanced accuracy compare videos of the same "
    "emotion and round. In pairs: of a person's two videos of an emotion the more "
    "genuine one is called genuine, which is easier.",
}
PAPERS = {
    "nvie": "The thesis names no split by person: read as by picture, with the same "
    "people on both sides.",
    "gfe": "Xu's text holds out the last 20 %, but the code shuffles frames before it "
    "splits; Freitas et al. have protocols of their own.",
    "pupil": "The paper's 34.29 % and 65.71 % are 24/70 and 46/70, which is what the "
    'constant answers "genuine" and "posed" score on its test part.',
    "sase_fe": "The paper's figures are of 60 videos of 5 people each; at the test the "
    "authors decided in pairs.",
}
HEADS = {
    "xgboost": "XGBoost on PB vectors (the study's)",
    "svm": "SVM on the same",
    "logistic": "logistic regression on the same",
}


def verdict(run):
    """What the run shows, in a sentence or two, the first of them bold.

    Args:
        run: a `zoo._card_files.RunFiles`.
    """
    return {"nvie": _nvie, "gfe": _gfe, "pupil": _within, "sase_fe": _within}[run.data](
        run
    )


def _told(above, detail):
    first = "Above chance" if above else "NOT shown to beat chance"
    return f"**{first}.** {detail}"


def _nvie(run):
    metrics, majority = run.metrics, run.metrics["baselines"]["majority_class"]
    detail = f"Accuracy {show(metrics['accuracy'])}, majority class {show(majority)}; "
    if metrics["ci95"] is None:
        return _told(False, detail + _few(run))
    low, high = metrics["ci95"]
    detail += f"95 % interval of the accuracy {show(low)} to {show(high)}"
    detail += f", resampling {run.people} people." if run.people else "."
    return _told(low > majority, detail)


def _few(run):
    return f"with {run.people or 'so few'} tested, too few people for an interval."


def _gfe(run):
    metrics = run.metrics
    always = metrics["baselines"]["always_f1"]
    each = metrics["expressions"].values()
    above = sum(one["f1"] > one["baselines"]["always_f1"] for one in each)
    detail = (
        f"Mean F1 {show(metrics['f1'])}, of the constant answer {show(always)}; above "
        f"it in {above} of {len(each)} expressions. With {run.people or 'so few'} "
        "people no interval over people can be given."
    )
    if metrics["f1"] <= always:
        return _told(False, detail)
    first = "**Above chance on the people in the data, NOT shown for other people.**"
    return f"{first} {detail}"


def _within(run):
    """By ROC AUC and balanced accuracy, both of which a constant answer has at 0.5."""
    details, above = [], []
    for name, measured in _decisive(run).items():
        if not {"roc_auc_ci95", "balanced_accuracy_ci95"} <= measured.keys():
            details.append(f"{name}: {_few(run).rstrip('.')}")
            continue
        details.append(
            f"{name}: ROC AUC {show(measured['roc_auc'])} "
            f"(95 % interval {span(measured['roc_auc_ci95'])}), balanced accuracy "
            f"{show(measured['balanced_accuracy'])} "
            f"({span(measured['balanced_accuracy_ci95'])})"
        )
        lows = measured["roc_auc_ci95"][0], measured["balanced_accuracy_ci95"][0]
        if min(lows) > 0.5:
            above.append(name)
    detail = f"{'; '.join(details)}."
    if above and len(above) < len(details):
        detail = f"Of {len(details)} models only {', '.join(above)}. {detail}"
    return _told(bool(above), detail)


def _decisive(run):
    """The measures that the verdict is about: what was chosen beforehand."""
    if run.data == "sase_fe":
        return {HEADS["xgboost"]: run.metrics["heads"]["xgboost"]}
    models = run.metrics["models"]
    return {name: models[name] for name in run.metrics["parameters"]}


def figures(run):
    """The tables: this run, constant answers, the paper on its own data.

    Returns:
        Markdown.
    """
    if run.data == "gfe":
        parts = [markdown(_gfe_rows(run.metrics)), _pruned(run.metrics)]
    else:
        columns = COLUMNS[run.data]
        rows = [["", *(name.strip() for name in columns)]]
        for name, measured in _measured(run).items():
            rows.append([name, *(cell(measured.get(key)) for key in columns.values())])
        rows += _baselines(run, list(columns.values()))
        parts = [markdown(rows), markdown(_emotions(run.metrics))]
    parts += [f"{INTERVALS[run.data]} {PAPERS[run.data]}", threshold(run)]
    return "\n\n".join(part for part in parts if part)


def _measured(run):
    metrics = run.metrics
    if run.data == "sase_fe":
        return {HEADS[name]: measured for name, measured in metrics["heads"].items()}
    if run.data == "pupil":
        return metrics["models"]
    rows = {"this run": metrics}
    if "default_svm" in metrics:
        rows["the thesis's default settings, here"] = metrics["default_svm"]
    return rows


def _baselines(run, keys):
    """Rows of the majority class, of chance, and of the paper."""
    base = run.metrics["baselines"]
    half = {"balanced_accuracy": 0.5, "roc_auc": 0.5, "paired_accuracy": 0.5}
    half = {} if run.data == "nvie" else half
    constant = {**half, "accuracy": base["majority_class"]}
    chance = {**half, "accuracy": base["chance"]}
    rows = [
        ["majority class", *(cell(constant.get(key)) for key in keys)],
        ["chance", *(cell(chance.get(key)) for key in keys)],
    ]
    for name, told in _paper(run).items():
        rows.append([name, *(cell(told.get(key)) for key in keys)])
    return rows


def _paper(run):
    """What the paper reports, as the run's metrics.json has it."""
    paper, name = run.metrics["paper"], f"{run.study.paper.short}, on its own data"
    if run.data == "nvie":
        return {name: {"accuracy": paper}}
    if run.data == "pupil":
        told = {f"{key}, on its own split": value for key, value in paper.items()}
        return {key: {"accuracy": value} for key, value in told.items()}
    own = next(v for key, v in paper.items() if key.startswith(run.study.paper.short))
    return {
        f"{name}, validation": {"accuracy": own[0] / 100},
        f"{name}, test": {"paired_accuracy": own[1] / 100},
    }


def _gfe_rows(metrics):
    papers = list(metrics["paper"])
    head = ["F1", "sd over seeds", "accuracy", "ROC AUC", "constant: F1"]
    head += ["constant: accuracy", *(f"{name}: F1" for name in papers)]
    rows = [["", *head]]
    for name, one in {"**mean**": metrics, **metrics["expressions"]}.items():
        told = [one["f1"], one["f1_spread"], one["accuracy"], one["roc_auc"]]
        told += [one["baselines"]["always_f1"], one["baselines"]["majority_class"]]
        told += [one["paper"][paper] for paper in papers]
        rows.append([name, *map(show, told)])
    return rows


def _pruned(metrics):
    if "pruned" not in metrics:
        return ""
    told = metrics["pruned"]
    return (
        f"Pruned by distinctiveness: {told['units']:.0f} of {told['hidden']} hidden "
        f"units at work on average; mean F1 {show(told['f1_before'])} before."
    )


def _emotions(metrics):
    if "emotions" not in metrics:
        return []
    rows = [["XGBoost", "videos", "accuracy", "in pairs", "ROC AUC", "95 % interval"]]
    for name, one in metrics["emotions"].items():
        keys = ["accuracy", "paired_accuracy", "roc_auc", "roc_auc_ci95"]
        rows.append([name, str(one["n_test"]), *(cell(one.get(key)) for key in keys)])
    return rows


def threshold(run):
    """How a probability becomes a decision, and how good the probabilities are."""
    settings, loss = run.settings, run.metrics["loss"]
    classes = 12 if settings.get("task") == "emotion" else 2
    decided = (
        "The most probable class is the answer"
        if classes > 2
        else ("Decisions are made at a probability of 0.5, which was not tuned")
    )
    calibrated = run.study.name == "nvie_svm" or settings.get("head") == "svm"
    how = (
        "The SVM's probabilities are calibrated (Platt's sigmoid) by folds inside the "
        "training part"
        if calibrated
        else "The probabilities are not calibrated"
    )
    even = math.log(classes)
    than = "better" if loss < even else "no better"
    return (
        f"{decided}. {how}: their cross-entropy is {show(loss)} nats, {than} than the "
        f"{show(even)} of giving every class the same probability."
    )


def show(value):
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def span(interval):
    return "-".join(map(show, interval))


def cell(value):
    """A number, an interval, or nothing."""
    if value is None:
        return ""
    return span(value) if isinstance(value, list) else show(value)


def markdown(rows):
    """A table of rows of text, the first one naming the columns."""
    if not rows:
        return ""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|---" + "|---:" * (len(rows[0]) - 1) + "|")
    return "\n".join(lines)
