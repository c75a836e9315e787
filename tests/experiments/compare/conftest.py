"""Run folders in the schema of every study."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from experiments.harness import metrics
from experiments.harness.metrics import Spec, predictions_table

CLASSES, RANKING = ("posed", "genuine"), ("roc_auc", "balanced_accuracy")
MEANS = {"mean": True, "resample": (), "unit": "frames", "people": "signers"}
VIDEOS = {"resample": ("subject", "video"), "unit": "series", "people": "observers"}
SPECS = {
    "pictures": Spec(CLASSES, ("accuracy",)),
    "means": Spec(CLASSES, ("f1",), "expression", **MEANS),
    "videos": Spec(CLASSES, RANKING, "round", **VIDEOS),
    "pairs": Spec(CLASSES, RANKING, "emotion", pairs=True),
}
PAPER = {"name": "Somebody 2018, CNN", "measure": "accuracy", "value": 0.716}
PAPER |= {"group": None, "protocol": "pictures of their own", "ours": "image"}
SIGN = {"name": "Sign 2010, LSTM", "measure": "f1", "value": 0.9, "group": None}
SIGN |= {"protocol": "frames shuffled", "ours": "subject"}


def index_of(spec, people, each):
    """Everybody saw the same videos, posed and genuine ones in turn."""
    person, video = (i.ravel() for i in np.indices((people, each)))
    table = pd.DataFrame({"subject": person, "video": video}).astype(str)
    group = pd.Series(video // (2 if spec.pairs else 4)).astype(str)
    group = spec.group + group if spec.group else ""
    sample = table["subject"] + "/" + table["video"]
    return table.assign(sample=sample, group=group, truth=video % 2)


def answers(index, skill, seed):
    rng = np.random.default_rng(seed)
    codes = pd.factorize(index["subject"])[0]
    moods = rng.normal(0, 0.5, codes.max() + 1)[codes]
    score = rng.normal(0, 1, len(index)) + (2 * index["truth"] - 1) * (skill + moods)
    return 1 / (1 + np.exp(-score))


def write_run(
    folder, study="cnn", spec="pictures", models=None, people=8, each=12, **facts
):
    """Write a run folder; `models` has skills by name, `facts` is for metrics.json."""
    started = facts.pop("started", "2026-01-02T03:04:05")
    content, seeds = facts.pop("content", "feed"), facts.pop("seeds", (0,))
    folder.mkdir(parents=True)
    spec = SPECS[spec]
    index, tables = index_of(spec, people, each), []
    columns = ["sample", "subject", "group"] + ["video"] * ("video" in spec.resample)
    for number, (name, skill) in enumerate((models or {"shallow CNN": 1.0}).items()):
        for seed in seeds:
            answered = answers(index, skill, 10 * seed + number)
            more = {"seed": seed, **index[columns]}
            tables.append(
                predictions_table(spec, name, index["truth"], answered, **more)
            )
    predictions = pd.concat(tables, ignore_index=True)
    measured = metrics.evaluate(predictions, spec)
    above, sentence = metrics.verdict(measured, spec)
    measured |= {"verdict": {"above": above, "sentence": sentence}, "paper": [PAPER]}
    measured |= {"study": study, "model": tables[0]["model"][0], "dataset": "Smiles"}
    measured |= {"data": "real", "task": "felt", "protocol": "subject", "quick": False}
    measured |= {"protocol_text": "In words.", "validation_text": "", **facts}
    measured["spec"] = dataclasses.asdict(spec)
    config = {"study": study, "command": f"python -m experiments.{study}"}
    config |= {"settings": {"epochs": 5}, "data": {"content": content}}
    config |= {"commit": "0123456789abcdef", "started": started}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "metrics.json").write_text(json.dumps(measured))
    predictions.to_csv(folder / "predictions.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def make():
    return write_run


@pytest.fixture(scope="session")
def every(tmp_path_factory):
    """A folder with runs of all kinds; nothing in it is written to."""
    folder = tmp_path_factory.mktemp("runs")
    write_run(folder / "cnn" / "test", models={"shallow CNN": 1.5})
    write_run(folder / "svm" / "test", "svm", models={"SVM": 0.2})
    write_run(folder / "cnn" / "sample", data="sample")
    write_run(folder / "cnn" / "image", protocol="image")
    write_run(folder / "cnn" / "validation", validation_text="VALIDATION by time")
    write_run(folder / "cnn" / "quick", quick=True)
    more = {"spec": "means", "people": 2, "each": 36, "dataset": "Signs", "task": None}
    more["paper"] = [SIGN, SIGN | {"group": "expression0"}]
    for name, skill, seeds in (("LSTM", 1.0, (0, 1, 2)), ("perceptron", 0.5, (1, 2))):
        models = {name: skill}
        write_run(folder / name / "test", name, models=models, seeds=seeds, **more)
    more = {"spec": "videos", "people": 10, "each": 16, "dataset": "Pupils"}
    models = {"Pupil LSTM": 0.3, "Pupil LSTM, pruned": 0.0}
    write_run(folder / "pupil" / "test", "pupil", models=models, task=None, **more)
    more = {"spec": "pairs", "people": 6, "dataset": "Faces", "data": "sample"}
    models = {"XGBoost": -0.8, "SVM": 0.2, "logistic": 1.5}
    write_run(folder / "heads" / "test", "heads", models=models, task=None, **more)
    return folder
