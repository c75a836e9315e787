"""Searches: real ones, over a study on the sample, from the command line."""

import errno
import importlib
import json
import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

import optuna
import pandas as pd
import pytest

from experiments import (
    gfe_mlp,
    search,
    search_code,
    search_queue,
    search_space,
    search_storage,
)
from experiments.common import StudyError
from experiments.gfe_method import Method
from experiments.one_run import flags

SHORT = ["--epochs", "2", "--seeds", "1"]


def options(two, out, trials, *more):
    out = ["--data-dir", str(two), "--out", str(out)]
    return ["gfe_mlp", "--trials", str(trials), *out, *SHORT, *more]


def table(folder):
    return pd.read_csv(folder / "trials.csv")


@pytest.fixture(scope="module")
def found(two, tmp_path_factory):
    return search.main(options(two, tmp_path_factory.mktemp("runs"), 4))


def best_command(folder, after):
    """The command line in report.md behind some words."""
    text = (folder / "report.md").read_text().split(after)[1]
    return shlex.split(text.split("```")[1])


def test_folder_holds_trials_report_and_figures(found):
    names = {path.name for path in found.iterdir()}
    assert names == {
        *("search.db", "trials.csv", "report.md"),
        *("history.png", "importance.png", "parallel_coordinates.png"),
    }
    rows = table(found)
    assert rows["trial"].tolist() == [1, 2, 3, 4]
    assert (rows["state"] == "complete").all() and (rows["attempts"] == 1).all()
    assert rows["learning_rate"].between(0.0005, 0.03).all()
    assert "epochs" not in rows  # it was given
    report = (found / "report.md").read_text()
    for word in ["SAMPLE", "last 20 %", "0.0005 to 0.03", "epochs: 2", "once, by"]:
        assert word in report


def test_the_command_gives_the_best_value_to_the_last_digit(found, tmp_path):
    rows = table(found)
    words = best_command(found, "It is repeated, to the last digit")
    assert words[:3] == ["python", "-m", "experiments.gfe_mlp"]
    # One process, as in the search; the parts' results do not depend on it.
    folder = gfe_mlp.main([*words[3:], "--jobs", "1", "--out", str(tmp_path)])
    told = json.loads((folder / "metrics.json").read_text())
    assert told["loss"] == rows["loss"].min()
    best = rows.loc[rows["loss"].idxmin()]
    assert told["balanced_accuracy"] == best["balanced_accuracy"]
    assert told["roc_auc"] == best["roc_auc"]
    assert told["validation"] is True
    assert "VALIDATION on the other signer" in (folder / "report.md").read_text()
    assert not (folder / "model.keras").exists()
    tested = best_command(found, "once, by")
    assert tested == [w for w in words if w not in ("--validate", "signer")]


def test_the_same_again_only_reports(found, two, monkeypatch, capsys):
    monkeypatch.setattr(Method, "learn", None)
    before = table(found)
    (found / "report.md").unlink()
    again = search.main(options(two, found.parents[1], 2))
    assert again == found and (found / "report.md").exists()
    pd.testing.assert_frame_equal(table(found), before)
    assert "4 trials: 4 complete" in capsys.readouterr().out


def interrupt_training(monkeypatch, number):
    learn, calls = Method.learn, []

    def stopped(self, part, points):
        calls.append(part)
        if len(calls) == number:
            raise KeyboardInterrupt
        return learn(self, part, points)

    monkeypatch.setattr(Method, "learn", stopped)


