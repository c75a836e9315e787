import pathlib

import pytest

from experiments import common, nvie_cnn, nvie_inception, nvie_network, nvie_svm

STUDY = nvie_inception.STUDY


@pytest.fixture(autouse=True)
def no_data(tmp_path, monkeypatch):
    """A user without data and with an empty home."""
    monkeypatch.delenv("DUCHENNE_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DUCHENNE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def sample(tmp_path):
    """A sample that is there already, empty as it is."""
    folder = tmp_path / "cache" / "sample" / "nvie-v1"
    folder.mkdir(parents=True)
    (folder / "README.txt").write_text("This is the Duchenne project's sample.")
    return folder


def test_without_data_a_study_runs_on_the_sample(sample):
    folder, tried = common.find_data(STUDY)
    assert folder == sample
    assert len(tried) == 1 and "duchenne/nvie" in tried[0]
    assert tried[0] in common.banner(STUDY, "sample", folder, tried)
    assert common.find_data(STUDY, "sample") == (sample, [])


def test_data_dir_beats_the_environment_which_beats_the_cache(tmp_path, monkeypatch):
    home = tmp_path / "home" / ".cache" / "duchenne" / "nvie"
    home.mkdir(parents=True)
    assert common.find_data(STUDY)[0] == home
    shared = tmp_path / "shared"
    (shared / "nvie").mkdir(parents=True)
    monkeypatch.setenv("DUCHENNE_DATA", str(shared))
    assert common.find_data(STUDY)[0] == shared / "nvie"
    mine = tmp_path / "mine"
    mine.mkdir()
    assert common.find_data(STUDY, data_dir=mine)[0] == mine
    assert common.find_data(STUDY, data_dir=shared)[0] == shared / "nvie"


def test_wrong_places_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere"):
        common.find_data(STUDY, data_dir=tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"no real data in .*duchenne/nvie"):
        common.find_data(STUDY, data="real")
    with pytest.raises(ValueError, match="exclude each other"):
        common.find_data(STUDY, data="sample", data_dir=tmp_path)


def test_defaults_are_the_thesis_s_best_settings():
    for study, rate, dropout in [
        (nvie_inception.STUDY, 5e-4, {"spontaneous": 0.4, "emotion": 0.7}),
        (nvie_cnn.STUDY, 5e-5, {"spontaneous": 0.4, "emotion": 0.4}),
    ]:
        for task in ["spontaneous", "emotion"]:
            settings = study.settings({"task": task}, on_sample=False)
            assert settings["learning_rate"] == rate
            assert settings["dropout"] == dropout[task]
            assert settings["batch_size"] == 64
            assert settings["l2"] and settings["augment"]
            assert settings["activation"] == "softmax"
    for on_sample, weights in [(False, "imagenet"), (True, "none")]:
        settings = STUDY.settings({"task": "emotion"}, on_sample)
        assert settings["weights"] == weights


def test_an_option_beats_every_default():
    options = {"task": "spontaneous", "epochs": 3, "l2": False}
    settings = STUDY.settings(options, on_sample=True)
    assert settings["epochs"] == 3 and settings["l2"] is False


def test_every_setting_of_table_4_1_is_an_option():
    options = " ".join(nvie_network.parser(STUDY, "doc").format_help().split())
    for name in (
        "learning-rate dropout batch-size decay l2 augment activation train-layers"
    ).split():
        assert f"--{name}" in options
    assert "(default: 0.0005; on the sample: " in options
    assert "0.4 for spontaneous, 0.7 for emotion" in options
    assert "it stays (default: 0)" in options  # and not "off"


@pytest.mark.parametrize("module", [nvie_inception, nvie_cnn, nvie_svm])
def test_help_and_docstring(module, capsys):
    with pytest.raises(SystemExit) as stop:
        module.main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for word in ["Paper", "Command", "Expected", "Time", "seeds/003", "--task"]:
        assert word in text
    assert max(len(line) for line in text.splitlines()) <= 88


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--epochs", "0"], "whole number of 1 or more, received '0'"),
        (["--dropout", "1.5"], "a number from 0 to 1, received '1.5'"),
        (["--learning-rate", "nan"], "a number above 0, received 'nan'"),
        (["--batch-size", "many"], "received 'many'"),
        (["--task", "smile"], "invalid choice"),
        (["--seed", "-1"], "received '-1'"),
    ],
)
def test_bad_options_are_refused_in_a_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        nvie_cnn.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_no_data_in_the_folder_ends_in_a_message(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SystemExit) as stop:
        nvie_cnn.main(["--data-dir", str(empty), "--out", str(tmp_path / "runs")])
    message = str(stop.value)
    assert message.startswith("error: ")
    assert str(empty) in message and "manifest.csv" in message
    assert list(pathlib.Path(tmp_path / "runs" / "nvie_cnn").iterdir()) == []
