"""One learning epoch of the network with parametric bias: ours, and PyTorch's.

    python -m benchmarks.lstm_pb [--torch-python PATH] [--rounds 3] [--batch 1 8 80]

The whole epoch of the paper's network (512 units, 4 blocks in depth, 64 PB units): 80
sequences of 150 frames, weights by SGD with momentum, PB vectors by Eq. 1-2. Batch size
1 is the paper's online learning: weights and PB move after every sequence. There, and
at 8, some steps are measured and their median is multiplied up to the epoch; at 80, one
step is the epoch.

Candidates: `zoo.LSTMPB.fit`'s step, with both passes written by hand; the same forward
pass differentiated by TensorFlow's `GradientTape`; and PyTorch, in processes of its own
(`benchmarks/lstm_pb_torch.py`), which wait while others are measured, with one thread
and with as many as there are cores. In each round every candidate takes some steps in
turn, so that a busy machine is busy for all of them. Ratios are to the better PyTorch.
It is not among the project's requirements: install it, or name an interpreter that has
it.
"""

import argparse
import contextlib
import os
import pathlib
import statistics
import sys
import time

import keras
import numpy as np
import tensorflow as tf

import zoo
from benchmarks.torch_process import torch_timer
from zoo.pb_learning import Learning

UNITS, DEPTH, FRAMES, SEQUENCES = 512, 4, 150, 80
STEPS = {1: 3, 8: 1, 80: 1}  # a round, of each candidate
OURS, TAPE = "zoo.LSTMPB", "the same by GradientTape"
TORCH = {"PyTorch, one thread": 1, "PyTorch": os.cpu_count()}
LOOP = pathlib.Path(__file__).with_name("lstm_pb_torch.py")
RATES = {"learning_rate": 0.01, "pb_rate": 0.9, "momentum": 0.9}


def some_tracks(batch):
    shape = batch, FRAMES, 80
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def our_step(model, batch):
    """A function that takes one step of `fit` with our passes."""
    labels = np.arange(batch) % 2
    tracks = some_tracks(batch)
    learning = Learning(model, tracks, labels, batch_size=batch, seed=0, **RATES)
    rows = np.arange(batch)
    return lambda: learning.step(rows)


def tape_step(model, batch):
    """The same step by automatic differentiation."""
    tracks = tf.constant(some_tracks(batch))
    labels = tf.constant(np.arange(batch) % 2)
    sizes = tf.math.bincount(labels, minlength=2, dtype="float32")
    shares = tf.math.divide_no_nan(float(batch), sizes)[:, None]
    classes, variables = model.pb.value, model.trainable_variables
    optimiser = keras.optimizers.SGD(RATES["learning_rate"], RATES["momentum"])
    optimiser.build(variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            tape.watch(classes)
            predicted = model((tracks[:, :-1], tf.gather(classes, labels)))
            loss = tf.reduce_mean((predicted - tracks[:, 1:]) ** 2)
        sources = [classes, *[variable.value for variable in variables]]
        d_pb, *gradients = tape.gradient(loss, sources)
        optimiser.apply(gradients, variables)
        # The mean over a class's tracks; the loss is that over the batch.
        d_pb = tf.convert_to_tensor(d_pb)
        classes.assign_sub(RATES["pb_rate"] * shares * d_pb)
        return loss

    return lambda: float(step())


def timer(make, batch_sizes):
    """A function that takes steps at a batch size and returns the seconds of each."""
    keras.utils.set_random_seed(0)
    model = zoo.LSTMPB(UNITS, DEPTH)
    taken = {batch: make(model, batch) for batch in batch_sizes}

    def measure(batch, steps):
        times = []
        for _ in range(steps):
            start = time.perf_counter()
            taken[batch]()
            times.append(time.perf_counter() - start)
        return times

    return measure


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch-python", default=sys.executable, metavar="PATH")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, nargs="+", default=list(STEPS))
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        candidates = {
            OURS: timer(our_step, options.batch),
            TAPE: timer(tape_step, options.batch),
        }
        for name, threads in TORCH.items():
            process = torch_timer(
                options.torch_python, LOOP, UNITS, DEPTH, FRAMES, threads
            )
            candidates[name] = stack.enter_context(process)
        print(f"{'seconds an epoch, speed':<40}{'median':>10}{'fastest':>10}")
        for batch in options.batch:
            print_rows(batch, measured(candidates, batch, options.rounds))


def measured(candidates, batch, rounds):
    """Seconds of each step, by candidate, after one that compiles and warms up."""
    times = {name: [] for name in candidates}
    for measure in candidates.values():
        measure(batch, 1)
    for _ in range(rounds):
        for name, measure in candidates.items():
            times[name] += measure(batch, STEPS.get(batch, 1))
    return times


def print_rows(batch, times):
    steps = -(-SEQUENCES // batch)
    columns = [
        {name: steps * summary(each) for name, each in times.items()}
        for summary in (statistics.median, min)
    ]
    note = "" if steps == 1 else f" ({len(times[OURS])} of {steps} steps measured)"
    print(f"batch size {batch}{note}")
    for name in times:
        cells = "".join(f"{column[name]:>10.1f}" for column in columns)
        ratios = "".join(
            f"{min(column[other] for other in TORCH) / column[name]:>9.2f} x"
            for column in columns
        )
        print(f"  {name:<38}{cells}{ratios}", flush=True)


if __name__ == "__main__":
    main()
