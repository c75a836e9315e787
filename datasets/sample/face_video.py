"""Draws a face from its 68 points, so that what is seen is where they are.

Shaded just enough that OpenCV's Haar cascade and the mesh's detector find the face and
dlib's predictor its points. Points are those of `datasets.sample.face68`; colours are
BGR, 0 to 255.
"""

from dataclasses import dataclass

import numpy as np

from datasets.sample.face68 import place

SIZE = (320, 240)  # width and height of a video's frame
_SUPER = 2  # drawn at twice the size, then averaged down
_LIGHT = 4  # and lit at a quarter of that
_RIM = np.linspace(0, 2 * np.pi, 40, endpoint=False)
_RING = np.stack([np.cos(_RIM), np.sin(_RIM)], axis=1)
LIGHTS = {"front": 0.0, "left": -0.16, "right": 0.16}  # how much brighter on the right

_SKINS = ((172, 196, 228), (152, 182, 220), (134, 168, 212), (114, 148, 196),
          (92, 126, 176))  # fmt: skip
_HAIRS = ((28, 24, 24), (34, 34, 42), (38, 48, 66), (52, 74, 106), (96, 96, 102))


@dataclass(frozen=True)
class Look:
    """The colours of a person, which do not move."""

    skin: tuple[float, float, float]
    hair: tuple[float, float, float]
    iris: tuple[float, float, float]
    clothes: tuple[float, float, float]
    wall: tuple[float, float, float]


def invent_look(rng: np.random.Generator) -> Look:
    """Draws the colours of a person."""
    return Look(
        skin=tuple(np.array(_SKINS[rng.integers(5)]) * rng.normal(1, 0.04)),
        hair=_HAIRS[rng.integers(5)],
        iris=tuple(rng.uniform((30, 40, 50), (100, 90, 80))),
        clothes=tuple(rng.uniform(50, 190, 3)),
        wall=tuple(rng.uniform(110, 190, 3)),
    )


def draw(
    points: np.ndarray,
    pose: np.ndarray,
    look: Look,
    size: tuple[int, int] = SIZE,
    *,
    creases: tuple[float, float] = (0.0, 0.0),
    glasses: tuple[float, float, float] | None = None,
    light: str = "front",
) -> np.ndarray:
    """Draws a picture.

    Args:
        points: (68, 2) in pixels of the picture.
        pose: (6,), as `face68.place` takes it, for what the points do not cover.
        look: Colours.
        size: Width and height of the picture, even numbers.
        creases: Of the cheek raiser (AU 6), crow's feet and bagged lower lids, on the
            subject's right and left: 0 none, 1 deep.
        glasses: Colour of their frame.
        light: Of `LIGHTS`, the side of the picture that it comes from.

    Returns:
        uint8 (height, width, 3), BGR.
    """
    import cv2

    sheet = _Sheet(look.wall, size)
    _head(sheet, points, pose, look)
    for side in (0, 1):
        _eye(sheet, points, side, look)
        _creases(sheet, points, side, creases[side], look)
        _brow(sheet, points, side, look)
    _nose(sheet, points, look)
    _mouth(sheet, points, look)
    if glasses is not None:
        _glasses(sheet, points, glasses)
    small = cv2.resize(sheet.colour, size, interpolation=cv2.INTER_AREA)
    shade = _light(points, pose, size, LIGHTS[light], creases)
    shade = cv2.resize(shade, size, interpolation=cv2.INTER_LINEAR)
    return cv2.multiply(small, cv2.merge([shade] * 3), dtype=cv2.CV_8U)


