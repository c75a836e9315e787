"""A contact sheet: frames of videos with the crop and the 40 points drawn."""

import os
from pathlib import Path

import numpy as np

from zoo.inputs import landmark_points
from zoo.inputs.landmark_track import LandmarkTrack
from zoo.inputs.video_frames import Video, opencv

_COLUMNS, _ROWS = 6, 2  # of each video
_WIDTH = 320  # of a frame as it is kept for the sheet, in pixels
_CELL, _TITLE = 2.6, 0.22  # a frame's width and its title's height, in inches
_MOST = 20  # videos


def draw_sheet(
    path: str | os.PathLike, tracks: dict[str | os.PathLike, LandmarkTrack | None]
) -> None:
    """Draw twelve frames of each video, evenly spread, from the first to the last.

    Args:
        path: Where the PNG goes.
        tracks: Video -> its track, or None where there is none: such a video is drawn
            if it can be read.

    Raises:
        ValueError: There are more than 20 videos, or none.
        OSError: A video with a track cannot be read, or the sheet not be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    check_sheet(path, len(tracks))
    shown = {video: _frames(video, track) for video, track in tracks.items()}
    shown = {video: pictures for video, pictures in shown.items() if pictures}
    if not shown:
        return
    # Inches; the title of a row lies above it.
    heights = []
    for pictures in shown.values():
        height, width = pictures[0][1].shape[:2]
        heights += [_CELL * height / width + _TITLE] * -(-len(pictures) // _COLUMNS)
    figure = Figure(figsize=(_CELL * _COLUMNS, sum(heights)), dpi=110)
    FigureCanvasAgg(figure)
    top = row = 0
    for video, pictures in shown.items():
        for cell, (index, picture, scale) in enumerate(pictures):
            row_height = heights[row]
            place = [
                (cell % _COLUMNS + 0.01) / _COLUMNS,
                1 - (top + row_height) / sum(heights),
                0.98 / _COLUMNS,
                (row_height - _TITLE) / sum(heights),
            ]
            axis = figure.add_axes(place)
            axis.set_axis_off()
            name = f"{Path(video).name}  " if not cell else ""
            _draw(axis, f"{name}frame {index}", picture, scale, tracks[video], index)
            if cell % _COLUMNS == _COLUMNS - 1 or cell == len(pictures) - 1:
                top, row = top + row_height, row + 1
    figure.savefig(Path(path), format="png")


def check_sheet(path: str | os.PathLike, count: int) -> None:
    """Refuse what `draw_sheet` would refuse, before any work is done.

    Args:
        path: Where the PNG is to go.
        count: How many videos there are.

    Raises:
        ValueError: There are more than 20 videos, or none.
        OSError: The path is a folder, or its own folder is absent.
    """
    if not 1 <= count <= _MOST:
        raise ValueError(
            f"a contact sheet shows 1 to {_MOST} videos, got {count}; name fewer"
        )
    if Path(path).is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected a PNG file to write")
    if not Path(path).parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {Path(path).parent} to write {Path(path).name} to"
        )


def _frames(video, track):
    """(number, small RGB picture, its scale) of the frames to be shown."""
    cv2 = opencv()
    if track is None:
        try:
            with Video(video) as frames:
                count = sum(1 for _ in frames)
        except OSError:
            return []
    else:
        count = len(track.times)
    chosen = set(np.linspace(0, count - 1, _COLUMNS * _ROWS).round().astype(int))
    pictures = []
    with Video(video) as frames:
        for index, (_, frame) in enumerate(frames):
            if index in chosen:
                scale = min(1, _WIDTH / frame.shape[1])
                size = {"fx": scale, "fy": scale, "interpolation": cv2.INTER_AREA}
                small = cv2.resize(frame, None, **size)
                pictures.append((index, small[..., ::-1], scale))
    return pictures


def _draw(axis, title: str, picture, scale: float, track, index: int) -> None:
    from matplotlib.patches import Rectangle

    axis.imshow(picture)
    if track is not None and track.found[index]:
        x, y, width, height = track.boxes[index] * scale - [0.5, 0.5, 0, 0]
        box = Rectangle((x, y), width, height, fill=False, edgecolor="yellow")
        axis.add_patch(box)
        points = landmark_points.select(track.points[0, index]) * scale
        axis.scatter(*points.T, s=4, c="lime", linewidths=0)
        axis.set_title(title, size=7, pad=2)
    else:
        height, width = picture.shape[:2]
        axis.plot([0, width - 1], [0, height - 1], color="red", alpha=0.6)
        why = "no face" if track is not None else "no points"
        axis.set_title(f"{title}: {why}", size=7, pad=2, color="red")
    axis.set(xlim=(-0.5, picture.shape[1] - 0.5), ylim=(picture.shape[0] - 0.5, -0.5))
