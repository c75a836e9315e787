import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.model_selection import GroupKFold

from experiments import evaluation, sase_heads
from experiments.sase_figures import mean_curve
from experiments.sase_measures import measure, paired, pairs, verdict
from experiments.within_rounds import within_rounds
from zoo import heads


def people(count=12, copies=3, seed=0):
    """PB vectors that tell the class, and whose copies are alike."""
    rng = np.random.default_rng(seed)
    subjects = np.repeat([f"Train/{n}" for n in range(count)], 2 * copies)
    labels = np.tile(np.repeat([0, 1], copies), count)
    own = np.repeat(rng.normal(size=(2 * count, 4)), copies, axis=0)
    own[:, 0] += 4 * labels
    return own + rng.normal(0, 0.1, own.shape), labels, subjects


def test_the_trees_are_the_papers():
    wanted = {"n_estimators": 5000, "max_depth": 2, "reg_lambda": 1000}
    wanted["subsample"] = 0.8
    assert wanted.items() <= sase_heads.TREES.items()
    assert sase_heads.PATIENCE == 500


def test_the_number_of_trees_is_chosen_on_people_left_out(monkeypatch):
    seen = []

    class Watched:
        def set_params(self, **settings):
            assert settings == {
                "early_stopping_rounds": sase_heads.PATIENCE,
                "eval_metric": "logloss",
            }
            return self

        def fit(self, x, y, eval_set, verbose):
            ((left_x, left_y),) = eval_set
            seen.append((set(x[:, 0]), set(left_x[:, 0]), len(y) + len(left_y)))
            self.best_iteration = 10 * len(seen)

    monkeypatch.setattr(sase_heads, "clone", lambda head: Watched())
    _, labels, subjects = people()
    vectors = np.unique(subjects, return_inverse=True)[1][:, None]
    folds = list(GroupKFold(5).split(vectors, labels, subjects))
    trees = sase_heads.number_of_trees(None, vectors, labels, folds)
    assert trees == np.mean([11, 21, 31, 41, 51])
    for fitted, left_out, count in seen:
        assert fitted.isdisjoint(left_out) and count == len(labels)


def test_heads_learn_and_repeat(monkeypatch):
    monkeypatch.setitem(sase_heads.TREES, "n_estimators", 200)
    monkeypatch.setitem(sase_heads.TREES, "reg_lambda", 1)
    vectors, labels, subjects = people()
    test, truth, _ = people(seed=1)
    videos = np.repeat(np.arange(24), 3)
    answers = []
    for _ in range(2):
        fitted, trees = sase_heads.fit(vectors, labels, subjects)
        assert list(fitted) == list(sase_heads.NAMES) and 1 <= trees <= 200
        assert fitted["xgboost"].get_booster().num_boosted_rounds() == trees
        answers.append(
            {n: sase_heads.decide(h, test, videos) for n, h in fitted.items()}
        )
        for name, answer in answers[-1].items():
            assert answer.shape == (24,)
            assert np.mean((answer > 0.5) == truth[::3]) > 0.75, name
    for name in fitted:
        np.testing.assert_array_equal(answers[0][name], answers[1][name])


def test_a_decision_is_the_mean_over_copies():
    vectors, labels, _ = people()
    head = heads.logistic().fit(vectors, labels)
    videos = np.repeat([0, 1, 2], [1, 4, 2])
    each = head.predict_proba(vectors[:7])[:, 1]
    wanted = [each[0], each[1:5].mean(), each[5:7].mean()]
    np.testing.assert_allclose(sase_heads.decide(head, vectors[:7], videos), wanted)


def some_with_one_label(*videos):
    """Vectors of people with so many (genuine, posed) videos, of three copies each."""
    rows = [
        (f"Train/{n}", label)
        for n, counts in enumerate(videos)
        for label, count in zip((1, 0), counts, strict=True)
        for _ in range(3 * count)
    ]
    subjects, labels = map(np.array, zip(*rows, strict=True))
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(rows), 2)) + 3 * labels[:, None]
    return vectors, labels, subjects


# Folds of like sizes alone would have both genuine people in one of them.
TWO_GENUINE = some_with_one_label((0, 2), (0, 1), (2, 0), (1, 0))
# One fold leaves out somebody with posed videos alone.
UNEVEN = some_with_one_label((2, 0), (1, 1), (0, 2), (1, 1))


