"""Pictures and videos with the box, the points and the probability drawn in."""

import os
import pathlib
from itertools import groupby

import numpy as np

from zoo._atomic import replaced
from zoo._extras import optional
from zoo._files import BOX, DRAWN
from zoo.inputs import pictures, video

_BOX, _POINT, _DARK = (255, 220, 0), (80, 255, 80), (0, 0, 0)  # RGB


def paths(originals, folder):
    """Make a folder; return where in it the drawn files go.

    Returns:
        Dict from original to file: laid out as the originals are, with its whole name
        and one of `_files.DRAWN`, by which later calls know it.
    """
    folder, drawn = pathlib.Path(folder), {}
    above = [os.path.dirname(os.path.abspath(path)) for path in originals]
    above = os.path.commonpath(above) if above else ""
    for path in originals:
        name = os.path.relpath(os.path.abspath(path), above)
        drawn[path] = folder / f"{name}{DRAWN[video.ending(path) in video.ENDINGS]}"
    folder.mkdir(parents=True, exist_ok=True)
    return drawn


def label(row):
    """Say in a few words what a row holds."""
    if row.get("error"):
        return "error"
    if row.get("probability") is None:
        return "no face"
    part = f"{row['part']}: " if row.get("part") else ""
    answer = f"{row['predicted']}, " if row.get("predicted") else ""
    sample = " (SAMPLE model)" if row.get("trained_on") == "SAMPLE" else ""
    return f"{part}{answer}genuine {row['probability']:.2f}{sample}"


def draw_picture(path, rows, output):
    """Draw a picture's faces, from its rows in the table of results, into a PNG."""
    cv2 = optional("cv2", "video")
    picture = pictures.read(path)
    for row in rows:
        draw(picture, row)
    output.parent.mkdir(parents=True, exist_ok=True)
    with replaced(output) as partial:
        partial.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())


def draw_video(path, rows, output):
    """Draw a video's faces, frame by frame.

    Args:
        path: the video.
        rows: of its frames, in order: a list of the faces in it, each with its box,
            `points` and probability.
        output: the MP4 to write, without sound.

    Raises:
        OSError: it cannot be written.
    """
    output.parent.mkdir(parents=True, exist_ok=True)

    def drawn(frames):
        for faces, (second, frame) in zip(rows, frames, strict=False):
            frame = np.ascontiguousarray(frame)
            for row in faces:
                draw(frame, row)
            yield second, frame

    with replaced(output, ".mp4") as partial, video.Video(path) as frames:
        if not video.write(partial, drawn(frames)):
            raise OSError("it has no frame")


def by_frame(rows):
    """Collect a video's rows of the table of frames: a list of each frame's."""
    return [list(group) for _, group in groupby(rows, key=lambda row: row["frame"])]


def frames_of(tracks, results):
    """Make rows of a video's frames from its tracks and the rows of results.

    Args:
        tracks: of its faces.
        results: the rows of all of them; of each by every part of the run.
    """
    frames = [[] for _ in tracks[0].times]
    for face, track in enumerate(tracks):
        words = [label(row) for row in results if row.get("face") == face]
        for faces, box, points in zip(
            frames, track.boxes, track.points[0], strict=True
        ):
            if not np.isnan(box).any():
                box = dict(zip(BOX, box.tolist(), strict=True))
                faces.append({"words": words, **box, "points": points})
    return frames


def draw(frame, row):
    """Draw box, points and words of one face into an RGB picture."""
    cv2 = optional("cv2", "video")
    thick = max(1, round(min(frame.shape[:2]) / 300))
    size = max(0.4, min(frame.shape[:2]) / 700)
    corner = (2 * thick, frame.shape[0] - 4 * thick)
    if row.get("x") is not None:
        box = np.array([row[side] for side in BOX])
        start, end = np.round(box[:2]), np.round(box[:2] + box[2:])
        start, end = tuple(start.astype(int).tolist()), tuple(end.astype(int).tolist())
        cv2.rectangle(frame, start, end, _BOX, thick)
        for point in np.round(row["points"][:, :2]).astype(int).tolist():
            cv2.circle(frame, point, max(1, thick // 2), _POINT, -1, cv2.LINE_AA)
        corner = start[0], max(round(24 * size), start[1] - 3 * thick)
    for line, words in enumerate(reversed(row.get("words") or [label(row)])):
        start = corner[0], corner[1] - line * round(28 * size)
        write(frame, words, start, size, thick)


def write(frame, text, corner, size, thick):
    cv2 = optional("cv2", "video")
    font = cv2.FONT_HERSHEY_SIMPLEX
    (width, _), _ = cv2.getTextSize(text, font, size, thick)
    if width > frame.shape[1] - 4 * thick:  # a small picture
        size = size * (frame.shape[1] - 4 * thick) / width
        (width, _), _ = cv2.getTextSize(text, font, size, thick)
    left = max(0, min(corner[0], frame.shape[1] - width))
    for colour, wide in ((_DARK, 3 * thick), (_BOX, thick)):
        start = (left, corner[1])
        cv2.putText(frame, text, start, font, size, colour, wide, cv2.LINE_AA)
