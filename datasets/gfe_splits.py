"""Training, validation and test parts of Grammatical Facial Expressions.

The three protocols under which figures on this dataset are told, and blocks of time
for what is chosen inside a training part. Neighbouring frames are nearly the same, so
that a split of shuffled frames measures how well a model remembers (Xu).
"""

import numpy as np
import pandas as pd

from datasets import about
from zoo.inputs.gfe_files import SIGNERS

PROTOCOLS = about.GFE.protocols
_TEST = 5  # one part in so many is the test part


def protocol(index: pd.DataFrame, name: str, seed: int = 0) -> list[dict]:
    """Divides an index into training and test parts, each expression by itself.

    Args:
        index: Rows as `index` gives them, of one expression or several. How one is
            divided does not depend on the others.
        name: One of `PROTOCOLS`, which says what each is and what it leaks.
        seed: 0 or more; only "shuffled" depends on it.

    Returns:
        One round, or for "signer" two (test on b, then test on a): dicts of "train"
        and "test" to sorted positions in the index, without overlap.

    Raises:
        ValueError: Another name, or too little to divide.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"Expected protocol {' or '.join(PROTOCOLS)}, got {name!r}.")
    if index.empty:
        raise ValueError("Expected an index of one frame or more, got an empty one.")
    if name == "signer":
        return _by_signer(index)
    tested = np.zeros(len(index), bool)
    if name == "shuffled":
        for expression, rows in index.groupby("expression").indices.items():
            tested[_drawn(index, expression, rows, seed)] = True
    else:
        for path, rows in _recordings(index):
            if len(rows) < _TEST:
                raise ValueError(
                    f"A hold-out needs {_TEST} frames or more of each recording; "
                    f"there are {len(rows)} of {path}."
                )
            tested[rows[len(rows) * (_TEST - 1) // _TEST :]] = True
    return [{"train": np.flatnonzero(~tested), "test": np.flatnonzero(tested)}]


def _by_signer(index: pd.DataFrame) -> list[dict]:
    signers = index.groupby("expression")["signer"].agg(set)
    lone = [name for name, both in signers.items() if both != set(SIGNERS)]
    if lone:
        raise ValueError(
            "Training on one signer and testing on the other needs both, a and b; "
            f"there is only one of {', '.join(lone)}."
        )
    of_a = index["signer"].to_numpy() == "a"
    a, b = np.flatnonzero(of_a), np.flatnonzero(~of_a)
    return [{"train": a, "test": b}, {"train": b, "test": a}]


def _drawn(index: pd.DataFrame, expression: str, rows, seed: int) -> np.ndarray:
    from sklearn.model_selection import train_test_split

    labels = index["label"].to_numpy()[rows]
    try:
        return train_test_split(
            rows, test_size=1 / _TEST, stratify=labels, random_state=seed
        )[1]
    except ValueError as error:
        raise ValueError(
            f"The {len(rows)} frames of {expression} cannot be divided with both "
            f"labels on both sides ({error})"
        ) from error


def _recordings(index: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    """(path, its rows' positions in the order of time) of every recording."""
    frames = index["frame"].to_numpy()
    return [
        (path, rows[np.argsort(frames[rows], kind="stable")])
        for path, rows in index.groupby("path").indices.items()
    ]


def blocks(index: pd.DataFrame, rows, folds: int = 5) -> list[tuple]:
    """Divides a training part for cross-validation, by blocks of time.

    The rows of each recording, in the order of time, are cut into stretches of equal
    numbers; a fold validates on one stretch of every recording. For choosing models
    without the test part.

    Args:
        index: Rows as `index` gives them.
        rows: Positions in it: the training part.
        folds: Number of folds, 2 or more.

    Returns:
        List of (train, validation) pairs of sorted positions in the index. Together
        a pair holds `rows`; every row is in one validation part.

    Raises:
        ValueError: `folds` is below 2, or a recording has fewer rows.
    """
    rows = np.unique(rows)
    if not isinstance(folds, (int, np.integer)) or folds < 2:
        raise ValueError(f"folds must be an integer, 2 or more; received {folds!r}.")
    if not len(rows):
        raise ValueError("Expected a training part of one row or more, got none.")
    part = index.iloc[rows]
    frames = part["frame"].to_numpy()
    stretch = np.empty(len(rows), int)
    for path, own in part.groupby("path").indices.items():
        if len(own) < folds:
            raise ValueError(
                f"{folds} folds need {folds} frames or more of each recording; there "
                f"are {len(own)} of {path}. Ask for fewer folds."
            )
        stretch[own[np.argsort(frames[own])]] = np.arange(len(own)) * folds // len(own)
    return [(rows[stretch != fold], rows[stretch == fold]) for fold in range(folds)]
