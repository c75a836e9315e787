import numpy as np
import pytest
from sklearn.model_selection import GroupKFold

from experiments.sase_fe import heads as sase_heads
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


@pytest.mark.parametrize(
    "given, count",
    [
        (people(), 5),
        (TWO_GENUINE, 2),
        (UNEVEN, 3),
        (some_with_one_label((1, 1), (1, 1), (0, 1)), 2),
        (some_with_one_label((1, 1), (1, 1), (1, 0), (0, 1)), 3),
        (some_with_one_label((1, 0), (1, 0), (0, 1), (0, 1), (1, 1)), 3),
        (some_with_one_label((1, 1), (1, 1), (1, 1), (1, 1), (0, 1)), 4),
    ],
)
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
    text = f"best. Received: genuine ones of {counts[0]}, fake ones of {counts[1]}"
    with pytest.raises(ValueError, match=text):
        sase_heads.fit(vectors[kept], labels[kept], subjects[kept])
