"""Which hidden units do work of their own: distinctiveness.

Gedeon and Harris, "Network reduction techniques" (1991) and "Progressive image
compression" (1992), as Gong (seeds/000) applies them. Over a set of patterns every
hidden unit has a vector of activations. Two units whose vectors, taken from the middle
of the activation's range, point the same way do the same work; two that point opposite
ways are complementary.

Our readings of what the papers leave open:

- Units are visited by the length of their vectors, longest first, and each is compared
  with those that stay: what stays is at least `low` degrees apart, everything else
  within `low` of what it is merged into, and the order of the units does not matter. A
  chain of units, each similar to the next, is therefore not merged into a single one.
- A unit is constant when its standard deviation over the patterns is less than 1 % of
  the length (root mean square over the patterns) of the layer's longest vector. That
  takes in the units with "short activation vectors".
"""

import dataclasses

import numpy as np

LOW, HIGH = 15, 165
# Share of the longest vector's length below which a unit's spread does nothing.
CONSTANT = 0.01
# Units compared with all others at a time: bounds the memory.
_BLOCK = 512


@dataclasses.dataclass(frozen=True)
class DistinctiveUnits:
    """What becomes of each unit of a layer; units are numbered from 0.

    Attributes:
        kept: units that stay, in ascending order.
        merged: unit -> the kept unit that does the same work.
        complementary: unit -> the kept unit that does the opposite.
        constant: units that hardly change over the patterns, in ascending order.
    """

    kept: np.ndarray
    merged: dict
    complementary: dict
    constant: np.ndarray


def unit_angles(activations, centre=0.5):
    """Angles between the activation vectors of all pairs of units.

    Reference: Gedeon and Harris 1992; Gong (seeds/000), section 2.2.

    Args:
        activations: `(patterns, units)`, finite; leading axes in front of `units`
            (such as time) count as patterns.
        centre: middle of the activation's range: 0.5 for a sigmoid, 0 for tanh.

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

    Reference: Gedeon and Harris 1992; Gong (seeds/000), section 2.2; our readings are
    in the module's docstring.

    Args:
        activations: `(patterns, units)`, as for `unit_angles`.
        low: degrees, 0 to 90; below it two units do the same work.
        high: degrees, 90 to 180; above it they are complementary.
        centre: middle of the activation's range.

    Returns:
        `DistinctiveUnits`. One unit stays at least, even where all are constant.

    Raises:
        ValueError: as `unit_angles`; or `low` or `high` out of range.
    """
    check_angles(low, high)
    vectors = centred(activations, centre)
    lengths = _lengths(vectors)
    scale = np.sqrt(len(vectors))
    constant = vectors.std(axis=0) * scale <= CONSTANT * lengths.max()
    order = _by_length(vectors, lengths)
    if constant.all():
        constant[order[0]] = False
    order = order[~constant[order]]
    into, sign = _visit(vectors / np.where(lengths, lengths, 1), order, low, high)
    others = [unit for unit in order if into[unit] != unit]
    return DistinctiveUnits(
        kept=np.sort(order[into[order] == order]),
        merged={int(u): int(into[u]) for u in sorted(others) if sign[u] > 0},
        complementary={int(u): int(into[u]) for u in sorted(others) if sign[u] < 0},
        constant=np.flatnonzero(constant),
    )


def _visit(directions, order, low, high):
    """For each unit of `order` the one it goes into, and whether as like or unlike.

    Args:
        directions: `(patterns, units)`, unit vectors.
        order: units, the first of a group being the one that stays.
        low: degrees.
        high: degrees.

    Returns:
        `(into, sign)`, `(units,)` each; -1 and 0 for units outside of `order`.
    """
    into = np.full(directions.shape[1], -1)
    sign = np.zeros(directions.shape[1], int)
    like, unlike = np.cos(np.radians([low, high]))
    while len(order):
        block = order[:_BLOCK]
        cosines = directions[:, block].T @ directions[:, order]
        for row, unit in enumerate(block):
            if into[unit] >= 0:
                continue
            free = into[order] < 0
            into[order[free & (cosines[row] > like)]] = unit
            opposite = order[free & (cosines[row] < unlike)]
            into[opposite], sign[opposite] = unit, -1
            into[unit] = unit
        order = order[into[order] < 0]
    sign[(into >= 0) & (sign == 0)] = 1
    return into, sign


def _by_length(vectors, lengths):
    """Units, longest vector first; of equal ones, by what no order of units changes."""
    slant = vectors.T @ np.arange(1, len(vectors) + 1)
    return np.lexsort((slant, -lengths))


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
    vectors -= centre
    return vectors


def _lengths(vectors):
    return np.sqrt(np.einsum("pu,pu->u", vectors, vectors))


def check_angles(low, high):
    if not (0 <= low <= 90 <= high <= 180):
        raise ValueError(
            "Expected 0 <= low <= 90 <= high <= 180 degrees. Received "
            f"low={low!r}, high={high!r}."
        )
