"""Invented people who show emotions, felt or not, as points that move.

What sets genuine from fake follows the rules of Seckington's network, which Christensen
(2018) sums up in section 3.1 (muscles that hardly obey the will, apex overlap,
asymmetry, duration, speed): felt ones start slower and more smoothly, waver at their
apex, end slowly, are alike on both sides, their muscles move together, and AU 6 of
happiness and its like join in; fake ones start abruptly, stay on a plateau and are
stronger on the subject's left. How slow, how smooth and which muscle for which emotion
is ours.

Our readings: all cues belong to all six emotions, are drawn apart from each other, and
overlap. Everyone has an own tempo, liveliness, habit of leaning to a side, way of
holding the head, and own speeds of felt and of fake onsets: what is fast for one is
slow for another. All else (strength, pose, head movement, blinks, the detector's noise,
the number of frames) has one distribution for both.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d

from datasets.landmarks import LandmarkTrack
from datasets.sample import face68, wander
from datasets.sample.face_video import SIZE, Look, invent_look
from datasets.sase_fe_names import CODES

FRAMES = (60, 91)  # of a video, at least and below
RATE = 25.0  # frames a second
# Action units at full strength; the first hardly obeys the will.
RECIPES = {
    "anger": {23: 0.9, 4: 1.0, 7: 0.6, 17: 0.4, 5: 0.2},
    "contempt": {14: 1.3, 12: 0.7, 17: 0.4, 7: 0.3},
    "disgust": {9: 1.0, 10: 0.8, 4: 0.4, 7: 0.4, 25: 0.2},
    "happiness": {6: 1.0, 12: 1.0, 25: 0.5},
    "sadness": {1: 1.1, 15: 1.1, 4: 0.6, 17: 0.6},
    "surprise": {5: 1.0, 1: 0.9, 2: 1.0, 25: 0.4, 26: 0.8},
}
# (fake, genuine). Durations in seconds, medians; others means.
ONSET, OFFSET, HOLD = (0.32, 0.62), (0.42, 0.75), (0.8, 1.0)
ABRUPT = ((4, 3), (3, 4))  # of beta distributions
RELIABLE = ((3, 3), (5, 2))
WAVER, ASYMMETRY, LAG = (0.05, 0.08), (0.14, 0.0), (0.06, 0.04)
_WEAK = 0.35  # contempt's other side


@dataclass(frozen=True)
class Person:
    """The traits of a person, the same in all videos; lengths in pixels."""

    face: face68.Face
    look: Look
    pose: np.ndarray
    sway: float
    tempo: float
    own: tuple[float, float]
    strength: float
    lean: float
    side: int
    blinks: float
    noise: float


def person(number: int, seed: int = 0) -> Person:
    """Invents a person, the same at every call.

    Args:
        number: From 1; nobody depends on how many others there are.
        seed: 0 or more.
    """
    rng = np.random.default_rng([seed, 0, number])
    look = invent_look(rng)
    middle = np.array([SIZE[0] / 2, 0.43 * SIZE[1]]) + rng.normal(0, 8, 2)
    return Person(
        face=face68.face(rng),
        look=look,
        pose=np.array(
            [*rng.normal(0, (0.07, 0.05, 0.03)), *middle, rng.uniform(50, 57)]
        ),  # fmt: skip
        sway=rng.lognormal(0, 0.4),
        tempo=rng.lognormal(0, 0.15),
        own=tuple(rng.lognormal(0, 0.12, 2)),
        strength=rng.uniform(0.6, 0.95),
        lean=rng.normal(0, 0.05),
        side=int(rng.integers(2)),
        blinks=rng.uniform(0.1, 0.5),
        noise=rng.uniform(0.15, 0.45),
    )


def plan(people: range, seed: int = 0) -> pd.DataFrame:
    """Draws what sets each video apart.

    Args:
        people: Numbers of the persons.
        seed: 0 or more.

    Returns:
        One row a video, twelve a person: `person`, `code`, `emotion`, `label`; the
        cues; `frames`; `seed` of all else.
    """
    rows = []
    for number in people:
        who = person(number, seed)
        for place, (code, (emotion, label)) in enumerate(CODES.items()):
            rng = np.random.default_rng([seed, 1, number, place])
            start = rng.uniform(0.15, 0.5)
            cues = _cues(rng, who, label)
            frames = int(rng.integers(*FRAMES))
            rows.append(
                {"person": number, "code": code, "emotion": emotion, "label": label,
                 "start": start, **cues, "frames": frames,
                 "seed": int(rng.integers(2**31))}
            )  # fmt: skip
    return pd.DataFrame(rows)


def _cues(rng: np.random.Generator, who: Person, label: int) -> dict:
    pace = who.tempo * who.own[label]
    return {
        "onset": ONSET[label] * pace * rng.lognormal(0, 0.25),
        "offset": OFFSET[label] * pace * rng.lognormal(0, 0.3),
        "hold": HOLD[label] * rng.lognormal(0, 0.25),
        "abrupt": rng.beta(*ABRUPT[label]),
        "waver": WAVER[label] * rng.lognormal(0, 0.5),
        "reliable": rng.beta(*RELIABLE[label]),
        "asymmetry": who.lean + rng.normal(ASYMMETRY[label], 0.11),
        "lag": LAG[label] * rng.lognormal(0, 0.5),
    }


def motion(row, who: Person) -> tuple[np.ndarray, np.ndarray]:
    """A video's points as they are, without the detector's noise.

    Args:
        row: A row of `plan`, as `itertuples` gives it.
        who: Its person.

    Returns:
        (frames, 68, 2) in pixels, and (frames, 6): the pose, as `face68.place` takes
        it.
    """
    rng = np.random.default_rng(row.seed)
    times = np.arange(row.frames) / RATE
    sides = np.array([1 - row.asymmetry, 1 + row.asymmetry]).clip(0.3, 1.7)
    if row.emotion == "contempt":
        sides[1 - who.side] *= _WEAK
    strength = who.strength * rng.uniform(0.8, 1.15)
    waver = row.waver * wander(rng, row.frames, 4)
    units = {}
    for place, (unit, full) in enumerate(RECIPES[row.emotion].items()):
        full = full * strength * rng.normal(1, 0.12)
        full *= row.reliable * 1.3 if place == 0 else 1
        course = _course(times - row.start - row.lag * abs(rng.normal()), row)
        units[unit] = (full * course * (1 + waver))[:, None] * sides
    units[face68.BLINK] = _blinks(rng, times, who.blinks)
    pose = who.pose + rng.normal(0, (0.04, 0.03, 0.02, 5, 4, 1))
    swing = np.array([0.025, 0.02, 0.015, 1.5, 1.2, 0.4]) * who.sway
    moves = np.stack([wander(rng, row.frames, 11) for _ in swing], axis=1)
    pose = pose + swing * (moves - moves[0])
    return face68.place(face68.move(who.face, units), pose), pose


def _course(times: np.ndarray, row) -> np.ndarray:
    """Onset, apex and offset of a muscle: 0 to 1."""

    def rise(t):
        t = t.clip(0, 1)
        smooth = t**3 * (10 - 15 * t + 6 * t**2)
        return smooth + row.abrupt * ((1 - np.exp(-4 * t)) / (1 - np.exp(-4)) - smooth)

    end = row.onset + row.hold
    return rise(times / row.onset) * (1 - rise((times - end) / row.offset))


def _blinks(rng: np.random.Generator, times: np.ndarray, rate: float) -> np.ndarray:
    closed = np.zeros(len(times))
    for middle in rng.uniform(0, times[-1], rng.poisson(rate * times[-1])):
        closed = np.maximum(closed, np.exp(-(((times - middle) / 0.07) ** 2)))
    return closed


def track(row, who: Person, name: str) -> LandmarkTrack:
    """A video's points as a detector would give them, in a box that follows the face.

    Args:
        row: A row of `plan`, as `itertuples` gives it.
        who: Its person.
        name: The video's, for the track's source.
    """
    points, pose = motion(row, who)
    rng = np.random.default_rng([row.seed, 1])
    slow = rng.normal(size=(row.frames + 24, 68, 2))
    slow = gaussian_filter1d(slow, 3, axis=0)[12:-12] * 2
    noise = who.noise * (0.8 * rng.normal(size=points.shape) + slow)
    points = np.round((points + noise) * 8) / 8  # eighths make the file half as large
    # As the frontal face cascade frames these faces in rendered videos.
    middle = face68.place(np.tile((0, 0.3), (row.frames, 1, 1)), pose)[:, 0]
    side = round(2.35 * pose[0, 5] * rng.normal(1, 0.025))
    corner = np.round(middle - side / 2 + rng.normal(0, 1.5, 2))
    boxes = np.concatenate([corner, np.full((row.frames, 2), side)], axis=1)
    if rng.random() < 0.08:  # the face is lost for a moment
        start = rng.integers(3, row.frames - 8)
        lost = slice(start, start + rng.integers(2, 7))
        points[lost], boxes[lost] = np.nan, np.nan
    return LandmarkTrack(
        points=points[None].astype(np.float32),
        boxes=boxes.astype(np.float32),
        times=np.arange(row.frames) / RATE,
        margins=np.zeros((1, 4), int),
        size=SIZE,
        source=name,
    )
