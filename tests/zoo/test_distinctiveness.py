"""The mathematics of distinctiveness, without a network."""

import itertools

import numpy as np
import pytest

from zoo.distinctiveness import distinctive_units, unit_angles

# Table 1 of Gong, from Gedeon and Harris: 16 patterns, 6 hidden units.
TABLE_1 = np.array(
    """
    1.000 1.000 1.000 1.000 1.000 0.000
    0.000 1.000 1.000 0.000 0.000 0.000
    0.000 0.000 0.000 1.000 0.000 1.000
    0.000 0.000 0.000 1.000 1.000 0.000
    0.000 0.000 1.000 1.000 0.000 0.000
    1.000 0.439 1.000 1.000 0.999 0.706
    0.000 1.000 0.000 1.000 1.000 0.000
    1.000 0.000 0.000 1.000 0.000 0.000
    1.000 0.000 0.000 1.000 0.000 0.000
    0.000 0.000 0.000 0.000 0.000 0.000
    0.000 0.000 1.000 0.000 0.000 0.167
    0.000 0.000 1.000 0.000 0.000 0.000
    0.000 0.000 0.000 0.000 0.000 0.000
    1.000 0.000 0.000 0.989 1.000 1.000
    0.000 0.000 0.000 0.000 0.000 0.000
    0.000 0.000 1.000 1.000 1.000 0.000
    """.split(),
    float,
).reshape(16, 6)
# Table 2: angles of the pairs 1-2, 1-3, ... 5-6 in degrees.
TABLE_2 = (
    [71.7, 90.0, 68.0, 68.9, 61.6, 71.7, 94.1, 64.5, 70.9, 97.1, 81.5, 92.2]
    + [60.9, 84.9, 70.6]
)  # fmt: skip
# Pairs for which the printed activations were not rounded too far.
EXACT = {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (4, 5)}


def test_angles_of_the_paper_s_table():
    angles = unit_angles(TABLE_1)
    for pair, printed in zip(itertools.combinations(range(6), 2), TABLE_2, strict=True):
        assert abs(angles[pair] - printed) < (0.05 if pair in EXACT else 1.35), pair
    assert np.array_equal(angles, angles.T) and not np.diag(angles).any()
    # "There are all between 60 and 100 degrees and no pair similar or complementary."
    found = distinctive_units(TABLE_1)
    assert list(found.kept) == [0, 1, 2, 3, 4, 5]
    assert not found.merged and not found.complementary and not len(found.constant)


def test_angles_in_closed_form():
    turn = np.radians([0, 10, 90, 135, 180])
    vectors = np.stack([np.cos(turn), np.sin(turn)])
    expected = np.abs(np.subtract.outer(*2 * [[0, 10, 90, 135, 180]]))
    np.testing.assert_allclose(unit_angles(vectors, centre=0), expected, atol=1e-6)
    # Axes in front of the units are patterns: here five times of one pattern.
    through_time = np.random.default_rng(0).random((1, 5, 3))
    assert np.array_equal(unit_angles(through_time), unit_angles(through_time[0]))


def test_a_unit_at_the_centre_has_no_direction():
    angles = unit_angles(np.array([[0.5, 0.2], [0.5, 0.9]]))
    assert np.isnan(angles[0]).all() and angles[1, 1] == 0


def on_a_circle(*degrees, length=0.4):
    """Units whose centred vectors have these directions, in a plane of 3 patterns."""
    turn = np.radians(degrees)
    basis = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])
    return 0.5 + length * (np.stack([np.cos(turn), np.sin(turn)], 1) @ basis).T


def test_alike_opposite_and_constant_units():
    activations = on_a_circle(0, 14, 40, 186, 40, 100)
    activations[:, 4] = 0.83
    activations[:, 0] = 0.5 + 1.1 * (activations[:, 0] - 0.5)
    found = distinctive_units(activations)
    assert list(found.kept) == [0, 2, 5]
    assert found.merged == {1: 0} and found.complementary == {3: 0}
    assert list(found.constant) == [4]


@pytest.mark.parametrize("angle, together", [(14.9, True), (15.1, False)])
@pytest.mark.parametrize("opposite", [False, True])
def test_limits(angle, together, opposite):
    found = distinctive_units(on_a_circle(0, 180 - angle if opposite else angle))
    assert len(found.kept) == (1 if together else 2)
    assert bool(found.complementary) == (together and opposite)
    assert len(distinctive_units(on_a_circle(0, 20), low=21).kept) == 1
    assert len(distinctive_units(on_a_circle(0, 160), high=159).kept) == 1


