"""A frozen trunk's output computed once, against computing it in every epoch.

Trains Inception V4 with most layers frozen on pictures of the sample, both ways in one
run, with the study's own functions; then checks that both reach the same validation
loss.

Command: python -m benchmarks.frozen_trunk [--mode 2 --pictures 192 --epochs 10]
"""

import argparse
import pathlib
import tempfile
import time

import keras
import tensorflow as tf

from datasets import nvie, sample
from experiments import nvie_inception
from experiments.harness.run_folder import RunFolder
from experiments.harness.study import Run
from experiments.nvie import network


def timed(settings, data, cached, out):
    """Trains once; returns seconds and the last epoch's validation cross-entropy."""
    keras.utils.set_random_seed(0)
    folder = RunFolder.open(pathlib.Path(out), f"cached_{cached}", "0", resume=False)
    study, data_dir = nvie_inception.STUDY, sample.path("nvie")
    run = Run(study, settings, folder, data_dir, "sample", command="")
    model = network.build(run)
    start = time.perf_counter()
    history = network.train(model, run, data, cached)
    return time.perf_counter() - start, history["val_cross_entropy"].iloc[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=192)
    parser.add_argument("--size", type=int, default=139)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--mode", type=int, default=2, help="train-layer mode, 1 to 5")
    options = parser.parse_args()
    tf.config.experimental.enable_op_determinism()

    index = nvie.index(sample.path("nvie")).sample(options.pictures, random_state=0)
    cut = options.pictures * 3 // 4
    index["class"] = nvie.task_labels(index, "spontaneous")
    data = {"train": index[:cut], "validation": index[cut:]}
    words = ["--size", str(options.size), "--epochs", str(options.epochs)]
    words += ["--train-layers", str(options.mode)]
    _, settings = nvie_inception.STUDY.parse(words, kind="sample")

    with tempfile.TemporaryDirectory() as out:
        whole, loss = timed(settings, data, False, out)
        once, again = timed(settings, data, True, out)
    print(
        f"Mode {options.mode}, {options.epochs} epochs of {cut} pictures at "
        f"{options.size} px: {whole:.1f} s in every epoch, {once:.1f} s once, "
        f"{whole / once:.1f} times as fast. Validation cross-entropy {loss:.6f} and "
        f"{again:.6f}."
    )
    if abs(loss - again) > 1e-3:
        raise SystemExit("The two do not reach the same loss.")


if __name__ == "__main__":
    main()
