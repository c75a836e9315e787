"""A real face (scikit-image's astronaut) found, followed, lost and found again."""

import itertools

import cv2
import numpy as np
import pytest
from skimage import data

from zoo.inputs import face_tracking
from zoo.inputs.face_tracking import FaceTracker, overlap, settle, smallest_face

FACE = (150, 40, 140, 150)  # of the picture, with room around: x, y, width, height


@pytest.fixture(scope="module")
def picture():
    return cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY)


@pytest.fixture(scope="module")
def covered(picture):
    """The same picture with a grey patch instead of the face."""
    x, y, width, height = FACE
    without = picture.copy()
    without[y : y + height, x : x + width] = 128
    return without


def shifted(picture, x, y):
    matrix = np.array([[1.0, 0, x], [0, 1, y]])
    size = picture.shape[::-1]
    return cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)


def seconds(frames, fps=25):
    return np.arange(len(frames)) / fps


def follow(frames, fps=25):
    """Boxes, NaN for None, and numbers where the cascade sees a face."""
    tracker = FaceTracker()
    answers = [tracker.update(n / fps, frame) for n, frame in enumerate(frames)]
    nothing = np.full(4, np.nan)
    boxes = [nothing if box is None else box for box, _ in answers]
    return np.array(boxes), np.array([run for _, run in answers])


def test_the_box_is_opencv_s_own(picture):
    boxes, sure = follow([picture])
    # Straight from OpenCV, on the whole picture and with the paper's settings.
    cascade = cv2.CascadeClassifier(
        cv2.data.haarcascades + "haarcascade_frontalface_default.xml"
    )
    (direct,) = cascade.detectMultiScale(picture, 1.1, 3, minSize=(95, 95))
    assert (sure == 1).all()
    assert overlap(boxes[0], direct.astype(float)) > 0.9


def test_the_box_moves_with_the_face(picture):
    steps = [(round(60 * np.sin(i / 6)), 2 * i) for i in range(30)]
    boxes, sure = follow([shifted(picture, x, y) for x, y in steps])
    assert (sure == 1).all()
    assert (boxes[:, 2:] == boxes[0, 2:]).all()
    assert np.abs(boxes[:, :2] - boxes[0, :2] - steps).max() <= 3


def test_a_face_that_leaves_and_returns(picture, covered):
    # Alone, the covered picture has a face for the cascade: the suit.
    assert (follow([covered])[1] == 1).all()
    frames = [picture] * 8 + [covered] * 30 + [picture] * 5 + [covered] * 3
    boxes, sure = follow(frames)
    found = settle(sure, seconds(sure))
    assert found.tolist() == [True] * 8 + [False] * 30 + [True] * 5 + [False] * 3
    assert not np.isnan(boxes[found]).any()


def test_a_face_that_escapes_the_cascade_is_followed_through(picture):
    """The head tilts by 35 degrees and back, while it moves to the right."""
    degrees = [*range(0, 40, 5), *range(30, -1, -5)]
    frames = []
    for i, angle in enumerate(degrees):
        turn = cv2.getRotationMatrix2D((225, 120), angle, 1)
        turn[0, 2] += 3 * i
        frames.append(cv2.warpAffine(picture, turn, (512, 512)))
    boxes, sure = follow(frames)
    tilted = np.array(degrees) > 20
    assert not sure[tilted].any() and (sure[~tilted] == 1).all()
    assert settle(sure, seconds(sure)).all()
    assert np.abs(boxes[:, 0] - boxes[0, 0] - 3 * np.arange(15)).max() <= 12  # of 108
    assert not settle(sure, 3 * seconds(sure))[tilted].any()


def test_a_face_that_jumps_is_taken_up_where_it_is(picture):
    frames = [picture] * 4 + [shifted(picture, 180, 100)] * 20
    boxes, sure = follow(frames, fps=10)
    jump = boxes[-1, :2] - boxes[0, :2]
    np.testing.assert_allclose(jump, [180, 100], atol=12)
    assert (sure[-5:] > 0).all()


def two_people(picture, degrees, other):
    """The astronaut tilted, and to the right of her herself again, if at all."""
    frame = np.full((512, 1024), 120, np.uint8)
    turn = cv2.getRotationMatrix2D((225, 120), degrees, 1)
    border = cv2.BORDER_REPLICATE
    frame[:, :512] = cv2.warpAffine(picture, turn, (512, 512), borderMode=border)
    if other:
        frame[:, 512:] = picture
    return frame


def test_another_person_is_taken_up_only_after_marked_frames(picture):
    """One turns away for good, the other is in view; after half a second she counts."""
    frames = [two_people(picture, 0, False)] * 3
    frames += [two_people(picture, angle, True) for angle in range(0, 40, 5)]
    frames += [frames[-1]] * 14
    boxes, runs = follow(frames)
    doubtful = np.flatnonzero(runs == 0)
    assert len(doubtful) == 12 and (np.diff(doubtful) == 1).all()
    assert runs[: doubtful[0]].tolist() == [1] * doubtful[0]
    assert runs[doubtful[-1] + 1 :].tolist() == [2] * (24 - doubtful[-1])
    assert settle(runs, seconds(runs)).tolist() == (runs > 0).tolist()
    assert (boxes[runs < 2, 0] < 200).all() and (boxes[runs == 2, 0] > 600).all()


def test_one_person_is_the_same_after_half_a_second(picture):
    """Found by the search of the whole frame, where she has been followed to."""
    frames = [two_people(picture, angle, False) for angle in range(0, 40, 5)]
    frames += [frames[-1]] * 9 + [frames[0]] * 3
    boxes, runs = follow(frames)
    assert (runs == 0).sum() == 12 and (runs[-3:] == 1).all()
    assert settle(runs, seconds(runs)).all()
    assert not settle(runs, 1.1 * seconds(runs)).all()


