"""Searches: of a study made up here, and the figures of a real one."""

import importlib
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna import distributions

from datasets import about, sample
from experiments import STUDIES, gfe_mlp, load_study, papers, pupil
from experiments.harness import metrics, options
from experiments.harness.options import AboveZero, NotNegative, Positive
from experiments.harness.study import Diverged, Result, Search, Study, StudyError
from experiments.search import __main__ as search
from experiments.search import objective, report

SEARCHED = [name for name in STUDIES if load_study(name).search]


@dataclass
class Settings(options.Settings):
    protocol: str = "video"
    validate: bool = False
    rate: AboveZero = 0.5
    size: Positive = 4
    seconds: NotNegative = 0.0
    fault: str = ""


def answer(settings, number, threads):
    """A part whose loss is least at a rate of 0.3; larger rates are faulty on wish."""
    time.sleep(settings.seconds)
    if settings.fault and settings.rate > 0.5:
        if settings.fault == "stop" and number == 2:
            raise KeyboardInterrupt
        if settings.fault == "diverge":
            raise Diverged("in epoch 3: its loss is nan")
        if settings.fault == "broken":
            raise StudyError("The data are broken.")
    return {"loss": 0.1 + (settings.rate - 0.3) ** 2 + 0.01 * number}


def work(run):
    paths = [sample.path("pupil") / "x.xlsx"]
    run.record_data("Found 4 series.", paths, {}, content=os.environ.get("CONTENT"))
    keys = {f"fold{number}": (number,) for number in range(10)}
    parts = run.compute(answer, keys, (run.settings,))
    right = np.exp(-np.mean([part["loss"] for part in parts.values()]))
    truth = np.array([0, 1, 0, 1])
    probability = np.where(truth == 1, right, 1 - right)
    what = {"sample": list("abcd"), "subject": list("abcd"), "video": list("abcd")}
    return Result(
        metrics.predictions_table(pupil.SPEC, "Made up", truth, probability, **what)
    )


def space():
    return {
        "rate": distributions.FloatDistribution(0.01, 1.0),
        "size": distributions.CategoricalDistribution([4, 8]),
    }


MADE_UP = Study(
    name="made_up",
    model="Made up",
    settings=Settings,
    dataset=about.PUPIL,
    paper=papers.GONG,
    reported=(),
    spec=pupil.SPEC,
    work=work,
    search=Search(space, "Nobody was held out.", "Nobody is new.", {"validate": True}),
    parts=None,
)
SCRIPT = f"""
import importlib.util, sys
from experiments.search import __main__ as search
spec = importlib.util.spec_from_file_location("made_up", {__file__!r})
sys.modules["made_up"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
search.search(module.MADE_UP, sys.argv[1:])
"""


def words(out, trials, *more):
    return ["--data", "sample", "--out", str(out), "--trials", str(trials), *more]


def run(out, trials, *more):
    return search.search(MADE_UP, words(out, trials, *more))


def table(folder):
    return pd.read_csv(folder / "trials.csv")


@pytest.fixture(scope="module")
def twelve(tmp_path_factory):
    return run(tmp_path_factory.mktemp("runs"), 12, "--seconds", "0")


def best(folder):
    rows = table(folder)
    return rows[rows["state"] == "COMPLETE"].nsmallest(1, "value").iloc[0]


def commands(folder):
    """The command lines in a search's README: repeat, test, go on."""
    lines = (folder / "README.md").read_text().splitlines()
    return [shlex.split(line) for line in lines if line.startswith("    python")]


def test_folder_holds_trials_report_and_figures(twelve):
    names = {path.name for path in twelve.iterdir()}
    figures = {"history.png", "importance.png", "parallel.png"}
    assert names == {"trials.log", "trials.csv", "README.md", *figures}
    rows = table(twelve)
    states = rows["state"].value_counts()
    assert len(rows) == 12 and states["COMPLETE"] + states["PRUNED"] == 12
    assert rows["params_rate"].nunique() == 12
    text = (twelve / "README.md").read_text()
    assert "SAMPLE" in text and "Nobody was held out." in text
    assert (
        f"12 trials: {states['COMPLETE']} complete, {states['PRUNED']} pruned" in text
    )
    best = rows[rows["state"] == "COMPLETE"].nsmallest(1, "value").iloc[0]
    assert (
        f"trial {best['number']}: validation cross-entropy {best['value']:.6f}" in text
    )
    assert f"balanced accuracy {best['user_attrs_balanced_accuracy']:.4g}" in text
    assert "| rate | 0.01 to 1 |" in text and "- seconds: 0" in text


