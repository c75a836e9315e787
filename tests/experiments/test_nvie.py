"""The studies on NVIE from the command line to the finished run folder."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import experiments
import zoo
from datasets import nvie, pictures
from datasets.sample import nvie as sample
from experiments import nvie_cnn, nvie_inception, nvie_svm
from experiments.harness.checkpoint import Checkpoint
from zoo import heads
from zoo.cli import main
from zoo.inputs.pictures import read

SUBJECTS = 6
QUICK = ["--size", "32", "--epochs", "6", "--batch-size", "16"]
KEYS = {
    *["accuracy", "balanced_accuracy", "f1", "roc_auc", "loss", "ci95", "baselines"],
    *["paper", "data", "protocol", "n_train", "n_test", "n_subjects"],
}
FILES = {
    *["config.json", "metrics.json", "history.csv", "predictions.csv", "loss.png"],
    *["accuracy.png", "confusion_matrix.png", "roc.png", "README.md", "model.keras"],
    *["saved_model", "logs", "skipped.json", "serving.json"],
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "nvie"
    sample.render(folder, subjects=SUBJECTS)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


def study(module, tree, out, *options):
    return module.main(["--data-dir", str(tree), "--out", str(out), *options])


@pytest.fixture(scope="module")
def cnn(tree, runs):
    return study(nvie_cnn, tree, runs, *QUICK)


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_run_folder_is_complete(cnn):
    assert {path.name for path in cnn.iterdir()} == FILES
    result = metrics(cnn)
    assert set(result) >= KEYS
    assert result["data"] == "sample"
    assert result["protocol"] == "subject" and not result["validation"]
    assert [paper["value"] for paper in result["paper"]] == [0.716]
    assert result["n_subjects"] == SUBJECTS
    assert result["n_test_subjects"] == 1 and result["ci95"] is None
    config = json.loads((cnn / "config.json").read_text())
    assert config["seed"] == 0
    assert config["settings"]["epochs"] == 6
    assert config["command"].startswith("python -m experiments.nvie_cnn")


def test_the_keras_file_holds_the_weights_and_no_optimiser(cnn):
    # The optimiser's state alone would be twice the weights.
    model = keras.saving.load_model(cnn / "model.keras")
    assert (cnn / "model.keras").stat().st_size < 1.2 * 4 * model.count_params()


def test_numbers_from_the_sample_are_labelled(cnn):
    report = (cnn / "README.md").read_text()
    assert "SAMPLE data" in report.splitlines()[0]
    assert "this run (sample)" in report
    assert "no lie detector" in " ".join(report.split())


def test_first_and_last_line_say_sample(tree, runs, capsys):
    study(nvie_svm, tree, runs, "--no-search", "--size", "8")
    lines = capsys.readouterr().out.strip().splitlines()
    assert "SAMPLE" in lines[0]
    assert "SAMPLE" in lines[-1]


def test_a_manifest_that_leads_to_the_sample_is_labelled_too(
    tree, tmp_path, runs, capsys
):
    nvie.index(tree).to_csv(tmp_path / "manifest.csv", index=False)
    folder = study(nvie_svm, tmp_path, runs, "--no-search", "--size", "8")
    assert metrics(folder)["data"] == "sample"
    assert "SAMPLE" in capsys.readouterr().out.strip().splitlines()[-1]
    assert "SAMPLE" in (folder / "README.md").read_text().splitlines()[0]


def test_predictions_are_of_subjects_not_trained_on(cnn, tree):
    table = pd.read_csv(cnn / "predictions.csv", dtype={"subject": str})
    index = nvie.index(tree)
    tested = set(table["subject"])
    assert 0 < len(tested) < SUBJECTS
    # Every picture of a tested subject is in the test part, so none was trained on.
    expected = set(index["path"][index["subject"].isin(tested)])
    assert set(paths(table, tree)) == expected
    answer = np.where(table["p_spontaneous"] > 0.5, "spontaneous", "posed")
    assert (answer == table["answer"]).all()
    accuracy = (table["answer"] == table["truth"]).mean()
    assert metrics(cnn)["accuracy"] == pytest.approx(accuracy)


def paths(table, tree):
    return [str(tree / sample) for sample in table["sample"]]


def test_the_validation_part_is_measured_and_no_model_written(cnn, tree, runs):
    folder = study(nvie_cnn, tree, runs, *QUICK, "--validate", "--epochs", "1")
    result = metrics(folder)
    assert result["validation"] and "validation" in result["validation_text"].lower()
    tested = pd.read_csv(cnn / "predictions.csv")
    validated = pd.read_csv(folder / "predictions.csv")
    assert len(validated) == result["n_validation"]
    assert set(validated["subject"]).isdisjoint(tested["subject"])
    assert not {"model.keras", "serving.json"} & {
        path.name for path in folder.iterdir()
    }


def loaded_as_reported(folder, tree, rows=None):
    """Compares what `zoo.load_run` says of files with predictions.csv; gives both."""
    table = pd.read_csv(folder / "predictions.csv")
    table = table[table["model"] == table["model"][0]].head(rows)
    run = zoo.load_run(folder)
    answers = run.predict([read(path) for path in paths(table, tree)])
    columns = table[[f"p_{name}" for name in run.classes]]
    np.testing.assert_allclose(answers, columns, atol=1e-5)
    assert run.data == "sample" and run.study == folder.parent.name
    return run, table


def test_a_loaded_run_says_what_was_reported(cnn, tree, capsys):
    run, table = loaded_as_reported(cnn, tree)
    assert len(table) > 10 and run.metrics == metrics(cnn)
    assert run.settings["epochs"] == 6 and run.head is None
    framing = run.serving["framing"]
    # The sample's faces fill most of the picture, their middle below its own.
    assert 1 < framing["width"] < 2 and framing["x"] == pytest.approx(
        framing["width"] / 2, abs=0.1
    )
    assert main(["card", str(cnn)]) == 0
    assert capsys.readouterr().out.strip() == (cnn / "README.md").read_text().strip()


def test_saved_model_gives_the_reported_probabilities_from_files(cnn, tree):
    table = pd.read_csv(cnn / "predictions.csv").head(10)
    loaded = tf.saved_model.load(cnn / "saved_model")
    for path, p in zip(paths(table, tree), table["p_spontaneous"], strict=True):
        out = loaded.serve(pictures.read(path)[np.newaxis])
        assert float(out[0, 1]) == pytest.approx(p, abs=1e-5)


def test_the_same_command_gives_the_same_metrics(cnn, tree, runs):
    again = study(nvie_cnn, tree, runs, *QUICK)
    assert again != cnn
    assert metrics(again) == metrics(cnn)
    other = study(nvie_cnn, tree, runs, *QUICK, "--seed", "1")
    assert metrics(other)["loss"] != metrics(cnn)["loss"]


@pytest.mark.parametrize("head", ["svm", "xgboost"])
def test_heads_decide_twelve_classes_with_augmentation(head, tree, runs, monkeypatch):
    trees = heads.xgboost  # few of them say as much here
    few = {"n_estimators": 10}
    monkeypatch.setattr(heads, "xgboost", lambda seed: trees(seed).set_params(**few))
    options = ["--task", "emotion", "--head", head, "--augment", "--protocol", "image"]
    folder = study(nvie_cnn, tree, runs, *QUICK, *options, "--epochs", "1")
    file = {"svm": "head.skops", "xgboost": "head.json"}[head]
    table = pd.read_csv(folder / "predictions.csv")
    loaded = tf.saved_model.load(folder / "saved_model")
    picture = pictures.read(paths(table, tree)[0])
    features = loaded.features(picture[np.newaxis]).numpy()
    probability = heads.load(folder / file).predict_proba(features)[0]
    columns = [c for c in table if c.startswith("p_")]
    np.testing.assert_allclose(table.loc[0, columns].to_list(), probability, atol=1e-3)
    loaded_as_reported(folder, tree)
    assert "same people" in metrics(folder)["protocol_text"]


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    tree = tmp_path_factory.mktemp("few") / "nvie"
    sample.render(tree, subjects=3)  # the fewest; the trunk sees each picture
    return tree


@pytest.fixture(scope="module")
def inception(few, runs):
    options = ["--size", "75", "--epochs", "1", "--train-layers", "1"]
    return study(nvie_inception, few, runs, *options, "--activation", "sigmoid")


@pytest.mark.services  # for its time alone
def test_inception_with_a_frozen_trunk_and_sigmoid(inception, few):
    assert {path.name for path in inception.iterdir()} == FILES
    assert [paper["value"] for paper in metrics(inception)["paper"]] == [0.674]
    run, _ = loaded_as_reported(inception, few, rows=8)
    assert run.settings["activation"] == "sigmoid" and run.settings["dropout"] == 0.4


def test_inception_drops_more_with_twelve_classes():
    _, settings = nvie_inception.STUDY.parse(["--task", "emotion"])
    assert settings.dropout == 0.7 and settings.train_layers == 2
    words = ["--task", "emotion", "--dropout", "0.2", "--train-layers", "Mixed_7b"]
    _, settings = nvie_inception.STUDY.parse(words, kind="sample")
    assert settings.dropout == 0.2 and settings.train_layers == "Mixed_7b"
    assert settings.size == 112


@pytest.mark.services  # for its time alone
def test_inception_s_files_agree(inception, served):
    rng = np.random.default_rng(0)
    shown = rng.integers(0, 256, (2, 90, 130, 3), "uint8")
    bare = served(inception / "saved_model", shown)
    assert bare["serve"].shape == (2, 2) and bare["features"].shape == (2, 1536)
    model = keras.saving.load_model(inception / "model.keras")
    ours = {"serve": model(shown), "features": zoo.feature_extractor(model)(shown)}
    for endpoint in ["serve", "features"]:
        np.testing.assert_allclose(bare[endpoint], ours[endpoint], atol=1e-5)


def test_svm_with_the_whole_search(tree, runs):
    folder = study(nvie_svm, tree, runs, "--size", "12")
    names = {path.name for path in folder.iterdir()}
    assert {"search.csv", "search.png", "head.skops", "metrics.json"} <= names
    assert len(pd.read_csv(folder / "search.csv")) == 126
    result = metrics(folder)
    assert set(result) >= KEYS
    assert set(result["svm"]) == {"kernel", "C", "gamma"}
    default = "SVM with rbf, C 1, gamma 0.001"
    assert list(result["models"]) == ["SVM on pixels", default]
    # The head takes pixels in 0..1.
    run, table = loaded_as_reported(folder, tree)
    assert run.model is None and run.serving["parts"][""]["size"] == 12
    by_path = nvie.index(tree).set_index("path")
    index = by_path.loc[paths(table, tree)].reset_index()
    rows = np.concatenate([x.numpy() for x, _ in nvie.load(index, 12, 32)])
    pixels = rows.reshape(len(rows), -1) / 255.0
    probability = heads.load(folder / "head.skops").predict_proba(pixels)[:, 1]
    np.testing.assert_allclose(table["p_spontaneous"], probability, atol=1e-5)


def start(tree, out, *options):
    root = pathlib.Path(experiments.__file__).parents[1]
    command = [sys.executable, "-m", "experiments.nvie_cnn", "--data-dir", str(tree)]
    return subprocess.Popen(
        [*command, "--out", str(out), *options],
        cwd=root,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def epochs_done(work):
    state = Checkpoint(work / "checkpoints").load("epoch")
    return len(state["history"]) if state else 0


def interrupt(process, how, out, epochs):
    """Sends a signal once more than these epochs are done.

    Returns what was written to stdout and stderr, and the number of epochs kept.
    """
    deadline = time.time() + 300
    while process.poll() is None and time.time() < deadline:
        done = map(epochs_done, out.glob("nvie_cnn/.unfinished-*/work"))
        if max(done, default=0) > epochs:
            break
        time.sleep(0.01)
    process.send_signal(how)
    said = process.communicate(timeout=120)
    assert process.returncode == (130 if how == signal.SIGINT else -how), said
    (kept,) = out.glob("nvie_cnn/*")
    assert kept.name.startswith(".unfinished-")
    return *said, epochs_done(kept / "work")


@pytest.mark.services  # for its time alone
def test_an_interrupted_run_leaves_nothing_complete_and_goes_on(
    cnn, tree, tmp_path, capsys
):
    """Killed, gone on with, stopped by Ctrl-C, gone on with."""
    process = start(tree, tmp_path, *QUICK)
    *_, done = interrupt(process, signal.SIGKILL, tmp_path, epochs=0)
    process = start(tree, tmp_path, *QUICK, "--resume")
    output, errors, _ = interrupt(process, signal.SIGINT, tmp_path, epochs=done)
    assert "Resuming" in output
    assert "--resume" in errors and "Traceback" not in errors

    final = study(nvie_cnn, tree, tmp_path, *QUICK, "--resume")
    assert "Resuming" in capsys.readouterr().out
    assert list((tmp_path / "nvie_cnn").iterdir()) == [final]
    assert not final.name.startswith(".")
    assert len(pd.read_csv(final / "history.csv")) == 6
    assert metrics(final)["loss"] == pytest.approx(metrics(cnn)["loss"], abs=1e-6)


def test_fewer_than_three_subjects_end_in_a_message(tmp_path):
    sample.render(tmp_path / "nvie", subjects=2)
    with pytest.raises(SystemExit, match="at least 3 subjects"):
        study(nvie_cnn, tmp_path / "nvie", tmp_path / "runs", *QUICK)


def test_weights_that_do_not_exist_end_in_a_message(tree, tmp_path):
    with pytest.raises(SystemExit, match="weights must be None"):
        study(nvie_cnn, tree, tmp_path, *QUICK, "--weights", "nowhere.keras")
    assert list((tmp_path / "nvie_cnn").iterdir()) == []
