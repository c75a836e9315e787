"""Layers on the points that a Kinect finds in a face.

The features are those of Freitas, Peres, Lima and Barbosa, "Grammatical Facial
Expressions Recognition with Machine Learning", FLAIRS 2014, as Xu used them (Table 1;
see `zoo.gfe`). The points, in their order: 0-7 left eye, 8-15 right eye, 16-25 left
eyebrow, 26-35 right eyebrow, 36-47 nose, 48-67 mouth, 68-86 contour of the face, 87 and
88 left and right iris, 89 tip of the nose, 90-94 and 95-99 the line above the left and
right eyebrow.
"""

import keras
from keras import ops

POINTS = 100
# Between two points, in x and y.
DISTANCES = (
    *((17, 27), (17, 2), (2, 89), (89, 39), (39, 57), (51, 57)),
    *((48, 54), (44, 57), (44, 89), (89, 10), (10, 27)),
)
# At the middle one of three points, in x and y.
ANGLES = (
    *((27, 2, 10), (17, 10, 2), (48, 89, 54), (89, 48, 51)),
    *((89, 54, 51), (51, 48, 57), (51, 54, 57)),
)
WIDTH = len(DISTANCES) + len(ANGLES) + POINTS
LEFT_EYE, RIGHT_EYE = slice(0, 8), slice(8, 16)


@keras.saving.register_keras_serializable(package="zoo")
class FrameGeometry(keras.layers.Layer):
    """The 118 features of a frame: 11 distances, 7 angles, 100 depths.

    A coordinate of 0 means "not measured", as the Kinect writes it, and so does `nan`.
    A depth that was not measured becomes the median of the frame's measured depths.
    Where x or y is missing, what depends on it is `nan`, and so are the depths of a
    frame that has none: bridge gaps in time first, as `datasets.gfe.points` of the
    project does.

    Args:
        relative_depth: subtract from each depth the median of the frame's measured
            depths, so that the head's distance from the camera drops out.

    Call arguments:
        points: `(..., 100, 3)`: x and y in pixels, z in millimetres.

    Returns:
        `(..., 118)`: distances in pixels, cosines of the angles (-1..1; 0 where two of
        the points coincide), depths in millimetres.

    Raises:
        ValueError: the input is not `(..., 100, 3)`.
    """

    def __init__(self, relative_depth=False, **kwargs):
        super().__init__(**kwargs)
        self.relative_depth = bool(relative_depth)

    def build(self, input_shape):
        check_points(self, input_shape)

    def call(self, points):
        points = missing_to_nan(ops.cast(points, self.compute_dtype))
        xy = points[..., :2]
        return ops.concatenate(
            [distances(xy), cosines(xy), self.depths(points[..., 2])], axis=-1
        )

    def depths(self, z):
        measured = ops.logical_not(ops.isnan(z))
        middle = masked_median(z, measured)
        z = ops.where(measured, z, middle)
        return z - middle if self.relative_depth else z

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-2], WIDTH)

    def get_config(self):
        return {**super().get_config(), "relative_depth": self.relative_depth}


def check_points(layer, input_shape):
    if tuple(input_shape[-2:]) != (POINTS, 3):
        raise ValueError(
            f"{type(layer).__name__} expects x, y and z of 100 points, (..., 100, 3). "
            f"Received: {tuple(input_shape)}"
        )
    # `build` is called once, this is looked at in every call.
    layer.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-2: POINTS, -1: 3})


def missing_to_nan(points):
    return ops.where(points == 0, float("nan"), points)


def at(xy, corners, place):
    """The points that stand at a place of each tuple: `(..., len(corners), 2)`."""
    return ops.take(xy, [corner[place] for corner in corners], axis=-2)


def length(vectors):
    return ops.sqrt(ops.sum(ops.square(vectors), axis=-1))


def distances(xy):
    return length(at(xy, DISTANCES, 0) - at(xy, DISTANCES, 1))


def cosines(xy):
    middle = at(xy, ANGLES, 1)
    one, other = at(xy, ANGLES, 0) - middle, at(xy, ANGLES, 2) - middle
    return ops.divide_no_nan(ops.sum(one * other, axis=-1), length(one) * length(other))


def masked_median(values, mask):
    """Median of what is in the mask over the last axis, `(..., 1)`, or `nan`."""
    count = ops.sum(ops.cast(mask, "int32"), axis=-1, keepdims=True)
    ordered = ops.sort(ops.where(mask, values, float("inf")), axis=-1)
    below = ops.take_along_axis(ordered, ops.maximum(count - 1, 0) // 2, axis=-1)
    above = ops.take_along_axis(ordered, ops.minimum(count // 2, POINTS - 1), axis=-1)
    return ops.where(count > 0, (below + above) / 2, float("nan"))


@keras.saving.register_keras_serializable(package="zoo")
class AlignedFace(keras.layers.Layer):
    """The points with the head's movement taken off, and that movement: 205 numbers.

    The face is moved to the middle between the eyes, scaled to an eye distance of 1 and
    turned until the eyes are level. Missing coordinates as in `FrameGeometry`; here
    x and y of all points are needed.

    Call arguments:
        points: `(..., 100, 3)`: x and y in pixels, z in millimetres.

    Returns:
        `(..., 205)`: the 100 x and the 100 y in eye distances; then of the head: roll
        in radians, eye distance in pixels, x and y of the mean point in eye distances,
        median depth in millimetres.

    Raises:
        ValueError: the input is not `(..., 100, 3)`.
    """

    def build(self, input_shape):
        check_points(self, input_shape)

    def call(self, points):
        points = missing_to_nan(ops.cast(points, self.compute_dtype))
        xy, z = points[..., :2], points[..., 2]
        left = ops.mean(xy[..., LEFT_EYE, :], axis=-2)
        right = ops.mean(xy[..., RIGHT_EYE, :], axis=-2)
        across, middle = right - left, (left + right) / 2
        scale = ops.expand_dims(length(across), -1)
        cosine = across[..., :1] / scale
        sine = across[..., 1:] / scale
        xy = (xy - ops.expand_dims(middle, -2)) / ops.expand_dims(scale, -1)
        mean = ops.mean(points[..., :2], axis=-2) / scale
        x, y = xy[..., 0], xy[..., 1]
        depth = masked_median(z, ops.logical_not(ops.isnan(z)))
        head = [ops.arctan2(sine, cosine), scale, mean, depth]
        aligned = [x * cosine + y * sine, y * cosine - x * sine]
        return ops.concatenate([*aligned, *head], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-2], 2 * POINTS + 5)
