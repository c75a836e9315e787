"""`python -m zoo predict`: every kind of input, good files and bad ones."""

import csv
import io
import os
import pathlib
import shutil

import numpy as np
import pytest

import zoo
from tests.zoo.runs.helpers import rows, run
from zoo import _files
from zoo.inputs import faces, gfe_files, landmarks, pictures, pupil_files

FRAMES = 5
BOX = ["x", "y", "width", "height"]


def test_pictures(trained, given, out, capsys):
    assert run("predict", trained("pictures"), given / "photos", "--out", out) == 0
    found = rows(out)
    assert list(found[0]) == [
        *["input", "face", *BOX, "frames", "found", "probability", "note", "error"],
        "trained_on",
    ]
    assert {row["trained_on"] for row in found} == {"real"}
    names = [pathlib.Path(row["input"]).name for row in found]
    assert names == ["nobody.bmp", "one face.png", "two.jpg", "two.jpg"]
    assert [row["face"] for row in found] == ["", "0", "0", "1"]
    assert found[0]["note"] == "no face"
    assert found[0]["probability"] == ""
    model = zoo.load_run(trained("pictures"))
    for name in ("one face.png", "sub/two.jpg"):
        picture = pictures.read(given / "photos" / name)
        boxes = [faces.box_of(face) for face in faces.find_faces(picture)]
        cuts = [faces.cut(picture, box, model.serving["framing"]) for box in boxes]
        wanted = model.predict(cuts)[:, 1]
        told = [row for row in found if row["input"].endswith(name)]
        each = [float(row["probability"]) for row in told]
        np.testing.assert_allclose(each, wanted, atol=1e-6)
        places = [[float(row[side]) for side in BOX] for row in told]
        np.testing.assert_allclose(places, boxes, atol=0.06)
    assert len({row["probability"] for row in found}) == 4
    told = capsys.readouterr().err
    assert "3 files: 3 answers, 1 without" in told and str(out) in told
    assert "no lie detector" in told


def test_pictures_as_they_are(trained, given, out, capsys):
    """Because the user says so, or because the run has no framing."""
    file = given / "photos" / "one face.png"
    for kind, options in [("pictures", ["--whole"]), ("whole", []), ("twelve", [])]:
        assert run("predict", trained(kind), file, "--out", out, *options) == 0
        [row] = rows(out)
        assert row["note"] == "taken whole" and row["x"] == row["face"] == ""
        model = zoo.load_run(trained(kind))
        [answer] = model.predict([pictures.read(file)])
        wanted = answer[model.genuine].sum()
        assert float(row["probability"]) == pytest.approx(wanted, abs=1e-6)
    assert row["predicted"] == model.classes[answer.argmax()]
    each = [float(row[f"probability of {name}"]) for name in model.classes]
    np.testing.assert_allclose(each, answer, atol=1e-6)
    assert "taken whole" in capsys.readouterr().err


def test_videos_of_faces(trained, given, out):
    clips = [given / "clip.mp4", given / "empty.mp4"]
    assert run("predict", trained("pictures"), *clips, "--out", out) == 0
    whole, without = rows(out)
    frames = rows(out.with_name("results.frames.csv"))
    assert list(frames[0]) == [
        *["input", "frame", "second", "face", *BOX, "probability", "trained_on"]
    ]
    assert [row["frame"] for row in frames] == [*"01234", *"0123"]
    assert float(frames[1]["second"]) == pytest.approx(0.04, abs=0.001)
    each = [float(row["probability"]) for row in frames[:FRAMES]]
    assert len(set(each)) > 2
    assert float(whole["probability"]) == pytest.approx(np.mean(each), abs=2e-6)
    assert (whole["frames"], whole["found"], whole["face"]) == ("5", "5", "0")
    assert {row["probability"] for row in frames[FRAMES:]} == {""}
    assert (without["frames"], without["found"]) == ("4", "0")
    assert (without["note"], without["probability"]) == ("no face in any frame", "")
    assert run("predict", trained("whole"), clips[1], "--out", out) == 0
    [row] = rows(out)
    assert (row["frames"], row["note"]) == ("4", "taken whole")


