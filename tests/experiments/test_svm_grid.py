import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    StratifiedGroupKFold,
    cross_val_score,
)
from sklearn.svm import SVC

from experiments.nvie import svm_grid

SMALL_GRID = {
    "kernel": ("linear", "rbf", "poly"),
    "C": (0.001, 1.0, 100.0),
    "gamma": (0.0001, 0.001, 0.1, 10.0),
}


def digits(classes, n):
    """Real pictures (8x8, 0 to 16) of n handwritten digits, and writers as groups."""
    X, y = load_digits(return_X_y=True)
    chosen = np.flatnonzero(np.isin(y, classes))[:n]
    groups = np.arange(n) // 6
    splitter = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    folds = list(splitter.split(chosen, y[chosen], groups))
    return X[chosen], y[chosen], folds


def test_gram_in_blocks(monkeypatch):
    monkeypatch.setattr(svm_grid, "_BLOCK", 500)
    X = np.random.default_rng(0).normal(size=(30, 131)).astype(np.float32)
    wide = X.astype(np.float64)
    received = svm_grid.gram(X)
    assert received.dtype == np.float64 and np.array_equal(received, received.T)
    np.testing.assert_allclose(received, wide @ wide.T, rtol=1e-12, atol=1e-12)


def test_gram_never_copies_the_pictures_whole(monkeypatch):
    monkeypatch.setattr(svm_grid, "_BLOCK", 100_000)
    X = np.ones((100, 200, 200, 3), np.uint8)
    tracemalloc.start()
    svm_grid.gram(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes / 2


@pytest.mark.parametrize("gamma", svm_grid.THESIS_GRID["gamma"])
def test_kernels_equal_scikit_learns(gamma):
    X = np.random.default_rng(1).random((40, 27))
    X[7] = X[3]
    gram = svm_grid.gram(X)
    expected = {
        "linear": pairwise.linear_kernel(X),
        "rbf": pairwise.rbf_kernel(X, gamma=gamma),
        "poly": pairwise.polynomial_kernel(X, degree=3, gamma=gamma, coef0=0),
    }
    for name, matrix in expected.items():
        received = svm_grid.kernel(gram, name, gamma)
        np.testing.assert_allclose(received, matrix, rtol=1e-9, atol=0)


@pytest.mark.parametrize("classes", [(3, 8), (1, 4, 7, 9)])
def test_every_score_equals_the_plain_svc(classes):
    X, y, folds = digits(classes, 120)
    results = svm_grid.search(svm_grid.gram(X), y, folds, SMALL_GRID)
    assert len(results) == len(ParameterGrid(SMALL_GRID)) == 36
    for _, row in results.iterrows():
        svc = SVC(kernel=row["kernel"], C=row["C"], gamma=row["gamma"])
        accuracy = cross_val_score(svc, X, y, cv=folds)
        assert list(row[["fold_0", "fold_1", "fold_2"]]) == list(accuracy)
        assert row["mean_accuracy"] == pytest.approx(accuracy.mean(), abs=1e-12)
        assert row["std_accuracy"] == pytest.approx(accuracy.std(), abs=1e-12)
        balanced = cross_val_score(svc, X, y, cv=folds, scoring="balanced_accuracy")
        assert row["mean_balanced_accuracy"] == pytest.approx(balanced.mean())
    # The comparison means something: the settings do not all score alike.
    assert results["mean_accuracy"].nunique() > 5


def test_whole_grid_picks_what_grid_search_picks():
    X, y, folds = digits((3, 8), 90)
    results = svm_grid.search(svm_grid.gram(X), y, folds)
    assert len(results) == 126
    assert not results.duplicated(["kernel", "C", "gamma"]).any()
    plain = GridSearchCV(SVC(), svm_grid.THESIS_GRID, cv=folds, refit=False)
    plain.fit(X, y)
    chosen = SVC(**svm_grid.best(results))
    assert cross_val_score(chosen, X, y, cv=folds).mean() == plain.best_score_


def test_uint8_float32_pictures_and_threads_make_no_difference():
    X, y, folds = digits((3, 8), 90)
    expected = svm_grid.search(svm_grid.gram(X), y, folds, SMALL_GRID)
    for other in (X.astype(np.uint8), X.astype(np.float32), X.reshape(-1, 8, 8)):
        received = svm_grid.search(svm_grid.gram(other), y, folds, SMALL_GRID, n_jobs=2)
        pd.testing.assert_frame_equal(received, expected, check_exact=True)


def test_labels_may_be_words():
    X, y, folds = digits((3, 8), 60)
    words = np.where(y == 8, "spontaneous", "posed")
    expected = svm_grid.search(svm_grid.gram(X), y, folds, SMALL_GRID)
    received = svm_grid.search(svm_grid.gram(X), words, folds, SMALL_GRID)
    pd.testing.assert_frame_equal(received, expected)


def test_a_class_missing_from_a_test_side_is_no_zero():
    X, y, _ = digits((3, 8), 60)
    X = X + np.random.default_rng(0).normal(scale=9, size=X.shape)
    test = np.flatnonzero(y == 3)[:20]
    train = np.setdiff1d(np.arange(60), test)
    grid = {"kernel": ("linear",), "C": (1.0,), "gamma": (0.1,)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = svm_grid.search(svm_grid.gram(X), y, [(train, test)], grid)
    assert results["mean_balanced_accuracy"][0] == results["mean_accuracy"][0]
    # Some of the side are taken for the class that is missing from it.
    assert 0 < results["mean_accuracy"][0] < 1


def test_a_fit_that_would_not_end_is_stopped():
    # Coin-toss labels on two features: no cubic separates them.
    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 2)) * 100, random.integers(0, 2, 60)
    folds = [(np.arange(40), np.arange(40, 60))]
    grid = {"kernel": ("poly",), "C": (100.0,), "gamma": (10.0,)}
    with pytest.warns(ConvergenceWarning, match="max_iter=1000000"):
        svm_grid.search(svm_grid.gram(X), y, folds, grid)


def frame(*rows):
    return pd.DataFrame(rows, columns=["kernel", "C", "gamma", "mean_accuracy"])


def test_best_breaks_ties_towards_the_simpler_model():
    results = frame(
        ("poly", 0.1, 0.001, 0.7 + 1e-15),
        ("linear", 0.1, 0.001, 0.7),
        ("rbf", 0.1, 0.001, 0.7),
        ("linear", 0.1, 0.01, 0.7),
        ("linear", 1.0, 0.0001, 0.7),
        ("linear", 0.01, 0.0001, 0.6),
    )
    expected = {"kernel": "linear", "C": 0.1, "gamma": 0.001}
    assert svm_grid.best(results) == expected
    assert svm_grid.best(results[::-1]) == expected
    without_linear = results[results["kernel"] != "linear"]
    assert svm_grid.best(without_linear)["kernel"] == "rbf"
    better = pd.concat([results, frame(("poly", 100.0, 10.0, 0.71))])
    assert svm_grid.best(better) == {"kernel": "poly", "C": 100.0, "gamma": 10.0}
