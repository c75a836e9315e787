"""The studies on observers' pupils, from the workbooks to the run folder."""

import json
import os

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from datasets import pupil, sample
from experiments import pupil_course, pupil_lstm
from experiments.harness import report
from experiments.harness.metrics import evaluate
from experiments.harness.options import check_ranges
from experiments.pupil import SPEC, NetworkSettings
from experiments.pupil.course import Course
from experiments.pupil.network import PrunedNetwork
from zoo import load_run
from zoo.inputs import pupil_files

SHORT = ["--protocol", "paper", "--epochs", "1"]


def run(module, out, *arguments):
    return module.main(["--data", "sample", "--out", str(out), *arguments])


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def written(course, lstm):
    """Each written model: run folder, part, and its answers in the first round."""
    for folder, part, model in (
        (course, "", "Course of the pupil"),
        (lstm, "", "Pupil LSTM"),
        (lstm, "pruned", "Pupil LSTM, pruned"),
    ):
        table = pd.read_csv(folder / "predictions.csv")
        table = table[table["model"] == model]
        yield folder, part, table[table["group"] == table["group"].iloc[0]]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return run(pupil_course, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def lstm(tmp_path_factory):
    """A run that was interrupted before its report, and resumed."""
    out = tmp_path_factory.mktemp("runs")

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "write", interrupted)
        with pytest.raises(SystemExit):
            run(pupil_lstm, out, *SHORT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PrunedNetwork, "learn", interrupted)  # nothing is left to learn
        return run(pupil_lstm, out, *SHORT, "--resume")


def test_the_small_model_finds_the_sample_s_effect(course):
    result = metrics(course)
    assert result["protocol"] == "video" and result["data"] == "sample"
    assert result["roc_auc"] > 0.6
    assert result["parameters"] == {"Course of the pupil": 26}
    averaged = "Course of the pupil, eyes averaged"
    assert list(result["models"]) == ["Course of the pupil", averaged]
    assert result["n_test"] == 370 and result["n_test_videos"] == 19
    assert set(result["penalty_C"]) == set(result["groups"])


def test_run_folders_are_complete(course, lstm):
    shared = {"config.json", "metrics.json", "predictions.csv", "skipped.json"}
    shared |= {"README.md", "roc.png", "confusion_matrix.png"}
    shared |= {"model.keras", "saved_model", "serving.json"}
    own = {"history.csv", "loss.png", "angles.png"}
    own |= {"pruned_model.keras", "pruned_saved_model"}
    for folder, more in ((course, {"course.png"}), (lstm, own)):
        names = {path.name for path in folder.iterdir()}
        assert names == shared | more
        readme = (folder / "README.md").read_text()
        for path in folder.glob("*.png"):
            assert path.stat().st_size > 5000 and f"]({path.name})" in readme
        lines = [line for line in readme.split("\n") if line[:3] == "- `"]
        files = {line.split("`")[1].rstrip("/") for line in lines}
        figures = {name for name in names if name.endswith(".png")}
        assert files == names - figures - {"README.md"}


def test_predictions_give_the_metrics_and_the_mean_of_both_eyes(course):
    table = pd.read_csv(course / "predictions.csv", float_precision="round_trip")
    again = evaluate(table, SPEC)
    assert again == {name: metrics(course)[name] for name in again}
    series, viewings = (part for _, part in table.groupby("model", sort=False))
    eyes = series["sample"].str.rsplit("/", n=1).str
    assert set(eyes[1]) == {"left", "right"}
    mean = series.groupby(eyes[0])["p_genuine"].mean()
    assert len(mean) == len(viewings)
    found = viewings.set_index("sample")["p_genuine"]
    np.testing.assert_allclose(found, mean[found.index])


def test_predictions_are_what_the_saved_models_say(course, lstm):
    index = pupil.index(sample.path("pupil"))
    diameters = pupil.diameters(index)
    rows = index[["observer", "video", "eye"]].agg("/".join, axis=1)
    rows = pd.Series(index.index, rows)
    for folder, part, table in written(course, lstm):
        prefix = part and f"{part}_"
        tested = rows[table["sample"]]
        truth = index["label"].iloc[tested].map({0: "posed", 1: "genuine"})
        assert truth.tolist() == table["truth"].tolist()
        loaded = tf.saved_model.load(folder / f"{prefix}saved_model")
        served = loaded.serve(diameters[tested]).numpy()
        np.testing.assert_allclose(served[:, 1], table["p_genuine"], atol=1e-5)
        # Whatever follows the end of a series, a single one is the same.
        alone = loaded.serve(diameters[tested][:1, : index["n_samples"][tested.iat[0]]])
        np.testing.assert_allclose(alone, served[:1], atol=1e-6)
        model = keras.saving.load_model(folder / f"{prefix}model.keras")
        again = model.predict(diameters[tested], verbose=0)
        np.testing.assert_allclose(again, served, atol=1e-6)


def test_a_loaded_run_says_what_was_reported(course, lstm):
    books = pupil_files.find(sample.path("pupil"))
    series = {eye: pupil_files.read(path).series for eye, path in books.items()}
    for folder, part, table in written(course, lstm):
        loaded = load_run(folder, part)
        assert list(loaded.classes) == ["posed", "genuine"] and loaded.genuine == [1]
        samples = [text.split("/") for text in table["sample"]]
        answers = loaded.predict(
            [series[eye][video][who] for who, video, eye in samples]
        )
        np.testing.assert_allclose(answers[:, 1], table["p_genuine"], atol=1e-5)


