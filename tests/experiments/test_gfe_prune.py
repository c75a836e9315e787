"""The perceptron of the GFE studies, pruned by distinctiveness."""

import json

import keras
import numpy as np
import pandas as pd
import pytest

from datasets import gfe
from experiments import gfe_mlp, gfe_report

SHORT = ["--protocol", "holdout", "--seeds", "1", "--epochs", "12", "--prune"]


def run(two, out, *arguments):
    return gfe_mlp.main(["--data-dir", str(two), "--out", str(out), *arguments])


def test_pruned_decides_what_is_saved_and_resumed(two, tmp_path, monkeypatch, capsys):
    conclude = gfe_report.conclude

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(gfe_report, "conclude", interrupted)
    with pytest.raises(SystemExit):
        run(two, tmp_path, *SHORT)
    monkeypatch.setattr(gfe_report, "conclude", conclude)
    folder = run(two, tmp_path, *SHORT, "--resume")

    result = json.loads((folder / "metrics.json").read_text())
    told = result["pruned"]
    assert 1 <= told["fewest"] <= told["units"] <= told["most"] < 105
    assert told["f1"] == pytest.approx(result["f1"])
    assert abs(told["f1_before"] - told["f1"]) < 0.1
    line = f"{told['f1_before']:.3f} before, {told['f1']:.3f} after"
    assert line in (folder / "report.md").read_text()
    assert line in capsys.readouterr().out

    # The saved model is the pruned one: its answers, and so many units at work.
    model = keras.saving.load_model(folder / "model.keras")
    index = gfe.index(two)
    answers = model.predict(gfe.points(index), verbose=0)
    table = pd.read_csv(folder / "predictions.csv").query("expression == 'affirmative'")
    frames = index.reset_index().rename(columns={"signer": "subject"})
    rows = table.merge(frames, on=["subject", "expression", "frame"])["index"]
    np.testing.assert_allclose(answers[rows, 0], table["probability"], atol=1e-4)
    working = [
        np.array(variable).any(axis=1).sum()
        for variable in model.weights
        if variable.shape == (105, 2)
    ]
    assert [min(working), max(working)] == [told["fewest"], told["most"]]


def test_with_another_head_it_has_no_effect(two, tmp_path):
    with pytest.raises(SystemExit, match="--prune has no effect with --head svm"):
        run(two, tmp_path, *SHORT, "--head", "svm")
