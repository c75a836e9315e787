"""Points of OpenFace, py-feat and MediaPipe, in the layouts that these write."""

import numpy as np
import pandas as pd
import pytest

from zoo.inputs import video
from zoo.inputs.landmark_files import read
from zoo.inputs.landmark_points import MESH_TO_68, to_68
from zoo.inputs.landmark_points import crop_around as box_of
from zoo.inputs.landmark_track import LandmarkTrack

RECTANGLE = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight"]
NAMES = [f"{axis}_{i}" for axis in "xy" for i in range(68)]


def face(x=0.0, y=0.0, scale=1.0):
    """68 points: eyes 40 apart, the middle between them at (x + 100, y + 80)."""
    random = np.random.default_rng(1)
    points = random.uniform([60, 40], [140, 150], size=(68, 2))
    circle = np.stack([np.cos(np.arange(6)), np.sin(np.arange(6))], axis=-1)
    circle -= circle.mean(axis=0)
    points[36:42], points[42:48] = circle + [80, 80], circle + [120, 80]
    return scale * points + [x, y]


def columns(points):
    return dict(zip(NAMES, np.concatenate([points[:, 0], points[:, 1]]), strict=True))


def openface(path, moves, success, **extra):
    """As OpenFace 2 writes it: a space after each comma, frames from 1."""
    rows = []
    for i, (move, good) in enumerate(zip(moves, success, strict=True)):
        row = {"frame": i + 1, "face_id": 0, "timestamp": round(i / 30, 3)}
        row |= {"confidence": 0.98 if good else 0.03, "success": int(good)}
        row |= {"gaze_0_x": 0.1, **columns(face(move)), "AU01_r": 0.3}
        rows.append(row | {name: values[i] for name, values in extra.items()})
    table = pd.DataFrame(rows)
    text = table.to_csv(index=False).replace(",", ", ").replace(" 0.03,", " ,")
    path.write_text(text)
    return table


def test_openface(tmp_path):
    success = [True, True, False, True]
    openface(tmp_path / "a.csv", [0, 5, 900, 10], success)
    track = read(tmp_path / "a.csv")
    assert track.found.tolist() == success
    np.testing.assert_allclose(track.points[0, 1], face(5), atol=1e-3)
    np.testing.assert_allclose(track.times, [0, 0.033, 0.067, 0.1])
    assert track.source == "a.csv" and track.size == (0, 0)
    assert np.isfinite(track.landmarks()).all()
    # Side 2.7 eye distances; the middle 0.085 sides below the middle between them.
    side = 2.7 * 40
    wanted = [105 - side / 2, 80 + 0.085 * side - side / 2, side, side]
    np.testing.assert_allclose(track.boxes[1], wanted, atol=1e-3)


def test_openface_without_success_goes_by_confidence(tmp_path):
    table = openface(tmp_path / "a.csv", [0, 5, 9], [True, False, True])
    table.drop(columns=["success", "face_id"]).to_csv(tmp_path / "a.csv")
    assert read(tmp_path / "a.csv").found.tolist() == [True, False, True]


def test_openface_of_several_people_of_whom_one_comes_later(tmp_path):
    one = openface(tmp_path / "a.csv", range(10), [True] * 10)
    two = openface(tmp_path / "a.csv", range(300, 340), [True] * 40).iloc[6:30]
    both = pd.concat([one, two.assign(face_id=1)]).sort_values("frame")
    both.to_csv(tmp_path / "a.csv", index=False)
    track = read(tmp_path / "a.csv")
    assert track.found.tolist() == [False] * 6 + [True] * 24
    np.testing.assert_allclose(track.times, np.arange(30) / 30, atol=1e-3)
    np.testing.assert_allclose(track.points[0, 6], face(306), 1e-5)


def pyfeat(path, faces, drop=()):
    """As py-feat writes it: an index, rectangle, score, points, frames from 0.

    Args:
        faces: (frame, x) of each line; x None where none was found.
    """
    rows = []
    for frame, x in faces:
        points = np.full((68, 2), np.nan) if x is None else face(x)
        box = [np.nan] * 4 if x is None else [x + 50, 35, 100, 120]
        row = dict(zip(RECTANGLE, box, strict=True))
        row |= {"FaceScore": 0.99, **columns(points), "input": "a.mp4", "frame": frame}
        rows.append(row | {"FrameHeight": 480, "FrameWidth": 640, "happiness": 0.5})
    pd.DataFrame(rows).drop(columns=list(drop)).to_csv(path)


