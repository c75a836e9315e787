"""The studies on grammatical facial expressions, from the shell's side."""

import dataclasses
import functools
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from datasets import gfe, gfe_download, sample
from experiments import common, gfe_lstm, gfe_mlp, gfe_report, gfe_sequence
from experiments import gfe as study
from experiments.gfe_learners import standardise
from experiments.gfe_method import Method
from zoo import feature_extractor, heads

EXPRESSIONS = ["affirmative", "doubt_question"]
SHORT = ["--epochs", "3", "--seeds", "1"]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two expressions of the sample, linked into a folder of their own."""
    folder = tmp_path_factory.mktemp("data") / "gfe"
    folder.mkdir()
    for path in sample.path("gfe").glob("?_*.txt"):
        if "affirmative" in path.name or "doubt" in path.name:
            (folder / path.name).symlink_to(path)
    return folder


def run(module, two, out, *arguments):
    options = ["--data-dir", str(two), "--out", str(out), *arguments]
    return module.main(options)


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


def bare(code, cwd, *arguments):
    """Runs code in a process that has TensorFlow and nothing of ours."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_saved_model_decides_as_the_study_did(lstm, two, tmp_path):
    index = gfe.index(two)
    np.save(tmp_path / "points.npy", gfe.points(index))
    code = """
import sys, numpy as np, tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
for endpoint in ["serve", "features"]:
    np.save(endpoint, getattr(loaded, endpoint)(np.load("points.npy")))
"""
    bare(code, tmp_path, lstm / "saved_model")
    found = np.load(tmp_path / "serve.npy")
    assert found.shape == (len(index), 2)
    assert np.load(tmp_path / "features.npy").shape == (len(index), 2, 105)
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


def test_saved_features_and_head_decide_as_the_study_did(trees, two, tmp_path):
    table = predictions(trees).query("seed == 0 and round == 'trained_on_a'")
    index = gfe.index(two).query("signer == 'b' and expression == 'doubt_question'")
    np.save(tmp_path / "points.npy", gfe.points(index)[None])
    code = """
import sys, numpy as np, tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
np.save("features.npy", loaded.features(np.load("points.npy")))
"""
    place = trees / "trained_on_a"
    bare(code, tmp_path, place / "saved_model")
    features = np.load(tmp_path / "features.npy")[0]
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
    folder = run(gfe_mlp, two, tmp_path, *options)
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


def test_heads_on_geometric_features(two, tmp_path):
    options = ["--protocol", "holdout", "--head", "svm", "--features", "geometric"]
    folder = run(gfe_lstm, two, tmp_path, *options, "--seeds", "1")
    assert metrics(folder)["roc_auc"] > 0.6
    assert not (folder / "history.csv").exists()


@pytest.mark.parametrize(
    "options, named",
    [
        (["--features", "geometric"], "--features"),
        (["--head", "svm", "--features", "geometric", "--epochs", "3"], "--epochs"),
    ],
)
def test_options_without_effect_are_refused(options, named, two, tmp_path):
    with pytest.raises(SystemExit, match=f"{named} has no effect with --head"):
        run(gfe_lstm, two, tmp_path, *options)


def test_sequence_network(two, tmp_path):
    options = ["--head", "softmax", "--protocol", "shuffled", "--seeds", "1"]
    folder = run(gfe_sequence, two, tmp_path, *options, "--epochs", "5")
    assert metrics(folder)["roc_auc"] > 0.7
    model = keras.saving.load_model(folder / "model.keras")
    points = gfe.points(gfe.index(two).iloc[:70])
    assert model.predict(points[None], verbose=0).shape == (1, 70, 2)
    again = run(gfe_sequence, two, tmp_path, *options, "--epochs", "5")
    assert metrics(again) == metrics(folder)  # dropout and all


