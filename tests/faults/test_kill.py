"""kill -9 at random moments of a study: `--resume` ends with the same figures.

In the checkout, for one study, with what was hit when:

    python -m tests.faults.test_kill pupil_course --kills 20
"""

import argparse
import collections
import glob
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import numpy as np
import psutil
import pytest

from datasets import sample
from datasets.sample import nvie

ROOT = pathlib.Path(__file__).resolve().parents[2]
MARK = "DUCHENNE_KILLED"  # a variable that a study's processes inherit
FRAMES = "--protocol holdout --epochs 4 --seeds 2"
STUDIES = {
    "fake": "--pause 0.5",
    "pupil_course": "",
    "pupil_lstm": "--protocol observer --epochs 1",
    "gfe_mlp": f"{FRAMES} --prune",
    "gfe_lstm": f"{FRAMES} --head svm",
    "gfe_sequence": "--protocol holdout --seeds 2",
    "nvie_svm": "--size 12",
    "nvie_cnn": "--size 32 --epochs 6 --batch-size 16",
    "nvie_inception": "--size 75 --epochs 4 --train-layers 1 --activation sigmoid",
    "sase_lstm_pb": "--units 16 --depth 1 --epochs 6 --steps 3 --copies 1 "
    "--test-copies 2 --emotions happiness anger",
}
# How moments are drawn: over the whole run; over the time from the first measures or
# models on, which a resumed run reaches sooner; or when the last file is written.
MOMENTS = {"any": 0.5, "writing": 0.3, "last file": 0.2}
PHASES = ["starting", "working", "writing", "renaming", "ending"]
LAST = "README.md"
READY = {"config.json", "skipped.json", "logs", "work"}  # what lies there before


def data_of(study, folder):
    """Options for data that are small: the sample, or less of it."""
    data = folder / "data"
    if study.startswith("nvie"):
        nvie.render(data, subjects=6)
    elif study.startswith("gfe"):
        data.mkdir()
        for name in ("affirmative", "doubt"):
            for path in sample.path("gfe").glob(f"?_{name}*.txt"):
                (data / path.name).symlink_to(path)
    elif study == "fake":
        data.mkdir()
        (data / "data.csv").write_text("a\n1\n")
    else:
        return ["--data", "sample"]
    return ["--data-dir", str(data)]


class Trial:
    """A study that is killed again and again, and its undisturbed run."""

    def __init__(self, study, folder):
        self.folder, self.study, self.out = folder, study, folder / "runs"
        self.options = [*data_of(study, folder), *STUDIES[study].split()]
        self.rng = np.random.default_rng(list(STUDIES).index(study))
        self.hits, self.resumed = collections.Counter(), 0
        begun = time.monotonic()
        process, _ = self.start()
        self.wait_for(process, PHASES[2:])
        writing = time.monotonic()
        self.end(process)
        self.seconds, self.writing = (time.monotonic() - t for t in (begun, writing))
        (whole,) = self.finals()
        self.whole = whole.rename(folder / "whole")
        check_complete(self.whole)

    def start(self, *more):
        """Start the study; everything that it starts carries the same mark."""
        package = "tests.experiments.harness" if self.study == "fake" else "experiments"
        command = [sys.executable, "-m", f"{package}.{self.study}", *self.options]
        mark = uuid.uuid4().hex
        with open(self.folder / "log.txt", "w") as log:
            process = subprocess.Popen(
                [*command, "--out", str(self.out), *more],
                cwd=ROOT,
                env={**os.environ, MARK: mark},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return process, mark

    def end(self, process):
        assert process.wait() == 0, (self.folder / "log.txt").read_text()

    def wait_for(self, process, phases):
        while process.poll() is None and self.phase() not in phases:
            time.sleep(0.001)

    def run(self, kills):
        """Kill, resume, kill again; whenever a run has ended, compare it."""
        while self.hits.total() < kills or not self.resumed or self.out.exists():
            if self.hits.total() < kills and not self.finals():
                self.kill()
                continue
            if not self.finals():
                self.end(self.start("--resume")[0])
            (final,) = self.finals()
            assert list(final.parent.iterdir()) == [final]
            shutil.rmtree(final / "work", ignore_errors=True)  # the next run does this
            self.compare(final)
            shutil.rmtree(self.out)

    def kill(self):
        """Start or resume, and kill, unless it is faster."""
        how = self.rng.choice(list(MOMENTS), p=list(MOMENTS.values()))
        process, mark = self.start("--resume")
        wait = self.seconds * self.rng.uniform(0, 1)
        if how == "writing":
            self.wait_for(process, PHASES[2:])
            wait = self.rng.uniform(0, self.writing)
        elif how == "last file":
            self.wait_for(process, PHASES[3:])
            wait = self.rng.uniform(0, 0.002)
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            # The scheduler's whole group, or the memory killer's one process.
            group = self.rng.random() < 0.5
            os.killpg(process.pid, signal.SIGKILL) if group else process.kill()
        if process.wait() != -signal.SIGKILL:
            return self.end(process)
        everything = psutil.process_iter(["environ"])
        ours = [p for p in everything if (p.info["environ"] or {}).get(MARK) == mark]
        _, alive = psutil.wait_procs(ours, timeout=30)
        assert not alive, "processes outlive their study"
        self.hits[self.phase()] += 1

    def finals(self):
        return list(self.out.glob("*/[!.]*"))

    def phase(self):
        """How far a run is, by what lies there."""
        if self.finals():
            return "ending"
        paths = glob.glob(f"{self.out}/*/.unfinished-*/*")  # may be renamed meanwhile
        names = set(map(os.path.basename, paths))
        if names - READY:
            return "renaming" if LAST in names else "writing"
        return "working" if "config.json" in names else "starting"

    def compare(self, final):
        """Check that a run says what the undisturbed one says, to the last byte."""
        check_complete(final)
        names = names_in(final)
        assert names == names_in(self.whole)
        for name in {"predictions.csv", "metrics.json", "history.csv"} & names:
            assert (final / name).read_bytes() == (self.whole / name).read_bytes(), name
        self.resumed += 1

    def summary(self):
        return (
            f"{self.study}: {self.seconds:.0f} s, {self.writing:.0f} of them writing; "
            f"kills: {dict(self.hits)}; {self.resumed} runs to the same end"
        )


def names_in(folder):
    """What lies in a run folder; TensorBoard's files have the time in their names."""
    names = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return {name for name in names if not name.startswith("logs/")}


def check_complete(folder):
    """Check that everything that the report lists is there and whole."""
    text = (folder / "README.md").read_text()
    listed = re.findall(r"!\[.*?\]\((.+?)\)", text)
    listed += re.findall(r"^- `(.+?)`: ", text.split("## Files")[1], re.MULTILINE)
    assert {"config.json", "metrics.json", "predictions.csv", "roc.png"} <= {*listed}
    for name in listed:
        found = folder.glob(re.sub("EXPRESSION|EMOTION", "*", name).rstrip("/"))
        assert list(found), f"{folder} has no {name}"
    assert not list(folder.rglob("*partial*"))


@pytest.mark.services
def test_killed_and_resumed(tmp_path):
    Trial("fake", tmp_path).run(kills=2)


@pytest.mark.large
@pytest.mark.parametrize("study", list(STUDIES)[1:])
def test_killed_at_random_and_resumed(study, tmp_path):
    trial = Trial(study, tmp_path)
    trial.run(kills=20)
    print(trial.summary())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        trial = Trial(options.study, pathlib.Path(folder))
        try:
            trial.run(options.kills)
        finally:
            print(trial.summary())


if __name__ == "__main__":
    main()
