"""From videos to facial points: `python -m datasets.landmarks VIDEO_OR_FOLDER...`.

How one video is read is said in `zoo.inputs.landmarks`; here are many at once.
"""

import os
from collections.abc import Iterable

import pandas as pd

from zoo.inputs.landmark_track import LandmarkTrack, draw_margins
from zoo.inputs.landmarks import check_predictor, extract, predictor_file

__all__ = ["LandmarkTrack", "extract", "extract_all", "predictor_file"]


def extract_all(
    videos: Iterable[str | os.PathLike],
    copies: int = 0,
    seed: int = 0,
    jobs: int | None = None,
    model: str | os.PathLike | None = None,
) -> tuple[dict[str, LandmarkTrack], pd.DataFrame]:
    """Extract many videos in parallel; a bad one does not stop the rest.

    What is done is in the cache: started again after an interruption, it goes on with
    the rest.

    Args:
        videos: Video files. One that is named twice is extracted once.
        copies: See `extract`.
        seed: See `extract`.
        jobs: How many processes at once; all cores by default. With one there is no
            other process, and a file that crashes its decoder ends the program.
        model: See `extract`.

    Returns:
        Path, as it was given, as text -> track; and a table of failures, `path` and
        `reason`.

    Raises:
        ValueError: A number is out of range, one path was given instead of several, or
            `model` is no such predictor.
        FileNotFoundError: No predictor is installed.
        CacheError: The cache cannot be written.
    """
    from datasets.landmark_jobs import run

    if isinstance(videos, str | os.PathLike):
        raise ValueError(f"expected several videos, got one path: {videos}")
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs must be 1 or more, got {jobs!r}")
    draw_margins(copies, seed, b"", 0)
    predictor = predictor_file(model)
    if model is not None:  # told at once, and not of every video
        check_predictor(predictor)
    settings = (copies, seed, predictor)
    paths = list(dict.fromkeys(os.fspath(video) for video in videos))
    tracks, reasons = run(paths, settings, jobs)
    failures = [(path, reasons[path]) for path in paths if path in reasons]
    return (
        {path: tracks[path] for path in paths if path in tracks},
        pd.DataFrame(failures, columns=["path", "reason"]),
    )
