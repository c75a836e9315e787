"""Training and test parts of the pupil study.

The paper's split (Gong) has every observer, every video and the two eyes of one
viewing on both sides. All observers saw the same 19 videos, so that a video's
brightness alone can tell which one it was, and with it the label: only parts without a
common video say how a model does on a smile it has not seen.
"""

import itertools

import numpy as np
import pandas as pd

from datasets import about
from zoo.inputs.pupil_files import VIDEOS

PROTOCOLS = about.PUPIL.protocols
_TRAIN, _REAL, _FAKE = 150, 174, 196  # the paper's series: of each label, in all
_FOLDS = {"observer": 5, "video": 5, "both": 3}  # "both": so many of either


def protocol(index: pd.DataFrame, name: str, seed: int = 0) -> list[dict]:
    """Divides an index into training and test parts.

    Args:
        index: Rows as `index` gives them; for all but "paper" any of them, such as a
            training part, for cross-validation inside it. With fewer observers, or
            fewer videos of a label, than there are folds, there are fewer folds.
        name: One of `PROTOCOLS`, which says what each is and what it leaks.
        seed: 0 or more; draws who and what is left out together. The order of the
            rows makes no difference, but to "paper", which depends on nothing else.

    Returns:
        Rounds: dicts of "name" (such as "paper", "observer-p4+p7",
        "video-L1+H2+A3+A9", "both-p4+p7-L1+H2+A3", fit for a file's name) and of
        "train" and "test" to sorted positions in the index. One round for "paper", up
        to five for "observer" and "video", up to nine for "both", in which series
        that share an observer or a video with the test part are in neither part. But
        for "paper", every series is tested once.

    Raises:
        ValueError: Another name, a negative seed, or too little to divide; for
            "paper", another number of series than in the paper.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"Expected protocol {' or '.join(PROTOCOLS)}, got {name!r}.")
    if seed < 0:
        raise ValueError(f"Expected seed to be 0 or more, got {seed}.")
    if name == "paper":
        return [_paper(index)]
    rng, sides = np.random.default_rng(seed), {}
    if name != "video":
        kinds = {"observers": index["observer"]}
        sides["observer"] = _dealt(kinds, _FOLDS[name], rng)
    if name != "observer":
        # Each label by itself, so that both are in every test part.
        labels = {"videos of real smiles": 1, "videos of fake smiles": 0}
        kinds = {w: index["video"][index["label"] == y] for w, y in labels.items()}
        sides["video"] = _dealt(kinds, _FOLDS[name], rng)
    rounds = []
    for left_out in itertools.product(*sides.values()):
        out = dict(zip(sides, left_out, strict=True))
        shared = [index[column].isin(names) for column, names in out.items()]
        parts = {
            "name": "-".join([name, *map("+".join, left_out)]),
            "train": np.flatnonzero(~np.any(shared, axis=0)),
            "test": np.flatnonzero(np.all(shared, axis=0)),
        }
        if not len(parts["test"]):  # nobody there saw these videos
            continue
        if index["label"].iloc[parts["train"]].nunique() < 2:
            raise ValueError(
                f"The {len(index)} series cannot be divided: the training part of "
                f"{parts['name']} does not hold both labels."
            )
        rounds.append(parts)
    return rounds


def _dealt(kinds: dict[str, pd.Series], folds: int, rng) -> list[list[str]]:
    """Deal each kind, shuffled, into the folds that are left out."""
    kinds = {what: sorted(set(names), key=_place) for what, names in kinds.items()}
    for what, names in kinds.items():
        if len(names) < 2:
            raise ValueError(
                f"Leaving {what} out needs two or more of them, received {len(names)}"
                f"{': ' if names else ''}{', '.join(names)}."
            )
        folds = min(folds, len(names))
    dealt = [np.array_split(rng.permutation(names), folds) for names in kinds.values()]
    together = map(np.concatenate, zip(*dealt, strict=True))
    return [sorted(names.tolist(), key=_place) for names in together]


def _paper(index: pd.DataFrame) -> dict:
    labels = index["label"].to_numpy()
    real, fake = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    if (len(real), len(fake)) != (_REAL, _FAKE):
        raise ValueError(
            f"The paper's split needs the {_REAL} real and {_FAKE} fake series of the "
            f"paper, received {len(real)} and {len(fake)}. Index both workbooks whole, "
            "or use another protocol."
        )
    train, test = zip(*(np.split(rows, [_TRAIN]) for rows in (real, fake)), strict=True)
    parts = {"train": np.sort(np.concatenate(train))}
    parts["test"] = np.sort(np.concatenate(test))
    return {"name": "paper", **parts}


def _place(name: str) -> int:
    """Sorts observers by number (p10 after p9), videos as the workbooks do."""
    return VIDEOS.index(name) if name in VIDEOS else int(name[1:])