@pytest.mark.parametrize("given, count", [(people(), 5), (TWO_GENUINE, 2), (UNEVEN, 3)])
def test_folds_keep_people_apart_and_leave_each_out_once(given, count):
    _, labels, subjects = given
    folds = sase_heads.folds_of(labels, subjects)
    assert len(folds) == count
    left_out = np.concatenate([rows for _, rows in folds])
    assert sorted(left_out) == list(range(len(labels)))
    for train, rows in folds:
        assert sorted([*train, *rows]) == list(range(len(labels)))
        assert set(subjects[train]).isdisjoint(subjects[rows])
        assert set(labels[train]) == {0, 1}


def test_all_heads_are_fitted_on_these_folds_and_by_the_seed(monkeypatch):
    monkeypatch.setitem(sase_heads.TREES, "n_estimators", 20)
    monkeypatch.setitem(sase_heads.TREES, "reg_lambda", 1)
    asked, number_of_trees = [], sase_heads.number_of_trees

    def noted(head, vectors, labels, folds):
        asked.append((head, folds))
        return number_of_trees(head, vectors, labels, folds)

    monkeypatch.setattr(sase_heads, "number_of_trees", noted)
    given = UNEVEN
    fitted, _ = sase_heads.fit(*given, seed=7)
    ((head, folds),) = asked
    want = sase_heads.folds_of(*given[1:])
    for got in folds, fitted["svm"][-1].cv:
        for one, other in zip(got, want, strict=True):
            np.testing.assert_array_equal(np.concatenate(one), np.concatenate(other))
    for trees in head, fitted["xgboost"]:
        assert trees.get_params()["random_state"] == 7
    for one in fitted.values():
        assert np.isfinite(one.predict_proba(given[0])).all()


@pytest.mark.parametrize("label, counts", [(1, (1, 12)), (0, (12, 1))])
def test_two_people_of_each_label_are_needed(label, counts):
    vectors, labels, subjects = people()
    kept = (labels != label) | (subjects == "Train/3")
    told = f"best. Received: genuine ones of {counts[0]}, posed ones "
    with pytest.raises(ValueError, match=f"{told}of {counts[1]}"):
        sase_heads.fit(vectors[kept], labels[kept], subjects[kept])


def answers():
    """Two pairs, somebody with three videos, somebody unknown."""
    rows = [
        ("holdout", "anger", "Train/1", 1, 0.4),
        ("holdout", "anger", "Train/1", 0, 0.3),
        ("holdout", "sadness", "Train/1", 0, 0.9),
        ("holdout", "sadness", "Train/1", 1, 0.8),
        ("holdout", "anger", "Train/2", 1, 0.7),
        ("holdout", "anger", "Train/2", 1, 0.7),
        ("holdout", "anger", "Train/2", 0, 0.1),
        ("holdout", "anger", "Test:unknown", 1, 0.6),
        ("holdout", "anger", "Test:unknown", 0, 0.2),
    ]
    columns = ["round", "emotion", "subject", "label", "xgboost"]
    return pd.DataFrame(rows, columns=columns)


def test_pairs_are_one_genuine_and_one_fake_of_one_person():
    found = pairs(answers().sample(frac=1, random_state=0).sort_index())
    assert found.to_dict("records") == [
        {"subject": "Train/1", "genuine": 0, "posed": 1},
        {"subject": "Train/1", "genuine": 3, "posed": 2},
    ]


def test_in_pairs_and_on_their_own_differ():
    table = answers()
    # By themselves: wrong are 0 (genuine, 0.4) and 2 (fake, 0.9).
    assert measure(table, "xgboost")["accuracy"] == pytest.approx(7 / 9)
    result = paired(table, "xgboost")
    assert result["paired_accuracy"] == 0.5 and result["n_pairs"] == 2
    table["xgboost"] = 0.5
    assert paired(table, "xgboost")["paired_accuracy"] == 0.5
    none = paired(table[table["label"] == 1], "xgboost")
    assert none == {"paired_accuracy": None, "paired_ci95": None, "n_pairs": 0}


@pytest.mark.parametrize("column", ["round", "emotion"])
def test_only_videos_of_one_round_and_emotion_are_compared(column):
    """The first network answers high throughout, and has more genuine videos."""
    of_six = [1, 1, 1, 1, 1, 0]
    table = pd.DataFrame(
        {
            "round": "holdout",
            "emotion": "anger",
            "subject": [f"Train/{n}" for n in range(6)] * 2,
            "label": of_six + [1 - label for label in of_six],
        }
    )
    table[column] = np.repeat(["first", "second"], 6)
    table["constant"] = np.repeat([0.9, 0.1], 6)
    result = measure(table, "constant")
    assert result["accuracy"] == 10 / 12
    for name in ("roc_auc", "balanced_accuracy"):
        assert result[name] == 0.5 and result[f"{name}_ci95"] == [0.5, 0.5]
    table["ordered"] = table["constant"] + 0.05 * table["label"]
    assert measure(table, "ordered")["roc_auc"] == 1


