"""Stopped, damaged, diverged, robbed of its data: a message, and it can go on."""

import contextlib
import io
import json
import os
import pathlib
import shutil
import signal

import numpy as np
import pandas as pd
import pytest

from datasets import gfe, sample
from datasets.sample import nvie as nvie_sample
from experiments import gfe as gfe_study
from experiments import (
    gfe_lstm,
    gfe_mlp,
    gfe_sequence,
    nvie_cnn,
    nvie_inception,
    nvie_network,
    pupil,
    pupil_course,
    pupil_lstm,
    run_state,
    sase,
    sase_lstm_pb,
)
from experiments.gfe_method import Learned
from experiments.run_folder import RunFolder
from tests.faults.untouched import content
from zoo import heads

COURSE = ["--data", "sample", "--protocol", "observer"]
PAPER = ["--data", "sample", "--protocol", "paper"]
PB = ["--data", "sample", "--emotions", "anger", "--units", "8", "--depth", "1"]
PB += ["--copies", "1", "--test-copies", "1", "--epochs", "2"]
NETWORK = ["--epochs", "2", "--batch-size", "16"]


def ends(module, out, *arguments):
    """What a study ends with that fails: the message, and what is left of it."""
    with pytest.raises(SystemExit) as stop:
        module.main([*arguments, "--out", str(out)])
    return stop.value.code


def measures(folder):
    found = json.loads((folder / "metrics.json").read_text())
    found.pop("milliseconds_a_series", None)
    return found


