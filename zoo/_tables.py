"""Tables of results on disk: whole under their name, or not there.

CSV and JSON need no package, so that `predict` works with the extra `video` alone.
"""

import contextlib
import csv
import json
import os
import pathlib
import sys

from zoo._atomic import replaced
from zoo._extras import optional

TEXT = {"input", "part", "video", "observer", "predicted", "note", "error"}
TEXT |= {"trained_on"}
WHOLE = {"face", "frame", "frames", "samples", "found", "copies"}
# File names are bytes, and not all of them are text.
OPENED = {"encoding": "utf-8", "newline": "", "errors": "backslashreplace"}


def csv_writer(file, columns):
    """Write the header; return the writer of rows."""
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    return writer


def write_csv(path, columns, rows):
    with open(path, "w", **OPENED) as file:
        csv_writer(file, columns).writerows(rows)


def write_json(path, columns, rows):
    """Write an array of objects, one a line; what a row lacks is null."""
    whole = [{name: row.get(name) for name in columns} for row in rows]
    lines = [json.dumps(row, ensure_ascii=False) for row in whole]
    text = "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"
    pathlib.Path(path).write_text(text, **OPENED)


def write_parquet(path, columns, rows):
    arrow, parquet = (optional(n, "tables") for n in ("pyarrow", "pyarrow.parquet"))
    text, whole, number = arrow.string(), arrow.int64(), arrow.float64()
    kinds = [text if n in TEXT else whole if n in WHOLE else number for n in columns]
    arrays = []
    for name, kind in zip(columns, kinds, strict=True):
        cells = [row.get(name) for row in rows]
        if kind == text:
            cells = [c and c.encode(errors="backslashreplace").decode() for c in cells]
        arrays.append(arrow.array(cells, kind))
    parquet.write_table(arrow.table(arrays, columns), path)


KINDS = {".csv": write_csv, ".json": write_json, ".parquet": write_parquet}


def check(path):
    """Raise ValueError, OSError or ImportError where a file could not be written."""
    if path.suffix.lower() not in KINDS:
        raise ValueError(
            f"expected a file that ends in {', '.join(KINDS)}, received {path}"
        )
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected a file to write")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write to")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"the folder {path.parent} must not be written to")
    if path.suffix.lower() == ".parquet":
        optional("pyarrow", "tables")


@contextlib.contextmanager
def writing(path, columns):
    """Give a function that takes the rows of a table, which is written at the end.

    Args:
        path: a file; its ending tells the kind. `None` writes CSV to standard output,
            row by row.
        columns: their names, in order. A row, a dict, may lack some of them.
    """
    if path is None:
        yield csv_writer(sys.stdout, columns).writerow
        return
    rows = []
    yield rows.append
    with replaced(path) as partial:
        KINDS[pathlib.Path(path).suffix.lower()](partial, columns, rows)
