import json
import os
import re
import shutil

import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from datasets import sample, sase_fe
from experiments import parts, sase, sase_heads, sase_lstm_pb, sase_task
from zoo import heads
from zoo.inputs import landmark_files

EMOTIONS = ["--emotions", "happiness", "anger"]
NETWORK = ["--units", "8", "--depth", "1", "--epochs", "3", "--steps", "3"]
NETWORK += ["--pb-rate", "2"]  # not the default, to be seen in what is written
COPIES = ["--copies", "1", "--test-copies", "2"]
ALONE = ["--jobs", "1"]


def run(out, *options, data=("--data", "sample")):
    options = [*data, *EMOTIONS, *NETWORK, *COPIES, *options]
    return sase_lstm_pb.main([*options, "--out", str(out)])


@pytest.fixture(autouse=True, scope="module")
def few_trees():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sase_heads.TREES, "n_estimators", 40)
        patch.setitem(sase_heads.TREES, "reg_lambda", 1)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run(tmp_path_factory.mktemp("runs"), *ALONE)


def test_the_run_folder_is_complete(folder):
    names = {path.name for path in folder.iterdir()}
    figures = {"roc.png", "pb_space.png", "generated.png", "loss.png"}
    figures |= {"confusion_matrix.png"}
    tables = {"predictions.csv", "history.csv", "parametric_bias.csv", "failures.csv"}
    told = {"config.json", "metrics.json", "skipped.json", "report.md"}
    told |= {"model_card.md", "serving.json"}
    assert names == figures | tables | told | {"anger", "happiness"}
    models = {"model.keras", "saved_model", "head.ubj", "svm", "logistic"}
    assert {path.name for path in (folder / "anger").iterdir()} == models
    report = (folder / "report.md").read_text()
    assert report.startswith("# sase_lstm_pb, protocol holdout (SAMPLE data, made by")
    for name in figures:
        assert (folder / name).stat().st_size > 5000 and f"]({name})" in report
    for name in names - {"report.md", "anger", "happiness"} - figures:
        assert f"- `{name}`" in report
    assert "HCILab" in report and "66.7" in report and "no lie detector" in report


def test_everybody_is_on_one_side(folder):
    told = pd.read_csv(folder / "predictions.csv")
    vectors = pd.read_csv(folder / "parametric_bias.csv")
    trained = set(vectors.loc[vectors["side"] == "training", "subject"])
    assert len(told) == 20 and set(told["emotion"]) == {"anger", "happiness"}
    assert trained.isdisjoint(told["subject"]) and len(trained) == 19
    assert list(vectors.columns[-64:]) == [f"pb_{n}" for n in range(64)]


def test_measures_are_those_of_the_predictions(folder):
    told = pd.read_csv(folder / "predictions.csv")
    result = json.loads((folder / "metrics.json").read_text())
    right = (told["probability"] > 0.5) == told["truth"]
    assert result["accuracy"] == pytest.approx(right.mean())
    assert result["data"] == "sample" and result["n_pairs"] == 10
    wide = told.pivot(
        index=["emotion", "subject"], columns="truth", values="probability"
    )
    order = (wide[1] > wide[0]) + 0.5 * (wide[1] == wide[0])
    assert result["paired_accuracy"] == pytest.approx(order.mean())
    assert set(result["heads"]) == {"xgboost", "svm", "logistic"}
    assert result["heads"]["svm"]["accuracy"] == pytest.approx(
        ((told["svm"] > 0.5) == told["truth"]).mean()
    )


