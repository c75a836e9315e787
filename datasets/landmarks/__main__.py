"""The command line of `datasets.landmarks`."""

import argparse
import os
import sys
import warnings
from pathlib import Path

import pandas as pd

from datasets import landmarks
from datasets.landmark_sheet import check_sheet, draw_sheet
from zoo.inputs import video_files
from zoo.inputs.landmark_track import LandmarkTrack


def find_videos(given: list[str]) -> list[str]:
    """Files as they are named, and a folder's videos, those of its folders as well.

    Raises:
        FileNotFoundError: There is no such file or folder, or no video in a folder.

    Warns:
        UserWarning: A folder may not be read, or a link leads nowhere.
    """
    found = []
    for path in map(Path, given):
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
        if not path.is_dir():
            found.append(str(path))
            continue
        files, _, unreadable = video_files.walk(path)
        if unreadable:
            some = ", ".join(map(str, unreadable[:5]))
            warnings.warn(f"left out, cannot be read: {some}", stacklevel=2)
        endings = video_files.ENDINGS
        within = [str(f) for f in sorted(files) if video_files.ending(f) in endings]
        if not within:
            raise FileNotFoundError(
                f"no video in {path}; expected files that end in {' '.join(endings)}"
            )
        found += within
    return list(dict.fromkeys(found))


def places(videos: list[str], folder: str) -> dict[str, Path]:
    """Where the tracks of videos go: .npz files, laid out as the videos are.

    Args:
        videos: Their paths.
        folder: Made if it is absent.

    Returns:
        Video -> file.

    Raises:
        ValueError: Two videos of one folder differ in their ending only.
        OSError: The folder cannot be made.
    """
    taken = {}
    # Without what the videos' absolute paths have in common.
    above = os.path.commonpath([os.path.dirname(os.path.abspath(v)) for v in videos])
    for video in videos:
        name = os.path.relpath(os.path.abspath(video), above)
        place = Path(folder, name).with_suffix(".npz")
        if place in taken:
            raise ValueError(
                f"{video} and {taken[place]} would both be written to {place}; "
                "extract them one at a time, or rename one"
            )
        taken[place] = video
    Path(folder).mkdir(parents=True, exist_ok=True)
    return {video: place for place, video in taken.items()}


def table(tracks: dict[str, LandmarkTrack]) -> str:
    """Frames, found frames, frames a second and seconds of each video."""
    rows = {}
    for video, track in tracks.items():
        frames = len(track.times)
        rate = (frames - 1) / track.times[-1] if frames > 1 else float("nan")
        seconds = frames / rate if frames > 1 else 0
        rows[video] = frames, track.found.sum(), round(rate, 2), round(seconds, 2)
    columns = ["frames", "found", "fps", "seconds"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).to_string()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m datasets.landmarks",
        description="Follow a face through videos and find its points. What was found "
        "is kept in ~/.cache/duchenne (or DUCHENNE_CACHE).",
    )
    parser.add_argument("videos", nargs="+", metavar="VIDEO_OR_FOLDER")
    parser.add_argument(
        "--show", metavar="OUT.png", help="a sheet of frames and points"
    )
    parser.add_argument("--out", metavar="FOLDER", help="write a track per video, .npz")
    parser.add_argument("--copies", type=int, default=0, help="jittered crops a video")
    parser.add_argument("--model", metavar="FILE", help="another 68-point predictor")
    parser.add_argument("--jobs", type=int, help="processes; all cores by default")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0, or 1 if anything failed.
    """
    options = _parser().parse_args(argv)
    try:
        videos = find_videos(options.videos)
        if options.show:
            check_sheet(options.show, len(videos))
        files = places(videos, options.out) if options.out else {}
        settings = {"jobs": options.jobs, "model": options.model}
        tracks, failures = landmarks.extract_all(videos, options.copies, **settings)
        if tracks:
            print(table(tracks))
        for video in files.keys() & tracks.keys():
            files[video].parent.mkdir(parents=True, exist_ok=True)
            tracks[video].save(files[video])
        if len(failures):
            print(f"\n{len(failures)} of {len(videos)} videos failed:")
            for reason in failures.reason:
                print(f"  {reason}")
        if options.show:
            draw_sheet(options.show, {video: tracks.get(video) for video in videos})
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return int(len(failures) > 0)


if __name__ == "__main__":
    raise SystemExit(main())