def test_the_order_of_units_does_not_matter():
    rng = np.random.default_rng(3)
    # Groups that are alike, their opposites, chains, and units of one length.
    activations = np.concatenate(
        [
            on_a_circle(*rng.uniform(0, 360, 30)),
            on_a_circle(*np.arange(0, 60, 8)),
            on_a_circle(0, 0, 180, 10, length=0.2),
        ],
        axis=1,
    )
    count = activations.shape[1]
    first = distinctive_units(activations)
    vectors = {tuple(activations[:, unit]) for unit in first.kept}
    for _ in range(20):
        order = rng.permutation(count)
        again = distinctive_units(activations[:, order])
        assert {tuple(activations[:, order[u]]) for u in again.kept} == vectors
        assert len(again.complementary) == len(first.complementary)


def test_a_group_collapses_to_one_and_what_stays_is_apart():
    rng = np.random.default_rng(0)
    group = on_a_circle(*rng.uniform(-7, 7, 50), *rng.uniform(173, 187, 50))
    found = distinctive_units(group)
    assert len(found.kept) == 1 and len(found.merged) + len(found.complementary) == 99

    activations = 1 / (1 + np.exp(-rng.normal(size=(5, 600)) * 2))
    found = distinctive_units(activations)
    angles = unit_angles(activations)
    between = angles[np.ix_(found.kept, found.kept)]
    pairs = between[np.triu_indices(len(between), 1)]
    assert 1 < len(found.kept) < 600  # more than a block of units is looked at
    assert pairs.min() >= 15 and pairs.max() <= 165
    assert all(angles[u, v] < 15 for u, v in found.merged.items())
    assert all(angles[u, v] > 165 for u, v in found.complementary.items())
    gone = [*found.merged, *found.complementary, *found.constant]
    assert sorted([*found.kept, *gone]) == list(range(600))
    again = distinctive_units(activations[:, found.kept])
    assert len(again.kept) == len(found.kept) and not len(again.constant)


def test_units_without_a_direction_in_common_are_told_by_their_place():
    """Between the limits on one side and the other, and each limit by itself."""
    found = distinctive_units(on_a_circle(0, 170), low=15, high=175)
    assert list(found.kept) == [0, 1]
    # At 0 and 180 nothing is alike or opposite, whatever rounding does.
    half = np.random.default_rng(0).random((50, 30)).astype("float32")
    found = distinctive_units(np.concatenate([half, half, 1 - half], 1), 0, 180)
    assert len(found.kept) == 90


def test_constant_is_relative_to_the_longest_vector_or_to_the_own_one():
    rng = np.random.default_rng(0)
    wave = rng.normal(size=(400, 4))
    wave = (wave - wave.mean(axis=0)) / wave.std(axis=0)
    # Spreads of 0.4 (the longest), 0.02, 0.002 of a layer of sigmoids.
    sigmoids = 0.5 + wave[:, :3] * [0.4, 0.02, 0.002]
    assert list(distinctive_units(sigmoids).constant) == [2]
    # Without a range: on one scale or on another, it is the same unit.
    for scale in (1, 500):
        units = (wave + [0, 2, 0, 300]) * [scale, 1, 1, 1]
        found = distinctive_units(units, centre=None)
        assert list(found.kept) == [0, 1, 2] and list(found.constant) == [3]
    assert np.array_equal(unit_angles(wave, centre=None), unit_angles(wave, centre=0))


def test_one_unit_stays_at_least():
    found = distinctive_units(np.full((4, 3), 0.7))
    assert len(found.kept) == 1 and len(found.constant) == 2
    assert len(distinctive_units(np.full((4, 3), 0.5)).kept) == 1
    # Of constant ones the longest.
    assert list(distinctive_units(np.tile([0.6, 0.1, 0.7], (4, 1))).kept) == [1]


@pytest.mark.parametrize(
    "activations, reason",
    [
        (np.zeros(3), "shape \\(3,\\)"),
        (np.zeros((0, 3)), "one or more"),
        (np.array([[0.1, np.nan], [0.2, 0.3]]), "of 1 of 2 units are not finite"),
    ],
)
def test_what_has_no_angles_is_refused(activations, reason):
    for function in (unit_angles, distinctive_units):
        with pytest.raises(ValueError, match=reason):
            function(activations)


@pytest.mark.parametrize(
    "low, high", [(-1, 165), (100, 165), (15, 80), (15, 181), ("15", 165)]
)
def test_limits_out_of_range(low, high):
    with pytest.raises(ValueError, match="degrees. Received low="):
        distinctive_units(TABLE_1, low, high)
