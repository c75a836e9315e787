"""Invented persons: what stays the same in every picture of one.

No picture of a person went into this: every face is made up by code.
"""

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class Person:
    """The traits of a person, the same in every picture.

    Lengths are in face units. `rest_brow`, `rest_mouth`, `rest_eye` are the
    person's own asymmetry at rest (positive: higher or wider on the subject's
    left), `lines` (0 to 0.3) how lined the eyes are at rest. Colours are BGR.
    """

    face_width: float
    chin: float
    jaw: float
    taper: float
    brow_height: float
    brow_width: float
    brow_slope: float
    eye_size: float
    eye_distance: float
    eye_tilt: float
    nose_length: float
    nose_width: float
    mouth_width: float
    mouth_height: float
    lip: float
    ear: float
    lines: float
    fold: float
    fringe: float
    rest_brow: float
    rest_mouth: float
    rest_eye: float
    mole_x: float
    mole_y: float
    lens: float
    hair_style: int
    skin: tuple[float, float, float]
    hair: tuple[float, float, float]
    iris: tuple[float, float, float]
    clothes: tuple[float, float, float]
    frame: tuple[float, float, float]


_RANGES = {
    "face_width": (0.86, 1.04),
    "chin": (1.16, 1.36),
    "jaw": (1.95, 2.8),
    "taper": (0.0, 0.22),
    "brow_height": (-0.43, -0.35),
    "brow_width": (0.030, 0.062),
    "brow_slope": (-0.05, 0.05),
    "eye_size": (0.88, 1.14),
    "eye_distance": (0.37, 0.45),
    "eye_tilt": (-0.02, 0.06),
    "nose_length": (0.31, 0.43),
    "nose_width": (0.13, 0.21),
    "mouth_width": (0.29, 0.39),
    "mouth_height": (0.70, 0.78),
    "lip": (0.045, 0.085),
    "ear": (0.8, 1.15),
    "lines": (0.0, 0.3),
    "fold": (0.0, 0.3),
    "fringe": (-0.86, -0.62),
    "mole_x": (0.38, 0.66),
    "mole_y": (0.25, 0.6),
    "lens": (2.0, 4.5),
}
_SKINS = ((172, 196, 228), (152, 182, 220), (134, 168, 212), (114, 148, 196))
_SKINS += ((92, 126, 176), (70, 98, 146))
_HAIRS = ((28, 24, 24), (34, 34, 42), (38, 48, 66), (52, 74, 106), (30, 40, 54))
_HAIRS += ((96, 96, 102), (60, 104, 150))
_IRISES = ((34, 48, 72), (28, 36, 52), (52, 78, 104), (96, 104, 84))
_CLOTHES = ((64, 60, 150), (72, 120, 80), (190, 190, 196), (60, 60, 66))
_CLOTHES += ((60, 140, 190), (120, 80, 130))
_FRAMES = ((30, 28, 28), (40, 44, 92), (96, 74, 50), (120, 118, 116))


def person(rng: np.random.Generator) -> Person:
    """Invent a person.

    Args:
        rng: The source of all that is drawn.

    Returns:
        The person.
    """
    drawn = {name: rng.uniform(*limits) for name, limits in _RANGES.items()}
    drawn |= {
        "mole_x": drawn["mole_x"] * rng.choice((-1, 1)),
        "rest_brow": rng.normal(0, 0.018),
        "rest_mouth": rng.normal(0, 0.014),
        "rest_eye": rng.normal(0, 0.05),
        "hair_style": int(rng.integers(5)),
    }
    palettes = {
        "skin": _SKINS,
        "hair": _HAIRS,
        "iris": _IRISES,
        "clothes": _CLOTHES,
        "frame": _FRAMES,
    }
    for name, palette in palettes.items():
        colour = np.array(palette[rng.integers(len(palette))])
        colour = colour * rng.normal(1, 0.05) * rng.normal(1, 0.015, 3)
        drawn[name] = tuple(np.clip(colour, 0, 245).tolist())
    return Person(**{field.name: drawn[field.name] for field in fields(Person)})
