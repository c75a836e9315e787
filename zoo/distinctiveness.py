"""Distinctiveness: find the hidden units that do work of their own.

Gedeon and Harris, "Network reduction techniques" (1991) and "Progressive image
compression" (1992), as Gong, "Using LSTM Neural Network to predict the real or fake
smile" (The Australian National University), applies them. Over a set of patterns every
hidden unit has a vector of activations. Two units whose vectors, taken from the middle
of the activation's range, point the same way do the same work; two that point opposite
ways are complementary.

Our readings of what the papers leave open:

- Units are visited by the length of their vectors, longest first, and each is compared
  with those that stay: what stays is at least `low` degrees apart, everything else
  within `low` of what it is merged into, and the order of the units does not matter. A
  chain of units, each similar to the next, is therefore not merged into a single one.
- A unit is constant when its standard deviation over the patterns is at most 1 % of the
  length (root mean square over the patterns) of the layer's longest vector. That takes
  in the units with "short activation vectors". Activations without a range, such as
  relu, have no common measure: there it is 1 % of the unit's own vector.
"""

import dataclasses
import numbers

import numpy as np

LOW, HIGH = 15, 165
# Share of a vector's length up to which a unit's spread counts for nothing.
CONSTANT = 0.01
# Units compared with all others at a time: bounds the memory.
_BLOCK = 512


@dataclasses.dataclass(frozen=True)
class DistinctiveUnits:
    """The fate of each unit of a layer; units are numbered from 0.

    Attributes:
        kept: units that stay, in ascending order.
        merged: unit that goes -> the one that does the same work.
        complementary: unit that goes -> the one that does the opposite.
        constant: units that hardly change over the patterns, in ascending order.
    """

    kept: np.ndarray
    merged: dict
    complementary: dict
    constant: np.ndarray


def unit_angles(activations, centre=0.5):
    """Angles between the activation vectors of all pairs of units.

    Reference: Gedeon and Harris 1992; Gong, section 2.2.

    Args:
        activations: `(patterns, units)`, finite; leading axes in front of `units`
            (such as time) count as patterns.
        centre: middle of the activation's range: 0.5 for a sigmoid, 0 for tanh; `None`
            for one without a range, whose angles are taken from 0.

    Returns:
        float64 `(units, units)`, in degrees, 0 to 180, symmetric, 0 on the diagonal;
        NaN for a unit that is at `centre` in every pattern, which has no direction.
        One product of matrices; memory is that of the result and of `activations`.

    Raises:
        ValueError: not a matrix, nothing in it, or values that are not finite.
    """
    vectors = centred(activations, centre)
    lengths = _lengths(vectors)
    with np.errstate(invalid="ignore"):
        vectors /= lengths
        angles = vectors.T @ vectors
        np.clip(angles, -1, 1, out=angles)
        np.arccos(angles, out=angles)
    np.degrees(angles, out=angles)
    np.fill_diagonal(angles, np.where(lengths > 0, 0, np.nan))
    return angles


def distinctive_units(activations, low=LOW, high=HIGH, centre=0.5):
    """Finds the units of a layer that do work of their own, and what the others do.

    Reference: Gedeon and Harris 1992; Gong, section 2.2; our readings are
    in the module's docstring.

    Args:
        activations: `(patterns, units)`, as for `unit_angles`.
        low: degrees, 0 to 90; below it two units do the same work; 0: none do.
        high: degrees, 90 to 180; above it they are complementary; 180: none are.
        centre: as for `unit_angles`.

    Returns:
        `DistinctiveUnits`. One unit stays at least, even where all are constant.

    Raises:
        ValueError: as `unit_angles`; or `low` or `high` out of range.
    """
    check_angles(low, high)
    vectors = centred(activations, centre)
    lengths = _lengths(vectors)
    constant = _constant(vectors, lengths, centre)
    order = _by_length(vectors, lengths)
    if constant.all():
        constant[order[0]] = False
    order = order[~constant[order]]
    vectors /= np.where(lengths > 0, lengths, 1)
    place, sign = _visit(vectors[:, order], low, high)
    goes = np.flatnonzero(place != np.arange(len(order)))
    pairs = sorted((int(order[u]), int(order[place[u]]), sign[u]) for u in goes)
    return DistinctiveUnits(
        kept=np.sort(order[place == np.arange(len(order))]),
        merged={unit: into for unit, into, alike in pairs if alike > 0},
        complementary={unit: into for unit, into, alike in pairs if alike < 0},
        constant=np.flatnonzero(constant),
    )