def test_points(trained, given, out):
    arguments = ["predict", trained("points"), given / "points", "--out", out]
    assert run(*arguments) == 0
    found, frames = rows(out), rows(out.with_name("results.frames.csv"))
    assert [row["part"] for row in found] == ["on_a", "on_b"]  # not the targets' file
    assert {row["note"] for row in found} == {"gaps in 1 frames were bridged"}
    file = given / "points" / "a_topics_datapoints.txt"
    recording = gfe_files.read_points(file).points
    for part, row in zip(["on_a", "on_b"], found, strict=True):
        wanted = zoo.load_run(trained("points"), part).predict(recording)
        own = [line for line in frames if line["part"] == part]
        told = [[float(line[name]) for name in ("topics", "negative")] for line in own]
        np.testing.assert_allclose(told, wanted, atol=1e-6)
        mean = [float(row["topics"]), float(row["negative"])]
        np.testing.assert_allclose(mean, wanted.mean(axis=0), atol=1e-6)
    assert run(*arguments, "--part", "on_b") == 0
    [row] = rows(out)
    assert "part" not in row and float(row["topics"]) == mean[0]


def test_workbooks(trained, given, out):
    book = given / "LEPD.xlsx"
    assert run("predict", trained("diameters"), book, "--out", out) == 0
    found = rows(out)
    assert not out.with_name("results.frames.csv").exists()
    series = pupil_files.read(book).series
    assert len(found) == 2 * len(series)
    keys = [(row["video"], row["observer"]) for row in found]
    assert len(set(keys)) == len(keys) and ("L1", "p2") in keys
    model = zoo.load_run(trained("diameters"))
    for row in found:
        samples = series[row["video"]][row["observer"]]
        assert row["samples"] == str(len(samples))
        missing = np.isnan(samples).mean()
        assert float(row["missing"]) == pytest.approx(missing, abs=1e-4)
        if (row["video"], row["observer"]) == ("L1", "p2"):
            assert row["note"] == "without any sample" and not row["probability"]
        else:
            wanted = model.predict([samples])[0, 1]
            assert float(row["probability"]) == pytest.approx(wanted, abs=2e-6)


def test_tracks(trained, given, clip_track, tmp_path, out, cache, monkeypatch):
    clip_track.save(tmp_path / "points.npz")
    inputs = [given / "clip.mp4", tmp_path / "points.npz", given / "empty.mp4"]
    arguments = ["predict", trained("tracks"), *inputs, "--out", out]
    assert run(*arguments, "--part", "anger") == 0
    one, again, without = rows(out)
    assert one["face"] == again["face"] == "0" and not without["face"]
    wanted = zoo.load_run(trained("tracks"), "anger").predict(clip_track)[0, 1]
    assert float(one["probability"]) == pytest.approx(wanted, abs=1e-6)
    # Of points in a file the run's own number of copies is taken, and they are there.
    assert again["probability"] == one["probability"]
    assert (one["frames"], one["found"], one["copies"]) == ("5", "5", "2")
    assert without["note"] == "no face in any frame"
    assert without["error"] == without["probability"] == ""
    # A video is searched once for all parts.
    extract, searched = landmarks.extract_faces, []
    monkeypatch.setattr(
        landmarks, "extract_faces", lambda path: searched.append(path) or extract(path)
    )
    other = shutil.copy(given / "clip.mp4", tmp_path / "other.mp4")
    assert run(*arguments[:2], other, "--out", out) == 0
    assert [row["part"] for row in rows(out)] == ["anger", "happiness"]
    assert len(searched) == 1


