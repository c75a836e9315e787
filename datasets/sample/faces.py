"""Faces drawn from muscles: a person and action units in, a picture out.

Muscles are named by their action unit (AU) of the Facial Action Coding System
and hold one value a side, (subject's right, subject's left), 0 at rest and
about 1 at full strength. Lengths are in the face units of `canvas`.
"""

import numpy as np

from datasets.sample.canvas import Canvas, Pose, curve
from datasets.sample.persons import Person

# Action units of each emotion at full strength. AU 6, the cheek raiser, is left
# out: it is drawn apart, because it tells spontaneous from posed.
EMOTION_UNITS = {
    "happiness": {12: 1.0, 25: 0.75, 26: 0.15},
    "disgust": {9: 1.0, 10: 0.9, 4: 0.55, 7: 0.35, 15: 0.25, 25: 0.3},
    "fear": {1: 1.0, 2: 0.5, 4: 0.55, 5: 0.8, 20: 1.0, 25: 0.8, 26: 0.2},
    "surprise": {1: 1.0, 2: 1.0, 5: 0.8, 25: 0.4, 26: 1.0},
    "anger": {4: 1.1, 5: 0.25, 7: 0.5, 23: 1.0, 17: 0.5},
    "sadness": {1: 1.0, 4: 0.35, 15: 1.0, 17: 0.6, 43: 0.4},
    "neutral": {},
}
UNITS = (1, 2, 4, 5, 7, 9, 10, 12, 15, 17, 20, 23, 25, 26, 43)
_ANGLE = np.linspace(0, 2 * np.pi, 72, endpoint=False)
_COS, _SIN = np.cos(_ANGLE), np.sin(_ANGLE)


