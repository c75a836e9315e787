"""Many videos at once: `datasets.landmarks.extract` in processes of its own."""

import warnings
from pathlib import Path

from datasets import landmarks
from datasets.landmark_track import LandmarkTrack
from datasets.video_frames import opencv

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

    Returns:
        Tracks and reasons of failures, two dicts by path. A video that kills its
        process (a decoder can crash on a damaged file) is a failure like others.

    Warns:
        UserWarning: As `extract` does.
    """
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import BrokenProcessPool
    from tqdm import tqdm

    tracks, reasons = {}, {}
    with tqdm(total=len(paths), unit="video", disable=not paths) as bar:

        def work(some: list[str], jobs: int) -> None:
            parallel = Parallel(n_jobs=jobs, return_as="generator_unordered")
            for path, result, messages in parallel(
                delayed(attempt)(path, *settings) for path in some
            ):
                done = tracks if isinstance(result, LandmarkTrack) else reasons
                done[path] = result
                for message in messages:
                    warnings.warn(message, stacklevel=4)
                bar.update()

        try:
            work(paths, jobs or -1)
        except BrokenProcessPool:
            # Nobody says whose fault it was: the rest, each in a process of its own.
            for path in [p for p in paths if p not in tracks and p not in reasons]:
                try:
                    work([path], 2)
                except BrokenProcessPool:
                    reasons[path] = _KILLED.format(path=path)
                    bar.update()
    return tracks, reasons


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
    except (OSError, ValueError) as error:
        result = str(error)
    finally:
        cv2.setNumThreads(threads)
    return path, result, [str(warning.message) for warning in caught]
