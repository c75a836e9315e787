"""Faces followed by their mesh, each under its own number."""

import itertools
import os
import pathlib

import cv2
import numpy as np
import pytest
from skimage import data

from datasets.sample import nvie
from zoo.inputs.face_mesh import FaceMesh
from zoo.inputs.landmarks import extract, extract_faces
from zoo.inputs.mesh_tracking import MeshTracker
from zoo.inputs.video import Video, write

REAL = pathlib.Path(os.environ.get("DUCHENNE_DATA", "/nowhere"), "video")


@pytest.fixture(scope="module")
def mesh():
    return FaceMesh()


@pytest.fixture(scope="module")
def real_face():
    return cv2.resize(data.astronaut()[:240, 100:340], (300, 300))


@pytest.fixture(scope="module")
def drawn_face():
    row = next(nvie.plan().itertuples(index=False))
    picture = nvie.pictures(row._replace(noise=0.0), nvie.persons()[row.subject])[-1]
    return cv2.resize(picture[..., ::-1], (300, 300))


def side_by_side(first, second, at, other, front):
    """A frame of 900x400 with two pictures of 300x300 in it."""
    frame = np.full((400, 900, 3), 90, np.uint8)
    pictures = [(first, at), (second, other)]
    for picture, x in pictures if front else pictures[::-1]:
        frame[50:350, x : x + 300] = picture
    return frame


def crossing(first, second, count=60):
    """Two people who change sides, the second in front of the first."""
    for number, x in enumerate(np.linspace(10, 590, count).round().astype(int)):
        one, other = next(first), next(second)
        yield number / 25, side_by_side(one, other, x, 600 - x, front=True)


def followed(mesh, frames):
    """The middles of all faces, by their numbers, of every frame."""
    tracker = MeshTracker(mesh)
    middles = []
    for second, frame in frames:
        faces = tracker.update(second, frame)
        middles.append({n: face.box[0] + face.box[2] / 2 for n, face in faces.items()})
    return middles


def check_crossing(middles):
    assert {number for seen in middles for number in seen} == {0, 1}
    first, last = middles[0], middles[-1]
    assert len(first) == len(last) == 2
    assert all((first[n] < 450) != (last[n] < 450) for n in (0, 1))


def test_people_who_cross_keep_their_numbers(mesh, real_face, drawn_face):
    both = itertools.repeat(real_face), itertools.repeat(drawn_face)
    check_crossing(followed(mesh, crossing(*both)))
    check_crossing(followed(mesh, crossing(*both[::-1])))


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="needs real data")
def test_real_people_who_cross_keep_their_numbers(mesh):
    people = []
    for name, left in (("WolfgangLanger_Pexels.mp4", 160), ("single_face.mp4", 150)):
        with Video(REAL / name) as video:
            frames = [
                f[:360, left : left + 360] for _, f in itertools.islice(video, 60)
            ]
        people.append([cv2.resize(np.ascontiguousarray(f), (300, 300)) for f in frames])
    check_crossing(followed(mesh, crossing(*map(iter, people))))
    check_crossing(followed(mesh, crossing(*map(iter, people[::-1]))))


def test_one_who_leaves_and_returns_and_one_who_comes_later(
    mesh, real_face, drawn_face
):
    grey = np.full((300, 300, 3), 90, np.uint8)
    shown = [(real_face, grey)] * 5 + [(grey, grey)] * 5
    shown += [(real_face, grey)] * 5 + [(real_face, drawn_face)] * 20
    frames = [side_by_side(*both, 20, 560, True) for both in shown]
    middles = followed(mesh, [(n / 25, frame) for n, frame in enumerate(frames)])
    assert [sorted(seen) for seen in middles[:15]] == [[0]] * 5 + [[]] * 5 + [[0]] * 5
    # New faces are searched for twice a second.
    assert sorted(middles[-1]) == [0, 1] and middles[-1][1] > 560
    assert [len(seen) for seen in middles[15:]] == sorted(
        len(seen) for seen in middles[15:]
    )


def test_tracks_of_all_faces_and_of_the_one_seen_longest(
    tmp_path, real_face, drawn_face
):
    grey = np.full((300, 300, 3), 90, np.uint8)
    shown = [(real_face, drawn_face)] * 4 + [(real_face, grey)] * 4
    frames = [side_by_side(*both, 20, 560, True) for both in shown]
    times = [0.0, 0.03, 0.09, 0.2, 0.21, 0.3, 0.4, 0.5]
    write(tmp_path / "two.mp4", zip(times, frames, strict=True))
    tracks = extract_faces(tmp_path / "two.mp4")
    assert sorted(int(track.found.sum()) for track in tracks) == [4, 8]
    with pytest.warns(UserWarning, match="2 faces, of which the one seen longest"):
        main = extract(tmp_path / "two.mp4", copies=2, cache=False)
    assert main.found.all() and main.kind == "mesh468" and main.size == (900, 400)
    assert main.points.shape == (1, 8, 468, 3) and main.margins.shape == (3, 4)
    assert "sha256" in main.model and (main.scores > 0.5).all()
    np.testing.assert_allclose(main.times, times, atol=1e-4)
    values = main.landmarks()
    assert values.shape == (3, 8, 80) and np.abs(values).max() < 1.3
    main.save(tmp_path / "a.npz")
    again = type(main).load(tmp_path / "a.npz")
    for name in ("points", "boxes", "scores", "kind", "model", "note"):
        np.testing.assert_array_equal(getattr(again, name), getattr(main, name))


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="needs real data")
@pytest.mark.parametrize(
    "name, frames, found, most_jitter",
    [
        ("WolfgangLanger_Pexels.mp4", 472, 472, 0.0131),
        ("single_face.mp4", 72, 72, 0.0055),
        ("face_noface.mov", 169, 72, 0.0048),
        ("no_face.mp4", 95, 0, None),
    ],
)
def test_real_videos(name, frames, found, most_jitter):
    tracks = extract_faces(REAL / name)
    assert len(tracks) == bool(found)
    for track in tracks:
        assert (len(track.times), track.found.sum()) == (frames, found)
        assert track.found[:found].all()
        points = track.points[0, :found, :, :2]
        eyes = np.linalg.norm(points[:, 33] - points[:, 263], axis=-1).mean()
        jitter = np.linalg.norm(np.diff(points, 2, axis=0), axis=-1).mean() / eyes
        assert jitter < most_jitter
