"""Training, validation and test parts: by subject, and the thesis's by picture.

Works on the index of any dataset: a DataFrame with a column `subject`. By subject means
that nobody is ever on two sides, so that a score tells how a model does on people
it has not seen. Parts are positions for `index.iloc`, always sorted.

"Stratified as far as that allows": a subject is never divided, so class shares can only
be near. Our readings, from trying both ways on 5 to 100 uneven subjects:
- a hold-out takes the best of many random draws of subjects. One fold out of
  scikit-learn's StratifiedGroupKFold was up to three times further from the asked
  shares below 30 subjects, and nearly always the same fold whatever the seed;
- k-fold uses StratifiedGroupKFold, which comes the nearer the more subjects there are:
  at some 20 about as near as the best random draw, at 60 far nearer, at 12 less so. It
  places the subjects with the most uneven classes first, so its seed only decides
  between equals: with few, uneven subjects every seed gives the same folds.
"""

import numpy as np
import pandas as pd
from sklearn.model_selection import (
    ShuffleSplit,
    StratifiedGroupKFold,
    train_test_split,
)

PARTS = ("train", "validation", "test")
# Random draws of subjects among which a hold-out takes the best.
_DRAWS = 200


def holdout(index, labels, test=0.2, validation=0.15, seed=0):
    """Divide an index by subject into training, validation and test.

    Args:
        index: DataFrame with a column `subject`, one row a sample.
        labels: one class a row, of any type.
        test: share of everything for the test part, between 0 and 1.
        validation: share of what the test part leaves, between 0 and 1.
        seed: integer, 0 or more; the same seed gives the same parts. With a handful of
            subjects different seeds may, too.

    Returns:
        Dict of "train", "validation" and "test" to sorted integer arrays of row
        positions. Together they hold every row once, each at least one subject and,
        where one of the draws allows it, every class; training comes first.

    Raises:
        ValueError: if there are fewer than 3 subjects, a subject or label is missing,
            lengths differ, or a share is not between 0 and 1.
    """
    subjects, classes = _codes(index, labels)
    _check_shares(test=test, validation=validation)
    counts = pd.crosstab(subjects, classes).to_numpy()
    if len(counts) < 3:
        raise ValueError(
            "A hold-out by subject needs at least 3 subjects, one each for training, "
            f"validation and test; the index has {len(counts)}."
        )
    everybody = np.arange(len(counts))
    tested = _draw(counts, everybody, test, keep=2, seed=seed)
    others = np.setdiff1d(everybody, tested)
    validated = _draw(counts, others, validation, keep=1, seed=seed)
    parts = {
        "train": np.setdiff1d(others, validated),
        "validation": validated,
        "test": tested,
    }
    return {
        name: np.flatnonzero(np.isin(subjects, members))
        for name, members in parts.items()
    }


def kfold(index, labels, folds=5, seed=0):
    """Divide an index by subject into folds, each of which is the test part once.

    Args:
        index: DataFrame with a column `subject`, one row a sample.
        labels: one class a row, of any type.
        folds: number of folds, 2 or more.
        seed: integer, 0 or more; it decides between subjects of equal make-up only.

    Returns:
        List of (train, test) pairs of sorted integer arrays of row positions.

    Raises:
        ValueError: if there are fewer subjects than folds, no class has a row for each
            fold, a subject or label is missing, or lengths differ.
    """
    subjects, classes = _codes(index, labels)
    n_subjects = subjects.max() + 1
    if n_subjects < folds:
        raise ValueError(
            f"{folds} folds by subject need at least {folds} subjects; the index has "
            f"{n_subjects}. Ask for fewer folds."
        )
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(classes, classes, subjects))


