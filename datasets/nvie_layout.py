"""The layout of a copy of NVIE: every path pattern, and the walk.

USTC-NVIE (Wang et al. 2010) reaches its users in copies whose folders differ.
Each pattern below reads a path relative to the data folder, with `/` between
its parts and case ignored; a copy that fits none of them is described by a
`manifest.csv` instead (see `datasets.nvie.index`). The layouts are those seen
by the thesis (Christensen 2018, section 4.3.1) and in public code that reads NVIE.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from datasets import manifest
from datasets.emotions import EMOTIONS, emotion_word
from zoo.inputs import plain_files

LAYOUT = """\
posed pictures        **/0-PosedExpressionDatabase/<light, glasses and subject, \
in any order>/visible/<emotion>/<picture>
spontaneous apexes    **/SelectedSamples/<picture>, with or without \
<light>/<subject> levels
spontaneous sequences **/SpontaneousDatabase/<light>/<subject>/visible/\
<sequence>/<picture>
(light: front, left or right; subject: 1, 001, S001, P12, subject_3; pictures: \
bmp, jpg, jpeg, png)"""

MANIFEST = manifest.NAME
COLUMNS = ("path", "subject", "emotion", "spontaneous", "illumination", "glasses")

_PICTURES = {".bmp", ".jpg", ".jpeg", ".png"}
_GAP = "[ _-]*"
_NUMBER = rf"(?:\d+{_GAP})?"
_DATABASE = rf"{_GAP}(?:expressions?{_GAP})?(?:database)?"

# One folder, as a whole.
_SUBJECT = rf"(?:s|p|subj|subject|person)?{_GAP}\d+"
_LIGHT = rf"(?:front|frontal|left|right)(?:{_GAP}(?:light|lighting|illumination))?"
_GLASSES = rf"(?:with|without|no|non)?{_GAP}glass(?:es)?"

# A whole path. `levels` holds subject, light and glasses in whatever order.
_PATHS = {
    "apex": rf"(?:.*?/)??(?P<levels>(?:(?:{_SUBJECT}|{_LIGHT}|{_GLASSES}|visible)/)*)"
    rf"selected{_GAP}samples?/(?P<below>(?:[^/]+/)*)[^/]+",
    "posed": rf"(?:.*?/)??{_NUMBER}posed{_DATABASE}/(?P<levels>(?:[^/]+/)*?)"
    r"visible/(?P<expression>[^/]+)/.+",
    "frame": rf"(?P<sequence>(?:.*?/)??{_NUMBER}spontaneous{_DATABASE}/"
    r"(?P<levels>(?:[^/]+/)*?)visible/(?P<expression>[^/]+(?:/[^/]+)*))/[^/]+",
}
_PATHS = {kind: re.compile(text, re.I | re.A) for kind, text in _PATHS.items()}
_FOLDERS = {
    "subject": re.compile(_SUBJECT, re.I | re.A),
    "illumination": re.compile(_LIGHT, re.I | re.A),
    "glasses": re.compile(_GLASSES, re.I | re.A),
}
# The data set's own name holds both words, so a folder that says "visible" as well
# is not an infrared folder. Passed over whole: it may hold 100,000 pictures.
_INFRARED = re.compile(r"ir|thermal|(?!.*visible).*infrared.*", re.I)
# Hidden folders, and the thumbnails that archives and file servers add.
_NOT_OURS = re.compile(r"[.@].*|__MACOSX")

_YES_NO = {"true": True, "1": True, "false": False, "0": False, "": None}


class Place(NamedTuple):
    """The labels in a picture's path; None where it has none.

    `kind` is posed, apex, frame or unknown; `expression` the folder
    that may name the emotion; `sequence` the relative path of a frame's folder.
    """

    path: str
    kind: str
    subject: str | None = None
    illumination: str | None = None
    glasses: bool | None = None
    expression: str | None = None
    sequence: str | None = None


def place(path: str) -> Place:
    """Read one picture's relative POSIX path."""
    matches = ((kind, pattern.fullmatch(path)) for kind, pattern in _PATHS.items())
    kind, found = next((m for m in matches if m[1]), ("unknown", None))
    if found is None:
        return Place(path, kind)
    groups = found.groupdict("")
    levels = (groups["levels"] + groups.get("below", "")).split("/")
    light = _deepest(levels, "illumination")
    glasses = _deepest(levels, "glasses")
    return Place(
        path,
        kind,
        canonical_subject(_deepest(levels, "subject")),
        light and re.match("front|left|right", light.lower()).group(),
        None if glasses is None else not re.match("no|without", glasses.lower()),
        groups.get("expression"),
        groups.get("sequence"),
    )