@pytest.mark.parametrize("head", [[], ["--head", "svm", "--features", "geometric"]])
def test_validation_to_its_end(head, two, tmp_path):
    options = ["--protocol", "holdout", "--validate", "--seeds", "1", *head]
    folder = run(
        gfe_lstm, two, tmp_path, *options, *([] if head else ["--epochs", "3"])
    )
    assert metrics(folder)["validation"] is True
    assert not (folder / "saved_model").exists()
    table = predictions(folder)
    assert table["round"].nunique() == 5
    _, outer, _ = parts(two, "holdout")
    trained = sum(len(part.train) for *_, part in outer)
    assert len(table) == trained


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
    two, tmp_path, monkeypatch, capsys
):
    options = ["--protocol", "holdout", *SHORT]
    undisturbed = run(gfe_lstm, two, tmp_path / "one", *options)
    learn = interrupt_the_second_training(monkeypatch)
    with pytest.raises(SystemExit) as stop:
        run(gfe_lstm, two, tmp_path / "two", *options)
    assert stop.value.code == 130
    assert "Unfinished, 1 part done" in capsys.readouterr().err
    assert not any((tmp_path / "two" / "gfe_lstm").glob("[!.]*"))
    monkeypatch.setattr(Method, "learn", learn)
    resumed = run(gfe_lstm, two, tmp_path / "two", *options, "--resume")
    assert metrics(resumed) == metrics(undisturbed)
    for name in ["history.csv", "predictions.csv"]:
        assert (resumed / name).read_text() == (undisturbed / name).read_text()
    ours, theirs = (
        keras.saving.load_model(f / "model.keras") for f in [resumed, undisturbed]
    )
    points = gfe.points(gfe.index(two).iloc[:50])
    np.testing.assert_array_equal(
        ours.predict(points, verbose=0), theirs.predict(points, verbose=0)
    )


def parts(two, protocol, **settings):
    chosen = {"protocol": protocol, "seed": 0, "seeds": 1, **settings}
    chosen = gfe_sequence.STUDY.settings(chosen, on_sample=True)
    index = gfe.index(two)
    return index, list(study.plan(index, chosen)), chosen


@pytest.mark.parametrize("protocol", gfe.PROTOCOLS)
def test_validation_leaves_the_test_part_alone(two, protocol):
    index, inner, _ = parts(two, protocol, validate=True)
    _, outer, _ = parts(two, protocol)
    assert len(inner) == 5 * len(outer)
    for division, expression, _, part in inner:
        name = division.name.split("-block_")[0]
        [whole] = [p for d, e, _, p in outer if (d.name, e) == (name, expression)]
        used = np.concatenate([part.train, part.test])
        assert not np.intersect1d(used, whole.test).size
        np.testing.assert_array_equal(np.sort(used), whole.train)


@pytest.mark.parametrize("people", ["known", "new"])
def test_training_frames_never_see_test_frames(two, people):
    """Other test frames, and the training part's features stay as they were."""
    index, plan, settings = parts(two, "holdout", people=people)
    method = Method("GrammaticalSequence", settings)
    _, _, rows, part = plan[0]
    points = gfe.points(index)[rows]
    before = method.features(part, points)
    points[part.test] = points[part.test][::-1]
    after = method.features(part, points)
    np.testing.assert_array_equal(before[part.train], after[part.train])
    assert not np.allclose(before[part.test], after[part.test])


