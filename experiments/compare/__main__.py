"""Put runs side by side, with each other and with the papers' figures.

One table per dataset, task, protocol and kind of data, on the screen, as compare.md and
compare.csv, and as the page compare.html, which needs nothing else. Runs on the sample,
on other protocols, of a validation or with quick settings never share a table. Reads
run folders alone.
"""

import argparse
import os
import pathlib
import shlex
import shutil
import sys

from rich.console import Console
from rich.markdown import Markdown

from experiments.compare.page import compare

RUNS = "run folder, or folder that holds some (default: the last of each kind in runs/)"


def main(argv=None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    command = shlex.join(["python", "-m", "experiments.compare", *argv])
    parser = argparse.ArgumentParser("python -m experiments.compare")
    parser.description = __doc__
    parser.add_argument("runs", nargs="*", type=pathlib.Path, metavar="RUN", help=RUNS)
    out, text = pathlib.Path("runs", "compare"), "folder of the pages: %(default)s"
    parser.add_argument("--out", type=pathlib.Path, default=out, help=text)
    options = parser.parse_args(argv)
    try:
        page = compare(options.runs, options.out, command)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    tables, *_ = (
        page.with_suffix(".md").read_text("utf-8").partition("\n## How to read")
    )
    console = Console(width=min(100, shutil.get_terminal_size((100, 24)).columns))
    with console.capture() as capture:
        console.print(Markdown(tables))
    try:
        print(f"{capture.get()}\nPage: {page}", flush=True)
    except BrokenPipeError:  # `| head`: the pages are written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