def draw(
    who: Person,
    units: dict[int, np.ndarray],
    pose: Pose,
    light: str = "front",
    glasses: bool = False,
    backdrop: tuple[float, float, float] = (150, 92, 48),
    gaze: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """Draw one face.

    Args:
        who: The person.
        units: Action unit -> (subject's right, subject's left); absent ones
            are at rest. AU 6 is the cheek raiser.
        pose: Head and camera.
        light: "front", "left" or "right": the side of the picture it comes
            from.
        glasses: Whether the person wears glasses.
        backdrop: Colour of the background, BGR, 0 to 255.
        gaze: Where the eyes look, in face units: right, down.

    Returns:
        The picture without noise, float32 (128, 128, 3), BGR, 0 to
        about 255.
    """
    face = _Face(who, units, Canvas(pose, backdrop))
    face.body()
    for side in (-1, 1):
        face.eye(side, gaze)
        face.brow(side)
    face.nose(light)
    face.mouth()
    face.mole()
    face.hair()
    if glasses:
        face.glasses()
    return face.canvas.picture(light)


class _Face:
    """A person's face, part by part, onto a canvas.

    `side` is -1 for the subject's right, which is the left of the picture, and
    1 for the subject's left.
    """

    def __init__(self, who: Person, units, canvas: Canvas):
        self.who, self.canvas = who, canvas
        self.au = {unit: np.zeros(2) for unit in (6, *UNITS)} | units
        self.skin = np.array(who.skin)
        self.jaw_drop = 0.24 * self.au[26].mean()

    def outline(self, grow=1.0) -> np.ndarray:
        """The head, clockwise from the subject's left ear; chin with the jaw."""
        power = 2 / self.who.jaw
        low = np.clip(_SIN, 0, 1)
        round_x = np.where(low > 0, np.sign(_COS) * np.abs(_COS) ** power, _COS)
        x = self.who.face_width * round_x * (1 - self.who.taper * low**2)
        y = np.where(low > 0, (self.who.chin + self.jaw_drop) * low**0.95, 1.22 * _SIN)
        return np.stack([x, y], axis=1) * grow

    def body(self):
        who = self.who
        collar = [(-0.5, 1.45), (0, 1.75), (0.5, 1.45), (1.9, 1.8), (2.1, 3)]
        self.hair_back()
        neck = [(-0.46, 0.7), (0.46, 0.7), (0.5, 1.5), (0, 1.8), (-0.5, 1.5)]
        self.canvas.fill(neck, 0.80 * self.skin)
        self.canvas.fill([*collar, (-2.1, 3), (-1.9, 1.8)], who.clothes)
        turn = np.linspace(0, 2 * np.pi, 24)
        for side in (-1, 1):
            middle = [side * who.face_width * 1.0, 0.08]
            ear = np.stack([0.12 * np.cos(turn), 0.23 * np.sin(turn)], axis=1)
            self.canvas.fill(ear * who.ear + middle, 0.93 * self.skin)
            self.canvas.fill(0.5 * ear * who.ear + middle, 0.78 * self.skin)
        self.canvas.fill(self.outline(), self.skin)

    def hair_back(self):
        """Draw the hair behind the head: a crown, or down to the neck."""
        who, crown = self.who, self.outline(1.08) - [0, 0.12]
        crown = crown[crown[:, 1] < -0.13]
        if who.hair_style == 2:
            w = 1.16 * who.face_width
            ends = [(w, 0.2), (w + 0.08, 2), (-w - 0.08, 2), (-w, 0.2)]
            crown = np.concatenate([crown * [1.06, 1], ends])
        if who.hair_style == 3:
            turn = np.linspace(0, 2 * np.pi, 12)
            curl = 0.17 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
            for middle in crown[::3]:
                self.canvas.fill(curl + middle, 0.85 * np.array(who.hair))
        self.canvas.fill(crown, 0.85 * np.array(who.hair))

    def hair(self):
        """The hair before the forehead, from temple to temple."""
        who = self.who
        top = self.outline(1.04) - [0, 0.04]
        top = top[top[:, 1] < -0.2]
        (x1, y1), (x0, y0) = top[-1], top[0]
        f, w = who.fringe, who.face_width
        hairlines = (  # from the right of the picture to its left
            [(0.95 * w, f + 0.1), (0.9 * w, f - 0.35), (-0.6 * w, f + 0.25)],
            [(0.9 * w, f + 0.30), (0, f + 0.12), (-0.9 * w, f + 0.30)],
            [(0.9 * w, f + 0.15), (0, f - 0.75), (-0.9 * w, f + 0.15)],
            [(0.75 * w, f - 0.15), (0, f), (-0.75 * w, f - 0.15)],
            [(0.8 * w, f - 0.45), (0, f + 0.35), (-0.8 * w, f - 0.45)],
        )
        line = curve((x1, y1), *hairlines[who.hair_style], (x0, y0))
        self.canvas.fill(np.concatenate([top, line]), who.hair)
        crown = np.array([0.3 * w, -1.22])
        strands = 1.2 * np.array(who.hair) + 10
        lines = []
        for root in line[1:-1:2]:
            bend = 0.6 * root + 0.4 * crown + [0.15 * root[0], -0.06]
            lines.append(curve(root, bend, crown))
        self.canvas.line(lines, strands, 1)

    def eye(self, side, gaze):
        self.canvas.glow((side * self.who.eye_distance, -0.12), 0.24, 0.12, -0.12)
        who, k = self.who, (side + 1) // 2
        au = {unit: values[k] for unit, values in self.au.items()}
        middle, half = who.eye_distance, 0.185 * who.eye_size
        size = 0.125 * who.eye_size * (1 + 0.5 * side * who.rest_eye)
        wide = 1 + 0.5 * au[5] - 0.55 * au[43] - 0.15 * au[7]
        upper = max(size * (wide - 0.22 * au[6]), 0.028)
        lower = size * (0.62 + 0.08 * au[5] - 0.3 * au[7] - 0.62 * au[6])
        inner = (side * (middle - half), 0.012)
        outer = (side * (middle + half), -who.eye_tilt)
        lids = [
            curve(
                inner,
                (side * (middle - 0.4 * half), a),
                (side * (middle + b), a - c),
                outer,
            )
            for a, b, c in (
                (-upper * 1.25, 0.45 * half, who.eye_tilt),
                (lower * 1.25, 0.55 * half, who.eye_tilt),
            )
        ]
        shape = np.concatenate([lids[0], lids[1][::-1]])
        self.canvas.fill(shape, (222, 226, 230))
        centre = np.array([side * middle, -0.02]) + gaze
        radius = 0.112 * who.eye_size
        discs = (
            (centre, radius, who.iris),
            (centre, 0.5 * radius, (14, 12, 12)),
            (centre + [0.3 * radius, -0.4 * radius], 0.22 * radius, (245, 245, 245)),
        )
        self.canvas.discs(shape, discs)
        self.canvas.line(lids[0], (24, 22, 26), 3)
        self.canvas.line(lids[1], 0.6 * self.skin, 1)
        self.canvas.wrinkle(lids[0] + [0.01 * side, -0.05 - 0.02 * au[5]], 0.45)
        self._orbicularis(side, au[6], lids[1], outer)

    def _orbicularis(self, side, cheek, lower_lid, outer):
        """Cheek raiser: crow's feet, the bagged lower lid, the lifted cheek."""
        who = self.who
        lined = who.lines + cheek
        feet = []
        for angle, reach in ((-0.7, 0.14), (-0.1, 0.18), (0.5, 0.17)):
            way = np.array([side * np.cos(angle), np.sin(angle)])
            start = np.array(outer) + [side * 0.05, 0.015] + 0.06 * way
            bent = start + 0.5 * reach * way + [0, -0.012]
            feet.append(curve(start, bent, start + reach * way))
        self.canvas.wrinkle(feet, 0.85 * lined)
        bag = lower_lid * [1, 0.9] + [0, 0.105]
        self.canvas.wrinkle(bag[2:-1], 0.25 + 0.7 * lined)
        x = side * who.eye_distance
        self.canvas.glow((x, 0.105), 0.17, 0.05, 0.15 * cheek)
        self.canvas.glow(
            (side * 0.55, 0.34 - 0.1 * cheek), 0.22, 0.15, 0.05 + 0.15 * cheek
        )
        self.canvas.glow((side * 0.62, 0.55), 0.2, 0.1, -0.12 * cheek)

    def brow(self, side):
        who, k = self.who, (side + 1) // 2
        au = {unit: values[k] for unit, values in self.au.items()}
        y = who.brow_height - side * who.rest_brow
        inner_x = who.eye_distance - 0.23 - 0.05 * au[4]
        inner_y = y - 0.15 * au[1] + 0.13 * au[4] + 0.05 * au[9]
        arch_y = y - 0.07 - 0.07 * au[1] - 0.14 * au[2] + 0.10 * au[4]
        outer_y = y + 0.02 + who.brow_slope - 0.13 * au[2] + 0.03 * au[4]
        spine = curve(
            (side * inner_x, inner_y),
            (side * who.eye_distance, arch_y),
            (side * (who.eye_distance + 0.30), outer_y),
        )
        width = who.brow_width * np.linspace(1.0, 0.35, 20)[:, None] * [[0, 1]]
        colour = 0.75 * np.array(who.hair) + 0.12 * self.skin
        self.canvas.fill(np.concatenate([spine - width, (spine + width)[::-1]]), colour)
        frown = [(side * 0.055, -0.47), (side * 0.045, -0.26)]
        self.canvas.wrinkle(curve(*frown), 0.75 * au[4])
        raised = (au[1] + au[2]) / 2
        furrow = curve((0, -0.67), (side * 0.3, -0.74), (side * 0.5, -0.71))
        self.canvas.wrinkle(
            [furrow + [0, 0.05], furrow - [0, 0.05]], 0.55 * raised - 0.16
        )

    def nose(self, light):
        who = self.who
        base, wide = who.nose_length, who.nose_width
        for side in (-1, 1):
            k = (side + 1) // 2
            lift = 0.05 * self.au[9][k] + 0.02 * self.au[10][k]
            spread = wide * (1 + 0.12 * self.au[9][k] + 0.08 * self.au[12][k])
            wing = (
                (side * spread * 0.75, base - 0.13 - lift),
                (side * spread * 1.35, base - 0.05 - lift),
                (side * spread * 0.95, base + 0.05 - lift),
                (side * spread * 0.4, base + 0.02),
            )
            self.canvas.wrinkle(curve(*wing), 0.6)
            hole = side * spread * 0.45
            nostril = (hole - 0.04, base), (hole, base - 0.04), (hole + 0.04, base)
            self.canvas.wrinkle(curve(*nostril), 0.9, 3)
            fold = curve((side * 0.02, -0.03), (side * 0.16, -0.08))
            folds = [fold + [0, height] for height in (-0.09, 0, 0.09)]
            self.canvas.wrinkle(folds, 0.8 * self.au[9][k])
        self.canvas.wrinkle(
            curve((-0.06, base + 0.04), (0, base + 0.06), (0.06, base + 0.04)), 0.5
        )
        self.canvas.glow((0, base - 0.12), 0.09, 0.09, 0.12)
        self.canvas.glow((0, 0.05), 0.06, 0.24, 0.07)
        away = {"front": 0.0, "left": 0.16, "right": -0.16}[light]
        self.canvas.glow((away, base + 0.08), 0.14, 0.12, -0.12)

    def mouth(self):
        who, au = self.who, self.au
        corners = {}
        for side in (-1, 1):
            k = (side + 1) // 2
            x = who.mouth_width + 0.09 * au[12][k] + 0.10 * au[20][k] - 0.05 * au[23][k]
            x -= 0.04 * au[26][k]
            y = who.mouth_height - 0.14 * au[12][k] + 0.12 * au[15][k]
            y += 0.05 * au[26][k] + 0.02 * au[20][k] - side * who.rest_mouth
            corners[side] = np.array([side * x, y])
        gap = 1.25 * self.jaw_drop + 0.10 * au[25].mean()
        lip = who.lip * (1 - 0.55 * au[23].mean())
        chin = 0.04 * au[17].mean()
        top = who.mouth_height - 0.02 - 0.07 * au[10] - 0.025 * au[25] - chin
        top = top - 0.01 * au[26]
        right, left = corners[-1], corners[1]

        def band(offset, bow=0.0):
            """Corner to corner, `offset` below the upper lip's edge."""
            return curve(
                right,
                (0.55 * right[0], top[0] + offset - bow),
                (0, top.mean() + offset + bow),
                (0.55 * left[0], top[1] + offset - bow),
                left,
            )

        red = 0.55 * self.skin + 0.45 * np.array([92, 78, 178]) * self.skin.mean() / 190
        upper, lower = band(0), band(1.6 * gap)
        self.canvas.fill(
            np.concatenate([band(-1.7 * lip, 0.35 * lip), lower[::-1]]),
            0.92 * red,
        )
        self.canvas.fill(
            np.concatenate([lower, band(1.6 * gap + 2.6 * lip)[::-1]]), red
        )
        inside = lower - upper
        if gap > 0.02:
            self.canvas.fill(np.concatenate([upper, lower[::-1]]), (38, 26, 58))
            teeth = min(0.75, 0.075 / gap) * inside
            self.canvas.fill(
                np.concatenate([upper, (upper + teeth)[::-1]]), (214, 222, 228)
            )
            if gap > 0.18:
                tongue = lower - 0.3 * inside
                self.canvas.fill(
                    np.concatenate([tongue, lower[::-1]])[4:-4], (88, 78, 158)
                )
        self.canvas.line(upper, (40, 32, 62), 2)
        for side in (-1, 1):
            k = (side + 1) // 2
            pull = au[12][k] + 0.8 * au[9][k] + 0.4 * au[10][k]
            self._fold(side, corners[side], pull)
        middle = top.mean() + 0.8 * gap + 1.6 * lip
        self.canvas.glow((0, middle + 0.14), 0.2, 0.05, -0.16)
        dent = (-0.12, middle + 0.2), (0, middle + 0.14), (0.12, middle + 0.2)
        self.canvas.wrinkle(curve(*dent), au[17].mean())

    def _fold(self, side, corner, pull):
        """The fold from the wing of the nose round the mouth's corner."""
        start = (side * (self.who.nose_width + 0.06), self.who.nose_length - 0.08)
        bend = (corner[0] + side * 0.14, self.who.nose_length + 0.10)
        end = corner + [side * 0.12, 0.03]
        self.canvas.wrinkle(curve(start, bend, end), self.who.fold + 0.6 * pull)
        self.canvas.wrinkle(curve(corner, corner + [side * 0.03, -0.01]), 0.8, 3)

    def glasses(self):
        who = self.who
        turn = np.linspace(0, 2 * np.pi, 40)
        cos, sin, power = np.cos(turn), np.sin(turn), 2 / who.lens
        x, y = np.sign(cos) * np.abs(cos) ** power, np.sign(sin) * np.abs(sin) ** power
        for side in (-1, 1):
            middle = side * (who.eye_distance + 0.01)
            rim = np.stack([middle + 0.28 * x, 0.02 + 0.22 * y], axis=1)
            self.canvas.line(rim, who.frame, 4, closed=True)
            hinge = (middle + side * 0.28, -0.05)
            self.canvas.line([hinge, (side * who.face_width, -0.02)], who.frame, 4)
        inner = who.eye_distance - 0.27
        self.canvas.line(
            curve((-inner, -0.02), (0, -0.08), (inner, -0.02)), who.frame, 4
        )

    def mole(self):
        spot = np.array([self.who.mole_x, self.who.mole_y])
        self.canvas.line([spot, spot + 0.01], 0.5 * self.skin, 3)
