"""The studies: their papers, data, last runs, and the commands that start them."""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments")

import argparse
import os
import pathlib
import shutil
import sys
import textwrap
import time

from experiments import listing
from experiments.facts import DATA, STUDIES

NEXT = """\
Next:
  python -m experiments.all --data sample --quick   a first look at all of them
  python -m experiments.NAME --help                 what one of them can do
  python -m experiments.compare                     runs side by side
  python -m experiments.search NAME --trials N      search for better settings"""


def parser():
    result = argparse.ArgumentParser(
        prog="python -m experiments",
        description="Lists the studies: paper, data and whether they are found, last "
        "run, command.",
        epilog=NEXT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("study", nargs="*", help=argparse.SUPPRESS)
    result.add_argument(
        "--data-dir",
        type=pathlib.Path,
        metavar="PATH",
        help="folder that holds nvie/, gfe/, pupil/, sase_fe/, as far as there are "
        "real data (default: $DUCHENNE_DATA, then ~/.cache/duchenne)",
    )
    result.add_argument(
        "--out",
        type=pathlib.Path,
        default=pathlib.Path("runs"),
        metavar="DIR",
        help="where the run folders are (default: runs)",
    )
    return result


def main(argv=None):
    """Prints the list; see `parser`."""
    arguments = parser()
    options = arguments.parse_args(argv)
    if options.study:
        arguments.error(started_how(options.study[0]))
    try:
        print(text(options.out.expanduser(), options.data_dir), flush=True)
    except FileNotFoundError as error:
        raise SystemExit(f"error: {error}") from error
    except BrokenPipeError:  # `| head`
        # What is left would be written when Python ends, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def started_how(name):
    """What to type instead of `python -m experiments NAME`."""
    name = name.removesuffix(".py").removeprefix("experiments.")
    if name in [*STUDIES, "all", "compare", "search"]:
        return f"write it with a dot: python -m experiments.{name}"
    return f"there is no study {name!r}; known: {', '.join(STUDIES)}"


def text(out, data_dir):
    """The list, as wide as the screen."""
    width = min(shutil.get_terminal_size().columns, 120)
    groups = []
    for data in DATA:
        studies = [one for one in STUDIES.values() if one.data == data]
        lines = heading(data, studies[0].paper, data_dir)
        lines += [line for study in studies for line in block(study, out)]
        groups.append("\n".join(filled(*line, width) for line in lines))
    return "\n\n".join([*groups, NEXT])


def heading(data, paper, data_dir):
    """A dataset: how to come by it, where it was found, whose paper."""
    folder, tried = listing.find(data, data_dir)
    if folder is None:
        places = " and ".join(map(str, tried))
        found = f"not found in {places}: SAMPLE only"
    else:
        found = f"{what(data, folder)} in {folder}"
    name = DATA[data].name
    return [
        (0, f"{name[0].upper()}{name[1:]}"),
        (2, f"Paper: {paper.short}, {paper.title}"),
        (2, f"Data: {listing.GETTING[data]}; {found}"),
    ]


def what(data, folder):
    """What lies in a dataset's folder, as far as names tell."""
    from datasets import sample

    if sample.kind(folder) == "sample":
        return "the SAMPLE, made by code,"
    try:
        if not any(folder.iterdir()):
            return "an EMPTY folder"
    except OSError as error:
        return f"a folder that cannot be read ({error.strerror})"
    return "real data" if listing.holds(data, folder) else "NONE of its files"


def block(study, out):
    """A study: command, model, the paper's figures, last run."""
    told = f"ours, {study.ours}"
    if study.reported:
        # The measure is named once.
        figures = [str(one).removeprefix(one.measure) for one in study.reported]
        figures = ", ".join(map(str.strip, figures))
        told = f"in the paper {study.reported[0].measure} {figures}"
    run, broken = listing.last_run(out, study.name)
    lines = [f"{study.model}: {told}", f"last run: {last(run)}"]
    lines += [f"passed over: {why}" for why in broken]
    return [(2, study.command), *((6, line) for line in lines)]


def last(run):
    if run is None:
        return "none"
    kind = "real data" if run.kind == "real" else "SAMPLE"
    hurried = ", quick settings" if run.quick else ""
    when = listing.ago(time.time() - run.started)
    return f"{run.figure}, {run.protocol}, {kind}{hurried}, {when}, {run.folder}"


def filled(indent, line, width):
    """A paragraph on the screen; paths stay whole, for copying."""
    return textwrap.fill(
        line,
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


if __name__ == "__main__":
    main()
