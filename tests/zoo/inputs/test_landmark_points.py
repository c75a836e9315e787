"""The 40 points, their place in the crop and the bridging of gaps."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from zoo.inputs import landmark_points
from zoo.inputs.landmark_track import LandmarkTrack, crop, draw_margins


def numbered():
    """Point i lies at (i, 100 + 2i)."""
    i = np.arange(68.0)
    return np.stack([i, 100 + 2 * i], axis=-1)


def track(frames=5, missing=(), copies=0):
    points = np.tile(10 + numbered(), (1 + copies, frames, 1, 1))
    points += np.arange(frames)[:, None, None]
    boxes = np.tile([0.0, 50.0, 200.0, 250.0], (frames, 1))
    points[:, list(missing)], boxes[list(missing)] = np.nan, np.nan
    times = np.array([0, 1, 2, 5, 6, 7, 8, 9])[:frames] / 25
    margins = np.zeros((1 + copies, 4))
    margins[1:] = [1, 2, 3, 4]
    return LandmarkTrack(points, boxes, times, margins, (640, 480), "a.mp4")


def test_the_40_points_by_hand():
    chosen = landmark_points.select(numbered())
    # Copied from the study's description, point by point; the middles worked out.
    kept = [17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 30, 31, 32, 33, 34, 35]
    kept += [36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47]
    kept += [48, 50, 51, 52, 54, 56, 57, 58]
    middles = [8.5, 21, 15.5, 21.5]  # of 0 17, 26 16, 2 29, 14 29
    np.testing.assert_array_equal(chosen[:, 0], kept + middles)
    np.testing.assert_array_equal(chosen[:, 1], 100 + 2 * np.array(kept + middles))
    stacked = landmark_points.select(np.stack([numbered()] * 6).reshape(2, 3, 68, 2))
    assert stacked.shape == (2, 3, 40, 2)


def test_normalised_by_hand():
    box = np.array([10.0, 20.0, 100.0, 50.0])
    points = np.array([[10.0, 20.0], [110, 70], [60, 45], [85, 20], [160, 95]])
    wanted = [-1, 1, 0, 0.5, 2, -1, 1, 0, -1, 2]
    np.testing.assert_allclose(landmark_points.normalise(points, box), wanted)


@pytest.mark.parametrize("where", [(), (0,), (2, 3), (7,), (0, 1, 3, 4, 7), (1, 2, 3)])
def test_bridged_like_pandas(where):
    random = np.random.default_rng(0)
    values = random.normal(size=(2, 8, 3))
    times = np.cumsum(random.uniform(0.01, 0.1, 8))
    values[:, list(where)] = np.nan
    filled = landmark_points.bridge(values, times)
    for row, before in zip(filled, values, strict=True):
        frame = pd.DataFrame(before, index=times)
        wanted = frame.interpolate("index", limit_direction="both")
        np.testing.assert_allclose(row, wanted, rtol=1e-12)
    untouched = ~np.isnan(values)
    np.testing.assert_array_equal(filled[untouched], values[untouched])


def test_nothing_to_bridge_with():
    with pytest.raises(ValueError, match="none of the 4 frames"):
        landmark_points.bridge(np.full((4, 2), np.nan), np.arange(4.0))


def test_bad_shapes_are_named():
    with pytest.raises(ValueError, match=r"\(5, 67, 2\)"):
        landmark_points.select(np.zeros((5, 67, 2)))
    with pytest.raises(ValueError, match="boxes of shape"):
        landmark_points.normalise(np.zeros((5, 2)), np.zeros(3))
    with pytest.raises(ValueError, match="greater than 0"):
        landmark_points.normalise(np.zeros((5, 2)), np.zeros(4))


def test_a_track_s_landmarks_by_hand():
    made = track(frames=5, missing=[2, 4], copies=1)
    values = made.landmarks()
    assert values.shape == (2, 5, 80) and values.dtype == np.float32
    # Point 17 in frame 0: x = 27, y = 144. Copies: 1 + 3 off 200, 2 + 4 off 250.
    assert values[0, 0, 0] == pytest.approx(2 * 27 / 200 - 1)
    assert values[0, 0, 40] == pytest.approx(2 * (144 - 50) / 250 - 1)
    assert values[1, 0, 0] == pytest.approx(2 * (27 - 1) / 196 - 1)
    assert values[1, 0, 40] == pytest.approx(2 * (144 - 52) / 244 - 1)
    # Frame 2 at 2/25 s lies a quarter of the way from frame 1 to frame 3 at 5/25 s.
    between = 0.75 * values[:, 1] + 0.25 * values[:, 3]
    np.testing.assert_allclose(values[:, 2], between, atol=1e-6)
    np.testing.assert_array_equal(values[:, 4], values[:, 3])
    assert made.found.tolist() == [True, True, False, True, False]


def test_margins_stay_in_the_authors_ranges():
    drawn = draw_margins(4000, 0, b"content!", 300)
    assert not drawn[0].any()
    assert drawn[1:].min(axis=0).tolist() == [0, 0, 0, 0]
    assert drawn[1:].max(axis=0).tolist() == [19, 9, 19, 9]
    # Every value as often as the others: chi-squared, 19 degrees, 1 in 10,000.
    for side, count in enumerate([20, 10, 20, 10]):
        counted = np.bincount(drawn[1:, side], minlength=count)
        assert ((counted - 4000 / count) ** 2 / (4000 / count)).sum() < 52
    assert draw_margins(400, 0, b"content!", 50).max(axis=0).tolist() == [4, 2, 4, 2]


def test_margins_depend_on_seed_and_content():
    first = draw_margins(9, 1, b"content!", 300)
    np.testing.assert_array_equal(first, draw_margins(9, 1, b"content!", 300))
    assert (first != draw_margins(9, 2, b"content!", 300)).any()
    assert (first != draw_margins(9, 1, b"another!", 300)).any()
    np.testing.assert_array_equal(first[:5], draw_margins(4, 1, b"content!", 300))
    np.testing.assert_array_equal(first, draw_margins(np.int64(9), 1, b"content!", 300))
    for copies, seed in [(-1, 0), (1.5, 0), (1, -1), (2.0, 0), (1, True), (None, 0)]:
        with pytest.raises(ValueError, match="whole number"):
            draw_margins(copies, seed, b"content!", 300)


def test_jittered_copies_are_tighter_crops():
    made = track(frames=6, missing=[3], copies=3)
    jittered = made.jittered(10, seed=4)
    assert jittered.landmarks().shape == (11, 6, 80)
    np.testing.assert_array_equal(jittered.margins, made.jittered(10, 4).margins)
    assert (jittered.margins != made.jittered(10, 5).margins).any()
    assert (jittered.margins[1:].max(axis=0) > 0).all()
    np.testing.assert_array_equal(jittered.landmarks()[0], made.landmarks()[0])
    for copy in range(11):
        boxes = crop(made.boxes, jittered.margins[copy])
        left, top, right, bottom = jittered.margins[copy]
        np.testing.assert_array_equal(boxes[0], [left, 50 + top, *boxes[0, 2:]])
        assert boxes[0, 0] + boxes[0, 2] == 200 - right
        assert boxes[0, 1] + boxes[0, 3] == 300 - bottom
        points = landmark_points.select(made.points[0, 5])
        wanted = landmark_points.normalise(points, boxes[5])
        np.testing.assert_allclose(jittered.landmarks()[copy, 5], wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "side", "largest"),
    [
        ((1920, 1080), 480, [19, 9]),  # as the study's own
        ((960, 540), 300, [9, 4]),  # faces from 100 pixels on are looked for there
        ((1920, 1080), 60, [5, 2]),  # smaller than any: by the face itself
        ((0, 0), 480, [19, 9]),
        ((0, 0), 60, [5, 2]),
    ],
)
def test_jitter_goes_by_the_frame_as_in_videos(size, side, largest):
    boxes = np.tile([0.0, 0, side, side], (2, 1))
    fields = np.ones((1, 2, 68, 2)), boxes, [0, 1], np.zeros((1, 4)), size, "a"
    jittered = LandmarkTrack(*fields).jittered(300)
    assert jittered.margins.max(axis=0).tolist() == largest * 2


def test_saved_and_loaded(tmp_path):
    made = replace(track(frames=6, missing=[0, 3], copies=2), note="breaks off")
    made.save(tmp_path / "ä b.npz")
    again = LandmarkTrack.load(str(tmp_path / "ä b.npz"))
    for name in ("points", "boxes", "times", "margins"):
        mine, other = getattr(made, name), getattr(again, name)
        assert mine.dtype == other.dtype
        np.testing.assert_array_equal(mine, other)
    assert (again.size, again.source) == ((640, 480), "a.mp4")
    assert again.note == "breaks off"
    with np.load(tmp_path / "ä b.npz", allow_pickle=False) as file:  # NumPy alone
        assert file["points"].shape == (3, 6, 68, 2)
    made.save(tmp_path / "again")
    # Nothing but the files themselves, and the same bytes for the same track.
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again", "ä b.npz"]
    assert len({p.read_bytes() for p in tmp_path.iterdir()}) == 1


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    made = track()
    made.save(tmp_path / "a.npz")
    before = (tmp_path / "a.npz").read_bytes()

    def full(file, **arrays):
        file.write(b"half of it")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="no space"):
        made.save(tmp_path / "a.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]
    assert (tmp_path / "a.npz").read_bytes() == before


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    track().save(path)
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[: middle - 40] + bytes(80) + whole[middle + 40 :]
    for content in (b"", b"text", whole[:middle], whole[: middle // 4], flipped):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="damaged"):
            LandmarkTrack.load(path)
    np.savez(path, points=np.zeros(3))
    with pytest.raises(ValueError, match="not a landmark track"):
        LandmarkTrack.load(path)
    with pytest.raises(FileNotFoundError):
        LandmarkTrack.load(tmp_path / "absent.npz")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("points", lambda a: a[:, :-1], "points of shape"),
        ("boxes", lambda a: a[:-1], "boxes of shape"),
        ("boxes", lambda a: np.full_like(a, np.nan), "same frames"),
        ("points", lambda a: np.where(a == a.max(), np.inf, a), "finite"),
        ("times", lambda a: a[::-1], "increase"),
        ("times", lambda a: a * np.nan, "finite"),
        ("margins", lambda a: a + 1, "row of zeros"),
    ],
)
def test_what_does_not_fit_is_refused(name, change, message):
    made = track()
    values = {**vars(made), name: change(getattr(made, name))}
    with pytest.raises(ValueError, match=message):
        LandmarkTrack(**values)
