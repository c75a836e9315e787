"""The studies on grammatical facial expressions: finished and resumed run folders."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from datasets import gfe
from experiments import gfe as study
from experiments import gfe_lstm, gfe_method, gfe_mlp, gfe_report, gfe_sequence
from experiments.gfe_method import Method
from zoo import feature_extractor, heads, load_run
from zoo.inputs import gfe_files

EXPRESSIONS = ["affirmative", "doubt_question"]
SHORT = ["--epochs", "3", "--seeds", "1"]


def run(module, two, out, *arguments):
    options = ["--data-dir", str(two), "--out", str(out), *arguments]
    return module.main(options)


@pytest.fixture(scope="module", autouse=True)
def few_trees():
    """A fifth of the studies' trees; the sample takes no more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(gfe_method.TREES, "n_estimators", 40)
        yield


@pytest.fixture(scope="module")
def lstm(two, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    return run(gfe_lstm, two, out, "--protocol", "holdout", *SHORT)


@pytest.fixture(scope="module")
def trees(two, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    return run(gfe_sequence, two, out, "--protocol", "signer", "--seeds", "2")


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def predictions(folder):
    return pd.read_csv(folder / "predictions.csv")


def test_run_folder_is_as_everywhere(lstm):
    names = {path.name for path in lstm.iterdir()}
    assert names == {
        *("config.json", "metrics.json", "predictions.csv", "history.csv"),
        *("skipped.json", "report.md", "model.keras", "saved_model"),
        *("model_card.md", "serving.json"),
        *("loss.png", "f1.png", "timeline.png", "confusion_matrix.png", "roc.png"),
    }
    history = pd.read_csv(lstm / "history.csv")
    assert history.groupby("expression").size().tolist() == [3, 3]
    config = json.loads((lstm / "config.json").read_text())
    assert config["settings"]["protocol"] == "holdout"
    assert config["data"]["n_recordings"] == 4
    report = (lstm / "report.md").read_text()
    for word in ["holdout (the last 20 %", "SAMPLE", "no lie detector", "always"]:
        assert word in report
    assert str(EXPRESSIONS) not in report


def test_what_is_measured_is_what_is_predicted(lstm, trees):
    """F1 and AUC from predictions.csv by scikit-learn, averaged as documented."""
    for folder in [lstm, trees]:
        table = predictions(folder)
        f1, auc = [], []
        for _, part in table.groupby(["seed", "expression", "round"]):
            f1.append(f1_score(part["truth"], part["probability"] > 0.5))
            auc.append(roc_auc_score(part["truth"], part["probability"]))
        told = metrics(folder)
        assert told["f1"] == pytest.approx(np.mean(f1), abs=1e-4)
        assert told["roc_auc"] == pytest.approx(np.mean(auc), abs=1e-4)
        each = [told["expressions"][name]["f1"] for name in EXPRESSIONS]
        assert told["f1"] == pytest.approx(np.mean(each))
    by_seed = list(metrics(trees)["f1_by_seed"].values())
    assert len(by_seed) == 2
    assert metrics(trees)["f1_spread"] == pytest.approx(np.std(by_seed, ddof=1))
    assert metrics(lstm)["f1_spread"] is None


def test_protocol_data_and_baseline_are_named(lstm, trees):
    for folder, protocol in [(lstm, "holdout"), (trees, "signer")]:
        told = metrics(folder)
        assert told["protocol"] == protocol
        assert told["data"] == "sample"
        assert told["ci95"] is None and told["n_test_subjects"] == 2
        table = predictions(folder)
        share = table.groupby(["round", "expression"])["truth"].mean()
        expected = (2 * share / (1 + share)).mean()
        assert told["baselines"]["always_f1"] == pytest.approx(expected, abs=1e-6)


def test_it_learns_the_sample(trees):
    told = metrics(trees)
    assert told["f1"] > told["baselines"]["always_f1"] + 0.1
    assert told["roc_auc"] > 0.8


def test_who_is_tested_was_not_trained_on(trees):
    table = predictions(trees)
    tested = table.groupby("round")["subject"].unique()
    assert tested["trained_on_a"].tolist() == ["b"]
    assert tested["trained_on_b"].tolist() == ["a"]


def loaded_as_reported(folder, two, part=None):
    """Compares what `zoo.load_run` says of recordings with predictions.csv."""
    run, table = load_run(folder, part), predictions(folder).query("seed == 0")
    assert list(run.classes) == EXPRESSIONS and run.data == "sample"
    table = table[table["round"] == part] if part else table
    compared = 0
    for (expression, signer), (file, _) in gfe_files.find(two).items():
        own = (table["expression"] == expression) & (table["subject"] == signer)
        told = table[own]
        answers = run.predict(gfe_files.read_points(file).points)
        found = answers[told["frame"], run.classes.index(expression)]
        # A feature at a split's threshold may fall on the other side by rounding.
        close = np.abs(found - told["probability"]) < (1e-3 if run.head else 1e-4)
        assert close.mean() > (0.98 if run.head else 1) - 1e-9 or not len(told)
        compared += len(told)
    assert compared == len(table) > 50
    return run


def test_a_loaded_run_says_what_was_reported(lstm, trees, two):
    assert loaded_as_reported(lstm, two).head is None
    for part in ["trained_on_a", "trained_on_b"]:
        assert loaded_as_reported(trees, two, part).head.keys() == set(EXPRESSIONS)


def test_saved_model_decides_as_the_study_did(lstm, two, served):
    index = gfe.index(two)
    answers = served(lstm / "saved_model", gfe.points(index))
    found = answers["serve"]
    assert found.shape == (len(index), 2)
    assert answers["features"].shape == (len(index), 2, 105)
    frames = pd.concat(
        index.assign(probability=found[:, place]).query("expression == @name")
        for place, name in enumerate(EXPRESSIONS)
    )
    keys = ["signer", "expression", "frame"]
    told = predictions(lstm).rename(columns={"subject": "signer"})
    both = told.merge(frames, on=keys, suffixes=("", "_served"))
    assert len(both) == len(told)
    np.testing.assert_allclose(
        both["probability"], both["probability_served"], atol=1e-4
    )
    model = keras.saving.load_model(lstm / "model.keras")
    np.testing.assert_allclose(
        model.predict(gfe.points(index), verbose=0), found, atol=1e-5
    )


def test_saved_features_and_head_decide_as_the_study_did(trees, two, served):
    table = predictions(trees).query("seed == 0 and round == 'trained_on_a'")
    index = gfe.index(two).query("signer == 'b' and expression == 'doubt_question'")
    place = trees / "trained_on_a"
    features = served(place / "saved_model", gfe.points(index)[None])["features"][0]
    head = heads.load(place / "heads" / "doubt_question" / "head.ubj")
    told = table.query("expression == 'doubt_question'").sort_values("frame")
    probability = head.predict_proba(features)[:, 1]
    # A feature at a split's threshold may fall on the other side by rounding.
    assert np.mean(np.abs(told["probability"] - probability) < 1e-3) > 0.98


def test_saved_model_takes_depths_that_were_not_measured(lstm, two):
    """As the Kinect writes them, before any bridging: as zeros."""
    path = next(two.glob("b_doubt*_datapoints.txt"))
    raw = np.loadtxt(path, skiprows=1)[:, 1:].reshape(-1, 100, 3)
    assert (raw[..., 2] == 0).any(axis=1).mean() > 0.5
    index = gfe.index(two).query("signer == 'b' and expression == 'doubt_question'")
    model = keras.saving.load_model(lstm / "model.keras")
    answers = [model.predict(p, verbose=0) > 0.5 for p in [raw, gfe.points(index)]]
    assert (answers[0] == answers[1]).mean() > 0.9


@pytest.mark.parametrize("head", ["svm", "xgboost"])
def test_heads_on_learned_features(head, two, tmp_path):
    options = ["--protocol", "holdout", "--head", head, "--seeds", "1"]
    folder = run(gfe_mlp, two, tmp_path, *options, "--epochs", "5")
    assert metrics(folder)["roc_auc"] > 0.6
    suffix = {"svm": "skops", "xgboost": "ubj"}[head]
    place = folder / "heads" / "doubt_question"
    loaded = heads.load(place / f"head.{suffix}")
    extractor = feature_extractor(keras.saving.load_model(folder / "model.keras"))
    index = gfe.index(two).query("expression == 'doubt_question'")
    features = extractor.predict(gfe.points(index), verbose=0)[:, 1]
    served = index.assign(served=loaded.predict_proba(features)[:, 1])
    told = predictions(folder).rename(columns={"subject": "signer"})
    both = told.merge(served, on=["signer", "expression", "frame"])
    assert len(both) > 50
    close = np.abs(both["probability"] - both["served"]) < 1e-3
    assert close.mean() > 0.95
    loaded_as_reported(folder, two)


def test_heads_on_geometric_features(two, tmp_path):
    options = ["--protocol", "holdout", "--head", "svm", "--features", "geometric"]
    folder = run(gfe_lstm, two, tmp_path, *options, "--seeds", "1")
    assert metrics(folder)["roc_auc"] > 0.6
    assert not (folder / "history.csv").exists()
    loaded_as_reported(folder, two)


def test_sequence_network(two, tmp_path):
    options = ["--head", "softmax", "--protocol", "shuffled", "--seeds", "1"]
    folder = run(gfe_sequence, two, tmp_path, *options, "--epochs", "5")
    assert metrics(folder)["roc_auc"] > 0.7
    index, points = gfe.index(two), gfe.points(gfe.index(two))
    model = keras.saving.load_model(folder / "model.keras")
    assert model.predict(points[None, :70], verbose=0).shape == (1, 70, 2)
    loaded_as_reported(folder, two)

    # The same again, dropout and all, whatever the network learned before.
    settings = json.loads((folder / "config.json").read_text())["settings"]
    *_, (_, expression, rows, part) = study.plan(index, settings)
    again = Method("GrammaticalSequence", settings).learn(part, points[rows])
    told = predictions(folder).query("expression == @expression")
    np.testing.assert_allclose(told["probability"], again.probability, atol=1e-6)
    history = pd.read_csv(folder / "history.csv").query("expression == @expression")
    assert len(history) == 5
    np.testing.assert_allclose(history["loss"], again.history["loss"], atol=1e-6)


def test_a_head_is_resumed_after_its_models_were_written(two, tmp_path, monkeypatch):
    options = ["--protocol", "holdout", "--head", "xgboost", *SHORT]
    conclude = gfe_report.conclude

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(gfe_report, "conclude", interrupted)
    with pytest.raises(SystemExit):
        run(gfe_mlp, two, tmp_path, *options)
    monkeypatch.setattr(gfe_report, "conclude", conclude)
    folder = run(gfe_mlp, two, tmp_path, *options, "--resume")
    assert (folder / "heads" / "affirmative" / "head.ubj").exists()


def interrupt_the_second_training(monkeypatch):
    """Ctrl-C there; returns what to put back."""
    learn, calls = Method.learn, []

    def interrupted(self, part, points):
        calls.append(part)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return learn(self, part, points)

    monkeypatch.setattr(Method, "learn", interrupted)
    return learn


def test_changed_labels_are_not_resumed(two, tmp_path, monkeypatch):
    folder = tmp_path / "gfe"
    folder.mkdir()
    for path in two.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    learn = interrupt_the_second_training(monkeypatch)
    options = ["--protocol", "holdout", *SHORT]
    with pytest.raises(SystemExit):
        run(gfe_lstm, folder, tmp_path / "runs", *options)
    labels = folder / "a_affirmative_targets.txt"
    labels.write_text("\n".join(reversed(labels.read_text().split())))
    monkeypatch.setattr(Method, "learn", learn)
    with pytest.raises(SystemExit, match="data have changed"):
        run(gfe_lstm, folder, tmp_path / "runs", *options, "--resume")


def test_same_seed_same_measures_and_resumed_the_same(
    lstm, two, tmp_path, monkeypatch, capsys
):
    options = ["--protocol", "holdout", *SHORT]
    learn = interrupt_the_second_training(monkeypatch)
    with pytest.raises(SystemExit) as stop:
        run(gfe_lstm, two, tmp_path, *options)
    assert stop.value.code == 130
    assert "Unfinished, 1 part done" in capsys.readouterr().err
    assert not any((tmp_path / "gfe_lstm").glob("[!.]*"))
    monkeypatch.setattr(Method, "learn", learn)
    resumed = run(gfe_lstm, two, tmp_path, *options, "--resume")
    assert metrics(resumed) == metrics(lstm)
    for name in ["history.csv", "predictions.csv"]:
        assert (resumed / name).read_text() == (lstm / name).read_text()
    ours, theirs = (keras.saving.load_model(f / "model.keras") for f in [resumed, lstm])
    points = gfe.points(gfe.index(two).iloc[:50])
    np.testing.assert_array_equal(
        ours.predict(points, verbose=0), theirs.predict(points, verbose=0)
    )


def test_recording_z_score_is_a_flag_that_reaches_the_saved_model(two, tmp_path):
    options = ["--protocol", "holdout", "--z-score", "recording", *SHORT]
    folder = run(gfe_lstm, two, tmp_path, *options)
    model = keras.saving.load_model(folder / "model.keras")
    index = gfe.index(two).query("signer == 'a' and expression == 'affirmative'")
    found = model.predict_on_batch(gfe.points(index))[:, 0]
    told = predictions(folder).query("subject == 'a' and expression == 'affirmative'")
    np.testing.assert_allclose(found[told["frame"]], told["probability"], atol=1e-4)
    loaded_as_reported(folder, two)
