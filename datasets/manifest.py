"""`manifest.csv`: a row a file, by which a folder of any layout is described."""

import csv
from collections import Counter
from pathlib import Path

NAME = "manifest.csv"
_MOST = 10  # faults that are told


def read(
    file: Path, needed: tuple[str, ...], optional: tuple[str, ...]
) -> list[tuple[int, dict[str, str]]]:
    """Read the lines of a manifest: numbers, and cells without blanks around them.

    Args:
        file: In UTF-8, with commas.
        needed: Columns that there have to be, in any order.
        optional: Columns that may be missing, and then are empty.

    Raises:
        ValueError: It is no such file, is empty, or a column is missing or doubled.
    """
    try:
        with open(file, newline="", encoding="utf-8-sig") as text:
            # Else a quotation mark too few would swallow the rows up to the next.
            reader = csv.DictReader(text, strict=True)
            names = [name.strip().lower() for name in reader.fieldnames or []]
            missing = [name for name in needed if name not in names]
            doubled = [name for name, count in Counter(names).items() if count > 1]
            if missing or doubled:
                raise ValueError(
                    f"{file}, line 1: expected the columns {','.join(needed)} (and "
                    f"optionally {','.join(optional)}), each once. Received: "
                    f"{','.join(names)!r}. Missing: {', '.join(missing) or 'none'}; "
                    f"doubled: {', '.join(doubled) or 'none'}."
                )
            reader.fieldnames = names
            wanted = (*needed, *optional)
            lines = [
                (reader.line_num, {k: (cells.get(k) or "").strip() for k in wanted})
                for cells in reader
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{file}: expected a CSV file in UTF-8; {error}.") from error
    if not lines:
        raise ValueError(f"{file} lists no files; fill it in or remove it.")
    return lines


def check(file: Path, faults: list[str]) -> None:
    """Raise a ValueError that tells all faults of a manifest, where it has any."""
    if faults:
        more = f"\n  and {len(faults) - _MOST} more" * (len(faults) > _MOST)
        raise ValueError(
            f"{file}: mend it, or leave the files out. Faults: {len(faults)}\n  "
            + "\n  ".join(faults[:_MOST])
            + more
        )
