"""`python -m experiments`: the studies, their data, their last runs."""

import json
import pathlib
import re
import subprocess
import sys
import time

import pytest

from datasets import sample
from experiments import __main__ as command
from experiments import common, listing
from experiments.facts import STUDIES

ROOT = pathlib.Path(listing.__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def nobody(tmp_path, monkeypatch):
    """A user without data, whose home is empty, before a screen of 80 columns."""
    monkeypatch.delenv("DUCHENNE_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DUCHENNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


def listed(capsys, *arguments):
    """What is printed: the paragraphs of each study, and of each dataset, joined."""
    command.main(list(map(str, arguments)))
    text = capsys.readouterr().out
    joined = re.sub(r"\n {4,}(?=\S)(?!last run|passed over)", " ", text)
    return text, {group.split("\n")[0]: group for group in joined.split("\n\n")}


def run_folder(out, study, name, hours=2.0, **changes):
    """A run folder's two files that the list reads."""
    folder = out / study / name
    folder.mkdir(parents=True)
    started = time.localtime(time.time() - hours * 3600)
    config = {
        "study": study,
        "settings": {"protocol": "video", **changes.pop("settings", {})},
        "data": {"kind": changes.get("data", "sample")},
        "quick": changes.pop("quick", False),
        "started": time.strftime(listing.CLOCK, started),
    }
    metrics = {"data": "sample", "f1": 0.5, "accuracy": 0.75, "roc_auc": 0.625}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "metrics.json").write_text(json.dumps({**metrics, **changes}))
    return folder


def test_every_study_with_its_paper_and_command(capsys):
    text, groups = listed(capsys)
    assert [re.findall(r"python -m experiments\.(\w+)\n", text)] == [list(STUDIES)]
    assert all(len(line) <= 80 for line in text.split("\n") if "/" not in line)
    nvie = groups["NVIE"]
    assert "Paper: Christensen 2018, Differentiating Between" in nvie
    assert "in the paper accuracy 71.6 % (2 classes), 22.7 % (12 classes)" in nvie
    assert "agreement" in nvie and "CC BY 4.0" in text
    assert text.count("last run: none") == len(STUDIES)
    for name in ("all --data sample --quick", "compare", "search", "NAME --help"):
        assert f"python -m experiments.{name}" in text.split("Next:")[1]


def test_where_data_are_found(tmp_path, monkeypatch, capsys):
    text, _ = listed(capsys)
    assert text.count("SAMPLE only") == 4
    assert not (tmp_path / "cache").exists()  # no sample is rendered for the list
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    for folder in (shared / "gfe", shared / "pupil", mine / "pupil", mine / "nvie"):
        folder.mkdir(parents=True)
    (shared / "gfe" / "a_affirmative_datapoints.txt").touch()
    (mine / "pupil" / "LEPD.xlsx").touch()
    (shared / "nvie").mkdir()
    (shared / "nvie" / "README.txt").write_text("nothing yet")
    (mine / "nvie" / "README.txt").write_text(f"This is {sample.MARK}.")
    monkeypatch.setenv("DUCHENNE_DATA", str(shared))
    _, groups = listed(capsys, "--data-dir", mine)
    places = {
        name.split()[-1]: group.split("python")[0] for name, group in groups.items()
    }
    assert f"the SAMPLE, made by code, in {mine}/nvie" in places["NVIE"]
    assert f"real data in {mine}/pupil" in places["observers"]
    assert f"real data in {shared}/gfe" in places["expressions"]
    for folder in (mine, shared, tmp_path / "home" / ".cache" / "duchenne"):
        assert f"{folder}/sase_fe" in places["SASE-FE"]
    _, groups = listed(capsys)
    assert (
        f"an EMPTY folder in {shared}/pupil" in groups["The pupils of smile observers"]
    )
    assert f"NONE of its files in {shared}/nvie" in groups["NVIE"]


@pytest.mark.parametrize(
    "dataset, files",
    [
        ("nvie", ["manifest.csv", "front/011/anger/06.JPG"]),
        ("gfe", ["a_doubt_question_datapoints.txt"]),
        ("pupil", ["books/REPD.xlsx"]),
        ("sase_fe", ["Train/1/N2A.MP4", "V/0123456789_ANGER.npz", "Name/h2n2a.csv"]),
    ],
)
def test_data_are_told_by_names(tmp_path, dataset, files):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "labels.csv").touch()
    assert not listing.holds(dataset, tmp_path)
    for name in files:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert listing.holds(dataset, tmp_path)
        path.unlink()


def test_the_list_looks_where_the_studies_do(tmp_path, monkeypatch):
    study = common.Study("nvie_cnn", "CNN", "nvie", "Christensen", {})
    home = tmp_path / "home" / ".cache" / "duchenne"
    mine, shared = tmp_path / "mine", tmp_path / "shared"
    mine.mkdir()
    monkeypatch.setenv("DUCHENNE_DATA", str(shared))
    with pytest.raises(FileNotFoundError) as error:
        common.find_data(study, "real")
    for place in listing.find("nvie")[1]:
        assert str(place) in str(error.value)
    for folder in (home, shared, mine):
        (folder / "nvie").mkdir(parents=True)
        named = mine if folder is mine else None
        assert listing.find("nvie", named) == common.find_data(study, "real", named)


