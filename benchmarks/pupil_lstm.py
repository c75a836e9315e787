"""One training step of the pupil network: Keras's LSTM, ours, and PyTorch's.

    python -m benchmarks.pupil_lstm [--torch-python PATH] [--rounds 30] [--steps 5]

The whole step of the paper's network: batch 5, 1168 samples, dropout 0.5, softmax
cross-entropy, plain SGD at 1e-3, with the loss read after every step. In each round
every candidate takes some steps in turn, so that a busy machine is busy for all of
them; the ratios are those of the medians over all steps and of the fastest steps. At
the end it prints the milliseconds that an answer for a single series takes.

PyTorch runs in processes of its own (`benchmarks/pupil_lstm_torch.py`), which wait
while others are measured, with as many threads as there are cores and with one: where
other programs are busy, its threads wait for each other. Ratios are to the better of
the two. It is not among the project's requirements: install it, or name an interpreter
that has it.
"""

import argparse
import contextlib
import os
import pathlib
import statistics
import sys
import time
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

import zoo
from benchmarks.torch_process import torch_timer
from zoo import pupil_lstm

BATCH = 5
KERAS, OURS = "Keras's LSTM", "zoo.layers.LSTM"
TORCH = {"PyTorch": os.cpu_count(), "PyTorch, one thread": 1}
LOOP = pathlib.Path(__file__).with_name("pupil_lstm_torch.py")


def keras_step(lstm, jit_compile):
    """A function that takes one training step and returns the loss."""
    keras.utils.set_random_seed(0)
    with mock.patch.object(pupil_lstm, "LSTM", lstm):
        model = zoo.PupilLSTM()
    variables = model.trainable_variables
    optimiser = keras.optimizers.SGD(1e-3)
    optimiser.build(variables)
    loss_of = keras.losses.SparseCategoricalCrossentropy()
    series = np.random.default_rng(0).normal(size=(BATCH, *model.input_shape[1:]))
    x = tf.constant(series, "float32")
    y = tf.constant(np.arange(BATCH) % 2)

    @tf.function(jit_compile=jit_compile)
    def step():
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True))
        optimiser.apply_gradients(
            zip(tape.gradient(loss, variables), variables, strict=True)
        )
        return loss

    return lambda: float(step())


def answer(lstm):
    """A function that answers for one series and returns its probabilities."""
    with mock.patch.object(pupil_lstm, "LSTM", lstm):
        model = zoo.PupilLSTM()
    x = tf.zeros((1, *model.input_shape[1:]))
    infer = tf.function(lambda x: model(x, training=False))
    return lambda: infer(x).numpy()


def timer(step):
    """A function that takes steps and returns the milliseconds of each."""

    def measure(steps):
        times = []
        for _ in range(steps):
            start = time.perf_counter()
            step()
            times.append(1000 * (time.perf_counter() - start))
        return times

    return measure


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch-python", default=sys.executable, metavar="PATH")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        candidates = {}
        for name, threads in TORCH.items():
            process = torch_timer(options.torch_python, LOOP, BATCH, threads)
            candidates[name] = stack.enter_context(process)
        for jit_compile, suffix in {False: "", True: ", all in XLA"}.items():
            for name, lstm in {KERAS: keras.layers.LSTM, OURS: zoo.layers.LSTM}.items():
                candidates[name + suffix] = timer(keras_step(lstm, jit_compile))
        for measure in candidates.values():
            measure(3)  # compiles, and warms up
        times = {name: [] for name in candidates}
        for _ in range(options.rounds):
            for name, measure in candidates.items():
                times[name] += measure(options.steps)
        print_table({"median": statistics.median, "fastest": min}, times)
        for name, lstm in {KERAS: keras.layers.LSTM, OURS: zoo.layers.LSTM}.items():
            measure = timer(answer(lstm))
            measure(3)
            median = statistics.median(measure(options.rounds))
            print(f"one series, median      {name:<28}{median:>8.2f} ms")


def print_table(summaries, times):
    print(f"{'ms a step, speed':<32}" + f"{'of Keras':>24}{'of PyTorch':>12}")
    for label, summary in summaries.items():
        values = {name: summary(each) for name, each in times.items()}
        torch = min(values[name] for name in TORCH)
        for name, each in values.items():
            ratios = f"{values[KERAS] / each:>10.1f} x{torch / each:>10.2f} x"
            print(f"{label:<8}{name:<28}{each:>8.2f}{ratios}")


if __name__ == "__main__":
    main()
