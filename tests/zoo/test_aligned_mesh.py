"""The mesh without the head's movement: rigid motions put in, and NumPy beside it."""

import keras
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.zoo.helpers import numpy
from zoo.aligned_mesh import FOREHEAD, LEFT_SIDE, NOSE, RIGHT_SIDE
from zoo.layers import AlignedMesh


def face(points=468, seed=0):
    """A face that looks into the camera, upright, its eyes 1 apart around (0, 0, 0)."""
    values = np.random.default_rng(seed).normal(size=(points, 3))
    for one, other in zip(RIGHT_SIDE, LEFT_SIDE, strict=True):
        values[other] = values[one] * [-1, 1, 1]  # symmetric, and
        values[[one, other], 1:] = 0
    values[[33, 133]], values[[263, 362]] = [-0.5, 0, 0], [0.5, 0, 0]
    values[[127, 234, 162, 139], 0] = -0.9
    values[[356, 454, 389, 368], 0] = 0.9
    values[list(FOREHEAD)], values[list(NOSE)] = [0, -1, 0], [0, 1, 0]
    return values


def moved(values, rotation, scale, shift):
    return scale * values @ rotation.as_matrix().T + shift


MOTIONS = [
    (Rotation.from_euler("xyz", angles, degrees=True), scale, shift)
    for angles, scale, shift in [
        ((0, 0, 0), 1, (0, 0, 0)),
        ((0, 0, 90), 80, (300, 200, 0)),
        ((20, -35, 10), 60, (640, 360, 15)),
        ((-15, 40, -170), 200, (50, 900, -40)),
    ]
]


@pytest.mark.parametrize("points", [468, 478])
@pytest.mark.parametrize("motion", MOTIONS, ids=str)
def test_a_rigid_motion_is_taken_off_and_returned(motion, points):
    rotation, scale, shift = motion
    values = face(points)
    aligned, pose = map(numpy, AlignedMesh(dtype="float64")(moved(values, *motion)))
    np.testing.assert_allclose(aligned, values, atol=1e-5)
    axes = rotation.as_matrix().T
    np.testing.assert_allclose(pose[:6], axes[:2].ravel(), atol=1e-5)
    np.testing.assert_allclose(pose[6:], [*shift, scale], atol=1e-5 * max(1, scale))


@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_against_numpy_one_face_at_a_time(shape):
    points = np.random.default_rng(1).normal(200, 60, (*shape, 468, 3))
    aligned, pose = map(numpy, AlignedMesh(dtype="float64")(points))
    assert aligned.shape == points.shape and pose.shape == (*shape, 10)
    faces = zip(points.reshape(-1, 468, 3), aligned.reshape(-1, 468, 3), strict=True)
    for before, after in faces:
        right, left = before[[33, 133]].mean(axis=0), before[[362, 263]].mean(axis=0)
        across = before[list(LEFT_SIDE)].mean(axis=0)
        across = across - before[list(RIGHT_SIDE)].mean(axis=0)
        down = before[list(NOSE)].mean(axis=0) - before[list(FOREHEAD)].mean(axis=0)
        # Gram and Schmidt's axes are those of a QR decomposition, but for their signs.
        q, r = np.linalg.qr(np.stack([across, down], axis=1))
        x, y = (q * np.sign(np.diag(r))).T
        axes = np.stack([x, y, np.cross(x, y)])
        eyes = np.linalg.norm(left - right)
        expected = (before - (right + left) / 2) @ axes.T / eyes
        np.testing.assert_allclose(after, expected, atol=1e-9)


def test_other_shapes_are_refused_and_points_on_one_spot_give_no_nan():
    for shape in [(5, 68, 3), (5, 468, 2)]:
        with pytest.raises(ValueError, match=r"Expected x, y and depth .* Received: "):
            AlignedMesh()(np.zeros(shape))
    for values in AlignedMesh()(np.zeros((2, 468, 3))):
        assert np.isfinite(numpy(values)).all()


def test_saved_with_the_model_that_it_is_in(tmp_path):
    inputs = keras.Input((None, 478, 3))
    model = keras.Model(inputs, AlignedMesh()(inputs))
    model.save(tmp_path / "model.keras")
    from zoo import safe

    x = np.random.default_rng(0).normal(size=(2, 4, 478, 3)).astype("float32")
    again = safe.load_model(tmp_path / "model.keras")
    for one, other in zip(model(x), again(x), strict=True):
        np.testing.assert_array_equal(one, other)
