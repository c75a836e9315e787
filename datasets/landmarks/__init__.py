"""From videos to facial points: `python -m datasets.landmarks VIDEO_OR_FOLDER...`.

How one video is read: `zoo.inputs.landmarks`. Here many are read at once.
"""

import os
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pandas as pd

from zoo._extras import optional
from zoo.inputs import landmarks
from zoo.inputs.landmark_track import LandmarkTrack, draw_margins
from zoo.inputs.landmarks import check_predictor, extract, predictor_file

__all__ = ["LandmarkTrack", "extract", "extract_all", "predictor_file"]


def _whole_track(track: LandmarkTrack, video: str) -> LandmarkTrack:
    return track


def extract_all(
    videos: Iterable[str | os.PathLike],
    copies: int = 0,
    seed: int = 0,
    jobs: int | None = None,
    points: str = "mesh",
    model: str | os.PathLike | None = None,
    use: Callable[[LandmarkTrack, str], Any] = _whole_track,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Extract many videos in parallel; a bad one does not stop the rest.

    What is done is in the cache: started again after an interruption, it goes on with
    the rest. Inside a `joblib.parallel_config` for Dask, its workers read the videos.

    Args:
        videos: Video files. One that is named twice is extracted once.
        copies, seed, points, model: See `extract`.
        jobs: How many processes at once; all cores by default, with 1 no other process.
        use: A module's function, called with each track and its video in the process
            that made it; what it returns is kept, and a ValueError counts as that
            video's failure. By default the whole track is kept: a megabyte per 180
            frames of a mesh.

    Returns:
        Path, as it was given, as text -> what `use` returned; and a table of failures,
        `path` and `reason`.

    Raises:
        ValueError: A number is out of range, one path was given instead of several, or
            `model` is no such file.
        FileNotFoundError: A model file is missing.
        OSError: The cache cannot be written, or a process was ended.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    if isinstance(videos, str | os.PathLike):
        raise ValueError(f"expected several videos, got one path: {videos}")
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs must be 1 or more, got {jobs!r}")
    draw_margins(copies, seed, b"", 0)  # refuses numbers out of range
    landmarks.check_points(points)
    # Once, and not for every video.
    if points != "ibug68":
        landmarks.load_mesh(landmarks.KINDS[points], model)
    elif model is not None:
        check_predictor(predictor_file(model))
    else:
        predictor_file()
    paths = list(dict.fromkeys(os.fspath(video) for video in videos))
    how = copies, seed, points, model
    work = (delayed(_attempt)(path, use, *how) for path in paths)
    parallel = Parallel(n_jobs=jobs or -1, return_as="generator_unordered")
    results, failures = {}, {}
    with tqdm(total=len(paths), unit="video", disable=not paths) as bar:
        try:
            for path, result, messages in parallel(work):
                (failures if isinstance(result, _Failure) else results)[path] = result
                for message in messages:
                    warnings.warn(message, stacklevel=2)
                bar.update()
        except BrokenProcessPool as error:
            raise OSError(
                "Expected processes that read videos to the end. Received: one was "
                "ended, by a file that crashes its decoder or for want of memory. Use "
                "a smaller --jobs (jobs=), or --jobs 1 to see which video it is; what "
                f"is done is in the cache. {type(error).__name__}: {error}"
            ) from error
    reasons = [(path, str(failures[path])) for path in paths if path in failures]
    table = pd.DataFrame(reasons, columns=["path", "reason"])
    return {path: results[path] for path in paths if path in results}, table


class _Failure(str):
    """Why a video has no track."""


def _attempt(path: str, use: Callable, *how):
    """Return the path, what `use` returns or a failure, and the texts of warnings."""
    cv2 = optional("cv2", "video")
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the videos are what is done in parallel
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            result = use(landmarks.extract(path, *how), path)
    except (ImportError, landmarks.CacheError):  # would fail for every video
        raise
    except (OSError, ValueError) as error:
        result = _Failure(error)
    except Exception as error:  # of OpenCV or dlib: this video's own fault
        result = _Failure(f"{path}: {type(error).__name__}: {error}")
    finally:
        cv2.setNumThreads(threads)
    return path, result, [str(warning.message) for warning in caught]
