"""Many videos at once: `zoo.inputs.landmarks.extract` in processes of its own."""

import os
import sys
import warnings
from pathlib import Path

from zoo.inputs import landmarks
from zoo.inputs.landmark_track import LandmarkTrack
from zoo.inputs.video_frames import opencv

_KILLED = (
    "{path}: the process that decoded it was ended: the file crashes its decoder, or "
    "the memory did not suffice (fewer jobs need less)"
)


def run(paths: list[str], settings: tuple[int, int, Path], jobs: int | None):
    """Extract videos, a progress bar the while.

    Args:
        paths: The videos.
        settings: Copies, seed, and the predictor's file.
        jobs: Processes at once; all cores if None. With one, there is no other process.
            Inside a `joblib.parallel_config` for Dask, its workers do them.

    Returns:
        Tracks and reasons of failures, two dicts by path. A video that kills its
        process (a decoder can crash on a damaged file) is a failure like others,
        unless there is but one process.

    Raises:
        OSError: No process can be started that would read them.

    Warns:
        UserWarning: As `extract` does.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    tracks, reasons = {}, {}
    with tqdm(total=len(paths), unit="video", disable=not paths) as bar:

        def work(some: list[str]) -> None:
            parallel = Parallel(n_jobs=jobs or -1, return_as="generator_unordered")
            try:
                for path, result, messages in parallel(
                    delayed(attempt)(path, *settings) for path in some
                ):
                    done = tracks if isinstance(result, LandmarkTrack) else reasons
                    done[path] = result
                    for message in messages:
                        warnings.warn(message, stacklevel=4)
                    bar.update()
            except ended() as error:
                if not tracks and not reasons:
                    check(parallel, error)
                if len(some) == 1:
                    reasons[some[0]] = _KILLED.format(path=some[0])
                    bar.update()
                    return
                # Nobody says whose fault it was: halved until it is alone.
                rest = [p for p in some if p not in tracks and p not in reasons]
                for half in filter(None, (rest[::2], rest[1::2])):
                    work(half)

        work(paths)
    return tracks, reasons


def check(parallel, error: Exception) -> None:
    """Tell videos that end their process from processes that cannot begin."""
    from joblib import delayed

    try:
        list(parallel([delayed(os.getpid)()]))
    except ended():
        raise OSError(
            "No process could be started to read the videos: each ended before it had "
            f"begun. {type(error).__name__}: {error}"
        ) from error


def ended() -> tuple[type[Exception], ...]:
    """What is raised where a process was ended, here or on a cluster."""
    from joblib.externals.loky.process_executor import BrokenProcessPool

    if "distributed" not in sys.modules:
        return (BrokenProcessPool,)
    from distributed.scheduler import KilledWorker

    return BrokenProcessPool, KilledWorker


def attempt(path: str, copies: int, seed: int, model: Path):
    """Extract one video, with one thread.

    Returns:
        The path; its track, or the reason why there is none; and warnings' texts.
    """
    cv2 = opencv()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the videos are what is done in parallel
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            result = landmarks.extract(path, copies, seed, model)
    except (ImportError, landmarks.CacheError):  # would fail for every video
        raise
    except (OSError, ValueError) as error:
        result = str(error)
    except Exception as error:  # of OpenCV or dlib: this video's own fault
        result = f"{path}: {type(error).__name__}: {error}"
    finally:
        cv2.setNumThreads(threads)
    return path, result, [str(warning.message) for warning in caught]
