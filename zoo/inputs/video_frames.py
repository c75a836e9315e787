"""A video's frames, one at a time, with their times; what is no video is refused."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from zoo._extras import optional

_TEXT = bytes([*b"\t\n\r", *range(32, 256)])  # no container does without others
_FPS = 25.0  # where a container names no frame rate
_REPAIR = (
    "pip install --force-reinstall --no-deps opencv-contrib-python-headless==4.11.0.86"
)


def opencv():
    """OpenCV, if it is the build that the landmarks need.

    Raises:
        ImportError: It lacks the trackers or the face cascades: another OpenCV wheel
            was written over it.
    """
    # FFmpeg writes to stderr what we say in an error; read when it is first used.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2 = optional("cv2", "video")
    if not (hasattr(cv2, "legacy") and hasattr(cv2, "CascadeClassifier")):
        raise ImportError(
            f"OpenCV {cv2.__version__} is installed without its contributed modules "
            f"(cv2.legacy) or cascades: {_REPAIR}"
        )
    return cv2


class Video:
    """Frames of a video file, decoded as they are asked for.

    Used as `with Video(path) as video: for seconds, frame in video: ...`, once. A
    rotation that the container asks for is carried out.

    Attributes:
        fps: Frames a second as the container says, or 25 where it does not.
        note: After the last frame, whether the video breaks off; or else empty.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: It is a folder, empty, no video, or holds no frame.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self.note = ""
        cv2 = opencv()
        _check_file(self.path)
        level = cv2.setLogLevel(0)  # what it would print is in the error
        # An absolute path is never taken for a network address or a camera.
        self._capture = cv2.VideoCapture(os.path.abspath(path), cv2.CAP_FFMPEG)
        cv2.setLogLevel(level)
        if not self._capture.isOpened():
            self._capture.release()
            raise OSError(
                f"{path} cannot be read as a video: it is damaged, was cut off, or is "
                "something else. Copy it anew, or convert it to H.264 in .mp4"
            )
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # off in OpenCV 4.11
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if math.isfinite(fps) and 1 <= fps <= 10000 else _FPS

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._capture.release()

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        """Frames as (seconds as the container says, uint8 (height, width, 3), BGR).

        Raises:
            OSError: There is no frame, or their size changes.
        """
        cv2 = opencv()
        count, shape = 0, None
        while True:
            try:
                there, frame = self._capture.read()
            except cv2.error as error:
                raise OSError(
                    f"{self.path}: frame {count} cannot be decoded: {error.err}"
                ) from error
            if not there:
                break
            if shape not in (None, frame.shape):
                raise OSError(
                    f"{self.path}: frame {count} is of size {frame.shape[1::-1]}, the "
                    f"first is of {shape[1::-1]}; expected one size throughout"
                )
            shape = frame.shape
            count += 1
            yield self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, frame
        announced = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        if not count:
            raise OSError(f"{self.path} holds no frame that can be decoded")
        if count < 0.9 * announced:  # containers are often wrong by a few frames
            self.note = (
                f"breaks off: {count} of {announced:.0f} frames can be decoded. Only "
                "they are used"
            )


def frame_times(seconds: list[float], fps: float) -> np.ndarray:
    """Times since the first frame: the container's, or by the rate if they are odd.

    Args:
        seconds: As the container says, a frame each.
        fps: Frames a second.

    Returns:
        float64 (frames,), increasing from 0.
    """
    times = np.asarray(seconds, float)
    if np.isfinite(times).all() and (np.diff(times) > 0).all():
        return times - times[0]
    return np.arange(len(times)) / fps


def _check_file(path: Path) -> None:
    try:
        os.path.abspath(path).encode()
    except UnicodeEncodeError:  # OpenCV would crash
        raise OSError(
            f"{path}: expected a name in UTF-8, received other bytes in it. Rename the "
            "video, or the folder that it lies in"
        ) from None
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected a video file")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; expected a video")
    if not path.stat().st_size:
        raise OSError(f"{path} is empty (0 bytes); expected a video. Copy it anew")
    with open(path, "rb") as file:
        start = file.read(1024)
    # FFmpeg takes some texts for lists of other files, and would read those.
    if not start.translate(None, _TEXT):
        raise OSError(f"{path} holds text and cannot be read as a video. Copy it anew")
