"""Kinds of facial points; the 40 that Huynh and Kim use, and their normalisation.

Source: Huynh and Kim 2017 (see `zoo.lstm_pb`), section 2.2, Fig. 2. Of the 68 points of
the iBUG scheme they keep the upper brow, nose, eyes and outer mouth, and add the
middles of four lines. The figure has no numbers: ours are those of the authors' code. A
mouth's outer points 49, 53, 55 and 59 are therefore absent, as are the chin and the
inner mouth.

Our readings: a point's place is measured in the crop around the face, from -1 (its left
or upper edge) to 1; a frame without a face is bridged linearly in time. The crop is
made from the points, where the study's Haar cascade would have it: its side 2.7
distances between the eyes, its middle 0.085 sides below the middle between them. (Over
three real videos, 599 frames, the cascade's boxes measure 2.62, 2.77 and 2.77 such
distances and lie 0.08, 0.10 and 0.08 below.)
"""

import numpy as np

# How many points a kind has, and how many numbers a point.
KINDS = {"ibug68": (68, 2), "mesh468": (468, 3), "mesh478": (478, 3)}
POINTS = 68
# The mesh's points that are nearest to the 68: an approximation in wide use, of which
# several variants differ in a few points. Chin and mesh are not the same curve.
MESH_TO_68 = (
    *(127, 234, 93, 58, 172, 136, 149, 148, 152),  # contour
    *(377, 378, 365, 397, 288, 323, 454, 356),
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),  # brows
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),  # nose
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),  # eyes
    *(61, 39, 37, 0, 267, 269, 291, 321, 314, 17, 84, 91),  # outer mouth
    *(78, 82, 13, 312, 308, 317, 14, 87),  # inner mouth
)
_RIGHT_EYE, _LEFT_EYE = range(36, 42), range(42, 48)  # of the 68
_SIDE, _BELOW = 2.7, 0.085
# Counted from 0 in the 68.
KEPT = (*range(17, 27), *range(30, 48), 48, 50, 51, 52, 54, 56, 57, 58)
MIDDLES = ((0, 17), (26, 16), (2, 29), (14, 29))  # ends of the brows, cheeks
SELECTED = len(KEPT) + len(MIDDLES)


def to_68(points: np.ndarray) -> np.ndarray:
    """Return the 68 points of the iBUG scheme: (..., 68, 2 or 3).

    Args:
        points: (..., n, 2 or 3), those 68 or a mesh of 468 or 478.

    Raises:
        ValueError: Another number of points.
    """
    points = np.asarray(points)
    if points.shape[-2] == POINTS:
        return points
    if points.shape[-2] not in (468, 478):
        raise ValueError(f"expected 68, 468 or 478 points, got {points.shape}")
    return points[..., MESH_TO_68, :]


def crop_around(points: np.ndarray) -> np.ndarray:
    """Return crops around faces, of the size of the median face.

    Args:
        points: (frames, n, 2 or 3), NaN where there is no face. With their depth, the
            crop of a face that is turned to the side stays as large.

    Returns:
        (frames, 4): x, y, width, height; NaN where there is no face.
    """
    points = to_68(points)
    right = points[:, _RIGHT_EYE].mean(axis=1)
    left = points[:, _LEFT_EYE].mean(axis=1)
    side = _SIDE * np.nanmedian(np.linalg.norm(left - right, axis=1))
    middle = (right + left)[:, :2] / 2 + [0, _BELOW * side]
    sides = np.where(np.isnan(middle), np.nan, side)
    return np.concatenate([middle - sides / 2, sides], axis=1)


def select(points: np.ndarray) -> np.ndarray:
    """Return the study's 40 points.

    Args:
        points: (..., n, 2 or 3), the 68 or a mesh.

    Returns:
        (..., 40, 2): 36 of the 68 points, then the middles of four lines.

    Raises:
        ValueError: Another number of points.
    """
    points = to_68(points)[..., :2]
    first, second = np.transpose(MIDDLES)
    middles = (points[..., first, :] + points[..., second, :]) / 2
    return np.concatenate([points[..., KEPT, :], middles], axis=-2)


def normalise(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the places of points in their crops, x before y.

    Args:
        points: (..., n, 2), in pixels.
        boxes: (..., 4), the crops: x, y, width, height in pixels.

    Returns:
        (..., 2n), all x, then all y: -1 at the left or upper edge of the crop, 1 at the
        other; a point outside it is beyond.

    Raises:
        ValueError: The shapes do not fit, or a crop has no area.
    """
    points, boxes = np.asarray(points), np.asarray(boxes)
    if points.shape[-1:] != (2,) or boxes.shape[-1:] != (4,):
        raise ValueError(
            "expected points of shape (..., n, 2) and boxes of shape (..., 4), got "
            f"{points.shape} and {boxes.shape}"
        )
    corner, extent = boxes[..., None, :2], boxes[..., None, 2:]
    if (extent <= 0).any():
        raise ValueError("a crop's width and height must be greater than 0")
    values = 2 * (points - corner) / extent - 1
    return np.concatenate([values[..., 0], values[..., 1]], axis=-1)


def bridge(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Fills the frames that hold NaN: linearly in time, nearest at both ends.

    Args:
        values: (..., frames, features); a frame is missing where any value is NaN.
        times: (frames,) in seconds, increasing.

    Returns:
        A filled copy.

    Raises:
        ValueError: No frame is complete.
    """
    values = np.asarray(values)
    other = tuple(axis for axis in range(values.ndim) if axis != values.ndim - 2)
    missing = np.isnan(values).any(axis=other)
    known = np.flatnonzero(~missing)
    if not len(known):
        raise ValueError(
            f"none of the {len(missing)} frames holds points to bridge with"
        )
    place = np.interp(times[missing], times[known], np.arange(len(known)))
    before = place.astype(int)
    after = np.minimum(before + 1, len(known) - 1)
    weight = (place - before)[:, None].astype(values.dtype)
    filled = values.copy()
    filled[..., missing, :] = (1 - weight) * values[..., known[before], :]
    filled[..., missing, :] += weight * values[..., known[after], :]
    return filled
