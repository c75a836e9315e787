"""The studies on observers' pupils, from the workbooks to the run folder."""

import errno
import json
import os
import pathlib

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from datasets import pupil, sample
from experiments import pupil_course, pupil_lstm, pupil_report, within_rounds
from experiments.pupil_network import PrunedNetwork
from zoo import load_run
from zoo.inputs import pupil_files

SHORT = ["--protocol", "paper", "--epochs", "1"]


def run(module, out, *arguments):
    return module.main(["--data", "sample", "--out", str(out), *arguments])


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


@pytest.fixture(scope="module")
def index():
    return pupil.index(sample.path("pupil"))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return run(pupil_course, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def lstm(tmp_path_factory):
    """A run that was interrupted after its models were written, and gone on with."""
    out = tmp_path_factory.mktemp("runs")

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pupil_report, "conclude", interrupted)
        with pytest.raises(SystemExit):
            run(pupil_lstm, out, *SHORT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PrunedNetwork, "learn", interrupted)  # nothing is left to learn
        return run(pupil_lstm, out, *SHORT, "--resume")


def test_the_small_model_finds_the_sample_s_effect(course):
    result = metrics(course)
    assert result["protocol"] == "video" and result["data"] == "sample"
    assert result["roc_auc"] > 0.6
    assert result["parameters"] == {"Course of the pupil, this run (sample)": 26}
    assert result["n_test"] == 370 and result["n_test_videos"] == 19
    report = (course / "report.md").read_text()
    assert report.startswith("# pupil_course, protocol video (SAMPLE data, made by")


def test_run_folders_are_complete(course, lstm):
    shared = {"config.json", "metrics.json", "predictions.csv", "skipped.json"}
    shared |= {"report.md", "model_card.md", "roc.png", "confusion_matrix.png"}
    shared |= {"model.keras", "saved_model", "serving.json"}
    pruned = {"model.keras", "saved_model", "roc.png", "confusion_matrix.png"}
    pruned = {f"pruned_{name}" for name in pruned}
    own = {"history.csv", "loss.png", "angles.png"} | pruned
    for folder, more in ((course, {"course.png"}), (lstm, own)):
        assert {path.name for path in folder.iterdir()} == shared | more
        report = (folder / "report.md").read_text()
        for path in folder.glob("*.png"):
            assert path.stat().st_size > 5000 and f"]({path.name})" in report
        listed = [
            line.split("`")[1] for line in report.split("\n") if line[:3] == "- `"
        ]
        files = {name.rstrip("/") for name in listed}
        assert files == {p.name for p in folder.iterdir() if p.suffix != ".png"} - {
            "report.md"
        }


def test_predictions_are_what_the_saved_models_say(course, lstm, index):
    diameters = pupil.diameters(index)
    names = ["video", "observer", "eye"]
    for folder, models in ((course, [""]), (lstm, ["", "pruned_"])):
        table = pd.read_csv(folder / "predictions.csv")
        table = table.rename(columns={"subject": "observer"})
        first = table[table["round"] == table["round"].iloc[0]]
        rows = first.merge(index.reset_index()[[*names, "index"]])["index"]
        assert list(index["label"].iloc[rows]) == list(first["truth"])
        for prefix in models:
            column = "pruned" if prefix else "probability"
            loaded = tf.saved_model.load(folder / f"{prefix}saved_model")
            served = loaded.serve(diameters[rows]).numpy()
            np.testing.assert_allclose(served[:, 1], first[column], atol=1e-5)
            # Whatever follows the end of a series, a single one is the same.
            alone = loaded.serve(diameters[rows][:1, : index["n_samples"][rows[0]]])
            np.testing.assert_allclose(alone, served[:1], atol=1e-6)
            model = keras.saving.load_model(folder / f"{prefix}model.keras")
            again = model.predict(diameters[rows], verbose=0)
            np.testing.assert_allclose(again, served, atol=1e-6)


def test_a_loaded_run_says_what_was_reported(course, lstm):
    books = pupil_files.find(sample.path("pupil"))
    series = {eye: pupil_files.read(path).series for eye, path in books.items()}
    for folder, part in ((course, ""), (lstm, ""), (lstm, "pruned")):
        run, told = load_run(folder, part), pd.read_csv(folder / "predictions.csv")
        assert list(run.classes) == ["posed", "genuine"] and run.genuine == [1]
        first = told[told["round"] == told["round"].iloc[0]]
        rows = zip(first["eye"], first["video"], first["subject"], strict=True)
        answers = run.predict([series[eye][video][who] for eye, video, who in rows])
        column = part or "probability"
        np.testing.assert_allclose(answers[:, 1], first[column], atol=1e-5)