@pytest.mark.services
def test_interrupted_it_goes_on_as_if_nothing_had_been(
    found, two, tmp_path, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        interrupt_training(patch, 6)  # four a trial: in the second one
        with pytest.raises(SystemExit) as stop:
            search.main(options(two, tmp_path, 3))
    assert stop.value.code == 130
    again = capsys.readouterr().err.split("Go on with: ")[1].splitlines()[0]
    folder = search.main(shlex.split(again)[3:])
    rows = table(folder)
    assert rows["attempts"].tolist() == [1, 2, 1]
    changing = ["seconds", "attempts"]
    undisturbed = table(found)[:3].drop(columns=changing)
    pd.testing.assert_frame_equal(rows.drop(columns=changing), undisturbed)
    assert not (folder / "workers").exists()


def test_the_test_part_makes_no_difference(found, two, tmp_path):
    """With its labels and points replaced, every trial is what it was."""
    folder = tmp_path / "gfe"
    shutil.copytree(two, folder)
    for path in folder.glob("*_targets.txt"):
        lines = path.read_text().split()
        cut = len(lines) * 4 // 5
        others = ["0" if label == "1" else "1" for label in lines[cut:]]
        path.write_text("\n".join(lines[:cut] + others))
    for path in folder.glob("*_datapoints.txt"):
        head, *lines = path.read_text().splitlines()
        frames = [line.split() for line in lines]
        for frame in frames[len(frames) * 4 // 5 :]:
            # Not the depths: where one is missing, it is bridged across the border.
            frame[1:] = [
                value if place % 3 == 2 else f"{float(value) / 2 + 50}"
                for place, value in enumerate(frame[1:])
            ]
        path.write_text("\n".join([head, *map(" ".join, frames)]))
    other = search.main(options(folder, tmp_path, 1))
    assert other.name != found.name  # other data, another search
    measures = ["loss", "balanced_accuracy", "roc_auc"]
    assert table(other)[measures].equals(table(found)[:1][measures])


def test_a_loss_that_is_no_number_counts_as_failed(two, tmp_path, monkeypatch, capsys):
    learn, calls = Method.learn, []

    def diverged(self, part, points):
        calls.append(part)
        result = learn(self, part, points)
        if len(calls) == 2:
            result.probability[:] = math.nan
        return result

    monkeypatch.setattr(Method, "learn", diverged)
    folder = search.main(options(two, tmp_path, 2))
    rows = table(folder)
    assert rows["state"].tolist() == ["diverged", "complete"]
    assert rows["loss"].isna().tolist() == [True, False]
    assert rows["why"][0].startswith("The training diverged")
    told = capsys.readouterr().out
    assert "trial 1: FAILED: The training diverged" in told
    assert "1 diverged, 1 complete" in told and "Best, trial 2" in told
    report = (folder / "report.md").read_text()
    assert "There is no history.png" in report and "trial 1: The training" in report
    assert len(calls) == 6
    # The sampler learns from it, as from the worst there is.
    known = open_study(folder).get_trials()
    assert [t.state.name for t in known] == ["PRUNED", "COMPLETE"]
    assert known[0].value == pytest.approx(27.6, abs=0.1)


def test_other_errors_end_the_search(two, tmp_path, monkeypatch):
    def broken(self, part, points):
        raise StudyError("the data are broken")

    monkeypatch.setattr(Method, "learn", broken)
    with pytest.raises(SystemExit, match="error: the data are broken"):
        search.main(options(two, tmp_path, 2))


def stopping(monkeypatch, stop):
    def learn(self, part, points):
        return stop()

    monkeypatch.setattr(Method, "learn", learn)


def test_faults_from_outside_are_explained_and_cost_no_trial(
    two, tmp_path, monkeypatch
):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        stopping(patch, full)
        with pytest.raises(SystemExit) as stop:
            search.main(options(two, tmp_path, 1))
        told = str(stop.value)
        assert told.startswith("error: No space left on device while the run wrote")
        assert f"{tmp_path}" in told and "--out" in told
    again = told.split("Go on with: ")[1]
    rows = table(search.main(shlex.split(again)[3:]))
    assert rows["state"].tolist() == ["complete"]
    assert rows["attempts"].tolist() == [2]


def test_sigterm_is_reported_as_a_study_does(two, tmp_path, monkeypatch, capsys):
    def terminate():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    stopping(monkeypatch, terminate)
    out = tmp_path / "a?b #{c}%20d"  # no part of a URL may be taken for another
    with pytest.raises(SystemExit) as stop:
        search.main(options(two, out, 1))
    assert stop.value.code == 143
    assert "Stopped. Go on with" in capsys.readouterr().err
    (folder,) = (out / "search").iterdir()
    assert [path.name for path in folder.iterdir()] == ["search.db"]


@pytest.mark.services  # for its time alone
def test_trials_of_other_code_are_told(two, tmp_path, monkeypatch, capsys):
    first = {
        "commit": "abc",
        "tensorflow": "2",
        "keras": "3",
        "numpy": "1",
        "cores": "2",
    }
    for trials, code in [(1, first), (2, {**first, "cores": "4"})]:
        assert "WARNING" not in capsys.readouterr().out
        with monkeypatch.context() as patch:
            patch.setattr(search_code, "here", lambda code=code: code)
            folder = search.main(options(two, tmp_path, trials))
        report = (folder / "report.md").read_text()
        assert ("## Code" in report) == (trials == 2)
    assert (
        "WARNING: The trials were not measured by the same" in capsys.readouterr().out
    )
    assert "- trials 1: commit abc, tensorflow 2, keras 3, numpy 1, cores 2\n" in report
    assert "- trials 2: commit abc, tensorflow 2, keras 3, numpy 1, cores 4\n" in report
    assert search_code.here().keys() == first.keys()
    best = table(folder)["loss"].idxmin()
    assert f"as many cores as it had ({[2, 4][best]})" in report


def test_workers_of_other_machines_are_not_judged_by_locks(tmp_path):
    own, other = (search_storage.Workers(tmp_path) for _ in range(2))
    assert not own.dead(other.name)
    other.own.lock.close()
    assert own.dead(other.name)
    elsewhere = "elsewhere-" + other.name.removeprefix(search_storage.HOST)
    shutil.copytree(other.folder / other.name, other.folder / elsewhere)
    assert not own.dead(elsewhere)


def test_workers_come_while_others_leave(tmp_path):
    """What another one has just removed is listed, and no longer there."""
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "left").symlink_to(tmp_path / "gone")
    search_storage.Workers(tmp_path).leave()


def test_a_file_of_trials_that_is_none(two, tmp_path):
    url, place = "", tmp_path / "search.db"
    place.write_bytes(b"no database" * 1000)
    with pytest.raises(OSError, match="search.db, where the trials are kept") as told:
        search.opened(url, tmp_path)
    assert "file is not a database" in str(told.value)
    assert "--storage" not in str(told.value)
    assert place.read_bytes() == b"no database" * 1000
    with pytest.raises(ValueError, match="^--storage sqlite"):
        search.opened(f"sqlite:///{place}", tmp_path)


def test_heads_that_are_there_at_the_end_only(tmp_path):
    given = ["--data", "sample", "--out", str(tmp_path), "--trials", "1"]
    with pytest.raises(SystemExit, match="there at the end only"):
        search.main(["nvie_cnn", *given, "--head", "svm"])


def test_help(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "88")
    for argv in (["gfe_mlp", "--help"], ["--help"]):
        with pytest.raises(SystemExit):
            search.main(argv)
        told = capsys.readouterr().out
        assert max(map(len, told.splitlines())) <= 88
        for word in ("--resume", "--validate", "--protocol", "one a core"):
            assert word not in told
        assert "STUDY-HASH" in told


def test_nothing_left_to_search(two, tmp_path):
    given = ["--learning-rate", "0.01", "--batch-size", "64"]
    with pytest.raises(SystemExit, match="nothing left to search"):
        search.main(options(two, tmp_path, 2, *given))
    for wrong in (["--protocol", "signer"], ["--validate", "time"]):
        with pytest.raises(
            SystemExit, match="--protocol holdout and --validate signer"
        ):
            search.main(options(two, tmp_path, 2, *wrong))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["nvie_svm", "--trials", "2"], "whole grid itself"),
        (["pupil_course", "--trials", "2"], "whole grid itself"),
        (["nvie_mlp", "--trials", "2"], "expected a study first"),
        (["--trials", "2", "gfe_mlp"], "expected a study first"),
    ],
)
def test_wrong_studies(argv, words):
    with pytest.raises(SystemExit, match=words):
        search.main(argv)


@pytest.mark.parametrize(
    "wrong",
    [["--trials", "0"], ["--trials", "2", "--dropout", "1"], []]
    + [["--trials", "2", "--resume", "--data", "sample"]],
)
def test_wrong_options(wrong, capsys):
    with pytest.raises(SystemExit) as stop:
        search.main(["gfe_mlp", *wrong])
    assert stop.value.code == 2
    assert "python -m experiments.search gfe_mlp" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("somewhere", "this is no URL"),
        ("oracle+nothing://me:geheim@host/db", "driver is not installed"),
        ("postgresql+psycopg://me:geheim@127.0.0.1:1/db", "refused"),
        ("postgresql+psycopg://127.0.0.1:1/db?user=me&password=geheim", "refused"),
        ("sqlite:////no/such/folder/search.db", "unable to open"),
        ("sqlite:///{text}", "not a database"),
    ],
)
def test_storages_that_are_none(url, words, two, tmp_path):
    text = tmp_path / "text.db"
    text.write_text("This is no database, but it is long enough for a header. " * 20)
    url = url.format(text=text)
    with pytest.raises(SystemExit) as stop:
        search.main(options(two, tmp_path, 2, "--storage", url))
    told = str(stop.value)
    assert told.startswith("error: --storage") and words in told
    assert "geheim" not in told
    assert text.read_text().startswith("This is no")


