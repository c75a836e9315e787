import numpy as np
import pytest
from sklearn import metrics

from experiments import evaluation


@pytest.fixture
def two_classes():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200)
    genuine = np.clip(0.3 * truth + rng.uniform(0, 0.7, 200), 0.01, 0.99)
    return truth, np.stack([1 - genuine, genuine], axis=1)


def test_measures_agree_with_scikit_learn(two_classes):
    truth, probability = two_classes
    answer = probability[:, 1] > 0.5
    got = evaluation.evaluate(truth, probability, np.arange(200))
    assert got["accuracy"] == metrics.accuracy_score(truth, answer)
    assert got["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(truth, answer)
    )
    assert got["f1"] == metrics.f1_score(truth, answer)
    assert got["roc_auc"] == metrics.roc_auc_score(truth, probability[:, 1])
    assert got["loss"] == pytest.approx(metrics.log_loss(truth, probability))


def test_twelve_classes_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 12, 500)
    probability = rng.dirichlet(np.ones(12), 500)
    got = evaluation.evaluate(truth, probability, np.arange(500))
    assert got["roc_auc"] == pytest.approx(
        metrics.roc_auc_score(truth, probability, multi_class="ovr", average="macro")
    )
    answer = probability.argmax(axis=1)
    assert got["f1"] == metrics.f1_score(truth, answer, average="macro")


def test_one_class_alone_has_no_roc():
    probability = np.full((4, 2), 0.5)
    got = evaluation.evaluate(np.ones(4, int), probability, list("aabb"))
    assert got["roc_auc"] is None


def test_interval_has_the_width_of_the_binomial_where_subjects_are_single_pictures():
    correct = np.arange(400) < 300
    low, high = evaluation.interval(correct, np.arange(400))
    width = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert low == pytest.approx(0.75 - width, abs=0.01)
    assert high == pytest.approx(0.75 + width, abs=0.01)


def test_interval_is_wider_where_a_subject_is_right_or_wrong_as_a_whole():
    correct = np.arange(400) < 300
    single = evaluation.interval(correct, np.arange(400))
    twenty = evaluation.interval(correct, np.arange(400) // 20)
    # Twenty pictures that say the same are one: sqrt(20) times as wide.
    ratio = (twenty[1] - twenty[0]) / (single[1] - single[0])
    assert ratio == pytest.approx(np.sqrt(20), rel=0.2)


@pytest.mark.parametrize("people, least, most", [(5, 0.8, 0.9), (36, 0.92, 0.98)])
def test_interval_holds_the_truth_as_often_as_it_is_said(people, least, most):
    rng = np.random.default_rng(0)
    held, trials = 0, 300
    for _ in range(trials):
        ease = rng.beta(7, 3, people).repeat(12)  # 0.7 on average
        correct = rng.random(len(ease)) < ease
        low, high = evaluation.interval(correct, np.arange(people).repeat(12))
        held += low <= 0.7 <= high
    assert least < held / trials < most


def test_baselines():
    truth = np.array([0, 0, 0, 1])
    base = evaluation.baselines(truth, classes=2)
    assert base == {"majority_class": 0.75, "chance": 0.5}


@pytest.mark.parametrize(
    "ci95, begins",
    [([0.76, 0.9], "Above the"), ([0.7, 0.9], "NOT shown"), (None, "NOT shown")],
)
def test_verdict(ci95, begins):
    result = {"ci95": ci95, "n_test_subjects": 7}
    sentence = evaluation.verdict(result, {"majority_class": 0.75})
    assert sentence.startswith(begins)
    assert "7 test subjects" in sentence


def test_a_handful_of_subjects_gives_no_interval():
    assert evaluation.interval(np.ones(40), np.arange(40) // 10) is None
    assert evaluation.interval(np.ones(50), np.arange(50) // 10) == [1.0, 1.0]
