"""From a video file to the 40 points, on a real face, and many videos at once."""

import os
import shutil
import sys
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from datasets import landmark_jobs, landmark_points, landmarks
from datasets.landmark_track import LandmarkTrack, crop
from datasets.landmarks import extract, extract_all, predictor_file
from datasets.video_frames import Video

SHIFTS = [(round(40 * np.sin(i / 3)), i) for i in range(14)]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("DUCHENNE_CACHE", str(folder))
    return folder / "landmarks"


@pytest.fixture(scope="module")
def picture():
    return data.astronaut()[..., ::-1].copy()


def shifted(picture, x, y):
    matrix = np.array([[1.0, 0, x], [0, 1, y]])
    size = picture.shape[1::-1]
    return cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)


def write(path, frames, code="mp4v", fps=25):
    height, width = frames[0].shape[:2]
    code = cv2.VideoWriter_fourcc(*code)
    writer = cv2.VideoWriter(str(path), code, fps, (width, height))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory, picture):
    path = tmp_path_factory.mktemp("videos") / "moving.mp4"
    return write(path, [shifted(picture, *shift) for shift in SHIFTS])


@pytest.fixture(scope="module")
def track(video):
    return extract(video, copies=3, seed=5, cache=False)


def files(folder):
    return sorted(folder.iterdir()) if folder.exists() else []


# One video


