"""A sample in the shape of SASE-FE: invented people, genuine and fake emotions.

24 people of the training part as landmark tracks, the first of them as videos too, and
two of a validation part, flat, with a table of labels (the layouts of
`datasets.sase_fe_layout`; what moves and why: `datasets.sample.sase_fe_clips`). As in
real copies some videos are missing, some names are spelt otherwise, and there are stray
files.

An ideal reader of the drawn cues, who does not know a person's own tempo, tells genuine
from fake in about 95 of 100 videos.
"""

import warnings
from pathlib import Path

import numpy as np

from datasets.sample import MARK, new_folder
from datasets.sample.face_video import SIZE, draw
from datasets.sample.sase_fe_clips import RATE, motion, person, plan, track

PEOPLE = range(1, 25)
VALIDATION = range(41, 43)
FILMED = 1  # the person whose videos are rendered
MISSING = ((3, "H2N2C"), (7, "N2Sur"), (12, "N2D"), (12, "H2N2D"), (18, "S2N2H"))
# How some files are called instead.
SPELT = {(2, "N2A"): "n2a", (5, "H2N2D"): "H2N2D ", (9, "D2N2Sur"): "D2N2SUR",
         (16, "N2H"): " N2h"}  # fmt: skip
_WORDS = {"contempt": "CONTENTMENT"}  # as the challenge has it
_README = """\
This is not SASE-FE. It is {mark}: facial points and a
few drawn videos of invented people, made by code, in the dataset's layouts. No person
was recorded. What is measured on it says nothing about people.
"""


def render(folder) -> None:
    """Write the sample: about 7 MB, of which the videos are 1.

    The tracks are the same bytes on every call; the videos are as far as OpenCV's
    encoder is the same. Where OpenCV cannot write MP4 the sample has no videos, which
    a warning says.

    Args:
        folder: Where to; made if absent, empty if there.

    Raises:
        FileExistsError: The folder is not empty.
    """
    folder = new_folder(folder)
    people = {number: person(number) for number in (*PEOPLE, *VALIDATION)}
    for row in plan(PEOPLE).itertuples(index=False):
        here = folder / "Train" / str(row.person)
        here.mkdir(parents=True, exist_ok=True)
        place = row.person, row.code
        if place not in MISSING:
            name = SPELT.get(place, row.code)
            source = f"{name}.MP4"
            track(row, people[row.person], source).save(here / f"{name}.npz")
            if row.person == FILMED:
                film(here / source, row, people[FILMED])
    _flat(folder / "Validation", people)
    _strays(folder)
    _write(folder / "README.txt", _README.format(mark=MARK))


def _write(path: Path, text: str) -> None:
    path.write_text(text, newline="\n")


def _flat(folder: Path, people: dict) -> None:
    folder.mkdir()
    rows = plan(VALIDATION)
    rng = np.random.default_rng([0, 2])
    numbers = rng.choice(10**10, len(rows), replace=False)
    lines = []
    for number, row in zip(numbers, rows.itertuples(index=False), strict=True):
        word = _WORDS.get(row.emotion, row.emotion.upper())
        name = f"{number:010d}_{word}"
        track(row, people[row.person], f"{name}.mp4").save(folder / f"{name}.npz")
        lines.append(f"{name}.mp4,{('fake', 'genuine')[row.label]},{row.person}")
    text = "\n".join(["video,label,subject", *sorted(lines), ""])
    _write(folder / "labels.csv", text)


def film(path: Path, row, who) -> None:
    """Write one video; warn where this OpenCV cannot.

    Args:
        path: Where to.
        row: A row of `sase_fe_clips.plan`, as `itertuples` gives it.
        who: Its person.
    """
    import cv2

    rng = np.random.default_rng([row.seed, 2])
    code = cv2.VideoWriter_fourcc(*"mp4v")
    # OpenCV knows the ending in lower case only.
    partial = path.with_name("film.mp4")
    film = cv2.VideoWriter(str(partial), code, RATE, SIZE)
    if not film.isOpened():
        warnings.warn(
            "This OpenCV cannot write MP4 videos: the sample has none, only points.",
            RuntimeWarning,
            stacklevel=3,
        )
        return
    width, height = SIZE
    grain = rng.normal(0, 2.5, (height + 64, width + 64, 3)).astype(np.float32)
    for points, pose in zip(*motion(row, who), strict=True):
        x, y = rng.integers(65, size=2)  # another cut for every frame
        noise = grain[y : y + height, x : x + width]
        film.write(cv2.add(draw(points, pose, who.look), noise, dtype=cv2.CV_8U))
    film.release()
    partial.rename(path)


def _strays(folder: Path) -> None:
    """Write what file managers leave in real copies."""
    train = folder / "Train"
    first, second, *_ = sorted(path for path in train.iterdir() if path.is_dir())
    for place in (folder, train, first):
        (place / ".DS_Store").write_bytes(b"\0\0\0\1Bud1" + bytes(120))
    (first / "._N2D.npz").write_bytes(bytes.fromhex("00051607") + bytes(120))
    (second / "Thumbs.db").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") * 64)
