"""A study and the life cycle of its runs: options, data, parts, measures, report."""

import dataclasses
import itertools
import json
import pathlib
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from datasets import sample
from datasets.about import About
from experiments.harness import options, parallel
from experiments.harness.checkpoint import Checkpoint
from experiments.harness.data import find_data
from experiments.harness.errors import (  # noqa: F401 (studies import them from here)
    Diverged,
    StudyError,
    exit_codes,
    user_errors,
)
from experiments.harness.metrics import Spec
from experiments.harness.options import Options, PartOptions, Settings
from experiments.harness.run_folder import (
    RunFolder,
    commit,
    short_hash,
    versions,
)
from experiments.papers import Paper, Reported


@dataclass(frozen=True)
class Search:
    """The space that `experiments.search` searches in a study, and on whom.

    Attributes:
        space: function to the Optuna distributions by setting.
        held_out: who is validated, and which test part stays unseen, in words.
        tested: what is to be known of the test that follows, in words.
        fixed: settings of every trial that are not the study's defaults.
    """

    space: Callable[[], dict]
    held_out: str
    tested: str
    fixed: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """One study, as its recipe declares it.

    Attributes:
        name: the recipe's name, and that of its run folders.
        model: what is evaluated, as tables call it.
        settings: the dataclass of its settings.
        dataset: the data that it is made for.
        paper: the paper that it follows.
        reported: what that paper reports of this model.
        spec: how its answers are measured; or a function of the settings to that.
        work: function that does the work: takes a `Run`, returns a `Result`.
        builder: name of its builder in `zoo`, if it has one.
        ours: where the model is not the paper's but ours: why it is there.
        sample: the settings that differ on the sample, which has to run anywhere.
        quick: the settings of a first look, `experiments.all --quick`.
        paper_protocol: value of `--protocol` that comes closest to the paper's own.
        others: further datasets that it can be asked for by --dataset, each with the
            settings that differ there.
        download: function from a folder to the data in it, where they are open.
        search: what `experiments.search` searches; `None` where there is nothing.
        parts: how many parts are computed at once by default, `None` for one per core;
            0 for a study without parts.
    """

    name: str
    model: str
    settings: type[Settings]
    dataset: About
    paper: Paper
    reported: tuple[Reported, ...]
    spec: Spec | Callable[[Settings], Spec]
    work: Callable[["Run"], "Result"]
    builder: str | None = None
    ours: str = ""
    sample: dict = field(default_factory=dict)
    quick: dict = field(default_factory=dict)
    paper_protocol: str | None = None
    others: tuple[tuple[About, dict], ...] = ()
    download: Callable | None = None
    search: Search | None = None
    parts: int | None = 0

    def parse(self, argv: list[str], doc: str = "", kind="real"):
        """Parse a command line; see `parse_as`."""
        kinds = Options if self.parts == 0 else PartOptions
        return self.parse_as(
            f"python -m experiments.{self.name}", doc, argv, kind, kinds
        )

    def parse_as(self, program: str, doc: str, argv: list[str], kind: str, kinds):
        """Parse a command line by the defaults for its dataset, or for the sample.

        Args:
            program: what it begins with, for the help.
            doc: what the program does, for the help.
            argv: the rest of it.
            kind: "real" or "sample".
            kinds: the dataclass of the options beside the settings.

        Returns:
            `(options, settings)`.
        """
        changed = {"the sample": self.sample}
        changed |= {about.name: settings for about, settings in self.others}
        for name, settings in changed.items():
            if words := shlex.join(options.as_words(settings)):
                doc += f"\n\nOn {name} by default: {words}"

        def parsed(defaults):
            words = [*options.as_words(defaults), *argv]
            return options.parse(program, doc, words, self.settings, kinds)

        if kind == "sample":
            return parsed(self.sample)
        chosen = parsed({})
        about = self.about(chosen[1])
        defaults = next((s for other, s in self.others if other is about), None)
        return parsed(defaults) if defaults else chosen

    def about(self, settings: Settings) -> About:
        """Return the dataset that settings ask for."""
        name = getattr(settings, "dataset", self.dataset.folder)
        others = {about.folder: about for about, _ in self.others}
        return others.get(name, self.dataset)

    def is_quick(self, settings: Settings) -> bool:
        """Return whether settings are those of a first look."""
        return bool(self.quick) and all(
            getattr(settings, name) == value for name, value in self.quick.items()
        )


