"""The thesis's search over SVM settings, whole, from one Gram matrix.

Source: Christensen 2018, section 4.4.4 and table 4.3. The thesis drew 70 of the 126
settings at random, because the grid took weeks: nearly all of it for products of
pictures. All kernels are functions of the same products: with G = X X^T, linear is G,
poly is (gamma G)^3 and rbf is exp(-gamma (g_ii + g_jj - 2 g_ij)). So G is computed
once, and GridSearchCV goes over C on each precomputed kernel.

Our readings: poly has scikit-learn's defaults, degree 3 and coef0 0; the criterion is
accuracy, the default of the RandomizedSearchCV that the thesis used. Scores are those
of `SVC(kernel=..., C=..., gamma=...)` on the pixels.
"""

import joblib
import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, recall_score
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC
from tqdm import tqdm

# Table 4.3; kernels from the simplest, as `best` breaks ties.
THESIS_GRID = {
    "kernel": ("linear", "rbf", "poly"),
    "C": (0.001, 0.01, 0.1, 1.0, 10.0, 100.0),
    "gamma": (0.00001, 0.0001, 0.001, 0.01, 0.1, 1.0, 10.0),
}
# Pictures need some hundreds. On few features, a fit with a large C may never end.
MAX_ITERATIONS = 1_000_000
_BLOCK = 8_000_000  # numbers converted to float64 at a time: 64 MB


def gram(X: np.ndarray) -> np.ndarray:
    """Return the products of all pairs of samples in float64.

    A block of columns is converted at a time: pictures are never copied whole.
    """
    X = X.reshape(len(X), -1)
    products = np.zeros((len(X), len(X)))
    width = max(1, _BLOCK // len(X))
    for start in range(0, X.shape[1], width):
        block = X[:, start : start + width].astype(np.float64)
        products += block @ block.T
    return products


def kernel(gram: np.ndarray, name: str, gamma: float) -> np.ndarray:
    """Return a kernel matrix: "linear" (without gamma), "rbf" or "poly"."""
    if name == "linear":
        return gram
    if name == "poly":
        return (gamma * gram) ** 3
    squares = np.diag(gram)
    # Rounding can leave two equal pictures slightly below zero apart.
    distances = np.maximum(squares[:, None] + squares - 2.0 * gram, 0.0)
    return np.exp(-gamma * distances)


def search(products, y, folds, grid: dict = THESIS_GRID, n_jobs=None) -> pd.DataFrame:
    """Cross-validate an SVC with every setting of a grid.

    Args:
        products: What `gram` returned, `(n, n)`.
        y: Class labels, `(n,)`.
        folds: List of (train, test) positions, as `datasets.splits.kfold` returns.
        grid: "kernel", "C" and "gamma" -> the values to combine.
        n_jobs: Number of fits at once: threads, or workers of an enclosing
            `joblib.parallel_config("dask")`.

    Returns:
        One row a setting: `kernel`, `C`, `gamma`, `mean_accuracy`, `std_accuracy`,
        `mean_balanced_accuracy`, and each fold's accuracy as `fold_0`, `fold_1` ...
        "linear" is the same for every gamma and is fitted once.
    """
    parts = []
    svc = SVC(kernel="precomputed", max_iter=MAX_ITERATIONS)
    over_C = GridSearchCV(
        svc, {"C": grid["C"]}, scoring=_scores, n_jobs=n_jobs, refit=False, cv=folds
    )
    kernels = [(name, gamma) for name in grid["kernel"] for gamma in grid["gamma"]]
    for name, gamma in tqdm(kernels, desc="SVC grid", unit="kernel", disable=None):
        if name != "linear" or gamma == grid["gamma"][0]:
            with joblib.parallel_config(prefer="threads"):
                scores = over_C.fit(kernel(products, name, gamma), y).cv_results_
        part = {"kernel": name, "C": grid["C"], "gamma": gamma}
        for key in ("mean_accuracy", "std_accuracy", "mean_balanced_accuracy"):
            part[key] = scores[key.replace("_", "_test_", 1)]
        for fold in range(len(folds)):
            part[f"fold_{fold}"] = scores[f"split{fold}_test_accuracy"]
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def best(results: pd.DataFrame) -> dict:
    """Return `kernel`, `C` and `gamma` of the highest mean accuracy.

    Ties go to the smaller C, then the smaller gamma, then linear before rbf and poly.
    """
    ranked = results.assign(
        # Equal folds in another order can differ in the mean's last bit.
        mean_accuracy=-results["mean_accuracy"].round(12),
        complexity=results["kernel"].map(THESIS_GRID["kernel"].index),
    ).sort_values(["mean_accuracy", "C", "gamma", "complexity"])
    return ranked.iloc[0][["kernel", "C", "gamma"]].to_dict()


def _scores(svc, X, y):
    answer = svc.predict(X)
    # As scikit-learn's balanced accuracy, without its warning where a class is missing.
    recall = recall_score(y, answer, labels=np.unique(y), average="macro")
    return {"accuracy": accuracy_score(y, answer), "balanced_accuracy": recall}
