"""Parts in processes of this machine: order, errors, threads, an end."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from experiments.harness import parallel, study
from tests.experiments.harness import fake

services = pytest.mark.services


def describe(number, delay, *, threads):
    """What a part sees of its process."""
    import tensorflow as tf
    import threadpoolctl

    time.sleep(delay)
    pools = {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
    intra = tf.config.threading.get_intra_op_parallelism_threads()
    inter = os.environ.get("TF_NUM_INTEROP_THREADS")
    made = parallel.cached_in_process(number % 2, lambda: os.getpid())
    return {"number": number, "pid": made, "threads": (threads, intra, inter, pools)}


@services
def test_every_part_is_computed_once_with_its_threads():
    items = [(10, 1.0), (11, 0), (12, 0), (13, 0)]
    results = dict(parallel.run_parallel(describe, items, jobs=2, threads=2))
    assert sorted(results) == [0, 1, 2, 3]
    assert [results[n]["number"] for n in range(4)] == [10, 11, 12, 13]
    pids = {result["pid"] for result in results.values()}
    assert len(pids) == 2 and os.getpid() not in pids
    for result in results.values():
        *told, pools = result["threads"]
        # OpenCV's own BLAS has one thread and no more.
        assert told == [2, 2, "2"] and 2 in pools and pools <= {1, 2}
    here = list(parallel.run_parallel(describe, items[1:], jobs=1))
    assert [(n, r["pid"]) for n, r in here] == [(n, os.getpid()) for n in range(3)]
    assert list(parallel.run_parallel(describe, [], jobs=2)) == []


def test_threads_follow_from_parts_and_cores_alone(monkeypatch):
    monkeypatch.setattr(parallel, "cores", lambda: 16)
    threads = [parallel.threads_for(n) for n in (0, 1, 3, 6, 16, 27)]
    assert threads == [16, 16, 5, 2, 1, 1]


def run(data, out, *options):
    options = ["--data-dir", str(data), "--out", str(out), *options]
    return study.main(fake.STUDY, "", options)


@services
def test_faults_in_another_process_are_told(data, tmp_path):
    """And the same program computes on, to the same result."""
    for fault, message in [
        ("diverged", "error: The training diverged in round 3. Lower --learning-rate."),
        ("killed", "error: A process that computed a part was ended by the system"),
    ]:
        with pytest.raises(SystemExit, match=message):
            run(data, tmp_path / fault, "--jobs", "2", "--fault", fault)
    one, other = (run(data, tmp_path / jobs, "--jobs", jobs) for jobs in "12")
    for name in ("predictions.csv", "metrics.json", "history.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    assert one.name.split("-")[2] == other.name.split("-")[2]  # jobs are no setting


def test_no_scheduler_is_told(data, tmp_path):
    for address in ("tcp://127.0.0.1:1", "nonsense"):
        with pytest.raises(SystemExit, match="^error: .*(127.0.0.1:1|nonsense)"):
            run(data, tmp_path, "--dask", address)
    assert list((tmp_path / "fake").iterdir()) == []


@services
@pytest.mark.parametrize(
    "number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_processes_end_with_their_study(number, code, data, tmp_path):
    command = [sys.executable, "-m", "tests.experiments.harness.fake", "--jobs", "2"]
    command += ["--data-dir", str(data), "--out", str(tmp_path), "--pause", "300"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.time() + 240
        workers = []
        while len(workers) < 2 and time.time() < deadline:
            time.sleep(0.2)
            below = psutil.Process(process.pid).children(recursive=True)
            workers = [child for child in below if is_at_work(child)]
    finally:
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code and "Traceback" not in errors, errors
    assert len(workers) == 2
    gone, alive = psutil.wait_procs(workers, timeout=30)
    for child in alive:
        child.kill()
    assert len(gone) == 2


def is_at_work(process):
    """Whether it has TensorFlow: a part is begun."""
    try:
        return any("libtensorflow" in file.path for file in process.memory_maps())
    except psutil.Error:
        return False