def test_before_and_after_pruning(lstm):
    result = metrics(lstm)
    assert result["protocol"] == "paper" and result["n_test"] == 70
    assert result["baselines"]["majority_class"] == pytest.approx(46 / 70)
    assert result["paper"]["Gong, before pruning"] == 0.3429
    told = result["rounds"]["paper"]["pruned"]
    assert [one["layer"] for one in told] == ["fc1", "features"]
    whole, smaller = (
        keras.saving.load_model(lstm / f"{prefix}model.keras")
        for prefix in ("", "pruned_")
    )
    before, after = result["parameters"].values()
    assert before == whole.count_params() == 2_340_742
    assert after == smaller.count_params() == told[1]["parameters_after"] < before
    for one, units in zip(told, (200, 20), strict=True):
        assert one["units"] == units
        assert one["kept"] == smaller.get_layer(one["layer"]).units < units
        gone = one["alike"] + one["complementary"] + one["constant"]
        assert one["kept"] + gone == units
        assert sum(one["angles"]) == units * (units - 1) // 2
    # The sample's network has not learned anything in an epoch: a constant answer.
    model = result["models"]["Pupil LSTM (sample)"]
    assert model["n_genuine_answers"] in (0, 70)
    assert model["balanced_accuracy"] == 0.5
    assert model["balanced_accuracy_ci95"] == [0.5, 0.5]
    report = (lstm / "report.md").read_text()
    assert "34.29 % = 24/70" in report and "65.71 % = 46/70" in report
    assert "a constant answer in 1 of 1 rounds; within a round, probab" in report
    assert "Nothing here is shown to beat chance." in report


def test_first_and_last_line_say_sample(tmp_path, capsys):
    folder = run(pupil_course, tmp_path, "--protocol", "observer")
    lines = capsys.readouterr().out.strip().split("\n")
    assert "SAMPLE" in lines[0] and "SAMPLE" in lines[-1]
    # The sample's videos can be told apart, as the protocol warns: easier than video.
    assert metrics(folder)["roc_auc_ci95"][0] > 0.5
    assert "Above chance, by ROC AUC and balanced accuracy: Course" in lines[-2]


def without_times(folder):
    result = metrics(folder)
    del result["milliseconds_a_series"]
    return result


def test_interrupted_and_resumed_the_same(course, tmp_path, monkeypatch, capsys):
    learn, calls = pupil_course.Course.learn, []

    def interrupted(self, part):
        calls.append(part)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return learn(self, part)

    monkeypatch.setattr(pupil_course.Course, "learn", interrupted)
    with pytest.raises(SystemExit) as stop:
        run(pupil_course, tmp_path)
    assert stop.value.code == 130
    assert "Unfinished, 2 parts done" in capsys.readouterr().err
    resumed = run(pupil_course, tmp_path, "--resume")
    assert len(calls) == 3 + 3  # the first two are not learned again
    assert without_times(resumed) == without_times(course)
    name = "predictions.csv"
    assert (resumed / name).read_text() == (course / name).read_text()


def test_options_reach_the_network(tmp_path):
    options = ["--four-patterns", "--diameters", "standardised", "--merge", "remove"]
    folder = run(pupil_lstm, tmp_path, *SHORT, *options, "--low", "5", "--high", "175")
    assert len(pd.read_csv(folder / "history.csv")) == 4  # an epoch of each group
    model = keras.saving.load_model(folder / "model.keras")
    assert model.get_layer("lstm").input.shape == (None, 1168, 2)
    told = metrics(folder)["rounds"]["paper"]["pruned"][0]
    gone = told["alike"] + told["complementary"] + told["constant"]
    assert told["complementary"] >= 2 and told["kept"] == 200 - gone


def test_presets():
    options = {"preset": "dlops", "protocol": "paper", "seed": 0, "epochs": None}
    assert pupil_lstm.STUDY.settings(options, on_sample=False)["epochs"] == 10
    options["preset"] = "gong"
    settings = pupil_lstm.STUDY.settings(options, on_sample=False)
    assert (settings["epochs"], settings["batch_size"]) == (50, 5)
    assert (settings["learning_rate"], settings["dropout"]) == (1e-3, 0.5)


@pytest.mark.parametrize(
    "options, reason",
    [
        (["--learning-rate", "1e38"], "diverged in epoch 1.*Lower --learning-rate"),
        (["--data-dir", "nowhere", "--data", "real"], "there is no folder"),
    ],
)
def test_what_cannot_be_done_ends_in_a_message(options, reason, tmp_path):
    arguments = ["--out", str(tmp_path), *SHORT, *options]
    if "--data" not in options:
        arguments += ["--data", "sample"]
    with pytest.raises(SystemExit, match=reason):
        pupil_lstm.main(arguments)
    assert not any(tmp_path.rglob("config.json"))


