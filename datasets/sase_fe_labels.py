"""Tables of labels for SASE-FE's validation and test videos.

Their names do not tell genuine from fake. The table that does is a CSV file, separated
by commas, semicolons or tabs, with a header: the first column names the video, with or
without its ending, the column `label` is genuine, true, real, spontaneous or 1, or
fake, false, posed or 0, the column `subject`, if there is one, names the person.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from datasets import sase_fe_names as names
from zoo.inputs import video

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
    known, strange = {}, []
    for line, cells in _rows(path, separator):
        where = f"{path}, row {line}"
        # A quotation mark too few or too many joins rows.
        if any(cells[len(header) :]) or "\n" in "".join(cells):
            raise ValueError(
                f"{where}: expected one cell a column, received "
                f"{_short(separator.join(cells))}. Are its quotation marks in pairs?"
            )
        cells += [""] * (len(header) - len(cells))
        entry = dict(zip(header, cells, strict=False))
        name = cells[0].strip()
        key = names.numbered(_stem(name))
        if key is None:
            strange += [name] if name else []
            continue
        found = _label(where, entry["label"]), _subject(entry)
        if known.setdefault(key, found) != found:
            raise ValueError(
                f"{where}: expected one label and one subject a video, received two "
                f"for {_short(name)}. Keep one of its rows."
            )
    return known, strange


def _rows(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows after the header, each with its line's number."""
    style = {"delimiter": separator, "skipinitialspace": True, "strict": True}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, **style)
            next(rows, None)
            for cells in rows:
                yield rows.line_num, cells
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path}: expected a table of labels as a CSV file in UTF-8, but it cannot "
            f"be read as one: {error}"
        ) from error


def _header(path: Path) -> tuple[list[str], str]:
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        line = file.readline(65536)
    separator = max(_SEPARATORS, key=line.count)
    cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    header = [cell.strip().lower() for cell in cells]
    # Nameless columns are nobody's business but must stay apart.
    header = [name or f"column {i}" for i, name in enumerate(header, 1)]
    if len(set(header)) < len(header) and "label" in header:
        raise ValueError(
            f"{path}: expected a header without repetition, received "
            f"{_short(line.strip())}."
        )
    return header, separator


def _stem(name: str) -> str:
    """Without folders and ending."""
    return video.split(name.replace("\\", "/").rpartition("/")[2])[0]


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


def _subject(entry: dict) -> str | None:
    return " ".join(entry.get("subject", "").split()) or None
