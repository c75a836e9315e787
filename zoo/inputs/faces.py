"""Faces in pictures: found, and cut out as those of the training pictures lie.

A network that was trained on pictures in which the face fills a third of the width has
to be shown such pictures. How faces lie in the training pictures is therefore measured
once (`framing`), by the detector that also finds them later, and is kept with the
trained run.

Detector and points are those of `zoo.inputs.face_mesh`; a face's box is the crop around
its points (`landmark_points.crop_around`).
"""

from collections.abc import Iterable, Iterator

import numpy as np

from zoo._extras import optional
from zoo.inputs import landmark_points, landmarks
from zoo.inputs.face_mesh import Face
from zoo.inputs.mesh_tracking import MeshTracker
from zoo.inputs.video import Video

_ENOUGH = 5  # pictures with one face, below which their framing is not known
_LEVELS = 3  # faces down to a fortieth of the picture's side; 1: to a twentieth
LARGEST = 10  # sides of a picture, in the face's; more would make huge cuts of faces


def box_of(face: Face) -> np.ndarray:
    """Return the crop around one face: x, y, width, height in pixels."""
    return landmark_points.crop_around(face.points[None])[0]


def find_faces(picture: np.ndarray, levels: int = _LEVELS) -> list[Face]:
    """Find the faces in a picture, from left to right.

    Args:
        picture: uint8 (height, width, 3), RGB, or (height, width), grey.
        levels: See `FaceMesh.find_faces`.

    Raises:
        ImportError: A package is missing.
        FileNotFoundError: A model file is missing.
    """
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=-1)
    mesh = landmarks.load_mesh("mesh468")
    faces = mesh.find_faces(np.ascontiguousarray(picture), levels)
    return sorted(faces, key=lambda face: face.box[0])


def framing(pictures: Iterable[np.ndarray]) -> dict | None:
    """Measure how faces lie in pictures: the median of those that show just one.

    Args:
        pictures: As for `find_faces`.

    Returns:
        `width` and `height` of a picture, and `x` and `y` of the face's middle in it,
        all in parts of the face's side; or None where fewer than five pictures show
        one face, or the faces measure less than a tenth of a side.
    """
    rows = []
    for picture in pictures:
        faces = find_faces(picture, levels=1)
        if len(faces) == 1:
            x, y, width, height = box_of(faces[0])
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
    cv2 = optional("cv2", "video")
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


def follow(video: Video, framing: dict) -> Iterator[tuple[int, float, dict]]:
    """Follow a video's faces and cut them out, as it is decoded.

    Args:
        video: Its frames are used up.
        framing: How faces are to lie, see `framing`.

    Yields:
        The frame's number, its second, and by each face's number its points (468, 3),
        its box (4,), both in pixels, and what was cut out, uint8 (height, width, 3).
    """
    tracker = MeshTracker(landmarks.load_mesh("mesh468"))
    for number, (second, frame) in enumerate(video):
        found = {}
        for who, face in tracker.update(second, frame).items():
            box = box_of(face)
            found[who] = face.points, box, cut(frame, box, framing)
        yield number, second, found
