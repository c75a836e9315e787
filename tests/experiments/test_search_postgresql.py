"""A search on a real PostgreSQL server: two workers, one ended with kill -9."""

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
import pytest
from optuna.trial import TrialState

from experiments.harness.study import StudyError
from experiments.search import objective

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


@pytest.fixture
def server():
    """URL of a database, with a password, that is gone afterwards."""
    initdb, postgres = program("initdb"), program("postgres")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postgresql-"))
    secret = folder / "secret"
    secret.write_text("geheim\n")
    user = {}
    if os.geteuid() == 0:  # it does not start for root
        for path in (folder, secret):
            shutil.chown(path, "postgres", "postgres")
        account = pwd.getpwnam("postgres")
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    data = str(folder / "data")
    made = [initdb, "-D", data, "-U", "duchenne", "-A", "scram-sha-256", "-N"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    subprocess.run([*made, f"--pwfile={secret}"], check=True, **user, **quiet)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    started = [postgres, "-D", data, "-h", "127.0.0.1", "-p", port, "-F"]
    process = subprocess.Popen([*started, "-k", str(folder)], **user, **quiet)
    try:
        yield f"postgresql+psycopg://duchenne:geheim@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)  # its fast way to end
        process.wait(30)
        shutil.rmtree(folder)


def wait_until(found, seconds=240):
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.2)
    return value


def trials(server, *states):
    storage = objective.open_storage(server, None)
    names = optuna.get_all_study_names(storage)
    if not names:
        return []
    return optuna.load_study(study_name=names[0], storage=storage).get_trials(
        states=states or None
    )


def test_a_killed_workers_trial_is_taken_up_again(server, two, tmp_path):
    """Workers that share nothing but the storage, so that heartbeats tell."""
    wait_until(lambda: answers(server), 60)
    command = [sys.executable, "-m", "experiments.search", "gfe_mlp"]
    command += ["--data-dir", str(two), "--epochs", "20", "--seeds", "1"]
    command += ["--trials", str(TRIALS), "--storage", server]
    log = (tmp_path / "log").open("wb")
    processes = []

    def start(name):
        out = ["--out", str(tmp_path / name)]
        processes.append(subprocess.Popen([*command, *out], stdout=log, stderr=log))

    try:
        start("first")
        scratch = wait_until(
            lambda: list(tmp_path.glob("first/search/*/.trial-*/config.json"))
        )
        processes[0].kill()
        number = int(scratch[0].parent.name.partition("-")[2])
        time.sleep(21)  # silent for two heartbeats; the others might be done before
        start("second")
        start("third")
        assert [process.wait(400) for process in processes[1:]] == [0, 0]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    every = trials(server)
    assert every[number].state == TrialState.FAIL
    again = [trial for trial in every if trial.params == every[number].params]
    assert len(again) == 2 and again[1].state in objective.COUNTED
    assert TRIALS <= len(trials(server, *objective.COUNTED)) <= TRIALS + 1
    assert "geheim" not in (tmp_path / "log").read_text()
    readme = next(tmp_path.glob("second/search/*/README.md")).read_text()
    assert "geheim" not in readme and "duchenne:***@" in readme
    with pytest.raises(StudyError, match="authentication failed"):
        objective.open_storage(server.replace("geheim", "falsch"), None)


def answers(server):
    try:
        return objective.open_storage(server, None)
    except StudyError:
        return None
