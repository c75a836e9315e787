"""The studies on grammatical facial expressions: data, rounds, options, the paper."""

import dataclasses
import functools
import json
import os
import pathlib

import numpy as np
import pandas as pd
import pytest

from datasets import gfe, gfe_download, sample
from experiments import common, gfe_lstm, gfe_mlp, gfe_report, gfe_sequence
from experiments import gfe as study
from experiments.gfe_learners import standardise
from experiments.gfe_method import Method


def run(module, two, out, *arguments):
    options = ["--data-dir", str(two), "--out", str(out), *arguments]
    return module.main(options)


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def parts(two, protocol, **settings):
    chosen = {"protocol": protocol, "seed": 0, "seeds": 1, **settings}
    chosen = gfe_sequence.STUDY.settings(chosen, on_sample=True)
    index = gfe.index(two)
    return index, list(study.plan(index, chosen)), chosen


@pytest.mark.parametrize("head", [[], ["--head", "svm", "--features", "geometric"]])
def test_validation_to_its_end(head, two, tmp_path):
    options = ["--protocol", "holdout", "--validate", "--seeds", "1", *head]
    folder = run(
        gfe_lstm, two, tmp_path, *options, *([] if head else ["--epochs", "3"])
    )
    assert metrics(folder)["validation"] is True
    assert not (folder / "saved_model").exists()
    table = pd.read_csv(folder / "predictions.csv")
    assert table["round"].nunique() == 5
    _, outer, _ = parts(two, "holdout")
    trained = sum(len(part.train) for *_, part in outer)
    assert len(table) == trained


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


def test_the_paper_s_table():
    columns = gfe_report.REPORTED.drop("mean")
    assert len(columns) == len(gfe.EXPRESSIONS)
    np.testing.assert_allclose(
        columns.mean(), gfe_report.REPORTED.loc["mean"], atol=1e-4
    )


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
