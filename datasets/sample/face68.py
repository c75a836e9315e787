"""A face of 68 points, moved by muscles: action units in, points in the picture out.

The points are numbered as in the iBUG scheme that dlib's predictor follows. Face units:
the origin lies between the eyes, x runs to the right of the picture, y down, z towards
the camera, and a face is 2 wide. The subject's left is at x > 0. Muscles are named by
their action unit (AU) of the Facial Action Coding System and hold one value a side,
(subject's right, subject's left): 0 at rest, about 1 at full strength.

No picture of a person went into this: every face is made up by code.
"""

from dataclasses import dataclass

import numpy as np

# Of a face at rest, its midline and the subject's left; the right is their mirror.
_REST = {
    8: (0, 1.6), 9: (0.24, 1.55), 10: (0.46, 1.41), 11: (0.64, 1.21), 12: (0.78, 0.99),
    13: (0.87, 0.75), 14: (0.94, 0.51), 15: (0.985, 0.27), 16: (1, 0.02),
    22: (0.16, -0.24), 23: (0.3, -0.31), 24: (0.46, -0.33), 25: (0.62, -0.29),
    26: (0.78, -0.18), 27: (0, -0.02), 28: (0, 0.17), 29: (0, 0.36), 30: (0, 0.54),
    33: (0, 0.69), 34: (0.1, 0.67), 35: (0.19, 0.63),
    42: (0.26, 0.02), 43: (0.36, -0.065), 44: (0.5, -0.065), 45: (0.61, 0),
    46: (0.5, 0.055), 47: (0.37, 0.06),
    51: (0, 0.875), 52: (0.1, 0.855), 53: (0.24, 0.905), 54: (0.38, 0.985),
    55: (0.25, 1.085), 56: (0.11, 1.135), 57: (0, 1.145),
    62: (0, 0.965), 63: (0.12, 0.96), 64: (0.33, 0.985), 65: (0.12, 0.985),
    66: (0, 0.99),
}  # fmt: skip
# Where AUs at full strength move the points of the subject's left; midline points move
# by the mean of both sides.
_UNITS = {
    1: {22: (0, -0.15), 23: (0, -0.10), 24: (0, -0.04)},
    2: {23: (0, -0.04), 24: (0, -0.09), 25: (0, -0.13), 26: (0, -0.10)},
    4: {22: (-0.05, 0.09), 23: (-0.05, 0.09), 24: (-0.03, 0.07), 25: (-0.01, 0.03),
        43: (0, 0.01), 44: (0, 0.01)},
    5: {43: (0, -0.035), 44: (0, -0.035)},
    6: {46: (0, -0.035), 47: (0, -0.035), 43: (0, 0.012), 44: (0, 0.016),
        45: (0, -0.01), 25: (0, 0.012), 26: (0, 0.02), 14: (0.012, 0),
        13: (0.02, 0), 12: (0.012, 0)},
    7: {46: (0, -0.02), 47: (0, -0.02), 43: (0, 0.018), 44: (0, 0.018)},
    9: {22: (-0.02, 0.06), 23: (-0.01, 0.05), 24: (0, 0.03), 30: (0, -0.03),
        33: (0, -0.04), 34: (0.01, -0.05), 35: (0.03, -0.07), 47: (0, -0.02),
        46: (0, -0.015), 51: (0, -0.03), 52: (0, -0.035), 53: (0.01, -0.03)},
    10: {35: (0.01, -0.02), 51: (0, -0.045), 52: (0, -0.065), 53: (0, -0.055),
         62: (0, -0.03), 63: (0, -0.045), 54: (0, -0.01)},
    12: {54: (0.11, -0.11), 53: (0.06, -0.05), 55: (0.06, -0.045), 64: (0.10, -0.10),
         63: (0.04, -0.02), 65: (0.04, -0.025), 52: (0.01, 0.005), 57: (0, -0.01),
         35: (0.02, -0.01), 13: (0.012, 0), 12: (0.015, 0)},
    14: {54: (0.07, -0.05), 64: (0.065, -0.045), 53: (0.03, -0.02), 55: (0.03, -0.015)},
    15: {54: (0.02, 0.10), 64: (0.02, 0.085), 53: (0.01, 0.03), 55: (0.01, 0.05),
         56: (0, 0.01)},
    17: {57: (0, -0.05), 56: (0, -0.05), 55: (0, -0.03), 66: (0, -0.01),
         51: (0, -0.02), 52: (0, -0.02), 62: (0, -0.015), 8: (0, -0.04), 9: (0, -0.03)},
    23: {54: (-0.05, 0), 64: (-0.04, 0), 53: (-0.03, 0.015), 55: (-0.03, -0.015),
         51: (0, 0.025), 52: (0, 0.03), 56: (0, -0.045), 57: (0, -0.05)},
    25: {51: (0, -0.015), 52: (0, -0.015), 62: (0, -0.015), 63: (0, -0.01),
         55: (0, 0.03), 56: (0, 0.05), 57: (0, 0.05), 65: (0, 0.05), 66: (0, 0.055)},
    26: {10: (0, 0.12), 9: (0, 0.17), 8: (0, 0.19), 11: (0, 0.06),
         54: (-0.04, 0.05), 64: (-0.04, 0.055), 55: (-0.02, 0.14), 56: (0, 0.19),
         57: (0, 0.19), 65: (0, 0.2), 66: (0, 0.205), 51: (0, -0.01)},
}  # fmt: skip
_PAIRS = {left: 16 - left for left in range(9, 17)}
_PAIRS |= {22: 21, 23: 20, 24: 19, 25: 18, 26: 17, 34: 32, 35: 31}
_PAIRS |= {42: 39, 43: 38, 44: 37, 45: 36, 46: 41, 47: 40}
_PAIRS |= {52: 50, 53: 49, 54: 48, 55: 59, 56: 58, 63: 61, 64: 60, 65: 67}
UNITS = tuple(_UNITS)
BLINK = 43  # eyes closed, of both at once
_LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))  # upper, lower
_NOSE = {27: 0.05, 28: 0.12, 29: 0.2, 30: 0.28, 31: 0.06, 32: 0.12, 33: 0.15}
_NOSE |= {34: 0.12, 35: 0.06}


