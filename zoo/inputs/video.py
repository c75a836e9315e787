"""Videos: their names, and their frames one at a time, each with its time.

PyAV (FFmpeg's libraries) decodes whatever container and codec it knows, whatever the
file's ending says. A frame's time is its own time stamp, never a nominal rate: browsers
write 1000 frames a second, screen recorders change their rate. Frames are turned and
stretched as a player shows them (display matrix, aspect of the pixels).
"""

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from zoo._extras import optional
from zoo.inputs import plain_files

# Endings by which videos are found in folders. Where a clip has several files, the
# first kind is used.
ENDINGS = (
    *(".mp4", ".avi", ".mov", ".mkv", ".m4v", ".mpg", ".mpeg", ".webm", ".wmv"),
    *(".mts", ".m2ts", ".ts", ".3gp", ".3g2", ".flv", ".qt", ".ogv", ".mxf", ".dv"),
)
_LISTS = {"concat", "hls", "dash", "sdp", "imf"}  # FFmpeg's, of other files
_STRAYS = {"thumbs.db", "desktop.ini", "__macosx"}
_TEXT = bytes([*b"\t\n\r", *range(32, 256)])  # no container does without others
_RATE = 25  # frames a second, where a file tells neither times nor a rate
_ROUNDING = 0.2  # seconds
_WHOLE = 0.9  # of the frames or seconds that a file announces: it is often a bit wrong


def split(name: str) -> tuple[str, str]:
    """Return a name without white space and ending, and its ending in lower case."""
    stem, ending = os.path.splitext("".join(name.split()))
    return stem, ending.lower()


def ending(path: Path) -> str:
    """Return a file's ending, as `split` gives it."""
    return split(path.name)[1]


def walk(root: Path) -> tuple[list[Path], list[Path], list[Path]]:
    """List files and folders below a folder, without what file managers leave there.

    Links are followed, to no folder twice.

    Args:
        root: The folder.

    Returns:
        The files; the folders, `root` among them; and what cannot be read: folders
        that may not, links that lead nowhere, and pipes.
    """
    files, folders, unreadable = [], [], []

    def fail(error: OSError) -> None:
        unreadable.append(Path(error.filename))

    for here, below, inside in plain_files.walk(root, fail):
        folders.append(Path(here))
        below[:] = sorted(name for name in below if not _is_stray(name))
        for path in (Path(here, name) for name in sorted(inside)):
            if not _is_stray(path.name):
                (files if os.path.isfile(path) else unreadable).append(path)
    return files, folders, unreadable


def _is_stray(name: str) -> bool:
    return name.startswith(".") or name.strip().lower() in _STRAYS


class Video:
    """Frames of a video file, decoded as they are asked for.

    Used as `with Video(path) as video: for second, frame in video: ...`, once.

    Attributes:
        note: After the last frame, whether the video breaks off or is damaged; or else
            empty.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: It is a folder, empty, no video, or holds no frame.
        ImportError: PyAV is missing.
    """

    def __init__(self, path: str | os.PathLike):
        self.path, self.note, self._damaged = Path(path), "", False
        av = optional("av", "video")
        av.logging.set_level(None)  # what FFmpeg would print is in the error
        _check_file(self.path)
        try:
            # An absolute path is never taken for a network address.
            self._container = av.open(os.path.abspath(path))
        except av.error.FFmpegError as error:
            raise self._unreadable() from error
        is_list = _LISTS.intersection(self._container.format.name.split(","))
        if is_list or not self._container.streams.video:
            self._container.close()
            raise self._unreadable()
        self._stream = self._container.streams.video[0]

    def _unreadable(self) -> OSError:
        return OSError(
            f"{self.path} cannot be read as a video: it is damaged, was cut off, or is "
            "something else. Copy it anew, or convert it to H.264 in .mp4"
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._container.close()

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        """Yield (seconds since the first frame, uint8 (height, width, 3), RGB).

        The seconds increase. Where the file does not tell a frame's time, it is that of
        the frame before and one more interval of the file's rate.

        Raises:
            OSError: There is no frame, or their size changes.
        """
        first = second = size = None
        count, interval = 0, 1 / (self._stream.average_rate or _RATE)
        for frame in self._decoded():
            if frame.time is not None:
                first = frame.time - (second or 0) if first is None else first
            told = None if frame.time is None else frame.time - first
            if second is None:
                second = 0.0
            elif told is None or told <= second:
                second += interval
            else:
                second = told
            size = size or (frame.width, frame.height)
            if size != (frame.width, frame.height):
                raise OSError(
                    f"{self.path}: frame {count} is of size {frame.width}x"
                    f"{frame.height}, the first is of {size[0]}x{size[1]}; expected "
                    "one size throughout"
                )
            count += 1
            yield float(second), self._shown(frame)
        if not count:
            raise OSError(f"{self.path} holds no frame that can be decoded")
        self._note_end(count, float(second + interval))

    def _decoded(self):
        """Yield what the decoder gives, without what is damaged."""
        av = optional("av", "video")
        packets = self._container.demux(self._stream)
        while True:
            frames = []
            try:
                frames = next(packets).decode()
            except StopIteration:
                return
            except av.error.FFmpegError:
                self._damaged = True
            yield from frames

    def _shown(self, frame) -> np.ndarray:
        """Return a frame as a player shows it."""
        aspect = self._stream.sample_aspect_ratio or 1
        picture = frame.to_ndarray(
            format="rgb24", width=round(frame.width * aspect), height=frame.height
        )
        return np.rot90(picture, round(frame.rotation / 90) % 4)

    def _note_end(self, count: int, seconds: float):
        announced, unit = self._stream.frames, "frames"
        if not announced:
            count, unit = round(seconds, 1), "seconds"
            announced = (self._container.duration or 0) / 1e6
            if self._stream.duration:
                announced = float(self._stream.duration * self._stream.time_base)
        # A container's length is rounded, which tells in the shortest of clips.
        rounding = _ROUNDING if unit == "seconds" else 0
        if count < _WHOLE * announced - rounding:
            self.note = (
                f"breaks off: {count} of {announced:.3g} {unit} can be decoded. Only "
                "they are used"
            )
        elif self._damaged:
            self.note = f"is damaged: only what can be decoded is used, {count} {unit}"


def _check_file(path: Path) -> None:
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


def write(path: str | os.PathLike, frames: Iterator[tuple[float, np.ndarray]]) -> int:
    """Write an H.264 video without sound, each frame at its own time.

    Args:
        path: The file, in .mp4.
        frames: (seconds, uint8 (height, width, 3), RGB), the seconds increasing.

    Returns:
        How many frames were written.

    Raises:
        OSError: It cannot be written.
        ImportError: PyAV is missing.
    """
    av = optional("av", "video")
    clock = 90_000  # ticks a second
    with av.open(str(path), "w", format="mp4") as container:
        stream, count = None, 0
        for second, picture in frames:
            if stream is None:
                stream = container.add_stream("h264", rate=_RATE)
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = Fraction(1, clock)
                # Chroma has half the resolution: an odd last row or column is left out.
                stream.height, stream.width = (n // 2 * 2 for n in picture.shape[:2])
            picture = picture[: stream.height, : stream.width]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts, frame.time_base = round(second * clock), Fraction(1, clock)
            container.mux(stream.encode(frame))
            count += 1
        if stream is not None:
            container.mux(stream.encode(None))
    return count
