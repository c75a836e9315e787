"""Parts of a study in processes of this machine: order, errors, threads, an end."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
import types
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from experiments import gfe_mlp, parts, parts_dask
from experiments.common import StudyError
from experiments.run_folder import RunFolder

TWO = parts.Spread(jobs=2)
SHORT = ["--protocol", "holdout", "--epochs", "2", "--seeds", "1"]


def run(two, out, *options):
    return gfe_mlp.main(["--data-dir", str(two), "--out", str(out), *SHORT, *options])


@pytest.mark.services
def test_every_part_is_done_once_and_comes_with_its_place():
    # Functions inside functions go to other processes as code.
    def part(base, number, delay):
        time.sleep(delay)
        return base + number, os.getpid()

    items = [(0, 1.0), (1, 0), (2, 0), (3, 0)]
    found = list(parts.each(part, items, TWO, 2, shared=(10,)))
    assert sorted((place, value) for place, (value, _) in found) == [
        (n, 10 + n) for n in range(4)
    ]
    assert os.getpid() not in {pid for _, (_, pid) in found}
    here = list(parts.each(part, items[1:], parts.Spread(), 2, shared=(10,)))
    assert here == [(n, (11 + n, os.getpid())) for n in range(3)]
    assert list(parts.each(part, [], TWO, 2)) == []


def test_an_error_in_another_process_is_the_study_s():
    def part(number):
        if number:
            raise StudyError(f"part {number}: lower --learning-rate")

    with pytest.raises(StudyError, match="^part 1: lower --learning-rate$"):
        list(parts.each(part, [(0,), (1,)], TWO, 2))


@pytest.mark.services
def test_every_part_is_told_its_threads():
    def part(_):
        import tensorflow as tf
        import threadpoolctl
        import xgboost

        before = len(os.listdir("/proc/self/task"))
        data = xgboost.DMatrix([[0.0], [1.0]] * 50, [0, 1] * 50)
        xgboost.train({}, data, 2)
        pools = {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
        after = len(os.listdir("/proc/self/task"))
        intra = tf.config.threading.get_intra_op_parallelism_threads()
        inter = os.environ["TF_NUM_INTEROP_THREADS"]
        return intra, inter, pools, after - before

    for _, (intra, inter, pools, more) in parts.each(part, [(0,), (1,)], TWO, 2):
        assert (intra, inter) == (2, "2")
        # OpenCV's own BLAS has one thread and no more.
        assert 2 in pools and pools <= {1, 2} and more <= 1


def test_threads_follow_from_parts_and_cores_alone(monkeypatch):
    monkeypatch.setattr(parts, "cores", lambda: 16)
    assert [parts.threads(n) for n in (1, 3, 6, 16, 27)] == [16, 5, 2, 1, 1]
    workers = [parts.Spread(jobs).workers(9) for jobs in (None, 1, 4, 12)]
    assert workers == [9, 1, 4, 9]


def test_a_run_that_is_gone_on_with_keeps_its_threads(tmp_path, monkeypatch, capsys):
    folder = RunFolder.open(tmp_path, "study", {}, resume=False)
    run = types.SimpleNamespace(folder=folder)
    said = []
    for cores in (8, 8, 16):
        monkeypatch.setattr(parts, "cores", lambda cores=cores: cores)
        folder.write_json("config.json", {"seed": 3})
        said.append((parts.threads_of(run, 2), capsys.readouterr().out))
        config = json.loads((folder.path / "config.json").read_text())
        assert config == {"seed": 3, "threads": 4}
    assert [threads for threads, _ in said] == [4, 4, 4]
    assert said[1][1] == "" and "goes on with 4 threads" in said[2][1]
    assert "would take 8 here" in said[2][1]


def test_a_timeout_of_the_part_s_own_is_its_error(monkeypatch):
    """On a worker; without one, asking whether the study has ended is an error."""

    def part():
        raise TimeoutError("the file server does not answer")

    ours = {"python": platform.python_version(), **parts_dask.same_here()}
    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(parts_dask, "own_process", lambda threads: pool)
        with pytest.raises(TimeoutError, match="^the file server does not answer$"):
            parts_dask.handed_on(ours, part, (), 0, (), 1)
        ours["keras"] = "2.0"
        with pytest.raises(StudyError, match="another keras than this .* not 2.0"):
            parts_dask.handed_on(ours, part, (), 0, (), 1)


@pytest.mark.services
def test_two_processes_say_what_one_says(two, tmp_path):
    folders = [run(two, tmp_path / n, "--jobs", n) for n in "12"]
    for name in ("predictions.csv", "history.csv", "metrics.json"):
        one, other = (folder / name for folder in folders)
        assert one.read_bytes() == other.read_bytes()
    hashes = {folder.name.split("-")[2] for folder in folders}
    assert len(hashes) == 1  # where it was done is no setting


@pytest.mark.parametrize(
    "options, said",
    [
        (["--jobs", "0"], "expected a whole number of 1 or more"),
        (["--jobs", "2", "--dask", "tcp://host:1"], "not allowed with argument"),
    ],
)
def test_wrong_options_are_refused(options, said, two, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        run(two, tmp_path, *options)
    assert stop.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "http://a:b"])
def test_where_no_scheduler_is_the_study_says_so(address, two, tmp_path, monkeypatch):
    monkeypatch.setattr(parts_dask, "SECONDS", 1)
    with pytest.raises(SystemExit, match="no scheduler answers there. Start one"):
        run(two, tmp_path, "--dask", address)
    assert not list(tmp_path.glob("*/*")) and not list(tmp_path.glob("*/.*"))


def test_processes_of_a_killed_study_end():
    code = "from experiments import parts; import time\n"
    code += "list(parts.each(time.sleep, [(600,)] * 2, parts.Spread(2), 1))"
    study = subprocess.Popen([sys.executable, "-c", code])
    try:
        deadline = time.time() + 120
        workers = []
        while len(workers) < 2 and time.time() < deadline:
            time.sleep(0.2)
            below = psutil.Process(study.pid).children(recursive=True)
            workers = [p for p in below if is_at_work(p)]
    finally:
        study.send_signal(signal.SIGKILL)
        study.wait()
    assert len(workers) == 2
    gone, alive = psutil.wait_procs(workers, timeout=30)
    for process in alive:
        process.kill()
    assert len(gone) == 2


def is_at_work(process):
    """Whether it has TensorFlow: a part is begun."""
    try:
        return any("libtensorflow" in file.path for file in process.memory_maps())
    except psutil.Error:
        return False
