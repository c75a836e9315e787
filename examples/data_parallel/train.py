"""One network trained by several processes or hosts at once: see README.md.

python examples/data_parallel/train.py --addresses HOST0:PORT,HOST1:PORT --process-id 0
"""

import argparse
import os
import sys
import traceback
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np

import zoo


class Share(keras.utils.PyDataset):
    """A process's rows of each batch; all draw the same order of the pictures."""

    def __init__(self, pictures, labels, batch_size, seed):
        super().__init__()
        self.pictures, self.labels = pictures, labels
        self.batch_size = batch_size
        self.rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self):
        self.order = self.rng.permutation(len(self.labels))

    def __len__(self):
        return len(self.labels) // self.batch_size  # the rest has its turn later

    def __getitem__(self, step):
        first = step * self.batch_size
        rows = self.order[first : first + self.batch_size]
        mine = np.split(rows, jax.process_count())[jax.process_index()]
        return self.pictures[mine], self.labels[mine]


def read(path):
    """Pictures, `(n, height, width, 3)` from 0 to 255, and labels, 0 or 1."""
    with np.load(path) as file:
        return file["pictures"], file["labels"]


def drawn(count=256, size=48):
    """A stand-in: noise, brighter in the upper half where the label is 1."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    pictures = rng.uniform(0, 200, (count, size, size, 3))
    pictures[:, : size // 2] += 40 * labels[:, None, None, None]
    return pictures.astype("uint8"), labels


def build(size, seed=0):
    """The same initial weights in every process."""
    keras.utils.set_random_seed(seed)
    pictures = keras.Input((None, None, 3), name="pictures")
    return zoo.ShallowCNN(input_tensor=zoo.layers.PreparePictures(size)(pictures))


def join(addresses, process_id):
    """Meets the other processes; from then on, variables belong to all of them."""
    # Between CPUs; GPUs have NCCL.
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.config.update("jax_enable_preemption_service", False)
    keras.distribution.initialize(addresses, len(addresses.split(",")), process_id)
    everything = keras.distribution.DataParallel(auto_shard_dataset=False)
    keras.distribution.set_distribution(everything)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, metavar="FILE.npz", help="pictures, labels"
    )
    parser.add_argument("--addresses", metavar="HOST:PORT,...", help="of all processes")
    parser.add_argument("--process-id", type=int, default=0, metavar="N")
    parser.add_argument("--batch-size", type=int, default=64, help="of all together")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--size", type=int, default=48, help="side of the pictures")
    parser.add_argument("--out", type=Path, default=Path("data_parallel"))
    return parser.parse_args()


def main():
    options = arguments()
    if options.addresses:
        join(options.addresses, options.process_id)
    if options.batch_size < 1 or options.batch_size % jax.device_count():
        sys.exit(f"error: --batch-size must be a multiple of {jax.device_count()}")
    pictures, labels = read(options.data) if options.data else drawn()
    if len(labels) < options.batch_size:
        sys.exit(f"error: --batch-size: there are {len(labels)} pictures only")

    model = build(options.size)
    model.compile(
        keras.optimizers.Adam(1e-4),
        keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    first = jax.process_index() == 0
    print(f"{jax.process_count()} processes, {jax.device_count()} devices", flush=True)
    history = model.fit(
        Share(pictures, labels, options.batch_size, seed=0),
        epochs=options.epochs,
        shuffle=False,
        verbose=2 if first else 0,
    ).history

    weights = model.get_weights()
    # Saving is no common work: what it creates must not wait for the others.
    keras.distribution.set_distribution(None)
    if first:
        options.out.mkdir(parents=True, exist_ok=True)
        whole = build(options.size)
        whole.set_weights(weights)
        whole.save(options.out / "model.keras")
        np.savez(options.out / "history.npz", **history)
        print(f"Written: {options.out / 'model.keras'}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except Exception:
        if jax.process_count() == 1:
            raise
        traceback.print_exc()
        # At the usual end a process waits for the others, minutes where one is dead.
        sys.stderr.flush()
        os._exit(1)
