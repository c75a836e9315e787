"""A face's points through a video: what `zoo.inputs.landmarks` makes of it.

Source: Huynh and Kim 2017 (see `zoo.lstm_pb`); the crops' jitter and its ranges are
those of their code.
"""

import hashlib
import operator
import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

import numpy as np

from zoo._atomic import replaced
from zoo.inputs import landmark_points, plain_files
from zoo.inputs.face_tracking import smallest_face

# Largest margins of a jittered crop, left and right, top and bottom, and the crop that
# they were made for: the smallest that the study's face detector gives at 1080p.
_MARGINS = (19, 9)
_CROP = 200


class NoFace(ValueError):
    """There is a video, or a file of points, and no face in it."""


@dataclass(frozen=True, eq=False)
class LandmarkTrack:
    """The points of one face in every frame of a video.

    Attributes:
        points: float32 (rows, frames, n, 2 or 3), x and y in pixels of the frame, of a
            mesh the depth in the same unit; NaN where no face was found. A single row
            serves for the crop and all copies; or else the first is the crop's.
        boxes: float32 (frames, 4), the crop: x, y, width, height in pixels; NaN where
            no face was found. It may reach beyond the frame.
        times: float64 (frames,), seconds since the first frame, increasing.
        margins: int (1 + copies, 4), pixels that a copy's crop is smaller by at the
            left, top, right and bottom; zeros in the first row.
        size: Width and height of the frames in pixels; (0, 0) where unknown.
        source: The video's file name.
        note: What else is to be known, such as that the video breaks off.
        kind: Which points they are, one of `landmark_points.KINDS`.
        model: What found them: the model file's name, version and SHA-256.
        scores: float32 (frames,), the model's confidence in 0..1, NaN where no face was
            found or none is known.
        blendshapes: float32 (frames, 52), NaN where no face was found, as
            `zoo.inputs.face_mesh.BLENDSHAPES` names them; or else (frames, 0).

    Raises:
        ValueError: The shapes do not fit each other, or values are out of range.
    """

    points: np.ndarray
    boxes: np.ndarray
    times: np.ndarray
    margins: np.ndarray
    size: tuple[int, int]
    source: str
    note: str = ""
    kind: str = "ibug68"
    model: str = ""
    scores: np.ndarray | None = None
    blendshapes: np.ndarray | None = None

    def __post_init__(self):
        frames = len(self.times)
        if self.scores is None:
            object.__setattr__(self, "scores", np.full(frames, np.nan))
        if self.blendshapes is None:
            object.__setattr__(self, "blendshapes", np.zeros((frames, 0)))
        types = {"points": "f4", "boxes": "f4", "times": "f8", "margins": "i8"}
        types |= {"scores": "f4", "blendshapes": "f4"}
        for name, kind in types.items():
            object.__setattr__(self, name, np.asarray(getattr(self, name), kind))
        if self.kind not in landmark_points.KINDS:
            raise ValueError(
                f"kind must be one of {', '.join(landmark_points.KINDS)}, got "
                f"{self.kind!r}"
            )
        width, height = self.size
        object.__setattr__(self, "size", (int(width), int(height)))
        rows = len(self.margins)
        copied = 1 if len(self.points) == 1 else rows
        wanted = {
            "points": (copied, frames, *landmark_points.KINDS[self.kind]),
            "boxes": (frames, 4),
            "times": (frames,),
            "margins": (rows, 4),
            "scores": (frames,),
            "blendshapes": (frames, 52 if self.blendshapes.size else 0),
        }
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f"a track of {frames} frames and {rows} rows of margins needs "
                    f"{name} of shape {shape}, got {getattr(self, name).shape}"
                )
        if not len(self.margins) or self.margins[0].any() or (self.margins < 0).any():
            raise ValueError(
                "margins must start with a row of zeros, for the whole crop, and none "
                "may be negative"
            )
        if not np.isfinite(self.times).all() or (np.diff(self.times) <= 0).any():
            raise ValueError("times must be finite and increase from frame to frame")
        absent = np.isnan(self.boxes).any(axis=1)
        if (np.isnan(self.points).any(axis=(2, 3)) != absent).any():
            raise ValueError("points and boxes must be NaN in the same frames")
        if np.isinf(self.points).any() or np.isinf(self.boxes).any():
            raise ValueError("points and boxes must be finite, or NaN without a face")

    @property
    def found(self) -> np.ndarray:
        """Return whether each frame shows the face: bool (frames,)."""
        return ~np.isnan(self.boxes).any(axis=1)

    def landmarks(self) -> np.ndarray:
        """Return the study's 40 points, each copy within its own crop, gaps bridged.

        Returns:
            float32 (1 + copies, frames, 80): 40 x, then 40 y, from -1 at the crop's
            left or upper edge to 1 at the other. Where no face was found: linear in
            time between the frames around the gap, and the nearest at both ends.

        Raises:
            ValueError: No frame shows a face, or a copy's crop has no area.
        """
        crops = crop(self.boxes, self.margins[:, None])
        points = landmark_points.select(self.points)
        points = np.broadcast_to(points, (len(crops), *points.shape[1:]))
        values = landmark_points.normalise(points, crops)
        return landmark_points.bridge(values, self.times).astype(np.float32)

    def jittered(self, copies: int, seed: int = 0) -> Self:
        """Return this track with other copies, which are nothing but tighter crops.

        For points that come from a file; `zoo.inputs.landmarks.extract` also finds the
        points of a video anew in every copy's crop. Both draw margins of the same
        range, where the size of the frames is known; where it is not, or the face is
        smaller than any that a video is searched for, the face sets the range.

        Args:
            copies: How many, 0 or more.
            seed: Decides, with the points themselves, how the crops are drawn.

        Returns:
            A track whose first row is this one's.

        Raises:
            ValueError: A number is negative or not a whole one.
        """
        points = self.points[:1]
        digest = hashlib.sha256(points.tobytes()).digest()
        largest = smallest_face(self.size) if all(self.size) else _CROP
        smallest = np.nanmin(self.boxes[:, 2:], initial=largest)
        margins = draw_margins(copies, seed, digest, smallest)
        return replace(self, points=points, margins=margins)

    def save(self, path: str | os.PathLike) -> None:
        """Write the track to an .npz file: complete or not at all.

        Raises:
            OSError: The file cannot be written.
        """
        path = Path(path)
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {n: v for n, v in values.items() if not isinstance(v, str) or v}
        with replaced(path) as partial, open(partial, "xb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read a track that `save` wrote.

        Raises:
            OSError: There is no such file, or it cannot be read.
            ValueError: It holds something else, or is damaged.
        """
        plain_files.check(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                content = dict(file)
            content["size"] = tuple(content["size"])
            content["source"] = str(content["source"])
            for name in ("note", "kind", "model"):
                content[name] = str(content.get(name, getattr(cls, name)))
            return cls(**content)
        except Exception as error:  # NumPy and zipfile raise many kinds on damage
            raise ValueError(
                f"{path} is not a landmark track as LandmarkTrack.save writes it, or "
                f"is damaged: {plain_files.short(error)}"
            ) from error


def crop(boxes: np.ndarray, margins: np.ndarray) -> np.ndarray:
    """Return boxes (..., 4) less margins (..., 4), which are broadcast against them."""
    left, top, right, bottom = np.moveaxis(np.asarray(margins), -1, 0)
    x, y, width, height = np.moveaxis(np.asarray(boxes), -1, 0)
    inner = x + left, y + top, width - left - right, height - top - bottom
    return np.stack(np.broadcast_arrays(*inner), axis=-1)


def draw_margins(copies: int, seed: int, digest: bytes, smallest: float) -> np.ndarray:
    """Draw the margins of a video's copies, the same for all its frames.

    Up to 19 pixels at the left and right and 9 at the top and bottom, as in the
    authors' code, which takes faces of 200 pixels and more; where smaller ones are
    taken, the ranges are in proportion, so that most of the face stays in.

    Args:
        copies: How many.
        seed: A whole number, 0 or more.
        digest: The content hash of what is copied.
        smallest: Side in pixels of the smallest face that is taken in such frames.

    Returns:
        int (1 + copies, 4): left, top, right, bottom; the first row zeros.

    Raises:
        ValueError: A number is negative or not a whole one.
    """
    copies, seed = _whole("copies", copies), _whole("seed", seed)
    random = np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])
    share = min(1.0, smallest / _CROP)
    ends = [1 + int(share * largest) for largest in _MARGINS]
    drawn = random.integers(0, np.tile(ends, 2), size=(copies, 4))
    return np.concatenate([np.zeros((1, 4), int), drawn])


def _whole(name: str, value: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if number < 0 or isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number from 0 up, got {value!r}")
    return number