SIZE = ["FrameHeight", "FrameWidth"]


@pytest.mark.parametrize(
    "drop",
    [[], SIZE, SIZE[:1], RECTANGLE, ["input", "FaceScore"], [*SIZE, "input"]],
    ids=" ".join,
)
def test_pyfeat(tmp_path, drop):
    pyfeat(tmp_path / "a.csv", [(0, 0), (1, None), (2, 4), (5, 10)], drop)
    track = read(tmp_path / "a.csv", fps=50)
    assert track.found.tolist() == [True, False, True, False, False, True]
    np.testing.assert_allclose(track.times, np.arange(6) / 50)
    assert track.size == ((0, 0) if SIZE[0] in drop else (640, 480))
    # The crop is the study's, and as large in all frames: not the rectangle.
    np.testing.assert_allclose(track.boxes, box_of(track.points[0]), rtol=1e-6)
    assert track.boxes[2, 2:] == pytest.approx(2.7 * 40)
    np.testing.assert_allclose(track.points[0, 5], face(10), rtol=1e-5)


def test_pyfeat_of_every_tenth_frame(tmp_path):
    pyfeat(tmp_path / "a.csv", [(0, 0), (10, 1), (30, 3)])
    track = read(tmp_path / "a.csv")
    assert track.found.tolist() == [True, True, False, True]
    np.testing.assert_allclose(track.times, [0, 0.4, 0.8, 1.2])


def test_pyfeat_of_two_videos_is_refused(tmp_path):
    pyfeat(tmp_path / "a.csv", [(frame, frame) for frame in range(5)])
    table = pd.read_csv(tmp_path / "a.csv")
    both = pd.concat([table, table.assign(input="b.mp4")])
    both.to_csv(tmp_path / "a.csv")
    with pytest.raises(
        ValueError, match=r"one video, got 2 .*a.mp4 and b.mp4.*groupby"
    ):
        read(tmp_path / "a.csv")
    # Pictures are inputs of their own, but none has another's number.
    table.assign(input=[f"{i}.png" for i in range(5)]).to_csv(tmp_path / "a.csv")
    assert read(tmp_path / "a.csv").found.tolist() == [True] * 5


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([0, 1, 10**10], "at most 1,000,000 frames, got the numbers 0 to 10000000000"),
        ([0, 1e300], "whole frame numbers, got 1e"),
        ([0, 0.5, 1, 1.5], "whole frame numbers, got 0.5"),
    ],
)
def test_frame_numbers_that_cannot_be(tmp_path, frames, message):
    pyfeat(tmp_path / "a.csv", [(frame, 0) for frame in frames])
    with pytest.raises(ValueError, match=f"a.csv: .*{message}"):
        read(tmp_path / "a.csv")


def test_pyfeat_of_a_face_that_others_outlast(tmp_path):
    """Ours is in every fourth frame; where only the other is, it is absent."""
    lines = [(f, x) for f in range(41) for x in ([0, 500] if f % 4 == 0 else [500])]
    pyfeat(tmp_path / "a.csv", [*lines, (41, 500)])
    track = read(tmp_path / "a.csv")
    assert track.found.tolist() == [f % 4 == 0 for f in range(42)]
    np.testing.assert_allclose(track.times, np.arange(42) / 25)


def test_pyfeat_keeps_one_face_throughout(tmp_path):
    lines = []
    for frame in range(30):
        if not 20 <= frame < 24:  # ours is away for four frames
            lines.append((frame, 2 * frame))
        lines.append((frame, 400))  # another sits still
    lines[0], lines[1] = lines[1], lines[0]  # in whatever order
    pyfeat(tmp_path / "a.csv", lines)
    # Make ours the larger one in the first frame.
    table = pd.read_csv(tmp_path / "a.csv", index_col=0)
    other = (table.frame == 0) & (table.FaceRectX > 300)
    table.loc[other, NAMES[:68]] = 0.5 * table.loc[other, NAMES[:68]] + 225
    table.to_csv(tmp_path / "a.csv")
    track = read(tmp_path / "a.csv")
    assert track.found.tolist() == [not 20 <= i < 24 for i in range(30)]
    moved = track.points[0, track.found] - face()
    np.testing.assert_allclose(
        moved[:, 7, 0], 2 * np.flatnonzero(track.found), atol=1e-3
    )


