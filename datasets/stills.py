"""Pictures from clips: the apex and the onset frame, the face cut out by the mesh.

The onset is the first frame that shows a face; the apex is the frame whose aligned
points (`zoo.layers.AlignedMesh`: pose and size of the head taken off) lie farthest, on
average, from the mean of the first five such frames. A photo is its own apex and onset;
of several faces in it the largest counts. Every face is cut out as its crop alone
(`zoo.inputs.faces.cut` by `FRAMING`), which is how predictions of such a run cut too.
"""

import hashlib
import os
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from datasets import landmarks
from zoo._atomic import replaced
from zoo.inputs import faces, pictures
from zoo.inputs import landmarks as landmark_networks
from zoo.inputs.landmark_track import LandmarkTrack
from zoo.inputs.video import Video

FRAMES = ("apex", "onset")
FRAMING = {"width": 1.0, "height": 1.0, "x": 0.5, "y": 0.5}
_REST = 5  # first frames, from which the apex lies farthest
_VERSION = 1  # of what is in the cache


def cut_faces(
    index: pd.DataFrame,
    frame: str = "apex",
    grey: bool = False,
    jobs: int | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut the faces out of the clips and pictures of an index, kept in the cache.

    Args:
        index: Rows with `path` and `kind` ("video" or "picture").
        frame: One of `FRAMES`.
        grey: Whether to scale red, green and blue to the same mean (grey world).
        jobs: Clips worked on at once; by default one a core.

    Returns:
        The rows of those with a face, numbered from 0, `path` that of the cut-out
        (PNG), `source` the file's own, `seconds` how long it is (0 for a picture); and
        a table of the others, `path` and `reason`.

    Raises:
        ValueError: Not one of them shows a face.
        OSError: The cache cannot be written.
    """
    videos = index.loc[index["kind"] == "video", "path"].tolist()
    found, failed = {}, pd.DataFrame(columns=["path", "reason"])
    if videos:
        use = partial(cut_track, frame, grey)
        found, failed = landmarks.extract_all(videos, jobs=jobs, use=use)
    reasons = dict(failed.itertuples(index=False))
    photos = index.loc[index["kind"] == "picture", "path"]
    for path in tqdm(photos, "cutting faces", disable=None if len(photos) else True):
        try:
            found[path] = cut_photo(path, grey)
        except (ValueError, OSError) as error:
            reasons[path] = str(error)
    if not found:
        raise ValueError(
            f"None of the {len(index)} clips and pictures shows a face. The first: "
            f"{next(iter(reasons.values()), 'there is none')}"
        )
    rows = index[index["path"].isin(found)].reset_index(drop=True)
    rows = rows.assign(source=rows["path"])
    rows["seconds"] = [found[path][1] for path in rows["source"]]
    rows["path"] = [found[path][0] for path in rows["source"]]
    return rows, pd.DataFrame(reasons.items(), columns=["path", "reason"], dtype=str)


def cut_track(
    frame: str, grey: bool, track: LandmarkTrack, video: str
) -> tuple[str, float]:
    """Cut one frame's face out of a video; return the file and the video's seconds."""
    number = dict(zip(FRAMES, apex_and_onset(track), strict=True))[frame]
    target = _target(video, track.model, number, grey)
    if not target.is_file():
        with Video(video) as frames:
            picture = next(p for n, (_, p) in enumerate(frames) if n == number)
        _write(faces.cut(picture, track.boxes[number], FRAMING), grey, target)
    return str(target), float(track.times[-1])


def apex_and_onset(track: LandmarkTrack) -> tuple[int, int]:
    """Return the numbers of the frames at the height of an expression and before it.

    Args:
        track: Of a mesh.
    """
    from zoo.layers import AlignedMesh

    seen = np.flatnonzero(track.found)
    aligned = np.asarray(AlignedMesh()(track.points[0, seen])[0])
    away = np.linalg.norm(aligned - aligned[:_REST].mean(axis=0), axis=-1).mean(axis=-1)
    return int(seen[away.argmax()]), int(seen[0])


def cut_photo(path: str, grey: bool) -> tuple[str, float]:
    """Cut the largest face out of a picture; return the file and 0 seconds."""
    target = _target(path, landmark_networks.load_mesh("mesh468").model, "photo", grey)
    if not target.is_file():
        picture = pictures.read(path)
        found = faces.find_faces(picture)
        if not found:
            raise ValueError(f"{path}: no face in {picture.shape[1]}x{len(picture)}")
        largest = max(found, key=lambda face: face.box[2:].prod())
        _write(faces.cut(picture, faces.box_of(largest), FRAMING), grey, target)
    return str(target), 0.0


def mean_colour(path: str) -> np.ndarray:
    """Return a picture's mean red, green and blue, 0 to 255."""
    return pictures.read(path).mean(axis=(0, 1))


def _target(path: str, model: str, frame, grey: bool) -> Path:
    cache = Path(os.environ.get("DUCHENNE_CACHE") or "~/.cache/duchenne").expanduser()
    with open(path, "rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    key = f"{_VERSION} {content} {model} {frame} {grey} {sorted(FRAMING.items())}"
    name = hashlib.sha256(key.encode()).hexdigest()[:40]
    return cache.absolute() / "stills" / f"{name}.png"


def _write(picture: np.ndarray, grey: bool, target: Path) -> None:
    from PIL import Image

    if grey:
        means = np.maximum(1, picture.mean(axis=(0, 1)))
        picture = np.clip(picture * (means.mean() / means), 0, 255).astype(np.uint8)
    target.parent.mkdir(parents=True, exist_ok=True)
    with replaced(target) as partial_file:
        Image.fromarray(picture).save(partial_file, format="PNG")
