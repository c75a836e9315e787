"""Measures and intervals, against scikit-learn, closed forms and brute force."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from experiments.harness import intervals, metrics
from experiments.harness.metrics import Spec

CLASSES = ("posed", "genuine")
SPEC = Spec(CLASSES, ("accuracy",))
BOTH = Spec(
    CLASSES,
    ("roc_auc", "balanced_accuracy"),
    group="round",
    resample=("subject", "video"),
)


def tabulate(truth, probability, spec=SPEC, subject=None, **columns):
    names = [f"s{n}" for n in range(len(truth))]
    what = {"sample": names, "subject": names if subject is None else subject}
    return metrics.predictions_table(
        spec, "Ours", truth, probability, **what, **columns
    )


def accuracy_interval(right, subject):
    """The interval of answers to truths that are all genuine."""
    subject = np.char.add("s", np.asarray(subject, str))
    table = tabulate(np.ones(len(right), int), np.where(right, 0.9, 0.1), SPEC, subject)
    return metrics.measure(table, SPEC)["ci95"]


def test_two_classes_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200)
    genuine = np.clip(0.3 * truth + rng.uniform(0, 0.7, 200), 0.01, 0.99)
    answer = genuine > 0.5
    table = tabulate(truth, genuine)
    assert table["answer"].eq("genuine").tolist() == answer.tolist()
    found = metrics.measure(table, SPEC)
    expected = {
        "accuracy": reference.accuracy_score(truth, answer),
        "balanced_accuracy": reference.balanced_accuracy_score(truth, answer),
        "f1": reference.f1_score(truth, answer),
        "roc_auc": reference.roc_auc_score(truth, genuine),
        "loss": reference.log_loss(truth, genuine),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert metrics.loss(truth, genuine) == pytest.approx(expected["loss"])
    assert found["n_test"] == found["n_test_subjects"] == 200
    assert found["n_genuine_answers"] == answer.sum()


def test_twelve_classes_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    spec = Spec(tuple(f"class {n}" for n in range(12)), ("accuracy",))
    truth, probability = rng.integers(0, 12, 500), rng.dirichlet(np.ones(12), 500)
    answer = probability.argmax(axis=1)
    found = metrics.measure(tabulate(truth, probability, spec), spec)
    average = {"multi_class": "ovr", "average": "macro"}
    expected = {
        "balanced_accuracy": reference.balanced_accuracy_score(truth, answer),
        "f1": reference.f1_score(truth, answer, average="macro"),
        "roc_auc": reference.roc_auc_score(truth, probability, **average),
        "loss": reference.log_loss(truth, probability),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["n_genuine_answers"] == (answer >= 6).sum()
    assert "roc_auc_ci95" not in found and found["ci95"][0] < found["accuracy"]


def test_one_class_alone_has_no_roc():
    found = metrics.measure(tabulate(np.ones(8, int), np.full(8, 0.7)), SPEC)
    assert found["roc_auc"] is found["balanced_accuracy"] is None
    assert found["roc_auc_ci95"] is None
    assert found["ci95"] == [1.0, 1.0]


def test_interval_has_the_width_of_the_binomial_where_subjects_are_single_samples():
    low, high = accuracy_interval(np.arange(400) < 300, np.arange(400))
    width = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert low == pytest.approx(0.75 - width, abs=0.01)
    assert high == pytest.approx(0.75 + width, abs=0.01)


def test_interval_is_wider_where_a_subject_is_right_or_wrong_as_a_whole():
    right = np.arange(400) < 300
    single = accuracy_interval(right, np.arange(400))
    twenty = accuracy_interval(right, np.arange(400) // 20)
    # Twenty samples that say the same are one: sqrt(20) times as wide.
    ratio = (twenty[1] - twenty[0]) / (single[1] - single[0])
    assert ratio == pytest.approx(np.sqrt(20), rel=0.2)


@pytest.mark.parametrize("people, least, most", [(5, 0.8, 0.9), (36, 0.92, 0.98)])
def test_interval_holds_the_truth_as_often_as_it_is_said(people, least, most):
    rng = np.random.default_rng(0)
    subject = np.arange(people).repeat(12)
    weights = intervals.drawn_weights(pd.DataFrame({"subject": subject}), ("subject",))
    held, trials = 0, 300
    for _ in range(trials):
        ease = rng.beta(7, 3, people).repeat(12)  # 0.7 on average
        right = rng.random(len(ease)) < ease
        low, high = intervals.percentiles(weights @ right / weights.sum(axis=1))
        held += low <= 0.7 <= high
    assert least < held / trials < most


def test_a_handful_of_subjects_gives_no_interval():
    assert accuracy_interval(np.ones(40), np.arange(40) // 10) is None
    assert accuracy_interval(np.ones(50), np.arange(50) // 10) == [1.0, 1.0]


@pytest.fixture
def watched():
    """Eight observers of twelve videos, in two rounds; two did not watch one each."""
    rng = np.random.default_rng(0)
    pairs = [(o, v) for o in range(8) for v in range(12)]
    frame = pd.DataFrame(pairs, columns=["observer", "video"]).drop(index=[3, 40])
    truth = (frame["video"] % 2 == 0).astype(int).to_numpy()
    ease = rng.normal(size=12)[frame["video"]] + rng.normal(size=8)[frame["observer"]]
    score = 0.6 * truth + 0.3 * ease + 0.5 * rng.normal(size=len(frame))
    number = frame["video"].to_numpy() // 6
    score += 1.5 * number  # one round's model answers higher: no merit
    who = [f"o{n}" for n in frame["observer"]], [f"v{n}" for n in frame["video"]]
    rounds = {"video": who[1], "group": [f"round{n}" for n in number]}
    table = tabulate(truth, 1 / (1 + np.exp(1 - score)), BOTH, who[0], **rounds)
    return frame, truth, table["p_genuine"].to_numpy(), number, table


def within(measure, truth, genuine, number):
    """Mean of the rounds' measures, by their numbers of pairs."""
    areas, counts = [], []
    for rows in (number == 0, number == 1):
        if len(set(truth[rows])) == 2:
            areas.append(measure(truth[rows], genuine[rows]))
            counts.append(truth[rows].sum() * (1 - truth[rows]).sum())
    return np.average(areas, weights=counts) if counts else np.nan


