import dataclasses
import json
import os
import shutil

import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from datasets import sample, sase_fe
from experiments import sase_lstm_pb
from experiments.harness.checkpoint import Checkpoint
from experiments.sase_fe import Settings, emotion, heads, study
from zoo import heads as zoo_heads
from zoo.inputs import landmark_files

EMOTIONS = ["--emotions", "happiness", "anger"]
NETWORK = ["--units", "8", "--depth", "1", "--epochs", "3", "--steps", "3"]
NETWORK += ["--pb-rate", "2"]  # not the default, to be seen in what is written
COPIES = ["--copies", "1", "--test-copies", "2"]
ALONE = ["--jobs", "1"]
XGBOOST = "LSTM-PB, XGBoost"


def run(out, *options, data=("--data", "sample")):
    options = [*data, *EMOTIONS, *NETWORK, *COPIES, *options]
    return sase_lstm_pb.main([*options, "--out", str(out)])


@pytest.fixture(autouse=True, scope="module")
def few_trees():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(heads.TREES, "n_estimators", 40)
        patch.setitem(heads.TREES, "reg_lambda", 1)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run(tmp_path_factory.mktemp("runs"), *ALONE)


def predictions(folder, model=XGBOOST):
    return pd.read_csv(folder / "predictions.csv").query("model == @model")


def test_the_run_folder_is_complete(folder):
    names = {path.name for path in folder.iterdir()}
    figures = {"roc.png", "pb_space.png", "generated.png", "loss.png"}
    figures |= {"confusion_matrix.png"}
    tables = {"predictions.csv", "history.csv", "parametric_bias.csv", "failures.csv"}
    others = {"config.json", "metrics.json", "skipped.json", "README.md"}
    others |= {"serving.json"}
    assert names == figures | tables | others | {"anger", "happiness"}
    models = {"model.keras", "saved_model", "head.json", "svm", "logistic"}
    assert {path.name for path in (folder / "anger").iterdir()} == models
    report = (folder / "README.md").read_text()
    assert report.startswith("# sase_lstm_pb, protocol holdout (SAMPLE data, made by")
    for name in figures:
        assert (folder / name).stat().st_size > 5000 and f"]({name})" in report
    for name in names - {"README.md", "anger", "happiness"} - figures:
        assert f"`{name}`" in report
    assert "NIT-OVGU" in report and "0.667" in report and "no lie detector" in report


def test_everybody_is_on_one_side(folder):
    table = predictions(folder)
    vectors = pd.read_csv(folder / "parametric_bias.csv")
    trained = set(vectors.loc[vectors["side"] == "training", "subject"])
    assert len(table) == 20 and set(table["group"]) == {"anger", "happiness"}
    assert trained.isdisjoint(table["subject"]) and len(trained) == 19
    assert list(vectors.columns[-64:]) == [f"pb_{n}" for n in range(64)]
    assert table["sample"].str.match("train/Train/[0-9]+/(anger|happiness)/").all()


def test_measures_are_those_of_the_predictions(folder):
    table = predictions(folder)
    result = json.loads((folder / "metrics.json").read_text())
    right = (table["p_genuine"] > 0.5) == (table["truth"] == "genuine")
    assert result["accuracy"] == pytest.approx(right.mean())
    assert result["data"] == "sample" and result["n_pairs"] == 10
    wide = table.pivot(index=["group", "subject"], columns="truth", values="p_genuine")
    order = (wide["genuine"] > wide["fake"]) + 0.5 * (wide["genuine"] == wide["fake"])
    assert result["paired_accuracy"] == pytest.approx(order.mean())
    names = [XGBOOST, "LSTM-PB, SVM", "LSTM-PB, logistic regression"]
    assert list(result["models"]) == names
    svm = predictions(folder, names[1])
    right = (svm["p_genuine"] > 0.5) == (svm["truth"] == "genuine")
    assert result["models"][names[1]]["accuracy"] == pytest.approx(right.mean())
    assert set(result["trees"]) == {"holdout-anger", "holdout-happiness"}


