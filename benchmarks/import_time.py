"""Time that `import zoo` adds to `import keras`, which it cannot do without.

    python -m benchmarks.import_time [--repeat 5]

Each time is a fresh process's, that of Keras and that of `zoo` on top of it in turn, so
that both see the same caches and the same load. The first, with cold caches, is not
counted.
"""

import argparse
import statistics
import subprocess
import sys

CODE = """
import time
start = time.perf_counter()
import keras
between = time.perf_counter()
import zoo
print(between - start, time.perf_counter() - between)
"""


def seconds():
    """Those of `import keras` and those of `import zoo` after it."""
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [float(part) for part in done.stdout.split()[-2:]]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args(argv)

    seconds()
    runs = []
    for _ in range(options.repeat):
        runs.append(seconds())
        keras, zoo = runs[-1]
        print(f"keras {keras:.2f} s, zoo {zoo:.3f} s more", flush=True)
    keras, zoo = (statistics.median(column) for column in zip(*runs, strict=True))
    print(
        f"median of {options.repeat}: keras {keras:.2f} s, zoo {zoo:.3f} s more, "
        f"ratio {(keras + zoo) / keras:.3f}"
    )


if __name__ == "__main__":
    main()