def test_z_score_of_the_training_part(two):
    _, plan, _ = parts(two, "holdout")
    _, _, rows, part = plan[0]
    x = np.random.default_rng(0).normal(5, 3, (len(rows), 4)).astype("float32")
    x[part.test] += 100
    scaled, scale = standardise(part, x, "train")
    np.testing.assert_allclose(scaled[part.train].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(scaled[part.train].std(axis=0), 1, atol=1e-4)
    np.testing.assert_allclose(scale["mean"], x[part.train].mean(axis=0))
    whole, scale = standardise(part, x, "recording")
    assert scale == {}
    for own in part.index.groupby("signer").indices.values():
        np.testing.assert_allclose(whole[own].mean(axis=0), 0, atol=1e-4)


def test_recording_z_score_is_a_flag_that_reaches_the_saved_model(two, tmp_path):
    options = ["--protocol", "holdout", "--z-score", "recording", *SHORT]
    folder = run(gfe_lstm, two, tmp_path, *options)
    model = keras.saving.load_model(folder / "model.keras")
    index = gfe.index(two).query("signer == 'a' and expression == 'affirmative'")
    found = model.predict_on_batch(gfe.points(index))[:, 0]
    told = predictions(folder).query("subject == 'a' and expression == 'affirmative'")
    np.testing.assert_allclose(found[told["frame"]], told["probability"], atol=1e-4)


def test_the_paper_s_table():
    columns = gfe_report.REPORTED.drop("mean")
    assert len(columns) == len(gfe.EXPRESSIONS)
    np.testing.assert_allclose(
        columns.mean(), gfe_report.REPORTED.loc["mean"], atol=1e-4
    )


def test_one_label_only_is_an_error(two, tmp_path):
    folder = tmp_path / "gfe"
    folder.mkdir()
    for path in two.glob("*_affirmative_*"):
        text = path.read_text()
        if "targets" in path.name:
            text = text.replace("1", "0")
        (folder / path.name).write_text(text)
    with pytest.raises(SystemExit, match="affirmative, holdout: all .* same label"):
        run(gfe_lstm, folder, tmp_path / "runs", "--protocol", "holdout")


def test_one_signer_only_is_an_error_for_the_protocol_that_needs_both(two, tmp_path):
    folder = tmp_path / "gfe"
    folder.mkdir()
    for path in two.glob("a_affirmative_*"):
        (folder / path.name).symlink_to(path)
    with pytest.raises(SystemExit, match="only one of affirmative"):
        run(gfe_lstm, folder, tmp_path / "runs", "--protocol", "signer")


def test_without_data_and_network_the_sample_stands_in(monkeypatch, tmp_path):
    monkeypatch.delenv("DUCHENNE_DATA", raising=False)
    cache = os.environ.get("DUCHENNE_CACHE", "~/.cache/duchenne")
    monkeypatch.setenv("DUCHENNE_CACHE", str(pathlib.Path(cache).expanduser()))
    monkeypatch.setenv("HOME", str(tmp_path))
    # Nothing listens there: the connection is refused at once.
    nobody = functools.partial(gfe_download.download, url="http://127.0.0.1:9/a.zip")
    offline = dataclasses.replace(gfe_lstm.STUDY, download=nobody)
    folder, tried = common.find_data(offline)
    assert folder == sample.path("gfe")
    assert "Could not download" in tried[0] and "refused" in tried[0]
    with pytest.raises(FileNotFoundError, match="Could not download"):
        common.find_data(offline, "real")
    assert not (tmp_path / ".cache" / "duchenne" / "gfe").exists()


@pytest.mark.parametrize("module", [gfe_lstm, gfe_mlp, gfe_sequence])
def test_help_and_docstring(module, capsys):
    with pytest.raises(SystemExit) as stop:
        module.main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for word in ["Paper", "Command", "Expected", "Time", "seeds/004", "--protocol"]:
        assert word in text
    assert max(len(line) for line in text.splitlines()) <= 88
    assert "MEASURED" not in text


@pytest.fixture
def real():
    if not os.environ.get("DUCHENNE_DATA"):
        pytest.skip("DUCHENNE_DATA is not set")
    return pathlib.Path(os.environ["DUCHENNE_DATA"]) / "gfe"


@pytest.mark.real_data
def test_the_paper_s_lstm_on_shuffled_frames(real, tmp_path):
    options = ["--protocol", "shuffled", "--seeds", "1", "--out", str(tmp_path)]
    told = metrics(gfe_lstm.main(["--data-dir", str(real), *options]))
    assert told["data"] == "real" and told["protocol"] == "shuffled"
    assert told["f1"] > 0.895


MUST_HOLD = [
    (gfe_lstm, "shuffled", 0.895),
    (gfe_lstm, "holdout", 0.79),
    pytest.param(
        *(gfe_sequence, "shuffled", 0.965),
        marks=pytest.mark.xfail(reason="measured: 0.964, standard deviation 0.004"),
    ),
    (gfe_sequence, "holdout", 0.88),
    (gfe_sequence, "signer", 0.78),
]


@pytest.mark.large
@pytest.mark.real_data
@pytest.mark.parametrize("module, protocol, least", MUST_HOLD)
def test_three_seeds_on_real_data(real, tmp_path, module, protocol, least):
    options = ["--protocol", protocol, "--seeds", "3", "--out", str(tmp_path)]
    told = metrics(module.main(["--data-dir", str(real), *options]))
    assert told["f1"] > least
    if protocol == "signer":
        assert told["roc_auc"] > 0.93
