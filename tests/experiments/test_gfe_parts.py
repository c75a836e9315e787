"""The studies on grammatical facial expressions: data, rounds, options, the paper."""

import functools
import json
import os
import pathlib

import numpy as np
import pandas as pd
import pytest

from datasets import about, gfe, gfe_download, sample
from experiments import gfe_lstm, gfe_mlp, gfe_sequence
from experiments.gfe import study
from experiments.gfe.method import Method
from experiments.gfe.networks import standardise
from experiments.harness.study import find_data


def run(module, two, out, *arguments):
    return module.main(["--data-dir", str(two), "--out", str(out), *arguments])


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def plan(index, protocol, **settings):
    settings = gfe_sequence.Settings(protocol=protocol, seeds=1, **settings)
    return list(study.plan_parts(index, settings)), settings


@pytest.mark.parametrize("head", [[], ["--head", "svm", "--features", "geometric"]])
def test_validation_to_its_end(head, two, tmp_path):
    options = ["--protocol", "holdout", "--validate", "--seeds", "1", "--epochs", "3"]
    folder = run(gfe_lstm, two, tmp_path, *options, *head)
    assert metrics(folder)["validation"] is True
    assert not (folder / "saved_model").exists()
    outer, _ = plan(gfe.index(two), "holdout")
    trained = sum(len(part.train) for part in outer)
    table = pd.read_csv(folder / "predictions.csv")
    assert len(table) == table["sample"].nunique() == trained


@pytest.mark.parametrize("protocol", about.GFE.protocols)
def test_validation_leaves_the_test_part_alone(two, protocol):
    index = gfe.index(two)
    inner, _ = plan(index, protocol, validate=True)
    outer, _ = plan(index, protocol)
    assert len(inner) == 5 * len(outer)
    outer = {(part.round, part.expression): part for part in outer}
    for part in inner:
        whole = outer[part.round, part.expression]
        used = np.concatenate([part.train, part.test])
        assert not np.intersect1d(used, whole.test).size
        np.testing.assert_array_equal(np.sort(used), whole.train)


def test_validation_by_signer_never_has_the_test_part(two, tmp_path):
    options = ["--protocol", "holdout", "--validate", "--validate-by", "signer"]
    folder = run(gfe_lstm, two, tmp_path, *options, "--seeds", "1", "--epochs", "1")
    table = pd.read_csv(folder / "predictions.csv")
    index = gfe.index(two)
    seen = index.iloc[gfe.protocol(index, "holdout")[0]["train"]]
    names = seen["signer"] + "_" + seen["expression"] + "/" + seen["frame"].astype(str)
    assert set(table["sample"]) == set(names) and len(table) == len(names)
    trained_on = table["group"].str[-1]
    assert (trained_on != table["subject"]).all() and trained_on.nunique() == 2


@pytest.mark.parametrize("people", ["known", "new"])
def test_training_frames_never_see_test_frames(two, people):
    """Other test frames, and the training part's features stay as they were."""
    index = gfe.index(two)
    [part, *_], settings = plan(index, "holdout", people=people)
    method = Method("GrammaticalSequence", settings)
    points = gfe.points(index)[index["expression"] == part.expression]
    before = method.features(part, points)
    points[part.test] = points[part.test][::-1]
    after = method.features(part, points)
    np.testing.assert_array_equal(before[part.train], after[part.train])
    assert not np.allclose(before[part.test], after[part.test])


