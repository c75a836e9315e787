"""Tables of labels for SASE-FE's validation and test videos.

Their names do not tell genuine from fake. The table that does is a CSV file, separated
by commas, semicolons or tabs, with a header: the first column names the video, with or
without its ending, the column `label` is genuine, true, real, spontaneous or 1, or
fake, false, posed or 0, the column `subject`, if there is one, names the person.
"""

import csv
from itertools import zip_longest
from pathlib import Path

from datasets import sase_fe_names as names
from zoo.inputs import video

_LABELS = dict.fromkeys(("genuine", "true", "real", "spontaneous", "1", "1.0"), 1)
_LABELS |= dict.fromkeys(("fake", "false", "posed", "0", "0.0"), 0)


def read(path: Path) -> tuple[dict, list[str]] | None:
    """Read a table of labels.

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
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        first = file.readline(65536)
    style = {"delimiter": max(",;\t", key=first.count), "skipinitialspace": True}
    header = [c.strip().lower() for c in next(csv.reader([first], **style), [])]
    if "label" not in header:
        return None
    named = [name for name in header if name]
    if len(set(named)) < len(named):
        raise ValueError(
            f"{path}: expected a header without repetition, received "
            f"{_short(first.strip())}."
        )
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True, **style)
            rows = [(reader.line_num, cells) for cells in reader][1:]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path}: expected a table of labels as a CSV file in UTF-8, but it cannot "
            f"be read as one: {error}"
        ) from error
    known, strange = {}, []
    for line, cells in rows:
        where = f"{path}, row {line}"
        # A quotation mark too few or too many joins rows.
        if any(cells[len(header) :]) or "\n" in "".join(cells):
            raise ValueError(
                f"{where}: expected one cell a column, received "
                f"{_short(style['delimiter'].join(cells))}. Are its quotation marks in "
                "pairs?"
            )
        entry = dict(zip_longest(header, cells[: len(header)], fillvalue=""))
        name = cells[0].strip() if cells else ""
        stem, _ = video.split(name.replace("\\", "/").rpartition("/")[2])
        key = names.numbered(stem)
        if key is None:
            strange += [name] if name else []
            continue
        subject = " ".join(entry.get("subject", "").split()) or None
        found = _label(where, entry["label"]), subject
        if known.setdefault(key, found) != found:
            raise ValueError(
                f"{where}: expected one label and one subject a video, received two "
                f"for {_short(name)}. Keep one of its rows."
            )
    return known, strange


def _label(where: str, text: str) -> int | None:
    text = text.strip().lower()
    if text and text not in _LABELS:
        raise ValueError(
            f"{where}: expected the label genuine (true, real, 1) or fake (false, "
            f"posed, 0), received {_short(text)}."
        )
    return _LABELS.get(text)


def _short(text: str) -> str:
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}..."