def test_a_face_that_leaves_the_frame_is_not_followed_beyond(picture):
    boxes, _ = follow([shifted(picture, x, 0) for x in range(0, 400, 16)])
    middles = boxes[:, 0] + boxes[:, 2] / 2
    assert np.nanmax(middles) > 480 and not (middles >= 512).any()
    assert np.isnan(middles[-5:]).all()


@pytest.mark.parametrize("leaving", [False, True])
def test_a_face_that_comes_nearer_or_goes_away(picture, leaving):
    """The crop keeps its size, until the face has outgrown it."""
    scales = np.geomspace(1, 1.9, 25)[:: -1 if leaving else 1]
    frames = []
    for scale in scales:
        matrix = cv2.getRotationMatrix2D((225, 115), 0, scale)
        matrix[1, 2] += 100
        frames.append(cv2.warpAffine(picture, matrix, (512, 512)))
    boxes, sure = follow(frames)
    assert (sure == 1).all()
    widths = boxes[:, 2] / boxes[0, 2] * scales[0]
    assert 2 <= len(np.unique(widths)) <= 6
    assert (np.abs(np.log(widths / scales)) < np.log(2.0)).all()


def test_a_box_that_has_drifted_is_set_anew(picture):
    tracker = FaceTracker()
    box, _ = tracker.update(0, picture)
    tracker._start(
        picture, box + [0.45 * box[2], 0, 0, 0]
    )  # MOSSE follows what is there
    again, sure = tracker.update(0.04, picture)
    assert sure and overlap(again, box) > 0.5  # 0.38 before
    tracker._start(picture, box + [0.1 * box[2], 0, 0, 0])  # less does no harm
    again, sure = tracker.update(0.04, picture)
    assert sure and again[0] == pytest.approx(box[0] + 0.1 * box[2], abs=2)


def test_another_face_nearby_is_not_taken_for_the_tracked_one(picture):
    tracker = FaceTracker()
    box, _ = tracker.update(0, picture)
    tracker._start(picture, box + [0.95 * box[2], 0, 0, 0])
    assert not tracker.update(0.04, picture)[1]


def test_of_two_faces_the_lowest_and_then_the_nearest(picture):
    x, y, width, height = FACE
    face = picture[y : y + height, x : x + width]
    plain = np.full((512, 640), 128, np.uint8)
    two = plain.copy()
    two[20 : 20 + height, 40 : 40 + width] = face
    two[320 : 320 + height, 400 : 400 + width] = face
    upper = two.copy()
    upper[300:] = 128
    boxes, sure = follow([two] * 3 + [plain] * 20 + [two] * 2)
    assert (boxes[sure > 0, 1] > 300).all() and (sure > 0).sum() == 5
    boxes, sure = follow([upper] * 3 + [plain] * 20 + [two] * 2)
    assert (boxes[sure > 0, 1] < 100).all() and (sure > 0).sum() == 5


def test_the_cascade_s_errors_do_not_count(picture):
    """Lower in the shrunk astronaut, the cascade sees another, with a few hits."""
    small = cv2.resize(picture, (360, 360), interpolation=cv2.INTER_AREA)
    cascade = face_tracking._cascade()
    boxes, hits = cascade.detectMultiScale2(small, 1.1, 3, minSize=(67, 67))
    assert len(boxes) == 2 and hits[np.argmax(boxes[:, 1])] < min(10, max(hits))
    boxes, _ = follow([picture])
    assert overlap(boxes[0], np.array(FACE, float)) > 0.4


def test_the_same_again(picture):
    frames = [shifted(picture, 4 * i, i) for i in range(12)]
    first = follow(frames)[0]
    cv2.setRNGSeed(77)
    np.testing.assert_array_equal(follow(frames)[0], first)


def test_no_face_at_all(picture):
    blurred = cv2.blur(picture, (99, 99))
    boxes, sure = follow([blurred, blurred * 0, blurred * 0 + 255])
    assert np.isnan(boxes).all() and not sure.any()


def test_settled_by_definition():
    """Against the sentence in the docstring, spelt out, on every row of 7 frames."""
    for patience in (1, 2, 3):
        times = np.arange(7) * face_tracking.PATIENCE / patience
        for row in itertools.product([0, 1, 2], repeat=7):
            wanted = []
            for frame in range(7):
                before = [i for i in range(frame + 1) if row[i]]
                after = [i for i in range(frame, 7) if row[i]]
                wanted.append(
                    bool(before and after)
                    and row[max(before)] == row[min(after)]
                    and min(after) - max(before) - 1 <= patience
                )
            assert settle(row, times).tolist() == wanted


def test_overlap_by_counting_pixels():
    random = np.random.default_rng(0)
    for _ in range(50):
        boxes = random.integers(1, 20, size=(2, 4))
        masks = np.zeros((2, 40, 40), bool)
        for mask, (x, y, width, height) in zip(masks, boxes, strict=True):
            mask[y : y + height, x : x + width] = True
        wanted = (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()
        assert overlap(*boxes.astype(float)) == pytest.approx(wanted)


def test_smallest_faces():
    assert smallest_face((1920, 1080)) == smallest_face((1080, 1920)) == 200
    assert smallest_face((3840, 2160)) == 400
    assert smallest_face((64, 48)) == 24  # OpenCV's file says so of the cascade
    assert face_tracking._cascade().getOriginalWindowSize() == (24, 24)
