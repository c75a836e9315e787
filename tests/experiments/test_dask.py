"""Parts of a study on a Dask cluster of two worker processes, started as people do."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import psutil
import pytest

from datasets import landmark_jobs, splits
from datasets.landmarks import extract_all
from experiments import (
    dask_backend,
    gfe_mlp,
    kernel_search,
    parts,
    pupil_course,
    sase_lstm_pb,
)
from experiments.common import StudyError

pytestmark = pytest.mark.services
ROOT = pathlib.Path(__file__).resolve().parents[2]
# Long enough to be killed in the middle.
MLP = ["--protocol", "holdout", "--epochs", "20", "--seeds", "2"]
SASE = ["--data", "sample", "--emotions", "happiness", "anger", "--units", "8"]
SASE += ["--depth", "1", "--epochs", "3", "--steps", "3", "--copies", "1"]
SASE += ["--test-copies", "2"]


def dask(*arguments, cwd=ROOT, **environment):
    """A process of the cluster; its words go where pytest's go."""
    command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
    environment = {**os.environ, **environment}
    null = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=cwd, stdout=null, env=environment)


def end(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def started(folder, **environment):
    """A scheduler, and its address."""
    if os.environ.get("DUCHENNE_SERVICES") != "required":
        pytest.importorskip("distributed")
    told = folder / "scheduler.json"
    process = dask(
        *("scheduler", "--host", "127.0.0.1", "--port", "0"),
        *("--scheduler-file", str(told)),
        **environment,
    )
    deadline = time.time() + 120
    while not told.exists() and time.time() < deadline:
        time.sleep(0.2)
    return process, json.loads(told.read_text())["address"]


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """Address of a scheduler."""
    process, address = started(tmp_path_factory.mktemp("dask"))
    yield address
    end(process)


@pytest.fixture(scope="module")
def cluster(scheduler):
    """The same with two workers."""
    from distributed import Client

    workers = [dask("worker", scheduler, "--nthreads", "1") for _ in range(2)]
    with Client(scheduler, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=120)
    yield scheduler
    for worker in workers:
        end(worker)


def same(one, other, *names):
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def run_mlp(two, out, *options):
    options = ["--data-dir", str(two), "--out", str(out), *MLP, *options]
    return gfe_mlp.main(options)


@pytest.fixture(scope="module")
def alone(two, tmp_path_factory):
    return run_mlp(two, tmp_path_factory.mktemp("alone"), "--jobs", "1")


def test_a_cluster_without_workers_is_told(scheduler, two, tmp_path):
    with pytest.raises(SystemExit, match="has no workers. Start workers in this check"):
        run_mlp(two, tmp_path, "--dask", scheduler)


def test_a_worker_outside_the_checkout_is_told(scheduler, two, tmp_path):
    from distributed import Client

    worker = dask("worker", scheduler, "--nthreads", "1", cwd=tmp_path)
    try:
        with Client(scheduler, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=120)
        with pytest.raises(SystemExit, match="cannot import `experiments`"):
            run_mlp(two, tmp_path, "--dask", scheduler)
    finally:
        end(worker)
    with Client(scheduler, set_as_default=False) as client:
        while client.nthreads():
            time.sleep(0.1)


def test_on_a_cluster_and_in_processes_the_same(alone, cluster, two, tmp_path):
    names = "predictions.csv", "history.csv", "metrics.json"
    same(alone, run_mlp(two, tmp_path / "2", "--jobs", "2"), *names)
    same(alone, run_mlp(two, tmp_path / "d", "--dask", cluster), *names)


def kill_one_at_work(address, killed):
    """Kills a worker that has a part in hand, and tells of it in `killed`."""
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
                    killed.append((pids[worker], keys, below))
                    return
            time.sleep(0.05)


def test_a_worker_is_killed_and_the_study_completes(alone, cluster, two, tmp_path):
    killed = []
    killer = threading.Thread(target=kill_one_at_work, args=(cluster, killed))
    killer.daemon = True
    killer.start()
    folder = run_mlp(two, tmp_path, "--dask", cluster)
    [(pid, keys, below)] = killed
    assert keys and not psutil.pid_exists(pid)
    gone, _ = psutil.wait_procs(below, timeout=30)
    assert len(gone) == len(below) >= 1  # its process has ended with it
    same(alone, folder, "predictions.csv", "history.csv", "metrics.json")


def test_parts_that_write_into_the_run_folder(cluster, tmp_path):
    one = sase_lstm_pb.main([*SASE, "--out", str(tmp_path / "1"), "--jobs", "1"])
    out = ["--out", str(tmp_path / "d"), "--dask", cluster]
    other = sase_lstm_pb.main([*SASE, *out])
    same(one, other, "predictions.csv", "history.csv", "metrics.json")
    same(one, other, "parametric_bias.csv", "anger/head.ubj")


def test_a_class_of_the_program_that_was_started_gets_there(cluster, tmp_path):
    """`python -m` has it in `__main__`, which other processes do not have."""
    options = ["--data", "sample", "--protocol", "observer", "--out"]
    command = [sys.executable, "-m", "experiments.pupil_course", *options]
    command += [str(tmp_path / "d"), "--dask", cluster]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True, timeout=300)
    one = pupil_course.main([*options, str(tmp_path / "1")])
    [other] = tmp_path.glob("d/*/*")
    same(one, other, "predictions.csv")


