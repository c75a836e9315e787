"""A face followed frame by frame says the same as when the whole video is known."""

import itertools
import os
import pathlib

import cv2
import numpy as np
import pytest
from skimage import data

from zoo.inputs import video_faces
from zoo.inputs.face_tracking import FaceTracker, settle
from zoo.inputs.faces import cut
from zoo.inputs.video_faces import followed
from zoo.inputs.video_frames import Video

FRAMING = {"width": 1.5, "height": 1.8, "x": 0.7, "y": 1.0}
FPS = 10  # a patience of 5 frames
FACE = slice(20, 260), slice(120, 330)


@pytest.fixture(scope="module")
def shown():
    """The astronaut's face and little else, BGR."""
    return np.ascontiguousarray(data.astronaut()[FACE][..., ::-1])


@pytest.fixture(scope="module")
def tilts(shown):
    """Frames in which the head tilts and comes back, by degrees."""

    def made(degrees):
        size = shown.shape[1::-1]
        middle = size[0] * 0.45, size[1] * 0.4
        edge = cv2.BORDER_REPLICATE
        turns = [cv2.getRotationMatrix2D(middle, degree, 1) for degree in degrees]
        return [cv2.warpAffine(shown, m, size, borderMode=edge) for m in turns]

    return made


class Frames:
    """Frames in memory, as `Video` gives them."""

    fps = FPS

    def __init__(self, frames):
        self.frames, self.taken = frames, 0

    def __iter__(self):
        for number, frame in enumerate(self.frames):
            self.taken += 1
            yield 7.0 + number / self.fps, frame


def batch(video):
    """What `landmarks.extract` does, once all frames have been seen."""
    tracker, rows, runs = FaceTracker(video.fps), [], []
    for _, frame in video:
        box, run = tracker.update(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))
        rows.append((box, frame))
        runs.append(run)
    for believed, (box, frame) in zip(
        settle(runs, tracker.patience), rows, strict=True
    ):
        yield (box, frame) if believed and box is not None else (None, frame)


def check(make):
    """Compares both; returns in which frames there is a face."""
    streamed = list(followed(make(), FRAMING))
    wanted = list(batch(make()))
    assert [number for number, *_ in streamed] == list(range(len(wanted)))
    for (_, _, box, face), (wanted_box, frame) in zip(streamed, wanted, strict=True):
        if wanted_box is None:
            assert box is None and face is None
        else:
            np.testing.assert_array_equal(box, wanted_box)
            rgb = cut(frame, wanted_box, FRAMING)[..., ::-1]
            np.testing.assert_array_equal(face, rgb)
    return [box is not None for _, _, box, _ in streamed]


RISE, FALL = [*range(5, 30, 5)], [*range(25, 0, -5)]  # beyond 20 it is not seen


@pytest.mark.parametrize("gap", [1, 9])
def test_a_head_that_tilts(gap, tilts):
    found = check(lambda: Frames(tilts([0] * 3 + RISE + [30] * gap + FALL + [0] * 3)))
    assert found[:3] == [True] * 3 and found[-3:] == [True] * 3
    assert all(found) == (gap == 1)


@pytest.fixture
def scripted(monkeypatch):
    """Function that lets a tracker say boxes and numbers, whatever it is shown."""

    def use(script):
        class Scripted:
            patience = 5

            def __init__(self, fps):
                self.script = iter(script)

            def update(self, grey):
                return next(self.script)

        monkeypatch.setattr(video_faces, "FaceTracker", Scripted)
        monkeypatch.setitem(globals(), "FaceTracker", Scripted)

    return use


@pytest.mark.parametrize("again", [1, 2])
@pytest.mark.parametrize("gap", [4, 5, 6, 7])
def test_to_the_frame(gap, again, shown, scripted):
    runs = [1, 1] + [0] * gap + [again, again, 0, 0]
    scripted([(np.array([20.0, 20, 40, 40]), run) for run in runs])
    found = check(lambda: Frames([shown] * len(runs)))
    inside = [gap <= 5 and again == 1] * gap
    assert found == [True] * 2 + inside + [True] * 2 + [False] * 2


def test_any_word_of_the_cascade(shown, scripted):
    rng = np.random.default_rng(0)
    for _ in range(40):
        length = int(rng.integers(1, 40))
        runs = np.cumsum(rng.random(length) < 0.1) + 1
        runs[rng.random(length) < rng.choice([0.2, 0.5, 0.85])] = 0
        lost = (runs == 0) & (rng.random(length) < 0.2)
        boxes = [None if gone else rng.uniform(20, 60, 4) for gone in lost]
        scripted(list(zip(boxes, runs.tolist(), strict=True)))
        check(lambda count=length: Frames([shown] * count))


def test_a_face_that_comes_and_goes(shown, tilts):
    nothing = [np.full_like(shown, 90)]
    found = check(lambda: Frames(nothing * 4 + [shown] * 4 + nothing * 9))
    assert found[4:8] == [True] * 4 and not any(found[:4]) and not any(found[9:])
    found = check(lambda: Frames([shown] * 3 + nothing * 9 + [shown] * 3))
    assert found[:3] == found[-3:] == [True] * 3 and not all(found)
    found = check(lambda: Frames(nothing * 8))
    assert not any(found)
    assert check(lambda: Frames([shown])) == [True]


def test_no_more_frames_wait_than_the_patience(shown, tilts):
    degrees = [0] * 3 + RISE + [36] * 30 + [0] * 3
    for frames in (tilts(degrees), [np.full_like(shown, 90)] * 20):
        video, given = Frames(frames), 0
        for _ in followed(video, FRAMING):
            assert video.taken - given <= 5 + 1
            given += 1
        assert given == len(frames)


def test_seconds_begin_at_0_and_are_of_the_frame(shown):
    seconds = [second for _, second, *_ in followed(Frames([shown] * 4), FRAMING)]
    np.testing.assert_allclose(seconds, [0, 0.1, 0.2, 0.3], atol=1e-9)


def test_without_framing_frames_are_whole(shown, tilts):
    frames = [shown, np.full_like(shown, 90), *tilts([35])]
    rows = list(followed(Frames(frames), None))
    assert [(number, box) for number, _, box, _ in rows] == [
        (n, None) for n in range(3)
    ]
    for (*_, whole), frame in zip(rows, frames, strict=True):
        np.testing.assert_array_equal(whole, frame[..., ::-1])


class First:
    """The first frames of a file."""

    def __init__(self, path, count):
        self.video, self.count = Video(path), count
        self.fps = self.video.fps

    def __iter__(self):
        return itertools.islice(self.video, self.count)


def test_a_file(video):
    assert check(lambda: First(video, 99)) == [True] * 14


@pytest.mark.real_data
@pytest.mark.skipif("DUCHENNE_DATA" not in os.environ, reason="needs real videos")
def test_a_real_video_in_which_the_face_goes():
    folder = pathlib.Path(os.environ["DUCHENNE_DATA"]) / "video"
    assert any(check(lambda: First(folder / "face_noface.mov", 90)))


def test_seconds_that_the_container_does_not_tell_come_from_its_rate(shown):
    class Timeless(Frames):
        def __iter__(self):
            for _, frame in super().__iter__():
                yield 0.0, frame

    seconds = [second for _, second, *_ in followed(Timeless([shown] * 3), None)]
    np.testing.assert_allclose(seconds, [0, 1 / FPS, 2 / FPS])
