"""A small canvas in face units: filled shapes, creases, soft light, shading.

Face units: the origin lies between the eyes and the nose, x runs to the right
of the picture, y down, and a head is about 2 wide. The subject's left is
therefore at x > 0. Colours are BGR, 0 to 255.
"""

from dataclasses import dataclass
from math import comb, cos, sin

import numpy as np

SIZE = 128  # pixels, width and height of a picture
_SUPER = 2  # drawn at twice the size, then averaged down
_SIDE = SIZE * _SUPER
_UNIT = 0.335 * SIZE  # pixels of the picture in one face unit
LIGHTS = {  # direction towards the lamp: right, down, towards the camera
    "front": (0.0, -0.35, 0.94),
    "left": (-0.66, -0.25, 0.71),
    "right": (0.66, -0.25, 0.71),
}


@dataclass(frozen=True)
class Pose:
    """Head and camera: angles in radians, shifts in face units, scale about 1."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    scale: float = 1.0


def _bernstein(degree: int, steps: int = 20) -> np.ndarray:
    t, k = np.linspace(0, 1, steps)[:, None], np.arange(degree + 1)
    weights = np.array([comb(degree, i) for i in k])
    return weights * t**k * (1 - t) ** (degree - k)


_BASIS = {degree: _bernstein(degree) for degree in (1, 2, 3, 4)}


def curve(*points) -> np.ndarray:
    """Bezier curve, (20, 2), over two to five control points."""
    return _BASIS[len(points) - 1] @ np.array(points, float)


class Canvas:
    """A picture being drawn.

    `colour` and `crease` are twice the picture's size, `soft` has its size.

    Args:
        pose: Head and camera; the head turns as an ellipsoid would.
        backdrop: Colour of the wall.
    """

    def __init__(self, pose: Pose, backdrop):
        self._turn = sin(pose.yaw), sin(pose.pitch)
        self._squeeze = np.array([cos(pose.yaw), cos(pose.pitch)])
        roll = [[cos(pose.roll), sin(pose.roll)], [-sin(pose.roll), cos(pose.roll)]]
        self._unit = _UNIT * pose.scale
        self._roll = np.array(roll) * self._unit
        self._centre = np.array([pose.shift_x, pose.shift_y]) * self._unit + SIZE / 2
        self.backdrop = tuple(round(float(c)) for c in backdrop)
        self.colour = np.empty((_SIDE, _SIDE, 3), np.uint8)
        self.colour[:] = self.backdrop
        self.crease = np.zeros((_SIDE, _SIDE), np.uint8)
        self.soft = np.ones((SIZE, SIZE), np.float32)

    def place(self, points) -> np.ndarray:
        """Face units to pixels of the picture, (points, 2)."""
        points = np.asarray(points, float).reshape(-1, 2)
        bulge = 1 - (points * points) @ (1 / 1.2**2, 1 / 1.55**2)
        depth = 0.9 * np.sqrt(np.maximum(bulge, 0))
        turned = points * self._squeeze + depth[:, None] * self._turn
        return turned @ self._roll + self._centre

    def _fixed(self, points) -> np.ndarray:
        """One line or several to (lines, points, 2) in sixteenths, for OpenCV."""
        points = np.asarray(points, float)
        lines = points[None] if points.ndim == 2 else points
        # Half a canvas pixel lies between the centres of the two pixel grids.
        places = self.place(lines) * (16 * _SUPER) + 8 * (_SUPER - 1)
        return np.rint(places).astype(np.int32).reshape(lines.shape)

    def fill(self, points, colour) -> None:
        """Fill a shape, creases below it included."""
        import cv2

        points, colour = self._fixed(points), tuple(colour)
        cv2.fillPoly(self.colour, list(points), colour, cv2.LINE_AA, shift=4)
        cv2.fillPoly(self.crease, list(points), 0, cv2.LINE_AA, shift=4)

    def line(self, points, colour, width, closed=False) -> None:
        """Draw one line or several alike, `width` half pixels wide."""
        import cv2

        points, colour = self._fixed(points), tuple(colour)
        cv2.polylines(self.colour, list(points), closed, colour, width, cv2.LINE_AA, 4)

    def wrinkle(self, points, strength, width=2) -> None:
        """Draw creases that darken what they cross; strength 0 to 1."""
        import cv2

        if strength > 0.03:
            value, points = float(min(strength, 1.0) * 255), self._fixed(points)
            cv2.polylines(
                self.crease, list(points), False, value, width, cv2.LINE_AA, 4
            )

    def discs(self, shape, discs) -> None:
        """Draw (centre, radius, colour) discs where they lie within `shape`."""
        import cv2

        points = self._fixed(shape)
        x, y, width, height = cv2.boundingRect(points[0] // 16)
        part = (
            slice(max(y - 2, 0), y + height + 3),
            slice(max(x - 2, 0), x + width + 3),
        )
        patch, within = (
            self.colour[part],
            np.zeros(self.colour[part].shape[:2], np.uint8),
        )
        before = patch.copy()
        corner = (-16 * part[1].start, -16 * part[0].start)
        cv2.fillPoly(
            within, [points[0] + np.array(corner, np.int32)], 255, cv2.LINE_8, shift=4
        )
        for centre, radius, colour in discs:
            middle = tuple((self._fixed(centre[None])[0, 0] + corner).tolist())
            size = round(radius * self._unit * _SUPER * 16)
            cv2.circle(patch, middle, size, colour, -1, cv2.LINE_AA, 4)
        np.copyto(patch, before, where=(within == 0)[..., None])

    def glow(self, point, radius_x, radius_y, amount) -> None:
        """Add a soft spot of light (amount > 0) or shade (amount < 0)."""
        x, y = self.place(point)[0]
        pixels = np.arange(SIZE, dtype=np.float32)
        across = np.exp(-(((pixels - x) / (radius_x * self._unit)) ** 2))
        down = np.exp(-(((pixels - y) / (radius_y * self._unit)) ** 2))
        self.soft += np.outer(np.float32(amount) * down, across).astype(np.float32)

    def _lit(self, light: str) -> np.ndarray:
        """Shading, (SIZE, SIZE), about 1: the head an ellipsoid, the wall flat."""
        import cv2

        middle = self.place((0, 0.05))[0]
        grid = np.arange(SIZE, dtype=np.float32)
        x = ((grid - middle[0])[None] / (1.25 * self._unit)).astype(np.float32)
        y = ((grid - middle[1])[:, None] / (1.65 * self._unit)).astype(np.float32)
        right, down, near = (np.float32(way) for way in LIGHTS[light])
        slope, radius = right * x + down * y, np.sqrt(x * x + y * y)
        edge = np.maximum(radius / np.float32(0.9), 1)
        depth = np.sqrt(1 - (radius / edge) ** 2)
        bright = np.maximum(slope / edge + near * depth, 0)
        wall = 0.95 + 0.12 * np.clip(slope, -1.5, 1.5)
        empty = cv2.inRange(self.colour, self.backdrop, self.backdrop)
        empty = cv2.resize(empty, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        figure = 1 - empty * np.float32(1 / 255)
        return wall + figure * (0.45 + 0.66 * bright - wall)

    def picture(self, light: str) -> np.ndarray:
        """Light what was drawn: float32 (SIZE, SIZE, 3), BGR, 0 to about 255."""
        import cv2

        small = cv2.resize(self.colour, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        crease = cv2.GaussianBlur(self.crease, (0, 0), 0.8)
        crease = cv2.resize(crease, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        shade = self._lit(light) * self.soft * (1 - crease * np.float32(0.62 / 255))
        return small * shade[..., None]
