"""A sample in the shape of USTC-NVIE: invented faces, posed and spontaneous.

What tells spontaneous from posed follows section 3.1 of the thesis
(Christensen 2018), where it reports the rules of Seckington's dynamic Bayesian network:

- morphology: the muscle that raises the cheek and tightens the lids (AU 6: crow's
  feet, bagged lower lid, narrowed eye) is mostly absent when posed and mostly
  present when spontaneous; some persons can pose it (`SKILLED`);
- asymmetry: posed expressions are stronger on the subject's left (the right of
  the picture); spontaneous ones lean to either side alike;
- onset: a spontaneous sequence rises slowly and smoothly. Posed pictures have no
  sequence, as in NVIE.

Our readings: both cues belong to all six emotions, not only to smiles, and are
drawn independently of the emotion. The distributions overlap, so that no
classifier can be perfect: an ideal observer of the drawn numbers is right in
about 92 of 100 pictures. Everything else (strength, light, glasses, head pose,
background, noise, JPEG quality, picture size) has one distribution for both.
In NVIE itself file format and recording session differ between the parts; here
a BMP holds pixels that went through the same JPEG compression as a posed picture.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from datasets.sample import MARK, face68, face_video, new_folder

SUBJECTS = 38
FRAMES = 5  # of a sequence, onset to apex
REPETITIONS = 2  # of an emotion, by a subject, posed and spontaneous each
SIZE = (128, 128)  # width and height of a picture
UNIT = 0.3 * SIZE[0]  # pixels of the picture in one face unit
# Action units of each emotion at full strength; the lips are stretched (AU 20) by 12
# and 15 together. AU 6, the cheek raiser, is drawn apart: it tells spontaneous from
# posed.
RECIPES = {
    "happiness": {12: 1.0, 25: 0.75, 26: 0.15},
    "disgust": {9: 1.0, 10: 0.9, 4: 0.55, 7: 0.35, 15: 0.25, 25: 0.3},
    "fear": {1: 1.0, 2: 0.5, 4: 0.55, 5: 0.8, 12: 0.5, 15: 0.5, 25: 0.8, 26: 0.2},
    "surprise": {1: 1.0, 2: 1.0, 5: 0.8, 25: 0.4, 26: 1.0},
    "anger": {4: 1.1, 5: 0.25, 7: 0.5, 23: 1.0, 17: 0.5},
    "sadness": {1: 1.0, 4: 0.35, 15: 1.0, 17: 0.6},
    "neutral": {},
}
EMOTIONS = tuple(RECIPES)[:6]
LIGHTS = tuple(face_video.LIGHTS)
# The first character of an apex frame's name; 7 stands for no emotion.
CODES = {name: code for code, name in enumerate((*EMOTIONS, "neutral"), start=1)}
# (posed, spontaneous): parameters of a beta distribution; mean of a normal one.
CHEEK = ((2.0, 7.0), (6.0, 2.5))
ASYMMETRY = (0.26, 0.0)
ASYMMETRY_SPREAD = 0.16
SKILLED = 0.12  # posed pictures whose cheek raiser comes from the other distribution
REENCODED = 0.25  # pictures that were compressed once more

_POSED = "0-PosedExpressionDatabase"
_SPONTANEOUS = "SpontaneousDatabase"
_APEX = "5_USTC-ApexVisibleSpontaneousExpressionFrame_AAM Points/SelectedSamples"
_README = """\
This is not NVIE. It is {mark}: synthetic faces, drawn by
code ({subjects} subjects, seed {seed}) in the folder layout of USTC-NVIE. No person was
pictured. What is measured on it says nothing about people.
"""


@dataclass(frozen=True)
class Person:
    """The traits of a person, the same in every picture.

    Attributes:
        face: At rest.
        look: Colours.
        lines: How lined the eyes are at rest, 0 to 0.3.
        glasses: Colour of their frame.
    """

    face: face68.Face
    look: face_video.Look
    lines: float
    glasses: tuple[float, float, float]


def plan(subjects: int = SUBJECTS, seed: int = 0) -> pd.DataFrame:
    """Draw the hidden parameters of every apex picture.

    Args:
        subjects: Number of persons, 1 or more.
        seed: Seed of everything drawn; a subject does not depend on how many
            there are.

    Returns:
        One row a picture: `subject`, `emotion` ("neutral" in two rows),
        `spontaneous` (1 or 0), `illumination`, `glasses`; the cues `cheek` (0 to 1)
        and `asymmetry` (relative; positive: stronger on the subject's left);
        the nuisances; `path` of the picture and `sequence`, the folder of its
        sequence ("" when posed), relative to the tree.

    Raises:
        ValueError: `subjects` is below 1.
    """
    if subjects < 1:
        raise ValueError(f"subjects must be 1 or more, not {subjects}")
    rows = [row for subject in range(subjects) for row in _session(subject, seed)]
    still = {"cheek": 0.0, "asymmetry": 0.0, "reencoded": False}
    for spontaneous in (0, 1):
        rng = np.random.default_rng([seed, 2, spontaneous])
        drawn = _cues(rng, spontaneous) | _nuisances(rng) | still
        rows.append(_row(0, spontaneous, "neutral", 0, drawn))
    return _named(pd.DataFrame(rows), seed)


def _session(subject: int, seed: int) -> list[dict]:
    """A subject's posed and spontaneous pictures.

    Both get the same nuisances, dealt in another order: whatever is not a cue
    is then distributed alike, for each subject, to the last picture.
    """
    rng = np.random.default_rng([seed, 1, subject])
    what = [(emotion, k) for emotion in range(6) for k in range(REPETITIONS)]
    nuisances = [_nuisances(rng) for _ in what]
    rows = []
    for spontaneous in (0, 1):
        for (emotion, k), deal in zip(what, rng.permutation(len(what)), strict=True):
            drawn = _cues(rng, spontaneous) | nuisances[deal]
            turn = subject + emotion + k
            rows.append(_row(subject, spontaneous, EMOTIONS[emotion], turn, drawn))
    return rows


def _row(subject: int, spontaneous: int, emotion: str, turn: int, drawn: dict) -> dict:
    return {
        "subject": f"{subject + 1:03d}",
        "emotion": emotion,
        "spontaneous": spontaneous,
        "illumination": LIGHTS[turn % 3],
        # Posed both with and without; spontaneous as the person came.
        "glasses": (subject if spontaneous else turn) % 2 == 1,
        **drawn,
    }


def _cues(rng: np.random.Generator, spontaneous: int) -> dict:
    as_spontaneous = spontaneous or rng.random() < SKILLED
    asymmetry = rng.normal(ASYMMETRY[spontaneous], ASYMMETRY_SPREAD)
    return {
        "cheek": rng.beta(*CHEEK[int(as_spontaneous)]),
        "asymmetry": float(np.clip(asymmetry, -0.8, 0.8)),
        "cheek_side": rng.normal(0, 0.1),
        "seed": int(rng.integers(2**31)),
    }


def _nuisances(rng: np.random.Generator) -> dict:
    return {
        "intensity": rng.uniform(0.6, 1.0),
        "yaw": rng.normal(0, 0.07),
        "pitch": rng.normal(0, 0.05),
        "roll": rng.normal(0, 0.04),
        "shift_x": rng.normal(0, 0.05),
        "shift_y": rng.normal(0, 0.04),
        "scale": rng.normal(0.97, 0.03),
        "gain": rng.normal(1, 0.06),
        "noise": rng.uniform(2, 6),
        "quality": int(rng.integers(84, 96)),
        "reencoded": bool(rng.random() < REENCODED),
        "backdrop": tuple(np.array([150, 92, 48]) + rng.normal(0, 8, 3)),
    }


def _named(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Add `path` and `sequence`; neither order nor number betrays an emotion."""
    rng = np.random.default_rng([seed, 3])
    order = frame.iloc[rng.permutation(len(frame))]
    run = order.groupby(["subject", "spontaneous"]).cumcount() + 1
    number = order.groupby(["emotion", "spontaneous"]).cumcount() + 1
    paths, sequences = [], []
    for i, row in frame.iterrows():
        if row.spontaneous:
            code = CODES[row.emotion]
            suffix = "jpg" if row.reencoded else "bmp"
            paths.append(f"{_APEX}/{code}{number[i]:03d}.{suffix}")
            start = f"{_SPONTANEOUS}/{row.illumination}/{row.subject}/visible"
            sequences.append(f"{start}/{run[i]:02d}")
        else:
            eyes = "glasses" if row.glasses else "noglasses"
            start = f"{_POSED}/{row.illumination}/{eyes}/{row.subject}/visible"
            paths.append(f"{start}/{row.emotion}/{run[i]:02d}.jpg")
            sequences.append("")
    return frame.assign(path=paths, sequence=sequences)


def pictures(row, who: Person) -> list[np.ndarray]:
    """Draw a row of the plan, with noise, before any compression.

    Args:
        row: A row of `plan`, as `itertuples` gives it.
        who: The person.

    Returns:
        uint8 pictures (128, 128, 3), BGR: onset to apex when spontaneous, the
        apex alone when posed.
    """
    rng = np.random.default_rng(row.seed)
    sides = np.array([1 - row.asymmetry, 1 + row.asymmetry])
    strength = row.intensity * rng.normal(1, 0.12, len(face68.UNITS))
    varied = dict(zip(face68.UNITS, np.clip(strength, 0.3, 1.2), strict=True))
    recipe = RECIPES[row.emotion]
    units = {unit: full * varied[unit] * sides for unit, full in recipe.items()}
    cheek = row.cheek * np.array([1 - row.cheek_side, 1 + row.cheek_side])
    # The muscle's outer part raises the cheek (6), its inner part tightens lids (7).
    units |= {6: cheek, 7: units.get(7, 0) + cheek}
    lids = rng.normal(0, 0.12)  # how open the eyes are just now, in units of AU 5
    units[5] = units.get(5, 0) + np.full(2, lids)
    times = np.linspace(0, 1, FRAMES) if row.spontaneous else np.ones(1)
    rise = (times * times * (3 - 2 * times))[:, None]  # slow and smooth
    units = {unit: rise * value for unit, value in units.items()}
    drift = (1 - times)[:, None] * rng.normal(0, 0.02, 6) * [1, 1, 1, 1, 1, 0.5]
    pose = [row.yaw, row.pitch, row.roll, row.shift_x, row.shift_y, row.scale] + drift
    # The middle of a head lies a quarter of a face unit below the eyes.
    pose[:, 3:] = UNIT * pose[:, 3:] + [SIZE[0] / 2, SIZE[1] / 2 - UNIT / 4, 0]
    points = face68.place(face68.move(who.face, units), pose)
    look = replace(who.look, wall=row.backdrop)
    done = []
    for number in range(len(times)):
        clean = face_video.draw(
            points[number],
            pose[number],
            look,
            SIZE,
            creases=who.lines + units[6][number],
            glasses=who.glasses if row.glasses else None,
            light=row.illumination,
        )
        noise = rng.standard_normal(clean.shape, np.float32) * np.float32(row.noise)
        noisy = np.round(clean * np.float32(row.gain) + noise)
        done.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return done


def render(folder, subjects: int = SUBJECTS, seed: int = 0) -> None:
    """Write the tree: both parts, and what stray files real copies hold.

    The same arguments give the same bytes on the same machine. The default is
    about 135 MB.

    Args:
        folder: Where to; made if absent, empty if there.
        subjects: Number of persons, 1 or more.
        seed: Seed of everything drawn.

    Raises:
        FileExistsError: The folder is not empty.
        ValueError: `subjects` is below 1.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    rows = plan(subjects, seed)
    folder = new_folder(folder)
    people = persons(subjects, seed)
    jobs = (
        delayed(_write)(folder, row, people[row.subject])
        for row in rows.itertuples(index=False)
    )
    # Threads: OpenCV and NumPy leave the interpreter alone most of the time.
    done = Parallel(n_jobs=-1, prefer="threads", return_as="generator")(jobs)
    for _ in tqdm(done, "NVIE sample", len(rows), unit="picture", disable=None):
        pass
    _stray(folder)
    # In each part too, so that a copy of one says what it is; the whole's comes last.
    for place in (_POSED, _SPONTANEOUS, _APEX, "."):
        (folder / place / "README.txt").write_text(
            _README.format(mark=MARK, subjects=subjects, seed=seed)
        )


def persons(subjects: int = SUBJECTS, seed: int = 0) -> dict[str, Person]:
    """The persons of the sample by subject, "001" and on."""
    people = {}
    for subject in range(subjects):
        rng = np.random.default_rng([seed, 0, subject])
        people[f"{subject + 1:03d}"] = Person(
            look=face_video.invent_look(rng),
            face=face68.face(rng),
            lines=rng.uniform(0, 0.3),
            glasses=tuple(rng.uniform(25, 110, 3)),
        )
    return people


def _write(folder: Path, row, who: Person) -> None:
    apex = folder / row.path
    apex.parent.mkdir(parents=True, exist_ok=True)
    sequence = folder / row.sequence
    sequence.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures(row, who), start=1):
        data = _encoded(picture, "jpg", row.quality)
        picture = _decoded(data)
        if row.spontaneous:
            bitmap = _encoded(picture, "bmp")
            (sequence / f"{number:04d}.bmp").write_bytes(bitmap)
    if row.reencoded:
        data = _encoded(picture, "jpg", 92)
    elif row.spontaneous:
        data = bitmap
    apex.write_bytes(data)


def _encoded(picture: np.ndarray, suffix: str, quality: int = 0) -> bytes:
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == "jpg" else []
    return cv2.imencode(f".{suffix}", picture, options)[1].tobytes()


def _decoded(data: bytes) -> np.ndarray:
    import cv2

    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def _stray(folder: Path) -> None:
    """Write what file managers leave in real copies, and two empty folders."""
    (folder / _APEX / "Thumbs.db").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") * 64)
    subject = folder / _SPONTANEOUS / "front" / "001"
    for place in (folder, folder / _POSED, subject):
        (place / ".DS_Store").write_bytes(b"\0\0\0\1Bud1" + bytes(120))
    (subject / "infrared").mkdir()
    (subject / "visible" / "99").mkdir()
