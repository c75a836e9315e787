"""A sample in the shape of the pupil workbooks: invented pupils of invented observers.

Two workbooks, nineteen sheets each, with the observers that the real ones have and
lack (`zoo.inputs.pupil_files`), the text NaN, and series of different
lengths. What a pupil does is a sum of what it does for many reasons, strengths are
ours:

- each observer has a size and a liveliness, and a gap between the two eyes;
- each video has a brightness that goes up and down, and every pupil follows it: a video
  can be recognised by it, which has nothing to do with the smile;
- pupils wander all the time (hippus, drift), the two eyes together;
- viewers of a genuine smile dilate a little more in the second half, some of them: the
  one thing there is to learn about a video that was not seen before;
- blinks and losses of the tracker are missing samples; beside some of them the tracker
  is wrong.
"""

import io
import itertools
import re
import zipfile
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from datasets.sample import MARK, new_folder, wander
from zoo.inputs.pupil_files import REAL, VIDEOS, WORKBOOKS

# Of each observer: the pupil's usual diameter, and how far it moves.
OBSERVERS = {
    "p2": (0.00460, 1.25),
    "p3": (0.00425, 0.90),
    "p4": (0.00405, 0.80),
    "p5": (0.00450, 1.10),
    "p6": (0.00355, 1.05),
    "p7": (0.00325, 0.95),
    "p8": (0.00420, 0.85),
    "p9": (0.00440, 1.15),
    "p10": (0.00415, 0.90),
    "p11": (0.00350, 1.00),
    "p12": (0.00345, 0.85),
}
# Whom a sheet lacks, as in the real workbooks.
ABSENT = {
    ("left", "L4"): ("p10",),
    ("left", "H1"): ("p8", "p10"),
    ("left", "H3"): ("p10",),
    ("left", "A6"): ("p10",),
    ("left", "A8"): ("p10",),
    ("left", "A9"): ("p10",),
    ("right", "H1"): ("p8",),
    ("right", "H5"): ("p8",),
    ("right", "A7"): ("p2",),
}
_EMPTY_COLUMN = ("right", "A7")  # where the absent observer has a column all the same
LENGTHS = (726, 2164)  # samples of a series, at least and at most
DIAMETERS = (0.0026, 0.0107)
_EFFECT = (0.06, 0.03)  # by how much more a pupil dilates: mean and spread, relative
_README = """\
This is not the pupil study's data. It is {mark}:
diameters of invented pupils, made by code, in workbooks of the same shape. No person
was recorded. What is measured on it says nothing about people.
"""


