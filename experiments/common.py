"""What every study shares: its options, where its data lie, how it starts and ends."""

import argparse
import atexit
import contextlib
import gc
import os
import pathlib
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from experiments import faults, parts
from experiments.run_folder import RunFolder


@dataclass(frozen=True)
class Study:
    """One study, as its module declares it.

    Attributes:
        name: the module's name, and that of its run folders.
        model: what is evaluated, as tables call it.
        builder: name of its builder in `zoo`, if it has one.
        pretrained: whether there are published weights for it.
        dataset: name of the dataset's folder.
        paper: the paper, as tables call it.
        defaults: the settings on real data; a dict gives one for each value of the
            option `varies_by`.
        reported: the accuracy that the paper reports, by task.
        sample: the settings that differ on the sample, which has to run anywhere.
        varies_by: name of the option that defaults depend on.
        download: function from a folder to the data in it, where they are open.
        paper_protocol: value of `--protocol` that comes closest to the paper's own.
        quick: the settings that differ in `experiments.all --quick`.
        space: function to what `experiments.search` searches: Optuna distributions by
            setting.
        trial: what `experiments.search` measures a setting with, see there.
    """

    name: str
    model: str
    dataset: str
    paper: str
    defaults: dict
    reported: dict = field(default_factory=dict)
    sample: dict = field(default_factory=dict)
    builder: str | None = None
    pretrained: bool = False
    varies_by: str = "task"
    download: Callable | None = None
    paper_protocol: str | None = None
    quick: dict = field(default_factory=dict)
    space: Callable | None = None
    trial: Callable | None = None

    def settings(self, options, on_sample):
        """The settings of a run: its options, then the defaults for its data."""
        case = options[self.varies_by]
        chosen = {**self.defaults, **(self.sample if on_sample else {})}
        chosen = {
            k: v.get(case) if isinstance(v, dict) else v for k, v in chosen.items()
        }
        return {**chosen, **{k: v for k, v in options.items() if v is not None}}

    def default(self, name):
        """The default of a setting, for the help text."""
        real = describe(self.defaults[name])
        if name not in self.sample:
            return f"(default: {real})"
        return f"(default: {real}; on the sample: {describe(self.sample[name])})"


@dataclass(frozen=True)
class Round:
    """A division into training and test part: positions in the index, two arrays."""

    name: str
    train: Sequence
    test: Sequence


@dataclass
class Run:
    """One run of a study: what its steps hand on.

    Attributes:
        study: the `Study`.
        settings: its settings, by name.
        folder: the `RunFolder`.
        data_dir: folder of the data.
        kind: `"real"` or `"sample"`.
        command: the command line that repeats it.
        given: names of the options that the user gave.
        spread: where its parts are done, a `parts.Spread`.
    """

    study: Study
    settings: dict
    folder: RunFolder
    data_dir: pathlib.Path
    kind: str
    command: str
    given: frozenset = frozenset()
    spread: object = field(default_factory=lambda: parts.Spread())


def describe(value):
    if isinstance(value, dict):
        return ", ".join(f"{v} for {k}" for k, v in value.items())
    return {"True": "on", "False": "off"}.get(str(value), value)


def parser(study, doc):
    """The options of every study; each adds its own."""
    result = argparse.ArgumentParser(
        prog=f"python -m experiments.{study.name}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    data = result.add_argument_group("data")
    data.add_argument(
        "--data",
        choices=["real", "sample"],
        help="real data, or the sample made by code; real where found, by default",
    )
    data.add_argument(
        "--data-dir",
        type=pathlib.Path,
        metavar="PATH",
        help=f"folder of the real data, or one that holds it as {study.dataset}/ "
        "(default: $DUCHENNE_DATA, then ~/.cache/duchenne)",
    )
    run = result.add_argument_group("run")
    run.add_argument("--seed", type=whole, default=0, metavar="N", help="(default: 0)")
    run.add_argument(
        "--out",
        type=pathlib.Path,
        default=pathlib.Path("runs"),
        metavar="DIR",
        help=f"where the run folder goes: DIR/{study.name}/TIME-HASH (default: runs)",
    )
    run.add_argument(
        "--resume",
        action="store_true",
        help="go on with the last unfinished run of the same settings, if there is one",
    )
    return result


def number(kind, test, expected):
    """An argparse type: a number that passes a test."""

    def convert(text):
        try:
            value = kind(text)
            if test(value):
                return value
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"expected {expected}, received {text!r}")

    return convert


positive = number(int, lambda v: v >= 1, "a whole number of 1 or more")
whole = number(int, lambda v: 0 <= v < 2**31, "a whole number of 0 or more")
share = number(float, lambda v: 0 <= v <= 1, "a number from 0 to 1")
above_zero = number(float, lambda v: 0 < v < float("inf"), "a number above 0")
not_negative = number(float, lambda v: 0 <= v < float("inf"), "a number of 0 or more")


