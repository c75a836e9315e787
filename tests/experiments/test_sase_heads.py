import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold

from experiments import sase_heads
from experiments.sase_measures import measure, paired, pairs, verdict
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


def test_one_person_is_too_few():
    vectors, labels, subjects = people(1)
    with pytest.raises(ValueError, match="2 people or more. Received: 1"):
        sase_heads.fit(vectors, labels, subjects)


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


def test_areas_compare_videos_of_one_emotion():
    # Each emotion is in perfect order, but anger's network answers higher throughout.
    table = pd.DataFrame(
        {
            "round": "holdout",
            "emotion": ["anger"] * 2 + ["sadness"] * 2,
            "subject": "Train/1",
            "label": [0, 1, 0, 1],
            "xgboost": [0.8, 0.9, 0.1, 0.2],
        }
    )
    assert measure(table, "xgboost")["roc_auc"] == 1


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
