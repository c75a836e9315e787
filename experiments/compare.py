"""Puts runs side by side, with each other and with the papers' figures.

A table for each dataset, task, protocol and kind of data, on the screen, as compare.md
and as the page compare.html, which needs nothing else. Runs on the sample, on other
protocols or of a validation are never in one table. Reads run folders alone.
"""

if not __package__:
    raise SystemExit("Run it from the repository root: python -m experiments.compare")

import argparse
import os
import pathlib
import shutil
import sys
import time

from experiments import compare_read as reading
from experiments import compare_text as text
from experiments.compare_groups import Group, groups
from experiments.compare_record import Broken

RUNS = pathlib.Path("runs")
WIDTH = 100


def parser():
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m experiments.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "runs",
        nargs="*",
        type=pathlib.Path,
        metavar="RUN",
        help="run folder, or folder that holds some: all of them (default: in runs/, "
        "the latest of each study, protocol, task and kind of data)",
    )
    result.add_argument(
        "--out",
        type=pathlib.Path,
        default=RUNS / "compare",
        metavar="DIR",
        help="where compare.md and compare.html go (default: runs/compare)",
    )
    return result


def collect(paths):
    """Reads all runs in the paths.

    Args:
        paths: see `compare_read.find`.

    Returns:
        `(records, left_out)`: `left_out` is a dict of folders to why.
    """
    from tqdm import tqdm

    folders, left_out = reading.find(paths)
    records = []
    for folder in tqdm(folders, "reading", disable=None, leave=False):
        try:
            record = reading.read(folder)
            text.markdown([Group([record])], {}, "")  # what is damaged shows alone
            records.append(record)
        except Broken as error:
            left_out[folder] = str(error)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            left_out[folder] = f"metrics.json is not what the study writes: {error!r}."
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
    """Writes files, each complete or not at all.

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
    for name, content in contents.items():
        beside = folder / f".{name}.{os.getpid()}"
        try:
            beside.write_text(content, "utf-8", "backslashreplace")
            os.replace(beside, folder / name)
        finally:
            beside.unlink(missing_ok=True)


def compare(paths, out):
    """Compares runs, prints the tables and writes the pages.

    Args:
        paths: run folders, or folders that hold them; none for those in `runs`.
        out: folder of the pages.

    Returns:
        Path of the HTML page.

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
    found = groups(records)
    text.screen(found, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))
    from experiments.compare_page import page  # takes a second: the table comes first

    told = {short(folder): why for folder, why in left_out.items()}
    made = time.strftime("%Y-%m-%d")
    contents = {
        "compare.md": text.markdown(found, told, made),
        "compare.html": page(found, told, made),
    }
    write(out.expanduser(), contents)
    return out / "compare.html"


def short(folder):
    """A folder's name for pages: the last two parts of its path."""
    return "/".join(folder.parts[-2:]).lstrip("/")


def main(argv=None):
    """The command; returns the exit status."""
    options = parser().parse_args(argv)
    try:
        page = compare(options.runs, options.out)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    print(f"\nPage: {page}\nMarkdown: {page.with_suffix('.md')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
