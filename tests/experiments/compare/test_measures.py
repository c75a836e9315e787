import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from experiments import evaluation
from experiments.compare import measures


def samples(seed=0, people=7, each=9, classes=2):
    """Answers of one model, and their probabilities with ties."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, each + 1, people)
    subject = np.repeat([f"s{n}" for n in range(people)], sizes)
    truth = rng.integers(classes, size=len(subject))
    scores = rng.random((len(subject), classes)) + np.eye(classes)[truth] * 0.4
    probability = np.round(scores / scores.sum(axis=1, keepdims=True), 1)
    table = pd.DataFrame({"subject": subject, "truth": truth})
    table["answer"] = probability.argmax(axis=1)
    table["sample"] = [str(n) for n in range(len(table))]
    return table, probability


def test_the_interval_of_the_accuracy_is_that_of_every_report():
    table, probability = samples()
    found = measures.intervals(table, probability, measures.Resampling(table))
    right = table["answer"] == table["truth"]
    assert found["accuracy"] == pytest.approx(
        evaluation.interval(right, table["subject"]), abs=1e-12
    )


@pytest.mark.parametrize("classes", [2, 3])
def test_intervals_are_those_of_people_copied_as_often_as_drawn(monkeypatch, classes):
    monkeypatch.setattr(measures, "RESAMPLES", 60)
    table, probability = samples(classes=classes)
    resampling = measures.Resampling(table)
    told = {name: [] for name in measures.MEASURES}
    for weights in resampling.weights:
        rows = np.repeat(np.arange(len(table)), weights[resampling.unit].astype(int))
        drawn, chances = table.iloc[rows], probability[rows]
        truth, answer = drawn["truth"], drawn["answer"]
        told["accuracy"].append(np.mean(truth == answer))
        recall = [np.mean(answer[truth == c] == c) for c in np.unique(truth)]
        told["balanced_accuracy"].append(np.mean(recall))
        average = "binary" if classes == 2 else "macro"
        f1 = metrics.f1_score(truth, answer, average=average, zero_division=0)
        told["f1"].append(f1)
        area = evaluation.roc_auc(truth.to_numpy(), chances)
        told["roc_auc"].append(np.nan if area is None else area)
    found = measures.intervals(table, probability, resampling)
    for name, values in told.items():
        expected = np.nanpercentile(values, [2.5, 97.5])
        assert found[name] == pytest.approx(expected, abs=1e-12), name


def test_two_factors_are_drawn_independently(monkeypatch):
    monkeypatch.setattr(measures, "RESAMPLES", 4000)
    grid = itertools.product("abcde", "vwxyz")
    table = pd.DataFrame(grid, columns=["subject", "video"])
    weights = measures.Resampling(table, ("subject", "video")).weights
    assert weights.shape == (4000, 25)
    np.testing.assert_array_equal(weights.sum(axis=1), 25)
    # Draws of five of five have a variance of 0.8 each: a product's is 1.8^2 - 1.
    assert weights.var(axis=0).mean() == pytest.approx(1.8**2 - 1, rel=0.1)
    one = measures.Resampling(table, ("subject",)).weights
    assert one.shape == (4000, 5)


def by_hand(gained):
    """All ways of swapping people's answers, two-sided."""
    signs = np.array(list(itertools.product([1, -1], repeat=len(gained))))
    sums = signs @ gained
    return np.mean(np.abs(sums) >= abs(np.sum(gained)) - 1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_the_paired_test_goes_through_all_swaps_of_whole_people(seed):
    gained = np.random.default_rng(seed).integers(-4, 6, size=7).astype(float)
    assert measures.swap_test(gained) == pytest.approx(by_hand(gained))


def test_its_smallest_p_is_two_of_all_swaps():
    for people in (5, 9, 13):
        assert measures.swap_test(np.full(people, 3.0)) == 2 / 2**people
    assert measures.swap_test(np.zeros(6)) == 1
    # People whose answers do not differ swap nothing: the rest is gone through.
    many = np.concatenate([np.full(6, 2.0), np.zeros(30)])
    assert measures.swap_test(many) == 2 / 2**6
    assert measures.swap_test(np.array([0.0, 3.0])) == 1


def test_with_many_people_random_swaps_come_close():
    gained = np.random.default_rng(4).integers(-3, 5, size=16).astype(float)
    assert measures.swap_test(gained) == pytest.approx(by_hand(gained), abs=0.02)


@pytest.mark.parametrize("people, trials", [(8, 400), (20, 120)])
def test_its_false_alarms_are_as_many_as_it_says(people, trials):
    """Two models that are equally good, and people that differ much."""
    rng = np.random.default_rng(people)
    alarms = 0
    for _ in range(trials):
        ease = rng.beta(1, 1, people)  # answers of one person are alike
        first, second = rng.binomial(30, ease), rng.binomial(30, ease)
        alarms += measures.swap_test((first - second).astype(float)) <= 0.05
    spread = np.sqrt(0.05 * 0.95 / trials)
    assert 0 < alarms / trials < 0.05 + 3 * spread


def test_people_whose_samples_are_alike_raise_no_more_false_alarms():
    """Each person's six answers favour one model: swapped singly, a third alarm."""
    rng = np.random.default_rng(0)
    subject = np.repeat(np.arange(8), 6).astype(str)
    table = pd.DataFrame({"subject": subject, "truth": 1, "answer": 1})
    table["sample"] = np.arange(48).astype(str)
    trials, alarms = 200, 0
    for _ in range(trials):
        liked = rng.integers(2, size=8).repeat(6)
        first, second = table.assign(answer=liked), table.assign(answer=1 - liked)
        alarms += measures.paired(first, second)["p"] <= 0.05
    assert alarms / trials < 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)