def test_pyfeat_after_a_long_absence_takes_the_nearest(tmp_path):
    lines = [(0, 0), (0, 500)]  # the same size: the first
    lines += [(frame, 500) for frame in range(1, 40)]
    lines += [(frame, x) for frame in range(40, 45) for x in (500, 150)]
    pyfeat(tmp_path / "a.csv", lines)
    track = read(tmp_path / "a.csv")
    # Half a second at 25 frames a second: from frame 13 on the other counts.
    assert track.found.tolist() == [True] + [False] * 12 + [True] * 32
    np.testing.assert_allclose(track.points[0, 13:] - face(500), 0, atol=1e-3)


def mesh(frames=3, points=478, depth=3):
    random = np.random.default_rng(0)
    values = random.uniform(0.2, 0.6, size=(frames, points, depth))
    # Eyes, which the crop is made from, in their places.
    values[:, [33, 160, 158, 133, 153, 144], :2] = [0.3, 0.4]
    values[:, [362, 385, 387, 263, 373, 380], :2] = [0.4, 0.4]
    return values


@pytest.mark.parametrize(("points", "depth"), [(478, 3), (468, 3), (478, 2)])
@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_mediapipe(tmp_path, points, depth, ending):
    values = mesh(4, points, depth)
    values[1] = np.nan
    values[2] = 0
    path = tmp_path / f"a.{ending}"
    np.save(path, values) if ending == "npy" else np.savez(path, landmarks=values)
    with pytest.raises(ValueError, match="parts of an unknown frame. Put the video"):
        read(path)
    track = read(path, fps=10, size=(1920, 1080))
    assert track.kind == (f"mesh{points}" if depth == 3 else "ibug68")
    assert track.found.tolist() == [True, False, False, True]
    np.testing.assert_allclose(track.times, [0, 0.1, 0.2, 0.3])
    tip = values[3, 4, :2] * [1920, 1080]  # the tip of the nose: 4 there, 30 here
    np.testing.assert_allclose(to_68(track.points)[0, 3, 30, :2], tip, rtol=1e-5)
    if depth == 2:
        assert track.boxes[0, 2] == pytest.approx(2.7 * 0.1 * 1920)


def test_mediapipe_in_pixels(tmp_path):
    """Those in parts of a frame have the size of the video that lies beside them."""
    np.save(tmp_path / "parts.npy", mesh())
    np.save(tmp_path / "pixels.npy", mesh() * [320, 240, 320])
    video.write(tmp_path / "parts.mp4", iter([(0.0, np.zeros((240, 320, 3), "u1"))]))
    parts, pixels = read(tmp_path / "parts.npy"), read(tmp_path / "pixels.npy")
    np.testing.assert_allclose(pixels.points, parts.points, rtol=1e-5)
    assert parts.size == (320, 240) and pixels.size == (0, 0)


@pytest.mark.parametrize("count", [98, 106])
def test_other_numbers_of_points_are_refused(count, tmp_path):
    names = [f"{axis}_{n}" for axis in "xy" for n in range(count)]
    text = ",".join(names) + "\n" + ",".join(["7"] * len(names))
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=f"468 or 478 points, got {count} points. The"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["{axis}_{n}", "{axis}{n}"])
def test_a_mesh_in_a_table(name, tmp_path):
    values = mesh(3, 478) * [320, 240, 320]
    names = [name.format(axis=axis, n=n) for n in range(478) for axis in "xyz"]
    table = pd.DataFrame(values.reshape(3, -1), columns=names)
    table.to_csv(tmp_path / "a.csv", index=False)
    track = read(tmp_path / "a.csv")
    assert track.kind == "mesh478"
    np.testing.assert_allclose(track.points[0], values, rtol=1e-5)


def test_the_mesh_s_table():
    assert len(MESH_TO_68) == len(set(MESH_TO_68)) == 68 and max(MESH_TO_68) < 468
    # MediaPipe's own sets of connections (face_mesh_connections.py): the contours of
    # the eyes, and of the lips, and the oval of the face.
    right = {33, 7, 163, 144, 145, 153, 154, 155, 133}
    right |= {246, 161, 160, 159, 158, 157, 173}
    left = {263, 249, 390, 373, 374, 380, 381, 382, 362}
    left |= {466, 388, 387, 386, 385, 384, 398}
    oval = {10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379}
    oval |= {378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127}
    outer = {61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291}
    outer |= {185, 40, 39, 37, 0, 267, 269, 270, 409}
    inner = {78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308}
    inner |= {191, 80, 81, 82, 13, 312, 311, 310, 415}
    brows = {46, 53, 52, 65, 55, 70, 63, 105, 66, 107}
    brows |= {276, 283, 282, 295, 285, 300, 293, 334, 296, 336}
    parts = {(0, 17): oval, (17, 27): brows, (36, 42): right, (42, 48): left}
    parts |= {(48, 60): outer, (60, 68): inner}
    for (start, end), wanted in parts.items():
        assert set(MESH_TO_68[start:end]) <= wanted