def find_data(study, data=None, data_dir=None):
    """Finds the data of a study; open data are downloaded where they are absent.

    Args:
        study: the `Study`.
        data: `"real"`, `"sample"`, or `None` for real data where there are any.
        data_dir: the folder that the user named, or `None`.

    Returns:
        `(folder, tried)`: what was tried in vain, where it came to the sample.

    Raises:
        ValueError: both the sample and a folder were asked for.
        FileNotFoundError: the folder does not exist, or real data were asked for and
            there are none.
        OSError: the sample could not be written.
    """
    from datasets import sample

    if data == "sample":
        if data_dir is not None:
            raise ValueError("--data sample and --data-dir exclude each other.")
        return sample.path(study.dataset), []
    tried = []
    for folder in [data_dir, os.environ.get("DUCHENNE_DATA"), "~/.cache/duchenne"]:
        if not folder:
            continue
        folder = pathlib.Path(folder).expanduser().resolve()
        inside = folder / study.dataset
        if inside.is_dir():
            return inside, []
        if folder == resolved(data_dir):
            if folder.is_dir():
                return folder, []
            raise FileNotFoundError(f"--data-dir: there is no folder {folder}.")
        tried.append(inside)
    failed = ""
    if study.download is not None:
        try:
            print(f"Downloading the data to {tried[0]}", flush=True)
            return study.download(tried[0]), []
        except OSError as error:
            failed = str(error)
    places = " or ".join(map(str, tried))
    if data == "real":
        raise FileNotFoundError(
            f"There are no real data in {places}. Name the folder with --data-dir, or "
            f"run on the sample with --data sample. {failed}".rstrip()
        )
    return sample.path(study.dataset), [f"No real data in {places}. {failed}".rstrip()]


def resolved(path):
    return path and pathlib.Path(path).expanduser().resolve()


class StudyError(Exception):
    """The data or the settings are at fault; the message says how to mend it."""


@contextlib.contextmanager
def user_errors():
    """For the parts where an error of these kinds is about what the user gave."""
    try:
        yield
    except (ValueError, OSError, ImportError) as error:
        raise StudyError(str(error)) from error


def main(study, arguments, work, argv=None):
    """Runs a study from the command line.

    Args:
        study: the `Study`.
        arguments: its parser.
        work: the function that does the work: takes a `Run`, returns the text to end
            with.
        argv: the command line, without the program; `sys.argv[1:]` by default.

    Returns:
        The path of the finished run folder.
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        with faults.termination():
            return start(study, arguments, work, argv)
    except StudyError as error:
        raise SystemExit(f"error: {error}") from error
    except KeyboardInterrupt as stop:
        print("\nStopped.", file=sys.stderr)
        # Or Python collects TensorFlow's objects first: half a minute under load.
        atexit.register(gc.freeze)
        # As a shell reports SIGTERM, or Ctrl-C.
        terminated = isinstance(stop, faults.Terminated)
        raise SystemExit(143 if terminated else 130) from None


def start(study, arguments, work, argv):
    from datasets import sample

    options = vars(arguments.parse_args(argv))
    where = [options.pop(name) for name in ("data", "data_dir", "out", "resume")]
    data, data_dir, out, resume = where
    # Without these options a study has no parts.
    spread = parts.Spread(options.pop("jobs", 1), options.pop("dask", None))
    with user_errors():
        data_folder, tried = find_data(study, data, data_dir)
    kind = sample.kind(data_folder)
    print(banner(study, kind, data_folder, tried), flush=True)

    settings = study.settings(options, kind == "sample")
    key = {**settings, "data": kind, "data_dir": str(data_folder)}
    with user_errors():
        folder = RunFolder.open(out, study.name, key, resume)
    command = ["python", "-m", f"experiments.{study.name}", *argv]
    given = frozenset(name for name, value in options.items() if value is not None)
    run = Run(study, settings, folder, data_folder, kind, shlex.join(command), given)
    run.spread = spread
    try:
        with spread.opened():
            last_words = work(run)
    except BaseException as error:
        kept = folder.interrupt()
        if kept:
            again = [part for part in command if part != "--resume"] + ["--resume"]
            print(f"\n{kept} Go on with: {shlex.join(again)}", file=sys.stderr)
        if fault := faults.explained(error, folder.path):
            raise StudyError(fault) from error
        raise
    with user_errors():
        final = folder.finish()
    print(f"\n{last_words}\nRun folder: {final}{on_sample(run.kind)}")
    return final


def banner(study, kind, folder, tried):
    if kind == "real":
        return f"{study.model} on real data: {folder}"
    lines = [
        f"{study.model} on the SAMPLE: made by code, not people. What is measured says "
        "that the program works, and nothing else.",
        f"Sample: {folder}",
    ]
    if tried:
        lines += [*tried, "Name the folder of real data with --data-dir."]
    return "\n".join(lines)


def on_sample(kind):
    """The label of everything that was measured on the sample."""
    return " (SAMPLE data, made by code)" if kind == "sample" else ""
