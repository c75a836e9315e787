"""The studies on grammatical facial expressions: finished and resumed run folders."""

import json
import pathlib
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from datasets import gfe
from experiments import gfe_lstm, gfe_mlp, gfe_sequence
from experiments.gfe import method, study
from experiments.gfe.method import Method
from experiments.harness import report
from zoo import feature_extractor, heads, load_run
from zoo.inputs import gfe_files

EXPRESSIONS = ["affirmative", "doubt_question"]
SHORT = ["--protocol", "holdout", "--epochs", "3", "--seeds", "1"]


def run(module, two, out, *arguments):
    return module.main(["--data-dir", str(two), "--out", str(out), *arguments])


@pytest.fixture(scope="module", autouse=True)
def few_trees():
    """A fifth of the studies' trees; the sample takes no more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(method.TREES, "n_estimators", 40)
        yield


@pytest.fixture(scope="module")
def lstm(two, tmp_path_factory):
    return run(gfe_lstm, two, tmp_path_factory.mktemp("runs"), *SHORT)


@pytest.fixture(scope="module")
def trees(two, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    return run(gfe_sequence, two, out, "--protocol", "signer", "--seeds", "2")


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def predictions(folder):
    """predictions.csv of the main model, with expression, round, signer and frame."""
    table = pd.read_csv(folder / "predictions.csv", keep_default_na=False)
    table = table[table["model"] == table["model"].iloc[0]]
    table[["expression", "round"]] = [
        group.partition("/")[::2] for group in table["group"]
    ]
    frame = table["sample"].str.rpartition("/")[2].astype(int)
    return table.assign(signer=table["subject"], frame=frame)


def test_run_folder_is_as_everywhere(lstm):
    names = {path.name for path in lstm.iterdir()}
    assert names == {
        *("config.json", "metrics.json", "predictions.csv", "history.csv"),
        *("skipped.json", "README.md", "model.keras", "saved_model", "serving.json"),
        *("loss.png", "f1.png", "timeline.png", "confusion_matrix.png", "roc.png"),
    }
    history = pd.read_csv(lstm / "history.csv")
    assert history.groupby("expression").size().tolist() == [3, 3]
    config = json.loads((lstm / "config.json").read_text())
    assert config["settings"]["protocol"] == "holdout"
    assert config["data"]["n_recordings"] == 4
    text = (lstm / "README.md").read_text()
    for word in ["last fifth of each recording", "SAMPLE", "no lie detector", "always"]:
        assert word in text


def test_what_is_measured_is_what_is_predicted(lstm, trees):
    """F1 and AUC from predictions.csv by scikit-learn, averaged as documented."""
    for folder, protocol in [(lstm, "holdout"), (trees, "signer")]:
        table, measured = predictions(folder), metrics(folder)
        assert measured["protocol"] == protocol and measured["data"] == "sample"
        assert measured["ci95"] is None and measured["n_test_subjects"] == 2
        f1, auc, always = [], [], []
        for _, part in table.groupby(["seed", "group"]):
            truth = part["truth"] == "occurring"
            f1.append(f1_score(truth, part["p_occurring"] > 0.5))
            auc.append(roc_auc_score(truth, part["p_occurring"]))
            always.append(f1_score(truth, np.ones(len(truth))))
        assert measured["f1"] == pytest.approx(np.mean(f1), abs=1e-4)
        assert measured["roc_auc"] == pytest.approx(np.mean(auc), abs=1e-4)
        always_f1 = measured["baselines"]["always_f1"]
        assert always_f1 == pytest.approx(np.mean(always), abs=1e-6)
        each = [measured["groups"][name]["f1"] for name in EXPRESSIONS]
        assert measured["f1"] == pytest.approx(np.mean(each))
    by_seed = list(metrics(trees)["f1_by_seed"].values())
    assert len(by_seed) == 2
    assert metrics(trees)["f1_spread"] == pytest.approx(np.std(by_seed, ddof=1))
    assert "f1_spread" not in metrics(lstm)


def test_it_learns_the_sample(trees):
    measured = metrics(trees)
    assert measured["f1"] > measured["baselines"]["always_f1"] + 0.1
    assert measured["roc_auc"] > 0.8


def test_who_is_tested_was_not_trained_on(trees):
    tested = predictions(trees).groupby("round")["subject"].unique()
    assert tested["trained on a"].tolist() == ["b"]
    assert tested["trained on b"].tolist() == ["a"]


def loaded_as_reported(folder, two, part=None):
    """Compare what `zoo.load_run` says of recordings with predictions.csv."""
    loaded, table = load_run(folder, part), predictions(folder).query("seed == 0")
    assert list(loaded.classes) == EXPRESSIONS and loaded.data == "sample"
    table = table[table["round"] == part.replace("_", " ")] if part else table
    compared = 0
    for (expression, signer), (file, _) in gfe_files.find(two).items():
        own = (table["expression"] == expression) & (table["subject"] == signer)
        reported = table[own]
        answers = loaded.predict(gfe_files.read_points(file).points)
        answers = answers[reported["frame"], loaded.classes.index(expression)]
        # A feature at a split's threshold may fall on the other side by rounding.
        limit = 1e-3 if loaded.head else 1e-4
        close = np.abs(answers - reported["p_occurring"]) < limit
        least = (0.98 if loaded.head else 1) - 1e-9
        assert close.mean() > least or not len(reported)
        compared += len(reported)
    assert compared == len(table) > 50
    return loaded


def test_a_loaded_run_says_what_was_reported(lstm, trees, two):
    assert loaded_as_reported(lstm, two).head is None
    for part in ["trained_on_a", "trained_on_b"]:
        assert loaded_as_reported(trees, two, part).head.keys() == set(EXPRESSIONS)


def test_saved_model_decides_as_the_study_did(lstm, two, served):
    index = gfe.index(two)
    answers = served(lstm / "saved_model", gfe.points(index))
    probability = answers["serve"]
    assert probability.shape == (len(index), 2)
    assert answers["features"].shape == (len(index), 2, 105)
    frames = pd.concat(
        index.assign(served=probability[:, n]).query("expression == @name")
        for n, name in enumerate(EXPRESSIONS)
    )
    both = predictions(lstm).merge(frames, on=["signer", "expression", "frame"])
    assert len(both) == len(predictions(lstm))
    np.testing.assert_allclose(both["p_occurring"], both["served"], atol=1e-4)
    model = keras.saving.load_model(lstm / "model.keras")
    np.testing.assert_allclose(
        model.predict(gfe.points(index), verbose=0), probability, atol=1e-5
    )


def test_saved_features_and_head_decide_as_the_study_did(trees, two, served):
    index = gfe.index(two).query("signer == 'b' and expression == 'doubt_question'")
    folder = trees / "trained_on_a"
    features = served(folder / "saved_model", gfe.points(index)[None])["features"][0]
    head = heads.load(folder / "heads" / "doubt_question" / "head.json")
    table = predictions(trees).query("seed == 0 and round == 'trained on a'")
    table = table.query("expression == 'doubt_question'").sort_values("frame")
    probability = head.predict_proba(features)[:, 1]
    # A feature at a split's threshold may fall on the other side by rounding.
    assert np.mean(np.abs(table["p_occurring"] - probability) < 1e-3) > 0.98


def test_saved_model_takes_depths_that_were_not_measured(lstm, two):
    """As the Kinect writes them, before any bridging: as zeros."""
    path = next(two.glob("b_doubt*_datapoints.txt"))
    raw = np.loadtxt(path, skiprows=1)[:, 1:].reshape(-1, 100, 3)
    assert (raw[..., 2] == 0).any(axis=1).mean() > 0.5
    index = gfe.index(two).query("signer == 'b' and expression == 'doubt_question'")
    model = keras.saving.load_model(lstm / "model.keras")
    answers = [model.predict(p, verbose=0) > 0.5 for p in [raw, gfe.points(index)]]
    assert (answers[0] == answers[1]).mean() > 0.9


def interrupt(*arguments):
    raise KeyboardInterrupt


def interrupt_the_report(two, out, *arguments):
    """Ctrl-C when all is computed, then resume; return the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "write", interrupt)
        with pytest.raises(SystemExit):
            run(gfe_mlp, two, out, *arguments)
        # What was computed is not computed anew.
        patch.undo()
        patch.setattr(Method, "learn", interrupt)
        return run(gfe_mlp, two, out, *arguments, "--resume")