def folds(index, labels, folds=10, validation=0.15, seed=0):
    """Divide an index by subject into folds with a validation part each.

    Args:
        index: DataFrame with a column `subject`, one row a sample.
        labels: one class a row, of any type.
        folds: their number; with fewer subjects, each of these is tested alone.
        validation: share of what each test part leaves, between 0 and 1.
        seed: integer, 0 or more.

    Returns:
        List of dicts as `holdout` returns one; each row is in one test part.

    Raises:
        ValueError: if there are fewer than 3 subjects, and as `kfold` does.
    """
    subjects, classes = _codes(index, labels)
    count = subjects.max() + 1
    if count < 3:
        raise ValueError(
            "Folds by subject need at least 3 subjects, one each for training, "
            f"validation and test; the index has {count}."
        )
    _check_shares(validation=validation)
    counts = pd.crosstab(subjects, classes).to_numpy()
    parts = []
    for train, test in kfold(index, labels, min(folds, count), seed):
        people = np.unique(subjects[train])
        drawn = _draw(counts, people, validation, keep=1, seed=seed)
        validated = np.isin(subjects[train], drawn)
        parts.append(
            {"train": train[~validated], "validation": train[validated], "test": test}
        )
    return parts


def image_holdout(index, labels, test=0.2, validation=0.15, seed=0):
    """Divide an index by picture, as Christensen 2018 did.

    Leaky: pictures of one person are on both sides, so a model can score by
    recognising the person. It is here to repeat the thesis's protocol; a figure
    measured with it says nothing about people a model has not seen. Use `holdout`.

    Args:
        index: DataFrame with a column `subject`, one row a picture.
        labels: one class a row, of any type.
        test: share of everything for the test part, between 0 and 1.
        validation: share of what the test part leaves, between 0 and 1.
        seed: integer, 0 or more; the same seed gives the same parts.

    Returns:
        Dict of "train", "validation" and "test" to sorted integer arrays of row
        positions. Together they hold every row once, each class in its share.

    Raises:
        ValueError: if a class has too few pictures to be in every part, a subject or
            label is missing, lengths differ, or a share is not between 0 and 1.
    """
    _, classes = _codes(index, labels)
    _check_shares(test=test, validation=validation)
    rows = np.arange(len(classes))
    others, tested = train_test_split(
        rows, test_size=test, stratify=classes, random_state=seed
    )
    train, validated = train_test_split(
        others, test_size=validation, stratify=classes[others], random_state=seed
    )
    parts = {"train": train, "validation": validated, "test": tested}
    return {name: np.sort(part) for name, part in parts.items()}


def _codes(index, labels):
    """Return subjects and labels as integers from 0, checked."""
    if "subject" not in index.columns:
        raise ValueError(
            "The index needs a column `subject`; its columns are "
            f"{', '.join(map(str, index.columns))}."
        )
    if len(labels) != len(index) or len(index) == 0:
        raise ValueError(
            "Expected one label for each row of an index that has rows; received "
            f"{len(index)} rows and {len(labels)} labels."
        )
    codes = []
    for name, values in {"subject": index["subject"], "label": labels}.items():
        codes.append(pd.factorize(np.asarray(values), sort=True)[0])
        if (codes[-1] < 0).any():
            raise ValueError(
                f"{(codes[-1] < 0).sum()} of {len(index)} rows have no {name} (the "
                f"first at position {codes[-1].argmin()}). Fill it in or drop them."
            )
    return codes


def _check_shares(**shares):
    for name, share in shares.items():
        if not 0 < share < 1:
            raise ValueError(f"{name} must lie between 0 and 1; received {share!r}.")


def _draw(counts, members, share, keep, seed):
    """Return the members, of many draws, who come nearest to their share of classes.

    `counts` has one row a subject and one column a class; at least `keep` members are
    left over, who are to fill as many parts: training and what else is still to come.
    Preferred are draws that leave every class to training, then those that also let
    every other part have it.
    """
    size = int(np.clip(round(share * len(members)), 1, len(members) - keep))
    totals = counts[members].sum(axis=0)
    present = totals > 0
    shares = counts[:, present] / totals[present]
    holders = (shares[members] > 0).sum(axis=0)

    def badness(drawn):
        here = (shares[drawn] > 0).sum(axis=0)
        left = holders - here
        lacking = (here == 0).sum() + (left < keep).sum()
        deviation = ((shares[drawn].sum(axis=0) - share) ** 2).sum()
        return (left == 0).sum(), lacking, deviation

    draws = ShuffleSplit(_DRAWS, test_size=size, random_state=seed).split(members)
    return np.sort(min((members[drawn] for _, drawn in draws), key=badness))
