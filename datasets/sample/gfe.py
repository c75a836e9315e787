"""A sample in the shape of UCI's Grammatical Facial Expressions: an invented face.

Two signers, nine expressions, one recording each, in UCI's file names and format. The
face is a handful of curves through 100 points, in the Kinect's numbering, moved by a
few facial actions, turned, and projected as the Kinect's camera does it. Expressions
come in bouts (onset, apex, offset), and are labelled 1 from about the middle of the
onset to about the middle of the offset. What each is made of (`RECIPES`) follows what
Freitas et al. 2014 describe for Libras; strengths are ours.

What makes it less than trivial: bouts differ in strength, head and distance drift, the
face moves between bouts as well (mouthing, weak and brief actions that mean nothing),
points jitter, and the signers differ in face, distance and liveliness.
"""

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from datasets.sample import MARK, new_folder
from zoo.inputs.gfe_files import EXPRESSIONS, HEADER, SIGNERS

# Facial actions, each about 0 to 1: of the face, then of the head (turns and a shift).
ACTIONS = ("raise", "lower", "widen", "open", "frown", "purse")
HEAD = ("pitch", "yaw", "roll", "lean")
# Strength at the apex; `nod` and `shake` are amplitudes of pitch and yaw.
RECIPES = {
    "affirmative": {"nod": 0.8, "raise": 0.6, "frown": 0.5, "pitch": 0.4},
    "conditional": {"raise": 1.2, "roll": -0.5, "widen": 0.5, "purse": 0.4},
    "doubt_question": {"lower": 0.8, "widen": -0.6, "purse": 0.8, "roll": -0.3},
    "emphasis": {"raise": 0.6, "widen": 0.9, "open": 0.5},
    "negative": {"shake": 0.9, "lower": 0.7, "frown": 0.9},
    "relative": {"raise": 0.9, "widen": -0.5, "roll": 0.5, "pitch": -0.5},
    "topics": {"raise": 0.9, "widen": 0.4, "pitch": 0.6},
    "wh_question": {"lower": 0.9, "pitch": -0.7, "open": 0.3},
    "yn_question": {"raise": 0.8, "pitch": 0.7, "lean": 0.5},
}
# Of each signer: distance (mm), place of the head (mm), size, length of the face,
# height of the brows (mm), liveliness, share of depths that are not measured.
_SIGNERS = {
    "a": (1150, (-40, -60), 1.0, 1.0, 20, 1.0, 0.02),
    "b": (1330, (25, 30), 0.95, 1.06, 23, 0.85, 0.06),
}
FOCAL = 525.0  # of the Kinect's camera, in pixels
CENTRE = (320, 240)
FRAMES = (170, 220)  # of a recording, at least and below
_START = 1_400_000_000  # time stamp of the first frame, in seconds
_README = """\
This is not UCI's Grammatical Facial Expressions. It is {mark}:
points of an invented face, moved by code, in the file format of that dataset. No person
was recorded. What is measured on it says nothing about people.
"""