def test_z_score_of_the_training_part(two):
    [part, *_], _ = plan(gfe.index(two), "holdout")
    rng = np.random.default_rng(0)
    x = rng.normal(5, 3, (len(part.index), 4)).astype("float32")
    x[part.test] += 100
    scaled, scale = standardise(part, x, "train")
    np.testing.assert_allclose(scaled[part.train].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(scaled[part.train].std(axis=0), 1, atol=1e-4)
    np.testing.assert_allclose(scale["mean"], x[part.train].mean(axis=0))
    whole, scale = standardise(part, x, "recording")
    assert scale == {}
    for own in part.index.groupby("signer").indices.values():
        np.testing.assert_allclose(whole[own].mean(axis=0), 0, atol=1e-4)


@pytest.mark.parametrize(
    "options, named",
    [
        (["--prune", "--head", "svm"], "--prune: expected --head softmax"),
        (["--validate", "--validate-by", "signer"], "expected --protocol holdout"),
    ],
)
def test_contradictory_options_are_refused(options, named, capsys):
    with pytest.raises(SystemExit):
        gfe_mlp.main(options)
    assert named in capsys.readouterr().err.replace("\n", " ")


def test_features_and_people_follow_from_head_and_protocol():
    assert gfe_lstm.STUDY.settings(features="geometric").features == "learned"
    assert gfe_lstm.STUDY.settings(head="svm").features == "learned"
    assert gfe_sequence.Settings().features == "geometric"
    assert gfe_sequence.Settings(head="softmax").features == "learned"
    assert gfe_sequence.Settings(protocol="signer").people == "new"
    assert gfe_sequence.Settings(protocol="holdout").people == "known"


def only(two, tmp_path, pattern, change=str):
    """Copy some of the files into a folder, with other labels."""
    folder = tmp_path / "gfe"
    folder.mkdir()
    for path in two.glob(pattern):
        text = path.read_text()
        (folder / path.name).write_text(
            change(text) if "targets" in path.name else text
        )
    return folder


def test_one_label_only_is_an_error(two, tmp_path):
    folder = only(two, tmp_path, "*_affirmative_*", lambda t: t.replace("1", "0"))
    with pytest.raises(SystemExit, match="affirmative, holdout: expected both labels"):
        run(gfe_lstm, folder, tmp_path / "runs", "--protocol", "holdout")


def test_one_signer_only_is_an_error_for_the_protocol_that_needs_both(two, tmp_path):
    folder = only(two, tmp_path, "a_affirmative_*")
    with pytest.raises(SystemExit, match="only one of affirmative"):
        run(gfe_lstm, folder, tmp_path / "runs", "--protocol", "signer")


def test_without_data_and_network_the_sample_stands_in(monkeypatch, tmp_path):
    monkeypatch.delenv("DUCHENNE_DATA", raising=False)
    cache = os.environ.get("DUCHENNE_CACHE", "~/.cache/duchenne")
    monkeypatch.setenv("DUCHENNE_CACHE", str(pathlib.Path(cache).expanduser()))
    monkeypatch.setenv("HOME", str(tmp_path))
    # Nothing listens there: the connection is refused at once.
    nobody = functools.partial(gfe_download.download, url="http://127.0.0.1:9/a.zip")
    folder, note = find_data("gfe", None, None, nobody)
    assert folder == sample.path("gfe")
    assert "Could not download" in note and "refused" in note
    with pytest.raises(FileNotFoundError, match="Could not download"):
        find_data("gfe", "real", None, nobody)
    assert not (tmp_path / ".cache" / "duchenne" / "gfe").exists()


@pytest.mark.parametrize("module", [gfe_lstm, gfe_mlp, gfe_sequence])
def test_help_and_docstring(module, capsys):
    with pytest.raises(SystemExit) as stop:
        module.main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for word in ["Paper", "Command", "Expected", "Time", "Xu", "--protocol"]:
        assert word in text
    assert max(len(line) for line in text.splitlines()) <= 88


@pytest.fixture
def real():
    if not os.environ.get("DUCHENNE_DATA"):
        pytest.skip("DUCHENNE_DATA is not set")
    return pathlib.Path(os.environ["DUCHENNE_DATA"]) / "gfe"


def reached(module, protocol, seeds, real, tmp_path):
    options = ["--protocol", protocol, "--seeds", str(seeds)]
    measured = metrics(run(module, real, tmp_path, *options))
    assert measured["data"] == "real" and measured["protocol"] == protocol
    return measured


@pytest.mark.services  # for its time alone
@pytest.mark.real_data
def test_the_paper_s_lstm_on_shuffled_frames(real, tmp_path):
    assert reached(gfe_lstm, "shuffled", 1, real, tmp_path)["f1"] > 0.895


XFAIL = pytest.mark.xfail(reason="measured: 0.964, standard deviation 0.004")
MUST_HOLD = [
    (gfe_lstm, "shuffled", 0.895, 0),
    (gfe_lstm, "holdout", 0.79, 0),
    pytest.param(gfe_sequence, "shuffled", 0.965, 0, marks=XFAIL),
    (gfe_sequence, "holdout", 0.88, 0),
    (gfe_sequence, "signer", 0.78, 0.93),
]


@pytest.mark.large
@pytest.mark.real_data
@pytest.mark.parametrize("module, protocol, least_f1, least_auc", MUST_HOLD)
def test_three_seeds_on_real_data(
    real, tmp_path, module, protocol, least_f1, least_auc
):
    measured = reached(module, protocol, 3, real, tmp_path)
    assert measured["f1"] > least_f1 and measured["roc_auc"] > least_auc