def test_prunes_what_is_hopeless_after_a_fifth_of_the_parts(twelve):
    rows = table(twelve)
    pruned = rows[rows["state"] == "PRUNED"]
    assert len(pruned) and (pruned["number"] >= 5).all()
    distance = (pruned["params_rate"] - 0.3).abs()
    assert distance.min() > abs(best(twelve)["params_rate"] - 0.3)
    storage = objective.open_storage(None, twelve)
    study = optuna.load_study(study_name=twelve.name, storage=storage)
    trials = [t for t in study.trials if t.state.name == "PRUNED"]
    assert all(2 <= t.last_step < 10 for t in trials)


def test_commands_repeat_and_test_the_best_trial(twelve):
    first = best(twelve)
    params = ["--rate", str(first["params_rate"]), "--size", str(first["params_size"])]
    repeat, test, again = commands(twelve)
    shared = ["--seconds", "0.0", "--data", "sample", *params]
    assert repeat[2:] == ["experiments.made_up", "--validate", *shared]
    assert test == ["python", "-m", "experiments.made_up", *shared]
    assert again[3] == "made_up" and again[4:] == words(
        twelve.parents[1], 12, "--seconds", "0"
    )


def test_the_same_again_only_reports_and_more_trials_go_on(tmp_path, capsys):
    folder = run(tmp_path, 2)
    before = table(folder)
    (folder / "README.md").unlink()
    assert run(tmp_path, 2) == folder and (folder / "README.md").exists()
    pd.testing.assert_frame_equal(table(folder), before)
    assert run(tmp_path, 3) == folder
    assert len(table(folder)) == 3 and table(folder)["params_rate"].nunique() == 3
    assert capsys.readouterr().out.count("Found 4 series.") == 1  # for the first trial


def test_options_that_are_given_are_fixed(tmp_path):
    folder = run(tmp_path, 2, "--rate=0.25")
    assert "params_rate" not in table(folder)
    assert commands(folder)[1][3:5] == ["--rate", "0.25"]
    assert run(tmp_path, 2, "--rate=0.75") != folder
    with pytest.raises(StudyError, match="something left to search of rate, size"):
        run(tmp_path, 2, "--rate", "0.25", "--size", "4")
    with pytest.raises(StudyError, match="Expected --validate, as every"):
        run(tmp_path, 2, "--no-validate")


def test_a_training_that_diverges_does_not_end_the_search(tmp_path):
    folder = run(tmp_path, 6, "--fault", "diverge")
    rows = table(folder)
    assert rows["state"].isin(["COMPLETE", "PRUNED"]).all() and len(rows) == 6
    diverged = rows["params_rate"] > 0.5
    assert diverged.any() and not diverged.all()
    assert (rows["state"][diverged] == "PRUNED").all()
    number = rows["number"][diverged].iloc[0]
    fault = f"trial {number}: The training diverged in epoch 3"
    assert fault in (folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("fault", "error"), [("broken", StudyError), ("stop", KeyboardInterrupt)]
)
def test_errors_and_ctrl_c_leave_nothing_half_done(fault, error, tmp_path):
    with pytest.raises(error):
        run(tmp_path, 20, "--fault", fault)
    (folder,) = (tmp_path / "search").iterdir()
    assert [path.name for path in folder.iterdir()] == ["trials.log"]


def test_stops_after_trials_without_a_better_one(tmp_path):
    folder = run(tmp_path, 50, "--stop-after", "3")
    assert len(table(folder)) == best(folder)["number"] + 4 < 50


def test_other_data_are_refused(tmp_path, monkeypatch):
    run(tmp_path, 1)
    monkeypatch.setenv("CONTENT", "changed")
    with pytest.raises(StudyError, match="Expected the data of the search's first"):
        run(tmp_path, 2)


def start_worker(out, trials, *more):
    command = [sys.executable, "-c", SCRIPT, *words(out, trials, *more)]
    return subprocess.Popen(command, cwd=pathlib.Path(search.__file__).parents[2])


