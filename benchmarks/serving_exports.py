"""One of our exports as one would serve it, in a process without Duchenne.

    python serving_exports.py PATH SIZE THREADS

For `benchmarks.serving`. PATH is a SavedModel or an ONNX file. For each line
`BATCH CALLS` on standard input it makes as many calls and prints the seconds of each on
one line; `0 0` asks for the most memory it has taken, in bytes.
"""

import os
import pathlib
import sys
import time

import numpy as np
from serving_memory import peak

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def saved_model(path, threads):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    loaded = tf.saved_model.load(path)

    def call(pictures):
        return loaded.serve(tf.constant(pictures)).numpy()

    return call


def onnx(path, threads):
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, settings, ["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    return lambda pictures: session.run(["probabilities"], {source.name: pictures})


def main(path, size, threads):
    load = saved_model if pathlib.Path(path).is_dir() else onnx
    call = load(path, threads)
    for line in sys.stdin:
        batch, count = map(int, line.split())
        shape = batch, size, size, 3
        pictures = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
        answers = []
        for _ in range(count):
            start = time.perf_counter()
            call(pictures)
            answers.append(time.perf_counter() - start)
        if not batch:
            answers = [peak()]
        print(*answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
