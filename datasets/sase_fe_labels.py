"""Tables of labels for SASE-FE's validation and test videos.

Their names do not tell genuine from fake. The table that does is a CSV file, separated
by commas, semicolons or tabs, with a header: the first column names the video, with or
without its ending, the column `label` is genuine, true, real, spontaneous or 1, or
fake, false, posed or 0, the column `subject`, if there is one, names the person.
"""

from pathlib import Path

import pandas as pd

from datasets import sase_fe_names as names
from zoo.inputs import video_files

_LABELS = dict.fromkeys(("genuine", "true", "real", "spontaneous", "1", "1.0"), 1)
_LABELS |= dict.fromkeys(("fake", "false", "posed", "0", "0.0"), 0)
_SEPARATORS = ",;\t"


def read(path: Path) -> tuple[dict, list[str]] | None:
    """Reads a table of labels.

    Args:
        path: A CSV file.

    Returns:
        (number, emotion) of a video -> (label, subject), where the label is 1, 0 or
        None and the subject a string or None; and the names in the table that no
        validation or test video can have. None for a file without a column `label`.

    Raises:
        ValueError: A label that is none, a video with two labels or two subjects, or a
            file that cannot be read as a table.
    """
    header, separator = _header(path)
    if "label" not in header:
        return None
    try:
        table = pd.read_csv(
            path, sep=separator, dtype=str, encoding="utf-8-sig", index_col=False,
            keep_default_na=False, skipinitialspace=True, names=header, header=0,
        )  # fmt: skip
    except (ValueError, pd.errors.ParserError) as error:
        raise ValueError(
            f"{path}: expected a table of labels as a CSV file in UTF-8, but it cannot "
            f"be read as one: {error}"
        ) from error
    known, strange = {}, []
    for row, entry in enumerate(table.fillna("").to_dict("records"), 2):
        name = entry[header[0]].strip()
        if not name:
            continue
        key = names.numbered(_stem(name))
        if key is None:
            strange.append(name)
            continue
        found = _label(path, row, entry["label"]), _subject(entry)
        if known.setdefault(key, found) != found:
            raise ValueError(
                f"{path}, row {row}: expected one label and one subject a video, "
                f"received two for {name}. Keep one of its rows."
            )
    return known, strange


def _header(path: Path) -> tuple[list[str], str]:
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        line = file.readline(65536)
    separator = max(_SEPARATORS, key=line.count)
    header = [cell.strip().strip('"').strip().lower() for cell in line.split(separator)]
    # Nameless or doubled columns are nobody's business but must stay apart.
    header = [name or f"column {i}" for i, name in enumerate(header, 1)]
    if len(set(header)) < len(header) and "label" in header:
        raise ValueError(
            f"{path}: expected a header without repetition, received {line.strip()!r}."
        )
    return header, separator


def _stem(name: str) -> str:
    """Without folders and ending."""
    return video_files.split(name.replace("\\", "/").rpartition("/")[2])[0]


def _label(path: Path, row: int, text: str) -> int | None:
    text = text.strip().lower()
    if text and text not in _LABELS:
        raise ValueError(
            f"{path}, row {row}: expected the label genuine (true, real, 1) or fake "
            f"(false, posed, 0), received {text!r}."
        )
    return _LABELS.get(text)


def _subject(entry: dict) -> str | None:
    return " ".join(entry.get("subject", "").split()) or None
