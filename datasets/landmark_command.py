"""The command line of `datasets.landmarks`."""

import argparse
import os
import sys
from pathlib import Path

import pandas as pd

from datasets import landmarks
from datasets.landmark_sheet import draw_sheet
from datasets.landmark_track import LandmarkTrack

ENDINGS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv")


def find_videos(given: list[str]) -> list[str]:
    """Files as they are named, and a folder's videos, those of its folders as well.

    Raises:
        FileNotFoundError: There is no such file or folder, or no video in a folder.
    """
    found = []
    for path in map(Path, given):
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
        if not path.is_dir():
            found.append(str(path))
            continue
        within = [
            str(file)
            for file in sorted(path.rglob("*"))
            if file.suffix.lower() in ENDINGS
            and file.is_file()
            and not file.name.startswith(".")
        ]
        if not within:
            raise FileNotFoundError(
                f"no video in {path}; expected files that end in {' '.join(ENDINGS)}"
            )
        found += within
    return list(dict.fromkeys(found))


def save_all(tracks: dict[str, LandmarkTrack], folder: str) -> None:
    """Write tracks as .npz files, laid out as the videos are.

    Args:
        tracks: Video -> track.
        folder: Made if it is absent.

    Raises:
        ValueError: Two videos of one folder differ in their ending only.
        OSError: The folder cannot be written.
    """
    places = {}
    # Without what the videos' absolute paths have in common.
    above = os.path.commonpath([os.path.dirname(os.path.abspath(v)) for v in tracks])
    for video in tracks:
        name = os.path.relpath(os.path.abspath(video), above)
        place = Path(folder, name).with_suffix(".npz")
        if place in places:
            raise ValueError(
                f"{video} and {places[place]} would both be written to {place}; "
                "extract them one at a time, or rename one"
            )
        places[place] = video
    for place, video in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        tracks[video].save(place)


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


def _sheet(options, videos, tracks, failures) -> None:
    """Draws what can be drawn: videos without a face, but none that cannot be read."""
    faceless = {p for p, why in failures.to_numpy() if ": no face in any" in why}
    shown = {v: tracks.get(v) for v in videos if v in tracks or v in faceless}
    if shown:
        draw_sheet(options.show, shown)


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
        settings = {"jobs": options.jobs, "model": options.model}
        tracks, failures = landmarks.extract_all(videos, options.copies, **settings)
        if tracks:
            print(table(tracks))
            if options.out:
                save_all(tracks, options.out)
        if len(failures):
            print(f"\n{len(failures)} of {len(videos)} videos failed:")
            for reason in failures.reason:
                print(f"  {reason}")
        if options.show:
            _sheet(options, videos, tracks, failures)
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return int(len(failures) > 0)
