"""From run folders to the two pages, compare.md and compare.html."""

import os
import pathlib
import sys

from experiments.compare import read as reading
from experiments.compare import text
from experiments.compare.commands import Made
from experiments.compare.groups import groups
from experiments.compare.record import Broken
from experiments.compare.words import printable

RUNS = pathlib.Path("runs")


def collect(paths):
    """Reads all runs in the paths; copies of a run count once.

    Args:
        paths: see `compare.read.find`.

    Returns:
        `(records, left_out)`: `left_out` is a dict of folders to why.
    """
    from tqdm import tqdm

    folders, left_out = reading.find(paths)
    records, seen = [], {}
    for folder in tqdm(folders, "reading", disable=None, leave=False):
        try:
            record = reading.read(folder)
            same = seen.setdefault(reading.digest(folder), record)
            if same is record:
                records.append(record)
            else:
                left_out[folder] = f"a copy of {same.label}, with the same predictions."
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            told = f"metrics.json is not what the study writes: {error!r}."
            left_out[folder] = str(error) if isinstance(error, Broken) else told
    return records, left_out


def latest(records):
    """The last run of each study and case, and why the others are left out."""
    kept, older = {}, {}
    order = sorted(records, key=lambda one: (one.started, one.path.name), reverse=True)
    for record in order:
        later = kept.setdefault((record.study.name, record.case), record)
        if later is not record:
            older[record.path] = f"there is a later run of its kind: {later.label}."
    return list(kept.values()), older


def write(folder, contents):
    """Writes files, all complete or none at all.

    Args:
        folder: is made where it does not exist.
        contents: text by file name.

    Raises:
        OSError: they cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OSError(f"--out: {error.filename} is not a folder.") from error
    beside = {folder / f".{name}.{os.getpid()}": folder / name for name in contents}
    try:
        for partial, path in beside.items():
            partial.write_text(contents[path.name], "utf-8", "backslashreplace")
        for partial, path in beside.items():
            os.replace(partial, path)
    finally:
        for partial in beside:
            partial.unlink(missing_ok=True)


def compare(paths, out, words, failed=()):
    """Compares runs and writes the pages.

    Args:
        paths: run folders, or folders that hold them; none for those in `runs`.
        out: folder of the pages.
        words: of the command line that makes them.
        failed: what else is left out, `(name, why)` each.

    Returns:
        `(groups, page)`: the tables, and the path of the HTML page.

    Raises:
        ValueError: there is no run that can be compared.
        OSError: the pages cannot be written.
    """
    records, left_out = collect(paths or [RUNS])
    if not paths:
        records, older = latest(records)
        left_out |= older
    for folder, why in left_out.items():
        print(f"Left out {folder}: {why}", file=sys.stderr)
    if not records:
        raise ValueError(
            "There is no run to compare. Expected run folders, as the experiments "
            f"write them, or folders that hold some; received "
            f"{', '.join(map(str, paths)) or 'none, and looked in runs/'}."
        )
    from experiments.compare.html_page import page

    found, made = groups(records), Made.now(words)
    told = [*failed, *((short(folder), why) for folder, why in left_out.items())]
    contents = {
        "compare.md": text.markdown(found, told, made),
        "compare.html": page(found, told, made),
    }
    out = out.expanduser()
    write(out, contents)
    return found, out / "compare.html"


def short(folder):
    """A folder's name for pages: no place on anybody's disk."""
    return printable(folder.name or folder.resolve().name)
