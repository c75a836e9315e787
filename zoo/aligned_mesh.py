"""A face's mesh with the head's movement taken off."""

import keras
from keras import ops

# Points of MediaPipe's mesh that hardly move with expressions.
RIGHT_EYE, LEFT_EYE = (33, 133), (362, 263)  # outer and inner corners
RIGHT_SIDE = (33, 133, 127, 234, 162, 139)  # with the temple
LEFT_SIDE = (263, 362, 356, 454, 389, 368)
FOREHEAD = (10, 151, 9, 108, 337, 109, 338)
NOSE = (5, 195, 197, 4, 1)
MESHES = (468, 478)


@keras.saving.register_keras_serializable(package="zoo")
class AlignedMesh(keras.layers.Layer):
    """Take a head's place, size and rotation off its mesh, and return them beside it.

    The head has axes of its own: x from its right side to its left, y down from the
    forehead to the nose, square to x, and z away from the camera. They are made from
    points that hardly move with expressions. The origin is the middle between the
    corners of the eyes, the unit the distance between the eyes, in space. All is
    multiplications, sums and square roots, so that every export holds it.

    Call arguments:
        points: `(..., 468, 3)` or `(..., 478, 3)`: x and y in pixels, y down, and the
            depth in the same unit, as `zoo.inputs` gives them, without NaN.

    Returns:
        The aligned points, of the shape of `points`, in eye distances; and the pose
        `(..., 10)`: the head's x axis and y axis as unit vectors in the picture (the
        continuous representation of a rotation by Zhou et al. 2019, On the Continuity
        of Rotation Representations in Neural Networks), the origin and the distance
        between the eyes, both in the unit of `points`.

    Raises:
        ValueError: the input has another shape.
    """

    def build(self, input_shape):
        if input_shape[-2] not in MESHES or input_shape[-1] != 3:
            raise ValueError(
                "Expected x, y and depth of a face's mesh, (..., 468, 3) or (..., 478, "
                f"3). Received: {tuple(input_shape)}"
            )

    def call(self, points):
        points = ops.cast(points, self.compute_dtype)

        def middle(numbers):
            return ops.mean(ops.take(points, numbers, axis=-2), axis=-2)

        right, left = middle(RIGHT_EYE), middle(LEFT_EYE)
        origin, scale = (right + left) / 2, length(left - right)
        x = unit(middle(LEFT_SIDE) - middle(RIGHT_SIDE))
        down = middle(NOSE) - middle(FOREHEAD)
        y = unit(down - ops.sum(down * x, axis=-1, keepdims=True) * x)
        axes = ops.stack([x, y, cross(x, y)], axis=-1)
        aligned = ops.matmul(points - ops.expand_dims(origin, -2), axes)
        aligned = ops.divide_no_nan(aligned, ops.expand_dims(scale, -2))
        return aligned, ops.concatenate([x, y, origin, scale], axis=-1)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape), (*input_shape[:-2], 10)


def length(vectors):
    return ops.sqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True))


def unit(vectors):
    return ops.divide_no_nan(vectors, length(vectors))


def cross(one, other):
    """Return the vector product; not every export has an operation for it."""
    a, b, c = (one[..., n : n + 1] for n in range(3))
    d, e, f = (other[..., n : n + 1] for n in range(3))
    return ops.concatenate([b * f - c * e, c * d - a * f, a * e - b * d], axis=-1)
