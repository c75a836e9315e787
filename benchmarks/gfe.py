"""The whole study of nine expressions, against a plain PyTorch loop.

    python -m benchmarks.gfe [--torch-python PATH] [--repeat 3]

Same model, batch size, epochs and frames, whole processes from start to end, in turn.
Ours is the study as people start it, `python -m experiments.gfe_lstm`: reading 36 text
files, features, nine trainings, test loss after each epoch, measures, figures, saved
models, report. The PyTorch process (`benchmarks/gfe_torch.py`) gets its features ready
made and does nothing but train, watch the test loss and print the mean F1.

PyTorch is not among the project's requirements: install it, or name an interpreter that
has it and NumPy. Real GFE data are needed (DUCHENNE_DATA).
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from datasets import gfe
from experiments import common, gfe_lstm
from experiments import gfe as study
from experiments.gfe_learners import standardise
from experiments.gfe_method import Method

ARGUMENTS = "--protocol shuffled --seeds 1 --data real".split()
ROOT = pathlib.Path(__file__).resolve().parents[1]


def write_features(settings, path):
    """What the study trains on, for the other process."""
    folder, _ = common.find_data(gfe_lstm.STUDY, "real")
    index = gfe.index(folder)
    points = gfe.points(index)
    method = Method(gfe_lstm.STUDY.builder, settings)
    arrays = {}
    for _, expression, rows, part in study.plan(index, settings):
        x, _ = standardise(part, method.features(part, points[rows]), "train")
        for side, chosen in {"train": part.train, "test": part.test}.items():
            arrays[f"{expression}_{side}_x"] = x[chosen][:, None]
            arrays[f"{expression}_{side}_y"] = part.labels(chosen)
    np.savez(path, **arrays)


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
    options = parser.parse_args()
    settings = gfe_lstm.STUDY.settings(
        {"protocol": "shuffled", "seeds": 1, "seed": 0}, on_sample=False
    )
    keys = "batch_size", "epochs", "learning_rate"
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as out:
        features = pathlib.Path(out) / "features.npz"
        write_features(settings, features)
        loop = [options.torch_python, "benchmarks/gfe_torch.py", str(features)]
        loop += [str(settings[key]) for key in keys]
        whole = [sys.executable, "-m", "experiments.gfe_lstm", *ARGUMENTS, "--out", out]
        for _ in range(options.repeat):
            theirs.append(timed(loop))
            ours.append(timed(whole))
        last = sorted(pathlib.Path(out).glob("gfe_lstm/*/metrics.json"))[-1]
        f1 = json.loads(last.read_text())["f1"]
    told = {}
    for name, runs in {"Duchenne": ours, "PyTorch": theirs}.items():
        told[name] = statistics.median(run[0] for run in runs)
        each = ", ".join(f"{run[0]:.1f}" for run in runs)
        memory = max(run[1] for run in runs)
        print(f"{name}: {each} s; peak memory {memory:.0f} MB")
    print(
        f"Mean F1 {f1:.4f} and {float(theirs[-1][2]):.4f}. Duchenne's whole study is "
        f"{told['PyTorch'] / told['Duchenne']:.1f} times as fast as the PyTorch loop "
        "(medians)."
    )


if __name__ == "__main__":
    main()
