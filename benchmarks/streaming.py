"""Memory while reading N and 10 N samples: inputs may be larger than it.

    python -m benchmarks.streaming

Each reader runs in a process of its own, which reads all samples once, in batches, and
then tells the most memory it has taken (see `serving_memory`). The samples are those
that come with the project, linked again and again into a temporary folder under names
of their own: pictures of NVIE, tracks of SASE-FE with ten jittered copies each, GFE's
recordings in windows of 15 frames. The index takes some hundred bytes a row in memory,
whatever it describes, so that the ratio comes close to 1 and does not reach it. Exits
with 1 where a reader takes more than a quarter more memory for ten times the samples.
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
TIMES = {"nvie": (1, 10), "sase_fe": (1, 10), "gfe": (3, 30)}


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


def nvie(times, folder):
    from datasets import nvie, sample

    index = nvie.index(sample.path("nvie"))[::3]
    index = linked(index, times, folder)
    return len(index), "pictures", nvie.load(index, 96, 32, shuffle=True)


def sase_fe(times, folder):
    from datasets import sample, sase_fe

    index = sase_fe.index(sample.path("sase_fe"))[::4]
    index = linked(index, times, folder)
    tracks = folder / "tracks"
    files, rows, _ = sase_fe.store(index, tracks, copies=10)
    batches = sase_fe.batches(files, rows["label"].fillna(0), 32, seed=0)
    return len(files), "videos", batches


def gfe(times, folder):
    from datasets import gfe, sample

    index = linked(gfe.index(sample.path("gfe")), times, folder)
    batches = gfe.load(index, 64, span=15, shuffle=True, folder=folder)
    return len(index), "windows", batches


def child(name, times):
    with tempfile.TemporaryDirectory() as folder:
        count, what, batches = globals()[name](times, pathlib.Path(folder))
        for _ in batches:
            pass
        print(count, what, peak())


def measured(name, times):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, "-m", "benchmarks.streaming", name, str(times)]
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    count, what, memory = done.stdout.split()
    return int(count), what, int(memory)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", choices=TIMES, help="read here, and tell")
    parser.add_argument("times", nargs="?", type=int, default=1)
    options = parser.parse_args(argv)
    if options.name:
        return child(options.name, options.times)
    worst = 0
    for name, (few, many) in TIMES.items():
        one, ten = measured(name, few), measured(name, many)
        ratio = ten[2] / one[2]
        worst = max(worst, ratio)
        print(
            f"{name:8} {one[0]:6} {one[1]}: {one[2] / 1e6:.0f} MB; "
            f"{ten[0]:6}: {ten[2] / 1e6:.0f} MB; ratio {ratio:.2f}",
            flush=True,
        )
    return int(worst > MOST)


if __name__ == "__main__":
    sys.exit(main())