def test_saved_files_give_the_predictions(folder, served):
    told = pd.read_csv(folder / "predictions.csv").query("emotion == 'anger'")
    index = sase_fe.index(sample.path("sase_fe")).query("emotion == 'anger'")
    index = index[index["subject"].isin(told["subject"])]
    tracks, rows, _ = sase_fe.load(index, copies=2)
    assert list(rows["video"]) == list(told["video"])
    copies = [copy for track in tracks for copy in track[1:]]
    model = keras.saving.load_model(folder / "anger" / "model.keras")
    vectors = model.recognise(copies, steps=3, pb_rate=2)
    files = {"probability": "head.ubj", "svm": "svm/head.skops"}
    files["logistic"] = "logistic/head.skops"
    for column, file in files.items():
        head = heads.load(folder / "anger" / file)
        each = head.predict_proba(vectors)[:, 1].reshape(-1, 2).mean(axis=1)
        np.testing.assert_allclose(each, told[column], atol=1e-5)


def test_a_loaded_run_says_what_was_reported(folder):
    index = sase_fe.index(sample.path("sase_fe")).set_index(["subject", "video"])
    for part in ("anger", "happiness"):
        told = pd.read_csv(folder / "predictions.csv").query("emotion == @part")
        run = zoo.load_run(folder, part)
        used = {"steps": 3, "pb_rate": 2, "test_copies": 2, "seed": 0}
        assert run.serving["settings"] == used
        keys = zip(told["subject"], told["video"], strict=True)
        paths = [index.loc[key, "path"] for key in keys]
        answers = run.predict(map(landmark_files.read, paths))
        found = np.concatenate(list(answers))[:, 1]
        np.testing.assert_allclose(found, told["probability"], atol=1e-5)
        assert np.ptp(found) > 0.01


def test_the_exported_network_recognises_as_the_study_does(folder):
    import tensorflow as tf

    index = sase_fe.index(sample.path("sase_fe"))
    track = sase_fe.load(index[:1])[0][0]
    model = keras.saving.load_model(folder / "anger" / "model.keras")
    loaded = tf.saved_model.load(str(folder / "anger" / "saved_model"))
    found = loaded.features(track, np.array([track.shape[1]], "int32"))
    # The run's own number of steps and rate, not the defaults.
    wanted = model.recognise(track, steps=3, pb_rate=2)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert np.abs(found - model.recognise(track, pb_rate=2)).max() > 1e-4
    assert np.abs(found - model.recognise(track, steps=3)).max() > 1e-4
    ahead = loaded.serve(track, found)
    np.testing.assert_allclose(ahead, model((track, found)), atol=1e-6)


def test_in_parallel_the_same(folder, tmp_path):
    other = run(tmp_path, "--jobs", "2")
    for name in ("history.csv", "predictions.csv", "parametric_bias.csv"):
        told, again = (pd.read_csv(f / name) for f in (folder, other))
        # These processes have the study's own number of trees.
        numbers = {"probability"} & set(told)
        pd.testing.assert_frame_equal(
            told.drop(columns=numbers), again[told.columns.drop(numbers)]
        )


def test_interrupted_and_resumed_the_same(folder, tmp_path, monkeypatch, capsys):
    write, written = sase_task.write_arrays, []

    def interrupted(path, arrays):
        write(path, arrays)
        written.append(path.name)
        if len(written) == 6:  # an emotion of three epochs, and two more
            raise KeyboardInterrupt

    monkeypatch.setattr(sase_task, "write_arrays", interrupted)
    with pytest.raises(SystemExit) as stop:
        run(tmp_path, *ALONE)
    assert stop.value.code == 130
    assert written[-1] == "holdout-happiness.state"
    assert "Unfinished, 1 part done" in capsys.readouterr().err
    resumed = run(tmp_path, *ALONE, "--resume")
    assert written.count("holdout-happiness.state") == 3
    for name in ("predictions.csv", "history.csv", "parametric_bias.csv"):
        assert (resumed / name).read_text() == (folder / name).read_text()


