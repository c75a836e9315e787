"""The command line of `datasets.landmarks`."""

import argparse
import os
import sys
import warnings
from functools import partial
from pathlib import Path

import pandas as pd

from datasets import landmarks
from datasets.landmark_sheet import check_sheet, draw_sheet
from zoo.inputs.landmark_track import LandmarkTrack
from zoo.inputs.landmarks import KINDS as landmark_kinds
from zoo.inputs.video import ENDINGS, ending, walk


def find_videos(given: list[str]) -> list[str]:
    """List files as they are named, and the videos below folders.

    A folder that may not be read and a link that leads nowhere bring a warning.
    """
    videos = []
    for path in map(Path, given):
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
        if not path.is_dir():
            videos.append(str(path))
            continue
        files, _, unreadable = walk(path)
        if unreadable:
            some = ", ".join(map(str, unreadable[:5]))
            warnings.warn(f"left out, cannot be read: {some}", stacklevel=2)
        within = [str(file) for file in sorted(files) if ending(file) in ENDINGS]
        if not within:
            raise FileNotFoundError(f"no video in {path}; expected {' '.join(ENDINGS)}")
        videos += within
    return list(dict.fromkeys(videos))


def _track_files(videos: list[str], folder: str) -> dict[str, Path]:
    """Return video -> .npz file, laid out as the videos are; make the folder."""
    owners = {}
    # Without what the videos' absolute paths have in common.
    above = os.path.commonpath([os.path.dirname(os.path.abspath(v)) for v in videos])
    for video in videos:
        name = os.path.relpath(os.path.abspath(video), above)
        file = Path(folder, name).with_suffix(".npz")
        if file in owners:
            raise ValueError(
                f"{video} and {owners[file]} would both be written to {file}; "
                "extract them one at a time, or rename one"
            )
        owners[file] = video
    Path(folder).mkdir(parents=True, exist_ok=True)
    return {video: file for file, video in owners.items()}


def _use(files: dict, shown: bool, track: LandmarkTrack, video: str) -> tuple:
    """Save a track where it has a file; return its row, and itself to be shown."""
    if video in files:
        files[video].parent.mkdir(parents=True, exist_ok=True)
        track.save(files[video])
    frames = len(track.times)
    rate = (frames - 1) / track.times[-1] if frames > 1 else float("nan")
    seconds = round(frames / rate, 2) if frames > 1 else 0
    row = {"frames": frames, "found": track.found.sum()}
    return row | {"fps": round(rate, 2), "seconds": seconds}, track if shown else None


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return 0, or 1 if anything failed."""
    parser = argparse.ArgumentParser(
        prog="python -m datasets.landmarks",
        description="Follow a face through videos and find its points. What was found "
        "is kept in ~/.cache/duchenne (or DUCHENNE_CACHE).",
    )
    add = parser.add_argument
    add("videos", nargs="+", metavar="VIDEO_OR_FOLDER")
    add("--show", metavar="OUT.png", help="a sheet of frames and points")
    add("--out", metavar="FOLDER", help="write a track per video, .npz")
    add("--copies", type=int, default=0, help="jittered crops a video")
    kinds = list(landmark_kinds)
    add(
        "--points", choices=kinds, default=kinds[0], help="which points (default: mesh)"
    )
    add("--model", metavar="FILE", help="another 68-point predictor, with ibug68")
    add(
        "--blendshapes",
        metavar="FILE",
        help="a copy of Google's face_landmarker.task, for the points mesh478; "
        "downloaded by default",
    )
    add("--jobs", type=int, help="processes; all cores by default")
    options = parser.parse_args(argv)
    try:
        if options.blendshapes and (options.model or options.points == "ibug68"):
            raise ValueError(
                "--blendshapes is for the points mesh478, --model for ibug68"
            )
        videos = find_videos(options.videos)
        if options.show:
            check_sheet(options.show, len(videos))
        files = _track_files(videos, options.out) if options.out else {}
        points, model = options.points, options.model
        if options.blendshapes:
            points, model = "mesh478", options.blendshapes
        use = partial(_use, files, bool(options.show))
        results, failures = landmarks.extract_all(
            videos, options.copies, 0, options.jobs, points, model, use
        )
        if results:
            rows = {video: row for video, (row, _) in results.items()}
            print(pd.DataFrame.from_dict(rows, orient="index").to_string())
        if len(failures):
            print(f"\n{len(failures)} of {len(videos)} videos failed:")
            print(*(f"  {reason}" for reason in failures.reason), sep="\n")
        if options.show:
            tracks = {v: results[v][1] if v in results else None for v in videos}
            draw_sheet(options.show, tracks)
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return int(len(failures) > 0)


if __name__ == "__main__":
    raise SystemExit(main())
