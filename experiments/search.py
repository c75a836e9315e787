"""Searches for the best settings of a study, on people inside its training part.

Command   python -m experiments.search nvie_cnn --trials 50
Joining   the same command in another terminal, or with --storage on another machine
Result    <out>/search/STUDY-HASH/: report.md, trials.csv, figures, and the commands
          that repeat the best trial and that test it

Optuna's TPE suggests settings from what the study declares (`Study.space`); each trial
trains with them and is measured by the cross-entropy, in nats, of the validation part:
lower is better. The test part is not looked at. Options of the study that are given are
fixed and leave the space. Running the same command again goes on; --trials counts all
trials of all workers and all runs together.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.search STUDY")

import argparse
import contextlib
import dataclasses
import importlib
import json
import pathlib
import shlex
import shutil
import sys
import tempfile
import time

from experiments import common, faults, parts, search_storage
from experiments.run_folder import RunFolder, running, short_hash

STUDIES = ["nvie_inception", "nvie_cnn", "gfe_lstm", "gfe_mlp", "gfe_sequence"]
STUDIES += ["pupil_lstm", "sase_lstm_pb"]
# These try every setting themselves, inside the training part.
COMPLETE = ["nvie_svm", "pupil_course"]
READING = ".reading-"


def main(argv=None):
    """Searches from the command line.

    Args:
        argv: the command line, without the program; `sys.argv[1:]` by default.

    Returns:
        The path of the search's folder.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    study, arguments = chosen(argv)
    options = arguments.parse_args(argv[1:])
    again = shlex.join(["python", "-m", "experiments.search", *hidden(argv)])
    try:
        with faults.termination():
            return search(study, arguments, options, again)
    except KeyboardInterrupt as stop:
        print(f"\nStopped. Go on with: {again}", file=sys.stderr)
        # As a shell reports SIGTERM, or Ctrl-C.
        terminated = isinstance(stop, faults.Terminated)
        raise SystemExit(143 if terminated else 130) from None
    except common.StudyError as error:
        raise SystemExit(f"error: {error}") from error
    except Exception as error:
        text = of_storage(error) or faults.explained(error, options.out)
        if text is None:
            raise
        raise SystemExit(f"error: {text}\nGo on with: {again}") from error