def test_points_lie_on_the_face(track, picture):
    assert track.found.all() and track.size == (512, 512)
    assert track.source == "moving.mp4"
    np.testing.assert_allclose(track.times, np.arange(14) / 25, atol=1e-3)
    face = track.points[0, 0]
    # Eyes found independently, by OpenCV's cascade for eyes.
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_eye.xml")
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    x, y, width, height = track.boxes[0].astype(int)
    upper = grey[y : y + height * 6 // 10, x : x + width]
    eyes = sorted(cascade.detectMultiScale(upper, 1.05, 5).tolist())
    assert len(eyes) == 2
    for eye, points in zip(eyes, (face[36:42], face[42:48]), strict=True):
        middle = np.array([x + eye[0] + eye[2] / 2, y + eye[1] + eye[3] / 2])
        assert np.linalg.norm(points.mean(axis=0) - middle) < 0.3 * eye[2]
    # Between the lips she shows her teeth, which are less red than they.
    masks = np.zeros((2, 512, 512), np.uint8)
    for mask, part in zip(masks, (face[48:60], face[60:68]), strict=True):
        cv2.fillPoly(mask, [part.astype(np.int32)], 1)
    lips, teeth = masks[0] - masks[1] == 1, cv2.erode(masks[1], np.ones((3, 3))) == 1
    redness = picture[..., 2].astype(float) - picture[..., 0]
    assert redness[lips].mean() > 1.4 * redness[teeth].mean()


def test_points_move_with_the_face(track):
    moved = track.points[0] - track.points[0, 0] - np.array(SHIFTS)[:, None]
    assert np.abs(moved.mean(axis=1)).max() < 2
    assert np.abs(moved).mean() < 1.5
    # In the crop, which follows, they hardly do.
    values = track.landmarks()
    assert values.shape == (4, 14, 80)
    assert np.abs(values - values[:, :1]).mean() < 0.06
    assert np.abs(values).max() < 1.2


def in_box(predictor, grey, box):
    return np.array([(point.x, point.y) for point in predictor(grey, box).parts()])


def test_points_agree_with_those_in_dlib_s_own_box(track, picture):
    import dlib

    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    (box,) = dlib.get_frontal_face_detector()(grey)
    direct = in_box(dlib.shape_predictor(str(predictor_file())), grey, box)
    eyes = np.linalg.norm(direct[36:42].mean(0) - direct[42:48].mean(0))
    distances = np.linalg.norm(track.points[0, 0] - direct, axis=1)
    assert distances.mean() < 0.02 * eyes and distances.max() < 0.1 * eyes


def test_copies_are_found_anew_in_tighter_crops(track, video):
    margins = track.margins
    assert margins.shape == (4, 4) and not margins[0].any() and margins[1:].any()
    assert len(np.unique(margins, axis=0)) == 4
    for row in range(1, 4):
        apart = np.linalg.norm(track.points[row] - track.points[0], axis=-1)
        assert 0 < apart.mean() < 4  # found anew: near, and not the same
    # The same for the whole track, in what is normalised.
    boxes = crop(track.boxes, margins[2])
    points = landmark_points.select(track.points[2])
    wanted = landmark_points.normalise(points, boxes)
    np.testing.assert_allclose(track.landmarks()[2], wanted, atol=1e-5)
    again = extract(video, copies=3, seed=5, cache=False)
    np.testing.assert_array_equal(again.points, track.points)
    other = extract(video, copies=2, seed=6, cache=False)
    assert (other.margins[1:] != margins[1:3]).any()
    np.testing.assert_array_equal(other.points[0], track.points[0])


def test_a_face_that_leaves(tmp_path, picture):
    blurred = cv2.blur(picture, (99, 99))
    path = write(tmp_path / "a.mp4", [picture] * 4 + [blurred] * 20 + [picture] * 4)
    track = extract(path, copies=1, cache=False)
    assert track.found.tolist() == [True] * 4 + [False] * 20 + [True] * 4
    assert np.isnan(track.points[:, 4:24]).all() and np.isnan(track.boxes[4:24]).all()
    values = track.landmarks()
    assert np.isfinite(values).all()
    middle = (values[:, 3] + values[:, 24]) / 2
    np.testing.assert_allclose(values[:, 13:15].mean(axis=1), middle, atol=1e-5)


def test_a_face_last_seen_turned_away(tmp_path, picture):
    """Tilted to the end, it is tracked, but the cascade does not vouch for it again."""
    turns = [cv2.getRotationMatrix2D((225, 120), a, 1) for a in range(0, 40, 5)]
    frames = [cv2.warpAffine(picture, turn, (512, 512)) for turn in turns]
    track = extract(write(tmp_path / "a.mp4", frames), cache=False)
    assert track.found.tolist() == [True] * 5 + [False] * 3
    assert np.isnan(track.points[0, 5:]).all()


def test_no_face_one_frame_grey_and_4k(tmp_path, picture):
    blurred = cv2.blur(picture, (99, 99))
    path = write(tmp_path / "none.mp4", [blurred] * 3)
    with pytest.raises(ValueError, match="no face in any of the 3 frames.*95 pixels"):
        extract(path, cache=False)
    one = extract(write(tmp_path / "one.mp4", [picture]), cache=False)
    assert one.landmarks().shape == (1, 1, 80) and one.times.tolist() == [0]
    grey = picture.copy()
    grey[:] = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[..., None]
    coloured = extract(write(tmp_path / "c.avi", [picture], "MJPG"), cache=False)
    plain = extract(write(tmp_path / "g.avi", [grey], "MJPG"), cache=False)
    assert np.abs(coloured.points - plain.points).max() <= 3
    large = np.zeros((2160, 3840, 3), np.uint8)
    large[:, 800:2960] = cv2.resize(picture, (2160, 2160))
    huge = extract(write(tmp_path / "huge.mp4", [large] * 2), copies=2, cache=False)
    assert huge.size == (3840, 2160) and huge.found.all()
    back = (huge.points[0, 0] - [800, 0]) * 512 / 2160
    assert np.abs(back - one.points[0, 0]).mean() < 2


def test_memory_does_not_grow_with_length(tmp_path, picture):
    small = cv2.resize(picture, (256, 256))
    peaks = []
    for count in (10, 110):
        path = write(tmp_path / f"{count}.avi", [small] * count, "MJPG")
        extract(path, cache=False)
        tracemalloc.start()
        assert len(extract(path, cache=False).times) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 100 * 8000  # points and little else; a frame is 196 kB


# The predictor


def test_the_predictor_s_file():
    assert predictor_file().name == "shape_predictor_68_face_landmarks.dat"
    assert predictor_file(__file__) == Path(__file__)
    with pytest.raises(FileNotFoundError, match="no file nowhere.*pip install dlib"):
        predictor_file("nowhere")
    # It is found without importing its package.
    assert "face_recognition_models" not in sys.modules


def test_without_the_package(monkeypatch):
    monkeypatch.setattr(landmarks, "_PACKAGE", "no-such-package")
    with pytest.raises(FileNotFoundError, match="pip install dlib-bin"):
        predictor_file()


def test_other_files_as_predictors(video, tmp_path):
    with pytest.raises(ValueError, match="not a shape predictor"):
        extract(video, model=__file__, cache=False)
    five = predictor_file().with_name("shape_predictor_5_face_landmarks.dat")
    with pytest.raises(ValueError, match="predicts 5 points; expected 68"):
        extract(video, model=five, cache=False)


# The cache


def test_what_was_found_is_kept(video, track, cache, monkeypatch, tmp_path):
    before = video.parent.stat().st_mtime_ns, files(video.parent)
    first = extract(video, copies=3, seed=5)
    assert (video.parent.stat().st_mtime_ns, files(video.parent)) == before
    (kept,) = files(cache)

    def never(*arguments):
        raise AssertionError("extracted again")

    monkeypatch.setattr(landmarks, "_extract", never)
    twin = shutil.copy(video, tmp_path / "twin.mp4")
    for path, name in ((video, "moving.mp4"), (twin, "twin.mp4")):
        again = extract(str(path), copies=3, seed=5)
        assert again.source == name
        np.testing.assert_array_equal(again.points, track.points)
        np.testing.assert_array_equal(again.landmarks(), first.landmarks())
    with np.load(kept, allow_pickle=False) as file:
        assert file["points"].shape == track.points.shape
    for other in ({"copies": 2}, {"seed": 4}):
        with pytest.raises(AssertionError, match="again"):
            extract(video, **{"copies": 3, "seed": 5} | other)
    monkeypatch.setattr(landmarks, "_VERSION", 10**6)
    with pytest.raises(AssertionError, match="again"):
        extract(video, copies=3, seed=5)


def test_a_changed_video_or_predictor_is_extracted_anew(tmp_path, picture, cache):
    path = write(tmp_path / "a.mp4", [picture])
    extract(path)
    write(path, [picture] * 2)
    assert len(extract(path).times) == 2
    model = tmp_path / "model.dat"
    model.write_bytes(predictor_file().read_bytes() + b"\0")
    extract(path, model=model)
    assert len(files(cache)) == 3


def test_a_damaged_cache_is_replaced(video, cache):
    first = extract(video)
    (kept,) = files(cache)
    whole = kept.read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"text"):
        kept.write_bytes(content)
        np.testing.assert_array_equal(extract(video).points, first.points)
        assert kept.read_bytes() == whole
    assert files(cache) == [kept]


