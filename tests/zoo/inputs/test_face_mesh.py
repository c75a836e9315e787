"""Faces and their mesh in pictures: a real face, drawn ones, and none."""

import hashlib
import os
import pathlib
import zipfile

import cv2
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from skimage import data

from zoo.inputs import face_mesh
from zoo.inputs.face_mesh import BLENDSHAPES, FaceMesh, Region
from zoo.inputs.landmark_points import to_68

LANDMARKER = pathlib.Path(os.environ.get("DUCHENNE_DATA", "/nowhere")).joinpath(
    "models", "face_landmarker.task"
)
needs_landmarker = pytest.mark.skipif(not LANDMARKER.is_file(), reason="needs its file")


@pytest.fixture(scope="module")
def mesh():
    return FaceMesh()


@pytest.fixture(scope="module")
def picture():
    return data.astronaut()


@pytest.fixture(scope="module")
def face(mesh, picture):
    [face] = mesh.find_faces(picture)
    return face


def run_alone(content, values):
    """The plain interpreter, on all its threads."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    outputs = interpreter.get_output_details()
    return [interpreter.get_tensor(output["index"]) for output in outputs]


def test_points_lie_on_the_face(face, picture):
    """Eyes found independently, by OpenCV's cascade for eyes."""
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_eye.xml")
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    x, y, width, height = face.box.astype(int)
    upper = grey[y : y + height * 6 // 10, x : x + width]
    eyes = sorted(cascade.detectMultiScale(upper, 1.05, 5).tolist())
    points = to_68(face.points)[:, :2]
    for eye, around in zip(eyes, (points[36:42], points[42:48]), strict=True):
        middle = np.array([x + eye[0] + eye[2] / 2, y + eye[1] + eye[3] / 2])
        assert np.linalg.norm(around.mean(axis=0) - middle) < 0.3 * eye[2]
    assert face.score > 0.9 and face.points.shape == (468, 3)
    # The tip of the nose is nearest to the camera.
    assert face.points[:, 2].argmin() in {1, 4, 5, 19, 44, 274}


def test_points_are_those_of_the_plain_interpreter_in_a_square_cut(mesh, picture):
    """A naive crop, upright and resized, without a turned region."""
    face = mesh.find_face(picture, Region(222, 120, 160, 0.0))
    square = cv2.resize(picture[40:200, 142:302], (192, 192)).astype(np.float32) / 255
    content = face_mesh._package_file("face_landmark.tflite").read_bytes()
    points = run_alone(content, square[None])[0].reshape(468, 3) * 160 / 192
    points[:, :2] += [142, 40]
    eyes = np.linalg.norm(points[33] - points[263])
    assert np.linalg.norm(face.points - points, axis=1).max() < 0.01 * eyes
    assert hashlib.sha256(content).hexdigest() in mesh.model and "0." in mesh.model


def test_a_turned_and_a_larger_face_has_its_points_in_their_places(mesh, picture, face):
    turn = cv2.getRotationMatrix2D((222, 120), 35, 1.4)
    [turned] = mesh.find_faces(cv2.warpAffine(picture, turn, (512, 512)))
    wanted = face.points[:, :2] @ turn[:, :2].T + turn[:, 2]
    eyes = np.linalg.norm(wanted[33] - wanted[263])
    assert np.abs(turned.points[:, :2] - wanted).mean() < 0.05 * eyes
    x, y = turned.points[263, :2] - turned.points[33, :2]
    assert turned.next_region.angle == pytest.approx(np.arctan2(y, x), abs=1e-6)
    assert turned.look @ face.look > 0.9


def test_several_faces_and_none(mesh, picture):
    two = np.hstack([picture, picture[:, ::-1]])
    assert len(mesh.find_faces(two)) == 2
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), "uint8")
    nothing = [noise, picture[300:].copy(), np.zeros((1, 1, 3), "uint8")]
    nothing += [np.zeros((1, 3000, 3), "uint8"), np.full((2000, 1, 3), 9, "uint8")]
    assert [mesh.find_faces(one) for one in nothing] == [[]] * 5


def test_a_region_is_mapped_to_a_square():
    region = Region(30, 40, 20, np.pi / 2)
    corners = np.array([[20, 30, 1], [40, 30, 1], [40, 50, 1]])
    wanted = [[0, 100], [0, 0], [100, 0]]  # turned back by a quarter
    np.testing.assert_allclose(corners @ region.to_square(100).T, wanted, atol=1e-9)


def test_without_the_package_and_of_another_file(monkeypatch, tmp_path):
    monkeypatch.setattr(face_mesh, "_PACKAGE", "no-such-package")
    with pytest.raises(FileNotFoundError, match=r'pip install "duchenne\[video\]"'):
        FaceMesh()
    (tmp_path / "other.task").write_bytes(b"other")
    with pytest.raises(ValueError, match="SHA-256.*Received: .*Download it from http"):
        face_mesh.landmarker_file(tmp_path / "other.task")


def test_a_landmarker_that_cannot_be_downloaded(monkeypatch, tmp_path):
    monkeypatch.setenv("DUCHENNE_CACHE", str(tmp_path))
    # Nothing listens there.
    monkeypatch.setattr(face_mesh, "LANDMARKER_URL", "http://127.0.0.1:9/a.task")
    with pytest.raises(
        FileNotFoundError, match="not there and could not be downloaded"
    ):
        face_mesh.landmarker_file()
    assert not list(tmp_path.rglob("*.task"))


@pytest.mark.real_data
@needs_landmarker
def test_the_landmarker_and_its_blendshapes(picture, face):
    mesh = FaceMesh("mesh478", LANDMARKER)
    [found] = mesh.find_faces(picture)
    assert found.points.shape == (478, 3) and len(BLENDSHAPES) == 52
    eyes = np.linalg.norm(face.points[33] - face.points[263])
    apart = np.linalg.norm(found.points[:468, :2] - face.points[:, :2], axis=1)
    assert apart.mean() < 0.1 * eyes
    # The irises lie between the corners of the eyes.
    for iris, corners in ((468, (33, 133)), (473, (362, 263))):
        middle = found.points[list(corners)].mean(axis=0)
        assert np.linalg.norm(found.points[iris, :2] - middle[:2]) < 0.2 * eyes
    bundle = zipfile.ZipFile(LANDMARKER)
    chosen = found.points[list(face_mesh._OF_BLENDSHAPES), :2][None]
    [alone] = run_alone(bundle.read("face_blendshapes.tflite"), chosen)
    np.testing.assert_allclose(found.blendshapes, alone, atol=1e-3)
    named = dict(zip(BLENDSHAPES, found.blendshapes, strict=True))
    assert min(named["mouthSmileLeft"], named["mouthSmileRight"]) > 0.5  # she smiles
    assert named["jawOpen"] < 0.3 and named["mouthFrownLeft"] < 0.1
    square = cv2.resize(picture[40:200, 142:302], (256, 256)).astype(np.float32) / 255
    found = mesh.find_face(picture, Region(222, 120, 160, 0.0))
    content = bundle.read("face_landmarks_detector.tflite")
    points = run_alone(content, square[None])[0].reshape(478, 3) * 160 / 256
    points[:, :2] += [142, 40]
    assert np.linalg.norm(found.points - points, axis=1).max() < 0.01 * eyes