def test_saved_files_give_the_predictions(folder):
    table = predictions(folder).query("group == 'anger'")
    index = sase_fe.index(sample.path("sase_fe")).query("emotion == 'anger'")
    index = index[index["subject"].isin(table["subject"])]
    tracks, rows, _ = sase_fe.tracks(index, copies=2)
    assert list(rows["subject"] + rows["video"]) == [
        name.removeprefix("train/").replace("/anger/", "") for name in table["sample"]
    ]
    copies = [copy for track in tracks for copy in track[1:]]
    model = keras.saving.load_model(folder / "anger" / "model.keras")
    vectors = model.recognise(copies, steps=3, pb_rate=2)
    files = {XGBOOST: "head.json", "LSTM-PB, SVM": "svm/head.skops"}
    files["LSTM-PB, logistic regression"] = "logistic/head.skops"
    for name, file in files.items():
        head = zoo_heads.load(folder / "anger" / file)
        each = head.predict_proba(vectors)[:, 1].reshape(-1, 2).mean(axis=1)
        wanted = predictions(folder, name).query("group == 'anger'")["p_genuine"]
        np.testing.assert_allclose(each, wanted, atol=1e-5)


def test_a_loaded_run_says_what_was_reported(folder):
    index = sase_fe.index(sample.path("sase_fe"))
    columns = ["part", "subject", "emotion", "video"]
    paths = index.set_index(index[columns].agg("/".join, axis=1))["path"]
    for part in ("anger", "happiness"):
        table = predictions(folder).query("group == @part")
        run = zoo.load_run(folder, part)
        used = {"steps": 3, "pb_rate": 2, "test_copies": 2, "seed": 0}
        assert run.serving["settings"] == used
        answers = run.predict(map(landmark_files.read, paths[table["sample"]]))
        found = np.concatenate(list(answers))[:, 1]
        np.testing.assert_allclose(found, table["p_genuine"], atol=1e-5)
        assert np.ptp(found) > 0.01


def test_the_exported_network_recognises_as_the_study_does(folder):
    import tensorflow as tf

    index = sase_fe.index(sample.path("sase_fe"))
    track = sase_fe.tracks(index[:1])[0][0]
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


@pytest.mark.services
def test_in_parallel_the_same(folder, tmp_path):
    other = run(tmp_path, "--jobs", "2")
    for name in ("history.csv", "parametric_bias.csv"):
        assert (other / name).read_text() == (folder / name).read_text()
    for name in ("LSTM-PB, SVM", "LSTM-PB, logistic regression"):
        # Not XGBoost: these processes have the study's own number of trees.
        one, two = (predictions(path, name) for path in (folder, other))
        pd.testing.assert_frame_equal(one, two)


@pytest.mark.parametrize("saves, left", [(7, 1), (8, 0)])
def test_interrupted_and_resumed_the_same(saves, left, folder, tmp_path, monkeypatch):
    """Within an emotion, and after its last epoch."""
    save, saved = Checkpoint.save, []

    def interrupted(checkpoint, key, content):
        save(checkpoint, key, content)
        saved.append(key)
        if len(saved) == saves:  # the data, an emotion of three epochs, and some more
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", interrupted)
    with pytest.raises(SystemExit) as stop:
        run(tmp_path, *ALONE)
    assert stop.value.code == 130 and saved[-1] == "holdout-happiness-epoch"
    saved.clear()
    resumed = run(tmp_path, *ALONE, "--resume")
    assert saved == ["data", *["holdout-happiness-epoch"] * left, "holdout-happiness"]
    for name in ("predictions.csv", "history.csv", "parametric_bias.csv"):
        assert (resumed / name).read_text() == (folder / name).read_text()
    for name in ("model.keras", "head.json"):
        assert (resumed / "anger" / name).stat().st_size


