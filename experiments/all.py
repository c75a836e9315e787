"""Runs all studies, or those named, and puts the results on one page.

Each study runs by its own protocol and, where that is another one, by the one that
comes closest to its paper's; each run is a process of its own. One that fails does not
stop the others.

On real data where they are found, on the sample elsewhere; nothing is downloaded.
--quick is a first look: few epochs, one seed, small pictures. Its figures say that the
program works, and nothing else.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.all")

import argparse
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile
import textwrap

from experiments import common, faults, listing, processes
from experiments.facts import STUDIES
from experiments.sessions import Planned, Session

QUICK = "Quick settings: the figures say that the program works, and nothing else."
SAMPLE = "SAMPLE: made by code, not people. Its figures say nothing about people."
DATA = {"real": "real data", "sample": "the SAMPLE"}


def parser():
    result = argparse.ArgumentParser(
        prog="python -m experiments.all",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "studies",
        nargs="*",
        metavar="STUDY",
        help=f"of {', '.join(STUDIES)} (default: all)",
    )
    result.add_argument(
        "--data",
        choices=["real", "sample"],
        help="real data only, or the sample only (default: real where found)",
    )
    result.add_argument(
        "--data-dir",
        type=pathlib.Path,
        metavar="PATH",
        help="folder that holds nvie/, gfe/, pupil/, sase_fe/, as far as there are "
        "real data (default: $DUCHENNE_DATA, then ~/.cache/duchenne)",
    )
    result.add_argument(
        "--quick", action="store_true", help="a first look, in a few minutes"
    )
    result.add_argument(
        "--seed", type=common.whole, default=0, metavar="N", help="(default: 0)"
    )
    result.add_argument(
        "--jobs",
        type=common.positive,
        default=1,
        metavar="N",
        help="runs at once, each with its share of the cores (default: 1). Studies of "
        "parts get their --jobs by it, and the same results as alone",
    )
    result.add_argument(
        "--out",
        type=pathlib.Path,
        default=pathlib.Path("runs"),
        metavar="DIR",
        help="where the run folders go; logs and the page go to DIR/all/TIME "
        "(default: runs)",
    )
    result.add_argument(
        "--resume",
        action="store_true",
        help="go on with the last unfinished session of the same runs: what is "
        "finished is taken as it is",
    )
    return result


def main(argv=None):
    """Runs the studies; see `parser`."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = parser()
    options = arguments.parse_args(argv)
    unknown = [name for name in options.studies if name not in STUDIES]
    if unknown:
        known = ", ".join(STUDIES)
        arguments.error(f"there is no study {unknown[0]!r}; known: {known}")
    try:
        with faults.termination():
            failed = run(options, argv)
    except (common.StudyError, OSError) as error:
        raise SystemExit(f"error: {error}") from error
    except KeyboardInterrupt as stop:
        again = [part for part in argv if part != "--resume"] + ["--resume"]
        command = shlex.join(["python", "-m", "experiments.all", *again])
        print(f"\nStopped. Go on with: {command}", file=sys.stderr)
        # As a shell reports SIGTERM, or Ctrl-C.
        terminated = isinstance(stop, faults.Terminated)
        raise SystemExit(143 if terminated else 130) from None
    if failed:
        raise SystemExit(1)


def run(options, argv=()):
    """Runs what the options ask for; returns whether any of it failed.

    Args:
        options: see `parser`.
        argv: the command line, for the page.
    """
    with common.user_errors():
        planned = plan(options)
    out = options.out.expanduser()
    session = Session.open(out, planned, options.quick, options.resume)

    def told(one, code):
        tell(one, code, session, planned)

    try:
        left = [one for one in planned if session.result(one) is None]
        print(f"{opening(planned, left, options.quick)}")
        print(f"Logs: {session.folder}", flush=True)
        processes.run(left, session, options.jobs, told)
        return conclude(planned, session, options.quick, out, argv)
    finally:
        session.close()


def conclude(planned, session, quick, out, argv):
    """Prints the table, writes the page; returns whether any run failed."""
    results = {one: session.result(one) for one in planned}
    print(f"\n{table(planned, results)}\nRun folders: {out}/STUDY/TIME-HASH")
    done = [found.folder for found, _ in filter(None, results.values())]
    if done:
        missing = [one.name for one in planned if results[one] is None]
        print(f"Page: {page(done, session.folder, argv, missing)}")
    if quick:
        print(QUICK)
    if any(one.kind == "sample" for one in planned):
        print(SAMPLE)
    failed = len(done) < len(planned)
    if not failed:
        session.finish()
    return failed


def page(folders, out, argv, failed):
    """Writes the page of these runs; what `compare` shows is in the table as well.

    Args:
        folders: of the runs that finished.
        out: folder of the page.
        argv: the command line.
        failed: names of the others.

    Raises:
        StudyError: it cannot be written, or none of the runs can be read.
    """
    from experiments.compare.pages import compare

    failed = [(name, "it failed: see its log.") for name in failed]
    words = ["python", "-m", "experiments.all", *argv]
    with common.user_errors():
        return compare(folders, out, words, failed)[1]


