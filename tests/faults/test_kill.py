"""kill -9 at random moments of every study: `--resume` ends with the same figures.

In the checkout, for one study, with what was hit when:

    python -m tests.faults.test_kill pupil_course --kills 20
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import numpy as np
import pytest

from tests.faults import processes
from tests.faults.complete import complete

ROOT = pathlib.Path(__file__).resolve().parents[2]
KILLS = 20
FRAMES = ["--protocol", "holdout", "--epochs", "4", "--seeds", "2"]
NETWORK = ["--epochs", "6", "--batch-size", "16"]
PB = ["--units", "16", "--depth", "1", "--epochs", "6", "--steps", "3", "--copies", "1"]
STUDIES = {
    "pupil_course": ("pupil", []),
    "pupil_lstm": ("pupil", ["--protocol", "observer", "--epochs", "1"]),
    "gfe_mlp": ("gfe", [*FRAMES, "--prune"]),
    "gfe_lstm": ("gfe", [*FRAMES, "--head", "svm"]),
    "gfe_sequence": ("gfe", ["--protocol", "holdout", "--seeds", "2"]),
    "nvie_svm": ("nvie", ["--size", "12"]),
    "nvie_cnn": ("nvie", ["--size", "32", *NETWORK]),
    "nvie_inception": (
        "nvie",
        ["--size", "75", "--epochs", "4", "--train-layers", "1", "--activation"]
        + ["sigmoid"],
    ),
    "sase_lstm_pb": (
        "sase_fe",
        [*PB, "--test-copies", "2", "--emotions", "happiness", "anger"],
    ),
}
# What a kill hit, in the order of a run; see `phase`.
PHASES = ["starting", "working", "writing", "renaming", "ending"]
# How moments are drawn: over the whole run; over its last fifth; over the time from
# the first model or report on, which a run that was gone on with reaches sooner; or
# when the last file is written.
MOMENTS = {"any": 0.4, "last fifth": 0.2, "writing": 0.25, "last file": 0.15}
LAST = "model_card.md"
READY = ("config.json", "skipped.json", "failures.csv", "history.csv", "logs", "work")
COMPARED = ("predictions.csv", "history.csv")


def data_of(dataset, folder):
    """Options for data that are small: the sample, or less of it."""
    from datasets import sample

    place = folder / dataset
    if dataset == "nvie":
        from datasets.sample import nvie

        nvie.render(place, subjects=6)
    elif dataset == "gfe":
        place.mkdir()
        for path in sample.path("gfe").glob("?_*.txt"):
            if "affirmative" in path.name or "doubt" in path.name:
                (place / path.name).symlink_to(path)
    else:
        sample.path(dataset)
        return ["--data", "sample"]
    return ["--data-dir", str(place)]


class Trial:
    """A study that is killed again and again.

    Args:
        study: name of the study.
        folder: an empty folder to work in.
        seed: of the moments.
    """

    def __init__(self, study, folder, seed=0):
        self.folder, self.study = folder, study
        dataset, options = STUDIES[study]
        self.options = [*data_of(dataset, folder), *options]
        self.rng = np.random.default_rng([seed, list(STUDIES).index(study)])
        self.number = self.finished = 0
        self.hits, self.drawn = collections.Counter(), collections.Counter()
        self.slowest = 0.0

    def start(self, out, *more):
        """Starts the study; everything that it starts carries the same mark."""
        mark = uuid.uuid4().hex
        command = [sys.executable, "-m", f"experiments.{self.study}", *self.options]
        log = open(self.folder / "log.txt", "w")
        process = subprocess.Popen(
            [*command, "--out", str(out), *more],
            cwd=ROOT,
            env={**os.environ, processes.MARK: mark},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        log.close()
        return process, mark

    def told(self):
        return (self.folder / "log.txt").read_text()

    def reference(self):
        """The undisturbed run, and how long it takes to the end and to its models."""
        begun = time.monotonic()
        process, _ = self.start(self.folder / "reference")
        self.wait_for_writing(self.folder / "reference", process)
        writing = time.monotonic() - begun
        assert process.wait(timeout=600) == 0, self.told()
        self.seconds = time.monotonic() - begun
        self.writing = self.seconds - writing
        (self.whole,) = finals(self.folder / "reference", self.study)
        complete(self.whole)

    def wait_for_writing(self, out, process):
        while process.poll() is None:
            for path in unfinished(out, self.study):
                if {p.name for p in listed(path)} - set(READY):
                    return
            time.sleep(0.01)

    def wait_for_last(self, out, process):
        """Without a pause: the renaming follows within milliseconds."""
        while process.poll() is None:
            if any((path / LAST).exists() for path in unfinished(out, self.study)):
                return

    def run(self, kills):
        """Kills, goes on, kills again; at the end, goes on to the end."""
        self.reference()
        killed = 0
        while True:
            out = self.folder / f"runs{self.number}"
            while killed < kills and not finals(out, self.study):
                killed += self.kill_once(out)
            self.to_the_end(out)
            if killed == kills:
                return
            self.number += 1

    def kill_once(self, out):
        """Starts or goes on, and kills at a random moment.

        Returns:
            Whether it was still there to be killed.
        """
        how = self.rng.choice(list(MOMENTS), p=list(MOMENTS.values()))
        process, mark = self.start(out, "--resume")
        if how == "writing":
            self.wait_for_writing(out, process)
            wait = self.rng.uniform(0, self.writing)
        elif how == "last file":
            self.wait_for_last(out, process)
            wait = self.rng.uniform(0, 0.002)
        else:
            wait = self.seconds * self.rng.uniform(0.8 if how == "last fifth" else 0, 1)
        try:
            assert process.wait(wait) == 0, self.told()
            return False
        except subprocess.TimeoutExpired:
            pass
        # The scheduler's whole group, or the memory killer's one process.
        if self.rng.random() < 0.5:
            os.killpg(process.pid, signal.SIGKILL)
            target = "group"
        else:
            process.kill()
            target = "main"
        if process.wait() == 0:
            return False  # it was faster
        self.slowest = max(self.slowest, processes.gone(mark, seconds=5))
        phase = self.phase(out)
        self.hits[phase, target] += 1
        print(f"killed {self.study} ({target}) while {phase}", flush=True)
        self.drawn[str(how)] += 1
        return True

    def phase(self, out):
        """What the last kill hit, by what lies there."""
        left = unfinished(out, self.study)
        if not left:
            return "ending" if finals(out, self.study) else "starting"
        names = {path.name for path in left[-1].iterdir()}
        if LAST in names:
            return "renaming"
        if names - set(READY):
            return "writing"
        return "working" if "config.json" in names else "starting"

    def to_the_end(self, out):
        """Goes on until a run of this folder is there; it is the undisturbed one's."""
        if not finals(out, self.study):
            process, _ = self.start(out, "--resume")
            assert process.wait(timeout=600) == 0, self.told()
        ended = finals(out, self.study)
        assert len(ended) == 1 and not unfinished(out, self.study), ended
        rest = [path.name for path in (out / self.study).iterdir()]
        assert all(name == ended[0].name or name.startswith(".rest-") for name in rest)
        self.same(ended[0])
        self.finished += 1
        shutil.rmtree(out)

    def same(self, final):
        complete(final)
        assert names_in(final) == names_in(self.whole)
        ours, theirs = (measures(folder) for folder in (final, self.whole))
        assert ours == theirs
        for name in COMPARED:
            if (self.whole / name).exists():
                ours, theirs = ((f / name).read_bytes() for f in (final, self.whole))
                assert ours == theirs, name

    def summary(self):
        lines = [f"{self.study}: undisturbed {self.seconds:.0f} s"]
        lines[0] += f", {self.writing:.0f} s of them from the first model or report on"
        for name in PHASES:
            group, main = (self.hits[name, target] for target in ("group", "main"))
            lines.append(
                f"  killed while {name:9} {group + main:3}  ({main} main only)"
            )
        drawn = ", ".join(f"{how}: {count}" for how, count in self.drawn.items())
        lines.append(f"  {sum(self.hits.values())} kills; moments drawn from {drawn}")
        lines.append(f"  {self.finished} runs gone on with to the end, all the same")
        lines.append(
            f"  workers gone {self.slowest:.1f} s after the kill at the latest"
        )
        return "\n".join(lines)


def listed(path):
    try:
        return list(path.iterdir())
    except FileNotFoundError:  # renamed in between
        return []


def finals(out, study):
    return [path for path in sorted(out.glob(f"{study}/*")) if path.name[0] != "."]


def unfinished(out, study):
    return sorted(out.glob(f"{study}/.unfinished-*"))


def names_in(folder):
    """What lies in a run folder; TensorBoard's files have the time in their names."""
    names = (path.relative_to(folder) for path in folder.rglob("*"))
    return {str(name) for name in names if name.parts[0] != "logs"}


def measures(folder):
    """metrics.json without times."""
    found = json.loads((folder / "metrics.json").read_text())
    found.pop("milliseconds_a_series", None)
    return found


@pytest.mark.large
@pytest.mark.parametrize("study", STUDIES)
def test_killed_at_random_and_gone_on_with(study, tmp_path):
    trial = Trial(study, tmp_path)
    trial.run(KILLS)
    print(trial.summary())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kills-"))
    trial = Trial(options.study, folder, options.seed)
    try:
        trial.run(options.kills)
    finally:
        print(trial.summary() if trial.hits else trial.told())
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