def test_commands_that_are_shown_have_no_password():
    urls = ["postgresql://me:a@b:c@host/db", "--storage=postgresql://me:x@host/db"]
    urls += [
        "postgresql://h/db?user=a@b&p%61ssword=x@y&sslpassword=z&connect_timeout=1"
    ]
    shown = search.hidden([*urls, "sqlite:///a.db", "--data-dir", "a@b"])
    hidden = "user=a@b&p%61ssword=***&sslpassword=***&connect_timeout=1"
    assert shown.pop(2) == f"postgresql://h/db?{hidden}"
    assert shown == [
        "postgresql://me:***@host/db",
        "--storage=postgresql://me:***@host/db",
        *("sqlite:///a.db", "--data-dir", "a@b"),
    ]


@pytest.mark.parametrize("name", search.STUDIES)
def test_every_space_is_one_of_options(name):
    """Both ends of every range are taken by the study's own parser."""
    module = importlib.import_module(f"experiments.{name}")
    study, parser = module.STUDY, module.parser()
    assert study.trial.fixed.keys() <= vars(parser.parse_args([])).keys()
    for setting, distribution in study.space().items():
        assert setting in study.defaults
        ends = getattr(distribution, "choices", None)
        ends = ends or (distribution.low, distribution.high)
        for value in ends:
            words = flags({setting: value})
            assert vars(parser.parse_args(words))[setting] == value
        assert search_space.told(distribution)


def test_studies_without_a_space_are_named():
    for name in search.COMPLETE:
        assert importlib.import_module(f"experiments.{name}").STUDY.space is None


@pytest.mark.services
def test_killed_worker_is_followed_at_once(two, tmp_path):
    """kill -9 in mid-trial; the same command again does that trial first."""
    command = [sys.executable, "-m", "experiments.search"]
    command += options(two, tmp_path, 2, "--epochs", "100000")
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    try:
        trial = wait_for_trial(tmp_path, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    folder = next((tmp_path / "search").iterdir())
    study = open_study(folder)
    workers = search_storage.Workers(folder)
    assert workers.dead(trial.user_attrs["worker"])
    space = gfe_mlp.STUDY.space()
    del space["epochs"]
    storage = search_storage.open_storage(f"sqlite:///{folder}/search.db")
    queue = search_queue.Queue(study, storage, space, 2, 0, workers)
    seen = []
    queue.run(lambda trial: seen.append(trial.params) or 1.0)
    assert seen[0] == trial.params and len(seen) == 2
    workers.leave()
    assert list(search_queue.finished(study.get_trials())) == [0, 1]


def open_study(folder):
    storage = search_storage.open_storage(f"sqlite:///{folder}/search.db")
    return optuna.load_study(study_name=folder.name, storage=storage)


def wait_for_trial(out, process):
    """The trial that the only worker has in hand, with its settings."""
    for _ in range(600):
        time.sleep(0.2)
        assert process.poll() is None
        for folder in out.glob("search/*"):
            if (folder / "workers").exists() and any(folder.glob("workers/*/trial")):
                running = open_study(folder).get_trials(
                    states=[optuna.trial.TrialState.RUNNING]
                )
                if running and len(running[0].params) == 2:
                    return running[0]
    raise AssertionError("no trial began")
