"""What tests of all packages share: Ctrl-C, and a process without Duchenne."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

# A shell starts its background jobs with SIGINT ignored, and a process hands that on to
# those that it starts: tests that interrupt one would wait for it in vain. A handler,
# in contrast, is not inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)

BARE = """
import json, sys, numpy as np, tensorflow as tf
for line in sys.stdin:
    model, inputs, outputs = json.loads(line)
    loaded, x = tf.saved_model.load(model), np.load(inputs)
    ends = [end for end in ["serve", "features"] if hasattr(loaded, end)]
    np.savez(outputs, **{end: getattr(loaded, end)(x) for end in ends})
    ours = {"zoo", "datasets", "experiments"}
    assert ours.isdisjoint(name.split(".")[0] for name in sys.modules)
    print("served", flush=True)
"""


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """Function from a SavedModel's folder and its inputs to all endpoints' outputs.

    They are computed in a process that has TensorFlow and nothing of ours. It serves
    one model after the other: importing TensorFlow takes most of the time.
    """
    folder = tmp_path_factory.mktemp("served")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = []

    def serve(model, inputs):
        if not processes or processes[-1].poll() is not None:
            command = [sys.executable, "-P", "-c", BARE]
            started = subprocess.Popen(command, cwd=folder, env=environment, **pipes)
            processes.append(started)
        np.save(folder / "inputs.npy", inputs)
        outputs = folder / "outputs.npz"
        outputs.unlink(missing_ok=True)
        paths = [str(model), str(folder / "inputs.npy"), str(outputs)]
        print(json.dumps(paths), file=processes[-1].stdin, flush=True)
        answer = processes[-1].stdout.readline()
        assert answer == "served\n", "the process ended; stderr says why"
        with np.load(outputs) as file:
            return dict(file)

    yield serve
    for process in processes:
        process.communicate(timeout=60)
