"""`sase_fe.tracks`: from an index to facial points."""

import shutil

import numpy as np
import pandas as pd
import pytest

from datasets import landmarks, sase_fe
from datasets.landmarks import LandmarkTrack
from datasets.sample import face68
from datasets.sample import sase_fe as sample
from datasets.sample import sase_fe_clips as clips


def made(frames=5, seed=0):
    """A face that moves a little, with a frame without one."""
    rng = np.random.default_rng(seed)
    points = 100 + 40 * face68.REST + rng.normal(0, 1, (1, frames, 68, 2))
    boxes = np.tile([50.0, 60, 100, 110], (frames, 1))
    points[0, 1], boxes[1] = np.nan, np.nan
    times, margins = np.arange(frames) / 25, np.zeros((1, 4), int)
    return LandmarkTrack(points, boxes, times, margins, (320, 240), "made")


@pytest.fixture
def folder(tmp_path):
    for person in (1, 2):
        (tmp_path / f"Train/{person}").mkdir(parents=True)
        for number, code in enumerate(("N2A", "H2N2A", "N2H")):
            track = made(4 + number, seed=10 * person + number)
            track.save(tmp_path / f"Train/{person}/{code}.npz")
    return tmp_path


def test_tracks_are_those_of_the_rows(folder):
    index = sase_fe.index(folder)
    arrays, rows, failures = sase_fe.tracks(index)
    pd.testing.assert_frame_equal(rows, index)
    assert rows.attrs == index.attrs
    assert failures.empty and list(failures.columns) == ["path", "reason"]
    for array, path in zip(arrays, rows["path"], strict=True):
        expected = LandmarkTrack.load(path).landmarks()
        assert array.dtype == np.float32 and array.shape[::2] == (1, 80)
        np.testing.assert_array_equal(array, expected)
        assert np.isfinite(array).all()


def test_copies_are_other_crops_of_the_same_track(folder):
    index = sase_fe.index(folder)
    arrays, *_ = sase_fe.tracks(index, copies=3, seed=1)
    whole, *_ = sase_fe.tracks(index)
    again, *_ = sase_fe.tracks(index.iloc[::-1], copies=3, seed=1)
    other, *_ = sase_fe.tracks(index, copies=3, seed=2)
    for one, two, three, four in zip(arrays, again[::-1], other, whole, strict=True):
        assert one.shape[0] == 4
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one[:1], four)
        assert not np.array_equal(one[1:], three[1:])
        assert not np.array_equal(one[0], one[1])


def test_points_of_other_programs(folder):
    """OpenFace's table instead of a video, MediaPipe's mesh instead of another."""
    track = made(6)
    names = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
    values = np.moveaxis(track.points[0], 2, 1).reshape(6, -1)
    table = pd.DataFrame(np.nan_to_num(values), columns=names)
    table.insert(0, "success", track.found.astype(int))
    table.insert(0, "timestamp", track.times)
    table.insert(0, "frame", np.arange(1, 7))
    table.to_csv(folder / "Train/1/N2S.csv", index=False)
    mesh = np.random.default_rng(0).uniform(100, 200, (7, 478, 3))
    with open(folder / "Train/2/n2s.NPY", "wb") as file:
        np.save(file, mesh)
    index = sase_fe.index(folder)
    arrays, rows, failures = sase_fe.tracks(index, copies=1)
    assert failures.empty and len(rows) == 8
    sad = [a for a, v in zip(arrays, rows["video"], strict=True) if v == "N2S"]
    assert [a.shape for a in sad] == [(2, 6, 80), (2, 7, 80)]
    # OpenFace has no crop, so that only the shape within it can be the same.
    expected = track.landmarks()[0]
    across = [np.corrcoef(sad[0][0][:, i], expected[:, i])[0, 1] for i in (0, 9, 40)]
    assert min(across) > 0.8


def test_files_that_cannot_be_read_are_told(folder):
    (folder / "Train/1/N2A.npz").write_bytes(b"no points")
    (folder / "Train/2/N2H.npz").write_bytes(b"")
    index = sase_fe.index(folder)
    arrays, rows, failures = sase_fe.tracks(index)
    assert len(arrays) == len(rows) == 4 and rows.index.tolist() == [0, 1, 2, 3]
    assert failures["path"].tolist() == [
        str(folder / "Train/1/N2A.npz"), str(folder / "Train/2/N2H.npz")
    ]  # fmt: skip
    assert all(failures["reason"].str.len() > 10)
    lengths = dict(zip(rows["path"], map(len, (a[0] for a in arrays)), strict=True))
    assert lengths[str(folder / "Train/1/N2H.npz")] == 6


def test_nothing_can_be_read(folder):
    for path in folder.rglob("*.npz"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"None of the 6 files.*Train/1/.*npz") as told:
        sase_fe.tracks(sase_fe.index(folder))
    assert str(told.value).count(str(folder)) == 1


def test_arguments_are_checked(folder):
    index = sase_fe.index(folder)
    with pytest.raises(ValueError, match="empty"):
        sase_fe.tracks(index.iloc[:0])
    with pytest.raises(ValueError, match="copies must be"):
        sase_fe.tracks(index, copies=-1)
    with pytest.raises(ValueError, match="seed must be"):
        sase_fe.tracks(index, seed=-1)


def test_videos_and_points_side_by_side(folder, tmp_path, monkeypatch):
    """A drawn video through the face finder, beside what it was drawn from."""
    monkeypatch.setenv("DUCHENNE_CACHE", str(tmp_path / "cache"))
    who = clips.person(1)
    row = list(clips.plan(range(1, 2)).itertuples(index=False))[6]
    row = row._replace(frames=15, start=0.0)
    person = folder / "Train" / "3"
    person.mkdir()
    sample.film(person / f"{row.code}.MP4", row, who)
    (person / "N2S.mp4").write_bytes(b"no video")
    index = sase_fe.index(folder)
    arrays, rows, failures = sase_fe.tracks(index, copies=1, jobs=1)
    assert len(arrays) == 7 and failures["path"].tolist() == [str(person / "N2S.mp4")]
    place = rows.index[rows["kind"] == "video"].item()
    assert rows["video"][place] == row.code and arrays[place].shape == (2, 15, 80)
    expected = clips.track(row, who, "").landmarks()[0]
    assert np.abs(arrays[place][0] - expected).mean() < 0.08
    shutil.rmtree(tmp_path / "cache")
    found = landmarks.extract(person / f"{row.code}.MP4", copies=1, cache=False)
    np.testing.assert_array_equal(arrays[place], found.landmarks())


def test_summary(folder):
    text = sase_fe.summary(sase_fe.index(folder))
    first, second, *others = text.splitlines()
    assert first == (
        "train: 6 videos (4 genuine, 2 fake) of 2 subjects, 6 of them as point files"
    )
    assert "anger 4" in second and "happiness 2" in second and "sadness 0" in second
    assert "codes that a person lacks: 18 (Train/1 D2N2Sur," in others[0]
    assert "and 6 more" in others[0]
