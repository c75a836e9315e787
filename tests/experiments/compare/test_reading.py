import os
import pathlib

import numpy as np
import pandas as pd
import pytest

from experiments import all as all_command
from experiments import sessions
from experiments.compare import pages
from experiments.compare import read as reading
from experiments.compare.__main__ import main
from experiments.compare.record import Broken
from tests.experiments.compare.damage import change, column, cut, lines


def test_folder_names_that_are_no_utf_8(tmp_path, make):
    odd = os.fsdecode(b"b\xffad\n")
    make.nvie(tmp_path / "runs" / odd, skill=2)
    make.nvie(tmp_path / "runs" / "other", skill=2, seed=1)
    assert main([str(tmp_path / "runs"), "--out", str(tmp_path / "o")]) == 0
    assert "b\ufffdad\ufffd" in (tmp_path / "o" / "compare.html").read_text("utf-8")


BROKEN = {
    "config.json is missing": lambda f: (f / "config.json").unlink(),
    "metrics.json is missing": lambda f: (f / "metrics.json").unlink(),
    "predictions.csv is missing": lambda f: (f / "predictions.csv").unlink(),
    "config.json is damaged": cut("config.json"),
    "metrics.json is damaged": cut("metrics.json"),
    "expected an object": lambda f: (f / "metrics.json").write_text("[]"),
    "damaged: max": lambda f: (f / "metrics.json").write_text("[" * 99999),
    "50 of 96 test samples": lines("predictions.csv", 51),
    "predictions.csv is damaged": lambda f: (f / "predictions.csv").write_text(""),
    "has no rows": lambda f: (f / "predictions.csv").write_text(
        "path,subject,truth,predicted,probability\n"
    ),
    "has no column subject": lambda f: (f / "predictions.csv").write_text("a\n1\n"),
    "probability is not always a number": column("probability", np.nan),
    "probability is not always": column("probability", "x"),
    "is not always a number from 0": column("probability", "1.5"),
    "lacks subjects": column("subject", np.nan),
    "none of the task's": column("truth", "bored"),
    "not of the same run": change("metrics.json", accuracy=0.111),
    "f1 of 0.": change("metrics.json", f1=0.99),
    "balanced_accuracy of 0.": change("metrics.json", balanced_accuracy=0.01),
    "roc_auc of 0.": change("metrics.json", roc_auc=0.05),
    "of not defined": change("metrics.json", roc_auc=None),
    "f1 is 12.0": change("metrics.json", f1=12.0),
    "ci95 begins above its end": change("metrics.json", ci95=[0.9, 0.1]),
    "ci95 is 'a'": change("metrics.json", ci95=["a", "b"]),
    "protocol is ['a']": change("config.json", settings={"protocol": ["a"]}),
    "protocol is None": change("config.json", settings={"protocol": None}),
    "quick is 'yes'": change("config.json", quick="yes"),
    "accuracy is nan": change("metrics.json", accuracy=float("nan")),
    "f1 is 'good'": change("metrics.json", f1="good"),
    "no baselines": change("metrics.json", baselines=None),
    "majority_class is None": change("metrics.json", baselines={}),
    "is no study": change("config.json", study="nvie_magic"),
    "not what the study writes": change("config.json", settings=None),
    "ci95 is 'wide'": change("metrics.json", ci95="wide"),
    "unfinished": lambda f: (f / "work").mkdir(),
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_broken_folder_is_named_and_stops_no_other(tmp_path, make, why):
    good = make.nvie(tmp_path / "good")
    bad = make.nvie(tmp_path / "bad")
    BROKEN[why](bad)
    records, left_out = pages.collect([tmp_path])
    assert [record.path for record in records] == [good]
    ((folder, told),) = left_out.items()
    assert folder == bad and why in told and str(tmp_path) not in told


@pytest.mark.parametrize(
    "rows, why",
    [
        (lambda rows: rows[:-40], "of 2250 test samples"),
        (lambda rows: rows[rows["seed"] != 1], "1 of 2 seeds"),
        (lambda rows: pd.concat([rows, rows[-1:]]), "a test sample twice: "),
        (lambda rows: rows[rows.index != 0], "of 2250 test samples"),
    ],
)
def test_every_seed_is_complete(tmp_path, make, rows, why):
    run = make.gfe(tmp_path / "run")
    path = run / "predictions.csv"
    rows(pd.read_csv(path)).to_csv(path, index=False)
    with pytest.raises(Broken, match=why):
        reading.read(run)


def test_with_broken_folders_the_others_are_compared(tmp_path, make, capsys):
    make.nvie(tmp_path / "runs" / "good")
    bad = make.nvie(tmp_path / "runs" / "bad")
    cut("metrics.json")(bad)
    out = tmp_path / "out"
    assert main([str(bad), "--out", str(out)]) == 1
    told = capsys.readouterr().err
    assert f"Left out {bad}: metrics.json is damaged" in told
    assert "error: There is no run to compare" in told and not out.exists()
    assert main([str(tmp_path / "runs"), "--out", str(out)]) == 0
    assert f"Left out {bad}: metrics.json is damaged" in capsys.readouterr().err
    text = (out / "compare.md").read_text()
    assert "- `bad`: metrics.json is damaged" in text and "runs/" not in text
    assert "<code>bad</code>: metrics.json is" in (out / "compare.html").read_text()


def test_what_is_no_run_folder_is_said(tmp_path, make, capsys):
    (tmp_path / "empty").mkdir()
    unfinished = make.nvie(tmp_path / "runs" / ".unfinished-20260101-000000-aaaaaaaa")
    make.nvie(tmp_path / "runs" / "good")
    (tmp_path / "file").write_text("")
    names = ["empty", "absent", "file", "runs"]
    out = ["--out", str(tmp_path / "out")]
    assert main([*(str(tmp_path / name) for name in names), *out]) == 0
    told = capsys.readouterr().err
    assert f"Left out {tmp_path / 'empty'}: neither a run folder" in told
    assert f"Left out {tmp_path / 'absent'}: there is no such folder." in told
    assert f"Left out {tmp_path / 'file'}: there is no such folder." in told
    assert f"Left out {unfinished}: unfinished" in told
    assert main([str(unfinished), *out]) == 1


def test_a_run_that_is_named_twice_is_read_once(tmp_path, make):
    run = make.nvie(tmp_path / "runs" / "one")
    folders, _ = reading.find([run, tmp_path / "runs", run])
    assert folders == [run]


def test_without_runs_the_latest_of_each_kind(tmp_path, make, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([]) == 1
    assert "error: There is no run to compare" in capsys.readouterr().err
    kinds = [{"quick": True}, {}, {"task": "emotion", "each": 24}, {}, {}]
    for day, more in enumerate(kinds):
        started = f"2026-01-{5 - day:02d}T00:00:00"
        run = tmp_path / "runs" / "nvie_cnn" / f"run{day}"
        make.nvie(run, started=started, seed=day, **more)
    assert main([]) == 0
    told = capsys.readouterr()
    later = "there is a later run of its kind: nvie_cnn/run1."
    for day in (3, 4):
        assert f"Left out {pathlib.Path('runs/nvie_cnn')}/run{day}: {later}" in told.err
    text = (tmp_path / "runs" / "compare" / "compare.md").read_text()
    assert all(f"`nvie_cnn/run{day}`" in text for day in (0, 1, 2))
    # The pages lie among the runs, and are none.
    folders, left_out = reading.find([pathlib.Path("runs")])
    assert len(folders) == 5 and not left_out


def test_a_session_is_its_runs(tmp_path, make):
    run = make.nvie(tmp_path / "nvie_cnn" / "run")
    session = tmp_path / "all" / "time"
    session.mkdir(parents=True)
    sessions.write_json(session / "runs.json", {"runs": []})
    assert reading.find([session])[1] == {session: "a session without a finished run."}
    told = {"folder": str(run), "seconds": 1}
    sessions.write_json(session / "nvie_cnn-default.json", told)
    assert reading.find([session]) == ([run], {})
    run.rename(tmp_path / "elsewhere")
    moved = "a session whose runs were moved or removed."
    assert reading.find([session])[1] == {session: moved}


def test_a_session_s_page_has_all_runs_and_tells_of_failed_ones(tmp_path, make):
    runs = [make.nvie(tmp_path / n, f"nvie_{n}") for n in ("cnn", "svm")]
    argv = ["--data", "sample", "--out", "/home/me"]
    place = all_command.page(runs, tmp_path / "page", argv, ["gfe_mlp-shuffled"])
    text = place.with_suffix(".md").read_text()
    assert "`nvie_cnn/cnn`" in text and "`nvie_svm/svm`" in text
    assert "- `gfe_mlp-shuffled`: it failed: see its log." in text
    assert "by `python -m experiments.all --data sample`." in text
    assert "gfe_mlp-shuffled" in place.read_text()


def test_trials_are_not_to_be_resumed(tmp_path, make):
    trial = tmp_path / "search" / "nvie_cnn" / "worker" / "trial"
    (make.nvie(trial) / "work").mkdir()
    _, left_out = reading.find([tmp_path])
    assert "--resume" not in left_out[trial] and "trial" in left_out[trial]


def test_a_history_that_cannot_be_read_is_no_reason(tmp_path, make):
    run = make.nvie(tmp_path / "run")
    (run / "history.csv").write_text("epoch,loss\n0,bad\n")
    assert reading.read(run).history.empty
    with pytest.raises(Broken):
        reading.read(tmp_path)