def area(truth, genuine):
    difference = genuine[truth == 1][:, None] - genuine[truth == 0]
    return np.mean((difference > 0) + (difference == 0) / 2)


def balanced(truth, genuine):
    return np.mean([np.mean((genuine > 0.5)[truth == c] == c) for c in (0, 1)])


def test_groups_are_measured_within(watched):
    _, truth, genuine, number, table = watched
    found = metrics.measure(table, BOTH)
    for name, measure in {
        "roc_auc": reference.roc_auc_score,
        "balanced_accuracy": lambda truth, p: reference.balanced_accuracy_score(
            truth, p > 0.5
        ),
    }.items():
        assert found[name] == pytest.approx(within(measure, truth, genuine, number))
    assert found["roc_auc"] > reference.roc_auc_score(truth, genuine) + 0.05
    assert found["n_test_subjects"] == 8 and found["n_test_videos"] == 12
    # A constant answer in each round, but not the same one.
    answer = np.array(CLASSES)[number]
    genuine = np.where(number == 0, 0.4, 0.6)
    constant = table.assign(p_genuine=genuine, p_posed=1 - genuine, answer=answer)
    found = metrics.measure(constant, BOTH)
    assert found["roc_auc"] == found["balanced_accuracy"] == 0.5
    assert found["roc_auc_ci95"] == [0.5, 0.5]


def test_intervals_are_those_of_drawing_observers_and_videos(watched):
    frame, truth, genuine, number, table = watched
    rng, drawn = np.random.default_rng(0), []
    for _ in range(4000):
        observers, videos = rng.integers(8, size=8), rng.integers(12, size=12)
        counts = [np.bincount(x, minlength=12) for x in (observers, videos)]
        weight = counts[0][frame["observer"]] * counts[1][frame["video"]]
        rows = np.repeat(np.arange(len(frame)), weight)
        actual, chosen = truth[rows], genuine[rows]
        if len(set(actual)) == 2:
            areas = [within(f, actual, chosen, number[rows]) for f in (balanced, area)]
            answer = chosen > 0.5
            f1 = 2 * np.sum(answer & actual) / (answer.sum() + actual.sum())
            drawn.append([np.mean(answer == actual), *areas, f1])
    expected = np.nanpercentile(drawn, [2.5, 97.5], axis=0).T
    found = metrics.measure(table, BOTH)
    keys = ["ci95", "balanced_accuracy_ci95", "roc_auc_ci95", "f1_ci95"]
    np.testing.assert_allclose([found[key] for key in keys], expected, atol=0.035)