def _mirrored(half: dict) -> np.ndarray:
    """(68, 2) of a half face: x turns its sign on the subject's right."""
    whole = np.zeros((68, 2))
    for left, value in half.items():
        whole[left] = value
        if left in _PAIRS:
            whole[_PAIRS[left]] = value * np.array([-1, 1])
    return whole


def _movements() -> np.ndarray:
    """(units, 2, 68, 2): what each AU of either side moves."""
    moves = np.zeros((len(_UNITS), 2, 68, 2))
    for unit, half in zip(moves, _UNITS.values(), strict=True):
        for left, value in half.items():
            if left in _PAIRS:
                unit[0, _PAIRS[left]] = value * np.array([-1, 1])
                unit[1, left] = value
            else:
                unit[:, left] = np.array(value) / 2
    return moves


REST = _mirrored(_REST)
_MOVEMENTS = _movements()


@dataclass(frozen=True)
class Face:
    """A person's face at rest, and how far the person's muscles move it.

    Attributes:
        rest: (68, 2) in face units.
        mobility: (units,), a factor about 1 for each of `UNITS`.
    """

    rest: np.ndarray
    mobility: np.ndarray


def face(rng: np.random.Generator) -> Face:
    """Invent a face."""
    rest = REST.copy()
    parts = {"eyes": range(36, 48), "brows": range(17, 27), "nose": range(27, 36),
             "mouth": range(48, 68), "jaw": range(17)}  # fmt: skip
    part = {name: list(points) for name, points in parts.items()}
    eyes, brows, nose, mouth, jaw = part.values()
    apart = np.sign(rest[eyes, 0]) * rng.normal(0, 0.025)
    middle = np.sign(rest[eyes, 0]) * 0.435
    rest[eyes, 0] = middle + apart + (rest[eyes, 0] - middle) * rng.normal(1, 0.06)
    rest[eyes, 1] *= rng.normal(1, 0.13)
    rest[brows, 1] = rest[brows, 1] * rng.normal(1, 0.1) - rng.normal(0, 0.03)
    rest[brows, 1] += np.abs(rest[brows, 0]) * rng.normal(0, 0.06)
    rest[nose] *= [rng.normal(1, 0.1), rng.normal(1, 0.06)]
    lips = rest[mouth] - [0, 0.985]
    rest[mouth] = lips * [rng.normal(1, 0.07), rng.normal(1, 0.12)]
    rest[mouth] += [0, 0.985 + rng.normal(0, 0.03)]
    down = np.clip(rest[jaw, 1], 0, None) / 1.6
    rest[jaw, 0] *= 1 + rng.normal(0, 0.04) - rng.normal(0, 0.06) * down
    rest[jaw, 1] *= rng.normal(1, 0.04)
    # No face is its own mirror.
    rest += _mirrored({k: rng.normal(0, 0.006, 2) for k in _REST})
    rest[[*_PAIRS]] += rng.normal(0, 0.006, (len(_PAIRS), 2))
    return Face(rest, rng.normal(1, 0.12, len(_UNITS)).clip(0.7, 1.3))


