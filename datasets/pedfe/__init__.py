"""PEDFE: genuine and posed expressions of real people, in short clips.

Miolla, Cardaioli and Scarpazza 2023, "Padova Emotional Dataset of Facial Expressions
(PEDFE): a unique dataset of genuine and posed emotional facial expressions", Behavior
Research Methods 55, 2559-2574, https://doi.org/10.3758/s13428-022-01914-4. The clips
show identifiable people and come from the authors alone.

A clip is named `<person>_<emotion><g or s>_<number>`, the emotion by its first letter
in Italian, g genuine, s posed (simulated). `Supplemental_Material_T1.csv` has what
raters said of each clip, from -10 (certainly posed) to 10 (certainly genuine).
"""

import os
import re
from pathlib import Path

import pandas as pd

from zoo.inputs import video
from zoo.inputs.plain_files import natural

TABLE = "Supplemental_Material_T1.csv"
_CODE = re.compile(r"([0-9]+)_([dfprst])([gs])_[0-9]+")
_LETTERS = {"d": "disgust", "f": "happiness", "p": "fear"}
_LETTERS |= {"r": "anger", "s": "surprise", "t": "sadness"}
_NUMBERS = {"Hit rate Typo (%)": "hits", "Mean_Genuineness": "genuineness"}
_USED = ["PEDFE_code", "Gender", *_NUMBERS]


def index(folder: str | os.PathLike) -> pd.DataFrame:
    """List the clips of a copy of PEDFE; none is opened.

    Args:
        folder: The folder that holds the table and, at any depth, the clips.

    Returns:
        One row a clip, by person: `sample` (its name), `subject` (the person's number),
        `gender` (F or M), `emotion`, `label` (1 genuine, 0 posed), `path`, `kind`
        ("video"); and of its raters `said_genuine`, the share of them who called it
        genuine, and `genuineness`, their mean rating from -10 to 10.
        `attrs["report"]` lists clips without a row, rows without a clip, and files of
        a clip that is there already.

    Raises:
        FileNotFoundError: There is no such folder, table or clip; the message says how
            to get a copy.
        ValueError: The table is not as expected.
    """
    root = Path(os.path.abspath(os.path.expanduser(folder)))
    files = video.walk(root)[0] if root.is_dir() else []
    tables = [path for path in files if path.name == TABLE]
    clips, report = {}, {"clip twice": [], "clip without a row": []}
    for path in sorted(files):
        stem, ending = video.split(path.name)
        if ending in video.ENDINGS and _CODE.fullmatch(stem.lower()):
            if clips.setdefault(stem.lower(), path) != path:
                report["clip twice"].append(str(path.relative_to(root)))
    if not tables or not clips:
        raise FileNotFoundError(
            f"Expected {TABLE} and clips named like 18_sg_3.avi in {root} or below. "
            f"Received: {len(tables)} tables, {len(clips)} clips. PEDFE is lent by its "
            "authors, who are to be asked: https://doi.org/10.3758/s13428-022-01914-4"
        )
    rows = _read_table(tables[0])
    report["clip without a row"] = sorted(clips.keys() - set(rows.index))
    report["row without a clip"] = sorted(set(rows.index) - clips.keys())
    found = []
    for code in sorted(clips.keys() & set(rows.index), key=natural):
        subject, emotion, kind = _CODE.fullmatch(code).groups()
        row, label = rows.loc[code], int(kind == "g")
        hits = row["hits"] / 100
        found.append(
            {
                "sample": code,
                "subject": subject.lstrip("0"),
                "gender": row["Gender"],
                "emotion": _LETTERS[emotion],
                "label": label,
                "path": str(clips[code]),
                "kind": "video",
                "said_genuine": hits if label else 1 - hits,
                "genuineness": row["genuineness"],
            }
        )
    if not found:
        raise ValueError(f"{tables[0]}: expected rows of the clips. Received: of none.")
    table = pd.DataFrame(found)
    table.attrs["report"] = report
    return table


def _read_table(path: Path) -> pd.DataFrame:
    """Return the table's rows by clip."""
    try:
        table = pd.read_csv(path, encoding="utf-8-sig", usecols=_USED)
        table = table.astype(dict.fromkeys(_NUMBERS, float))
    except ValueError as error:
        raise ValueError(
            f"{path}: expected the columns {', '.join(_USED)}, the last two of "
            f"numbers. Received: {error}"
        ) from error
    codes = table["PEDFE_code"].astype(str).str.strip().str.lower()
    if codes.duplicated().any():
        twice = ", ".join(codes[codes.duplicated()])
        raise ValueError(f"{path}: expected a row a clip. Received several: {twice}")
    return table.rename(columns=_NUMBERS).set_index(codes)
