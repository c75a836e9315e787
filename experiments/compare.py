"""Puts runs side by side, with each other and with the papers' figures.

A table for each dataset, task, protocol and kind of data, on the screen, as compare.md
and as the page compare.html, which needs nothing else. Runs on the sample, on other
protocols, of a validation or with quick settings are never in one table with others.
Reads run folders alone.
"""

if not __package__:
    raise SystemExit("Run it from the repository root: python -m experiments.compare")

import argparse
import os
import pathlib
import shutil
import sys

from experiments import compare_read as reading
from experiments import compare_text as text
from experiments.compare_commands import Made
from experiments.compare_groups import groups
from experiments.compare_record import Broken
from experiments.compare_screen import screen
from experiments.compare_words import printable

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
        help="run folder, or folder that holds some, or that of a session of "
        "experiments.all: all of them (default: in runs/, "
        "the latest of each study, protocol, task and kind of data and settings)",
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
    """Reads all runs in the paths; copies of a run count once.

    Args:
        paths: see `compare_read.find`.

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
    from experiments.compare_page import page

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


def main(argv=None):
    """The command; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    options = parser().parse_args(argv)
    words = ["python", "-m", "experiments.compare", *argv]
    try:
        found, page = compare(options.runs, options.out, words)
        screen(found, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))
        print(f"\nPage: {page}\nMarkdown: {page.with_suffix('.md')}", flush=True)
    except BrokenPipeError:  # `| head`: the pages are written
        # What is left would be written when Python ends, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
