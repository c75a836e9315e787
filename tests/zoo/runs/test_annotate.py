"""Drawn copies of pictures and videos."""

import csv

import cv2
import numpy as np
import pytest

from zoo import _annotate
from zoo.cli import main
from zoo.inputs import landmarks

FRAMES = 5
BOX = ["x", "y", "width", "height"]


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run(*arguments):
    return main([str(argument) for argument in arguments])


def same(one, other):
    return np.abs(one.astype(int) - other).max(axis=-1)


def test_drawn_pictures(trained, given, tmp_path):
    drawn, out = tmp_path / "drawn", tmp_path / "results.csv"
    options = ["--annotate", drawn, "--out", out]
    assert run("predict", trained("pictures"), given / "photos", *options) == 0
    names = sorted(str(path.relative_to(drawn)) for path in drawn.rglob("*.*"))
    assert names == ["nobody.png", "one face.png", "sub/two.png"]
    before = cv2.imread(str(given / "photos" / "sub" / "two.jpg"))
    after = cv2.imread(str(drawn / "sub" / "two.png"))
    told = [row for row in rows(out) if row["input"].endswith("two.jpg")]
    grey = cv2.cvtColor(before, cv2.COLOR_BGR2GRAY)
    for row in told:
        x, y, width, height = (round(float(row[side])) for side in BOX)
        for place in [(y + height // 3, x), (y + height, x + width // 3)]:
            assert tuple(after[place]) == _annotate._BOX
        points = landmarks.find_points(grey, np.array([x, y, width, height]))
        [nose] = points[30:31]
        assert same(after[nose[1], nose[0]], np.array(_annotate._POINT)) < 30
    # Elsewhere it is the picture.
    assert (same(after[290:], before[290:]) == 0).all()
    changed = (same(after, before) > 0).mean()
    assert 0.01 < changed < 0.3


def test_drawn_videos(trained, given, clip_track, tmp_path, cache):
    clip_track.save(tmp_path / "points.npz")
    boxes = {}
    for kind in ["pictures", "tracks"]:
        drawn, out = tmp_path / kind, tmp_path / f"{kind}.csv"
        inputs = [given / "clip.mp4"]
        inputs += [tmp_path / "points.npz"] if kind == "tracks" else []
        options = ["--annotate", drawn, "--out", out]
        assert run("predict", trained(kind), *inputs, *options) == 0
        [video] = drawn.rglob("*.*")
        assert video.name == "clip.mp4"
        capture, frames = cv2.VideoCapture(str(video)), []
        while True:
            there, frame = capture.read()
            if not there:
                break
            frames.append(frame)
        assert len(frames) == FRAMES and capture.get(cv2.CAP_PROP_FPS) == 25
        boxes[kind] = frames
    x, y, width, height = clip_track.boxes[2].round().astype(int)
    for frames in boxes.values():
        side = frames[2][y + height // 3 : y + height // 2, x].astype(int)
        assert np.abs(side - _annotate._BOX).max(axis=-1).mean() < 90


def test_places(tmp_path):
    one, two = tmp_path / "x" / "a.jpg", tmp_path / "y" / "b.mp4"
    found = _annotate.places([one, two], tmp_path / "d")
    assert found == {
        one: tmp_path / "d" / "x" / "a.png",
        two: tmp_path / "d" / "y" / "b.mp4",
    }
    assert (tmp_path / "d").is_dir()
    assert _annotate.places([], tmp_path / "d") == {}
    with pytest.raises(ValueError, match="both be drawn to"):
        _annotate.places([one, one.with_suffix(".bmp")], tmp_path / "d")
    with pytest.raises(ValueError, match="drawn over"):
        _annotate.places([one.with_suffix(".png")], tmp_path / "x")
    # Not over another original either.
    others = [tmp_path / "x" / "a.jpg", tmp_path / "x" / "y" / "a.png"]
    with pytest.raises(ValueError, match="drawn over"):
        _annotate.places(others, tmp_path / "x" / "y")


def test_what_cannot_be_drawn_is_told_and_the_rest_is_done(
    trained, given, tmp_path, capsys
):
    file = given / "photos" / "one face.png"
    (tmp_path / "drawn" / "one face.png").mkdir(parents=True)
    out = tmp_path / "results.csv"
    options = ["--out", out, "--annotate", tmp_path / "drawn"]
    assert run("predict", trained("whole"), file, *options) == 0
    assert "was not drawn" in capsys.readouterr().err
    assert rows(out)[0]["probability"]
    assert len(list((tmp_path / "drawn").iterdir())) == 1
