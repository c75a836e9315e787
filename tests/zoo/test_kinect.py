"""The layers on Kinect points against NumPy, by hand-made faces, and saved."""

import keras
import numpy as np
import pytest

from tests.zoo.helpers import numpy
from zoo.layers import AlignedFace, FrameGeometry

# Table 1 of the paper, in its own words.
TABLE_1 = {
    "D": "17,27 17,2 2,89 89,39 39,57 51,57 48,54 44,57 44,89 89,10 10,27",
    "A": "27,2,10 17,10,2 48,89,54 89,48,51 89,54,51 51,48,57 51,54,57",
}
D, A = (
    [[int(number) for number in entry.split(",")] for entry in TABLE_1[row].split()]
    for row in "DA"
)


def geometry(frame, relative_depth=False):
    """The 118 features of one frame, one after the other."""
    frame = np.asarray(frame, float)
    xy, z = frame[:, :2], frame[:, 2]
    features = [np.linalg.norm(xy[a] - xy[b]) for a, b in D]
    for a, middle, b in A:
        one, other = xy[a] - xy[middle], xy[b] - xy[middle]
        features.append(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
    middle = np.nanmedian(np.where(z == 0, np.nan, z))
    z = np.where((z == 0) | np.isnan(z), middle, z)
    return np.array([*features, *(z - middle if relative_depth else z)])


def aligned(frame):
    """The 205 numbers of one frame, with complex numbers for the plane."""
    frame = np.asarray(frame, float)
    plane, z = frame[:, 0] + 1j * frame[:, 1], frame[:, 2]
    left, right = plane[0:8].mean(), plane[8:16].mean()
    face = (plane - (left + right) / 2) / (right - left)
    eyes = abs(right - left)
    mean = plane.mean() / eyes
    depth = np.nanmedian(np.where(z == 0, np.nan, z))
    head = [np.angle(right - left), eyes, mean.real, mean.imag, depth]
    return np.array([*face.real, *face.imag, *head])


def random_points(*shape, missing_depths=0.0, seed=0):
    """Points of a face's size and place, in pixels and millimetres."""
    generator = np.random.default_rng(seed)
    points = generator.normal((320, 240, 1200), (30, 40, 15), (*shape, 100, 3))
    points[..., 0:8, 0] -= 60  # the left eye is left of the right one
    points[..., 2][generator.random((*shape, 100)) < missing_depths] = 0
    return points.astype("float32")


def by_frame(reference, points, **arguments):
    frames = points.reshape(-1, 100, 3)
    rows = [reference(frame, **arguments) for frame in frames]
    return np.reshape(rows, (*points.shape[:-2], -1))


SHAPES = [(), (1,), (7,), (2, 3), (2, 1, 4)]


@pytest.mark.parametrize("relative_depth", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_118_features(shape, relative_depth):
    points = random_points(*shape, missing_depths=0.2)
    got = numpy(FrameGeometry(relative_depth)(points))
    want = by_frame(geometry, points, relative_depth=relative_depth)
    assert got.shape == (*shape, 118)
    np.testing.assert_allclose(got[..., :11], want[..., :11], rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(got[..., 11:18], want[..., 11:18], atol=1e-4)
    np.testing.assert_allclose(got[..., 18:], want[..., 18:], atol=1e-3)


def hand_made(**places):
    """One frame with some points put by hand, as `p17=(x, y)`."""
    points = random_points()
    for name, place in places.items():
        points[int(name[1:]), :2] = place
    return points


# The first angle is at point 2 between 27 and 10, the first distance from 17 to 27.
@pytest.mark.parametrize(
    "one, other, cosine",
    [
        ((150, 100), (100, 170), 0),
        ((50, 100), (170, 100), -1),
        ((150, 150), (170, 170), 1),
        ((150, 100), (100 + 30, 100 + 30 * 3**0.5), 0.5),
        ((100, 100), (170, 100), 0),  # no angle: one point lies on the middle one
    ],
)
def test_angles_that_one_knows(one, other, cosine):
    points = hand_made(p2=(100, 100), p27=one, p10=other)
    assert numpy(FrameGeometry()(points))[11] == pytest.approx(cosine, abs=1e-6)


def test_distances_that_one_knows():
    points = hand_made(p17=(100, 100), p27=(103, 104))
    points[17, 2], points[27, 2] = 900, 1500  # the depth plays no part
    assert numpy(FrameGeometry()(points))[0] == pytest.approx(5)
    assert numpy(FrameGeometry()(hand_made(p17=(7, 9), p27=(7, 9))))[0] == 0


@pytest.mark.parametrize("missing", [0.0, np.nan])
@pytest.mark.parametrize("measured", [1, 2, 3, 49, 50, 99, 100])
def test_a_missing_depth_becomes_the_median(measured, missing):
    points = random_points()
    order = np.random.default_rng(measured).permutation(100)
    points[order[measured:], 2] = missing
    median = np.median(points[order[:measured], 2].astype(float))
    depths = numpy(FrameGeometry()(points))[18:]
    np.testing.assert_allclose(depths[order[measured:]], median, rtol=1e-6)
    np.testing.assert_array_equal(depths[order[:measured]], points[order[:measured], 2])
    relative = numpy(FrameGeometry(relative_depth=True)(points))[18:]
    np.testing.assert_allclose(relative, depths - median, atol=2e-4)
    assert np.all(relative[order[measured:]] == 0)


def test_relative_depth_does_not_see_the_distance_of_the_head():
    points = np.round(random_points(3, missing_depths=0.3))
    nearer = points - np.where(points == 0, 0, [0, 0, 300]).astype("float32")
    layer = FrameGeometry(relative_depth=True)
    np.testing.assert_array_equal(layer(points), layer(nearer))
    moved = numpy(FrameGeometry()(points) - FrameGeometry()(nearer))
    np.testing.assert_array_equal(moved[:, 18:], 300)


@pytest.mark.parametrize("missing", [0.0, np.nan])
@pytest.mark.parametrize("point", [2, 48, 50, 89])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_missing_place_is_nan_in_what_depends_on_it(point, axis, missing):
    points = random_points(2)
    points[1, point, axis] = missing
    got = numpy(FrameGeometry()(points))
    depends = [point in corners for corners in (*D, *A)] + [False] * 100
    np.testing.assert_array_equal(np.isnan(got[1]), depends)
    assert np.isfinite(got[0]).all()


def test_a_frame_without_depths_has_none():
    points = random_points(3)
    points[1, :, 2] = 0
    for relative_depth in [False, True]:
        got = numpy(FrameGeometry(relative_depth)(points))
        assert np.isnan(got[1, 18:]).all() and np.isfinite(got[1, :18]).all()
        assert np.isfinite(got[[0, 2]]).all()


def test_whole_numbers_as_a_camera_gives_them():
    points = np.round(random_points(2, missing_depths=0.2)).astype("uint16")
    for layer in [FrameGeometry(), AlignedFace()]:
        np.testing.assert_array_equal(layer(points), layer(points.astype("float32")))
    # Differences below 0 must not wrap around.
    np.testing.assert_allclose(
        FrameGeometry()(points), by_frame(geometry, points), atol=2e-3
    )


@pytest.mark.parametrize("layer", [FrameGeometry, AlignedFace])
@pytest.mark.parametrize("shape", [(100,), (5, 99, 3), (5, 100, 2), (5, 300)])
def test_wrong_shapes(layer, shape):
    with pytest.raises(ValueError, match=r"x, y and z of 100 points.* Received: \("):
        layer()(np.ones(shape))
    with pytest.raises(ValueError, match="x, y and z of 100 points"):
        layer()(keras.Input(shape))
    used = layer()
    used(random_points(5))
    with pytest.raises(ValueError, match="incompatible with the layer"):
        used(np.ones(shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_aligned_face(shape):
    points = random_points(*shape, missing_depths=0.2)
    got, want = numpy(AlignedFace()(points)), by_frame(aligned, points)
    assert got.shape == (*shape, 205)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("angle", [-2.0, -0.3, 0.4, 1.5])
@pytest.mark.parametrize("factor", [0.5, 1, 1.7])
def test_only_the_head_pose_sees_the_movement_of_the_head(angle, factor):
    points = random_points(4).astype(float)
    turn = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    moved = points.copy()
    moved[..., :2] = factor * points[..., :2] @ turn + [1500, 900]
    moved[..., 2] -= 250
    one, other = numpy(AlignedFace()(points)), numpy(AlignedFace()(moved))
    np.testing.assert_allclose(one[:, :200], other[:, :200], atol=2e-4)
    turned = np.exp(1j * (other[:, 200] - one[:, 200]))
    np.testing.assert_allclose(turned, np.exp(1j * angle), atol=1e-4)
    np.testing.assert_allclose(other[:, 201], factor * one[:, 201], rtol=1e-5)
    mean = moved[..., :2].mean(axis=1) / other[:, 201:202]
    np.testing.assert_allclose(other[:, 202:204], mean, rtol=1e-5)
    np.testing.assert_allclose(other[:, 204], one[:, 204] - 250, atol=1e-3)


def test_the_head_keeps_its_depth_when_some_are_missing():
    points = random_points(2)
    points[0, :51, 2], points[1, :, 2] = 0, np.nan
    depth = numpy(AlignedFace()(points))[:, 204]
    assert depth[0] == pytest.approx(np.median(points[0, 51:, 2]))
    assert np.isnan(depth[1])


def test_a_keras_file(tmp_path):
    points = keras.Input((None, 100, 3))
    parts = [FrameGeometry(relative_depth=True)(points), AlignedFace()(points)]
    assert [part.shape for part in parts] == [(None, None, 118), (None, None, 205)]
    model = keras.Model(points, parts)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    recording = random_points(2, 3, missing_depths=0.1)
    got = again.predict(recording, verbose=0)
    want = by_frame(geometry, recording, relative_depth=True)
    np.testing.assert_allclose(got[0], want, atol=2e-3)
    np.testing.assert_allclose(
        got[1], by_frame(aligned, recording), rtol=1e-5, atol=2e-5
    )