def _deepest(levels: list[str], what: str) -> str | None:
    named = [level for level in levels if _FOLDERS[what].fullmatch(level)]
    return named[-1] if named else None


def canonical_subject(name: str | None) -> str | None:
    """Spell `7`, `007`, `S7`, `P07`, `subject_7` as `007`, and others as they are.

    Case is ignored, as is the `.0` that a table adds to numbers. The same number in
    both parts of NVIE is read as the same person: should it be two, a split by
    subject loses nothing; the other way round it would leak.
    """
    if name is None:
        return None
    name = _whole(name)
    if not _FOLDERS["subject"].fullmatch(name):
        return name.casefold()
    return re.search(r"[0-9]+$", name).group().lstrip("0").rjust(3, "0")


def _whole(text: str) -> str:
    """Turn `7.0` into `7`: pandas writes whole numbers so where a column lacks some."""
    return re.sub(r"^([0-9]+)\.0+$", r"\1", text)


def emotion_digit(name: str | None) -> str | None:
    """Return the emotion of a folder named by a digit from 1 to 6, or None."""
    digit = re.fullmatch(r"(?:.*/)?([1-6])", name or "")
    return EMOTIONS[int(digit.group(1)) - 1] if digit else None


def walk(root: Path) -> tuple[list[str], dict[str, list[str]]]:
    """List every picture below `root`, and what was passed over, as relative paths.

    Links to folders are followed, each folder once.

    Returns:
        `(pictures, passed_over)`: sorted relative POSIX paths; reason -> paths.
    """
    pictures, ignored, infrared, closed = [], [], [], []

    def relative(folder):
        text = os.path.relpath(folder, root).replace(os.sep, "/")
        return "" if text == "." else text + "/"

    def refused(error):
        closed.append(relative(error.filename))

    for folder, below, names in plain_files.walk(root, refused):
        here = relative(folder)
        for name in sorted(below):
            passed = ignored if _NOT_OURS.fullmatch(name) else infrared
            if passed is ignored or _INFRARED.fullmatch(name):
                passed.append(f"{here}{name}/")
                below.remove(name)
        below.sort()
        for name in names:
            suffix = os.path.splitext(name)[1].lower()
            ours = not name.startswith(".") and suffix in _PICTURES
            (pictures if ours else ignored).append(here + name)
    reasons = {"infrared folder": infrared, "ignored file": ignored}
    return sorted(pictures), reasons | {"closed folder": closed}


def read_manifest(root: Path) -> list[dict]:
    """Read and check the rows of `root/manifest.csv`; None where a cell is empty.

    The ValueError tells all faults, with their lines.
    """
    file = root / MANIFEST
    rows, faults, first = [], [], {}
    for line, cells in manifest.read(file, COLUMNS, ("sequence",)):
        row = _manifest_row(cells, root)
        wrong = [
            f"line {line}: {column} is {cells[column]!r}; expected {expected}"
            for column, expected in _EXPECTED.items()
            if row[column] is _WRONG
        ]
        if first.setdefault(row["path"], line) != line and row["path"] is not _WRONG:
            wrong.append(f"line {line}: same picture as in line {first[row['path']]}")
        faults += wrong
        rows.append(row)
    manifest.check(file, faults)
    return rows


_WRONG = object()
_EXPECTED = {
    "path": "the path of a picture",
    "subject": "a name or number",
    "emotion": f"one of {', '.join(EMOTIONS)}",
    "spontaneous": "1 or, for posed, 0",
    "illumination": "front, left, right",
    "glasses": "True, False or an empty cell",
}


def _manifest_row(cells: dict[str, str], root: Path) -> dict:
    path = cells["path"].replace("\\", "/")
    spontaneous = _YES_NO.get(_whole(cells["spontaneous"]).lower())
    light = cells["illumination"].lower()
    lights = {"front": "front", "left": "left", "right": "right", "": None}
    return {
        "path": os.path.normpath(root / path) if path else _WRONG,
        "subject": canonical_subject(cells["subject"]) if cells["subject"] else _WRONG,
        "emotion": emotion_word(cells["emotion"]) or _WRONG,
        "spontaneous": _WRONG if spontaneous is None else int(spontaneous),
        "illumination": lights.get(light, _WRONG),
        "glasses": _YES_NO.get(_whole(cells["glasses"]).lower(), _WRONG),
        "sequence": cells["sequence"] or None,
    }
