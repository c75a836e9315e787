"""Search for the best settings of a study, on people inside its training part.

Command   python -m experiments.search nvie_cnn --trials 50
Joining   the same command in another terminal, or with --storage on another machine
Result    OUT/search/STUDY-HASH/: README.md with the commands that repeat the best trial
          and that test it, trials.csv, figures

Optuna's TPE suggests settings from what the study declares; each trial trains with them
and is measured by the cross-entropy, in nats, of the validation part: lower is better.
The test part is not looked at. Options of the study that are given are fixed and leave
the space. Running the same command again goes on; --trials counts all trials of all
workers and all runs together.
"""

import dataclasses
import pathlib
import shlex
import sys
from dataclasses import dataclass

import tyro

from datasets import sample
from experiments import STUDIES, load_study
from experiments.harness import options
from experiments.harness.data import find_data
from experiments.harness.errors import StudyError, exit_codes, user_errors
from experiments.harness.options import Positive, as_words
from experiments.harness.run_folder import short_hash
from experiments.harness.study import KINDS, Run, Study

PROGRAM = "python -m experiments.search"


@dataclass(kw_only=True)
class Options(options.Options):
    """Number of trials, their place, and the data.

    Attributes:
        trials: number of trials, of all workers and all runs of this search together
        storage: database that workers on several machines share, as
            postgresql+psycopg:// USER@HOST/DATABASE, instead of a file in the search's
            folder
        stop_after: start no more trials after so many without a better one
        out: where the search's folder goes: OUT/search/STUDY-HASH
    """

    trials: Positive
    storage: str | None = None
    stop_after: Positive | None = None
    out: pathlib.Path = pathlib.Path("runs")
    resume: tyro.conf.Suppress[bool] = False


@dataclass(kw_only=True)
class PartOptions(Options, options.PartOptions):
    """Number of trials, their place, the data, and processes for parts.

    Attributes:
        jobs: parts of a trial computed at once, each in a process of its own
    """

    jobs: Positive = 1


def main(argv: list[str] | None = None) -> pathlib.Path:
    """Search from the command line; return the path of the search's folder."""
    argv = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    names = ", ".join(name for name in STUDIES if load_study(name).search)
    if argv[0] in ("-h", "--help"):
        print(f"{__doc__}\nStudies: {names}\nOptions: {PROGRAM} STUDY --help")
        raise SystemExit(0)
    with exit_codes():
        if argv[0] not in names.split(", "):
            raise StudyError(
                f"Expected a study with a space to search: {names} (the others try "
                f"their whole grid themselves). Received: {argv[0]}."
            )
        return search(load_study(argv[0]), argv[1:])


def search(study: Study, argv: list[str]) -> pathlib.Path:
    """Do trials until there are enough, and write the report."""
    given = options.given(argv)
    with user_errors():
        chosen, settings = parse(study, argv, "real")
        about = study.about(settings)
        folder = about.folder, chosen.data, chosen.data_dir, study.download
        data_dir, note = find_data(*folder)
        kind = sample.kind(data_dir)
        _, settings = parse(study, argv, kind)
    print(f"{study.model} on {KINDS[kind]}: {data_dir}\n{note}".rstrip(), flush=True)
    space = searched_space(study, settings, given)
    every = dataclasses.asdict(settings)
    key = [{name: repr(space.get(name, value)) for name, value in every.items()}, kind]
    # Machines that share a storage may have the data in different folders.
    key += [] if chosen.storage else [str(data_dir)]
    folder = chosen.out.expanduser() / "search" / f"{study.name}-{short_hash(key)}"
    with user_errors():
        folder.mkdir(parents=True, exist_ok=True)

    from experiments.search import objective, report

    again = shlex.join([*PROGRAM.split(), study.name, *argv])
    if chosen.storage:
        again = again.replace(chosen.storage, objective.masked(chosen.storage))
    every |= {"data": chosen.data, "data_dir": chosen.data_dir}
    words = study.search.fixed | {k: v for k, v in every.items() if k in given}
    jobs, dask = getattr(chosen, "jobs", 1), getattr(chosen, "dask", None)
    run = Run(study, settings, None, about, data_dir, kind, again, jobs, dask)
    what = objective.Search(run, space, folder, chosen, words)
    print(f"\n{report.write(what, what.work())}", flush=True)
    return folder


def parse(study: Study, argv: list[str], kind: str):
    """Parse a command line; see `Study.parse`."""
    fixed = as_words(study.search.fixed)
    doc = f"{__doc__}\nSet by this search: {shlex.join(fixed)}"
    kinds = Options if study.parts == 0 else PartOptions
    return study.parse_as(f"{PROGRAM} {study.name}", doc, [*fixed, *argv], kind, kinds)


def searched_space(study: Study, settings, given: set[str]) -> dict:
    """Return the study's space without the options that were given."""
    fixed, space = study.search.fixed, study.search.space()
    left = {name: kind for name, kind in space.items() if name not in given}
    if not left or any(getattr(settings, k) != value for k, value in fixed.items()):
        raise StudyError(
            f"Expected {shlex.join(as_words(fixed))}, as every trial has it, and "
            f"something left to search of {', '.join(space)}. Received: {settings}."
        )
    return left


if __name__ == "__main__":
    main()
