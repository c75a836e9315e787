"""Faces found (scikit-image's astronaut), their place measured, and cut out."""

import cv2
import numpy as np
import pytest
from skimage import data

from zoo.inputs import faces
from zoo.inputs.face_tracking import overlap
from zoo.inputs.faces import box_of, cut, find_faces, framing


def find(picture):
    """The boxes of all faces, from left to right."""
    boxes = [box_of(face) for face in find_faces(picture)]
    return np.reshape(boxes, (-1, 4))


FRAMING = {"width": 1.5, "height": 2.0, "x": 0.75, "y": 1.25}


@pytest.fixture(scope="module")
def picture():
    return data.astronaut()


@pytest.fixture(scope="module")
def face(picture):
    [box] = find(picture)
    return box


@pytest.fixture(scope="module")
def near(picture):
    """The face and little else."""
    return picture[20:260, 120:330]


@pytest.fixture(scope="module")
def numbered():
    """A picture in which every pixel is another."""
    place = np.arange(60 * 90).reshape(60, 90)
    return np.stack([place % 256, place // 256, place % 7], axis=2).astype("uint8")


def grown(picture, times):
    return cv2.resize(picture, None, fx=times, fy=times)


# Finding


def test_the_box_is_about_that_of_opencv_s_cascade(picture, face):
    cascade = cv2.CascadeClassifier(
        cv2.data.haarcascades + "haarcascade_frontalface_default.xml"
    )
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    [direct] = cascade.detectMultiScale(grey, 1.1, 6, minSize=(32, 32))
    assert overlap(face, direct) > 0.6
    assert overlap(find(grey)[0], face) > 0.9


def test_a_large_picture_has_its_boxes_in_its_own_pixels(near):
    [box], [wanted] = find(grown(near, 4)), find(near)
    assert overlap(box / 4, wanted) > 0.9


def test_several_faces_from_left_to_right(picture, face):
    left = cv2.resize(picture, (256, 256))
    canvas = np.full((600, 1400, 3), 90, "uint8")
    canvas[300:556, 20:276] = left
    canvas[50:562, 850:1362] = picture
    canvas[20:276, 420:676] = left
    boxes = find(canvas)
    wanted = [
        face / 2 + [20, 300, 0, 0],
        face / 2 + [420, 20, 0, 0],
        face + [850, 50, 0, 0],
    ]
    assert len(boxes) == 3 and (np.diff(boxes[:, 0]) > 0).all()
    assert all(map(lambda box, one: overlap(box, one) > 0.7, boxes, wanted))


def test_where_there_is_none(picture):
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), "uint8")
    nothing = [noise, picture[300:], np.zeros((1, 1, 3), "uint8")]
    nothing += [np.zeros((1, 3000, 3), "uint8"), np.full((2000, 1), 9, "uint8")]
    for one in nothing:
        assert find(one).shape == (0, 4)


# Measuring


def test_framing_is_where_the_face_is(near):
    [(x, y, side, tall)] = find(near)
    told = framing([near] * 5)
    wanted = [210 / side, 240 / side, (x + side / 2) / side, (y + tall / 2) / side]
    assert list(told) == ["width", "height", "x", "y"]
    np.testing.assert_allclose(list(told.values()), wanted, atol=1e-4)


def test_framing_is_the_median_over_pictures_of_any_size(near):
    shown = [near[:, 10:], near[20:], near, grown(near, 1.5), grown(near, 0.8)]
    rows = []
    for picture in shown:
        [(x, y, side, tall)] = find(picture)
        sides = picture.shape[1], picture.shape[0], x + side / 2, y + tall / 2
        rows.append(np.array(sides) / side)
    told = list(framing(iter(shown)).values())
    np.testing.assert_allclose(told, np.median(rows, axis=0), atol=1e-4)
    # However large they are, the face lies alike in them; the cascade's steps are 10 %.
    np.testing.assert_allclose(rows[3], rows[2], rtol=0.12)
    np.testing.assert_allclose(rows[4], rows[2], rtol=0.12)


def test_framing_takes_only_pictures_of_one_face_and_at_least_five(near):
    none = near[150:]
    two = np.concatenate([near, near], axis=1)
    assert (len(find(none)), len(find(two))) == (0, 2)
    assert framing([near] * 4 + [none, two] * 2) is None
    assert framing([]) is None
    assert framing([near] * 5 + [none, two] * 3) == framing([near] * 5)


# Cutting


def test_inside_it_is_a_slice(numbered):
    # 20 wide: 30 by 40 pixels, of which the middle of the face, (45, 30), is at 15, 25.
    found = cut(numbered, np.array([35, 20, 20, 20]), FRAMING)
    np.testing.assert_array_equal(found, numbered[5:45, 30:60])
    # The side that counts is the width; the middle is that of the whole box.
    found = cut(numbered, np.array([35, 15, 20, 30]), FRAMING)
    np.testing.assert_array_equal(found, numbered[5:45, 30:60])


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 20, 20),
        (70, 40, 20, 20),
        (0, 40, 20, 20),
        (70, 0, 20, 20),
        (-9, 20, 20, 20),  # as a tracker has it
        (35, 45, 20, 20),
        (0, 0, 90, 60),
        (89, 59, 1, 1),
        (0, 0, 1, 1),
        (30.3, 7.6, 2.4, 2.4),
    ],
)
def test_beyond_the_picture_its_edge_is_repeated(box, numbered):
    x, y, side, tall = box
    found = cut(numbered, np.array(box, float), FRAMING)
    wide, high = max(1, round(1.5 * side)), max(1, round(2.0 * side))
    assert found.shape == (high, wide, 3) and found.dtype == np.uint8
    left = round(x + side / 2 - 0.75 * side)
    top = round(y + tall / 2 - 1.25 * side)
    rows = np.clip(np.arange(top, top + high), 0, 59)
    columns = np.clip(np.arange(left, left + wide), 0, 89)
    np.testing.assert_array_equal(found, numbered[rows][:, columns])


def test_all_cuts_of_a_size_are_of_a_size(numbered):
    places = np.arange(0, 40, 0.13)
    cuts = [cut(numbered, np.array([x, x / 2, 15.5, 15]), FRAMING) for x in places]
    assert {one.shape for one in cuts} == {(31, 23, 3)}


def test_a_face_is_cut_as_it_lies_where_it_was_measured(picture, near):
    """Measured in one picture and found in another: the same is cut out."""
    canvas = np.full((480, 700, 3), 128, "uint8")
    canvas[100:340, 300:510] = near
    [box], [measured] = find(canvas), find(near)
    again = cut(canvas, box, framing([near] * 5))
    assert overlap(box - [300, 100, 0, 0], measured) > 0.7
    [there] = find(again)
    scale = again.shape[1] / near.shape[1]
    assert again.shape[0] / near.shape[0] == pytest.approx(scale, abs=0.02)
    assert overlap(there / scale, measured) > 0.7


def test_faces_that_are_too_small_for_a_cut_have_no_framing(monkeypatch):
    box = np.array([100.0, 100, 50, 50])
    monkeypatch.setattr(faces, "find_faces", lambda picture, levels: [None])
    monkeypatch.setattr(faces, "box_of", lambda face: box)
    for side, known in [(500, True), (501, False)]:
        pictures = [np.zeros((200, side, 3), np.uint8)] * 5
        assert (faces.framing(pictures) is not None) == known
