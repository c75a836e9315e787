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

from experiments.compare.pages import RUNS, compare
from experiments.compare.screen import screen

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