def chosen(argv):
    """The study that the command line begins with, and its parser."""
    names = f"Studies: {', '.join(STUDIES[:4])},\n{', '.join(STUDIES[4:])}."
    if not argv or argv[0] in ("-h", "--help"):
        short = argparse.ArgumentParser(
            prog="python -m experiments.search",
            usage="%(prog)s STUDY --trials N [OPTIONS]",
            description=f"{__doc__}\n{names}\nOptions: STUDY --help",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        short.parse_args(argv)
        short.error(f"Which study? {names}")
    name = argv[0]
    if name in COMPLETE:
        raise SystemExit(
            f"error: {name} declares no space: it tries its whole grid itself, inside "
            f"the training part. Start it: python -m experiments.{name}"
        )
    if name not in STUDIES:
        raise SystemExit(
            f"error: expected a study first, received {name!r}. {names} Example: "
            "python -m experiments.search nvie_cnn --trials 50"
        )
    module = importlib.import_module(f"experiments.{name}")
    return module.STUDY, parser(module)


def parser(module):
    """The study's own parser, and the options of the search."""
    study, result = module.STUDY, module.parser()
    result.prog = f"python -m experiments.search {study.name}"
    result.description = __doc__
    group = result.add_argument_group(
        "search", "A trial does its parts in this process unless --jobs is given."
    )
    group.add_argument(
        "--trials",
        type=common.positive,
        required=True,
        metavar="N",
        help="number of trials, of all workers and all runs of this search together",
    )
    group.add_argument(
        "--storage",
        metavar="URL",
        help="database that workers on several machines share, as postgresql+psycopg://"
        "USER@HOST/DATABASE (default: search.db in the search's folder)",
    )
    group.add_argument(
        "--stop-after",
        type=common.positive,
        metavar="N",
        help="start no more trials after N without a better one (default: never)",
    )
    # One process: pruning a trial would end those that do its parts, and start others.
    result.set_defaults(**study.trial.fixed, jobs=1)
    adapt_help(result, study.trial.fixed)
    return result


def adapt_help(parser, fixed):
    """Says of the study's own options what a search makes of them."""
    told = {
        # It always goes on, and there is one value only.
        **dict.fromkeys(["resume", "validate", *fixed], argparse.SUPPRESS),
        "jobs": "parts of a trial done at once, each in a process of its own "
        "(default: 1)",
        "out": "where the search's folder goes: DIR/search/STUDY-HASH (default: runs)",
    }
    for action in parser._actions:
        action.help = told.get(action.dest, action.help)


def hidden(argv):
    """A command line without the password of a storage."""
    return [search_storage.without_password(word) for word in argv]


def of_storage(error):
    """What is to be said of an error of the database, or `None`."""
    if type(error).__name__ == "StorageInternalError":
        return f"The storage failed: {search_storage.reason(error)}."
    return None


@dataclasses.dataclass
class Search:
    """One search, as its report needs it.

    Attributes:
        run: a `common.Run` with the settings that all trials share.
        space: distributions by setting.
        fixed: settings that the user gave, or the study's validation.
        name: of the Optuna study and of the folder.
        folder: where the results go.
        trials: number of trials asked for.
        command: words of the study's command without the settings of a trial.
        data: what is known of the data, see `RunFolder.write_config`.
    """

    run: common.Run
    space: dict
    fixed: dict
    name: str
    folder: pathlib.Path
    trials: int
    command: list
    data: dict


def search(study, arguments, options, again):
    from datasets import sample
    from experiments import search_report

    options = dict(vars(options))
    names = ("data", "data_dir", "out", "resume", "trials", "storage", "stop_after")
    data, data_dir, out, resume, trials, url, stop_after = map(options.pop, names)
    spread = parts.Spread(options.pop("jobs", 1), options.pop("dask", None))
    if resume:
        arguments.error("a search always goes on; there is no --resume")
    with common.user_errors():
        data_folder, tried = common.find_data(study, data, data_dir)
        if url:  # before the data are read
            search_storage.open_storage(url)
    kind = sample.kind(data_folder)
    print(common.banner(study, kind, data_folder, tried), flush=True)
    settings = study.settings(options, kind == "sample")
    given = frozenset(name for name, value in options.items() if value is not None)
    run = common.Run(study, settings, None, data_folder, kind, again, given)
    run.spread = spread
    place = pathlib.Path(out).expanduser() / "search"
    with spread.opened():
        with reading(place) as run.folder:
            measure = study.trial.read(run)
            known = json.loads((run.folder.path / "config.json").read_text())["data"]
        space, fixed, name = named(study, run, options, known)
        command = search_report.command(study, arguments, options, data, data_dir)
        place /= name
        told = Search(run, space, fixed, name, place, trials, command, known)
        with common.user_errors():
            place.mkdir(parents=True, exist_ok=True)
            storage = opened(url, place)
        work(told, measure, storage, stop_after)
    return place


def opened(url, place):
    """The storage that the user named, or the search's own file."""
    try:
        return search_storage.open_storage(url or search_storage.file_url(place))
    except ValueError as error:
        if url:
            raise
        why = search_storage.reason(error.__context__ or error)
        raise OSError(
            f"{place / 'search.db'}, where the trials are kept, cannot be used: {why}. "
            "Make room there if the disk is full; if the file is damaged, remove it, "
            "and the search starts anew."
        ) from error


@contextlib.contextmanager
def reading(place):
    """A run folder to read the data in, where the workers of a cluster see it too."""
    with common.user_errors():
        place.mkdir(parents=True, exist_ok=True)
        for left in place.glob(f"{READING}*"):  # of searches that were killed
            with contextlib.suppress(FileNotFoundError):  # another one ended just now
                old = time.time() - left.stat().st_mtime > 24 * 3600
                if old and not running(left):
                    shutil.rmtree(left, ignore_errors=True)
        scratch = tempfile.TemporaryDirectory(prefix=READING, dir=place)
    with scratch as path:
        folder = RunFolder(pathlib.Path(path), resumed=False)
        try:
            yield folder
        finally:
            if folder.lock:
                folder.lock.close()


def named(study, run, options, known):
    """What is searched, what is not, and the name that follows from both."""
    space = {k: v for k, v in study.space().items() if k in run.settings}
    space = {k: v for k, v in space.items() if options.get(k) is None}
    if not space:
        raise common.StudyError(
            "There is nothing left to search: every setting of the space is fixed or "
            f"has no effect. The space of {study.name}: {', '.join(study.space())}."
        )
    known.pop("folder")
    fixed = {k: v for k, v in run.settings.items() if k not in space}
    key = [known, fixed, {name: repr(value) for name, value in space.items()}]
    return space, fixed, f"{study.name}-{short_hash(key)}"


def work(told, measure, storage, stop_after):
    """Does trials until all are done, then writes the report."""
    import optuna

    from experiments import search_code, search_queue, search_report, search_trial

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = search_queue.create(storage, told.name)
    workers = search_storage.Workers(told.folder)
    seed = told.run.settings["seed"]
    queue = search_queue.Queue(
        study, storage, told.space, told.trials, seed, workers, stop_after
    )
    print(f"Search {told.name} in {told.folder}", flush=True)
    try:
        for line in search_code.mixed(queue.trials(), going_on=True):
            print(f"WARNING: {line}", flush=True)
        with search_trial.Progress(queue) as progress:
            trial = search_trial.measured(told, measure, workers, progress)
            queue.run(trial, progress.update)
    finally:
        workers.leave()
    print(f"\n{search_report.write(told, study)}", flush=True)


if __name__ == "__main__":
    main()
