"""Run all studies, or those named, and put the results on one page.

Each study runs by its own protocol and, where that is another one, by the one that
comes closest to its paper's; each run is a process of its own, and one that fails does
not stop the others. Runs whose folder is there already, by the hash of their settings,
are taken as they are, and interrupted ones are resumed: the same command goes on.

On real data where they are found, on the sample elsewhere; nothing is downloaded.
--quick is a first look: few epochs, one seed, small pictures. Its figures say that the
program works, and nothing else.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.all")

import concurrent.futures
import json
import pathlib
import shlex
import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

import tyro

from datasets import sample
from experiments import ROOT, STUDIES, load_study
from experiments.harness import options, parallel, study
from experiments.harness.data import find_data


@dataclass
class Options:
    """The runs that are wanted, and their place.

    Attributes:
        studies: which studies
        data: real data only, or the sample only (default: real where found)
        data_dir: folder that holds nvie/, gfe/, pupil/, sase_fe/, as far as there are
            real data (default: $DUCHENNE_DATA, then ~/.cache/duchenne)
        quick: a first look, in a few minutes
        seed: of all runs
        jobs: runs at once; studies of parts share the cores
        out: where the run folders go; logs and the page go to OUT/all
    """

    studies: tyro.conf.Positional[tuple[Literal[STUDIES], ...]] = STUDIES
    data: Literal["real", "sample"] | None = None
    data_dir: pathlib.Path | None = None
    quick: bool = False
    seed: options.Whole = 0
    jobs: options.Positive = 1
    out: pathlib.Path = pathlib.Path("runs")


@dataclass(frozen=True)
class Planned:
    """A run of a study: `words` follow its name on the command line."""

    name: str
    dataset: str
    protocol: str
    words: tuple[str, ...]
    folders: pathlib.Path
    hash: str

    def folder(self) -> pathlib.Path | None:
        """The finished run's folder, where there is one."""
        return max(self.folders.glob(f"[!.]*-{self.hash}*"), default=None)

    def __str__(self):
        return f"{self.name} on {self.dataset}, protocol {self.protocol}"


def plan(chosen: Options) -> list[Planned]:
    """Return the runs that the options ask for."""
    runs = []
    out = chosen.out.expanduser()
    for name in chosen.studies:
        recipe = load_study(name)
        for about in (recipe.dataset, *(other for other, _ in recipe.others)):
            for one in plan_on(recipe, about, chosen, out):
                if one.hash not in {other.hash for other in runs if other.name == name}:
                    runs.append(one)
    return runs


def plan_on(recipe, about, chosen: Options, out: pathlib.Path) -> list[Planned]:
    """Return a study's runs on a dataset: its own or, where it is found, another."""
    data_dir = chosen.data_dir and chosen.data_dir.expanduser() / about.folder
    kind, further = chosen.data, about is not recipe.dataset
    if further and kind == "sample":
        return []
    if data_dir and not data_dir.is_dir() and kind is None:
        data_dir, kind = None, "sample"
    try:
        place, _ = find_data(about.folder, "real" if further else kind, data_dir)
    except FileNotFoundError as error:
        if not further:
            print(f"Left out {recipe.name}: {error}")
        return []
    kind = sample.kind(place)
    words = ["--data", kind, *(["--data-dir", str(place)] * (kind == "real"))]
    words += ["--dataset", about.folder] * further
    words += ["--seed", str(chosen.seed), "--out", str(out)]
    words += options.as_words(recipe.quick) if chosen.quick else []
    if chosen.jobs > 1 and recipe.parts != 0:
        words += ["--jobs", str(max(1, parallel.cores() // chosen.jobs))]
    paper, runs = not further and recipe.paper_protocol, []
    for more in [[], ["--protocol", paper]] if paper else [[]]:
        _, settings = recipe.parse([*words, *more], kind=kind)
        key = study.settings_hash(settings, kind, place)
        one = (*words, *more), out / recipe.name, key
        runs.append(Planned(recipe.name, about.name, settings.protocol, *one))
    return runs


def run(planned: Planned, log: pathlib.Path, processes: list) -> int:
    """Run a study in a process of its own; return its exit status."""
    command = [sys.executable, "-m", f"experiments.{planned.name}", *planned.words]
    with open(log, "w") as file:
        process = subprocess.Popen(
            [*command, "--resume"], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT
        )
        processes.append(process)
        return process.wait()


def result_line(planned: Planned) -> str:
    """Return a finished run's main measure and verdict."""
    measured = json.loads((planned.folder() / "metrics.json").read_text())
    return f"{planned}: {measured['verdict']['sentence']}"


def main(argv: list[str] | None = None) -> None:
    argv = list(sys.argv[1:] if argv is None else argv)
    program = "python -m experiments.all"
    chosen = tyro.cli(Options, args=argv, prog=program, description=__doc__)
    with study.exit_codes():
        with study.user_errors():
            options.check_ranges(chosen)
            runs = plan(chosen)
        run_all(runs, chosen, shlex.join([*program.split(), *argv]))


def run_all(runs: list[Planned], chosen: Options, command: str) -> None:
    """Run what is not there yet, and write the page; exit with 1 where a run failed."""
    from tqdm import tqdm

    from experiments.compare import compare

    logs = chosen.out.expanduser() / "all"
    logs.mkdir(parents=True, exist_ok=True)
    left = [one for one in runs if one.folder() is None]
    print(f"{len(runs)} runs, {len(runs) - len(left)} of them finished. Logs: {logs}")
    processes, failed = [], []
    pool = concurrent.futures.ThreadPoolExecutor(chosen.jobs)
    try:
        begun = {}
        for one in left:
            log = logs / f"{one.name}-{one.protocol}-{one.hash}.log"
            begun[pool.submit(run, one, log, processes)] = one, log
        bar = tqdm(
            concurrent.futures.as_completed(begun), total=len(begun), disable=None
        )
        for future in bar:
            one, log = begun[future]
            if future.result() == 0:
                bar.write(result_line(one))
            else:
                failed.append((str(one), f"exit status {future.result()}"))
                last = "\n    ".join(log.read_text().splitlines()[-8:])
                bar.write(f"FAILED {one}. The end of {log}:\n    {last}")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
    folders = [one.folder() for one in runs if one.folder()]
    if folders:
        with study.user_errors():
            page = compare(folders, logs, command, failed)
        print(f"Page: {page}")
    if chosen.quick:
        print("Quick settings: the figures say that the program works, nothing else.")
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