class _Sheet:
    """A picture being drawn, in pixels of the frame, of twice its size."""

    def __init__(self, wall, size):
        self.size = width, height = size
        self.colour = np.empty((height * _SUPER, width * _SUPER, 3), np.uint8)
        self.fill([(-9, -9), (width, -9), (width, height), (-9, height)], wall)

    @staticmethod
    def _fixed(points) -> np.ndarray:
        # Half a pixel of the sheet lies between the centres of the two pixel grids.
        places = np.asarray(points, float) * (16 * _SUPER) + 8 * (_SUPER - 1)
        return np.rint(places).astype(np.int32)

    def fill(self, points, colour) -> None:
        import cv2

        cv2.fillPoly(
            self.colour,
            [self._fixed(points)],
            tuple(map(float, colour)),
            cv2.LINE_AA,
            4,
        )

    def line(self, points, colour, width, closed=False) -> None:
        import cv2

        line, thick = self._fixed(points), max(round(width * _SUPER), 1)
        cv2.polylines(
            self.colour,
            [line],
            closed,
            tuple(map(float, colour)),
            thick,
            cv2.LINE_AA,
            4,
        )

    def within(self, shape, paint) -> None:
        """Lets `paint` draw, but keeps only what lies within a shape."""
        import cv2

        shape = self._fixed(shape)
        x, y, width, height = cv2.boundingRect(shape // 16)
        here = slice(max(y - 1, 0), y + height + 2), slice(max(x - 1, 0), x + width + 2)
        before = self.colour[here].copy()
        mask = np.zeros(before.shape[:2], np.uint8)
        corner = np.array([here[1].start, here[0].start]) * 16
        cv2.fillPoly(mask, [(shape - corner).astype(np.int32)], 255, cv2.LINE_8, 4)
        paint()
        outside = cv2.bitwise_and(before, before, mask=255 - mask)
        inside = self.colour[here]
        cv2.add(cv2.bitwise_and(inside, inside, mask=mask), outside, dst=inside)


def _smooth(points, closed=False, steps=6) -> np.ndarray:
    """A curve through points: Catmull and Rom's."""
    points = np.asarray(points, float)
    ends = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    padded = np.concatenate([ends[0], points, ends[1]])
    a, b, c, d = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = b + 0.5 * t * (
        c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))
    )
    curve = curve.reshape(-1, 2)
    return curve if closed else np.concatenate([curve, points[-1:]])


def _head(sheet: _Sheet, points, pose, look: Look) -> None:
    skin, unit = np.array(look.skin), pose[5]
    centre, chin = points[27], points[8]
    down = np.array([0.0, unit])
    low = chin[1] - 0.5 * unit
    neck = np.array([(points[4, 0] + 0.15 * unit, low),
                     (points[12, 0] - 0.15 * unit, low)])  # fmt: skip
    shoulders = [(2.2, sheet.size[1] + 5), (1.7, chin[1] + 0.55 * unit)]
    left, right = (
        [(centre[0] + side * wide * unit, y) for wide, y in shoulders]
        for side in (-1, 1)
    )
    shoulders = [*left, *(neck + 0.75 * down), *right[::-1]]
    turn = np.linspace(np.pi, 2 * np.pi, 16)
    wide = np.abs(points[[0, 16], 0] - centre[0]).mean() / unit
    crown = np.stack([1.1 * wide * np.cos(turn), 1.25 * np.sin(turn) - 0.1], axis=1)
    scalp = np.stack([wide * np.cos(turn), 0.98 * np.sin(turn)], axis=1)
    crown, scalp = (_around(part, pose) for part in (crown, scalp))
    sheet.fill(np.concatenate([crown, points[[15]], points[[1]]]), look.hair)
    for ear in (points[[0, 1, 2]], points[[16, 15, 14]]):
        out = np.sign(ear[0, 0] - centre[0]) * np.array([0.07 * unit, 0])
        lobe = np.concatenate([ear[:1] + 1.5 * out, ear[1:] + out, ear[::-1] - out])
        sheet.fill(_smooth(lobe, closed=True), 0.88 * skin)
    sheet.fill([*neck, neck[1] + 1.2 * down, neck[0] + 1.2 * down], 0.66 * skin)
    sheet.fill(shoulders, look.clothes)
    jaw = _smooth(points[:17])
    sheet.fill(np.concatenate([jaw, scalp[::-1]]), skin)
    sheet.line(jaw, 0.72 * skin, 0.8)
    line = scalp * 0.94 + 0.06 * centre + [0, 0.16 * unit]
    sheet.fill(np.concatenate([crown, line[::-1]]), look.hair)


def _around(part: np.ndarray, pose: np.ndarray) -> np.ndarray:
    return place(part[None], pose[None])[0]


