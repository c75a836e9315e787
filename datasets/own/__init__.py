"""A folder of one's own: clips or pictures of people, genuine and posed.

Read as the first of these that fits, and the summary says as which:

1. `manifest.csv`: a row a file, with the columns `path` (absolute, or relative to the
   folder), `subject`, `label` and, where it is known, `emotion`.
2. Folders named by the label, with a folder a person inside or around them:
   `genuine/anna/1.mp4` or `anna/genuine/1.mp4`. A folder may also name the emotion.
3. Names that begin with label and person: `genuine_anna_1.mp4`.

Labels are genuine (spontaneous, true, real, 1) and posed (deliberate, fake, acted,
false, 0). A person who is spelt in two ways (case, blanks, accents composed or not,
leading zeros) is one person. What is not listed or not named so is left out, counted.
"""

import os
import re
import unicodedata
from pathlib import Path

import pandas as pd

from datasets import manifest
from datasets.emotions import emotion_word
from zoo.inputs import pictures, video
from zoo.inputs.plain_files import natural

MANIFEST = manifest.NAME
_LABELS = dict.fromkeys(("genuine", "spontaneous", "true", "real", "1"), 1)
_LABELS |= dict.fromkeys(("posed", "deliberate", "fake", "acted", "false", "0"), 0)
_WORDS = {word: label for word, label in _LABELS.items() if not word.isdigit()}
_NAMED = re.compile(rf"({'|'.join(_WORDS)})[_ -]+([^_ -]+)([_ -].*)?")


def index(folder: str | os.PathLike) -> pd.DataFrame:
    """List the clips and pictures of a folder; none is opened.

    Args:
        folder: The folder.

    Returns:
        One row a file, by person: `sample` (its path in the folder), `subject`,
        `emotion` (one of six, or NA), `label` (1 genuine, 0 posed), `path`, `kind`
        ("video" or "picture"). `attrs["report"]` says as what it was read, who is spelt
        in several ways, and what was left out.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: The manifest has faults (all of them are told), nothing is named as
            expected, or there is one label only.
    """
    root = Path(os.path.abspath(os.path.expanduser(folder)))
    if not root.is_dir():
        raise FileNotFoundError(f"Expected a folder of clips or pictures: {root}.")
    if (root / MANIFEST).is_file():
        read_as, rows, left = MANIFEST, _read_manifest(root), []
    else:
        files = [path for path in video.walk(root)[0] if _kind(path)]
        read_as, rows, left = "folders", *_read_files(root, files, _from_folders)
        if not rows:
            read_as, rows, left = "names", *_read_files(root, files, _from_name)
    labels = {row["label"] for row in rows}
    if len(labels) < 2:
        some = ", ".join(left[:3]) or "no clip or picture"
        raise ValueError(
            f"{root}: expected genuine and posed clips or pictures, by {MANIFEST} "
            "(path,subject,label[,emotion]), folders genuine/PERSON/ and "
            f"posed/PERSON/, or names like genuine_PERSON_1.mp4. Received: {len(rows)} "
            f"with the labels {sorted(labels)}; not understood: {len(left)} ({some})."
        )
    return _arrange(root, read_as, rows, left)


def _arrange(root, read_as, rows, left) -> pd.DataFrame:
    """Return the rows as a table, each person under one name."""
    spelt = {}
    for row in rows:
        spelt.setdefault(canonical(row["subject"]), []).append(row["subject"].strip())
    names = {key: min(set(ways), key=natural) for key, ways in spelt.items()}
    several = {key: sorted(set(ways)) for key, ways in spelt.items()}
    report = {
        f"read as {read_as}": [f"{len(rows)} files of {len(names)} people"],
        "one person": [" = ".join(w) for w in several.values() if len(w) > 1],
        "left out": sorted(left, key=natural),
    }
    for row in rows:
        path = Path(row["path"])
        inside = path.is_relative_to(root)
        row["sample"] = (path.relative_to(root) if inside else path).as_posix()
        row["subject"] = names[canonical(row["subject"])]
        row |= {"path": str(path), "kind": _kind(path)}
    rows.sort(key=lambda row: (natural(row["subject"]), natural(row["sample"])))
    columns = ["sample", "subject", "emotion", "label", "path", "kind"]
    table = pd.DataFrame(rows)[columns].astype({"emotion": "string"})
    table.attrs["report"] = report
    return table


def canonical(name: str) -> str:
    """Spell a person's name in one way: case, blanks, accents, leading zeros."""
    name = " ".join(unicodedata.normalize("NFC", name).casefold().split())
    return re.sub(r"0*([0-9]+)", r"\1", name)


def _kind(path: Path) -> str | None:
    ending = video.ending(path)
    if ending in video.ENDINGS:
        return "video"
    return "picture" if ending in pictures.ENDINGS else None


def _read_manifest(root: Path) -> list[dict]:
    file = root / MANIFEST
    rows, faults, seen = [], [], {}
    for line, cells in manifest.read(file, ("path", "subject", "label"), ("emotion",)):
        path = Path(os.path.normpath(root / cells["path"].replace("\\", "/")))
        label = _LABELS.get(re.sub(r"\.0+$", "", cells["label"].lower()))
        emotion = emotion_word(cells["emotion"])
        first = seen.setdefault(path, line)
        for good, fault in (
            (_kind(path), f"path {cells['path']!r} is no clip or picture"),
            (first == line, f"the same file as in line {first}"),
            (path.is_file(), f"there is no file {cells['path']!r}"),
            (cells["subject"], "no subject"),
            (label is not None, f"label {cells['label']!r}: genuine or posed?"),
            (emotion or not cells["emotion"], f"emotion {cells['emotion']!r}"),
        ):
            if not good:
                faults.append(f"line {line}: {fault}")
        rows.append({"path": path, "subject": cells["subject"], "label": label})
        rows[-1]["emotion"] = emotion
    manifest.check(file, faults)
    return rows


def _read_files(root: Path, files: list[Path], read) -> tuple[list[dict], list[str]]:
    """Return the rows of the files that `read` understands, and the others."""
    found = {path: read(path.relative_to(root)) for path in files}
    rows = [{"path": path, **row} for path, row in found.items() if row]
    return rows, [str(p.relative_to(root)) for p, row in found.items() if not row]


def _from_folders(path: Path) -> dict | None:
    """Read label, person and emotion from a file's folders."""
    folders = list(path.parts[:-1])
    labels = [n for n, name in enumerate(folders) if name.strip().lower() in _WORDS]
    if not labels:
        return None
    place = labels[-1]
    emotions = [name for name in folders if emotion_word(name)]
    others = [n for n, name in enumerate(folders) if n not in labels]
    others = [n for n in others if folders[n] not in emotions]
    inside = [n for n in others if n > place]
    person = inside[0] if inside else others[-1] if others else None
    if person is None:
        return None
    label = _WORDS[folders[place].strip().lower()]
    emotion = emotion_word(emotions[-1]) if emotions else None
    return {"subject": folders[person], "label": label, "emotion": emotion}


def _from_name(path: Path) -> dict | None:
    """Read label, person and emotion from a file's name."""
    match = _NAMED.fullmatch(path.stem.lower())
    if not match:
        return None
    words = re.split("[_ -]+", match[3] or "")
    emotion = next(filter(None, map(emotion_word, words)), None)
    subject = path.stem[match.start(2) : match.end(2)]
    return {"subject": subject, "label": _WORDS[match[1]], "emotion": emotion}
