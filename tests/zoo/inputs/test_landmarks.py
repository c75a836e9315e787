"""From a video file to the 68 points and the 40, on a real face."""

import functools
import os
import sys
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.landmarks import extract_all
from zoo.inputs import landmark_points, landmarks
from zoo.inputs.landmark_track import LandmarkTrack, crop
from zoo.inputs.landmarks import predictor_file
from zoo.inputs.video import Video

extract = functools.partial(landmarks.extract, points="ibug68")

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


def test_points_move_with_the_face(track, shifts):
    moved = track.points[0] - track.points[0, 0] - np.array(shifts)[:, None]
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


def test_a_face_that_leaves(tmp_path, picture, write):
    blurred = cv2.blur(picture, (99, 99))
    path = write(tmp_path / "a.mp4", [picture] * 4 + [blurred] * 20 + [picture] * 4)
    track = extract(path, copies=1, cache=False)
    assert track.found.tolist() == [True] * 4 + [False] * 20 + [True] * 4
    assert np.isnan(track.points[:, 4:24]).all() and np.isnan(track.boxes[4:24]).all()
    values = track.landmarks()
    assert np.isfinite(values).all()
    middle = (values[:, 3] + values[:, 24]) / 2
    np.testing.assert_allclose(values[:, 13:15].mean(axis=1), middle, atol=1e-5)


def test_a_face_last_seen_turned_away(tmp_path, picture, write):
    """Tilted to the end, it is tracked, but the cascade does not vouch for it again."""
    turns = [cv2.getRotationMatrix2D((225, 120), a, 1) for a in range(0, 40, 5)]
    frames = [cv2.warpAffine(picture, turn, (512, 512)) for turn in turns]
    track = extract(write(tmp_path / "a.mp4", frames), cache=False)
    assert track.found.tolist() == [True] * 5 + [False] * 3
    assert np.isnan(track.points[0, 5:]).all()


def test_no_face_one_frame_grey_and_4k(tmp_path, picture, write):
    blurred = cv2.blur(picture, (99, 99))
    path = write(tmp_path / "none.mp4", [blurred] * 3)
    with pytest.raises(ValueError, match="no face in any of the 3 frames.*95 pixels"):
        extract(path, cache=False)
    one = extract(write(tmp_path / "one.mp4", [picture]), cache=False)
    assert one.landmarks().shape == (1, 1, 80) and one.times.tolist() == [0]
    tiny = write(tmp_path / "tiny.mp4", [cv2.resize(blurred, (64, 48))])
    with pytest.raises(ValueError, match="24 pixels wide in frames of 64x48"):
        extract(tiny, cache=False)
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


def test_jitter_is_as_strong_as_in_a_point_file(track, tmp_path, picture, write):
    """Of frames of 512 pixels: faces of 95, and margins of 9 and 4 at most."""
    path = write(tmp_path / "a.mp4", [picture])
    found = extract(path, copies=150, cache=False).margins
    drawn = track.jittered(150).margins
    assert found.max(axis=0).tolist() == drawn.max(axis=0).tolist() == [9, 4, 9, 4]


def test_memory_does_not_grow_with_length(tmp_path, picture, write):
    small = cv2.resize(picture, (256, 256))
    peaks = []
    for count in (10, 10, 70):  # the first loads what stays
        path = write(tmp_path / f"{count}.avi", [small] * count, "MJPG")
        tracemalloc.start()
        assert len(extract(path, cache=False).times) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] - peaks[1] < 60 * 8000  # points and little else; a frame is 196 kB


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


def test_other_files_as_predictors(video):
    with pytest.raises(ValueError, match="not a shape predictor"):
        extract(video, model=__file__, cache=False)
    with pytest.raises(ValueError, match="not a shape predictor"):
        extract_all([video], points="ibug68", model=__file__)  # no fault of the videos
    five = predictor_file().with_name("shape_predictor_5_face_landmarks.dat")
    with pytest.raises(ValueError, match="predicts 5 points; expected 68"):
        extract(video, model=five, cache=False)


# Real videos


@pytest.fixture(scope="module")
def real():
    if not os.environ.get("DUCHENNE_DATA"):
        pytest.skip("DUCHENNE_DATA is not set")
    return Path(os.environ["DUCHENNE_DATA"]) / "video"


@pytest.fixture(scope="module")
def single(real):
    return extract(real / "single_face.mp4", cache=False)


@pytest.mark.real_data
def test_real_videos(real, single):
    found = {}
    other = extract(real / "face_noface.mov", cache=False)
    for name, track in {"single_face.mp4": single, "face_noface.mov": other}.items():
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
def test_the_crop_is_lowered_and_shrunk_for_the_predictor(real, single):
    """What is found so is nearer to what is found in the boxes of dlib's detector."""
    import dlib

    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(predictor_file()))
    ours, plain = [], []
    with Video(real / "single_face.mp4") as video:
        for number, (_, frame) in enumerate(video):
            if number % 8:
                continue
            grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
            direct = in_box(predictor, grey, detector(grey)[0])
            x, y, width, height = single.boxes[number].astype(int).tolist()
            whole = dlib.rectangle(x, y, x + width - 1, y + height - 1)
            plain.append(np.abs(in_box(predictor, grey, whole) - direct).mean())
            ours.append(np.abs(single.points[0, number] - direct).mean())
    assert len(ours) == 9 and np.mean(ours) < 0.6 * np.mean(plain)