def test_means_of_groups_and_seeds():
    """F1 by hand: of NAME the mean over its details, then over names and seeds."""
    spec = Spec(CLASSES, ("f1",), group="expression", mean=True, resample=())
    answers = {
        (0, "x/on a"): [1, 1],  # truth is [1, 0]: F1 2/3
        (0, "x/on b"): [1, 0],  # 1
        (0, "y/on a"): [0, 0],  # 0
        (1, "x/on a"): [1, 0],
        (1, "x/on b"): [1, 0],
        (1, "y/on a"): [1, 1],  # 2/3
    }
    tables = [
        tabulate([1, 0], np.array(a) * 0.8 + 0.1, spec, ["a", "a"], group=g, seed=s)
        for (s, g), a in answers.items()
    ]
    found = metrics.evaluate(pd.concat(tables), spec)
    by_seed = [(5 / 6 + 0) / 2, (1 + 2 / 3) / 2]
    assert found["f1"] == pytest.approx(np.mean(by_seed))
    assert found["f1_spread"] == pytest.approx(np.std(by_seed, ddof=1))
    assert found["f1_by_seed"] == pytest.approx(dict(zip("01", by_seed, strict=True)))
    groups = {name: one["f1"] for name, one in found["groups"].items()}
    assert groups == pytest.approx({"x": (5 / 6 + 1) / 2, "y": 1 / 3})
    assert found["ci95"] is None and found["n_test"] == 6
    assert found["baselines"]["always_f1"] == pytest.approx(2 / 3)
    above, sentence = metrics.verdict(found, spec)
    assert not above and sentence.startswith("NOT above the constant answer")
    assert "above it in 1 of 2 expressions" in sentence


def test_pairs_by_hand():
    """Right, tied, wrong; a fourth subject has no pair, a fifth no name."""
    spec = Spec(CLASSES, ("accuracy",), pairs=True)
    subject = ["a", "a", "b", "b", "c", "c", "d", "part:unknown", "part:unknown"]
    truth = [1, 0, 1, 0, 1, 0, 1, 1, 0]
    genuine = np.array([0.3, 0.2, 0.6, 0.6, 0.4, 0.7, 0.9, 0.9, 0.1])
    found = metrics.measure(tabulate(truth, genuine, spec, subject), spec)
    assert found["paired_accuracy"] == 0.5 and found["n_pairs"] == 3
    assert found["paired_ci95"] is None


def test_baselines():
    found = metrics.evaluate(tabulate([0, 0, 0, 1], [0.9, 0.2, 0.1, 0.7]), SPEC)
    expected = {"majority_class": 0.75, "chance": 0.5, "always_f1": 0.4}
    assert found["baselines"] == pytest.approx(expected)


def test_the_first_model_is_the_main_one():
    table = tabulate([0, 0, 0, 1], [0.9, 0.2, 0.1, 0.7])
    right = tabulate([0, 0, 0, 1], [0.1, 0.2, 0.1, 0.7]).assign(model="Other")
    found = metrics.evaluate(pd.concat([table, right]), SPEC)
    models = {name: one["accuracy"] for name, one in found["models"].items()}
    assert models == {"Ours": 0.75, "Other": 1.0} and found["accuracy"] == 0.75


@pytest.mark.parametrize(
    "ci95, above, begins",
    [
        ([0.76, 0.9], True, "Above chance: accuracy 0.800 (0.760 to 0.900)"),
        ([0.7, 0.9], False, "NOT shown to beat chance"),
        (None, False, "NOT shown to beat chance"),
    ],
)
def test_verdict(ci95, above, begins):
    base = {"majority_class": 0.75, "chance": 0.5}
    result = {"accuracy": 0.8, "ci95": ci95, "n_test_subjects": 7, "baselines": base}
    found, sentence = metrics.verdict(result, SPEC)
    assert found is above and sentence.startswith(begins)
    if ci95 is None:
        assert "7 tested people are too few" in sentence