def plan(options):
    """What is to run: list of `Planned`.

    Raises:
        ValueError: the sample and a folder were asked for, the folder has none of the
            data, or nothing is left to run.
        FileNotFoundError: the folder that was named does not exist.
    """
    if options.data == "sample" and options.data_dir is not None:
        raise ValueError("--data sample and --data-dir exclude each other.")
    names = [name for name in STUDIES if name in (options.studies or STUDIES)]
    check_folder(options.data_dir, {STUDIES[name].data for name in names})
    found = {name: data_of(name, options) for name in names}
    for name in [name for name, (kind, _) in found.items() if kind is None]:
        print(f"Left out, no real data: {name} (looked in {found.pop(name)[1]})")
    if not found:
        raise ValueError(
            "None of these studies has real data here. See: python -m experiments; or "
            "run them on the sample with --data sample."
        )
    declared = ask(list(found))
    planned = []
    for name, (kind, data) in found.items():
        told = declared[name]
        argv = [*data, "--seed", str(options.seed), "--out", str(options.out)]
        argv += told["quick"] if options.quick else []
        planned.append(Planned(name, "default", kind, argv, told["jobs"]))
        if told["paper"]:
            argv = [*argv, "--protocol", told["paper"]]
            planned.append(Planned(name, told["paper"], kind, argv, told["jobs"]))
    return planned


def check_folder(data_dir, datasets):
    """Checks that the folder the user named holds data of these studies."""
    if data_dir is None:
        return
    places = [listing.find(name, data_dir)[0] for name in datasets]
    around = pathlib.Path(data_dir).expanduser().resolve()
    if not any(place is not None and place.parent == around for place in places):
        expected = " or ".join(f"{name}/" for name in sorted(datasets))
        raise ValueError(
            f"--data-dir: expected a folder that holds {expected}; {data_dir} does not."
        )


def data_of(name, options):
    """A study's data: `(kind, options)`; `(None, places)` where they are lacking."""
    from datasets import sample

    on_sample = "sample", ["--data", "sample"]
    if options.data == "sample":
        return on_sample
    data = STUDIES[name].data
    folder, tried = listing.find(data, options.data_dir)
    real = folder is not None and sample.kind(folder) == "real"
    if real and listing.holds(data, folder):
        return "real", ["--data", "real", "--data-dir", str(folder)]
    if options.data == "real":
        return None, " and ".join(map(str, tried or [folder]))
    return on_sample


def ask(names):
    """What studies declare: paper's protocol, quick settings, whether by parts."""
    with tempfile.TemporaryFile("w+") as errors:
        process = processes.child(
            ["declare", *names], stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            told = process.stdout.read().splitlines()
        finally:
            processes.end_group(process)
        if not told:
            errors.seek(0)
            raise ValueError(f"The studies cannot be loaded:\n{errors.read()}")
    return json.loads(told[-1])


def opening(planned, left, quick):
    """The first lines: how many runs on which data."""
    kinds = [one.kind for one in planned]
    counted = [f"{kinds.count(k)} on {v}" for k, v in DATA.items() if k in kinds]
    lines = [f"{len(planned)} runs: {', '.join(counted)}"]
    if len(left) < len(planned):
        lines.append(f"{len(planned) - len(left)} of them finished already")
    return "\n".join([*lines, *([QUICK] if quick else [])])


def tell(one, code, session, planned):
    """A line on a run that ended; where it failed, the end of its log."""
    place = f"[{planned.index(one) + 1}/{len(planned)}] {one.name}"
    result = session.result(one)
    if result is None:
        log = session.log(one)
        ended = f"exit status {code}" if code >= 0 else f"ended by signal {-code}"
        print(f"{place}: FAILED, {ended}. The end of {log}:")
        print(textwrap.indent(processes.last_lines(log), "    "), flush=True)
        return
    found, seconds = result
    label = " (SAMPLE)" if found.kind == "sample" else ""
    print(f"{place}: {found.figure}{label}, {seconds:.0f} s", flush=True)


def table(planned, results):
    """A row a run."""
    rows = [["study", "protocol", "data", "result", "s", "run folder"]]
    for one in planned:
        kind = "SAMPLE" if one.kind == "sample" else "real"
        if results[one] is None:
            rows.append([one.study, one.protocol, kind, "FAILED", "", ""])
            continue
        found, seconds = results[one]
        kind = "SAMPLE" if found.kind == "sample" else kind
        told = [found.protocol, kind, found.figure, f"{seconds:.0f}", found.folder.name]
        rows.append([one.study, *told])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(map(str.rstrip, lines))


if __name__ == "__main__":
    main()
