"""The measures of a run, computed from its predictions and its study's `Spec`.

ROC AUC and balanced accuracy compare samples of the same group only, that is, answers
of one and the same trained model: a model whose probabilities are all a little higher
than another's says nothing about its samples. A model with a constant answer in every
group then has 0.5 in both. With one group these are the usual measures.
"""

import dataclasses

import numpy as np
import pandas as pd

from experiments.harness import intervals

MEASURES = ("accuracy", "balanced_accuracy", "f1", "roc_auc", "loss")


@dataclasses.dataclass(frozen=True)
class Spec:
    """The classes of a study's answers, and how these are measured.

    Attributes:
        classes: names of the classes; the second half of them are genuine.
        decides: the measures that the verdict goes by, all of which have to be above
            those of a constant answer.
        group: what has a model of its own, such as "expression"; "" for one model.
        mean: whether each group is measured by itself and the mean is reported;
            otherwise samples of all groups are pooled.
        resample: columns of the predictions that intervals draw anew; `()` where no
            interval can be given.
        pairs: whether a subject's genuine and posed sample of the same group are also
            decided as a pair: the more genuine one is called genuine.
        unit: what a sample is, in the plural.
        people: what the subjects are, in the plural.
    """

    classes: tuple[str, ...]
    decides: tuple[str, ...]
    group: str = ""
    mean: bool = False
    resample: tuple[str, ...] = ("subject",)
    pairs: bool = False
    unit: str = "pictures"
    people: str = "people"


def predictions_table(
    spec: Spec,
    model: str,
    truth,
    probability,
    *,
    sample,
    subject,
    group="",
    seed: int = 0,
    **columns,
) -> pd.DataFrame:
    """Arrange one model's answers in the columns of predictions.csv.

    Args:
        spec: the study's.
        model: its name, as tables call it.
        truth: number of each sample's class, `(n,)`.
        probability: of each class, `(n, classes)`, rows sum to 1; or, with two
            classes, of the genuine one, `(n,)`.
        sample: what each sample is, the same in every run on these data.
        subject: of each sample.
        group: which trained model answered: NAME, or NAME/DETAIL where tables shall
            list NAME alone.
        seed: of the training.
        columns: further columns, such as `video`.
    """
    probability = np.asarray(probability)
    if probability.ndim == 1:
        probability = np.stack([1 - probability, probability], axis=1)
    names = np.array(spec.classes)
    table = pd.DataFrame({"sample": np.asarray(sample), "subject": np.asarray(subject)})
    videos = {name: columns.pop(name) for name in ["video"] if name in columns}
    table = table.assign(
        **{name: np.asarray(value) for name, value in videos.items()},
        group=group if isinstance(group, str) else np.asarray(group),
        seed=seed,
        model=model,
        truth=names[np.asarray(truth, int)],
        answer=names[probability.argmax(axis=1)],
    )
    for number, name in enumerate(spec.classes):
        table[f"p_{name}"] = probability[:, number]
    return table.assign(**columns)


def probabilities(table: pd.DataFrame, spec: Spec) -> np.ndarray:
    """The probability of each class, float64 `(n, classes)`."""
    return table[[f"p_{name}" for name in spec.classes]].to_numpy(np.float64)


def class_numbers(names: pd.Series, spec: Spec) -> np.ndarray:
    return names.map({name: n for n, name in enumerate(spec.classes)}).to_numpy(int)


def loss(truth: np.ndarray, genuine: np.ndarray) -> float:
    """Return the cross-entropy of two classes, in nats.

    Args:
        truth: 0 or 1, `(n,)`.
        genuine: the probability of 1, `(n,)`.
    """
    right = np.where(truth == 1, genuine, 1 - np.asarray(genuine, np.float64))
    return float(-np.mean(np.log(np.maximum(right, 1e-7))))


def evaluate(predictions: pd.DataFrame, spec: Spec) -> dict:
    """Measure every model of a run.

    Args:
        predictions: in the columns of predictions.csv; the first model is the main one.
        spec: the study's.

    Returns:
        The part of metrics.json that follows from these two: at the top level the main
        model's measures; `baselines`; `models`; with `Spec.group` also `groups`, the
        main model's measures of each.
    """
    models = {
        name: measure(table, spec)
        for name, table in predictions.groupby("model", sort=False)
    }
    main = predictions[predictions["model"] == predictions["model"].iloc[0]]
    result = {**next(iter(models.values())), "models": models}
    result["baselines"] = baselines(main, spec)
    if spec.group:
        names = main["group"].str.partition("/")[0]
        result["groups"] = {
            name: {**measure(table, spec), "baselines": baselines(table, spec)}
            for name, table in main.groupby(names, sort=False)
        }
    return result