def _eye(sheet: _Sheet, points, side: int, look: Look) -> None:
    own = points[36 + 6 * side : 42 + 6 * side]
    width = np.linalg.norm(own[3] - own[0])
    skin = np.array(look.skin)
    shape = _smooth(own, closed=True)
    sheet.fill(shape, (214, 220, 226))
    centre = 0.5 * (own[0] + own[3]) - [0, 0.04 * width]

    def iris():
        sheet.fill(centre + 0.235 * width * _RING, look.iris)
        sheet.fill(centre + 0.11 * width * _RING, (12, 12, 14))
        sheet.fill(centre + [0.08 * width, -0.09 * width] + 0.045 * width * _RING,
                   (240, 240, 240))  # fmt: skip

    sheet.within(shape, iris)
    upper, lower = _smooth(own[:4]), _smooth(own[[3, 4, 5, 0]])
    sheet.line(upper, 0.22 * skin, 0.055 * width)
    sheet.line(lower, 0.62 * skin, 0.03 * width)
    sheet.line(upper - [0, 0.13 * width], 0.74 * skin, 0.03 * width)


def _creases(sheet: _Sheet, points, side: int, deep: float, look: Look) -> None:
    """The cheek raiser's: crow's feet and the bagged lower lid."""
    if deep <= 0.03:
        return
    own = points[36 + 6 * side : 42 + 6 * side]
    outer, inner = (own[3], own[0]) if side else (own[0], own[3])
    out = (outer - inner) / np.linalg.norm(outer - inner)
    width, dark = np.linalg.norm(outer - inner), 1 - 0.7 * min(deep, 1)
    down = np.array([-out[1], out[0]]) * (1 if side else -1)
    skin = dark * np.array(look.skin)
    for angle, reach in ((-0.6, 0.4), (0.0, 0.55), (0.6, 0.5)):
        way = np.cos(angle) * out + np.sin(angle) * down
        start = outer + width * (0.14 * out + 0.1 * way)
        bent = start + 0.5 * reach * width * way - 0.03 * width * down
        foot = _smooth([start, bent, start + reach * width * way])
        sheet.line(foot, skin, 0.08 * width)
    bag = _smooth(own[[3, 4, 5, 0]])[2:-2] + 0.24 * width * down
    sheet.line(bag, skin, 0.08 * width)


def _glasses(sheet: _Sheet, points, colour) -> None:
    thick = 0.05 * np.linalg.norm(points[45] - points[36])
    for eye, temple in ((points[36:42], points[0]), (points[42:48], points[16])):
        wide = np.linalg.norm(eye[3] - eye[0])
        middle = (eye[0] + eye[3]) / 2 + [0, 0.1 * wide]
        sheet.line(middle + wide * (_RING * [0.82, 0.68]), colour, thick, closed=True)
        out = np.sign(temple[0] - middle[0]) * 0.82 * wide
        sheet.line([middle + [out, 0], temple], colour, thick)
    bridge = [points[39] + points[27], 2 * points[27], points[42] + points[27]]
    sheet.line(_smooth(np.array(bridge) / 2), colour, thick)


def _brow(sheet: _Sheet, points, side: int, look: Look) -> None:
    own = points[17 + 5 * side : 22 + 5 * side]
    spine = _smooth(own if side else own[::-1])  # from the nose outwards
    thick = 0.10 * np.linalg.norm(own[-1] - own[0])
    half = thick * np.linspace(0.9, 0.35, len(spine))[:, None] * [[0, 1]]
    shape = np.concatenate([spine - 0.7 * half, (spine + 1.3 * half)[::-1]])
    sheet.fill(shape, 0.8 * np.array(look.hair) + 0.1 * np.array(look.skin))


def _nose(sheet: _Sheet, points, look: Look) -> None:
    skin, wide = np.array(look.skin), np.linalg.norm(points[35] - points[31])
    sheet.line(_smooth(points[31:36]), 0.6 * skin, 0.05 * wide)
    for wing, inner in ((31, 32), (35, 34)):
        out = 0.35 * (points[wing] - points[inner])
        rim = [
            points[inner] + [0, 0.02 * wide],
            points[wing] + out,
            points[wing] + 1.1 * out - [0, 0.22 * wide],
            points[wing] - [0, 0.4 * wide],
        ]
        sheet.line(_smooth(rim), 0.68 * skin, 0.05 * wide)
        hole = 0.6 * points[inner] + 0.4 * points[wing] - [0, 0.07 * wide]
        sheet.fill(hole + wide * (_RING * [0.15, 0.085]), 0.28 * skin)