def test_a_cache_that_cannot_be_written(video, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DUCHENNE_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match="DUCHENNE_CACHE"):
        extract(video)


def test_numbers_out_of_range(video):
    for bad in ({"copies": -1}, {"copies": 1.5}, {"seed": -1}):
        with pytest.raises(ValueError, match="whole number"):
            extract(video, **bad)
        with pytest.raises(ValueError, match="whole number"):
            extract_all([video], **bad)


# Many videos


@pytest.fixture
def folder(tmp_path, picture, video):
    shutil.copy(video, tmp_path / "a.mp4")
    write(tmp_path / "b.mp4", [cv2.blur(picture, (99, 99))] * 2)
    (tmp_path / "c.mp4").write_bytes(b"")
    write(tmp_path / "d.avi", [picture] * 30, "MJPG")
    broken = (tmp_path / "d.avi").read_bytes()
    (tmp_path / "d.avi").write_bytes(broken[: len(broken) // 2])
    return tmp_path


def test_bad_videos_do_not_stop_the_rest(folder, track):
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
    def attempt(path, copies, seed, model):
        if "deadly" in path:
            os._exit(11)
        return path, f"{path} is fine", []

    monkeypatch.setattr(landmark_jobs, "attempt", attempt)
    paths = ["one", "deadly", "two", "three"]
    tracks, reasons = landmark_jobs.run(paths, (0, 0, Path()), 2)
    assert not tracks and set(reasons) == set(paths)
    assert "crashes its decoder" in reasons["deadly"]
    assert all("is fine" in reasons[p] for p in paths if p != "deadly")


def test_nothing_and_nonsense(video):
    tracks, failures = extract_all([])
    assert tracks == {} and list(failures) == ["path", "reason"] and not len(failures)
    with pytest.raises(ValueError, match="one path"):
        extract_all(str(video))
    with pytest.raises(ValueError, match="jobs"):
        extract_all([video], jobs=0)


# Real videos


@pytest.fixture(scope="module")
def real():
    if not os.environ.get("DUCHENNE_DATA"):
        pytest.skip("DUCHENNE_DATA is not set")
    return Path(os.environ["DUCHENNE_DATA"]) / "video"


@pytest.mark.real_data
def test_real_videos(real):
    found = {}
    for name in ("single_face.mp4", "face_noface.mov"):
        track = extract(real / name, cache=False)
        found[name] = track.found
        values = track.landmarks()
        assert np.isfinite(values).all() and np.abs(values).max() < 1.3
        # From frame to frame the points move by little of the crop.
        steps = np.diff(track.landmarks()[0][track.found], axis=0)
        assert np.abs(steps).mean() < 0.02
    assert found["single_face.mp4"].tolist() == [True] * 72
    # It cuts to a cartoon: 71 is the last frame with the person.
    assert found["face_noface.mov"].tolist() == [True] * 72 + [False] * 97
    with pytest.raises(ValueError, match="no face in any of the 95 frames"):
        extract(real / "no_face.mp4", cache=False)


@pytest.mark.real_data
def test_a_real_person_moving(real):
    track = extract(real / "WolfgangLanger_Pexels.mp4", cache=False)
    assert isinstance(track, LandmarkTrack) and track.found.all()
    eyes = track.points[0, :, 36:48].mean(axis=1)
    middle = track.boxes[:, :2] + track.boxes[:, 2:] / 2
    assert np.abs((eyes - middle) / track.boxes[:, 2:]).max() < 0.3


@pytest.mark.real_data
def test_the_crop_is_lowered_and_shrunk_for_the_predictor(real):
    """What is found so is nearer to what is found in the boxes of dlib's detector."""
    import dlib

    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(predictor_file()))
    track = extract(real / "single_face.mp4", cache=False)
    ours, plain = [], []
    with Video(real / "single_face.mp4") as video:
        for number, (_, frame) in enumerate(video):
            if number % 8:
                continue
            grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
            direct = in_box(predictor, grey, detector(grey)[0])
            x, y, width, height = track.boxes[number].astype(int).tolist()
            whole = dlib.rectangle(x, y, x + width - 1, y + height - 1)
            plain.append(np.abs(in_box(predictor, grey, whole) - direct).mean())
            ours.append(np.abs(track.points[0, number] - direct).mean())
    assert len(ours) == 9 and np.mean(ours) < 0.6 * np.mean(plain)