def _visit(directions, low, high):
    """For each unit the one it goes into (itself if it stays), and as like or unlike.

    Args:
        directions: `(patterns, units)`, unit vectors; of a group the first one stays.
        low: degrees.
        high: degrees.

    Returns:
        `(place, sign)`, `(units,)` each; sign is 1 or -1.
    """
    count = directions.shape[1]
    place, sign = np.full(count, -1), np.ones(count, int)
    like, unlike = np.cos(np.radians([low, high]))
    for start in range(0, count, _BLOCK):
        block = directions[:, start : start + _BLOCK]
        # A unit can only go into an earlier one.
        cosines = np.clip(block.T @ directions[:, start:], -1, 1)
        for row in range(block.shape[1]):
            if place[start + row] >= 0:
                continue
            free = np.flatnonzero(place[start:] < 0)
            near = cosines[row, free]
            same, opposite = free[near > like], free[near < unlike]
            place[start + same] = start + row
            place[start + opposite], sign[start + opposite] = start + row, -1
            place[start + row] = start + row
    return place, sign


def _constant(vectors, lengths, centre):
    """Return the units that hardly change over the patterns."""
    mean, square = vectors.mean(axis=0), lengths**2 / len(vectors)
    spread = np.sqrt(np.maximum(square - mean**2, 0))
    longest = square if centre is None else square.max()
    return spread <= CONSTANT * np.sqrt(longest)


def _by_length(vectors, lengths):
    """Units, longest vector first; of equally long ones, the larger in a first pattern.

    Nothing here may depend on the order of the units.
    """
    # How a sum is rounded may depend on where a unit stands.
    rounded = np.round(lengths / max(lengths.max(), np.finfo(float).tiny), 12)
    _, group, size = np.unique(rounded, return_inverse=True, return_counts=True)
    tied = np.flatnonzero(size[group] > 1)
    rank = np.zeros(len(lengths), int)
    if len(tied):
        _, rank[tied] = np.unique(vectors[:, tied], axis=1, return_inverse=True)
    return np.lexsort((-rank, -rounded))


def centred(activations, centre):
    """A new float64 matrix of the activations from the middle of their range."""
    activations = np.asarray(activations)
    if activations.ndim < 2 or not activations.size:
        raise ValueError(
            "Expected activations as (patterns, units), one or more of each. Received "
            f"shape {activations.shape}."
        )
    vectors = activations.reshape(-1, activations.shape[-1]).astype(np.float64)
    finite = np.isfinite(vectors).all(axis=0)
    if not finite.all():
        raise ValueError(
            f"The activations of {np.sum(~finite)} of {len(finite)} units are not "
            f"finite, those of unit {np.argmin(finite)} among them. Are there NaN in "
            "the patterns, or has the training diverged?"
        )
    vectors -= centre or 0
    return vectors


def _lengths(vectors):
    return np.sqrt(np.einsum("pu,pu->u", vectors, vectors))


def check_angles(low, high):
    given = all(isinstance(angle, numbers.Real) for angle in (low, high))
    if not (given and 0 <= low <= 90 <= high <= 180):
        raise ValueError(
            "Expected 0 <= low <= 90 <= high <= 180 degrees. Received "
            f"low={low!r}, high={high!r}."
        )