def test_the_svm_search(cluster):
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    x = rng.normal(size=(60, 20)) + y[:, None]
    folds = splits.kfold(pd.DataFrame({"subject": np.arange(60) // 2}), y, folds=3)
    grid = {"kernel": ("linear", "rbf"), "C": (0.1, 1.0), "gamma": (0.01, 0.1)}
    spread = parts.Spread(dask=cluster)
    with spread.opened():
        found = kernel_search.search(x, y, folds, grid, spread=spread)
    pd.testing.assert_frame_equal(found, kernel_search.search(x, y, folds, grid))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A cluster of one thread that has no videos cached: scheduler, worker, address."""
    folder = tmp_path_factory.mktemp("small")
    # A task that has ended two workers is not tried on others: that takes long.
    failures = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    process, address = started(folder, **failures)
    from distributed import Client

    cache = {"DUCHENNE_CACHE": str(folder)}
    worker = dask("worker", address, "--nthreads", "1", **cache)
    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(1, timeout=120)
    yield process, worker, address
    for one in (worker, process):
        end(one)


def test_one_thread_is_a_cluster_too(small):
    def part(number):
        return number, os.getpid()

    spread = parts.Spread(dask=small[2])
    with spread.opened():
        found = dict(parts.each(part, [(n,) for n in range(4)], spread, 1))
    assert {place: number for place, (number, _) in found.items()} == {
        n: n for n in range(4)
    }
    pids = {pid for _, pid in found.values()}
    assert len(pids) == 1 and os.getpid() not in pids


def test_videos_on_a_cluster(small, video, track, tmp_path, monkeypatch):
    """One of them ends its worker, as a damaged file can."""
    monkeypatch.setenv("DUCHENNE_CACHE", str(tmp_path))  # nothing is cached here either

    def attempt(path, *settings):
        if path == "deadly":
            os._exit(11)
        return extract(path, *settings)

    extract = landmark_jobs.attempt
    monkeypatch.setattr(landmark_jobs, "attempt", attempt)
    spread = parts.Spread(dask=small[2])
    with spread.opened(), spread.joblib():
        tracks, failures = extract_all(["deadly", video], copies=3, seed=5)
    assert list(tracks) == [str(video)]
    np.testing.assert_array_equal(tracks[str(video)].points, track.points)
    assert failures.path.tolist() == ["deadly"]
    assert "crashes its decoder" in failures.reason[0]
    assert not (tmp_path / "landmarks").exists()  # it was not done here


def test_without_workers_the_study_ends(small, monkeypatch, capfd):
    monkeypatch.setattr(dask_backend, "LONELY", 3)
    spread = parts.Spread(dask=small[2])
    with spread.opened():
        timer = threading.Timer(3, end, [small[1]])
        timer.start()
        with pytest.raises(StudyError, match="no workers for 3 seconds.*--resume"):
            list(parts.each(time.sleep, [(600,)] * 2, spread, 1))
        timer.join()
    assert "no workers; waiting for one" in capfd.readouterr().err


def test_without_a_scheduler_the_study_ends(small):
    from distributed import Client

    with Client(small[2]):
        timer = threading.Timer(2, small[0].kill)
        timer.start()
        with pytest.raises(StudyError, match="connection to the scheduler is lost"):
            list(parts.each(time.sleep, [(600,)], parts.Spread(dask=small[2]), 1))
        timer.join()