def measure(table: pd.DataFrame, spec: Spec) -> dict:
    """Measure one model's answers.

    Returns:
        Dict of `MEASURES` (`None` where one is not defined) and, where intervals can be
        given, `ci95` of the accuracy and `..._ci95` of the others; of several seeds the
        means, with `f1_spread` (standard deviation over the seeds, and likewise the
        others) and `f1_by_seed`; with `Spec.pairs` also `paired_accuracy`,
        `paired_ci95` and `n_pairs`; `n_test` (per seed), `n_test_subjects`.
    """
    one = _mean_of_groups if spec.mean else _pooled
    by_seed = pd.DataFrame(
        {seed: one(part, spec) for seed, part in table.groupby("seed", sort=False)}
    ).T.astype(float)
    result = {name: _or_none(by_seed[name].mean()) for name in MEASURES}
    result["ci95"] = None
    if len(by_seed) > 1:
        spread = by_seed.std()
        result |= {f"{name}_spread": _or_none(spread[name]) for name in MEASURES}
        result["f1_by_seed"] = {str(seed): v for seed, v in by_seed["f1"].items()}
    if can_resample(table, spec):
        weights = intervals.drawn_weights(table, spec.resample)
        result |= _intervals(table, spec, weights)
    if spec.pairs:
        result |= _paired(table, spec)
    first = table[table["seed"] == table["seed"].iloc[0]]
    half = spec.classes[len(spec.classes) // 2 :]
    counts = {"n_test": len(first), "n_test_subjects": first["subject"].nunique()}
    if "video" in first:
        counts["n_test_videos"] = first["video"].nunique()
    counts["n_genuine_answers"] = int(first["answer"].isin(half).sum())
    return result | counts


def can_resample(table: pd.DataFrame, spec: Spec) -> bool:
    """Return whether there are people enough for an interval."""
    people = table["subject"].nunique()
    return bool(spec.resample) and people >= intervals.LEAST_SUBJECTS


def baselines(table: pd.DataFrame, spec: Spec) -> dict:
    """Measure constant answers on these very samples, and chance.

    Returns:
        `majority_class`: accuracy of the most frequent class; `always_f1`: F1 of
        always answering the last class (of two); `chance`: accuracy. With `Spec.mean`
        means over the groups, as the measures are.
    """
    groups = ["seed", "group"] if spec.mean else ["seed"]
    shares = table.groupby(groups, sort=False)["truth"].value_counts(normalize=True)
    result = {
        "majority_class": float(shares.groupby(groups).max().mean()),
        "chance": 1 / len(spec.classes),
    }
    if len(spec.classes) == 2:
        genuine = table["truth"] == spec.classes[1]
        share = genuine.groupby([table[name] for name in groups]).mean()
        result["always_f1"] = float((2 * share / (1 + share)).mean())
    return result


def constant(measures: dict, name: str, spec: Spec) -> float:
    """Return what a constant answer reaches in a measure.

    Args:
        measures: with `baselines`.
        name: of the measure.
        spec: the study's.
    """
    base = measures["baselines"]
    fixed = {"roc_auc": 0.5, "balanced_accuracy": 1 / len(spec.classes)}
    known = {"accuracy": base["majority_class"], "f1": base.get("always_f1")}
    return {**known, **fixed}[name]


NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "loss": "cross-entropy",
    "paired_accuracy": "accuracy in pairs",
}


def interval_of(name: str) -> str:
    """The key of a measure's interval."""
    special = {"accuracy": "ci95", "paired_accuracy": "paired_ci95"}
    return special.get(name, f"{name}_ci95")


def verdict(metrics: dict, spec: Spec) -> tuple[bool, str]:
    """Say plainly whether the main model is shown to beat a constant answer.

    Args:
        metrics: what `evaluate` returned.
        spec: the study's.

    Returns:
        `(above, sentence)`.
    """
    people = f"{metrics['n_test_subjects']} tested {spec.people}"
    constants = {name: constant(metrics, name, spec) for name in spec.decides}
    values = ", ".join(
        f"{NAMES[name]} {show(metrics[name])}{_span(metrics, name)}, constant answer "
        f"{show(constants[name])}"
        for name in spec.decides
    )
    bounds = [metrics.get(interval_of(name)) for name in spec.decides]
    if all(bounds):
        above = all(
            bound[0] > value
            for bound, value in zip(bounds, constants.values(), strict=True)
        )
        first = "Above chance" if above else "NOT shown to beat chance"
        drawn = " and ".join(["tested " + spec.people, "videos"][: len(spec.resample)])
        return above, f"{first}: {values}; 95 % intervals resample the {drawn}."
    if not spec.mean:
        return False, f"NOT shown to beat chance: {values}; {people} are too few."
    name = spec.decides[0]
    groups = metrics["groups"].values()
    better = sum(one[name] > constant(one, name, spec) for one in groups)
    above = metrics[name] > constants[name]
    first = "Above" if above else "NOT above"
    return above, (
        f"{first} the constant answer on the people in the data, and not shown for "
        f"others: mean {values}; above it in {better} of {len(groups)} {spec.group}s. "
        f"With {people} no interval over people can be given."
    )


