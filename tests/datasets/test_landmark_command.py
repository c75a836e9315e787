"""Many videos at once: `extract_all`, its command line and contact sheet."""

import os
import shutil
from pathlib import Path

import cv2
import joblib
import numpy as np
import pytest

from datasets import landmark_sheet
from datasets.landmarks import extract_all
from datasets.landmarks.__main__ import find_videos, main
from zoo.inputs import landmarks
from zoo.inputs.landmark_track import LandmarkTrack


@pytest.fixture
def folder(tmp_path, picture, write, monkeypatch):
    monkeypatch.setenv("DUCHENNE_CACHE", str(tmp_path / "cache"))
    write(tmp_path / "in/one/a.mp4", [picture] * 4)
    write(tmp_path / "in/two/A.MOV.mp4", [picture] * 3)
    write(tmp_path / "in/none.mp4", [cv2.blur(picture, (99, 99))] * 3)
    (tmp_path / "in/._a.mp4").write_bytes(b"left by a Mac")
    (tmp_path / "in/notes.txt").write_text("not a video")
    return tmp_path


def test_a_whole_run(folder, capsys):
    (folder / "in/zero.mp4").touch()  # cannot be read, and is not on the sheet
    arguments = [str(folder / "in"), "--out", str(folder / "out"), "--copies", "2"]
    code = main([*arguments, "--show", str(folder / "sheet.png"), "--jobs", "1"])
    printed, bar = capsys.readouterr()
    assert code == 1 and "2 of 4 videos failed" in printed and "4/4" in bar
    assert "none.mp4: no face in any of the 3 frames of 512x512" in printed
    assert "zero.mp4 is empty" in printed
    rows = [line.split()[1:] for line in printed.splitlines() if "a.mp4" in line]
    assert rows == [["4", "4", "25.0", "0.16"]]
    track = LandmarkTrack.load(folder / "out/one/a.npz")
    assert track.points.shape == (1, 4, 468, 3) and len(track.margins) == 3
    written = sorted(p.name for p in (folder / "out").rglob("*.npz"))
    assert written == ["A.MOV.npz", "a.npz"]
    assert main([str(folder / "in/one/a.mp4"), "--jobs", "1"]) == 0
    sheet = cv2.imread(str(folder / "sheet.png")).astype(int)
    # The frames without a face bear red bars; the others green points, yellow boxes.
    blue, green, red = np.moveaxis(sheet, -1, 0)
    assert ((red > 200) & (green < 90) & (blue < 90)).sum() > 300
    assert ((green > 230) & (red < 60) & (blue < 60)).sum() > 300
    assert ((green > 220) & (red > 220) & (blue < 60)).sum() > 1000


def test_options_of_other_points(capsys):
    assert main(["a.mp4", "--points", "ibug68", "--blendshapes", "b.task"]) == 1
    assert "--blendshapes is for the points mesh478" in capsys.readouterr().err


def test_points_are_drawn_where_they_are(tmp_path, write):
    """Against a picture of our own: one white frame, known points and box."""
    write(tmp_path / "a.mp4", [np.full((256, 256, 3), 255, np.uint8)])
    points = np.full((1, 1, 68, 2), [64.0, 192.0], np.float32)
    points[..., :30, 0] = -9  # outside the frame: not drawn at its other edge
    box = np.array([[32.0, 128, 96, 96]])
    fields = points, box, [0.0], [[0, 0, 0, 0]], (256, 256), "a.mp4"
    drawn = tmp_path / "sheet.png"
    landmark_sheet.draw_sheet(drawn, {tmp_path / "a.mp4": LandmarkTrack(*fields)})
    blue, green, red = np.moveaxis(cv2.imread(str(drawn)).astype(int), -1, 0)
    spots = np.argwhere((green > 200) & (red < 100) & (blue < 100))
    edges = np.argwhere((green > 200) & (red > 200) & (blue < 100))
    (top, left), (bottom, right) = edges.min(axis=0), edges.max(axis=0)
    # The point lies a third of the box's width and two thirds of its height in.
    place = (spots.mean(axis=0) - [top, left]) / [bottom - top, right - left]
    np.testing.assert_allclose(place, [2 / 3, 1 / 3], atol=0.02)


def test_where_videos_are_found(folder):
    (folder / "else").mkdir()
    (folder / "in/one/a.mp4").rename(folder / "else/H2N2D .MP4 ")
    (folder / "in/more").symlink_to(folder / "else")
    (folder / "else/again").symlink_to(folder / "in")  # in a circle
    (folder / "in/lost.mp4").symlink_to(folder / "gone.mp4")
    with pytest.warns(UserWarning, match="left out.*lost.mp4"):
        found = find_videos([str(folder / "in"), str(folder / "in/none.mp4")])
    names = [str(Path(path).relative_to(folder / "in")) for path in found]
    assert names == ["more/H2N2D .MP4 ", "none.mp4", "two/A.MOV.mp4"]
    with pytest.raises(FileNotFoundError, match="no video in .*one.*mp4"):
        find_videos([str(folder / "in/one")])