def test_a_full_disk_ends_in_a_message(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "report.md")

    monkeypatch.setattr(pupil_report, "conclude", full)
    with pytest.raises(SystemExit, match=r"^error: .*No space left.*'report\.md'"):
        run(pupil_course, tmp_path)


def test_an_empty_folder_names_what_is_expected_and_whom_to_ask(tmp_path):
    with pytest.raises(SystemExit, match=r"LEPD\.xlsx.*belong to the authors"):
        pupil_course.main(["--data-dir", str(tmp_path), "--out", str(tmp_path / "o")])


def test_intervals_are_those_of_drawing_observers_and_videos():
    rng = np.random.default_rng(0)
    pairs = [(o, v) for o in range(8) for v in range(12)]
    table = pd.DataFrame(pairs, columns=["observer", "video"]).drop(index=[3, 40])
    table["label"] = (table["video"] % 2 == 0).astype(int)
    table["round"] = table["video"] // 6
    ease = rng.normal(size=12)[table["video"]] + rng.normal(size=8)[table["observer"]]
    score = 0.6 * table["label"] + 0.3 * ease + 0.3 * rng.normal(size=len(table))
    score += 3 * table["round"]  # one round's model answers higher: no merit
    probability = 1 / (1 + np.exp(1 - score.to_numpy()))
    drawn = []

    def balanced(truth, chosen):
        return balanced_accuracy_score(truth, chosen > 0.5)

    def within(measure, truth, chosen, rows):
        """Mean of the rounds' measures, by their numbers of pairs."""
        areas, counts = [], []
        for number in (0, 1):
            part = table["round"].to_numpy()[rows] == number
            if len(set(truth[part])) == 2:
                areas.append(measure(truth[part], chosen[part]))
                counts.append(truth[part].sum() * (1 - truth[part]).sum())
        return np.average(areas, weights=counts) if counts else np.nan

    for _ in range(600):
        observers, videos = rng.integers(8, size=8), rng.integers(12, size=12)
        counts = [np.bincount(x, minlength=12) for x in (observers, videos)]
        weight = counts[0][table["observer"]] * counts[1][table["video"]]
        rows = np.repeat(np.arange(len(table)), weight)
        truth, chosen = table["label"].to_numpy()[rows], probability[rows]
        if len(set(truth)) == 2:
            right = np.mean((chosen > 0.5) == truth)
            areas = [within(f, truth, chosen, rows) for f in (balanced, roc_auc_score)]
            drawn.append([right, *areas])
    expected = np.nanpercentile(drawn, [2.5, 97.5], axis=0).T
    factors = "observer", "video"
    found = within_rounds.intervals(table, probability, factors)
    keys = ["ci95", "balanced_accuracy_ci95", "roc_auc_ci95"]
    np.testing.assert_allclose([found[key] for key in keys], expected, atol=0.035)
    every = np.arange(len(table))
    found = within_rounds.within_rounds(table, probability)
    for name, measure in {
        "roc_auc": roc_auc_score,
        "balanced_accuracy": balanced,
    }.items():
        expected = within(measure, table["label"].to_numpy(), probability, every)
        assert found[name] == pytest.approx(expected)
    assert found["roc_auc"] > roc_auc_score(table["label"], probability) + 0.05
    # A constant answer in each round, but not the same one.
    constant = np.where(table["round"] == 0, 0.4, 0.6)
    halves = within_rounds.within_rounds(table, constant)
    assert halves == {"roc_auc": 0.5, "balanced_accuracy": 0.5}


@pytest.mark.real_data
@pytest.mark.skipif("DUCHENNE_DATA" not in os.environ, reason="needs real data")
@pytest.mark.parametrize("protocol", ["video", "observer"])
def test_on_real_pupils_the_small_model_does_not_beat_chance(protocol, tmp_path):
    """The figures of the README: a little above 0.5, and not shown to be."""
    folder = pupil_course.main(
        ["--data", "real", "--protocol", protocol, "--out", str(tmp_path)]
    )
    assert isinstance(folder, pathlib.Path)
    result = metrics(folder)
    assert result["data"] == "real" and result["n_test"] == 370
    assert 0.55 < result["roc_auc"] < 0.65
    assert result["roc_auc_ci95"][0] < 0.5
    assert "Nothing here is shown" in (folder / "report.md").read_text()
