"""Run folders in the schema of every study."""

import dataclasses
import json
import types

import numpy as np
import pandas as pd
import pytest

from experiments.harness import metrics
from experiments.harness.metrics import Spec

CLASSES = ("posed", "genuine")
PICTURES = Spec(CLASSES, ("accuracy",))
GROUPS = Spec(
    CLASSES, ("f1",), "expression", mean=True, resample=(), unit="frames", people="signers"
)
VIDEOS = Spec(
    CLASSES,
    ("roc_auc", "balanced_accuracy"),
    "round",
    resample=("subject", "video"),
    unit="series",
    people="observers",
)
PAIRS = Spec(CLASSES, ("roc_auc", "balanced_accuracy"), "emotion", pairs=True)


def index_of(spec, people, each):
    """What is tested: every person all groups, or all videos; labels alternate."""
    rows = [
        (f"s{person}", f"v{number}", number % 2, number // 4)
        for person in range(people)
        for number in range(each)
    ]
    table = pd.DataFrame(rows, columns=["subject", "video", "truth", "number"])
    table["sample"] = table["subject"] + "/" + table["video"]
    names = table["number"].map(lambda number: f"{spec.group}{number}")
    table["group"] = names if spec.group else ""
    if spec.pairs:
        table["group"] = f"{spec.group}" + (table["video"].str[1:].astype(int) // 2).map(str)
    return table


def answers(index, skill, seed):
    rng = np.random.default_rng(seed)
    codes = pd.factorize(index["subject"])[0]
    moods = rng.normal(0, 0.5, codes.max() + 1)[codes]
    score = rng.normal(0, 1, len(index)) + (2 * index["truth"] - 1) * (skill + moods)
    return 1 / (1 + np.exp(-score))


def write_run(
    folder,
    study="cnn",
    spec=PICTURES,
    models=None,
    people=8,
    each=12,
    seeds=(0,),
    protocol="subject",
    kind="real",
    **facts,
):
    """Write a run folder.

    Args:
        models: skill by name; the first one is the main model.
        facts: entries of metrics.json (`task`, `dataset`, `quick`, `validation_text`)
            and of config.json (`started`, `settings`, `content`).
    """
    folder.mkdir(parents=True)
    index = index_of(spec, people, each)
    tables = []
    for number, (name, skill) in enumerate((models or {"shallow CNN": 1.0}).items()):
        for seed in seeds:
            columns = {key: index[key] for key in ("sample", "subject", "group")}
            if "video" in spec.resample:
                columns["video"] = index["video"]
            probability = answers(index, skill, 10 * seed + number)
            tables.append(
                metrics.predictions_table(
                    spec, name, index["truth"], probability, seed=seed, **columns
                )
            )
    predictions = pd.concat(tables, ignore_index=True)
    measured = metrics.evaluate(predictions, spec)
    above, sentence = metrics.verdict(measured, spec)
    paper = {"name": "Somebody 2018, CNN", "measure": "accuracy", "value": 0.716}
    paper |= {"group": None, "protocol": "pictures of their own", "ours": "image"}
    content = {
        **measured,
        "verdict": {"above": above, "sentence": sentence},
        "paper": facts.get("paper", [paper]),
        "study": study,
        "model": predictions["model"].iloc[0],
        "dataset": facts.get("dataset", "Smiles"),
        "data": kind,
        "task": facts.get("task", "genuine or posed"),
        "protocol": protocol,
        "protocol_text": f"The protocol {protocol}, in words.",
        "validation": "validation_text" in facts,
        "validation_text": facts.get("validation_text", ""),
        "quick": facts.get("quick", False),
        "seeds": len(seeds),
        "spec": dataclasses.asdict(spec),
    }
    config = {
        "study": study,
        "command": f"python -m experiments.{study}",
        "settings": {"epochs": 5, **facts.get("settings", {})},
        "seed": 0,
        "data": {"kind": kind, "folder": "/data", "content": facts.get("content", "feed")},
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "started": facts.get("started", "2026-01-02T03:04:05"),
        "quick": content["quick"],
    }
    for name, value in {"config.json": config, "metrics.json": content}.items():
        (folder / name).write_text(json.dumps(value))
    predictions.to_csv(folder / "predictions.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def make():
    """The writer of run folders, and the kinds of studies."""
    specs = {"groups": GROUPS, "videos": VIDEOS, "pairs": PAIRS, "pictures": PICTURES}
    return types.SimpleNamespace(run=write_run, **specs)


@pytest.fixture(scope="session")
def every(tmp_path_factory, make):
    """A folder with runs of all kinds; nothing in it is written to."""
    folder = tmp_path_factory.mktemp("runs")
    make.run(folder / "cnn" / "20260101-000000-aaaaaaaa", models={"shallow CNN": 1.5})
    make.run(folder / "svm" / "20260101-000000-bbbbbbbb", "svm", models={"SVM": 0.2})
    make.run(folder / "cnn" / "20260102-000000-cccccccc", kind="sample")
    make.run(folder / "cnn" / "20260103-000000-dddddddd", protocol="image")
    make.run(folder / "cnn" / "20260104-000000-eeeeeeee", validation_text="VALIDATION by time inside")
    make.run(folder / "cnn" / "20260105-000000-efefefef", quick=True)
    signs = {"dataset": "Signs", "task": "nine expressions", "spec": make.groups}
    signs["paper"] = [
        {"name": "Sign 2010, LSTM", "measure": "f1", "value": 0.9, "group": group,
         "protocol": "frames shuffled", "ours": "subject"}
        for group in (None, "expression0")
    ]  # fmt: skip
    more = {"models": {"LSTM on frames": 1.0}, "people": 2, "each": 36, **signs}
    make.run(folder / "lstm" / "20260106-000000-ffffffff", "lstm", seeds=(0, 1, 2), **more)
    more["models"] = {"perceptron": 0.5}
    make.run(folder / "mlp" / "20260106-000000-ffffffff", "mlp", seeds=(1, 2), **more)
    pupils = {"dataset": "Pupils", "spec": make.videos, "people": 10, "each": 16}
    models = {"Pupil LSTM": 0.3, "Pupil LSTM, pruned": 0.0}
    make.run(folder / "pupil" / "20260107-000000-abababab", "pupil", models=models, **pupils)
    heads = {"XGBoost": -0.8, "SVM": 0.2, "logistic regression": 1.5}
    faces = {"dataset": "Faces", "spec": make.pairs, "people": 6, "kind": "sample"}
    make.run(folder / "heads" / "20260108-000000-cdcdcdcd", "heads", models=heads, **faces)
    return folder