@pytest.mark.parametrize("head", ["svm", "xgboost"])
def test_heads_on_learned_features(head, two, tmp_path):
    options = [*SHORT, "--head", head, "--epochs", "5"]
    folder = interrupt_the_report(two, tmp_path, *options)
    assert metrics(folder)["roc_auc"] > 0.6
    suffix = {"svm": "skops", "xgboost": "json"}[head]
    loaded = heads.load(folder / "heads" / "doubt_question" / f"head.{suffix}")
    extractor = feature_extractor(keras.saving.load_model(folder / "model.keras"))
    index = gfe.index(two).query("expression == 'doubt_question'")
    features = extractor.predict(gfe.points(index), verbose=0)[:, 1]
    served = index.assign(served=loaded.predict_proba(features)[:, 1])
    both = predictions(folder).merge(served, on=["signer", "expression", "frame"])
    assert len(both) > 50
    close = np.abs(both["p_occurring"] - both["served"]) < 1e-3
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
    settings = gfe_sequence.Settings(**settings)
    *_, part = study.plan_parts(index, settings)
    rows = index["expression"] == part.expression
    again = Method("GrammaticalSequence", settings).learn(part, points[rows])
    table = predictions(folder)
    table = table[table["expression"] == part.expression]
    np.testing.assert_allclose(table["p_occurring"], again["probability"], atol=1e-6)
    history = pd.read_csv(folder / "history.csv")
    losses = history.loc[history["expression"] == part.expression, "loss"]
    np.testing.assert_allclose(losses, [row[1] for row in again["history"]], atol=1e-6)


