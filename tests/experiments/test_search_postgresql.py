"""A search on a real PostgreSQL server: two workers, one ended with kill -9."""

import collections
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import optuna
import pandas as pd
import pytest
import sqlalchemy
from optuna.trial import TrialState

from experiments import search, search_storage

pytestmark = pytest.mark.services
TRIALS = 8


def program(name):
    """A program of PostgreSQL, which Debian keeps out of the way."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(found[-1]) if found else shutil.which(name)
    if found is None:
        message = f"There is no {name}: install PostgreSQL."
        if os.environ.get("DUCHENNE_SERVICES") == "required":
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="module")
def server():
    """URL of a database, with a password, that is gone afterwards."""
    initdb, postgres = program("initdb"), program("postgres")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postgresql-"))
    user = {}
    if os.geteuid() == 0:  # it does not start for root
        shutil.chown(folder, "postgres", "postgres")
        account = pwd.getpwnam("postgres")
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    secret = folder / "secret"
    secret.write_text("geheim\n")
    if user:
        shutil.chown(secret, "postgres")
    data = str(folder / "data")
    made = [initdb, "-D", data, "-U", "duchenne", "-A", "scram-sha-256", "-N"]
    quiet = {"stdout": subprocess.DEVNULL, "cwd": folder}
    subprocess.run([*made, f"--pwfile={secret}"], check=True, **user, **quiet)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [postgres, "-D", data, "-h", "127.0.0.1", "-p", str(port), "-F"]
    started += ["-k", str(folder)]
    log = (folder / "log").open("wb")
    quiet = {"stdout": log, "stderr": log, "cwd": folder}
    process = subprocess.Popen(started, **user, **quiet)
    url = f"postgresql+psycopg://duchenne:geheim@127.0.0.1:{port}/postgres"
    try:
        wait_until(lambda: answers(url), process, 30)
        yield url
    finally:
        process.send_signal(signal.SIGINT)  # its fast way to end
        process.wait(30)
        log.close()
        shutil.rmtree(folder)


def answers(url):
    try:
        search_storage.open_storage(url)
        return True
    except ValueError:
        return False


def wait_until(true, process, seconds):
    end = time.monotonic() + seconds
    while True:
        assert process.poll() is None, "the process has ended"
        found = true()
        if found:
            return found
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.1)


@pytest.fixture
def worker(server, two, tmp_path):
    """Function that starts a worker: the real command, with a folder of its own."""
    processes = []

    def start(name, trials=TRIALS, url=server):
        log = (tmp_path / f"{name}.log").open("wb")
        command = [sys.executable, "-m", "experiments.search", "gfe_mlp"]
        command += ["--data-dir", str(two), "--out", str(tmp_path / name)]
        command += ["--epochs", "20", "--seeds", "1", "--trials", str(trials)]
        command += ["--storage", url]
        how = {"stdout": log, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(command, **how)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def trials(server):
    storage = search_storage.open_storage(server)
    names = optuna.get_all_study_names(storage)
    if not names:
        return []
    (name,) = names
    return optuna.load_study(study_name=name, storage=storage).get_trials()


def test_a_killed_workers_trial_is_taken_up_again(server, worker, tmp_path):
    first, second = worker("first"), worker("second")

    def begun():
        found = [
            trial
            for trial in trials(server)
            if trial.state == TrialState.RUNNING and len(trial.params) == 2
        ]
        owners = {trial.user_attrs.get("worker"): trial for trial in found}
        folders = [path.name for path in tmp_path.glob("first/search/*/workers/*")]
        # Both are at work, and this one is in the middle of it.
        middle = [owners[f] for f in folders if f in owners]
        return len(owners) == 2 and middle and middle[0]

    trial = wait_until(begun, first, 240)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert trial.number in [
        t.number for t in trials(server) if t.state == TrialState.RUNNING
    ]
    assert second.wait(240) == 0
    told = (tmp_path / "second.log").read_text()
    assert "geheim" not in told

    every = trials(server)
    killed = next(t for t in every if t.number == trial.number)
    assert killed.state == TrialState.FAIL and "why" not in killed.user_attrs
    slots = collections.defaultdict(list)
    for one in every:
        if one.user_attrs.get("why") != "surplus":
            slots[one.user_attrs["slot"]].append(one)
    assert sorted(slots) == list(range(TRIALS))
    for slot, tried in slots.items():
        over = [t.state for t in tried]
        ends = [s for s in over if s in (TrialState.COMPLETE, TrialState.PRUNED)]
        assert len(ends) == 1, "each is counted once"
        assert len(over) == (2 if slot == trial.user_attrs["slot"] else 1)
    again = slots[trial.user_attrs["slot"]][1]
    assert again.params == trial.params
    assert again.user_attrs["worker"] != trial.user_attrs["worker"]
    rows = pd.read_csv(next(tmp_path.glob("second/search/*/trials.csv")))
    assert len(rows) == TRIALS and rows["attempts"].sum() == TRIALS + 1
    by_both = {t.user_attrs["worker"] for t in every}
    assert len(by_both) == 2


def test_a_server_that_ends_every_connection_again_and_again(server, worker, tmp_path):
    other = server.replace("/postgres", "/dropped")
    engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT")
    drop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
    dropped = 0
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("CREATE DATABASE dropped"))
        process = worker("only", url=other)
        wait_until(lambda: answers(other) and trials(other), process, 240)
        while process.poll() is None:
            ended = connection.execute(sqlalchemy.text(f"{drop}'dropped'"))
            dropped += len(ended.all())
            time.sleep(0.5)
    engine.dispose()
    told = (tmp_path / "only.log").read_text()
    assert process.returncode == 0, told
    assert dropped >= TRIALS
    every = trials(other)
    assert [trial.user_attrs["slot"] for trial in every] == list(range(TRIALS))
    assert {t.state for t in every} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert "Traceback" not in told


def test_wrong_password_and_database(server, two, tmp_path):
    for url, words in [
        (server.replace("geheim", "falsch"), "authentication failed"),
        (server.replace("/postgres", "/nothing"), "does not exist"),
    ]:
        options = ["gfe_mlp", "--trials", "2", "--data-dir", str(two)]
        with pytest.raises(SystemExit, match=words) as stop:
            search.main([*options, "--out", str(tmp_path), "--storage", url])
        assert "geheim" not in str(stop.value) and "falsch" not in str(stop.value)
