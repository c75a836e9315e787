"""Parts of a study on a Dask cluster of two worker processes, started as people do."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from experiments import gfe_mlp
from experiments.harness import study
from tests.experiments.harness import fake

pytestmark = pytest.mark.services
ROOT = pathlib.Path(__file__).resolve().parents[3]
NAMES = "predictions.csv", "metrics.json"
# Long enough to be killed in the middle.
MLP = ["--protocol", "holdout", "--epochs", "20", "--seeds", "2"]


def start(*arguments, cwd=ROOT):
    """A process of the cluster."""
    command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL)


def end(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_scheduler(folder):
    """A scheduler's process and address."""
    file = folder / "scheduler.json"
    options = "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)
    process = start("scheduler", *options)
    deadline = time.time() + 240
    while not file.exists() and time.time() < deadline:
        time.sleep(0.2)
    return process, json.loads(file.read_text())["address"]


def start_workers(address, count):
    from distributed import Client

    workers = [start("worker", address, "--nthreads", "1") for _ in range(count)]
    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=240)
    return workers


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Address of a scheduler with two workers."""
    scheduler, address = start_scheduler(tmp_path_factory.mktemp("dask"))
    workers = start_workers(address, 2)
    yield address
    for process in [*workers, scheduler]:
        end(process)


def kill_a_worker(address, killed):
    """Kill a worker that computes a part."""
    from distributed import Client

    def at_work(dask_worker):
        return [task.key for task in dask_worker.state.executing]

    with Client(address, set_as_default=False) as client:
        pids = client.run(os.getpid)
        while not killed:
            for worker, keys in client.run(at_work).items():
                below = psutil.Process(pids[worker]).children()
                if keys and below:
                    os.kill(pids[worker], signal.SIGKILL)
                    killed.append((pids[worker], below))
                    return
            time.sleep(0.05)


def test_a_worker_is_killed_and_the_study_completes(cluster, two, tmp_path):
    def run(*options):
        options = [
            "--data-dir",
            str(two),
            "--out",
            str(tmp_path / options[0]),
            *options,
        ]
        return gfe_mlp.main([*options, *MLP])

    killed = []
    killer = threading.Thread(target=kill_a_worker, args=(cluster, killed), daemon=True)
    killer.start()
    on_cluster = run("--dask", cluster)
    [(pid, below)] = killed
    assert not psutil.pid_exists(pid)
    gone, _ = psutil.wait_procs(below, timeout=30)
    assert len(gone) == len(below) >= 1  # its process has ended with it
    in_processes = run("--jobs", "2")
    for name in NAMES:
        assert (on_cluster / name).read_bytes() == (in_processes / name).read_bytes()


def test_a_part_that_kills_its_workers_is_told(cluster, data, tmp_path):
    options = ["--data-dir", str(data), "--out", str(tmp_path), "--dask", cluster]
    with pytest.raises(SystemExit, match="was ended by the system"):
        study.main(fake.STUDY, "", [*options, "--fault", "killed"])


def test_no_workers_and_no_scheduler_are_told(data, tmp_path):
    scheduler, address = start_scheduler(tmp_path)
    options = ["--data-dir", str(data), "--out", str(tmp_path), "--dask", address]
    with pytest.raises(SystemExit, match="expected workers. Received: none"):
        study.main(fake.STUDY, "", options)
    (worker,) = start_workers(address, 1)
    threading.Timer(5, scheduler.kill).start()
    with pytest.raises(SystemExit, match="scheduler at .* was lost"):
        study.main(fake.STUDY, "", [*options, "--pause", "600"])
    scheduler.wait()
    end(worker)
