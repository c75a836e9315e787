"""The whole SVM grid from one Gram matrix, against the thesis's 70 random draws.

    python -m benchmarks.svm_search

Both search the same pictures with the same folds in the same run: `svm_grid`
all 126 settings of the thesis's table 4.3 (Christensen 2018), scikit-learn's
RandomizedSearchCV 70 of them, drawn at random, on the pixels themselves. Prints both
times and their ratio, and checks that each drawn setting has the same score in every
fold both ways; if not, it names them and exits with 1.

The pictures are made by code: they stand in for the study's in size and range only, and
the scores mean nothing. The default takes about 200 CPU seconds, nearly all of them in
the random search.
"""

import argparse
import sys
import time

import numpy as np
import pandas as pd
from sklearn.model_selection import RandomizedSearchCV
from sklearn.svm import SVC

from datasets import splits
from experiments.nvie import svm_grid

DRAWS = 70


def pictures(n, seed=0):
    """Smooth random pictures of 20 subjects, with a faint pattern a class.

    Returns:
        float32 array (n, 96, 96, 3) in 0..1, labels of 0 and 1, and the index.
    """
    random = np.random.default_rng(seed)

    def smooth(count):
        coarse = random.normal(size=(count, 12, 12, 3))
        return coarse.repeat(8, axis=1).repeat(8, axis=2)

    subject = np.arange(n) % 20
    labels = random.integers(0, 2, n)
    signal = smooth(20)[subject] + 0.06 * smooth(2)[labels] + 0.7 * smooth(n)
    noisy = signal + 0.2 * random.normal(size=signal.shape)
    X = np.clip(0.5 + 0.15 * noisy, 0, 1).astype(np.float32)
    return X, labels, pd.DataFrame({"subject": subject})


def differences(results, drawn, n_folds):
    """The drawn settings whose score is not the same in every fold both ways."""
    ours = results.set_index(["kernel", "C", "gamma"])
    found = []
    for i, params in enumerate(drawn["params"]):
        setting = params["kernel"], params["C"], params["gamma"]
        theirs = [drawn[f"split{fold}_test_score"][i] for fold in range(n_folds)]
        mine = [ours.loc[setting, f"fold_{fold}"] for fold in range(n_folds)]
        if mine != theirs:
            found.append(f"{setting}: ours {mine}, plain SVC {theirs}")
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--n", type=int, default=250, help="pictures, of 96x96x3")
    parser.add_argument("--folds", type=int, default=5, help="folds, by subject")
    parser.add_argument("--jobs", type=int, default=-1, help="-1: one a core")
    args = parser.parse_args()
    X, y, index = pictures(args.n)
    folds = splits.kfold(index, y, folds=args.folds)
    print(f"{args.n} pictures of 96x96x3 made by code, {args.folds} folds by subject")

    start = time.perf_counter()
    results = svm_grid.search(svm_grid.gram(X), y, folds, n_jobs=args.jobs)
    ours = time.perf_counter() - start
    print(f"whole grid, {len(results)} settings, one Gram matrix: {ours:.1f} s")

    start = time.perf_counter()
    random_search = RandomizedSearchCV(
        SVC(),
        svm_grid.THESIS_GRID,
        n_iter=DRAWS,
        cv=folds,
        random_state=0,
        n_jobs=args.jobs,
        refit=False,
    ).fit(X.reshape(len(X), -1), y)
    theirs = time.perf_counter() - start
    print(f"RandomizedSearchCV, {DRAWS} draws, on the pixels: {theirs:.1f} s")
    per_setting = (theirs / DRAWS) / (ours / len(results))
    print(f"ratio: {theirs / ours:.1f} in all, {per_setting:.1f} a setting")

    different = differences(results, random_search.cv_results_, args.folds)
    print(f"same score in every fold: {DRAWS - len(different)} of {DRAWS} settings")
    if different:
        sys.exit("\n".join(["Scores differ:", *different]))


if __name__ == "__main__":
    main()
