import itertools

import numpy as np
import pandas as pd
import pytest

from experiments.compare.paired_tests import compare_accuracy, holm, swap_test
from experiments.harness import intervals

BY_PERSON, BY_BOTH = ("subject",), ("subject", "video")


def samples(seed=0, people=7, each=9):
    """Answers of one model to as many samples of each person as it happens."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, each + 1, people)
    subject = np.repeat([f"s{n}" for n in range(people)], sizes)
    table = pd.DataFrame({"subject": subject, "seed": 0})
    table["truth"] = rng.integers(2, size=len(table))
    table["answer"] = np.where(rng.random(len(table)) < 0.7, table["truth"], 0)
    table["sample"] = [str(n) for n in range(len(table))]
    return table


def viewings(people, videos, eyes=1):
    """Everybody saw the same videos."""
    subject, video, _ = (i.ravel() for i in np.indices((people, videos, eyes)))
    table = pd.DataFrame({"subject": subject.astype(str), "video": video.astype(str)})
    table["sample"] = [str(n) for n in range(len(table))]
    return table.assign(truth=1), subject, video


@pytest.fixture
def no_intervals(monkeypatch):
    """Tests of p-values alone need not wait for intervals."""
    monkeypatch.setattr(intervals, "RESAMPLES", 2)


def by_hand(gained):
    """All ways of swapping people's answers, two-sided."""
    sums = np.array(list(itertools.product([1, -1], repeat=len(gained)))) @ gained
    return np.mean(np.abs(sums) >= abs(np.sum(gained)) - 1e-9)


def most_alarms(trials):
    return 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)


@pytest.mark.parametrize("seed", range(8))
def test_the_paired_test_goes_through_all_swaps_of_whole_people(seed):
    gained = np.random.default_rng(seed).integers(-4, 6, size=7).astype(float)
    assert swap_test(gained) == pytest.approx(by_hand(gained))


def test_its_smallest_p_is_two_of_all_swaps():
    for people in (5, 9, 13):
        assert swap_test(np.full(people, 3.0)) == 2 / 2**people
    assert swap_test(np.zeros(6)) == 1
    # People whose answers do not differ swap nothing: the rest is gone through.
    many = np.concatenate([np.full(6, 2.0), np.zeros(30)])
    assert swap_test(many) == 2 / 2**6
    assert swap_test(np.array([0.0, 3.0])) == 1


def test_with_many_people_random_swaps_come_close():
    gained = np.random.default_rng(4).integers(-3, 5, size=16).astype(float)
    assert swap_test(gained) == pytest.approx(by_hand(gained), abs=0.02)


@pytest.mark.parametrize("people, trials", [(8, 400), (20, 120)])
def test_its_false_alarms_are_as_many_as_it_says(people, trials):
    """Two models that are equally good, and people that differ much."""
    rng = np.random.default_rng(people)
    alarms = 0
    for _ in range(trials):
        ease = rng.beta(1, 1, people)  # answers of one person are alike
        gained = 1.0 * rng.binomial(30, ease) - rng.binomial(30, ease)
        alarms += swap_test(gained) <= 0.05
    assert 0 < alarms / trials < most_alarms(trials)


def test_people_whose_samples_are_alike_raise_no_more_false_alarms(no_intervals):
    """Each person's six answers favour one model: swapped singly, a third alarm."""
    rng = np.random.default_rng(0)
    table, subject, _ = viewings(8, 6)
    trials, alarms = 200, 0
    for _ in range(trials):
        liked = rng.integers(2, size=8)[subject]
        first, second = table.assign(answer=liked), table.assign(answer=1 - liked)
        alarms += compare_accuracy(first, second, BY_PERSON)["p"] <= 0.05
    assert alarms / trials < most_alarms(trials)


@pytest.mark.parametrize("liked_by", ["subject", "video", "both", "none"])
def test_common_videos_raise_no_more_false_alarms(liked_by, no_intervals):
    """Two equally good models; a video, or a person, favours one of them by chance."""
    rng = np.random.default_rng(0)
    table, subject, video = viewings(10, 19, 2)
    trials, alarms = 60, 0
    for _ in range(trials):
        moods = rng.normal(0, 0.3, 10)[subject] * (liked_by in ("subject", "both"))
        moods = moods + rng.normal(0, 0.3, 19)[video] * (liked_by in ("video", "both"))
        first = table.assign(answer=rng.random(len(table)) < 0.6 + moods / 2)
        second = table.assign(answer=rng.random(len(table)) < 0.6 - moods / 2)
        alarms += compare_accuracy(first, second, BY_BOTH)["p"] <= 0.05
    assert alarms / trials < most_alarms(trials)


def test_a_better_model_is_found_among_people_who_saw_the_same_videos():
    table, rng = viewings(10, 19)[0], np.random.default_rng(0)
    first = table.assign(answer=rng.random(190) < 0.8)
    second = table.assign(answer=rng.random(190) < 0.5)
    result = compare_accuracy(first, second, BY_BOTH)
    by_person = compare_accuracy(first, second, BY_PERSON)
    assert by_person["p"] <= result["p"] < 0.01
    assert by_person["ci95"] != result["ci95"]


def test_paired_samples_are_found_in_any_order():
    first = samples(1)
    second = first.assign(answer=1 - first["answer"])
    mixed = second.sample(frac=1, random_state=0)
    result = compare_accuracy(first, mixed, BY_PERSON)
    assert result == compare_accuracy(first, second, BY_PERSON)
    right = first["answer"] == first["truth"]
    assert result["difference"] == pytest.approx(2 * right.mean() - 1)
    gained = (2.0 * right - 1).groupby(first["subject"]).sum()
    assert result["p"] == pytest.approx(by_hand(gained.to_numpy()))
    assert result["ci95"][0] < result["difference"] < result["ci95"][1]
    assert result["least"] == 2.0 ** (1 - np.count_nonzero(gained))


def test_seeds_are_averaged_on_the_same_samples():
    first, other = samples(1), samples(1).assign(answer=0, seed=1)
    both = pd.concat([first, other])
    result, single = (compare_accuracy(t, other, BY_PERSON) for t in (both, first))
    assert result["difference"] == pytest.approx(single["difference"] / 2)
    assert result["p"] == single["p"]


def test_the_interval_of_a_difference_resamples_people():
    first = samples(2)
    second = first.assign(answer=0)
    gained = (first["answer"] == first["truth"]) - 1.0 * (second["truth"] == 0)
    sums = gained.groupby(first["subject"]).agg(["sum", "count"]).to_numpy()
    draws = np.random.default_rng(0).integers(7, size=(50 * intervals.RESAMPLES, 7))
    shares = sums[draws, 0].sum(axis=1) / sums[draws, 1].sum(axis=1)
    expected = np.percentile(shares, [2.5, 97.5])
    result = compare_accuracy(first, second, BY_PERSON)["ci95"]
    assert result == pytest.approx(expected, abs=0.02)


def test_other_samples_are_not_compared_and_few_people_not_tested():
    first = samples(3)
    other = first.assign(sample=first["sample"] + "x")
    relabelled = first.assign(truth=1 - first["truth"])
    for table in (other, first[1:], relabelled):
        assert compare_accuracy(first, table, BY_PERSON) is None
    few = samples(3, people=4)
    assert compare_accuracy(few, few, BY_PERSON) == {"difference": 0}
    assert compare_accuracy(first, first, ()) == {"difference": 0}


def test_holm_s_correction():
    found = holm([0.01, 0.04, 0.03, 0.005])
    assert found == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []
