"""`python -m experiments.all`: every study in a process of its own, and one page."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from datasets import sample
from experiments import all as command
from experiments import common, listing, one_run, parts, processes, sessions
from experiments.facts import STUDIES
from experiments.run_folder import RunFolder
from experiments.sessions import Planned, Session

ROOT = pathlib.Path(command.__file__).resolve().parents[1]
COURSE = {"pupil_course": {"paper": "paper", "quick": [], "jobs": True}}
MOMENT = 240  # seconds that something may take on a busy machine


@pytest.fixture
def nobody(tmp_path, monkeypatch):
    """A user without data."""
    monkeypatch.delenv("DUCHENNE_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def wait_for(condition, what):
    for _ in range(MOMENT * 20):
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain: {what}")


def started_by(process):
    return psutil.Process(process.pid).children(recursive=True)


def gone(children):
    return not [
        one for one in children if one.is_running() and one.status() != "zombie"
    ]


@pytest.mark.large
def test_interrupted_and_gone_on_with(tmp_path, monkeypatch, capsys):
    """From the shell: Ctrl-C in the second of two runs, then --resume, to the page."""
    out = tmp_path / "runs"
    given = ["pupil_course", "--data", "sample", "--quick", "--out", str(out)]
    arguments = [sys.executable, "-m", "experiments.all", *given]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(arguments, cwd=ROOT, **pipes) as process:
        wait_for(lambda: [*out.glob("all/*/pupil_course-paper.log")], "the second run")
        children = started_by(process)
        assert len(children) == 1
        process.send_signal(signal.SIGINT)
        told, errors = process.communicate(timeout=MOMENT)
    assert process.returncode == 130 and gone(children)
    assert "Traceback" not in errors
    assert f"Go on with: python -m experiments.all {' '.join(given)} --resume" in errors
    assert "2 runs: 2 on the SAMPLE\nQuick settings: the figures say" in told
    assert re.search(r"\[1/2\] pupil_course-default: ROC AUC 0\.\d+ \(SAMPLE\), ", told)
    first = [path for path in (out / "pupil_course").iterdir() if path.name[0] != "."]
    assert len(first) == 1

    monkeypatch.setattr(command, "ask", lambda names: COURSE)  # as the first one did
    command.main([*given, "--resume"])
    told = capsys.readouterr().out
    assert "1 of them finished already" in told and "pupil_course-paper" in told
    assert "[1/2]" not in told
    (session,) = (out / "all").iterdir()
    rows = [
        line.split() for line in told.split("\n") if line.startswith("pupil_course")
    ]
    assert [row[:3] for row in rows] == [
        ["pupil_course", "video", "SAMPLE"],
        ["pupil_course", "paper", "SAMPLE"],
    ]
    assert rows[0][-1] == first[0].name
    for row in rows:
        metrics = json.loads((out / row[0] / row[-1] / "metrics.json").read_text())
        assert metrics["protocol"] == row[1]
        assert f"{metrics['roc_auc']:.3f}" == row[5]
    assert f"Page: {session}/compare.html" in told
    page = (session / "compare.html").read_text()
    assert "SAMPLE" in page and all(row[-1] in page for row in rows)
    assert command.QUICK in told and command.SAMPLE in told
    assert (
        f"$ python -m experiments.pupil_course {'--data sample'}"
        in (session / "pupil_course-paper.log").read_text()
    )

    finished = Session.open(out, command.plan(options(*given)), True, resume=True)
    assert not finished.resumed  # nothing is left of the first session
    finished.close()


def test_killed_with_its_studies(tmp_path):
    """kill -9 leaves none of them behind."""
    code = (
        "import sys\nfrom experiments import processes\n"
        "child = processes.child(['run', *sys.argv[1:]])\n"
        "print(child.pid, flush=True)\nchild.wait()"
    )
    result, out = tmp_path / "result.json", tmp_path / "runs"
    long = ["pupil_lstm", "--data", "sample", "--epochs", "1000", "--out", str(out)]
    arguments = [sys.executable, "-c", code, str(result), *long]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE) as process:
        child = psutil.Process(int(process.stdout.readline()))
        libraries = pathlib.Path(f"/proc/{child.pid}/maps")
        wait_for(lambda: "tensorflow" in libraries.read_text(), "its work")
        process.kill()
    try:
        wait_for(lambda: gone([child]), "its end")
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    assert not result.exists()


def test_a_failure_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    planned = [Planned(f"absent{n}", "default", "real", ["--x"]) for n in range(3)]
    monkeypatch.setattr(command, "plan", lambda options: planned)
    with pytest.raises(SystemExit) as error:
        command.main(["--jobs", "2", "--out", str(tmp_path)])
    assert error.value.code == 1
    told = capsys.readouterr().out
    (session,) = (tmp_path / "all").iterdir()
    for number in range(3):
        log = session / f"absent{number}-default.log"
        failed = f"[{number + 1}/3] absent{number}-default: FAILED, exit status 1."
        assert f"{failed} The end of {log}:\n    " in told
        assert (
            f"    ModuleNotFoundError: No module named 'experiments.absent{number}'"
            in told
        )
        assert log.read_text().startswith(f"$ python -m experiments.absent{number} --x")
        assert re.search(rf"absent{number} +default +real +FAILED\n", told)
    assert (
        "Page" not in told
        and not json.loads((session / "runs.json").read_text())["finished"]
    )


def options(*arguments):
    return command.parser().parse_args(list(map(str, arguments)))


@pytest.fixture
def asked(monkeypatch):
    """Plans without asking the studies, which takes TensorFlow."""
    told = {"paper": None, "quick": ["--epochs", "1"], "jobs": False}
    monkeypatch.setattr(command, "ask", lambda names: dict.fromkeys(names, told))


def test_which_data(tmp_path, monkeypatch, capsys, nobody, asked):
    planned = command.plan(options())
    assert [one.study for one in planned] == list(STUDIES)
    assert {one.kind for one in planned} == {"sample"}
    # Whatever is open and absent: nothing is downloaded here.
    assert all(one.argv[:2] == ["--data", "sample"] for one in planned)
    for name in ("pupil", "gfe", "nvie"):
        (tmp_path / name).mkdir()
    (tmp_path / "pupil" / "LEPD.xlsx").touch()  # and nvie/ is empty
    (tmp_path / "gfe" / "README.txt").write_text(f"This is {sample.MARK}.")
    monkeypatch.setenv("DUCHENNE_DATA", str(tmp_path))
    real = ["--data", "real", "--data-dir", str(tmp_path / "pupil")]
    for one in command.plan(options()):
        assert (one.argv[:4] == real) == (one.kind == "real")
        assert (one.kind == "real") == one.study.startswith("pupil")
    capsys.readouterr()
    planned = command.plan(options("--data", "real", "--quick", "--seed", "3"))
    assert [one.study for one in planned] == ["pupil_lstm", "pupil_course"]
    end = ["--seed", "3", "--out", "runs", "--epochs", "1"]
    assert all(one.argv == real + end for one in planned)
    told = capsys.readouterr().out
    assert told.count("Left out, no real data: ") == len(STUDIES) - 2
    assert f"gfe_lstm (looked in {tmp_path}/gfe)" in told
    assert {one.kind for one in command.plan(options("--data", "sample"))} == {"sample"}


def test_wrong_use(tmp_path, capsys, nobody):
    (tmp_path / "pupil").mkdir()
    for arguments, told in [
        (["--data", "real"], "None of these studies has real data here"),
        (["--data", "sample", "--data-dir", "."], "exclude each other"),
        (["--data-dir", "/nowhere"], "there is no folder /nowhere"),
        (["nvie_cnn", "--data-dir", tmp_path], "expected a folder that holds nvie/"),
    ]:
        with pytest.raises(SystemExit, match=f"^error: .*{told}"):
            command.main(list(map(str, arguments)))
    for arguments in (["nvie"], ["--jobs", "0"], ["--data", "fake"]):
        with pytest.raises(SystemExit) as error:
            command.main(arguments)
        assert error.value.code == 2
    assert "no study 'nvie'; known: nvie_inception, nvie_cnn" in capsys.readouterr().err
    (tmp_path / "file").touch()
    planned = [Planned("nvie_cnn", "default", "real", [])]
    with pytest.raises(OSError, match="file"):
        Session.open(tmp_path / "file", planned, False, resume=False)


def test_what_a_session_goes_on_with(tmp_path, capsys):
    """Only an unfinished one, of the same runs, with nobody at work in it."""
    planned = [Planned("nvie_cnn", "image", "real", ["--seed", "1"])]
    first = Session.open(tmp_path, planned, False, resume=False)
    other = [Planned("nvie_cnn", "image", "real", ["--seed", "2"])]
    for runs, quick in ((other, False), (planned, True)):
        session = Session.open(tmp_path, runs, quick, resume=True)
        assert session.folder != first.folder and not session.resumed
        session.close()
    assert capsys.readouterr().out.count("no unfinished session of these runs") == 2
    first.close()
    again = Session.open(tmp_path, planned, False, resume=True)
    assert again.folder == first.folder and again.resumed
    result = {"folder": str(tmp_path / "deleted since"), "seconds": 1.0}
    sessions.write_json(again.result_file(planned[0]), result)
    assert again.result(planned[0]) is None
    again.finish()
    session = Session.open(tmp_path, planned, False, resume=True)
    assert session.folder != first.folder
    session.close()


def test_a_session_at_work_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(sessions, "PATIENCE", 1)
    planned = [Planned("nvie_cnn", "default", "real", [])]
    first = Session.open(tmp_path, planned, False, resume=False)
    with pytest.raises(OSError, match="another process is at work in .*all/"):
        Session.open(tmp_path, planned, False, resume=True)
    child = processes.start(planned[0], first, 1)
    first.close()  # nor is it free as long as one of its studies is at work
    with pytest.raises(OSError, match="another process"):
        Session.open(tmp_path, planned, False, resume=True)
    processes.end_group(child)
    assert Session.open(tmp_path, planned, False, resume=True).resumed


def test_sigterm_is_reported_as_a_study_does(monkeypatch, capsys):
    def run(options, argv):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    monkeypatch.setattr(command, "run", run)
    with pytest.raises(SystemExit) as stop:
        command.main(["pupil_course", "--quick"])
    assert stop.value.code == 143
    told = capsys.readouterr().err
    again = "python -m experiments.all pupil_course --quick --resume"
    assert told.endswith(f"Stopped. Go on with: {again}\n")


def test_cores_are_shared_out(monkeypatch):
    for name in processes.THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(parts, "cores", lambda: 8)
    whole = Planned("nvie_cnn", "default", "real", [])
    divided = Planned("gfe_mlp", "default", "real", [], jobs=True)
    assert not set(processes.THREADS) & set(processes.environment(whole, 1))
    shared = processes.environment(whole, 3)
    assert {shared[name] for name in processes.THREADS} == {"2"}
    assert processes.environment(whole, 100)["OMP_NUM_THREADS"] == "1"
    assert processes.share(whole, 3) == processes.share(divided, 1) == []
    # How many threads a part has must not depend on what else runs.
    assert processes.share(divided, 3) == ["--jobs", "2"]
    assert processes.environment(divided, 3) == processes.environment(divided, 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert processes.environment(whole, 3)["OMP_NUM_THREADS"] == "5"


class Child:
    """What `processes.run` needs of a process; it ends when it is told to."""

    returncode = 0

    def __init__(self, command, **_):
        self.command = command


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Commands that would be started, and how many of them were at work at once."""
    told = {"commands": [], "at once": [], "running": 0}

    def child(command, **how):
        told["commands"].append(command)
        told["running"] += 1
        return Child(command)

    def ended(process):
        told["at once"].append(told["running"])
        return True

    def end_group(process):
        told["running"] -= 1

    monkeypatch.setattr(processes, "child", child)
    monkeypatch.setattr(processes, "ended", ended)
    monkeypatch.setattr(processes, "end_group", end_group)
    return told


@pytest.mark.parametrize("jobs, at_once", [(1, 1), (2, 2)])
def test_as_many_at_once_as_asked_for(tmp_path, started, jobs, at_once):
    planned = [Planned(f"s{n}", "default", "real", ["--x"], True) for n in range(4)]
    session = Session.open(tmp_path, planned, False, resume=False)
    processes.run(planned, session, jobs, lambda *_: None)
    assert max(started["at once"]) == at_once and len(started["commands"]) == 4
    assert all("--resume" not in command for command in started["commands"])
    session.close()
    again = Session.open(tmp_path, planned, False, resume=True)
    processes.run(planned[:1], again, 1, lambda *_: None)
    assert started["commands"][-1][2:] == ["s0", "--x", "--resume"]
    again.close()


def test_the_paper_s_protocol_is_a_run_of_its_own(monkeypatch, nobody):
    monkeypatch.setattr(command, "ask", lambda names: COURSE)
    own, paper = command.plan(options("pupil_course", "--data", "sample"))
    assert (own.protocol, paper.protocol) == ("default", "paper")
    assert paper.argv == [*own.argv, "--protocol", "paper"] and paper.jobs and own.jobs


def test_a_child_ends_only_its_own_group(monkeypatch):
    """Started by hand it is in the group of a shell, or of a test."""
    ends = []
    monkeypatch.setattr(one_run.os, "read", lambda *_: b"")
    monkeypatch.setattr(one_run, "GRACE", 0)
    for how in ("kill", "killpg"):
        call = lambda pid, number, how=how: ends.append((how, pid))  # noqa: E731
        monkeypatch.setattr(one_run.os, how, call)
    for group, how in ((1, "kill"), (os.getpid(), "killpg")):
        monkeypatch.setattr(one_run.os, "getpgrp", lambda group=group: group)
        one_run.end_with_parent()
        assert {*ends} == {(how, os.getpid())}
        ends.clear()


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_takes_its_quick_settings(monkeypatch, name):
    found = []
    monkeypatch.setattr(common, "main", lambda study, parser, *_: found.append(parser))
    module = one_run.module(name)
    module.main([])
    study, (parser,) = module.STUDY, found
    parsed = vars(parser.parse_args(one_run.flags(study.quick)))
    assert {key: parsed[key] for key in study.quick} == study.quick
    assert set(study.quick) <= set(study.defaults) | {"head"}
    default = parser.get_default("protocol")
    assert study.paper_protocol != default
    if study.paper_protocol:
        argv = ["--protocol", study.paper_protocol]
        assert parser.parse_args(argv).protocol == study.paper_protocol
    assert (study.paper_protocol is None) == (name == "sase_lstm_pb")
    assert "jobs" in parsed or name in ("nvie_inception", "nvie_cnn")