def test_the_last_run(tmp_path, capsys):
    run_folder(tmp_path, "gfe_mlp", "20250101-000000-aaaaaaaa", hours=9000, f1=0.25)
    settings = {"protocol": "holdout", "validate": True}
    name = "20260101-000000-aaaaaaaa"
    changes = {"data": "real", "f1": 0.8125, "settings": settings}
    newest = run_folder(tmp_path, "gfe_mlp", name, **changes)
    run_folder(tmp_path, "gfe_mlp", ".unfinished-20270101-000000-aaaaaaaa")
    settings = {"protocol": "image", "task": "emotion"}
    run_folder(tmp_path, "nvie_cnn", name, hours=50, settings=settings)
    text, groups = listed(capsys, "--out", tmp_path)
    gfe = groups["UCI's grammatical facial expressions"]
    told = "mean F1 0.812, holdout, on validation, real data, 2 hours ago,"
    assert f"last run: {told} {newest}" in gfe
    told = "last run: accuracy 0.750, image, task emotion, SAMPLE, 2 days ago,"
    assert told in groups["NVIE"]
    assert text.count("last run: none") == len(STUDIES) - 2
    assert "passed over" not in text


@pytest.mark.parametrize(
    "name, content, why",
    [
        ("metrics.json", None, "is no finished run: no metrics.json"),
        ("metrics.json", '{"roc_auc": 0.6', "is damaged: JSONDecodeError"),
        ("metrics.json", '{"data": "real", "roc_auc": "x"}', "is damaged: ValueError"),
        ("config.json", b'"\xff"', "is damaged: UnicodeDecodeError"),
        ("config.json", "[]", "is damaged: TypeError"),
        ("config.json", "[" * 100_000, "is damaged: RecursionError"),
        ("config.json", '{"study": "another"}', "is damaged: KeyError"),
    ],
)
def test_a_broken_run_does_not_break_the_list(tmp_path, capsys, name, content, why):
    good = run_folder(tmp_path, "pupil_course", "20250101-000000-aaaaaaaa")
    bad = run_folder(tmp_path, "pupil_course", "20260101-000000-aaaaaaaa")
    (bad / name).unlink()
    if content is not None:
        content = content if isinstance(content, bytes) else content.encode()
        (bad / name).write_bytes(content)
    (tmp_path / "pupil_lstm").write_text("no folder")
    _, groups = listed(capsys, "--out", tmp_path)
    pupil = groups["The pupils of smile observers"]
    assert f"ROC AUC 0.625, video, SAMPLE, 2 hours ago, {good}" in pupil
    assert f"passed over: {bad} {why}" in pupil


def test_a_first_look_is_named_as_such(tmp_path, capsys):
    for name, quick in (("20260101-000000-aaaaaaaa", False), ("20260102-b", True)):
        run_folder(tmp_path, "pupil_lstm", name, hours=0, quick=quick)
        _, groups = listed(capsys, "--out", tmp_path)
        told = "SAMPLE, quick settings, just now" if quick else "SAMPLE, just now"
        assert told in groups["The pupils of smile observers"]


def test_a_measure_that_is_not_defined_is_no_damage(tmp_path, capsys):
    run_folder(tmp_path, "pupil_lstm", "20260101-000000-aaaaaaaa", roc_auc=None)
    text, groups = listed(capsys, "--out", tmp_path)
    told = groups["The pupils of smile observers"]
    assert "ROC AUC not defined, video, SAMPLE" in told and "passed over" not in text


@pytest.mark.parametrize("name", ["nvie_cnn", "experiments.nvie_cnn", "nvie_cnn.py"])
def test_a_study_without_its_dot(capsys, name):
    with pytest.raises(SystemExit) as error:
        command.main([name])
    assert error.value.code == 2
    told = capsys.readouterr().err
    assert "write it with a dot: python -m experiments.nvie_cnn\n" in told
    with pytest.raises(SystemExit):
        command.main(["nvie"])
    assert "no study 'nvie'; known: nvie_inception" in capsys.readouterr().err


def test_wrong_use(tmp_path, capsys):
    with pytest.raises(SystemExit, match="^error: --data-dir: there is no folder /now"):
        command.main(["--data-dir", "/nowhere"])
    with pytest.raises(SystemExit) as error:
        command.main(["--help"])
    assert error.value.code == 0
    assert "--data-dir PATH" in capsys.readouterr().out
    listed(capsys, "--out", tmp_path / "nothing")


def test_it_is_quick():
    """From a shell, cut off by another program, and without loading TensorFlow."""
    code = (
        "import sys\nfrom experiments import __main__, all\n__main__.main([])\n"
        "raise SystemExit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    arguments = [sys.executable, "-c", code]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(arguments, cwd=ROOT, **pipes) as process:
        process.stdout.close()  # `| head`
        assert process.stderr.read() == ""
    assert process.returncode == 0
