"""Cost of a unit: processor seconds and memory of training, for `docs/scaling.md`.

    python -m benchmarks.scaling

Each row is measured in processes of its own: two batch sizes (for the network with
parametric bias: two lengths of its tracks), whose difference in peak memory, divided by
what they differ by, is the memory of a unit. Processor seconds are those of all
cores together, the median of some steps after the first, of the larger batch. They say
how time grows; how long a step takes depends on the machine and on what it shares it
with. Weights are random, which makes no difference.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

import numpy as np

from benchmarks.serving_memory import peak

CASES = {
    "ShallowCNN, 96 px": ("picture", 32, 96),
    "InceptionV4, 299 px": ("picture", 2, 8),
    "LSTMPB, 512 units": ("frame", 20, 80),
}


def pictures(builder, size, count):
    import keras

    import zoo

    model = getattr(zoo, builder)(input_tensor=keras.Input((size, size, 3)))
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    x = np.zeros((count, size, size, 3), "float32")
    y = np.zeros(count, "int32")
    return model, lambda: model.train_on_batch(x, y)


def tracks(frames):
    import zoo
    from zoo.pb_learning import Learning

    model = zoo.LSTMPB(units=512, depth=4)
    rng = np.random.default_rng(0)
    some = [rng.normal(0, 0.1, (frames, 80)).astype("float32") for _ in range(8)]
    labels = np.arange(8) % 2
    learning = Learning(model, some, labels, 8, 0.01, 0.9, 0.9, 0)
    return model, learning.run_epoch


def child(name, size):
    builder, _, width = name.replace(" px", "").partition(", ")
    if builder == "LSTMPB":
        (model, step), units = tracks(size), 8 * size
    else:
        (model, step), units = pictures(builder, int(width), size), size
    step()
    spent = []
    for _ in range(4):
        start = time.process_time()
        step()
        spent.append(time.process_time() - start)
    print(statistics.median(spent) / units, units, model.count_params() * 4, peak())


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", choices=CASES, help="measure here, and tell")
    parser.add_argument("size", nargs="?", type=int, default=8)
    options = parser.parse_args(argv)
    if options.name:
        return child(options.name, options.size)
    for name, (unit, *sizes) in CASES.items():
        told = []
        for size in sizes:
            command = [sys.executable, "-m", "benchmarks.scaling", name, str(size)]
            environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
            output = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, text=True, check=True
            ).stdout
            told.append([float(value) for value in output.split()[-4:]])
        (_, few, _, less), (seconds, many, weights, more) = told
        print(
            f"{name}: {1000 * seconds:.2f} ms of processor time and "
            f"{(more - less) / (many - few) / 1e6:.2f} MB a {unit}; weights "
            f"{weights / 1e6:.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
