"""The 40 facial points that Huynh and Kim use, and their normalisation.

Source: Huynh and Kim 2017 (see `zoo.lstm_pb`), section 2.2, Fig. 2. Of the 68 points of
the iBUG scheme they keep the upper brow, nose, eyes and outer mouth, and add the
middles of four lines. The figure has no numbers: ours are those of the authors' code. A
mouth's outer points 49, 53, 55 and 59 are therefore absent, as are the chin and the
inner mouth.

Our readings: a point's place is measured in the crop around the face, from -1 (its left
or upper edge) to 1; a frame without a face is bridged linearly in time.
"""

import numpy as np

POINTS = 68
# Counted from 0 in the 68.
KEPT = (*range(17, 27), *range(30, 48), 48, 50, 51, 52, 54, 56, 57, 58)
MIDDLES = ((0, 17), (26, 16), (2, 29), (14, 29))  # ends of the brows, cheeks
SELECTED = len(KEPT) + len(MIDDLES)


def select(points: np.ndarray) -> np.ndarray:
    """The study's 40 points among the 68.

    Args:
        points: (..., 68, 2), x and y.

    Returns:
        (..., 40, 2): 36 of the points, then the middles of four lines.

    Raises:
        ValueError: Not 68 points of two coordinates.
    """
    points = np.asarray(points)
    if points.shape[-2:] != (POINTS, 2):
        raise ValueError(
            f"expected points of shape (..., {POINTS}, 2), got {points.shape}"
        )
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