def test_what_cannot_be_done_is_said_before_the_work(folder, capsys):
    video, *many = (str(folder / f"in/{n}") for n in ("one/a.mp4", *range(21)))
    for file in (*many, other := video[:-3] + "m4v"):
        Path(file).touch()
    for arguments, words in (
        ([str(folder / "absent")], "error: there is no file or folder"),
        ([video, "--points", "ibug68", "--model", "nowhere"], "pip install dlib-bin"),
        ([video, "--model", video], "points mesh478 or ibug68 alone"),
        ([video, "--blendshapes", video], "SHA-256"),
        ([video, "--copies", "-3"], "whole number"),
        ([video, "--out", video], "error:"),
        ([video, other, "--out", str(folder / "out")], "both be written"),
        ([video, "--show", str(folder / "absent/sheet.png")], "there is no folder"),
        ([video, "--show", str(folder)], "is a folder"),
        ([*many, "--show", str(folder / "sheet.png")], "1 to 20 videos, got 21"),
    ):
        assert main(arguments) == 1
        assert words in (told := capsys.readouterr().err) and "video/s" not in told


def test_bad_videos_do_not_stop_the_rest(tmp_path, picture, video, write, track, cache):
    shutil.copy(video, tmp_path / "a.mp4")
    (tmp_path / "c.mp4").write_bytes(b"")
    write(tmp_path / "d.avi", [picture] * 30, "MJPG")
    os.truncate(tmp_path / "d.avi", os.path.getsize(tmp_path / "d.avi") // 2)
    names = ["a.mp4", "c.mp4", "d.avi", "absent.mp4", "a.mp4", "."]
    paths = [os.path.join(tmp_path, name) for name in names]
    with pytest.warns(UserWarning, match="d.avi breaks off"):
        tracks, failures = extract_all(paths, 3, 5, jobs=2, points="ibug68")
    assert list(tracks) == [paths[0], paths[2]]
    np.testing.assert_array_equal(tracks[paths[0]].points, track.points)
    assert failures.path.tolist() == [paths[1], paths[3], paths[5]]
    reasons = ["0 bytes", "no file", "folder"]
    assert all(map(str.__contains__, failures.reason, reasons))


def test_a_process_that_is_ended_is_one_clear_error(video, cache):
    config = joblib.parallel_config("loky", initializer=os._exit, initargs=(3,))
    with config, pytest.raises(OSError, match="one was ended.*a smaller --jobs"):
        extract_all([video], jobs=2)


def test_whatever_a_video_brings_about_the_rest_goes_on(monkeypatch, cache):
    """One thread each; errors of OpenCV and the like are the video's own."""
    threads = []

    def extract(path, *_):
        if path == "c.mp4":
            raise ImportError("no dlib")
        threads.append(cv2.getNumThreads())
        cv2.resize(np.zeros((0, 0)), (1, 1))

    monkeypatch.setattr(landmarks, "extract", extract)
    cv2.setNumThreads(3)
    tracks, failures = extract_all(["a.mp4", "b.mp4"], jobs=1)
    assert tracks == {} and failures.path.tolist() == ["a.mp4", "b.mp4"]
    assert failures.reason[0].startswith("a.mp4: error: OpenCV")
    assert threads == [1, 1] and cv2.getNumThreads() == 3
    with pytest.raises(ImportError, match="no dlib"):  # no video can be read then
        extract_all(["c.mp4"], jobs=1)


def count_frames(track, video):
    if "2" in os.path.basename(video):
        raise ValueError("no use")
    return os.getpid(), len(track.times)


def test_what_is_made_of_a_track_is_made_beside_it(video, cache, tmp_path):
    videos = [shutil.copy(video, str(tmp_path / name)) for name in ("1.mp4", "2.mp4")]
    found, failures = extract_all(videos, jobs=2, use=count_frames)
    [(process, count)] = found.values()
    assert process != os.getpid() and count == len(landmarks.extract(video).times)
    assert failures.to_numpy().tolist() == [[videos[1], "no use"]]


def test_nothing_and_nonsense(video):
    tracks, failures = extract_all([])
    assert tracks == {} and list(failures) == ["path", "reason"] and not len(failures)
    for arguments, words in (
        ((str(video),), "one path"),
        (([video], 0, 0, 0), "jobs"),
        (([video], 0, 0, 1, "mesh500"), "points must be one of mesh, mesh478, ibug68"),
    ):
        with pytest.raises(ValueError, match=words):
            extract_all(*arguments)