def face(actions: np.ndarray, length: float = 1.0, brows: float = 20) -> np.ndarray:
    """The points of a face that looks straight ahead.

    Args:
        actions: (frames, 6): the strengths of `ACTIONS`.
        length: Length of the face, relative.
        brows: Height of the brows above the eyes, in millimetres.

    Returns:
        (frames, 100, 3) in millimetres, from a point between the eyes: x to the right
        and y downwards as the camera sees them, z away from it.
    """
    up, lower, widen, opened, frown, purse = (a[:, None] for a in actions.T)
    still = np.zeros((len(actions), 1))
    parts = {}
    for side, eye, brow, iris, line in ((-1, 0, 16, 87, 90), (1, 8, 26, 88, 95)):
        turn = np.arange(8) * np.pi / 4  # inner corner, upper lid, outer, lower lid
        upper = np.sin(turn) > 0
        lid = np.where(upper, 5 + 3.0 * widen, 4 + 0.8 * widen)
        parts[eye] = side * (31 - 12 * np.cos(turn)) + still, -np.sin(turn) * lid
        parts[iris] = still + side * 31, still
        # Along a brow from its inner end; lowered brows also come together.
        along = np.linspace(0, 1, 5)
        arch = brows + 4 * np.sin(np.pi * along) + up * (7 - 2 * along)
        arch = arch - lower * (6 - 4 * along)
        across = side * (18 + 36 * along - 3 * lower * (1 - along))
        thick = 7 - 3 * along
        parts[brow] = (
            np.concatenate([across, across[:, ::-1]], axis=1),
            -np.concatenate([arch, (arch - thick)[:, ::-1]], axis=1),
        )
        parts[line] = across * 1.05, -(arch + 7)
    nose = np.array([-8, -10, -12, -17, -12, 0, 12, 17, 15, 12, 10, 8])
    nose_down = np.array([2, 14, 26, 38, 47, 49, 47, 40, 31, 24, 13, 2]) * length
    parts[36] = nose + still, nose_down + still
    parts[89] = still, still + 38 * length

    wide, lips = 26 - 7 * purse, 70 * length
    turn = np.arange(12) * np.pi / 6
    drop = np.where(np.sin(turn) < 0, 8 + 16 * opened - 2 * purse, 7 - 2 * purse)
    corners = 6 * frown * np.cos(turn) ** 4
    parts[48] = -np.cos(turn) * wide, lips - np.sin(turn) * drop + corners
    turn = np.arange(8) * np.pi / 4
    drop = np.where(np.sin(turn) < 0, 2 + 14 * opened, 1.5)
    corners = 6 * frown * np.cos(turn) ** 4
    parts[60] = -np.cos(turn) * wide * 0.8, lips - np.sin(turn) * drop + corners
    turn = np.linspace(-0.08, 1.08, 19) * np.pi  # temple, chin, temple
    chin = np.where(np.sin(turn) > 0, 112 * length + 12 * opened, 60)
    parts[68] = -np.cos(turn) * 70 + still, np.sin(turn) * chin

    points = np.empty((len(actions), 100, 3))
    for first, (x, y) in parts.items():
        points[:, first : first + x.shape[1], 0] = x
        points[:, first : first + x.shape[1], 1] = y
    x, y = points[..., 0], points[..., 1] - 30 * length
    points[..., 2] = 90 * (
        1 - np.sqrt(np.clip(1 - (x / 85) ** 2 - (y / 130) ** 2, 0, 1))
    )
    points[:, 36:48, 2] -= 10
    points[:, 89, 2] -= 25
    return points


def recording(signer: str, expression: str) -> tuple[np.ndarray, np.ndarray]:
    """One recording, the same at every call.

    Args:
        signer: "a" or "b".
        expression: One of `RECIPES`.

    Returns:
        Points (frames, 100, 3), x and y in pixels, z in whole millimetres and 0 where
        it was not measured; labels (frames,), 0 or 1.
    """
    rng = np.random.default_rng([SIGNERS.index(signer), EXPRESSIONS.index(expression)])
    distance, place, size, length, brows, lively, unmeasured = _SIGNERS[signer]
    count = rng.integers(*FRAMES)
    strength, labels = _bouts(rng, count)
    moved = _restless(rng, count)
    for name, value in RECIPES[expression].items():
        move = strength * value * lively
        if name in ("nod", "shake"):
            move = move * np.sin(np.arange(count) * 2 * np.pi / 9 + rng.uniform(0, 6))
            name = {"nod": "pitch", "shake": "yaw"}[name]
        moved[name] += move
    points = size * face(np.stack([moved[a] for a in ACTIONS], 1), length, brows)
    drift = {name: _smooth(rng, count, 25) for name in HEAD}
    turns = [0.17 * moved[name] + 0.04 * drift[name] for name in HEAD[:3]]
    points = np.einsum("tij,tpj->tpi", _rotation(*turns), points - [0, 40, 90])
    shift = np.stack([12 * _smooth(rng, count, 30) for _ in range(3)], 1)
    shift += [*place, distance]
    shift[:, 2] += 15 * drift["lean"] - 40 * moved["lean"]
    points += shift[:, None]
    jitter = gaussian_filter1d(rng.normal(0, 0.45, points.shape), 0.7, axis=0)
    pixels = FOCAL * points[..., :2] / points[..., 2:] + CENTRE + jitter[..., :2]
    depths = np.round(points[..., 2] + 4 * jitter[..., 2])
    depths[_gaps(rng, depths.shape, unmeasured)] = 0
    return np.concatenate([pixels, depths[..., None]], axis=2), labels