def test_the_interval_of_pairs_resamples_people():
    """Seven videos of a person, all told alike, tell no more than one."""
    emotions = [f"emotion {n}" for n in range(7)]
    names = [f"Train/{n}" for n in range(8)]
    rows = [(e, name, label) for e in emotions for name in names for label in (0, 1)]
    table = pd.DataFrame(rows, columns=["emotion", "subject", "label"])
    table["round"] = "holdout"
    wrong = table["subject"].isin(names[:3])
    table["xgboost"] = np.where(wrong, 1 - table["label"], table["label"])
    result = paired(table, "xgboost")
    assert (result["n_pairs"], result["paired_accuracy"]) == (56, 5 / 8)
    want = evaluation.interval(np.arange(8) >= 3, names)
    assert want[1] - want[0] > 0.5
    np.testing.assert_allclose(result["paired_ci95"], want)


@pytest.mark.parametrize(
    "area, balanced, begins",
    [
        (0.51, 0.51, "Above chance: X, ROC AUC 0.700 (0.510 to 0.900) and balanced"),
        (0.51, 0.49, "NOT shown to beat chance: X, ROC AUC"),
        (0.49, 0.51, "NOT shown to beat chance: X, ROC AUC"),
        (0.5, 0.51, "NOT shown to beat chance: X, ROC AUC"),
    ],
)
def test_a_head_beats_chance_in_both_measures(area, balanced, begins):
    result = {"n_test_subjects": 9, "roc_auc": 0.7, "balanced_accuracy": 0.7}
    result |= {"roc_auc_ci95": [area, 0.9], "balanced_accuracy_ci95": [balanced, 0.9]}
    assert verdict(result, "X").startswith(begins)


@pytest.mark.parametrize("digits", [1, 6])
def test_the_area_under_the_drawn_curve_is_the_measure(digits):
    """Of several rounds, unlike in size, in quality, and with and without ties."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"round": np.repeat(list("abcd"), [40, 9, 15, 3])})
    table["label"] = rng.integers(2, size=len(table))
    table.loc[table["round"] == "d", "label"] = 1  # nothing to compare with
    slope = table["round"].map({"a": 0.6, "b": -0.3, "c": 0.1, "d": 0})
    table["answer"] = slope * table["label"] + rng.uniform(size=len(table))
    table["answer"] = table["answer"].round(digits)
    x, y = mean_curve(table, "answer")
    want = within_rounds(table, table["answer"].to_numpy())["roc_auc"]
    assert metrics.auc(x, y) == pytest.approx(want, abs=2e-3)
    assert (x[0], y[0]) == (0, 0) and (x[-1], y[-1]) == (1, 1)
    assert (np.diff(x) >= 0).all()
    one = table[table["round"] == "c"]
    want = metrics.roc_curve(one["label"], one["answer"])[:2]
    for got in (
        mean_curve(one, "answer"),
        mean_curve(table[table["round"] > "b"], "answer"),
    ):
        np.testing.assert_array_equal(got, want)


def test_too_few_people_for_an_interval_are_said():
    result = measure(answers(), "xgboost")
    assert "NOT shown to beat chance: 3 test subjects are too few" in verdict(
        result, "XGBoost"
    )
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "round": "holdout",
            "emotion": "anger",
            "subject": np.repeat([f"Train/{n}" for n in range(20)], 2),
            "label": np.tile([0, 1], 20),
        }
    )
    table["good"] = table["label"] * 0.6 + rng.uniform(0, 0.4, 40)
    table["none"] = rng.uniform(size=40)
    assert verdict(measure(table, "good"), "X").startswith("Above chance: X, ROC AUC 1")
    assert verdict(measure(table, "none"), "X").startswith("NOT shown to beat chance")


@pytest.mark.parametrize("has", ["gp gp p", "gp gp g p", "g g p p gp", "gp gp gp gp p"])
def test_people_with_one_label_alone_leave_both_to_learn_from(has):
    both = {"g": 1, "p": 0}
    videos = [
        (f"p{n}", both[v]) for n, person in enumerate(has.split()) for v in person
    ]
    subjects, labels = map(np.array, zip(*videos, strict=True))
    folds = sase_heads.folds_of(labels, subjects)
    assert len(folds) >= 2
    assert sorted(np.concatenate([test for _, test in folds])) == list(
        range(len(labels))
    )
    for train, test in folds:
        assert set(labels[train]) == {0, 1}
        assert set(subjects[train]).isdisjoint(subjects[test])
