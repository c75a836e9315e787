"""The thesis's search over SVM settings, whole, from one Gram matrix.

Source: Christensen 2018 (seeds/003), section 4.4.4 and table 4.3: SVC over seven
gammas, six Cs and three kernels on the pixels of 96x96x3 pictures. The thesis drew 70
of the 126 settings at random, because the grid took weeks.

Nearly all of that time goes into products of pictures, and all three kernels are
functions of the same products: with G = X X^T, linear is G, poly is
(gamma G + coef0)^degree and rbf is exp(-gamma (g_ii + g_jj - 2 g_ij)). So G is computed
once, and every setting is a fit on a precomputed kernel.

Our readings: poly has scikit-learn's defaults, degree 3 and coef0 0, as the thesis
searches neither; the criterion is accuracy, the default of the RandomizedSearchCV it
used. Scores are those of `SVC(kernel=..., C=..., gamma=...)` on the pixels, up to the
rounding of the last bit.

One thing differs from a plain SVC, which has no limit: a fit stops after
`MAX_ITERATIONS`. Pictures, which have more pixels than there are pictures, need some
hundreds. But a large C * gamma^3 on few features whose classes overlap may never end.
"""

import contextlib
import warnings

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, recall_score
from sklearn.svm import SVC
from tqdm import tqdm

from experiments import parts

# Table 4.3; kernels from the simplest, as `best` breaks ties.
KERNELS = ("linear", "rbf", "poly")
THESIS_GRID = {
    "kernel": KERNELS,
    "C": (0.001, 0.01, 0.1, 1.0, 10.0, 100.0),
    "gamma": (0.00001, 0.0001, 0.001, 0.01, 0.1, 1.0, 10.0),
}
DEGREE, COEF0 = 3, 0.0

MAX_ITERATIONS = 1_000_000
# Numbers converted to float64 at a time: 64 MB.
_BLOCK = 8_000_000