def test_before_and_after_pruning(lstm):
    result = metrics(lstm)
    assert result["protocol"] == "paper" and result["n_test"] == 70
    assert result["baselines"]["majority_class"] == pytest.approx(46 / 70)
    assert result["paper"][0]["value"] == 0.3429
    layers = result["pruned"]["paper"]
    assert [layer["layer"] for layer in layers] == ["fc1", "features"]
    whole = keras.saving.load_model(lstm / "model.keras")
    smaller = keras.saving.load_model(lstm / "pruned_model.keras")
    before, after = result["parameters"].values()
    assert before == whole.count_params() == 2_340_742
    assert after == smaller.count_params() == layers[1]["parameters"] < before
    for layer, units in zip(layers, (200, 20), strict=True):
        assert layer["units"] == units
        assert layer["kept"] == smaller.get_layer(layer["layer"]).units < units
        gone = layer["alike"] + layer["complementary"] + layer["constant"]
        assert layer["kept"] + gone == units
    # The sample's network has not learned anything in an epoch: a constant answer.
    assert result["n_genuine_answers"] in (0, 70)
    assert result["balanced_accuracy"] == 0.5
    assert result["balanced_accuracy_ci95"] == [0.5, 0.5]
    readme = (lstm / "README.md").read_text()
    assert "24/70 = 34.29 %" in readme and "46/70 = 65.71 %" in readme
    assert "- Pupil LSTM: constant answers in 1 of 1 rounds" in readme
    assert "NOT shown to beat chance" in readme


def test_the_sample_s_videos_can_be_told_apart(tmp_path):  # as the protocol warns
    result = metrics(run(pupil_course, tmp_path, "--protocol", "observer"))
    assert result["roc_auc_ci95"][0] > 0.5 and result["verdict"]["above"]


def test_interrupted_and_resumed_the_same(course, tmp_path, monkeypatch, capsys):
    learn, calls = Course.learn, []

    def interrupted(self, division):
        calls.append(division)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return learn(self, division)

    monkeypatch.setattr(Course, "learn", interrupted)
    with pytest.raises(SystemExit) as stop:
        run(pupil_course, tmp_path)
    assert stop.value.code == 130
    assert "Unfinished (2 checkpoints)" in capsys.readouterr().err
    resumed = run(pupil_course, tmp_path, "--resume")
    assert len(calls) == 3 + 3  # the first two are not learned again
    for name in ("metrics.json", "predictions.csv"):
        assert (resumed / name).read_text() == (course / name).read_text()


def test_options_reach_the_network(tmp_path):
    options = ["--four-patterns", "--diameters", "standardised", "--merge", "remove"]
    folder = run(pupil_lstm, tmp_path, *SHORT, *options, "--low", "5", "--high", "175")
    assert len(pd.read_csv(folder / "history.csv")) == 4  # an epoch of each group
    model = keras.saving.load_model(folder / "model.keras")
    assert model.get_layer("lstm").input.shape == (None, 1168, 2)
    layer = metrics(folder)["pruned"]["paper"][0]
    gone = layer["alike"] + layer["complementary"] + layer["constant"]
    assert layer["complementary"] >= 2 and layer["kept"] == 200 - gone


def test_presets():
    assert NetworkSettings(preset="dlops").epochs == 10
    assert NetworkSettings(preset="dlops", epochs=3).epochs == 3
    settings = NetworkSettings()
    assert (settings.epochs, settings.batch_size) == (50, 5)
    assert (settings.learning_rate, settings.dropout) == (1e-3, 0.5)
    with pytest.raises(ValueError, match="--low: expected a number .* up to 90"):
        check_ranges(NetworkSettings(low=91))


def test_a_training_that_diverges_ends_in_a_message(tmp_path):
    with pytest.raises(SystemExit, match="diverged in epoch 1.*Lower --learning-rate"):
        run(pupil_lstm, tmp_path, *SHORT, "--learning-rate", "1e38")
    assert not any(tmp_path.rglob("config.json"))


def test_an_empty_folder_names_what_is_expected_and_whom_to_ask(tmp_path):
    with pytest.raises(SystemExit, match=r"LEPD\.xlsx.*belong to the authors"):
        pupil_course.main(["--data-dir", str(tmp_path), "--out", str(tmp_path / "o")])


@pytest.mark.real_data
@pytest.mark.skipif("DUCHENNE_DATA" not in os.environ, reason="needs real data")
@pytest.mark.parametrize("protocol", ["video", "observer"])
def test_on_real_pupils_the_small_model_does_not_beat_chance(protocol, tmp_path):
    words = ["--data", "real", "--protocol", protocol, "--out", str(tmp_path)]
    result = metrics(pupil_course.main(words))
    assert result["data"] == "real" and result["n_test"] == 370
    assert 0.55 < result["roc_auc"] < 0.65
    assert result["roc_auc_ci95"][0] < 0.5
    assert not result["verdict"]["above"]