def move(who: Face, units: dict[int, np.ndarray]) -> np.ndarray:
    """The face in every frame, before the head turns.

    Args:
        who: The person's face.
        units: AU -> (frames, 2), strength by side; `BLINK` -> (frames,), 0 open to 1
            closed. Absent ones are at rest.

    Returns:
        (frames, 68, 2) in face units.
    """
    frames = len(next(iter(units.values())))
    points = np.tile(who.rest, (frames, 1, 1))
    for unit, value in units.items():
        if unit != BLINK:
            number = UNITS.index(unit)
            strength = value * who.mobility[number]
            points += np.tensordot(strength, _MOVEMENTS[number], axes=1)
    upper, lower = np.transpose(_LIDS)
    # Lips and lids meet; they do not pass through each other.
    inner = points[:, [61, 62, 63], 1]
    points[:, [67, 66, 65], 1] = np.maximum(points[:, [67, 66, 65], 1], inner + 0.005)
    closed = np.asarray(units.get(BLINK, np.zeros(frames)))[:, None]
    gap = np.maximum(points[:, lower, 1] - points[:, upper, 1], 0.015)
    points[:, upper, 1] = points[:, lower, 1] - gap * (1 - 0.88 * closed)
    return points


def place(points: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Turns a head and puts it into the picture.

    Args:
        points: (frames, n, 2) in face units; where n is 68, the nose stands out.
        pose: (frames, 6): yaw, pitch, roll in radians, x, y of the face's origin and
            one face unit, in pixels.

    Returns:
        (frames, n, 2) in pixels.
    """
    yaw, pitch, roll, x, y, unit = np.moveaxis(pose[:, None, :], 2, 0)
    across, down = points[..., 0], points[..., 1]
    bulge = 1 - (across / 1.25) ** 2 - ((down - 0.3) / 1.9) ** 2
    depth = 0.9 * np.sqrt(np.maximum(bulge, 0))
    if points.shape[1] == 68:
        depth = depth + [_NOSE.get(number, 0) for number in range(68)]
    across, depth = (
        across * np.cos(yaw) + depth * np.sin(yaw),
        depth * np.cos(yaw) - across * np.sin(yaw),
    )
    down = down * np.cos(pitch) + depth * np.sin(pitch)
    right = across * np.cos(roll) - down * np.sin(roll)
    below = across * np.sin(roll) + down * np.cos(roll)
    return np.stack([x + unit * right, y + unit * below], axis=-1)
