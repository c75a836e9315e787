"""Inception V4 in use: our exports, and timm in PyTorch, in one run.

    python -m benchmarks.serving [--torch-python PATH] [--quick]

Images a second at 299x299, batch 1 and 16, of what `zoo.export` writes (the SavedModel,
and the ONNX file in ONNX Runtime) and of timm's `inception_v4` in PyTorch, as it comes
and channels-last, all in float32. Every variant is a process of its own, without
Duchenne, that waits while others are measured; in each round every variant answers some
calls in turn, so that a busy machine is busy for all of them. Weights are random: they
make no difference to the time.

Ratios are to timm channels-last: of the medians within a round, their median and range
over the rounds. Latencies are those of all calls at batch 1. Memory is the most a
process has taken until its end, loading and batch 16 included.

PyTorch and timm are not among the project's requirements: install them, or name an
interpreter that has them. Beside a PyTorch for the CPU alone:

    pip install --no-deps timm torchvision pillow
    pip install numpy pyyaml huggingface_hub safetensors
"""

import argparse
import contextlib
import os
import pathlib
import statistics
import sys
import tempfile

import numpy as np

from benchmarks.torch_process import torch_timer

SIZE = 299
HERE = pathlib.Path(__file__).parent
TIMM = ("timm eager", "timm channels-last")
WANTED = 1.25


def write(folder):
    """Writes our exports.

    Args:
        folder: where to.

    Returns:
        Dict of the formats' names to paths.
    """
    import keras

    import zoo

    keras.utils.set_random_seed(0)
    model = zoo.InceptionV4()
    paths = {"SavedModel": folder / "saved_model", "ONNX": folder / "model.onnx"}
    zoo.export.export(model, paths["SavedModel"])
    zoo.export.onnx(model, paths["ONNX"])
    return paths


def started(stack, paths, options):
    """Dict of names to functions from a batch size and a number of calls to seconds."""
    commands = {
        name: (sys.executable, HERE / "serving_exports.py", path)
        for name, path in paths.items()
    }
    for name in TIMM:
        variant = name.removeprefix("timm ").replace("-", "_")
        script = HERE / "serving_torch.py"
        commands[name] = (options.torch_python, script, variant)
    return {
        name: stack.enter_context(torch_timer(*command, SIZE, options.threads))
        for name, command in commands.items()
    }


def measured(variants, batch, rounds, calls):
    """Seconds of the calls by variant, a list for each round, after two to warm up."""
    times = {name: [] for name in variants}
    for measure in variants.values():
        measure(batch, 2)
    for _ in range(rounds):
        for name, measure in variants.items():
            times[name].append(measure(batch, calls))
    return times


def ratios(times, name):
    """Return the ratio of a variant to timm channels-last, in each round."""
    pairs = zip(times["timm channels-last"], times[name], strict=True)
    return [statistics.median(timm) / statistics.median(own) for timm, own in pairs]


def print_rows(times, batch):
    print(f"\nbatch {batch:<31}{'images/s':>9}{'ratio':>8}{'range':>16}")
    for name, rounds in times.items():
        seconds = statistics.median(sum(rounds, []))
        found = ratios(times, name)
        spread = f"{min(found):.2f} to {max(found):.2f}"
        print(
            f"  {name:<35}{batch / seconds:>9.1f}"
            f"{statistics.median(found):>8.2f}{spread:>16}"
        )
    of = {n: statistics.median(ratios(times, n)) for n in times if n not in TIMM}
    best = max(of, key=of.get)
    verdict = "reached" if of[best] >= WANTED else "missed"
    print(f"  {best}, {of[best]:.2f} ({WANTED} wanted: {verdict})")


def print_latencies(times, variants):
    print(f"\n{'ms at batch 1':<37}{'p50':>8}{'p95':>8}{'p99':>8}{'memory, MB':>14}")
    for name, rounds in times.items():
        cells = np.percentile(1000 * np.concatenate(rounds), (50, 95, 99))
        row = "".join(f"{cell:>8.0f}" for cell in cells)
        print(f"  {name:<35}{row}{variants[name](0, 0)[0] / 2**20:>14.0f}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--torch-python", default=sys.executable, metavar="PATH")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true", help="fewer rounds and calls")
    options = parser.parse_args()
    rounds = 2 if options.quick else options.rounds
    # A round's calls by batch size; 100 latencies have a 99th percentile.
    calls = {1: 4, 16: 1} if options.quick else {1: -(-100 // rounds), 16: 2}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        variants = started(stack, write(pathlib.Path(folder)), options)
        print(f"{SIZE}x{SIZE}, {options.threads} threads, {rounds} rounds")
        found = {}
        for batch in calls:
            found[batch] = measured(variants, batch, rounds, calls[batch])
            print_rows(found[batch], batch)
        print_latencies(found[1], variants)


if __name__ == "__main__":
    main()
