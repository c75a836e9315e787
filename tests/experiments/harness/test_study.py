"""The life cycle of a run, of a study that is made for it."""

import dataclasses
import json
import os
import resource
import signal

import pandas as pd
import pytest

from datasets import sample
from experiments import nvie_inception, papers
from experiments.harness import metrics, study
from tests.experiments.harness import fake

FILES = "README.md config.json confusion_matrix.png history.csv metrics.json model.txt"
FILES += " predictions.csv roc.png skipped.json"


@pytest.fixture
def run(data, tmp_path):
    """Function that runs the fake study with options; returns the run folder."""
    options = ["--data-dir", str(data), "--out", str(tmp_path / "runs")]
    return lambda *more, of=fake.STUDY: study.main(of, "", [*options, *more])


def read(folder, name):
    return json.loads((folder / name).read_text())


def ends(run, *options):
    """The status or message that a run ends with which fails."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stop:
        run(*options)
    assert signal.getsignal(signal.SIGTERM) == before
    return stop.value.code


def folders(tmp_path):
    return [path.name for path in (tmp_path / "runs" / "fake").iterdir()]


def test_a_run_folder(run, data, tmp_path, capsys):
    folder = run("--rounds", "2")
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES.split())
    measured, config = read(folder, "metrics.json"), read(folder, "config.json")
    predictions = pd.read_csv(folder / "predictions.csv")
    columns = "sample subject group seed model truth answer p_posed p_genuine"
    assert list(predictions) == columns.split() and len(predictions) == 80
    again = metrics.evaluate(predictions.fillna(""), fake.SPEC)
    assert {name: measured[name] for name in again} == again
    above, sentence = metrics.verdict(again, fake.SPEC)
    assert measured["verdict"] == {"above": above, "sentence": sentence}
    assert measured["spec"] == json.loads(json.dumps(dataclasses.asdict(fake.SPEC)))
    assert measured["study"] == "fake" and measured["data"] == "real"
    assert measured["content"] == config["data"]["content"]
    assert measured["quick"] and measured["parameters"] == 0
    assert len(measured["paper"]) == len(papers.PUPIL)
    assert config["settings"]["rounds"] == 2 and config["seed"] == 0
    assert config["data"]["folder"] == str(data) and not config["resumed"]
    assert config["command"].startswith("python -m experiments.fake --data-dir")
    assert read(folder, "skipped.json") == {"left out": []}
    text, printed = (folder / "README.md").read_text(), capsys.readouterr().out
    for words in [sentence, papers.GONG.title, "1 rows", "All are invented.", "0.343"]:
        assert words in text
    assert f"{measured['accuracy']:.3f}" in text and "`model.txt`: the model" in text
    assert "| a |" in text and "All are invented." in printed and "|" not in printed
    assert sentence in printed and printed.endswith(f"Run folder: {folder}\n")
    assert folders(tmp_path) == [folder.name]


def test_the_sample_is_told(run, data, capsys):
    """Also where a folder leads to it without being it."""
    (data / "README.txt").write_text(sample.MARK)
    measured = read(run(), "metrics.json")
    assert measured["data"] == "sample" and measured["n_test"] == 3 * 40
    assert capsys.readouterr().out.endswith("(SAMPLE data, made by code)\n")
    (data / "below").mkdir()
    (data / "data.csv").rename(data / "below" / "data.csv")
    below = read(run("--data-dir", str(data / "below")), "config.json")
    assert below["data"]["kind"] == "sample"


def test_validation_writes_no_models(run):
    folder = run("--validate", "--rounds", "2")
    assert not (folder / "model.txt").exists()
    measured = read(folder, "metrics.json")
    assert measured["validation"] and "VALIDATION" in measured["validation_text"]


def stopped(run, monkeypatch, *options, number=2):
    """Stop a run in one of its rounds by SIGTERM."""
    compute = fake.compute_round

    def stopping(settings, n, *, threads):
        if n == number:
            os.kill(os.getpid(), signal.SIGTERM)
        return compute(settings, n, threads=threads)

    with monkeypatch.context() as patch:
        patch.setattr(fake, "compute_round", stopping)
        return ends(run, *options)


def test_a_stopped_run_is_resumed(run, monkeypatch, tmp_path, capsys):
    whole = run()
    assert stopped(run, monkeypatch) == 143
    errors = capsys.readouterr().err
    assert "Unfinished (2 checkpoints)" in errors and "--resume" in errors
    (unfinished,) = (tmp_path / "runs" / "fake").glob(".unfinished-*")
    kept = unfinished / "work" / "checkpoints" / "round1.npz"
    kept.write_bytes(kept.read_bytes()[:100])
    folder = run("--resume")
    assert f"{kept} is damaged" in capsys.readouterr().out
    assert read(folder, "config.json")["resumed"]
    for name in ["predictions.csv", "metrics.json"]:
        assert (folder / name).read_bytes() == (whole / name).read_bytes()
    assert set(folders(tmp_path)) == {whole.name, folder.name}


def test_resume_refuses_data_that_have_changed(run, data, monkeypatch, tmp_path):
    assert stopped(run, monkeypatch) == 143
    (data / "data.csv").write_text("a,b\n1,3\n")
    message = ends(run, "--resume")
    assert message.startswith("error: Expected the data of the interrupted run")
    assert "without --resume" in message
    assert len(folders(tmp_path)) == 1  # its checkpoints may still be of use
    (data / "data.csv").write_text("a,b\n1,2\n")
    assert read(run("--resume"), "config.json")["resumed"]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--data-dir", "."], "error: [Errno 2] No such file or directory"),
        (["--fault", "diverged", "--rounds", "1"], "error: The training diverged in"),
        (["--data-dir", "/nowhere"], "error: --data-dir: there is no folder /nowhere"),
        (["--data", "sample"], "error: Expected --data sample or --data-dir."),
    ],
)
def test_what_the_user_can_mend_is_told_in_a_line(run, options, message, tmp_path):
    assert ends(run, *options).startswith(message)
    assert not (tmp_path / "runs" / "fake").exists() or folders(tmp_path) == []


@pytest.mark.parametrize("size", [8 << 10, 20 << 10])  # for a table, for a figure
def test_a_full_disk_is_told_in_a_line(run, size, tmp_path):
    """What the system refuses here is a file that grows too large."""
    whole = run()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        message = ends(run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert message.startswith("error: ") and "File too large" in message
    assert message.endswith("Make room, or choose another folder with --out.")
    assert "\n" not in message and not list(tmp_path.rglob("*.partial"))
    (unfinished,) = (tmp_path / "runs" / "fake").glob(".unfinished-*")
    for table in unfinished.glob("*.csv"):
        assert table.read_bytes() == (whole / table.name).read_bytes()
    folder = run("--resume")
    assert not unfinished.exists()
    name = "metrics.json"
    assert (folder / name).read_bytes() == (whole / name).read_bytes()


def test_errors_of_ours_stay_errors(run, monkeypatch, tmp_path):
    monkeypatch.setattr(fake, "compute_round", lambda *_, threads: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run()
    assert folders(tmp_path) == []


def test_a_search_hears_of_losses_in_order(run, data, tmp_path, monkeypatch):
    argv = ["--data-dir", str(data), "--out", str(tmp_path)]
    one = study.open_run(fake.STUDY, argv)
    heard = []
    one.report = lambda loss, count: heard.append((count, loss))
    _, measured = study.execute(one)
    assert [count for count, _ in heard] == [1, 2, 3, 4]
    assert heard[-1][1] == pytest.approx(measured["loss"], rel=1e-5)
    one.folder.interrupt()


@pytest.mark.parametrize("task, dropout", [("spontaneous", 0.4), ("emotion", 0.7)])
def test_defaults_are_the_thesis_s_best_settings(task, dropout):
    settings = nvie_inception.STUDY.parse(["--task", task])[1]
    assert (settings.learning_rate, settings.dropout) == (5e-4, dropout)
    assert settings.batch_size == 64 and settings.weights == "imagenet"
    assert settings.l2 and settings.augment
