"""A contact sheet: frames of videos with the crop and the points drawn."""

import os
from pathlib import Path

import numpy as np

from zoo._extras import optional
from zoo.inputs import landmark_points
from zoo.inputs.landmark_track import LandmarkTrack
from zoo.inputs.video import Video

_COLUMNS, _ROWS = 6, 2  # of each video
_WIDTH, _TITLE = 320, 20  # a frame's width and its title's height, in pixels
_MOST = 20  # videos
_YELLOW, _LIME, _RED, _BLACK = (0, 255, 255), (0, 255, 0), (0, 0, 255), (0, 0, 0)


def draw_sheet(
    path: str | os.PathLike, tracks: dict[str | os.PathLike, LandmarkTrack | None]
) -> None:
    """Draw twelve frames of each video, evenly spread, from the first to the last.

    Args:
        path: Where the PNG goes.
        tracks: Video -> its track, or None where there is none: such a video is drawn
            if it can be read.
    """
    rows = []
    for video, track in tracks.items():
        cells = _cells(video, track)
        for first in range(0, len(cells), _COLUMNS):
            row = np.hstack(cells[first : first + _COLUMNS])
            empty = _COLUMNS * _WIDTH - row.shape[1]
            rows.append(np.pad(row, ((0, 0), (0, empty), (0, 0)), constant_values=255))
    if rows:
        _, content = optional("cv2", "video").imencode(".png", np.vstack(rows))
        Path(path).write_bytes(content.tobytes())


def check_sheet(path: str | os.PathLike, count: int) -> None:
    """Refuse a path and a count of videos that `draw_sheet` could not serve."""
    path = Path(path)
    if count > _MOST:
        raise ValueError(f"a contact sheet shows 1 to {_MOST} videos, got {count}")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected a PNG file to write")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write to")


def _cells(video, track: LandmarkTrack | None) -> list[np.ndarray]:
    """Draw the frames to be shown; none of a video that cannot be read."""
    count = 0 if track is None else len(track.times)
    try:
        if track is None:
            with Video(video) as frames:
                count = sum(1 for _ in frames)
    except OSError:
        return []
    chosen = set(np.linspace(0, count - 1, _COLUMNS * _ROWS).round().astype(int))
    cells = []
    with Video(video) as frames:
        for index, (_, frame) in enumerate(frames):
            if index in chosen:
                name = "" if cells else f"{Path(video).name}  "
                cells.append(_draw(frame[..., ::-1], name, track, index))
    return cells


def _draw(frame: np.ndarray, name: str, track, index: int) -> np.ndarray:
    """Draw one frame, its box and points or a red bar, below its title."""
    cv2 = optional("cv2", "video")
    scale = _WIDTH / frame.shape[1]
    size = _WIDTH, max(1, round(frame.shape[0] * scale))
    cell = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    title, colour = f"{name}frame {index}", _BLACK
    if track is not None and track.found[index]:
        left, top, width, height = track.boxes[index] * scale
        corners = np.array([[left, top], [left + width, top + height]]).round()
        cv2.rectangle(cell, *corners.astype(int).tolist(), _YELLOW)
        points = track.points[0, index]
        points = landmark_points.select(points) if len(points) == 68 else points[:, :2]
        for point in (scale * points).round().astype(int).tolist():
            cv2.circle(cell, point, 0, _LIME)  # a point may lie outside
    else:
        title += ": no points" if track is None else ": no face"
        colour = _RED
        cv2.line(cell, (0, 0), size, colour, 2)
    bar = np.full((_TITLE, _WIDTH, 3), 255, np.uint8)
    cv2.putText(bar, title, (2, 14), cv2.FONT_HERSHEY_PLAIN, 0.9, colour)
    return np.vstack([bar, cell])