def test_our_own(tmp_path):
    points = np.stack([face(i) for i in range(3)])[None]
    boxes = box_of(points[0])
    fields = points, boxes, np.arange(3) / 25, np.zeros((1, 4)), (640, 480), "v.mp4"
    made = LandmarkTrack(*fields)
    made.save(tmp_path / "a.npz")
    again = read(str(tmp_path / "a.npz"))
    np.testing.assert_array_equal(again.points, made.points)
    assert again.source == "v.mp4"
    jittered = again.jittered(4)
    assert np.isfinite(jittered.landmarks()).all() and jittered.margins[1:].any()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "cannot be read as a CSV"),
        ("a.csv", b"\xff\xfe\x00\x81", "CSV|columns"),
        ("a.csv", b"frame,x_0\n1,2\n", "135 are missing, first x_1.*begins with frame"),
        ("a.csv", (",".join(NAMES) + "\n").encode(), "a line a frame, got none"),
        ("a.csv", (",".join(NAMES) + "\n" + ",".join("a" * 136)).encode(), "numbers"),
        ("a.csv", (",".join(NAMES) + "\n" + ",".join("7" * 136)).encode(), "is 0"),
        ("a.csv", (",".join(NAMES) + "\n" + "," * 135).encode(), "no face in any"),
        ("a.npz", b"", "MediaPipe's points"),
        ("a.npz", b"PK\x03\x04 and no more", "MediaPipe's points"),
        ("a.npy", b"text", "MediaPipe's points"),
        ("a.txt", b"text", "ends in"),
    ],
)
def test_what_is_none_of_them(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path / name)
    assert name in str(caught.value)


def test_arrays_that_are_none_of_them(tmp_path):
    path = tmp_path / "a.npy"
    shapes = [np.zeros(shape) for shape in [(4, 70, 3), (478, 3), (0, 478, 3)]]
    kinds = [np.ones((2, 478, 3)).astype(kind) for kind in ["c8", "M8[s]", "U9"]]
    for values in shapes + kinds:
        np.save(path, values)
        with pytest.raises(ValueError, match="a.npy.*got"):
            read(path)
    np.save(path, np.zeros((4, 478, 3)))
    with pytest.raises(ValueError, match="no face in any of the 4"):
        read(path)
    np.save(path, np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(ValueError, match="a.npy"):
        read(path)
    np.savez(tmp_path / "b.npz", one=mesh(), two=mesh())
    with pytest.raises(ValueError, match="arrays one, two"):
        read(tmp_path / "b.npz")
    with pytest.raises(FileNotFoundError, match="no file"):
        read(tmp_path / "absent.csv")
    with pytest.raises(ValueError, match="fps"):
        read(tmp_path / "b.npz", fps=0)


# What the fuzz tests found.


@pytest.mark.parametrize(
    ("heading", "message"),
    [
        # Pandas would take the first column for names and move all others.
        ("", "cannot be read as a CSV table"),
        (",x_0 ", "expected every column once.*x_0"),
    ],
)
def test_lines_with_one_more_cell(tmp_path, heading, message):
    path = tmp_path / "a.csv"
    openface(path, [0, 1], [1, 1])
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([head + heading, *(line + ",7" for line in lines)]))
    with pytest.raises(ValueError, match=f"a.csv: {message}"):
        read(path)


@pytest.mark.parametrize("far", ["1e39", "1e300"])
def test_points_far_out_of_any_frame(tmp_path, far):
    """Beyond float32, they are infinite."""
    openface(tmp_path / "a.csv", [0, 1], [1, 1])
    table = pd.read_csv(tmp_path / "a.csv", skipinitialspace=True)
    table.assign(x_5=far).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match="a.csv: points and boxes must be finite"):
        read(tmp_path / "a.csv")