def gram(X):
    """The products of all pairs of samples, in double precision.

    X is converted a block of columns at a time, so that uint8 or float32 pictures are
    never copied whole to float64.

    Args:
        X: array of shape (n, ...), of integers or floats: pictures or features.

    Returns:
        float64 array of shape (n, n), symmetric.

    Raises:
        ValueError: if X is not numeric, has no samples or features, or holds NaN or
            infinity.
    """
    X = np.asarray(X)
    if X.dtype.kind not in "biuf" or X.ndim < 2 or X.size == 0:
        raise ValueError(
            "Expected numbers of shape (samples, features), one of each at least; "
            f"received {X.dtype} of shape {X.shape}."
        )
    X = X.reshape(len(X), -1)
    products = np.zeros((len(X), len(X)))
    width = max(1, _BLOCK // len(X))
    for start in range(0, X.shape[1], width):
        block = X[:, start : start + width].astype(np.float64)
        products += block @ block.T
    finite = np.isfinite(np.diag(products))
    if not finite.all():
        raise ValueError(
            f"{(~finite).sum()} of {len(X)} samples hold NaN or infinity (the first at "
            f"position {np.argmin(finite)}). Fill them in or leave them out."
        )
    return products


def kernel(gram, name, gamma):
    """The kernel matrix of all pairs of samples.

    Args:
        gram: array of shape (n, n), from `gram`.
        name: "linear", "rbf" or "poly" (degree 3, coef0 0).
        gamma: factor, above 0; "linear" does not use it.

    Returns:
        float64 array of shape (n, n); for "linear" it is `gram` itself.

    Raises:
        ValueError: if the name is unknown.
    """
    if name == "linear":
        return gram
    if name == "poly":
        return (gamma * gram + COEF0) ** DEGREE
    if name == "rbf":
        squares = np.diag(gram)
        distances = -2.0 * gram
        distances += squares[:, None]
        distances += squares
        # Rounding can leave two equal pictures slightly below zero apart.
        np.maximum(distances, 0.0, out=distances)
        distances *= -gamma
        return np.exp(distances, out=distances)
    raise ValueError(f"Unknown kernel {name!r}; there are {', '.join(KERNELS)}.")


def search(X, y, folds, grid=THESIS_GRID, n_jobs=None, spread=None):
    """Cross-validates an SVC with every setting of a grid.

    Args:
        X: array of shape (n, ...), of integers or floats: pictures or features.
        y: n class labels.
        folds: (train, test) pairs of positions, such as `datasets.splits.kfold` gives.
        grid: dict of "kernel", "C" and "gamma" to the values to combine.
        n_jobs: number of threads, -1 for one a core; None for one, or for what an
            enclosing `joblib.parallel_config` says.
        spread: a `parts.Spread`; with a cluster, its workers do the fits, not threads.

    Returns:
        DataFrame with one row a setting and the columns `kernel`, `C`, `gamma`,
        `mean_accuracy`, `std_accuracy`, `mean_balanced_accuracy`, `finished` (no fold
        ran into `MAX_ITERATIONS`), and `fold_0`, `fold_1` ... with each fold's
        accuracy. "linear" is the same for every gamma and is fitted for one only.

    Raises:
        ValueError: if X is not finite numbers, lengths differ, the two sides of a fold
            overlap or lie outside, a training side has one class only, the grid is not
            as above, or a kernel is too large for libsvm.
    """
    y = np.asarray(y)
    folds = _check_folds(folds, y, len(X))
    _check_grid(grid)
    products = gram(X)
    kernels = [
        (name, gamma)
        for name in grid["kernel"]
        for gamma in (grid["gamma"][:1] if name == "linear" else grid["gamma"])
    ]
    _check_size(products, kernels)
    shape = (len(kernels), len(grid["C"]), len(folds), 3)
    count = int(np.prod(shape[:3]))
    with tqdm(total=count, desc="SVC grid", unit="fit", disable=None) as bar:
        if spread and spread.dask:
            found = _on_cluster(products, y, folds, grid["C"], kernels, spread, bar)
        else:
            found = _in_threads(products, y, folds, grid["C"], kernels, n_jobs, bar)
    scores = dict(zip(kernels, np.reshape(found, shape), strict=True))
    results = pd.DataFrame(
        _row(name, C, gamma, scores[name, used][i])
        for name in grid["kernel"]
        for gamma in grid["gamma"]
        for used in [grid["gamma"][0] if name == "linear" else gamma]
        for i, C in enumerate(grid["C"])
    )
    if not results["finished"].all():
        warnings.warn(
            f"{(~results['finished']).sum()} of {len(results)} settings ran into the "
            f"limit of {MAX_ITERATIONS} iterations (column `finished`); their scores "
            "are those of unfinished fits. Scaling the features usually helps.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return results


def best(results):
    """The setting with the highest mean accuracy over the folds.

    Accuracy is what the thesis's search went by. Ties go to the simpler model: the
    smaller C, then the smaller gamma, then linear before rbf before poly.

    Args:
        results: DataFrame from `search`.

    Returns:
        Dict of "kernel", "C" and "gamma": arguments of `sklearn.svm.SVC`.
    """
    ranked = results.assign(
        # Equal folds in another order can differ in the mean's last bit.
        mean_accuracy=results["mean_accuracy"].round(12),
        complexity=results["kernel"].map(KERNELS.index),
    ).sort_values(
        ["mean_accuracy", "C", "gamma", "complexity"],
        ascending=[False, True, True, True],
    )
    first = ranked.iloc[0]
    return {
        "kernel": first["kernel"],
        "C": float(first["C"]),
        "gamma": float(first["gamma"]),
    }


def _in_threads(products, y, folds, Cs, kernels, n_jobs, bar):
    """The scores of all fits, in order; libsvm releases the interpreter lock."""
    # A generator: only the kernel matrices now in use are in memory.
    fits = (
        delayed(_score)(matrix, y, train, test, C)
        for name, gamma in kernels
        for matrix in [kernel(products, name, gamma)]
        for C in Cs
        for train, test in folds
    )
    found = []
    with _no_warning_each():
        for score in Parallel(n_jobs, prefer="threads", return_as="generator")(fits):
            found.append(score)
            bar.update()
    return found


def _on_cluster(products, y, folds, Cs, kernels, spread, bar):
    """The same; a part is a kernel, so that the products travel once."""
    shared = products, y, folds, Cs
    threads, found = parts.threads(len(kernels)), {}
    for place, scores in parts.each(_of_kernel, kernels, spread, threads, shared):
        found[place] = scores
        bar.update(len(scores))
    return [found[place] for place in range(len(kernels))]


def _of_kernel(products, y, folds, Cs, name, gamma):
    matrix = kernel(products, name, gamma)
    with _no_warning_each():
        return [_score(matrix, y, train, test, C) for C in Cs for train, test in folds]


@contextlib.contextmanager
def _no_warning_each():
    """One warning for all fits follows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _score(matrix, y, train, test, C):
    """Accuracy, balanced accuracy, and whether the fit ended by itself."""
    svc = SVC(kernel="precomputed", C=C, max_iter=MAX_ITERATIONS)
    svc.fit(matrix[np.ix_(train, train)], y[train])
    predicted = svc.predict(matrix[np.ix_(test, train)])
    return (
        accuracy_score(y[test], predicted),
        # Balanced accuracy, which scikit-learn's own function would give with a
        # warning whenever a class is missing from the test side.
        recall_score(y[test], predicted, labels=np.unique(y[test]), average="macro"),
        np.max(svc.n_iter_) < MAX_ITERATIONS,
    )


def _row(name, C, gamma, scores):
    accuracies, balanced, finished = scores.T
    return {
        "kernel": name,
        "C": C,
        "gamma": gamma,
        "mean_accuracy": accuracies.mean(),
        "std_accuracy": accuracies.std(),
        "mean_balanced_accuracy": balanced.mean(),
        "finished": bool(finished.all()),
        **{f"fold_{i}": accuracy for i, accuracy in enumerate(accuracies)},
    }


def _check_size(products, kernels):
    # libsvm keeps kernels in single precision; on an overflow it never ends. No entry
    # is larger than the largest on the diagonal, as products are positive semidefinite.
    largest = np.diag(products).max(keepdims=True)[:, None]
    for name, gamma in kernels:
        with np.errstate(over="ignore"):
            reached = kernel(largest, name, gamma).item()
        if reached >= float(np.finfo(np.float32).max):
            raise ValueError(
                f"The {name} kernel with gamma {gamma} reaches {reached:.1e}, more "
                "than libsvm can hold. Scale the features, for pictures to 0..1."
            )


def _check_folds(folds, y, n):
    folds = [(np.asarray(train), np.asarray(test)) for train, test in folds]
    if y.shape != (n,) or pd.isna(y).any():
        raise ValueError(
            f"Expected one label for each of {n} samples, none missing; received "
            f"labels of shape {y.shape}, {pd.isna(y).sum()} of them missing."
        )
    if not folds:
        raise ValueError("Expected at least one (train, test) fold; received none.")
    for number, (train, test) in enumerate(folds):
        for side in (train, test):
            if side.dtype.kind not in "iu" or side.ndim != 1 or side.size == 0:
                raise ValueError(
                    f"Fold {number}: expected two sides of integer positions, none "
                    f"empty; received {side.dtype} of shape {side.shape}."
                )
            if side.min() < 0 or side.max() >= n:
                raise ValueError(
                    f"Fold {number}: positions must be 0 to {n - 1}; received "
                    f"{side.min()} to {side.max()}."
                )
        both = np.intersect1d(train, test)
        if both.size:
            raise ValueError(
                f"Fold {number}: {both.size} samples are on both sides (the first is "
                f"{both[0]})."
            )
        if len(np.unique(y[train])) < 2:
            raise ValueError(
                f"Fold {number}: the training side has one class only "
                f"({y[train][0]!r}); use fewer or stratified folds."
            )
    return folds


def _check_grid(grid):
    if set(grid) != {"kernel", "C", "gamma"} or not all(len(v) for v in grid.values()):
        raise ValueError(
            "Expected a grid of `kernel`, `C` and `gamma`, each with one value at "
            f"least; received {grid!r}."
        )
    unknown = sorted(set(grid["kernel"]) - set(KERNELS))
    if unknown:
        raise ValueError(f"Unknown kernels {unknown}; there are {', '.join(KERNELS)}.")
    if min(*grid["C"], *grid["gamma"]) <= 0:
        raise ValueError(f"Every C and gamma must be above 0; received {grid!r}.")