@pytest.mark.parametrize("liked_by", ["subject", "video", "both", "none"])
def test_people_who_saw_the_same_videos_raise_no_more_false_alarms(liked_by):
    """Two equally good models; a video, or a person, favours one of them by chance."""
    rng = np.random.default_rng(0)
    subject, video, _ = (i.ravel() for i in np.indices((10, 19, 2)))
    table = pd.DataFrame({"subject": subject.astype(str), "video": video.astype(str)})
    table = table.assign(truth=1, sample=np.arange(len(table)).astype(str))
    trials, alarms = 60, 0
    for _ in range(trials):
        moods = rng.normal(0, 0.3, 10)[subject] * (liked_by in ("subject", "both"))
        moods = moods + rng.normal(0, 0.3, 19)[video] * (liked_by in ("video", "both"))
        first, second = (
            table.assign(
                answer=(rng.random(len(table)) < 0.6 + sign * moods).astype(int)
            )
            for sign in (0.5, -0.5)
        )
        told = measures.paired(first, second, ("subject", "video"))
        alarms += told["p"] <= 0.05
    assert alarms / trials < 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)


def test_a_better_model_is_found_among_people_who_saw_the_same_videos():
    rng = np.random.default_rng(0)
    subject, video = (i.ravel() for i in np.indices((10, 19)))
    table = pd.DataFrame({"subject": subject.astype(str), "video": video.astype(str)})
    table = table.assign(truth=1, sample=np.arange(190).astype(str))
    first, second = (
        table.assign(answer=(rng.random(190) < share).astype(int))
        for share in (0.8, 0.5)
    )
    told = measures.paired(first, second, ("subject", "video"))
    by_person = measures.paired(first, second)
    assert by_person["p"] <= told["p"] < 0.01
    assert told["differ"] <= 10


def test_paired_samples_are_found_in_any_order():
    first, _ = samples(1)
    second, _ = samples(1)
    second["answer"] = 1 - second["answer"]
    mixed = second.sample(frac=1, random_state=0)
    found = measures.paired(first, mixed)
    assert found == measures.paired(first, second)
    right = first["answer"] == first["truth"]
    assert found["difference"] == pytest.approx(right.mean() - (1 - right.mean()))
    gained = (2.0 * right - 1).groupby(first["subject"]).sum()
    assert found["p"] == pytest.approx(by_hand(gained.to_numpy()))
    low, high = found["ci95"]
    assert low < found["difference"] < high
    assert found["subjects"] == 7 and found["why"] is None
    assert found["differ"] == np.count_nonzero(gained)


def test_the_interval_of_a_difference_resamples_people():
    first, _ = samples(2)
    second = first.assign(answer=0)
    gained = (first["answer"] == first["truth"]) - 1.0 * (second["truth"] == 0)
    draws = np.random.default_rng(0).integers(7, size=(evaluation.RESAMPLES, 7))
    sums = gained.groupby(first["subject"]).agg(["sum", "count"]).to_numpy()
    shares = [sums[draw, 0].sum() / sums[draw, 1].sum() for draw in draws]
    expected = np.percentile(shares, [2.5, 97.5])
    assert measures.paired(first, second)["ci95"] == pytest.approx(expected)


def test_what_cannot_be_paired_is_said():
    first, _ = samples(3)
    other = first.assign(sample=first["sample"] + "x")
    assert measures.paired(first, other)["why"] == "tested on different samples"
    assert measures.paired(first, first[1:])["why"] == "tested on different samples"
    relabelled = first.assign(truth=1 - first["truth"])
    assert measures.paired(first, relabelled)["difference"] is None
    few, _ = samples(3, people=4)
    found = measures.paired(few, few)
    assert found["why"] == "too few subjects (4)" and found["p"] is None


def test_holm_s_correction():
    found = measures.holm([0.01, 0.04, 0.03, 0.005])
    assert found == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert measures.holm([0.6, 0.7]) == [1, 1]
    assert measures.holm([]) == []
