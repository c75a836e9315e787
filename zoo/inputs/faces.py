"""Faces in pictures: found, and cut out as those of the training pictures lie.

A network that was trained on pictures in which the face fills a third of the width has
to be shown such pictures. How faces lie in the training pictures is therefore measured
once (`framing`), by the detector that also finds them later (`find`), and is kept with
the trained run.

Our readings: OpenCV's frontal-face Haar cascade, as in Huynh and Kim 2017, with
twice its number of neighbours, because a picture has no frame before and after it that
could tell a face from an error, and down to smaller faces, of which a picture may show
several. It errs all the same: a face that is turned escapes it, and in 2 of some 100
frames of four real videos it took something else for a face.
"""

from collections.abc import Iterable

import numpy as np

from zoo.inputs import face_tracking
from zoo.inputs.face_tracking import opencv

_NEIGHBOURS = 6
_SMALLEST = 1 / 40  # side of a face, of the picture's shorter side
_WINDOW = 32  # pixels; below, the cascade sees faces everywhere
_SEARCHED = 1440  # shorter side of the picture that is searched, in pixels
_ENOUGH = 5  # pictures with one face, below which their framing is not known
LARGEST = 10  # sides of a picture, in the face's; more would make huge cuts of faces


def smallest(picture: np.ndarray) -> int:
    """Side in pixels of the smallest face that is found in a picture."""
    side = min(picture.shape[:2])
    return round(max(_WINDOW * max(1, side / _SEARCHED), _SMALLEST * side))


def find(picture: np.ndarray) -> np.ndarray:
    """Find the faces in a picture.

    Args:
        picture: uint8 (height, width, 3), RGB, or (height, width), grey.

    Returns:
        float64 (faces, 4): x, y, width, height in pixels, from left to right; of shape
        (0, 4) where there is none.

    Raises:
        ImportError: OpenCV is missing.
    """
    cv2 = opencv()
    grey = picture
    if picture.ndim == 3:
        grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    scale = min(1.0, _SEARCHED / min(grey.shape))
    small = face_tracking.scaled(grey, scale)
    least = smallest(picture) * scale
    boxes = face_tracking.detect(small, least, neighbours=_NEIGHBOURS)[0] / scale
    return boxes[np.argsort(boxes[:, 0], kind="stable")]


def framing(pictures: Iterable[np.ndarray]) -> dict | None:
    """Measure how faces lie in pictures: the median of those that show just one.

    Args:
        pictures: As for `find`.

    Returns:
        `width` and `height` of a picture, and `x` and `y` of the face's middle in it,
        all in parts of the face's side; or None where fewer than five pictures show
        one face, or the faces measure less than a tenth of a side.
    """
    rows = []
    for picture in pictures:
        boxes = find(picture)
        if len(boxes) == 1:
            [(x, y, width, height)] = boxes
            tall, wide = picture.shape[:2]
            middle = x + width / 2, y + height / 2
            rows.append(np.array([wide, tall, *middle]) / width)
    if len(rows) < _ENOUGH:
        return None
    middle = np.median(rows, axis=0).round(4)
    if middle[:2].max() > LARGEST:
        return None
    return dict(zip(("width", "height", "x", "y"), middle.tolist(), strict=True))


def cut(picture: np.ndarray, box: np.ndarray, framing: dict) -> np.ndarray:
    """Cut a face out as those of the training pictures lie.

    Args:
        picture: uint8 (height, width, 3).
        box: x, y, width, height of the face in pixels.
        framing: What `framing` measured.

    Returns:
        uint8 (height, width, 3). Where it reaches beyond the picture, the picture's
        edge is repeated.
    """
    cv2 = opencv()
    x, y, side, tall = box
    middle = np.array([x + side / 2, y + tall / 2])
    start = middle - side * np.array([framing["x"], framing["y"]])
    extent = side * np.array([framing["width"], framing["height"]])
    left, top = np.round(start).astype(int)
    # The size depends on the face's alone, and is never 0.
    wide, high = np.maximum(1, np.round(extent)).astype(int)
    right, bottom = left + wide, top + high
    height, width = picture.shape[:2]
    inside = picture[max(0, top) : bottom, max(0, left) : right]
    beyond = [-top, bottom - height, -left, right - width]
    beyond = [max(0, pixels) for pixels in beyond]
    return cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_REPLICATE)
