"""Landmark tracks from files: ours, OpenFace's, py-feat's and MediaPipe's.

Sources: OpenFace's wiki, "Output Format"; py-feat's result tables; MediaPipe's face
mesh (468 points, 478 with the irises).

Our readings. These programs' rectangles, where they write any, sit otherwise than the
study's crop and change from frame to frame: the crop is made from the points
(`landmark_points.crop_around`). Of several faces one is kept: see `read`.
"""

import glob
import os
import re
import warnings
from pathlib import Path

import numpy as np

from zoo._extras import optional
from zoo.inputs import landmark_points, plain_files, video
from zoo.inputs.face_tracking import overlap
from zoo.inputs.landmark_track import LandmarkTrack, NoFace

pd = optional("pandas", "tables")

_KINDS = {count: kind for kind, (count, _) in landmark_points.KINDS.items()}
_COORDINATE = re.compile(r"([xyz])_?(\d+)")
_SAME_FACE = 0.1  # overlap with where it was last seen
_PATIENCE = 0.5  # seconds after which the face is looked for elsewhere
_MOST = 10**6  # frames, eleven hours; more are a misprint


def read(
    path: str | os.PathLike, fps: float = 25.0, size: tuple[int, int] | None = None
) -> LandmarkTrack:
    """Read a face's points from a file; its kind is seen from its content.

    - .npz of `LandmarkTrack.save`;
    - .csv of OpenFace (`x_0` to `y_67`, `success` or `confidence`, `timestamp`) or of
      py-feat (the same points or a mesh's `x_0` to `z_477`, and `frame`), of one video;
    - .npy, or .npz with one array, of MediaPipe's face mesh: (frames, 468 or 478, 2 or
      3), in pixels or in parts of the frame; all NaN or 0 where there is no face.

    Which points they are follows from their number: 68, 468 or 478. Of a mesh without
    depth the 68 points are taken.

    Of several faces in OpenFace's file (`face_id`) the one in most frames is kept; in
    py-feat's the largest of the first frame that has one, then the one that overlaps
    it most, or after half a second without any, the nearest. Frames that show only
    others are frames without a face.

    Args:
        path: The file.
        fps: Frames a second, used where the file has no times.
        size: Width and height of the frames, for a mesh in parts of them; by default
            those of the video of the same name beside the file.

    Returns:
        The track, without copies: see `LandmarkTrack.jittered`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds something else, is damaged, or shows no face.
    """
    path = Path(path)
    plain_files.check(path)
    if not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be greater than 0, got {fps!r}")
    readers = {".csv": _from_table, ".npy": _from_arrays, ".npz": _from_arrays}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path}: expected a file that ends in .npz, .csv or .npy")
    try:
        return readers[path.suffix.lower()](path, fps, size)
    except ValueError as error:
        kind = NoFace if isinstance(error, NoFace) else ValueError
        raise kind(f"{path}: {error}") from error


def _track(path, points, times, size) -> LandmarkTrack:
    if np.isnan(points).any(axis=(1, 2)).all():
        raise NoFace(f"no face in any of the {len(points)} frames")
    boxes = landmark_points.crop_around(points)
    if not np.nanmin(boxes[:, 2:]) > 0:
        raise ValueError(
            "expected faces with a width and height above 0; the distance between the "
            "eyes is 0 in most frames"
        )
    margins = np.zeros((1, 4), int)
    kind = _KINDS[points.shape[1]]
    return LandmarkTrack(
        points[None], boxes, times, margins, size, path.name, kind=kind
    )


# OpenFace and py-feat


def _from_table(path: Path, fps: float, size) -> LandmarkTrack:
    table, columns = _table(path)
    if "frame" not in table:
        table = table.assign(frame=np.arange(len(table)))
    table = table[np.isfinite(table.frame)].sort_values("frame", kind="stable")
    if not len(table):
        raise ValueError("expected a line a frame, got none")
    # Of all faces' lines: where the kept one is absent, there are frames all the same.
    frames = _frames(table.frame.unique())
    times = _times(table.drop_duplicates("frame").set_index("frame"), frames, fps)
    size = size or (0, 0)
    if {"FrameWidth", "FrameHeight"} <= set(table):
        largest = table[["FrameWidth", "FrameHeight"]].max().fillna(0)
        size = tuple(largest.astype(int))
    _hide(table, columns, "success", 1)
    _hide(table, columns, "confidence" if "success" not in table else "", 0.5)
    face = _one_face(table[table[columns].notna().all(axis=1)], columns, fps)
    values = face.set_index("frame")[columns].reindex(frames).to_numpy()
    axes = len({column[0] for column in columns})
    points = np.stack(np.split(values, axes, axis=1), axis=-1)
    points, size = _in_pixels(points, path, size)
    return _track(path, points, times, size)


