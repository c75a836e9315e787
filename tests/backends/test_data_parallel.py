"""`examples/data_parallel/train.py`: two JAX processes train what one does."""

import importlib.util
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import zoo  # noqa: F401, what its files are read with

ROOT = pathlib.Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "data_parallel" / "train.py"
COUNT, BATCH, EPOCHS, SIZE = 40, 8, 2, 24

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="between hosts it is JAX that trains"
)


def start(out, *options):
    # Compiling takes most of the time, and this halves it.
    quick = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **quick}
    settings = ["--batch-size", BATCH, "--size", SIZE, "--out", out, *options]
    command = [sys.executable, "-u", str(SCRIPT), *map(str, settings)]
    log = open(f"{out}.log", "w")
    return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def pair(tmp_path):
    """Function that starts two processes that train together; none outlives a test."""
    started = []

    def begin(*options):
        port = free_port()
        both = ["--addresses", f"127.0.0.1:{port},127.0.0.1:{port + 1}", *options]
        for number in (0, 1):
            out = tmp_path / f"process{number}"
            started.append(start(out, *both, "--process-id", number))
        return started

    yield begin
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A file of pictures that both processes read."""
    path = tmp_path_factory.mktemp("data") / "pictures.npz"
    rng = np.random.default_rng(0)
    labels = np.arange(COUNT) % 2
    values = rng.uniform(0, 200, (COUNT, 30, 30, 3)) + 55 * labels[:, None, None, None]
    np.savez(path, pictures=values.astype("uint8"), labels=labels)
    return path


def told(out):
    return pathlib.Path(f"{out}.log").read_text()


def test_each_process_reads_its_own_part_of_each_batch(monkeypatch):
    """Or both would do all the work, with the same result."""
    spec = importlib.util.spec_from_file_location("data_parallel_train", SCRIPT)
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    labels = np.arange(43)
    monkeypatch.setattr(train.jax, "process_count", lambda: 2)
    shares = []
    for number in (0, 1):
        monkeypatch.setattr(train.jax, "process_index", lambda n=number: n)
        share = train.Share(labels[:, None], labels, 8, seed=3)
        assert len(share) == 5
        epochs = []
        for _ in range(2):
            epochs.append([share[step] for step in range(len(share))])
            share.on_epoch_end()
        shares.append(epochs)
    for epoch in zip(*shares, strict=True):
        read = np.concatenate([labels for steps in epoch for _, labels in steps])
        assert len(read) == len(set(read)) == 40  # three are left for another epoch
        assert all(len(labels) == 4 for steps in epoch for _, labels in steps)
    assert (shares[0][0][0][1] != shares[0][1][0][1]).any()  # another order


def test_two_processes_get_the_result_of_one(pictures, pair, tmp_path):
    options = ["--data", pictures, "--epochs", EPOCHS]
    both = pair(*options)
    alone = start(tmp_path / "alone", *options)
    assert alone.wait(timeout=300) == 0, told(tmp_path / "alone")
    for number, process in enumerate(both):
        out = tmp_path / f"process{number}"
        assert process.wait(timeout=300) == 0, told(out)
        assert "2 processes, 2 devices" in told(out)
    # One process writes; the file is a model like any other.
    assert not (tmp_path / "process1").exists()
    models = [tmp_path / name / "model.keras" for name in ("process0", "alone")]
    got, want = (keras.saving.load_model(path) for path in models)
    for ours, theirs in zip(got.weights, want.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4, err_msg=ours.path)
    losses = [np.load(path.parent / "history.npz")["loss"] for path in models]
    assert len(losses[0]) == EPOCHS
    np.testing.assert_allclose(*losses, atol=1e-4)
    # And something was learned, or any two networks would be the same.
    assert abs(losses[1][1] - losses[1][0]) > 1e-2


def test_a_dead_partner_ends_the_other(pair, tmp_path):
    """Its connection breaks; without that, it would wait in the next step."""
    first, second = pair("--epochs", 100_000)
    end = time.monotonic() + 300
    while "Epoch 2/" not in told(tmp_path / "process0"):
        assert first.poll() is None and time.monotonic() < end, told(
            tmp_path / "process0"
        )
        time.sleep(0.2)
    second.send_signal(signal.SIGKILL)
    assert first.wait(timeout=30) == 1
    assert re.search("Connection (reset|closed) by peer", told(tmp_path / "process0"))
    assert not (tmp_path / "process0").exists()  # nothing half-done is saved
