"""A real face in motion, for the tests of facial points."""

import cv2
import numpy as np
import pytest
from skimage import data

SHIFTS = [(round(40 * np.sin(i / 3)), i) for i in range(14)]


@pytest.fixture(scope="session")
def picture():
    """Scikit-image's astronaut, BGR."""
    return data.astronaut()[..., ::-1].copy()


@pytest.fixture(scope="session")
def write():
    """Function that writes frames to a path."""

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
    frames = []
    for x, y in SHIFTS:
        matrix = np.array([[1.0, 0, x], [0, 1, y]])
        border = cv2.BORDER_REPLICATE
        frames.append(cv2.warpAffine(picture, matrix, (512, 512), borderMode=border))
    return write(tmp_path_factory.mktemp("videos") / "moving.mp4", frames)


@pytest.fixture(scope="session")
def track(video):
    """What is found in it."""
    from datasets.landmarks import extract

    return extract(video, copies=3, seed=5, cache=False)


@pytest.fixture
def cache(tmp_path_factory, monkeypatch):
    """The folder that landmarks are cached in."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("DUCHENNE_CACHE", str(folder))
    return folder / "landmarks"
