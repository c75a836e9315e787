"""Many videos at once."""

import os
import shutil
import time
from pathlib import Path

import cv2
import joblib
import numpy as np
import pytest

from datasets import landmark_jobs
from datasets.landmarks import extract_all, predictor_file
from zoo.inputs import landmarks

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def folder(tmp_path, picture, video, write):
    shutil.copy(video, tmp_path / "a.mp4")
    write(tmp_path / "b.mp4", [cv2.blur(picture, (99, 99))] * 2)
    (tmp_path / "c.mp4").write_bytes(b"")
    write(tmp_path / "d.avi", [picture] * 30, "MJPG")
    broken = (tmp_path / "d.avi").read_bytes()
    (tmp_path / "d.avi").write_bytes(broken[: len(broken) // 2])
    return tmp_path


def test_bad_videos_do_not_stop_the_rest(folder, track):
    """In two processes."""
    names = ["a.mp4", "b.mp4", "c.mp4", "d.avi", "absent.mp4", "a.mp4", "."]
    paths = [os.path.join(folder, name) for name in names]
    with pytest.warns(UserWarning, match="d.avi breaks off"):
        tracks, failures = extract_all(paths, copies=3, seed=5, jobs=2)
    assert list(tracks) == [paths[0], paths[3]]
    np.testing.assert_array_equal(tracks[paths[0]].points, track.points)
    assert failures.path.tolist() == [paths[1], paths[2], paths[4], paths[6]]
    for reason, wanted in zip(
        failures.reason, ["no face", "0 bytes", "no file", "folder"], strict=True
    ):
        assert wanted in reason


def test_interrupted_and_started_again(folder, monkeypatch, track):
    paths = [folder / "a.mp4", folder / "c.mp4", folder / "e.mp4"]
    shutil.copy(predictor_file(), folder / "e.mp4")  # no video, as large as one
    done, whole = [], landmarks._extract

    def stopped(video, *rest):
        if video.name == "e.mp4":
            raise KeyboardInterrupt
        done.append(video.name)
        return whole(video, *rest)

    monkeypatch.setattr(landmarks, "_extract", stopped)
    with pytest.raises(KeyboardInterrupt):
        extract_all(paths, jobs=1)
    assert "a.mp4" in done
    done.clear()
    tracks, _ = extract_all(paths[:2], jobs=1)
    assert "a.mp4" not in done  # from the cache
    np.testing.assert_array_equal(tracks[str(paths[0])].points[0], track.points[0])


def test_a_video_that_kills_its_process(monkeypatch, tmp_path):
    """The others are worked on after it, still several at once."""

    def attempt(path, copies, seed, model):
        if path == "deadly":
            os._exit(11)
        (tmp_path / path).touch()
        other = {"one": "three", "three": "one"}.get(path, path)
        deadline = time.monotonic() + 10
        while not (tmp_path / other).exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return path, f"{path} is fine", []

    monkeypatch.setattr(landmark_jobs, "attempt", attempt)
    paths = ["deadly", "one", "two", "three", "four"]
    tracks, reasons = landmark_jobs.run(paths, (0, 0, Path()), 2)
    assert not tracks and set(reasons) == set(paths)
    assert "crashes its decoder" in reasons["deadly"]
    assert all("is fine" in reasons[p] for p in paths if p != "deadly")


def test_processes_that_cannot_begin_are_not_the_videos_fault(video):
    with joblib.parallel_config("loky", initializer=os._exit, initargs=(3,)):
        with pytest.raises(OSError, match="No process could be started to read"):
            extract_all([video], jobs=2)


def test_whatever_a_video_brings_about_the_rest_goes_on(monkeypatch):
    """One thread each; errors of OpenCV and the like are the video's own."""
    threads = []

    def extract(path, *_):
        if path == "c.mp4":
            raise ImportError("no dlib")
        threads.append(cv2.getNumThreads())
        cv2.resize(np.zeros((0, 0)), (1, 1))

    monkeypatch.setattr(landmarks, "extract", extract)
    cv2.setNumThreads(3)
    tracks, reasons = landmark_jobs.run(["a.mp4", "b.mp4"], (0, 0, Path()), 1)
    assert tracks == {} and list(reasons) == ["a.mp4", "b.mp4"]
    assert reasons["a.mp4"].startswith("a.mp4: error: OpenCV")
    assert threads == [1, 1] and cv2.getNumThreads() == 3
    with pytest.raises(ImportError, match="no dlib"):  # no video can be read then
        landmark_jobs.run(["c.mp4"], (0, 0, Path()), 1)


def test_nothing_and_nonsense(video):
    tracks, failures = extract_all([])
    assert tracks == {} and list(failures) == ["path", "reason"] and not len(failures)
    with pytest.raises(ValueError, match="one path"):
        extract_all(str(video))
    with pytest.raises(ValueError, match="jobs"):
        extract_all([video], jobs=0)