def _mouth(sheet: _Sheet, points, look: Look) -> None:
    skin, wide = np.array(look.skin), np.linalg.norm(points[54] - points[48])
    red = 0.5 * skin + 0.5 * np.array([84, 74, 176]) * skin.mean() / 170
    top, under = _smooth(points[48:55]), _smooth(points[[54, *range(55, 60), 48]])
    inner_top = _smooth(points[60:65])
    inner_under = _smooth(points[[64, 65, 66, 67, 60]])
    sheet.fill(np.concatenate([top, under]), red)
    sheet.fill(
        np.concatenate([top, points[[54]], inner_top[::-1], points[[48]]]), 0.86 * red
    )
    inside = np.concatenate([inner_top, inner_under])
    sheet.fill(inside, (34, 26, 58))

    def teeth():
        sheet.fill(
            np.concatenate([inner_top, inner_top[::-1] + [0, 0.09 * wide]]),
            (206, 216, 222),
        )

    sheet.within(inside, teeth)
    sheet.line(inner_top, (44, 36, 70), 0.025 * wide)
    sheet.line(top, 0.7 * red, 0.015 * wide)
    sheet.line(under, 0.66 * skin, 0.02 * wide)
    for corner, wing in ((48, 31), (54, 35)):
        sheet.line([points[corner], points[corner]], 0.35 * skin, 0.05 * wide)
        out = np.array([np.sign(points[corner, 0] - points[51, 0]) * 0.16 * wide, 0])
        middle = 0.5 * (points[wing] + points[corner]) + 1.1 * out
        fold = [points[wing] + 0.6 * out, middle, points[corner] + out]
        sheet.line(_smooth(fold), 0.82 * skin, 0.02 * wide)


def _light(points, pose, size, slope: float, creases) -> np.ndarray:
    """Light and shade, float32, a quarter of the drawing's size, about 1."""
    unit = pose[5]
    scale = _LIGHT / _SUPER
    x = (np.arange(int(size[0] / scale), dtype=np.float32) + 0.5) * scale - 0.5
    y = (np.arange(int(size[1] / scale), dtype=np.float32) + 0.5) * scale - 0.5
    spots = [  # middle, half widths in face units, amount
        (points[[36, 39]].mean(axis=0) - [0, 0.06 * unit], 0.25, 0.16, -0.20),
        (points[[42, 45]].mean(axis=0) - [0, 0.06 * unit], 0.25, 0.16, -0.20),
        (points[[39, 27]].mean(axis=0), 0.10, 0.16, -0.16),
        (points[[42, 27]].mean(axis=0), 0.10, 0.16, -0.16),
        (points[[28, 29]].mean(axis=0), 0.07, 0.26, 0.14),
        (points[30], 0.11, 0.10, 0.14),
        (points[33] + [0, 0.07 * unit], 0.2, 0.07, -0.20),
        (points[[2, 41, 31]].mean(axis=0), 0.26, 0.2, 0.10),
        (points[[14, 46, 35]].mean(axis=0), 0.26, 0.2, 0.10),
        (points[27] - [0, 0.62 * unit], 0.6, 0.28, 0.10),
        (points[57] + [0, 0.12 * unit], 0.24, 0.07, -0.18),
        (points[[57, 8]].mean(axis=0) + [0, 0.05 * unit], 0.2, 0.12, 0.08),
        (points[8] + [0, 0.3 * unit], 0.8, 0.22, -0.25),
    ]
    for eye, cheek, deep in zip((41, 46), (-1, 1), creases, strict=True):
        spots += [  # the cheek raiser's: bags and cheeks stand out
            (points[eye] + [0, 0.1 * unit], 0.17, 0.06, 0.2 * deep),
            (points[30] + [0.55 * cheek * unit, -0.2 * unit], 0.22, 0.15, 0.15 * deep),
            (points[33] + [0.6 * cheek * unit, -0.1 * unit], 0.2, 0.1, -0.15 * deep),
        ]
    light = np.ones((len(y), len(x)), np.float32)
    for (middle_x, middle_y), wide, high, amount in spots:
        across = np.exp(-(((x - middle_x) / (wide * unit)) ** 2))
        down = np.exp(-(((y - middle_y) / (high * unit)) ** 2))
        light += np.outer(np.float32(amount) * down, across).astype(np.float32)
    middle = points[[0, 16, 8, 27]].mean(axis=0)
    edge = ((x[None] - middle[0]) / (1.15 * unit)) ** 2 + (
        (y[:, None] - middle[1]) / (1.5 * unit)
    ) ** 2
    across = 1 + slope * np.clip((x - middle[0]) / unit, -1.5, 1.5)
    light *= 1.04 - 0.3 * np.clip(edge, 0, 1.2).astype(np.float32)
    return light * across.astype(np.float32)