def test_a_run_says_whether_it_was_a_quick_one(tmp_path):
    """By its settings, and so after --resume by hand too."""
    study = common.Study("s", "m", "nvie", "p", {}, quick={"epochs": 1, "of": ["a"]})
    quick = {"seed": 0, "epochs": 1, "of": ["a"], "size": 3}
    plain = common.Study("s", "m", "nvie", "p", {})
    for number, (one, settings, told) in enumerate(
        [
            (study, quick, True),
            (study, {**quick, "epochs": 2}, False),
            (plain, quick, False),
        ]
    ):
        folder = RunFolder.open(tmp_path / str(number), "s", settings, resume=False)
        folder.write_config(common.Run(one, settings, folder, tmp_path, "real", ""), {})
        config = json.loads((folder.path / "config.json").read_text())
        assert config["quick"] is told
        folder.lock.close()


def test_which_studies_take_jobs():
    assert one_run.takes_jobs("pupil_course") and not one_run.takes_jobs("nvie_cnn")


@pytest.mark.large
def test_all_of_them_quickly(tmp_path, capsys):
    command.main(["--data", "sample", "--quick", "--jobs", "2", "--out", str(tmp_path)])
    told = capsys.readouterr().out
    assert "17 runs: 17 on the SAMPLE" in told and "FAILED" not in told
    (session,) = (tmp_path / "all").iterdir()
    runs = [sessions._read(path) for path in session.glob("*-*.json")]
    found = [listing.finished(one["folder"]) for one in runs]
    assert len(found) == 17 and {one.kind for one in found} == {"sample"}
    page = (session / "compare.html").read_text()
    assert all(one.folder.name in page for one in found)
