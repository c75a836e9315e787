"""All studies in one command, and the list of them."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from experiments import ROOT, STUDIES, all, load_study


@pytest.fixture
def no_data(tmp_path, monkeypatch):
    """A machine without real data."""
    cache = pathlib.Path("~/.cache/duchenne").expanduser()
    monkeypatch.setenv("DUCHENNE_CACHE", os.environ.get("DUCHENNE_CACHE", str(cache)))
    monkeypatch.setenv("DUCHENNE_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))


def planned(*words, **options):
    return all.plan(all.Options(studies=words, **options))


def test_own_protocol_and_the_papers(no_data):
    runs = planned("pupil_course", "sase_lstm_pb", quick=True)
    assert [(one.name, one.protocol) for one in runs] == [
        ("pupil_course", "video"),
        ("pupil_course", "paper"),
        ("sase_lstm_pb", "holdout"),
        ("sase_lstm_pb", "challenge"),
    ]
    assert "--epochs" in runs[2].words and "sample" in runs[2].words


def test_only_real_data_are_asked_for(no_data, capsys):
    assert planned("pupil_lstm", data="real") == []
    assert "Left out pupil_lstm: There are no real data in" in capsys.readouterr().out


def test_folder_of_some_data_leaves_the_others_to_the_sample(tmp_path):
    (tmp_path / "pupil").mkdir()
    runs = planned("pupil_course", "gfe_mlp", data_dir=tmp_path)
    kinds = {one.name: one.words[one.words.index("--data") + 1] for one in runs}
    assert kinds == {"pupil_course": "real", "gfe_mlp": "sample"}


@pytest.mark.services
def test_runs_and_takes_finished_ones_as_they_are(tmp_path, capsys):
    words = ["pupil_course", "--data", "sample", "--out", str(tmp_path)]
    all.main(words)
    shown = capsys.readouterr().out
    assert "2 runs, 0 of them finished" in shown
    assert "pupil_course on Observers' pupils, protocol paper: " in shown
    folders = sorted(tmp_path.glob("pupil_course/*"))
    assert len(folders) == 2
    page = (tmp_path / "all" / "compare.html").read_text()
    assert "Course of the pupil" in page and "SAMPLE" in page
    all.main([*words, "--quick"])
    assert "2 runs, 2 of them finished" in capsys.readouterr().out
    assert sorted(tmp_path.glob("pupil_course/*")) == folders


@pytest.mark.services
def test_failed_run_is_reported_and_stops_no_other(tmp_path, capsys):
    (tmp_path / "data" / "pupil").mkdir(parents=True)
    words = ["pupil_course", "--data-dir", str(tmp_path / "data")]
    with pytest.raises(SystemExit, match="1"):
        all.main([*words, "--out", str(tmp_path / "runs")])
    shown = capsys.readouterr().out
    assert shown.count("FAILED pupil_course") == 2 and "LEPD.xlsx" in shown


def test_list_names_every_study_and_loads_no_tensorflow():
    script = "import runpy, sys; runpy.run_module('experiments', run_name='__main__')\n"
    script += "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    command = [sys.executable, "-c", script]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert [f"python -m experiments.{name}" in shown for name in STUDIES] == [True] * 9


def test_readme_tells_what_papers_report():
    table = (ROOT / "README.md").read_text().partition("## The studies")[2]
    for name in STUDIES:
        row = table.partition(f"`python -m experiments.{name}`")[2].partition("\n")[0]
        for one in load_study(name).reported:
            if one.group is None and one.ours and load_study(name).ours == "":
                value = f"{one.value:g}" if one.measure == "f1" else one.value * 100
                value = value if isinstance(value, str) else f"{value:.4g} %"
                assert value in row or one.name not in row, (name, one)


def test_words_of_a_command_line():
    settings = load_study("sase_lstm_pb")
    words = all.options.as_words(settings.quick)
    assert settings.is_quick(settings.parse(words)[1])
    assert json.dumps(words)
