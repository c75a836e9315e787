"""Memory while reading N and 10 N samples: inputs may be larger than it.

    python -m benchmarks.streaming

Each number of pictures is read in a process of its own, all of them once, in batches,
and then it prints the most memory it has taken (see `serving_memory`). The pictures are
those of the sample, linked again and again into a temporary folder under names of their
own. The index takes some hundred bytes a row in memory, so that the ratio comes close
to 1 and does not reach it. Exits with 1 where ten times the pictures take more than a
quarter more memory.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import pandas as pd

from benchmarks.serving_memory import peak

MOST = 1.25


def linked(index, times, folder):
    """An index that many times as long, every file under names of its own."""
    rows = []
    for time in range(times):
        again = index.copy()
        paths = {}
        for number, path in enumerate(index["path"].unique()):
            link = folder / f"{time}-{number}{pathlib.Path(path).suffix}"
            link.symlink_to(path)
            paths[path] = str(link)
        again["path"] = index["path"].map(paths)
        rows.append(again)
    return pd.concat(rows, ignore_index=True)


def read(times):
    from datasets import nvie, sample

    index = nvie.index(sample.path("nvie"))[::3]
    with tempfile.TemporaryDirectory() as folder:
        index = linked(index, times, pathlib.Path(folder))
        for _ in nvie.load(index, 96, 32, shuffle=True):
            pass
    print(len(index), peak())


def measured(times):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, "-m", "benchmarks.streaming", str(times)]
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return map(int, done.stdout.split())


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("times", nargs="?", type=int, help="read here, and print")
    times = parser.parse_args(argv).times
    if times:
        return read(times)
    (few, one), (many, ten) = measured(1), measured(10)
    print(f"{few} pictures: {one / 1e6:.0f} MB; {many}: {ten / 1e6:.0f} MB; ", end="")
    print(f"ratio {ten / one:.2f}")
    return int(ten / one > MOST)


if __name__ == "__main__":
    sys.exit(main())
