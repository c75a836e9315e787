"""The whole study of nine expressions, against a plain PyTorch loop.

    python -m benchmarks.gfe [--torch-python PATH] [--repeat 3]

Same model, batch size, epochs, frames and three seeds, as the study has by default: 27
trainings. Whole processes from start to end, in turn:

- PyTorch (`benchmarks/gfe_torch.py`): gets its features ready made, trains 27 times,
  with the test loss after each epoch, and prints the mean F1;
- the study's own functions for the same: reading the 36 text files, features,
  trainings, test loss after each epoch, mean F1;
- the whole study as people start it, `python -m experiments.gfe_lstm`: with figures,
  saved models and report as well, which the loop has none of.

PyTorch is not among the project's requirements: install it, or name an interpreter that
has it and NumPy. Real GFE data are needed (DUCHENNE_DATA).
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from sklearn.metrics import f1_score

from datasets import gfe
from experiments import gfe_lstm
from experiments.gfe import study
from experiments.gfe.method import Method
from experiments.gfe.networks import standardise
from experiments.harness.data import find_data

ARGUMENTS = "--protocol shuffled --data real".split()
BUILDER, SETTINGS = gfe_lstm.STUDY.builder, gfe_lstm.STUDY.settings(protocol="shuffled")
ROOT = pathlib.Path(__file__).resolve().parents[1]


def planned_parts():
    """Yield what is trained: parts and their points."""
    index = gfe.index(find_data("gfe", "real", None)[0])
    points = gfe.points(index)
    for part in study.plan_parts(index, SETTINGS):
        yield part, points[index["expression"] == part.expression]


def write_features(path):
    """Write what the study trains on, for the other process."""
    method, arrays = Method(BUILDER, SETTINGS), {}
    for part, points in planned_parts():
        x, _ = standardise(part, method.features(part, points), "train")
        for side, chosen in {"train": part.train, "test": part.test}.items():
            name = f"{part.seed}_{part.expression}_{side}"
            arrays[f"{name}_x"] = x[chosen][:, None]
            arrays[f"{name}_y"] = part.labels(chosen)
    np.savez(path, **arrays)


def study_without_folder():
    """Do what the PyTorch process does, and reading and features; print the mean F1."""
    method, scores = Method(BUILDER, SETTINGS), []
    for part, points in planned_parts():
        probability = method.learn(part, points)["probability"]
        scores.append(f1_score(part.labels(part.test), probability > 0.5))
    print(f"{np.mean(scores):.4f}")


def timed(command):
    """Seconds of wall clock, peak memory in MB, and the output of a process."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        output.seek(0)
        text = output.read()
    if status:
        raise SystemExit(f"{' '.join(command)} failed with status {status}:\n{text}")
    return seconds, usage.ru_maxrss / 1024, text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch-python", default=sys.executable, metavar="PATH")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only-ours", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_ours:
        return study_without_folder()
    keys = "batch_size", "epochs", "learning_rate"
    runs_of = {"PyTorch": [], "Duchenne": [], "Duchenne, whole study": []}
    with tempfile.TemporaryDirectory() as out:
        features = pathlib.Path(out) / "features.npz"
        write_features(features)
        loop = [options.torch_python, "benchmarks/gfe_torch.py", str(features)]
        loop += [str(getattr(SETTINGS, key)) for key in keys]
        whole = [sys.executable, "-m", "experiments.gfe_lstm", *ARGUMENTS, "--out", out]
        same = [sys.executable, "-m", "benchmarks.gfe", "--only-ours"]
        for _ in range(options.repeat):
            for name, command in zip(runs_of, [loop, same, whole], strict=True):
                runs_of[name].append(timed(command))
    median = {n: statistics.median(r[0] for r in runs) for n, runs in runs_of.items()}
    for name, runs in runs_of.items():
        each = ", ".join(f"{run[0]:.1f}" for run in runs)
        memory = max(run[1] for run in runs)
        ratio = median["PyTorch"] / median[name]
        print(
            f"{name}: {each} s, {ratio:.1f} times as fast as the loop (medians); peak "
            f"memory {memory:.0f} MB"
        )
    f1 = [runs_of[name][-1][2].split()[-1] for name in ["PyTorch", "Duchenne"]]
    print(f"Mean F1: PyTorch {f1[0]}, Duchenne {f1[1]}")


if __name__ == "__main__":
    main()