@pytest.mark.services  # for its time alone
def test_a_killed_worker_loses_no_trial(tmp_path):
    workers = [start_worker(tmp_path, 12, "--seconds", "0.1") for _ in range(2)]
    try:
        deadline = time.monotonic() + 240
        while not (at_work := locked_by(tmp_path, workers[0].pid)):
            assert time.monotonic() < deadline, "the worker does no trial"
            time.sleep(0.05)
        workers[0].send_signal(signal.SIGKILL)
        assert workers[1].wait(240) == 0
    finally:
        for process in workers:
            process.kill()
            process.wait()
    (folder,) = (tmp_path / "search").iterdir()
    rows = table(folder)
    assert 12 <= rows["state"].isin(["COMPLETE", "PRUNED"]).sum() <= 13
    killed = rows[rows["number"] == at_work].iloc[0]
    assert killed["state"] == "FAIL"
    same = rows[rows["params_rate"] == killed["params_rate"]]
    assert len(same) == 2 and same["state"].iloc[1] != "FAIL"
    assert not list(folder.glob(".trial*"))


def locked_by(out, pid):
    """The number of the trial that a process works on, once it has settings."""
    try:
        opened = [
            os.readlink(path) for path in pathlib.Path(f"/proc/{pid}/fd").iterdir()
        ]
    except FileNotFoundError:
        return None
    for path in opened:
        if ".trial-" in path and list(pathlib.Path(path).parent.glob("checkpoints/f*")):
            return int(path.split(".trial-")[1].split("/")[0])
    return None


def test_a_real_trial_is_repeated_by_its_command_to_the_last_digit(two, tmp_path):
    given = ["--data-dir", str(two), "--epochs", "2", "--seeds", "1", "--trials", "2"]
    folder = search.main(["gfe_mlp", *given, "--out", str(tmp_path)])
    repeat, test, _ = commands(folder)
    again = gfe_mlp.main([*repeat[3:], "--out", str(tmp_path)])
    measured = json.loads((again / "metrics.json").read_text())
    assert measured["loss"] == best(folder)["value"]
    assert measured["validation"] is True
    for name in objective.MEASURES:
        assert measured[name] == best(folder)[f"user_attrs_{name}"]
    assert test == [
        w for w in repeat if w not in ("--validate", "--validate-by", "signer")
    ]


def test_help_needs_no_keras():
    code = "import sys\nfrom experiments.search import __main__ as m\n"
    code += "try: m.main(sys.argv[1:])\nexcept SystemExit: pass\n"
    code += "print({'keras', 'tensorflow', 'optuna', 'zoo'} & sys.modules.keys())"
    for argv in (["--help"], ["gfe_mlp", "--help"]):
        command = [sys.executable, "-c", code, *argv]
        root = pathlib.Path(search.__file__).parents[2]
        out = subprocess.run(command, cwd=root, capture_output=True, text=True).stdout
        assert "STUDY-HASH" in out and out.endswith("set()\n")
        assert "--resume" not in out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["nvie_svm", "--trials", "2"], "the others try their whole grid"),
        (["nvie_mlp", "--trials", "2"], "with a space to search: nvie_inception"),
        (["gfe_mlp", "--trials", "0"], "2"),
        (["gfe_mlp", "--trials", "2", "--protocol", "signer"], "2"),
    ],
)
def test_wrong_commands(argv, message):
    with pytest.raises(SystemExit, match=message):
        search.main(argv)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("somewhere", "Received: no URL"),
        ("oracle+nothing://me:geheim@host/db", "oracle.nothing"),
        ("postgresql+psycopg://me:geheim@127.0.0.1:1/db", "refused"),
        ("sqlite:////no/such/folder/search.db", "unable to open"),
    ],
)
def test_storages_that_are_none(url, message, tmp_path, monkeypatch):
    monkeypatch.setattr(objective.time, "sleep", lambda seconds: None)
    with pytest.raises(StudyError, match=message) as error:
        run(tmp_path, 2, "--storage", url)
    assert "geheim" not in str(error.value)


def test_passwords_are_masked():
    assert objective.masked("postgresql://me:geheim@h/db") == "postgresql://me:***@h/db"


@pytest.mark.parametrize("name", SEARCHED)
def test_every_space_is_one_of_options(name):
    """Both ends of every range are taken by the study's own parser."""
    study = importlib.import_module(f"experiments.{name}").STUDY
    study.parse(options.as_words(study.search.fixed))
    for setting, kind in study.search.space().items():
        assert report.span(kind)
        for value in getattr(kind, "choices", None) or (kind.low, kind.high):
            _, settings = study.parse(options.as_words({setting: value}))
            assert getattr(settings, setting) == value