def show(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _span(metrics, name):
    bounds = metrics.get(interval_of(name))
    return f" ({show(bounds[0])} to {show(bounds[1])})" if bounds else ""


def _or_none(value):
    return None if np.isnan(value) else float(value)


def _pooled(table, spec):
    """The measures of one seed, all groups together."""
    from sklearn import metrics as sklearn_metrics

    truth, answer = (class_numbers(table[k], spec) for k in ("truth", "answer"))
    probability = probabilities(table, spec)
    right = probability[np.arange(len(truth)), truth]
    several = len(spec.classes) > 2
    average = "macro" if several else "binary"
    result = {
        "accuracy": np.mean(answer == truth),
        "f1": sklearn_metrics.f1_score(truth, answer, zero_division=0, average=average),
        "loss": -np.mean(np.log(np.maximum(right, np.finfo(float).eps))),
    }
    if several:
        present = np.unique(truth)
        recall = [np.mean(answer[truth == c] == c) for c in present]
        areas = [
            sklearn_metrics.roc_auc_score(truth == c, probability[:, c])
            for c in present
            if 0 < np.mean(truth == c) < 1
        ]
        area = np.mean(areas) if areas else np.nan
        return result | {"balanced_accuracy": np.mean(recall), "roc_auc": area}
    compared, wins = _pairs(table, spec)
    if not compared.any():
        return result | dict.fromkeys(wins, np.nan)
    return result | {k: won.sum() / compared.sum() for k, won in wins.items()}


def _mean_of_groups(table, spec):
    """The measures of one seed: each group by itself, then means of their names'."""
    measured = {
        group: _pooled(part, spec) for group, part in table.groupby("group", sort=False)
    }
    measured = pd.DataFrame(measured).T.astype(float)
    names = [group.partition("/")[0] for group in measured.index]
    return measured.groupby(names).mean().mean().to_dict()


def _pairs(table, spec):
    """Compare every genuine sample with every posed one.

    Returns:
        `(compared, wins)`: 1 where the two are of the same group and seed, `(genuine,
        posed)`; and by measure what of it is won: for `roc_auc` where the genuine one
        has the higher probability (half of it where they are equal), for
        `balanced_accuracy` half of it for each that is answered rightly.
    """
    truth = (table["truth"] == spec.classes[1]).to_numpy()
    right = (table["truth"] == table["answer"]).to_numpy()
    probability = table[f"p_{spec.classes[1]}"].to_numpy(np.float64)
    codes = table.groupby(["seed", "group"], sort=False).ngroup().to_numpy()
    compared = (codes[truth][:, None] == codes[~truth]).astype(float)
    difference = probability[truth][:, None] - probability[~truth]
    above = (difference > 0) + 0.5 * (difference == 0)
    rightly = (right[truth][:, None] + right[~truth].astype(float)) / 2
    return compared, {
        "roc_auc": compared * above,
        "balanced_accuracy": compared * rightly,
    }


def _intervals(table, spec, weights):
    right = (table["truth"] == table["answer"]).to_numpy()
    found = {"ci95": weights @ right / weights.sum(axis=1)}
    if len(spec.classes) == 2:
        truth = (table["truth"] == spec.classes[1]).to_numpy()
        answer = (table["answer"] == spec.classes[1]).to_numpy()
        yes, no = weights[:, truth], weights[:, ~truth]
        compared, wins = _pairs(table, spec)
        with np.errstate(invalid="ignore"):  # a draw may lack a class
            pairs = ((yes @ compared) * no).sum(axis=1)
            for name, won in wins.items():
                found[f"{name}_ci95"] = ((yes @ won) * no).sum(axis=1) / pairs
            named = weights @ truth + weights @ answer
            found["f1_ci95"] = 2 * (weights @ (truth & answer)) / named
    return {name: intervals.percentiles(values) for name, values in found.items()}


def _paired(table, spec):
    """Count pairs in the right order; equal probabilities count half."""
    score = f"p_{spec.classes[1]}"
    known = table[~table["subject"].str.endswith(":unknown")]
    rows = []
    keys = ["seed", "group", "subject"]
    for (*_, subject), pair in known.groupby(keys, sort=False):
        if sorted(pair["truth"]) == sorted(spec.classes):
            genuine = pair["truth"] == spec.classes[1]
            difference = pair.loc[genuine, score].item() - pair.loc[~genuine, score]
            rows.append([subject, np.sign(difference.item()) / 2 + 0.5])
    pairs = pd.DataFrame(rows, columns=["subject", "right"])
    result = {"paired_accuracy": None, "paired_ci95": None, "n_pairs": len(pairs)}
    if len(pairs):
        result["paired_accuracy"] = float(pairs["right"].mean())
    if can_resample(pairs, spec):
        weights = intervals.drawn_weights(pairs, ("subject",))
        values = weights @ pairs["right"].to_numpy(float) / weights.sum(axis=1)
        result["paired_ci95"] = intervals.percentiles(values)
    return result
