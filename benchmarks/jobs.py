"""Two processes on two cores against one, and against two that take all the cores.

    python -m benchmarks.jobs [--repeat 3] [--data real]

Runs one study, experiments.gfe_lstm with protocol holdout (27 trainings), as whole
processes from start to end, in turn:

- with --jobs 1;
- with --jobs 2, each process told how many threads it may use, as the studies do;
- with --jobs 2, each process with a thread for every core, as if it were alone.

Prints the seconds of each, whole and of the trainings (which have the start of the
processes in them), and as medians how many times as fast as one process it was. Checks
that one and two processes predict the same to the last digit; if not, exits with 1.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
WAYS = {
    "one process": ("1", "told"),
    "two processes": ("2", "told"),
    "two, all cores each": ("2", "untold"),
}
TRAINED = "seconds of training: "


def study(jobs, told, arguments):
    """The study in this process; prints how long its trainings took."""
    from experiments import gfe, gfe_lstm, parts

    learn = gfe.learn

    def timed(*given):
        start = time.perf_counter()
        learn(*given)
        print(f"{TRAINED}{time.perf_counter() - start}")

    gfe.learn = timed
    if told == "untold":
        parts.threads = lambda count: parts.cores()
    gfe_lstm.main([*arguments, "--protocol", "holdout", "--jobs", jobs])


def measured(jobs, told, arguments):
    """Seconds of a whole process, and of its trainings."""
    command = [sys.executable, "-m", "benchmarks.jobs", "--way", jobs, told, *arguments]
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    trained = next(x for x in done.stdout.splitlines() if x.startswith(TRAINED))
    return seconds, float(trained.removeprefix(TRAINED))


def main():
    if sys.argv[1:2] == ["--way"]:
        return study(sys.argv[2], sys.argv[3], sys.argv[4:])
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--data", choices=["real", "sample"], default="real")
    options = parser.parse_args()
    taken, predicted = {name: [] for name in WAYS}, {}
    with tempfile.TemporaryDirectory() as out:
        for number in range(options.repeat):
            for name, way in WAYS.items():
                place = pathlib.Path(out) / f"{'-'.join(way)}-{number}"
                arguments = ["--data", options.data, "--seeds", "3"]
                taken[name].append(measured(*way, [*arguments, "--out", str(place)]))
                [told] = place.glob("*/*/predictions.csv")
                predicted[name] = told.read_bytes()
    first, *_ = taken.values()
    base = [statistics.median(column) for column in zip(*first, strict=True)]
    for name, runs in taken.items():
        columns = zip(*runs, strict=True)
        for what, column, alone in zip(
            ("whole", "trainings"), columns, base, strict=True
        ):
            each = ", ".join(f"{seconds:.1f}" for seconds in column)
            ratio = alone / statistics.median(column)
            print(f"{name}, {what}: {each} s, {ratio:.2f} times as fast as one process")
    if predicted["one process"] != predicted["two processes"]:
        sys.exit("One and two processes do not predict the same.")
    print("One and two processes predict the same to the last digit.")


if __name__ == "__main__":
    main()