@dataclass
class Result:
    """The outcome of a study's work; the harness measures and reports it.

    Attributes:
        predictions: in the columns of predictions.csv, the main model first: see
            `metrics.predictions_table`.
        draw: function that draws the study's own figures into a folder and returns
            their names.
        write_models: function that writes the models into a folder and returns what
            the files are, by name.
        tables: further tables, by the name of their file.
        notes: further sections of the report, by heading, in Markdown.
        more: further entries of metrics.json.
    """

    predictions: pd.DataFrame
    draw: Callable[[pathlib.Path], list[str]] | None = None
    write_models: Callable[[pathlib.Path], dict[str, str]] | None = None
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    more: dict = field(default_factory=dict)


@dataclass
class Run:
    """One run of a study.

    Attributes:
        study: the `Study`.
        settings: an instance of its dataclass.
        folder: the `RunFolder`.
        about: the data, as reports call them.
        data_dir: folder of the data.
        kind: "real" or "sample".
        command: the command line that repeats it.
        jobs: parts computed at once, `None` for one per core.
        dask: address of a Dask scheduler, or `None`.
        report: what a search passes, to follow a run: function of the validation loss
            so far and the number of epochs or parts that are done.
        config: the content of config.json, once the data are known.
        summary: what was found in the data, for people.
    """

    study: Study
    settings: Settings
    folder: RunFolder
    about: About
    data_dir: pathlib.Path
    kind: str
    command: str
    jobs: int | None = 1
    dask: str | None = None
    report: Callable[[float, int], None] | None = None
    config: dict = field(default_factory=dict)
    summary: str = ""

    @property
    def spec(self) -> Spec:
        spec = self.study.spec
        return spec if isinstance(spec, Spec) else spec(self.settings)

    @property
    def validating(self) -> bool:
        """Return whether it measures inside the training part, to choose settings."""
        return getattr(self.settings, "validate", False)

    @property
    def checkpoint(self) -> Checkpoint:
        return self.folder.checkpoint

    def record_data(self, summary: str, paths, skipped: dict, **known) -> None:
        """Print what was found in the data, and write config.json and skipped.json.

        Args:
            summary: for people.
            paths: of the files, by which the sample is noticed.
            skipped: what was left out or bridged, for skipped.json.
            known: counts, and the hashes that the data are recognised by.

        Raises:
            StudyError: the run is resumed, and its data are not what they were.
        """
        print(summary, flush=True)
        if self.kind != sample.kind_of(paths):
            self.kind = "sample"  # a folder above may lead to it
            print("These are the files of the SAMPLE, made by code, not people.")
        self.summary = summary
        data = {"kind": self.kind, "folder": str(self.data_dir), **known}
        data = json.loads(json.dumps(data))  # as it is read back
        before = self.checkpoint.load("data")
        if before is not None and before["data"] != data:
            raise StudyError(
                f"Expected the data of the interrupted run: {before['data']}. "
                f"Received: {data}. Start without --resume."
            )
        self.checkpoint.save("data", {"data": data})
        self.config = {
            "study": self.study.name,
            "command": self.command,
            "settings": dataclasses.asdict(self.settings),
            "seed": self.settings.seed,
            "data": data,
            "versions": versions(),
            "commit": commit(),
            "started": self.folder.started,
            "resumed": self.folder.resumed,
            "quick": self.study.is_quick(self.settings),
        }
        self.folder.write_json("config.json", self.config)
        self.folder.write_json("skipped.json", skipped)

    def compute(
        self,
        function: Callable[..., dict],
        parts: dict[str, tuple],
        shared: tuple = (),
        unit: str = "part",
    ) -> dict[str, dict]:
        """Compute independent parts, those with a checkpoint excepted.

        Args:
            function: of a module; called with `shared` and a part's arguments, both
                unpacked, and `threads`; returns what `Checkpoint.save` takes. A
                search gets the mean of their "loss".
            parts: arguments by key.
            shared: arguments that all parts have in common.
            unit: what a part is, for the progress bar.

        Returns:
            What the function returned for each part, by key, in the order of `parts`.
        """
        from tqdm import tqdm

        keys = list(parts)
        contents = {key: self.checkpoint.load(key) for key in keys}
        left = [key for key in keys if contents[key] is None]
        threads = parallel.threads_for(len(keys))
        parallel.configure_tensorflow(threads)
        items = [(*shared, *parts[key]) for key in left]
        done = len(keys) - len(left)
        with tqdm(total=len(keys), initial=done, unit=unit, disable=None) as bar:
            for number, content in parallel.run_parallel(
                function, items, self.jobs, self.dask, threads
            ):
                key = left[number]
                self.checkpoint.save(key, content)
                contents[key] = self.checkpoint.load(key)  # as a resumed run has it
                bar.set_postfix_str(key)
                bar.update()
                self._report_losses(contents)
        return contents

    def _report_losses(self, contents):
        """Report the mean loss of the first parts that are there, in their order."""
        there = itertools.takewhile(bool, contents.values())
        losses = [content["loss"] for content in there if "loss" in content]
        if self.report and losses:
            self.report(sum(losses) / len(losses), len(losses))


