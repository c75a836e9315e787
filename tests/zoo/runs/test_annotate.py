"""Drawn copies of pictures and videos."""

import av
import numpy as np
import pytest

from tests.zoo.runs.helpers import rows, run
from zoo import _annotate
from zoo.inputs import faces, pictures
from zoo.inputs.video import Video

FRAMES = 5
BOX = ["x", "y", "width", "height"]


def same(one, other):
    return np.abs(one.astype(int) - other).max(axis=-1)


def test_drawn_pictures(trained, given, tmp_path):
    drawn, out = tmp_path / "drawn", tmp_path / "results.csv"
    options = ["--annotate", drawn, "--out", out]
    assert run("predict", trained("pictures"), given / "photos", *options) == 0
    names = sorted(str(path.relative_to(drawn)) for path in drawn.rglob("*.*"))
    names_before = ["nobody.bmp", "one face.png", "sub/two.jpg"]
    assert names == [f"{name}.drawn.png" for name in names_before]
    before = pictures.read(given / "photos" / "sub" / "two.jpg")
    after = pictures.read(drawn / "sub" / "two.jpg.drawn.png")
    told = [row for row in rows(out) if row["input"].endswith("two.jpg")]
    for row, face in zip(told, faces.find_faces(before), strict=True):
        x, y, width, height = (float(row[side]) for side in BOX)
        left, top, bottom = round(x), round(y), round(y + height)
        for place in [(top + 9, left), (bottom, left + 9)]:
            assert tuple(after[place]) == _annotate._BOX
        nose = face.points[4, :2].round().astype(int)
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
        assert video.name == "clip.mp4.drawn.mp4"
        with Video(video) as opened:
            times, frames = zip(*opened, strict=True)
        np.testing.assert_allclose(times, np.arange(FRAMES) / 25, atol=1e-3)
        boxes[kind] = frames
    x, y, width, height = clip_track.boxes[2].round().astype(int)
    for frames in boxes.values():
        side = frames[2][y + height // 3 : y + height // 2, x].astype(int)
        assert np.abs(side - _annotate._BOX).max(axis=-1).mean() < 90


def test_paths(tmp_path):
    one, two = tmp_path / "x" / "a.jpg", tmp_path / "y" / "b.mp4"
    found = _annotate.paths([one, two], tmp_path / "d")
    assert found == {
        one: tmp_path / "d" / "x" / "a.jpg.drawn.png",
        two: tmp_path / "d" / "y" / "b.mp4.drawn.mp4",
    }
    assert (tmp_path / "d").is_dir()
    assert _annotate.paths([], tmp_path / "d") == {}
    alike = [one, one.with_suffix(".png"), one.with_suffix(".mp4")]
    assert len(set(_annotate.paths(alike, tmp_path / "x").values())) == 3


def test_what_cannot_be_drawn_is_told_and_the_rest_is_done(
    trained, given, tmp_path, capsys
):
    file = given / "photos" / "one face.png"
    (tmp_path / "drawn" / "one face.png.drawn.png").mkdir(parents=True)
    out = tmp_path / "results.csv"
    options = ["--out", out, "--annotate", tmp_path / "drawn"]
    assert run("predict", trained("whole"), file, *options) == 1
    told = capsys.readouterr().err
    assert "was not drawn" in told and "1 answers, 1 not drawn" in told
    assert rows(out)[0]["probability"]
    assert len(list((tmp_path / "drawn").iterdir())) == 1


def test_a_video_that_is_not_written_whole_is_not_left(given, tmp_path, monkeypatch):
    rows = [[{"note": "no face"}]] * FRAMES
    _annotate.draw_video(given / "clip.mp4", rows, tmp_path / "a" / "clip.mp4")
    full = OSError(28, "No space left on device")

    def mux(container, packets):
        raise full

    monkeypatch.setattr(av.container.OutputContainer, "mux", mux, raising=False)
    with pytest.raises(OSError, match="No space left"):
        _annotate.draw_video(given / "clip.mp4", rows, tmp_path / "b" / "clip.mp4")
    assert list((tmp_path / "b").iterdir()) == []


def test_answers_of_a_model_of_the_sample_say_so():
    row = {"probability": 0.25, "trained_on": "SAMPLE"}
    assert _annotate.label(row) == "genuine 0.25 (SAMPLE model)"
    assert _annotate.label({**row, "trained_on": "real"}) == "genuine 0.25"


def test_words_fit_into_a_small_picture():
    ends = []
    for wide in (128, 512):
        frame = np.zeros((100, wide, 3), np.uint8)
        _annotate.write(frame, "genuine 0.53 (SAMPLE model)", (2, 90), 0.4, 1)
        ends.append(np.flatnonzero(frame.any(axis=(0, 2)))[-1])
    assert ends[1] > 150  # at this size they would not fit
    assert 110 < ends[0] < 127
