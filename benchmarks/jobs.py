"""Two processes on two cores against one, and against two that take all the cores.

    python -m benchmarks.jobs [--repeat 3] [STUDY OPTION ...]

Runs one study, by default all of the sample's six emotions, experiments.sase_lstm_pb
with --data sample, as whole processes from start to end, in turn:

- with --jobs 1;
- with --jobs 2, each process told how many threads it may use, as the studies do;
- with --jobs 2, each process with a thread for every core, as if it were alone.

Prints the seconds of each, and as medians how many times as fast as one process it
was: the start of the processes, which import TensorFlow anew, is in it, and pays where
parts take longer than that. Checks that one and two processes predict the same to the
last digit; if not, exits with 1.
"""

import argparse
import importlib
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
WAYS = {
    "one process": ("1", "shared"),
    "two processes": ("2", "shared"),
    "two, all cores each": ("2", "all"),
}
STUDY = ["sase_lstm_pb", "--data", "sample"]


def study(jobs, cores, name, arguments):
    """Run the study in this process."""
    from experiments.harness import parallel

    if cores == "all":
        parallel.threads_for = lambda count: parallel.cores()
    module = importlib.import_module(f"experiments.{name}")
    module.main([*arguments, "--jobs", jobs])


def measured(way, arguments):
    """Return the seconds of a whole process."""
    command = [sys.executable, "-m", "benchmarks.jobs", "--way", *way, *arguments]
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - start


def main():
    if sys.argv[1:2] == ["--way"]:
        return study(*sys.argv[2:5], sys.argv[5:])
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=3)
    options, given = parser.parse_known_args()
    taken, predicted = {name: [] for name in WAYS}, {}
    with tempfile.TemporaryDirectory() as out:
        for number in range(options.repeat):
            for name, way in WAYS.items():
                folder = pathlib.Path(out) / f"{'-'.join(way)}-{number}"
                arguments = [*(given or STUDY), "--out", str(folder)]
                taken[name].append(measured(way, arguments))
                [path] = folder.glob("*/*/predictions.csv")
                predicted[name] = path.read_bytes()
    alone = statistics.median(taken["one process"])
    for name, column in taken.items():
        each = ", ".join(f"{seconds:.1f}" for seconds in column)
        ratio = alone / statistics.median(column)
        print(f"{name}: {each} s, {ratio:.2f} times as fast as one process")
    if predicted["one process"] != predicted["two processes"]:
        sys.exit("One and two processes do not predict the same.")
    print("One and two processes predict the same to the last digit.")


if __name__ == "__main__":
    main()
