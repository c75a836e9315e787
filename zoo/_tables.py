"""Tables on disk, written row by row: complete under their name, or not there."""

import contextlib
import csv
import json
import os
import pathlib
import sys
import uuid

from zoo._extras import optional

TEXT = {"input", "part", "video", "observer", "predicted", "note", "error"}
TEXT |= {"trained_on"}
WHOLE = {"face", "frame", "frames", "samples", "found", "copies"}
GROUP = 10_000  # rows that a parquet file is written in
OPENED = {"mode": "x", "encoding": "utf-8", "newline": "", "errors": "backslashreplace"}


class Csv:
    """Comma-separated values, with a header."""

    opened = OPENED

    def __init__(self, file, columns):
        self.writer = csv.DictWriter(file, columns, lineterminator="\n")
        self.writer.writeheader()

    def write(self, row):
        self.writer.writerow(row)

    def close(self):
        pass


class Json:
    """An array of objects, one a line; what a row lacks is null."""

    opened = OPENED

    def __init__(self, file, columns):
        self.file, self.columns, self.before = file, columns, "[\n"

    def write(self, row):
        whole = {name: row.get(name) for name in self.columns}
        self.file.write(self.before + json.dumps(whole, ensure_ascii=False))
        self.before = ",\n"

    def close(self):
        self.file.write("\n]\n" if self.before != "[\n" else "[]\n")


class Parquet:
    """Apache Parquet; needs pyarrow."""

    opened = {"mode": "xb"}

    def __init__(self, file, columns):
        arrow = optional("pyarrow", "tables")
        kinds = {
            name: arrow.string()
            if name in TEXT
            else arrow.int64()
            if name in WHOLE
            else arrow.float64()
            for name in columns
        }
        self.schema, self.rows, self.arrow = arrow.schema(kinds.items()), [], arrow
        parquet = optional("pyarrow.parquet", "tables")
        self.writer = parquet.ParquetWriter(file, self.schema)

    def write(self, row):
        # Names in bytes that are no text; the other kinds of files do the same.
        self.rows.append(
            {
                name: cell.encode(errors="backslashreplace").decode()
                if isinstance(cell, str)
                else cell
                for name, cell in row.items()
            }
        )
        if len(self.rows) == GROUP:
            self.flush()

    def flush(self):
        table = self.arrow.Table.from_pylist(self.rows, schema=self.schema)
        self.writer.write_table(table)
        self.rows = []

    def close(self):
        self.flush()
        self.writer.close()


KINDS = {".csv": Csv, ".json": Json, ".parquet": Parquet}


def check(path):
    """Refuses what could not be written, before any work is done.

    Raises:
        ValueError: the file's ending is none of `KINDS`.
        OSError: its folder is absent, or it is a folder itself.
        ImportError: pyarrow is missing.
    """
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
    """A table to `write` rows to.

    Args:
        path: a file; its ending tells the kind. `None` writes CSV to standard output.
        columns: their names, in order. A row, a dict, may lack some of them.

    Raises:
        OSError: the file cannot be written.
    """
    if path is None:
        table = Csv(sys.stdout, columns)
        yield table
        return
    path = pathlib.Path(path)
    partial = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
    kind = KINDS[path.suffix.lower()]
    try:
        with open(partial, **kind.opened) as file:
            table = kind(file, columns)
            try:
                yield table
            finally:
                table.close()
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