def test_what_cannot_be_read_is_in_the_table(trained, mixed, out, capsys):
    assert run("predict", trained("pictures"), mixed, "--out", out) == 1
    found = {pathlib.Path(row["input"]).name: row for row in rows(out)}
    assert list(found) == sorted(os.listdir(mixed)) and len(found) == 6
    for name in ["a cut off.png", "b text.jpg", "c empty.png", "e.mp4"]:
        assert "expected" in found[name]["error"] or name == "e.mp4"
        assert found[name]["error"] and not found[name]["probability"]
        assert "\n" not in found[name]["error"]
    for name in ["d [red] \n line.png", "f.MP4"]:
        assert found[name]["probability"] and not found[name]["error"]
    assert "6 files: 2 answers, 4 errors" in capsys.readouterr().err


def test_a_video_that_breaks_in_the_middle_keeps_its_frames(
    trained, given, out, monkeypatch
):
    follow = faces.follow

    def breaks(video, framing):
        for number, row in enumerate(follow(video, framing)):
            if number == 3:
                raise OSError("frame 3 is of another size")
            yield row

    monkeypatch.setattr(faces, "follow", breaks)
    monkeypatch.setattr(_files, "BATCH", 2)
    assert run("predict", trained("pictures"), given / "clip.mp4", "--out", out) == 1
    [row] = rows(out)
    assert row["error"] == "frame 3 is of another size" and not row["probability"]
    assert len(rows(out.with_name("results.frames.csv"))) == 2


def test_each_file_once(trained, given, out):
    file = given / "photos" / "one face.png"
    assert _files.find([file, str(file), file.parent], (".png",)) == [file]
    assert run("predict", trained("whole"), file, file, "--out", out) == 0
    assert len(rows(out)) == 1


def test_what_an_earlier_run_wrote_is_no_input(trained, given, tmp_path, capsys):
    folder = tmp_path / "photos"
    shutil.copytree(given / "photos", folder)
    options = ["--out", folder / "results.csv", "--annotate", folder / "drawn"]
    for _ in range(2):
        assert run("predict", trained("whole"), folder, *options) == 0
        assert len(rows(folder / "results.csv")) == 3
        assert len(list((folder / "drawn").rglob("*.png"))) == 3
    # That the drawn ones are meant has to be said.
    assert run("predict", trained("whole"), folder / "drawn") == 2
    capsys.readouterr()
    assert run("predict", trained("whole"), *(folder / "drawn").glob("*.png")) == 0
    assert len(list(csv.reader(io.StringIO(capsys.readouterr().out)))) == 3


def test_an_input_is_not_overwritten(trained, tmp_path, capsys):
    points = tmp_path / "points.csv"
    points.write_text("x_0, y_0\n")
    assert run("predict", trained("tracks"), points, "--out", points) == 2
    assert "would be overwritten" in capsys.readouterr().err
    assert points.read_text() == "x_0, y_0\n"


def test_files_of_other_kinds_are_told(given, tmp_path):
    for name in ("a.png", "b.heic", "c.gif", "d.gif"):
        (tmp_path / name).write_bytes(b"")
    with pytest.warns(UserWarning, match="3 files in .* left out: .gif .heic"):
        assert len(_files.find([tmp_path], _files.PictureFiles.endings)) == 1


@pytest.mark.parametrize("kind", ["pictures", "tracks"])
def test_each_person_of_a_video_has_an_answer(kind, trained, given, write, out):
    import cv2

    two = cv2.imread(str(given / "photos" / "sub" / "two.jpg"))
    clip = write(out.parent / "two.mp4", [two] * 3)
    assert run("predict", trained(kind), clip, "--out", out) == 0
    found = [row for row in rows(out) if row.get("part") in (None, "anger")]
    assert [row["face"] for row in found] == ["0", "1"]
    assert [row["found"] for row in found] == ["3", "3"]
    if kind == "pictures":
        assert len({row["probability"] for row in found}) == 2
        frames = rows(out.with_name("results.frames.csv"))
        assert [row["face"] for row in frames] == ["0", "1"] * 3