def _bouts(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how strongly the expression occurs in each frame, and its labels."""
    strength, labels = np.zeros(count), np.zeros(count, int)
    start = rng.integers(6, 16)
    while start < count:
        onset, apex, offset = rng.integers((4, 8, 4), (8, 17, 8))
        rise, fall = (np.arange(1, n + 1) / (n + 1) for n in (onset, offset))
        course = np.concatenate([rise, np.ones(apex), fall[::-1]])
        course = course * course * (3 - 2 * course)  # sets in and ends smoothly
        stop = min(start + len(course), count)
        full = np.clip(rng.normal(0.95, 0.2), 0.5, 1.4)
        strength[start:stop] = full * course[: stop - start]
        # Whoever labels is a frame early or late.
        first = start + onset // 2 + rng.integers(-1, 2)
        last = start + len(course) - offset // 2 + rng.integers(-1, 2)
        labels[first:last] = 1
        start = start + len(course) + rng.integers(12, 26)
    return strength, labels


def _restless(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Return a face's movements without grammatical reason."""
    moved = {name: 0.13 * _smooth(rng, count, 2) for name in ACTIONS + HEAD}
    moved["open"] += 0.25 * np.abs(_smooth(rng, count, 2))  # mouthing
    for _ in range(count // 50):
        name = rng.choice(ACTIONS + HEAD)
        bump = np.exp(-(((np.arange(count) - rng.integers(count)) / 3) ** 2))
        moved[name] = moved[name] + rng.uniform(0.3, 0.7) * bump
    return moved


def _smooth(rng: np.random.Generator, count: int, frames: float) -> np.ndarray:
    """Noise of unit spread that changes over some number of frames."""
    noise = gaussian_filter1d(rng.normal(size=count + 8 * int(frames)), frames)
    return noise[4 * int(frames) :][:count] * np.sqrt(2 * frames * np.sqrt(np.pi))


def _rotation(pitch, yaw, roll) -> np.ndarray:
    """Rotation matrices (frames, 3, 3) of three angles in radians."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_euler("xyz", np.stack([pitch, yaw, roll], 1)).as_matrix()


def _gaps(rng: np.random.Generator, shape: tuple, share: float) -> np.ndarray:
    """Draw where the depth is missing: for some frames, at the face's edge."""
    noise = gaussian_filter1d(rng.normal(size=shape), 2, axis=0)
    likely = np.full(shape[1], 0.2)
    likely[68:87], likely[90:] = 3, 2
    limits = [np.quantile(noise, 1 - share * often) for often in likely]
    return noise > limits


def render(folder) -> None:
    """Write the 36 files; the same bytes on every call. About 7 MB.

    Args:
        folder: Where to; made if absent, empty if there.

    Raises:
        FileExistsError: The folder is not empty.
    """
    folder = new_folder(folder)
    for number, expression in enumerate(EXPRESSIONS):
        for signer in SIGNERS:
            points, labels = recording(signer, expression)
            name = f"{signer}_{expression}"
            lines = [" ".join(HEADER), *_rows(points)]
            # As in UCI's files, some of which end without a line end.
            end = "\r\n" if number % 2 else ""
            _write(folder / f"{name}_datapoints.txt", "\r\n".join(lines) + end)
            if name == "a_doubt_question":  # UCI's spelling
                name = "a_doubts_question"
            _write(folder / f"{name}_targets.txt", "\r\n".join(map(str, labels)))
    (folder / "README.txt").write_text(_README.format(mark=MARK))


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode())


def _rows(points: np.ndarray):
    """Lines of a datapoints file; the milliseconds are not padded, as in UCI's."""
    form = "%d.%d" + " %.6g %.6g %d" * points.shape[1]
    for number, frame in enumerate(points):
        seconds, milliseconds = divmod(57 * number, 1000)
        yield form % (_START + seconds, milliseconds, *frame.ravel())