def test_videos_that_cannot_be_read_are_listed(tmp_path):
    data = tmp_path / "sase_fe"
    shutil.copytree(sample.path("sase_fe") / "Train", data / "Train")
    broken = data / "Train" / "2" / "N2H.npz"
    broken.write_bytes(broken.read_bytes()[:100])
    options = [*ALONE, "--emotions", "happiness"]
    folder = run(tmp_path / "runs", *options, data=("--data-dir", str(data)))
    failures = pd.read_csv(folder / "failures.csv")
    assert list(failures["path"]) == [str(broken)]
    recorded = json.loads((folder / "config.json").read_text())["data"]
    assert recorded["n_videos"] == 46
    assert recorded["n_train"] + len(predictions(folder)) == 46
    report = (folder / "README.md").read_text()
    assert report.count(str(broken)) == 1  # the reason names it already


def test_the_same_video_twice_is_noticed(tmp_path, capsys):
    for person in "12345":
        for code in ("N2H", "S2N2H"):
            target = tmp_path / "Train" / person / f"{code}.npz"
            target.parent.mkdir(parents=True, exist_ok=True)
            source = "1" if person == "5" else person
            shutil.copy(sample.path("sase_fe") / f"Train/{source}/{code}.npz", target)
    options = ["--emotions", "happiness", *ALONE, "--copies", "0"]
    folder = run(tmp_path, *options, data=("--data-dir", str(tmp_path)))
    output = capsys.readouterr().out
    for code in ("N2H", "S2N2H"):
        line = f"WARNING: Train/5 {code} is the same as Train/1 {code}"
        assert line in output and line in (folder / "README.md").read_text()
    # Folds of one person each, and one of them with one video: the heads still learn.
    (tmp_path / "Train" / "2" / "N2H.npz").unlink()
    run(tmp_path, *options, data=("--data-dir", str(tmp_path)))


def settings(protocol="holdout", **options):
    return dataclasses.replace(
        sase_lstm_pb.STUDY.settings(), protocol=protocol, **options
    )


@pytest.mark.parametrize("copies, test_copies", [(3, 1), (0, 2), (2, 0), (0, 0)])
def test_training_and_test_have_the_copies_asked_for(copies, test_copies):
    asked = settings(
        "folds", emotions=["anger"], copies=copies, test_copies=test_copies
    )
    index = study.usable(sase_fe.index(sample.path("sase_fe")), asked)
    rounds = study.divide(index, asked)
    tracks, _ = study.read_tracks(index, rounds, asked, 1)
    whole = sase_fe.tracks(index)[0]
    for count in (copies, test_copies):
        videos = study.select(index, tracks, rounds["fold1"][0], "anger", count)
        assert {len(track) for track in videos.tracks} == {max(1, count)}
        first = whole[videos.rows.index[0]][0]
        assert np.array_equal(videos.tracks[0][0], first) == (count == 0)


def test_each_class_generates_with_its_own_vector():
    keras.utils.set_random_seed(0)
    model = zoo.LSTMPB(units=4, depth=1)
    model.pb.assign(np.random.default_rng(0).normal(size=(2, 64)))
    track = np.random.default_rng(1).uniform(-1, 1, (1, 5, 80))
    videos = emotion.Videos(None, [track], np.ones(1), np.array(["a"]))
    streams = emotion.generate(model, videos, steps=3)
    for label in (0, 1):
        np.testing.assert_allclose(streams[label, 0], track[0, 0], atol=1e-6)
        wanted = model.generate(model.pb[label], track[0, 0], 3)
        np.testing.assert_allclose(streams[label, 1:], wanted, atol=1e-6)