def viewing(observer: str, video: str) -> dict[str, np.ndarray]:
    """Both eyes of one observer during one video, the same at every call.

    Args:
        observer: One of `OBSERVERS`.
        video: One of `zoo.inputs.pupil_files.VIDEOS`.

    Returns:
        "left" and "right" -> diameters (n_samples,), NaN where missing.
    """
    number = VIDEOS.index(video)
    rng = np.random.default_rng([number, list(OBSERVERS).index(observer)])
    size, lively = OBSERVERS[observer]
    count = int(np.clip(738 + 60 * rng.lognormal(0, 1.05), *LENGTHS))
    time = np.linspace(0, 1, count)
    course = np.interp(time, np.linspace(0, 1, 200), _brightness(number))
    course = course * rng.uniform(0.7, 1.3)
    effect = rng.normal(*_EFFECT) if video in REAL else rng.normal(0, _EFFECT[1])
    late = 1 / (1 + np.exp((0.5 - time) / 0.06))
    hippus = 0.018 * wander(rng, count, count / 60)
    drift = 0.02 * wander(rng, count, count / 8)
    both = 1 + rng.normal(0, 0.03) + lively * (course + effect * late + hippus + drift)
    closed = _gaps(rng, count, rng.poisson(4), (4, 14))
    eyes = {}
    for eye in WORKBOOKS:
        own = 0.004 * wander(rng, count, count / 12)
        own += 0.003 * gaussian_filter1d(rng.normal(size=count), 1)
        diameter = size * (both + own + rng.normal(0, 0.02))
        missing = closed | _gaps(rng, count, rng.poisson(0.8), (1, 30))
        if rng.random() < 0.04:  # the tracker finds the eye late
            missing[: rng.integers(1, 20)] = True
        if rng.random() < 0.02:  # or loses it for long
            missing |= _gaps(rng, count, 1, (count // 4, count * 3 // 4))
        diameter = _mistaken(rng, diameter, missing)
        diameter[missing] = np.nan
        eyes[eye] = np.clip(diameter, *DIAMETERS)
    # One eye's series is a few samples shorter.
    eyes["left"] = eyes["left"][: max(LENGTHS[0], int(count * rng.uniform(0.97, 1)))]
    return eyes


def _brightness(video: int) -> np.ndarray:
    """Return the effect of a video's light on every pupil, relative, in 200 steps."""
    rng = np.random.default_rng([1000, video])
    time = np.linspace(0, 1, 200)
    start = rng.uniform(0.02, 0.08)
    # The picture appears: a constriction, and a slow recovery.
    reflex = np.where(time > start, 1 - np.exp((start - time) / 0.02), 0)
    reflex = reflex * np.exp((start - time) / rng.uniform(0.1, 0.2))
    course = 0.03 * wander(rng, 200, 10)
    # Not over the whole length: a video that gets brighter would hide the effect.
    course -= np.linspace(*np.polyval(np.polyfit(time, course, 1), [0, 1]), 200)
    return course - rng.uniform(0.05, 0.1) * reflex


def _gaps(rng: np.random.Generator, count: int, gaps: int, lengths: tuple):
    """Draw where samples are missing: runs of at least and below some lengths."""
    missing = np.zeros(count, bool)
    for start in rng.integers(count, size=gaps):
        missing[start : start + rng.integers(*lengths)] = True
    return missing


def _mistaken(rng: np.random.Generator, diameter: np.ndarray, missing: np.ndarray):
    """Some eyelids are taken for pupils, just before they hide them."""
    for start in np.flatnonzero(np.diff(missing.astype(int)) == 1):
        if rng.random() < 0.1:
            diameter[max(start - 1, 0) : start + 1] *= rng.uniform(0.7, 1.6)
    return diameter


def render(folder) -> None:
    """Write the two workbooks; the same bytes on every call. About 2 MB.

    Args:
        folder: Where to; made if absent, empty if there.

    Raises:
        FileExistsError: The folder is not empty.
    """
    folder = new_folder(folder)
    pupils = {(o, v): viewing(o, v) for v in VIDEOS for o in OBSERVERS}
    for eye, name in WORKBOOKS.items():
        _write(folder / name, _workbook(eye, pupils))
    (folder / "README.txt").write_text(_README.format(mark=MARK))


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _workbook(eye: str, pupils: dict) -> bytes:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for video in VIDEOS:
        sheet = book.create_sheet(video)
        absent = ABSENT.get((eye, video), ())
        kept = [o for o in OBSERVERS if o not in absent]
        series = [_cells(pupils[observer, video][eye]) for observer in kept]
        names = list(kept)
        if (eye, video) == _EMPTY_COLUMN:
            names, series = [None, *names], [[], *series]
        sheet.append([])
        sheet.append([None, "Raw Signal"] if (eye, video) == ("left", "L1") else [])
        sheet.append([None, *names])
        for row in itertools.zip_longest(*series):
            sheet.append([None, *row])
    file = io.BytesIO()
    book.save(file)
    return _undated(file)


def _cells(samples: np.ndarray) -> list:
    return ["NaN" if np.isnan(v) else float(f"{v:.6g}") for v in samples]


def _undated(file: io.BytesIO) -> bytes:
    """The workbook without the time at which it was written."""
    result = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "docProps/core.xml":
                data = re.sub(
                    rb"\d{4}-\d\d-\d\dT[\d:.]+Z", b"2000-01-01T00:00:00Z", data
                )
            entry = zipfile.ZipInfo(name)  # of 1980
            new.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return result.getvalue()