@pytest.fixture
def second_training_interrupted(monkeypatch):
    """Ctrl-C there, until it is undone."""
    learn, calls = Method.learn, []

    def interrupted(self, part, points):
        calls.append(part)
        return interrupt() if len(calls) == 2 else learn(self, part, points)

    monkeypatch.setattr(Method, "learn", interrupted)
    return monkeypatch


def test_changed_labels_are_not_resumed(two, tmp_path, second_training_interrupted):
    folder = pathlib.Path(shutil.copytree(two, tmp_path / "gfe"))
    with pytest.raises(SystemExit):
        run(gfe_lstm, folder, tmp_path / "runs", *SHORT)
    labels = folder / "a_affirmative_targets.txt"
    labels.write_text("\n".join(reversed(labels.read_text().split())))
    with pytest.raises(SystemExit, match="data of the interrupted run"):
        run(gfe_lstm, folder, tmp_path / "runs", *SHORT, "--resume")


def test_same_seed_same_measures_and_resumed_the_same(
    lstm, two, tmp_path, second_training_interrupted, capsys
):
    with pytest.raises(SystemExit) as stop:
        run(gfe_lstm, two, tmp_path, *SHORT)
    assert stop.value.code == 130
    assert "Unfinished" in capsys.readouterr().err
    assert not any((tmp_path / "gfe_lstm").glob("[!.]*"))
    second_training_interrupted.undo()
    resumed = run(gfe_lstm, two, tmp_path, *SHORT, "--resume")
    assert metrics(resumed) == metrics(lstm)
    for name in ["history.csv", "predictions.csv"]:
        assert (resumed / name).read_text() == (lstm / name).read_text()
    ours, theirs = (keras.saving.load_model(f / "model.keras") for f in [resumed, lstm])
    points = gfe.points(gfe.index(two).iloc[:50])
    np.testing.assert_array_equal(
        ours.predict(points, verbose=0), theirs.predict(points, verbose=0)
    )


def test_recording_z_score_reaches_the_saved_model(two, tmp_path):
    folder = run(gfe_lstm, two, tmp_path, *SHORT, "--z-score", "recording")
    model = keras.saving.load_model(folder / "model.keras")
    index = gfe.index(two).query("signer == 'a' and expression == 'affirmative'")
    answers = model.predict_on_batch(gfe.points(index))[:, 0]
    table = predictions(folder).query("subject == 'a' and expression == 'affirmative'")
    np.testing.assert_allclose(answers[table["frame"]], table["p_occurring"], atol=1e-4)
    loaded_as_reported(folder, two)
    assert "tested frames included" in (folder / "README.md").read_text()


def test_pruned_network_decides_and_is_saved_and_resumed(two, tmp_path, capsys):
    options = [*SHORT, "--epochs", "12", "--prune"]
    folder = interrupt_the_report(two, tmp_path, *options)
    measured = metrics(folder)
    pruned, f1 = measured["pruned"], {n: m["f1"] for n, m in measured["models"].items()}
    assert 1 <= pruned["fewest"] <= pruned["units"] <= pruned["most"] < 105
    model = gfe_mlp.STUDY.model
    assert list(f1) == [model, f"{model}, before pruning"]
    assert f1[model] == measured["f1"]
    assert abs(f1[model] - f1[f"{model}, before pruning"]) < 0.1
    line = f"on average {pruned['units']:.0f} of 105 hidden units at work"
    assert line in (folder / "README.md").read_text()
    assert line in capsys.readouterr().out

    # The saved model is the pruned one: its answers, and so many units at work.
    loaded_as_reported(folder, two)
    saved = keras.saving.load_model(folder / "model.keras")
    working = [
        np.array(variable).any(axis=1).sum()
        for variable in saved.weights
        if variable.shape == (105, 2)
    ]
    assert [min(working), max(working)] == [pruned["fewest"], pruned["most"]]