@pytest.mark.parametrize(
    "options, reason",
    [
        (["--learning-rate", "1e30"], "diverged in holdout-anger. Lower --learning-ra"),
        (["--data-dir", "nowhere", "--data", "real"], "there is no folder"),
        (["--data", "real", "--data-dir", "empty"], "[Ee]xpected"),
        (["--emotions", "joy"], None),
        (["--validate", "--protocol", "folds"], None),
        (["--protocol", "challenge", "--data-dir", "half"], "expected a training part"),
    ],
)
def test_errors_end_in_a_message(options, reason, tmp_path, monkeypatch):
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
    assert capsys.readouterr().out.count("Without points: ") == 6


@pytest.mark.parametrize("gone", [True, False])
def test_no_video_is_left_out_for_a_fault_from_outside(gone, tmp_path, monkeypatch):
    index = pd.DataFrame({"path": [str(tmp_path / "a.mp4")], "emotion": ["anger"]})
    if not gone:
        (tmp_path / "a.mp4").write_text("")
    failed = index[["path"]].assign(reason="no face")
    monkeypatch.setattr(sase_fe, "tracks", lambda *_: ([], index[:0], failed))
    rounds = {"holdout": (np.array([0]), np.array([], int))}
    if gone:
        with pytest.raises(FileNotFoundError, match="a.mp4. Received: it was removed"):
            study.read_tracks(index, rounds, settings(), 1)
    else:
        assert study.read_tracks(index, rounds, settings(), 1)[0] == {}


@pytest.mark.parametrize(
    "protocol, count", [("holdout", 1), ("folds", 5), ("challenge", 1)]
)
def test_protocols_keep_people_apart(protocol, count):
    asked = settings(protocol)
    usable = study.usable(sase_fe.index(sample.path("sase_fe")), asked)
    rounds = study.divide(usable, asked)
    assert len(rounds) == count
    for train, test in rounds.values():
        sides = usable.iloc[train], usable.iloc[test]
        assert set(sides[0]["subject"]).isdisjoint(sides[1]["subject"])
        for name in sase_fe.EMOTIONS:
            study.check(part_of(usable, train, test, name))
        if protocol == "challenge":
            assert set(sides[1]["part"]) == {"validation"}
        else:
            assert set(usable["part"]) == {"train"}
    if protocol == "folds":
        tested = np.concatenate([test for _, test in rounds.values()])
        assert sorted(tested) == list(range(len(usable)))


def part_of(index, train, test, name):
    tracks = dict.fromkeys(index.index, np.zeros((1, 1, 80)))
    sides = [study.select(index, tracks, rows, name, 0) for rows in (train, test)]
    return emotion.Part("holdout", name, *sides, keep=False)


def test_a_validation_tests_nobody_of_the_test_part():
    index = study.usable(sase_fe.index(sample.path("sase_fe")), settings())
    ((train, test),) = study.divide(index, settings()).values()
    ((some, validated),) = study.divide(index, settings(validate=True)).values()
    assert sorted([*some, *validated]) == sorted(train)
    assert not set(validated) & set(test)


def test_videos_without_label_are_left_out():
    index = sase_fe.index(sample.path("sase_fe"))
    index.loc[index["part"] == "train", "label"] = pd.NA
    with pytest.raises(ValueError, match="labelled videos for --protocol holdout"):
        study.usable(index, settings())


def test_an_emotion_that_cannot_be_learned_is_named():
    index = sase_fe.index(sample.path("sase_fe"))
    index = index[(index["emotion"] != "anger") | (index["label"] == 1)]
    usable = study.usable(index.reset_index(drop=True), settings())
    train, test = study.divide(usable, settings())["holdout"]
    study.check(part_of(usable, train, test, "sadness"))
    with pytest.raises(study.StudyError, match="too few videos of anger"):
        study.check(part_of(usable, train, test, "anger"))


def test_emotions_come_once_and_in_order():
    assert Settings(emotions=("sadness", "anger", "anger")).emotions == (
        "anger",
        "sadness",
    )


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
    assert len(predictions(folder)) == 2
