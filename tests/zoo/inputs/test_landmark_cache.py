"""What was found in a video is kept, and found again only where it must be."""

import shutil

import numpy as np
import pytest

from zoo.inputs import landmarks
from zoo.inputs.landmarks import extract, predictor_file

pytestmark = pytest.mark.usefixtures("cache")


def files(folder):
    return sorted(folder.iterdir()) if folder.exists() else []


def test_what_was_found_is_kept(video, track, cache, monkeypatch, tmp_path):
    before = video.parent.stat().st_mtime_ns, files(video.parent)
    first = extract(video, copies=3, seed=5, points="ibug68")
    assert (video.parent.stat().st_mtime_ns, files(video.parent)) == before
    (kept,) = files(cache)

    def never(*arguments):
        raise AssertionError("extracted again")

    monkeypatch.setattr(landmarks, "_extract_68", never)
    twin = shutil.copy(video, tmp_path / "twin.mp4")
    for path, name in ((video, "moving.mp4"), (twin, "twin.mp4")):
        again = extract(str(path), copies=3, seed=5, points="ibug68")
        assert again.source == name
        np.testing.assert_array_equal(again.points, track.points)
        np.testing.assert_array_equal(again.landmarks(), first.landmarks())
    with np.load(kept, allow_pickle=False) as file:
        assert file["points"].shape == track.points.shape
    for other in ({"copies": 2}, {"seed": 4}):
        with pytest.raises(AssertionError, match="again"):
            extract(video, **{"copies": 3, "seed": 5, "points": "ibug68"} | other)
    monkeypatch.setattr(landmarks, "_VERSION", 10**6)
    with pytest.raises(AssertionError, match="again"):
        extract(video, copies=3, seed=5, points="ibug68")
    # The mesh's points are not the 68.
    assert extract(video, copies=3, seed=5).kind == "mesh468" and len(files(cache)) == 2


def test_a_changed_video_or_predictor_is_extracted_anew(
    tmp_path, picture, cache, write
):
    path = write(tmp_path / "a.mp4", [picture])
    extract(path)
    write(path, [picture] * 2)
    assert len(extract(path).times) == 2
    model = tmp_path / "model.dat"
    model.write_bytes(predictor_file().read_bytes() + b"\0")
    extract(path, points="ibug68", model=model)
    assert len(files(cache)) == 3
    model.write_bytes(b"no predictor any more")  # under the same name
    with pytest.raises(ValueError, match="not a shape predictor"):
        extract(path, points="ibug68", model=model)


def test_a_damaged_cache_is_replaced(tmp_path, picture, write, cache):
    video = write(tmp_path / "a.mp4", [picture])
    first = extract(video)
    (kept,) = files(cache)
    whole = kept.read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"text"):
        kept.write_bytes(content)
        np.testing.assert_array_equal(extract(video).points, first.points)
        assert kept.read_bytes() == whole
    assert files(cache) == [kept]


def test_a_cache_that_cannot_be_written(video, tmp_path, monkeypatch):
    """It is said before the work."""
    monkeypatch.setattr(landmarks, "_extract_main", pytest.fail)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DUCHENNE_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match="DUCHENNE_CACHE"):
        extract(video)
    monkeypatch.setenv("DUCHENNE_CACHE", str(tmp_path))
    (tmp_path / "landmarks").symlink_to("/proc/self")  # there, but takes no file
    with pytest.raises(OSError, match="DUCHENNE_CACHE"):
        extract(video)


def test_a_video_that_breaks_off_is_told_every_time(tmp_path, picture, write):
    path = write(tmp_path / "a.avi", [picture] * 12, "MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for where in (path, path, shutil.copy(path, tmp_path / "b.avi")):
        with pytest.warns(UserWarning, match=rf"{where} breaks off: \d of 12 frames"):
            track = extract(where)
        assert track.note.startswith("breaks off") and 3 < len(track.times) < 9