def finished(out):
    return sorted(out.glob("*/[!.]*"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run of the study on pupils."""
    out = tmp_path_factory.mktemp("whole")
    return pupil_course.main([*COURSE, "--out", str(out)])


class Stopping(pupil_course.Course):
    """Gets a signal in the third round."""

    rounds = 0

    def learn(self, part):
        Stopping.rounds += 1
        if Stopping.rounds == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().learn(part)


@pytest.fixture(scope="module")
def stopped(whole, tmp_path_factory):
    """A folder with a finished run and one that SIGTERM stopped in its third round."""
    out = tmp_path_factory.mktemp("stopped")
    shutil.copytree(whole.parent, out / "pupil_course")
    before, told = signal.getsignal(signal.SIGTERM), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(told):
        patch.setattr(pupil_course, "Course", Stopping)
        assert ends(pupil_course, out, *COURSE) == 143
    assert signal.getsignal(signal.SIGTERM) == before
    assert "Unfinished, 2 parts done" in told.getvalue()
    assert "Go on with: python -m experiments.pupil_course" in told.getvalue()
    return out


@pytest.fixture
def out(stopped, tmp_path):
    """A copy of that folder; the finished run has to stay as it is."""
    shutil.copytree(stopped, tmp_path / "out")
    (earlier,) = finished(tmp_path / "out")
    before = content(earlier)
    yield tmp_path / "out"
    assert content(earlier) == before


@pytest.fixture
def left(out):
    """The unfinished run in it."""
    (folder,) = out.glob("pupil_course/.unfinished-*")
    return folder


def goes_on(out, whole, *arguments):
    final = pupil_course.main([*COURSE, "--out", str(out), "--resume", *arguments])
    assert measures(final) == measures(whole)
    name = "predictions.csv"
    assert (final / name).read_bytes() == (whole / name).read_bytes()
    assert len(finished(out)) == 2 and not list(out.glob("*/.*"))
    return final


def test_two_at_once_the_second_is_told(left, out, whole, monkeypatch):
    learn, told = pupil_course.Course.learn, []

    def meanwhile(self, part):
        if not told:
            told.append(ends(pupil_course, out, *COURSE, "--resume"))
        return learn(self, part)

    monkeypatch.setattr(pupil_course.Course, "learn", meanwhile)
    goes_on(out, whole)
    assert told[0].startswith("error: --resume: another process is at work")
    assert str(left) in told[0] and "start without --resume" in told[0]


def test_damaged_parts_are_done_anew(left, out, whole, capsys):
    """And what a kill left half-written goes."""
    first, second = sorted((left / "work").glob("*.done"))
    first.write_bytes(first.read_bytes()[:1000])
    second.write_bytes(b"\x93NUMPY garbage")
    (left / ".saved_model.ab.partial").mkdir()
    (left / ".saved_model.ab.partial" / "saved_model.pb").write_text("half")
    (left / ".head.ubj.cd.partial").write_text("half")
    (out / "pupil_course" / ".rest-of-another").mkdir()
    final = goes_on(out, whole)
    told = capsys.readouterr().out
    assert all(f"Done anew, as {part} is damaged" in told for part in (first, second))
    assert not [path for path in final.rglob("*") if "partial" in path.name]


@pytest.mark.parametrize("head", [heads.logistic(), heads.xgboost(n_estimators=2)])
def test_a_part_with_a_damaged_head_is_done_anew(tmp_path, head, capsys):
    points = np.random.default_rng(0).normal(size=(20, 3))
    head.fit(points, np.arange(20) % 2)
    learned, stem = Learned(head.predict_proba(points)[:, 1], head=head), tmp_path / "a"
    for damage in (b"", b"garbage", None):
        gfe_study.keep(stem, learned)
        restored = gfe_study.restored(stem, {"head": "svm"})
        np.testing.assert_array_equal(
            restored.head.predict_proba(points)[:, 1], learned.probability
        )
        (file,) = (tmp_path / "a.head").iterdir()
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
        assert gfe_study.restored(stem, {"head": "svm"}) is None
        assert f"Done anew, as {file} is damaged" in capsys.readouterr().out


def test_a_damaged_config_is_not_gone_on_with(left, out):
    config = left / "config.json"
    for damage in (b"", b'{"study": "pupil_co', b"[1]", b"\xff\xfe\x00"):
        config.write_bytes(damage)
        said = ends(pupil_course, out, *COURSE, "--resume")
        assert "config.json is damaged" in said and "without --resume" in said
        assert len(list(left.glob("work/*.done"))) == 2  # they may still be of use


def test_killed_while_it_ends_all_of_its_work_is_left_or_none(tmp_path, monkeypatch):
    folder = RunFolder.open(tmp_path, "study", {}, resume=False)
    for name in ("a.done", "b.done"):
        (folder.work / name).write_text("")
    rename = pathlib.Path.rename

    def killed(path, target):
        if path.name.startswith(".unfinished"):
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            folder.finish()
    folder.lock.close()
    assert not finished(tmp_path)
    again = RunFolder.open(tmp_path, "study", {}, resume=True)
    assert again.path == folder.path
    assert [path.name for path in again.work.iterdir()] == ["lock"]
    final = again.finish()
    assert list((tmp_path / "study").iterdir()) == [final]


# Data that vanish


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "nvie"
    nvie_sample.render(folder, subjects=3)
    return folder


large = pytest.mark.large


@pytest.mark.services
@pytest.mark.parametrize(
    "fault", ["gone", *(pytest.param(name, marks=large) for name in ("cut", "folder"))]
)
def test_pictures_that_vanish_in_mid_run(fault, tree, tmp_path, monkeypatch, capsys):
    data = tmp_path / "nvie"
    shutil.copytree(tree, data)
    options = ["--data-dir", str(data), "--size", "32", *NETWORK]
    decide, lost = nvie_network.decide, []

    def robbed(model, settings, pictures):
        lost.append(pictures.part("test")[0]["path"].iloc[0])
        if fault == "folder":
            data.rename(tmp_path / "away")
        elif fault == "gone":
            os.rename(lost[0], tmp_path / "away")
        else:
            shutil.copy(lost[0], tmp_path / "away")
            os.truncate(lost[0], 1000)
        return decide(model, settings, pictures)

    with monkeypatch.context() as patch:
        patch.setattr(nvie_network, "decide", robbed)
        said = ends(nvie_cnn, tmp_path / "runs", *options)
    assert said.startswith("error: ") and "ring" in said
    if fault == "cut":
        assert "could be read when the run began no longer can" in said
        shutil.copy(tmp_path / "away", lost[0])
    else:
        assert "No such file" in said and str(data) in said
        (tmp_path / "away").rename(data if fault == "folder" else lost[0])
    assert "2 epochs done" in capsys.readouterr().err
    assert finished(tmp_path / "runs") == []
    final = nvie_cnn.main([*options, "--out", str(tmp_path / "runs"), "--resume"])
    assert len(pd.read_csv(final / "history.csv")) == 2


def test_recordings_that_vanish_while_they_are_read(tmp_path, monkeypatch):
    data = tmp_path / "gfe"
    data.mkdir()
    for path in sample.path("gfe").glob("?_affirmative_*.txt"):
        shutil.copy(path, data)
    points = gfe.points

    def robbed(index):
        os.unlink(index["path"].iloc[0])
        return points(index)

    monkeypatch.setattr(gfe, "points", robbed)
    said = ends(gfe_mlp, tmp_path / "runs", "--data-dir", str(data))
    assert said.startswith("error: ") and "a_affirmative_datapoints.txt" in said
    assert list((tmp_path / "runs" / "gfe_mlp").iterdir()) == []


@pytest.mark.services
def test_workbooks_that_vanish(tmp_path, monkeypatch):
    data = tmp_path / "pupil"
    shutil.copytree(sample.path("pupil"), data)
    diameters = pupil.pupil.diameters

    def robbed(index):
        shutil.rmtree(data)
        return diameters(index)

    monkeypatch.setattr(pupil.pupil, "diameters", robbed)
    said = ends(pupil_course, tmp_path / "runs", "--data-dir", str(data))
    assert said.startswith("error: ") and str(data) in said


@pytest.mark.parametrize(
    "reason, told",
    [
        ("cannot open", "No such file or directory: '{path}'"),
        (
            "cannot write the landmarks of a to b: No space left",
            "cannot write the land",
        ),
    ],
)
def test_no_video_is_left_out_for_a_fault_from_outside(reason, told, tmp_path):
    path = tmp_path / "a.mp4"
    if "write" in reason:
        path.write_text("")
    failed = pd.DataFrame({"path": [str(path)], "reason": [reason]})
    with pytest.raises(OSError) as stop:
        sase.check_outside(failed)
    assert str(stop.value).startswith(told.format(path=path))
    path.write_text("")
    failed["reason"] = "no face"
    sase.check_outside(failed)


# Training that diverges


@pytest.mark.parametrize(
    "module, options",
    [
        (gfe_mlp, ["--epochs", "2"]),
        *(
            pytest.param(module, options, marks=large)
            for module, options in [
                (gfe_lstm, ["--epochs", "2"]),
                (gfe_sequence, ["--epochs", "2", "--head", "softmax"]),
                (pupil_lstm, [*PAPER, "--epochs", "1"]),
                (nvie_cnn, ["--size", "32", *NETWORK]),
                (nvie_inception, ["--size", "75", "--epochs", "1"]),
                (sase_lstm_pb, PB),
            ]
        ),
    ],
    ids=lambda value: getattr(value, "__name__", "").rpartition(".")[2],
)
def test_divergence_is_told(module, options, tree, tmp_path):
    if "--data" not in options:
        data = tree
        if "gfe" in module.__name__:
            data = tmp_path / "gfe"
            data.mkdir()
            for path in sample.path("gfe").glob("?_affirmative_*.txt"):
                (data / path.name).symlink_to(path)
            options = [*options, "--protocol", "holdout"]
        options = ["--data-dir", str(data), *options]
    said = ends(module, tmp_path / "runs", *options, "--learning-rate", "1e38")
    assert said.startswith("error: The training diverged")
    assert "ower --learning-rate" in said
    assert not finished(tmp_path / "runs")
    assert not list(tmp_path.rglob("metrics.json"))


def test_no_measure_that_is_not_a_number_is_written(tmp_path, monkeypatch):
    folder = RunFolder.open(tmp_path, "study", {}, resume=False)
    folder.write_json("metrics.json", {"accuracy": 1.0})
    with pytest.raises(ValueError, match="metrics.json would hold .* not a number"):
        folder.write_json("metrics.json", {"accuracy": float("nan")})
    assert json.loads((folder.path / "metrics.json").read_text()) == {"accuracy": 1.0}

    def diverged(run):
        run.folder.write_json("metrics.json", {"loss": float("inf")})

    monkeypatch.setattr(pupil, "read", diverged)
    said = ends(pupil_course, tmp_path, *COURSE)
    assert said.startswith("error: metrics.json would hold")
    assert not list(tmp_path.glob("pupil_course/*"))


# Small ones


def test_a_part_that_is_absent_is_none(tmp_path):
    assert run_state.arrays(tmp_path / "part.done") is None


def test_what_is_no_fault_from_outside_keeps_its_traceback(tmp_path, monkeypatch):
    def wrong(*arguments):
        raise AttributeError("a mistake of ours")

    monkeypatch.setattr(pupil, "read", wrong)
    with pytest.raises(AttributeError, match="a mistake of ours"):
        pupil_course.main([*COURSE, "--out", str(tmp_path)])
