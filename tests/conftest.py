"""What tests of all packages share: Ctrl-C, a process without Duchenne, a face."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

# A shell starts its background jobs with SIGINT ignored, and a process hands that on to
# those that it starts: tests that interrupt one would wait for it in vain. A handler,
# in contrast, is not inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests run in several processes already: a study does its parts in this one, unless it
# is told otherwise, and as many threads do them here as in processes of their own.
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

BARE = """
import json, sys, numpy as np, tensorflow as tf
for line in sys.stdin:
    model, inputs, outputs = json.loads(line)
    loaded, x = tf.saved_model.load(model), np.load(inputs)
    ends = [end for end in ["serve", "features"] if hasattr(loaded, end)]
    np.savez(outputs, **{end: getattr(loaded, end)(x) for end in ends})
    ours = {"zoo", "datasets", "experiments"}
    assert ours.isdisjoint(name.split(".")[0] for name in sys.modules)
    print("served", flush=True)
"""


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """Function from a SavedModel's folder and its inputs to all endpoints' outputs.

    They are computed in a process that has TensorFlow and nothing of ours. It serves
    one model after the other: importing TensorFlow takes most of the time.
    """
    folder = tmp_path_factory.mktemp("served")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = []

    def serve(model, inputs):
        if not processes or processes[-1].poll() is not None:
            command = [sys.executable, "-P", "-c", BARE]
            started = subprocess.Popen(command, cwd=folder, env=environment, **pipes)
            processes.append(started)
        np.save(folder / "inputs.npy", inputs)
        outputs = folder / "outputs.npz"
        outputs.unlink(missing_ok=True)
        paths = [str(model), str(folder / "inputs.npy"), str(outputs)]
        print(json.dumps(paths), file=processes[-1].stdin, flush=True)
        answer = processes[-1].stdout.readline()
        assert answer == "served\n", "the process ended; stderr says why"
        with np.load(outputs) as file:
            return dict(file)

    yield serve
    for process in processes:
        process.communicate(timeout=60)


# A real face in motion, for the tests of facial points.

SHIFTS = [(round(40 * np.sin(i / 3)), i) for i in range(14)]


@pytest.fixture(scope="session")
def picture():
    """Scikit-image's astronaut, BGR."""
    from skimage import data

    return data.astronaut()[..., ::-1].copy()


@pytest.fixture(scope="session")
def write():
    """Function that writes frames to a path."""
    import cv2

    def made(path, frames, code="mp4v", fps=25):
        path.parent.mkdir(exist_ok=True, parents=True)
        code = cv2.VideoWriter_fourcc(*code)
        color = frames[0].ndim == 3
        size = frames[0].shape[1::-1]
        writer = cv2.VideoWriter(str(path), code, fps, size, color)
        assert writer.isOpened()
        for frame in frames:
            writer.write(frame)
        writer.release()
        return path

    return made


@pytest.fixture(scope="session")
def shifts():
    """By how much the face of `video` has moved, x and y of each frame."""
    return SHIFTS


@pytest.fixture(scope="session")
def video(tmp_path_factory, picture, write):
    """A video of the astronaut, who moves."""
    import cv2

    frames = []
    for x, y in SHIFTS:
        matrix = np.array([[1.0, 0, x], [0, 1, y]])
        border = cv2.BORDER_REPLICATE
        frames.append(cv2.warpAffine(picture, matrix, (512, 512), borderMode=border))
    return write(tmp_path_factory.mktemp("videos") / "moving.mp4", frames)


@pytest.fixture(scope="session")
def track(video):
    """The 68 points that are found in it."""
    from zoo.inputs.landmarks import extract

    return extract(video, copies=3, seed=5, points="ibug68", cache=False)


@pytest.fixture
def cache(tmp_path_factory, monkeypatch):
    """The folder that landmarks are cached in."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("DUCHENNE_CACHE", str(folder))
    return folder / "landmarks"