def test_stopped_after_the_last_epoch_nothing_is_lost(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(sase_heads, "fit", interrupt)
    with pytest.raises(SystemExit):
        run(tmp_path, *ALONE)
    monkeypatch.undo()
    few = {**sase_heads.TREES, "n_estimators": 40, "reg_lambda": 1}
    monkeypatch.setattr(sase_heads, "TREES", few)
    resumed = run(tmp_path, *ALONE, "--resume")
    for name in ("predictions.csv", "history.csv"):
        assert (resumed / name).read_text() == (folder / name).read_text()


def interrupt(*_):
    raise KeyboardInterrupt


def test_what_cannot_be_read_is_listed(tmp_path):
    data = tmp_path / "sase_fe"
    shutil.copytree(sample.path("sase_fe") / "Train", data / "Train")
    broken = data / "Train" / "2" / "N2H.npz"
    broken.write_bytes(broken.read_bytes()[:100])
    options = [*ALONE, "--emotions", "happiness"]
    folder = run(tmp_path / "runs", *options, data=("--data-dir", str(data)))
    failures = pd.read_csv(folder / "failures.csv")
    assert list(failures["path"]) == [str(broken)]
    told = json.loads((folder / "config.json").read_text())["data"]
    assert told["n_videos"] == 46
    report = (folder / "report.md").read_text()
    assert report.count(str(broken)) == 1  # the reason names it already
    trained, tested = map(int, re.findall("(?:training|test) ([0-9]+) videos", report))
    assert trained + tested == 46


def test_the_same_video_twice_is_told(tmp_path, capsys):
    for person in "12345":
        for code in ("N2H", "S2N2H"):
            target = tmp_path / "Train" / person / f"{code}.npz"
            target.parent.mkdir(parents=True, exist_ok=True)
            source = "1" if person == "5" else person
            shutil.copy(sample.path("sase_fe") / f"Train/{source}/{code}.npz", target)
    options = ["--emotions", "happiness", *ALONE, "--copies", "0"]
    folder = run(tmp_path, *options, data=("--data-dir", str(tmp_path)))
    told = capsys.readouterr().out
    for code in ("N2H", "S2N2H"):
        line = f"WARNING: Train/5 {code} is the same as Train/1 {code}"
        assert line in told and line in (folder / "report.md").read_text()
    # Folds of one person each, and one of them with one video: the heads still learn.
    (tmp_path / "Train" / "2" / "N2H.npz").unlink()
    run(tmp_path, *options, data=("--data-dir", str(tmp_path)))


@pytest.mark.parametrize("copies, test_copies", [(3, 1), (0, 2), (2, 0), (0, 0)])
def test_training_and_test_have_the_copies_asked_for(copies, test_copies):
    asked = settings("folds", ["anger"])
    asked |= {"copies": copies, "test_copies": test_copies}
    index = sase.usable(sase_fe.index(sample.path("sase_fe")), asked)
    rounds = sase.rounds(index, asked)
    tracks, _ = sase.tracks_of(index, np.ones(len(index), bool), asked, parts.Spread())
    data = sase.Data(index, tracks, rounds, "")
    whole = sase_fe.load(index)[0]
    for count in (copies, test_copies):
        videos = sase.videos(data, rounds[0].train, "anger", count)
        assert {len(track) for track in videos.tracks} == {max(1, count)}
        first = whole[videos.rows[0]][0]
        assert np.array_equal(videos.tracks[0][0], first) == (count == 0)


def test_each_class_generates_with_its_own_vector():
    keras.utils.set_random_seed(0)
    model = zoo.LSTMPB(units=4, depth=1)
    model.pb.assign(np.random.default_rng(0).normal(size=(2, 64)))
    track = np.random.default_rng(1).uniform(-1, 1, (1, 5, 80))
    videos = sase_task.Videos(np.arange(1), [track], np.ones(1), np.array(["a"]))
    streams = sase_task.generated(model, videos, steps=3)
    for label in (0, 1):
        np.testing.assert_allclose(streams[label, 0], track[0, 0], atol=1e-6)
        wanted = model.generate(model.pb[label], track[0, 0], 3)
        np.testing.assert_allclose(streams[label, 1:], wanted, atol=1e-6)


@pytest.mark.parametrize(
    "options, reason",
    [
        (["--learning-rate", "1e30"], "diverged: lower --learning-rate"),
        (["--data-dir", "nowhere", "--data", "real"], "there is no folder"),
        (["--data", "real", "--data-dir", "empty"], "[Ee]xpected"),
        (["--emotions", "joy"], None),
        (["--protocol", "challenge", "--data-dir", "half"], "needs a training part"),
    ],
)
def test_what_cannot_be_done_ends_in_a_message(options, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "Train").symlink_to(sample.path("sase_fe") / "Train")
    data = () if "--data-dir" in options else ("--data", "sample")
    with pytest.raises(SystemExit) as stop:
        run(tmp_path / "runs", *ALONE, *options, data=data)
    if reason is None:
        assert stop.value.code == 2
    else:
        assert stop.match(reason)
    assert not list((tmp_path / "runs").glob("*/*"))


def test_where_nothing_can_be_read_the_reasons_are_named(tmp_path, capsys):
    for code in ("N2H", "S2N2H"):
        for person in "123":
            file = tmp_path / "Train" / person / f"{code}.npz"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("not a track")
    with pytest.raises(SystemExit, match="too few videos of happiness with a face"):
        run(tmp_path / "runs", *ALONE, data=("--data-dir", str(tmp_path)))
    assert capsys.readouterr().out.count("No points: ") == 6


def settings(protocol, emotions=sase_fe.EMOTIONS):
    return {"protocol": protocol, "seed": 0, "emotions": list(emotions)}


def test_protocols_keep_people_apart():
    index = sase_fe.index(sample.path("sase_fe"))
    for protocol, count in (("holdout", 1), ("folds", 5), ("challenge", 1)):
        asked = settings(protocol)
        usable = sase.usable(index, asked)
        rounds = sase.rounds(usable, asked)
        assert len(rounds) == count
        sase.check(usable, rounds, usable["emotion"].unique())
        for part in rounds:
            sides = usable.iloc[part.train], usable.iloc[part.test]
            assert set(sides[0]["subject"]).isdisjoint(sides[1]["subject"])
            if protocol == "challenge":
                assert set(sides[1]["part"]) == {"validation"}
            else:
                assert set(usable["part"]) == {"train"}
        if protocol == "folds":
            tested = np.concatenate([part.test for part in rounds])
            assert sorted(tested) == list(range(len(usable)))


def test_videos_without_label_are_left_out():
    index = sase_fe.index(sample.path("sase_fe"))
    index.loc[index["part"] == "train", "label"] = pd.NA
    with pytest.raises(ValueError, match="no labelled videos for --protocol holdout"):
        sase.usable(index, settings("holdout"))


def test_an_emotion_that_cannot_be_learned_is_named():
    index = sase_fe.index(sample.path("sase_fe"))
    index = index[(index["emotion"] != "anger") | (index["label"] == 1)]
    usable = sase.usable(index.reset_index(drop=True), settings("holdout"))
    rounds = sase.rounds(usable, settings("holdout"))
    with pytest.raises(ValueError, match="too few videos of anger"):
        sase.check(usable, rounds, usable["emotion"].unique())


@pytest.mark.real_data
@pytest.mark.skipif("DUCHENNE_DATA" not in os.environ, reason="needs real data")
def test_from_video_files_to_a_decision(tmp_path):
    """Three people, played by the sample's rendered videos and a real face."""
    data, clips = tmp_path / "sase_fe", sample.path("sase_fe") / "Train" / "1"
    real = os.path.join(os.environ["DUCHENNE_DATA"], "video", "single_face.mp4")
    for person in "123":
        (data / "Train" / person).mkdir(parents=True)
        for code in ("N2H", "S2N2H"):
            name = f"{code}.MP4"
            source = real if (person, code) == ("3", "N2H") else clips / name
            shutil.copy(source, data / "Train" / person / name)
    options = ["--emotions", "happiness", *ALONE, "--units", "4"]
    folder = run(tmp_path, *options, data=("--data-dir", str(data)))
    assert len(pd.read_csv(folder / "predictions.csv")) == 2