def _table(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Return the table of numbers, and the names of its coordinates, all x first."""
    try:
        with warnings.catch_warnings():
            # Of more cells than there are columns: pandas would move or drop some.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                path, skipinitialspace=True, low_memory=False, index_col=False
            )
    except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
        message = f"cannot be read as a CSV table: {plain_files.short(error)}"
        raise ValueError(message) from error
    table.columns = table.columns.str.strip()
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise ValueError(f"expected every column once, got two of {twice[0]}")
    columns = _coordinates(table)
    if {"input", "frame"} <= set(table):
        _check_input(table)
    names = [*columns, "frame", "timestamp", "success", "confidence"]
    names += ["face_id", "FrameWidth", "FrameHeight"]
    table = table[[name for name in names if name in table]]
    try:
        return table.astype(float).replace([np.inf, -np.inf], np.nan).copy(), columns
    except ValueError as error:
        message = f"expected numbers only: {plain_files.short(error)}"
        raise ValueError(message) from error


def _coordinates(table: pd.DataFrame) -> list[str]:
    """Return the names of a table's coordinates: all x, then all y, of a mesh all z."""
    matches = map(_COORDINATE.fullmatch, table.columns)
    names = {(m[1], int(m[2])): m[0] for m in matches if m}
    count = 1 + max((number for axis, number in names if axis == "x"), default=-1)
    count = max(count, landmark_points.POINTS)
    wanted = [(axis, number) for axis in "xyz"[: 3 if count > 68 else 2]
              for number in range(count)]  # fmt: skip
    missing = [f"{axis}_{n}" for axis, n in wanted if (axis, n) not in names]
    if count not in _KINDS or missing:
        first = f"; {len(missing)} are missing, first {missing[0]}"
        first = first if missing and count in _KINDS else ""
        raise ValueError(
            "expected the columns x_0 to x_67 and y_0 to y_67, as OpenFace and "
            "py-feat write them, or x, y and z of a mesh of 468 or 478 points, got "
            f"{count} points{first}. The table begins with "
            f"{plain_files.short(', '.join(table.columns[:5]))}"
        )
    return [names[key] for key in wanted]


def _check_input(table: pd.DataFrame) -> None:
    """Refuse two videos: pictures have a frame number each, but these the same ones."""
    if (table.groupby("frame").input.nunique() > 1).any():
        names = table.input.dropna().unique()
        raise ValueError(
            f"expected one video, got {len(names)} in the column input, first "
            f"{names[0]} and {names[1]}. Write each into a file of its own: for name, "
            'part in table.groupby("input"): part.to_csv(...)'
        )


def _frames(numbers: np.ndarray) -> np.ndarray:
    """Return the frames from the first to the last, of which some may have no line."""
    odd = numbers[(numbers % 1 > 0) | (np.abs(numbers) > 1e15)]
    if len(odd):
        raise ValueError(f"expected whole frame numbers, got {odd[0]}")
    # Every tenth frame may have been analysed, or so.
    step = np.gcd.reduce(np.diff(numbers).astype(int)) if len(numbers) > 1 else 1
    if (numbers[-1] - numbers[0]) / step >= _MOST:
        raise ValueError(
            f"expected a video of at most {_MOST:,} frames, got the numbers "
            f"{numbers[0]:.0f} to {numbers[-1]:.0f} in {len(numbers)} lines"
        )
    return np.arange(numbers[0], numbers[-1] + 1, step)


def _hide(table: pd.DataFrame, columns: list[str], name: str, least: float) -> None:
    """Take the points away where a column says that they are not the face's."""
    if name in table:
        table.loc[~(table[name] >= least), columns] = np.nan


def _one_face(table: pd.DataFrame, columns: list[str], fps: float) -> pd.DataFrame:
    """Return the lines of one face, at most one a frame, of those that show any."""
    if "face_id" in table:
        kept = table.face_id.value_counts()
        return table[table.face_id.isin(kept.index[:1])].drop_duplicates("frame")
    x, y = (table[[c for c in columns if c[0] == axis]].to_numpy() for axis in "xy")
    start = np.stack([x.min(axis=1), y.min(axis=1)], axis=1)
    end = np.stack([x.max(axis=1), y.max(axis=1)], axis=1)
    boxes = np.concatenate([start, end - start], axis=1)
    lines, last, when = [], None, 0.0
    for frame, faces in table.reset_index(drop=True).groupby("frame").groups.items():
        lost = (frame - when) / fps > _PATIENCE
        line = _chosen(faces.tolist(), boxes, last, lost)
        if line is not None:
            lines.append(line)
            last, when = boxes[line], frame
    return table.iloc[lines]


def _chosen(faces: list[int], boxes: np.ndarray, last, lost: bool) -> int | None:
    if last is None:
        return max(faces, key=lambda line: np.prod(boxes[line, 2:]))
    if lost:
        middle = last[:2] + last[2:] / 2
        far = [np.linalg.norm(b[:2] + b[2:] / 2 - middle) for b in boxes[faces]]
        return faces[int(np.argmin(far))]
    best = max(faces, key=lambda line: overlap(boxes[line], last))
    return best if overlap(boxes[best], last) > _SAME_FACE else None


def _times(table: pd.DataFrame, frames: np.ndarray, fps: float) -> np.ndarray:
    if "timestamp" in table:
        stamps = table.timestamp.reindex(frames).interpolate(limit_area="inside")
        stamps = stamps.to_numpy()
        if np.isfinite(stamps).all() and (np.diff(stamps) > 0).all():
            return stamps - stamps[0]
    return (frames - frames[0]) / fps


# MediaPipe, and ours


def _from_arrays(path: Path, fps: float, size) -> LandmarkTrack:
    try:
        with open(path, "rb") as file:
            content = np.load(file, allow_pickle=False)
            names = getattr(content, "files", None)  # of an .npz file
            if names and {"points", "boxes"} <= set(names):
                mesh = None
            elif names is not None and len(names) != 1:
                raise ValueError(f"got the arrays {', '.join(names)}")
            else:
                mesh = _mesh(content if names is None else content[names[0]])
    except Exception as error:  # NumPy's many ways to say that a file is damaged
        raise ValueError(
            "expected a track as LandmarkTrack.save writes it, or one array of "
            f"MediaPipe's points (frames, 468 or 478, 3): {plain_files.short(error)}"
        ) from error
    if mesh is None:
        return LandmarkTrack.load(path)
    points, size = _in_pixels(mesh, path, size)
    return _track(path, points, np.arange(len(points)) / fps, size)


def _mesh(mesh: np.ndarray) -> np.ndarray:
    """Return a mesh, or of one without depth the 68 points; NaN without a face."""
    if mesh.dtype.kind not in "fiu":
        raise ValueError(f"got an array of {mesh.dtype}")
    if mesh.ndim != 3 or mesh.shape[1] not in (468, 478) or mesh.shape[2] not in (2, 3):
        raise ValueError(f"got an array of shape {mesh.shape}")
    if not len(mesh):
        raise ValueError("got no frames")
    points = mesh.astype(float)
    points = landmark_points.to_68(points) if mesh.shape[2] == 2 else points
    absent = ~np.isfinite(points).all(axis=(1, 2)) | (points == 0).all(axis=(1, 2))
    points[absent] = np.nan
    return points


def _in_pixels(
    points: np.ndarray, path: Path, size: tuple[int, int] | None
) -> tuple[np.ndarray, tuple[int, int]]:
    """Return points in pixels, and the frame's size, (0, 0) where it is not known.

    A face in pixels reaches beyond 2; parts of a frame may slightly exceed 0 to 1.
    """
    if np.isnan(points).all() or np.nanmax(np.abs(points[..., :2])) > 2:
        return points, size or (0, 0)
    size = size or _size_beside(path)
    if size is None:
        raise ValueError(
            "expected points in pixels, or in parts of a frame whose size is known, "
            "got parts of an unknown frame. Put the video of the same name beside the "
            "file, or give read(..., size=(width, height))"
        )
    width, height = size  # the depth has the unit of x
    return points * np.array([width, height, width])[: points.shape[-1]], size


def _size_beside(path: Path) -> tuple[int, int] | None:
    """Return the size of the frames of the video of the same name."""
    for other in sorted(path.parent.glob(f"{glob.escape(path.stem)}.*")):
        if video.ending(other) in video.ENDINGS:
            with video.Video(other) as frames:
                for _, frame in frames:
                    return frame.shape[1::-1]
    return None
