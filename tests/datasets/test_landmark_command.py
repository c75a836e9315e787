"""`python -m datasets.landmarks` and its contact sheet."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets import landmark_sheet, landmarks
from datasets.landmarks.__main__ import find_videos, main
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
    arguments = [str(folder / "in"), "--out", str(folder / "out"), "--copies", "2"]
    code = main([*arguments, "--show", str(folder / "sheet.png"), "--jobs", "1"])
    printed = capsys.readouterr().out
    assert code == 1 and "1 of 3 videos failed" in printed
    assert "none.mp4: no face in any of the 3 frames" in printed
    rows = [line.split()[1:] for line in printed.splitlines() if "a.mp4" in line]
    assert rows == [["4", "4", "25.0", "0.16"]]
    track = LandmarkTrack.load(folder / "out/one/a.npz")
    assert track.points.shape == (3, 4, 68, 2)
    written = sorted(p.name for p in (folder / "out").rglob("*.npz"))
    assert written == ["A.MOV.npz", "a.npz"]
    assert main([str(folder / "in/one/a.mp4"), "--jobs", "1"]) == 0
    sheet = cv2.imread(str(folder / "sheet.png")).astype(int)
    # The frames without a face bear red bars; the others green points, yellow boxes.
    blue, green, red = np.moveaxis(sheet, -1, 0)
    assert ((red > 200) & (green < 90) & (blue < 90)).sum() > 300
    assert ((green > 230) & (red < 60) & (blue < 60)).sum() > 300
    assert ((green > 220) & (red > 220) & (blue < 60)).sum() > 1000


def test_points_are_drawn_where_they_are(tmp_path, write):
    """Against a picture of our own: one white frame, known points and box."""
    white = np.full((256, 256, 3), 255, np.uint8)
    write(tmp_path / "a.mp4", [white])
    points = np.full((1, 1, 68, 2), [64.0, 192.0], np.float32)
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
    found = find_videos([str(folder / "in"), str(folder / "in/one/a.mp4")])
    names = [str(Path(path).relative_to(folder / "in")) for path in found]
    assert names == ["none.mp4", "one/a.mp4", "two/A.MOV.mp4"]
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        find_videos([str(folder / "absent")])
    (folder / "else").mkdir()
    (folder / "in/one/a.mp4").rename(folder / "else/H2N2D .MP4 ")
    (folder / "in/two/A.MOV.mp4").rename(folder / "else/b.WMV")
    (folder / "in/more").symlink_to(folder / "else")
    (folder / "else/again").symlink_to(folder / "in")  # in a circle
    (folder / "in/lost.mp4").symlink_to(folder / "gone.mp4")
    with pytest.warns(UserWarning, match="left out.*lost.mp4"):
        found = find_videos([str(folder / "in")])
    names = [str(Path(path).relative_to(folder / "in")) for path in found]
    assert names == ["more/H2N2D .MP4 ", "more/b.WMV", "none.mp4"]
    (folder / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no video in .*empty.*mp4"):
        find_videos([str(folder / "empty")])


def test_what_cannot_be_done_is_said(folder, capsys, picture, write):
    assert main([str(folder / "absent")]) == 1
    assert "error: there is no file or folder" in capsys.readouterr().err
    video = str(folder / "in/one/a.mp4")
    assert main([video, "--model", "nowhere"]) == 1
    assert "pip install dlib-bin" in capsys.readouterr().err
    assert main([video, "--copies", "-3"]) == 1
    assert "whole number" in capsys.readouterr().err
    assert main([video, "--jobs", "1", "--out", video]) == 1
    assert "error:" in capsys.readouterr().err
    write(folder / "in/one/a.avi.mp4", [picture])
    (folder / "in/one/a.avi.mp4").rename(folder / "in/one/a.m4v")
    both = [video, str(folder / "in/one/a.m4v"), "--jobs", "1"]
    assert main([*both, "--out", str(folder / "out")]) == 1
    assert "would both be written" in capsys.readouterr().err


def test_what_cannot_be_written_is_said_before_the_work(folder, capsys, monkeypatch):
    monkeypatch.setattr(landmarks, "extract_all", None)
    video = str(folder / "in/one/a.mp4")
    assert main([video, "--show", str(folder / "absent/sheet.png")]) == 1
    assert "there is no folder" in capsys.readouterr().err
    assert main([video, "--show", str(folder)]) == 1
    assert "is a folder" in capsys.readouterr().err
    assert main([video, "--out", video]) == 1
    assert "error:" in capsys.readouterr().err
    for number in range(21):
        (folder / f"{number}.mp4").touch()
    many = [str(folder / f"{number}.mp4") for number in range(21)]
    assert main([*many, "--show", str(folder / "sheet.png")]) == 1
    assert "1 to 20 videos, got 21" in capsys.readouterr().err


def test_a_sheet_without_any_frame_is_not_written(folder):
    (folder / "zero.mp4").touch()
    landmark_sheet.draw_sheet(folder / "sheet.png", {folder / "zero.mp4": None})
    assert not (folder / "sheet.png").exists()


def test_from_the_terminal(folder):
    (folder / "in/zero.mp4").write_bytes(b"")
    root = Path(landmarks.__file__).parents[2]
    command = [sys.executable, "-m", "datasets.landmarks", "--jobs", "1"]
    command += [str(folder / "in/zero.mp4"), str(folder / "in/one/a.mp4")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=90)
    assert done.returncode == 1
    assert "zero.mp4 is empty" in done.stdout and "a.mp4" in done.stdout
    assert "Traceback" not in done.stderr and "2/2" in done.stderr