KINDS = {
    "real": "real data",
    "sample": "the SAMPLE (made by code, not people: what is measured says that the "
    "program works, and nothing else)",
}


def settings_hash(settings: Settings, kind: str, data_dir: pathlib.Path) -> str:
    """The hash in the name of a run's folder: of all that decides its result."""
    key = {**dataclasses.asdict(settings), "data": kind, "data_dir": str(data_dir)}
    return short_hash(key)


def open_run(study: Study, argv: list[str], doc: str = "") -> Run:
    """Parse a command line, find the data, and open the run's folder."""
    chosen, settings = study.parse(argv, doc)
    about = study.about(settings)
    folder, note = find_data(about.folder, chosen.data, chosen.data_dir, study.download)
    kind = sample.kind(folder)
    _, settings = study.parse(argv, kind=kind)
    print(f"{study.model} on {KINDS[kind]}: {folder}\n{note}".rstrip(), flush=True)
    key = settings_hash(settings, kind, folder)
    run_folder = RunFolder.open(chosen.out, study.name, key, chosen.resume)
    command = shlex.join(["python", "-m", f"experiments.{study.name}", *argv])
    jobs = 1 if study.parts == 0 else chosen.jobs or study.parts
    dask = getattr(chosen, "dask", None)
    return Run(study, settings, run_folder, about, folder, kind, command, jobs, dask)


def execute(run: Run) -> tuple[Result, dict]:
    """Do a run's work and measure it, without writing a report.

    Returns:
        `(result, metrics)`: the content of metrics.json.
    """
    from experiments.harness import report

    result = run.study.work(run)
    return result, report.metrics_of(run, result)


def main(study: Study, doc: str, argv: list[str] | None = None) -> pathlib.Path:
    """Run a study from the command line.

    Args:
        study: the `Study`.
        doc: its docstring, for the help.
        argv: the command line, without the program; `sys.argv[1:]` by default.

    Returns:
        The path of the finished run folder.
    """
    from experiments.harness import report

    argv = list(sys.argv[1:] if argv is None else argv)
    with exit_codes():
        with user_errors():
            run = open_run(study, argv, doc)
        try:
            result, measured = execute(run)
            summary = report.write(run, result, measured)
        except BaseException:
            if unfinished := run.folder.interrupt():
                again = [w for w in argv if w != "--resume"] + ["--resume"]
                again = shlex.join(
                    ["python", "-m", f"experiments.{study.name}", *again]
                )
                print(f"\n{unfinished} Resume: {again}", file=sys.stderr)
            raise
        final = run.folder.finish()
        print(f"\n{summary}\nRun folder: {final}{report.sample_label(run.kind)}")
        return final
