"""Run folders as the studies write them, with the studies' own measures."""

import json
import types

import numpy as np
import pandas as pd
import pytest

from experiments import evaluation, gfe_report, nvie, pupil_measures, sase_measures
from experiments.compare import pages
from experiments.compare.groups import groups
from experiments.gfe_report import REPORTED as GFE_REPORTED
from experiments.pupil_report import REPORTED as PUPIL_REPORTED
from experiments.sase_report import REPORTED as SASE_REPORTED

COMMAND = "python -m experiments.{study} --data-dir /home/someone/data --out=/tmp/x"
EXPRESSIONS = [name for name in GFE_REPORTED.index if name != "mean"]


def answers(rng, truth, skill, subjects, classes=2):
    """Probabilities, better with more skill; people differ."""
    people, place = np.unique(subjects, return_inverse=True)
    moods = rng.normal(0, 0.7, len(people))[place]
    scores = rng.normal(0, 1, (len(truth), classes))
    scores[np.arange(len(truth)), truth] += skill + moods
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def settle(folder, study, settings, data, metrics, history=None, **more):
    """Writes config.json, metrics.json and history.csv."""
    data = {"kind": metrics["data"], "folder": "/home/someone/data", **data}
    config = {
        "study": study,
        "command": COMMAND.format(study=study),
        "settings": {"seed": 0, **settings},
        "seed": 0,
        "data": data,
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "started": "2026-01-02T03:04:05",
        **more,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "metrics.json").write_text(json.dumps(metrics))
    if history is not None:
        history.to_csv(folder / "history.csv", index=False)
    return folder


def nvie_run(
    folder,
    study="nvie_cnn",
    seed=0,
    skill=1.0,
    people=8,
    each=12,
    kind="real",
    task="spontaneous",
    protocol="subject",
    validate=False,
    **more,
):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    names = nvie.nvie.CLASS_NAMES[task]
    subjects = np.repeat([f"{n:03d}" for n in range(people)], each)
    labels = np.arange(len(subjects)) % len(names)
    path = [f"/home/someone/data/{s}/{n}.jpg" for n, s in enumerate(subjects)]
    index = pd.DataFrame({"path": path, "subject": subjects})
    probability = answers(rng, labels, skill, subjects, len(names))
    nvie.predictions(index, labels, probability, names, folder / "predictions.csv")
    metrics = {
        **evaluation.evaluate(labels, probability, subjects),
        "baselines": evaluation.baselines(labels, len(names)),
        "paper": 0.716,
        "data": kind,
        "validation": validate,
        "n_test": len(labels),
    }
    epochs = np.arange(5)
    history = pd.DataFrame({"epoch": epochs, "loss": 1 / (epochs + 1)})
    history["cross_entropy"] = history["loss"]
    history["val_cross_entropy"] = 1.2 * history["loss"]
    settings = {"task": task, "protocol": protocol, "weights": "/home/someone/w.h5"}
    settings |= {"validate": validate, "skill": skill}
    data = {"fingerprint": "feed"}
    return settle(folder, study, settings, data, metrics, history, **more)


def gfe_run(
    folder,
    seeds=2,
    protocol="signer",
    validate=False,
    skill=1.5,
    first=0,
    expressions=EXPRESSIONS,
):
    folder.mkdir(parents=True)
    tables = []
    for seed in range(first, first + seeds):
        rng = np.random.default_rng(seed + 1)
        for number, expression in enumerate(expressions):
            for signer in "ab":
                count = 30 + 20 * number + 30 * (signer == "b")
                label = (np.arange(count) % 10 < 2 + number % 4).astype(int)
                able = skill - 0.3 * number
                probability = answers(rng, label, able, [signer] * count)[:, 1]
                other = "ba"["ab".index(signer)]
                one = {"seed": seed, "round": f"trained_on_{other}", "signer": signer}
                one |= {"expression": expression, "frame": np.arange(count)}
                one |= {"label": label, "probability": probability}
                tables.append(pd.DataFrame(one))
    table = pd.concat(tables, ignore_index=True)
    settings = {"protocol": protocol, "validate": validate, "seeds": seeds}
    settings["seed"] = first
    measures = gfe_report.measure(table)
    mean, spread = gfe_report.summarise(measures)
    run = types.SimpleNamespace(settings=settings, kind="real")
    counts = {"n_test": int((table["seed"] == first).sum()), "n_test_subjects": 2}
    metrics = gfe_report.metrics(run, mean, spread, measures, counts)
    told = table.rename(columns={"signer": "subject", "label": "truth"})
    told.to_csv(folder / "predictions.csv", index=False, float_format="%.6f")
    history = pd.DataFrame({"epoch": [0, 1, 0, 1], "loss": [0.7, 0.5, 0.6, 0.4]})
    history["test_loss"] = history["loss"] + 0.1
    history["expression"] = np.repeat(EXPRESSIONS[:2], 2)
    data = {"content": "cafe"}
    return settle(folder, "gfe_lstm", settings, data, metrics, history)


def pupil_run(folder, protocol="paper"):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(2)
    rows = [
        (f"p{o}", f"{'H' if v % 2 else 'A'}{v}") for o in range(6) for v in range(8)
    ]
    table = pd.DataFrame(rows, columns=["observer", "video"]).assign(eye="left")
    table["label"] = table["video"].str.startswith("H").astype(int)
    table["round"] = "round " + (table["video"].str[1:].astype(int) // 4).astype(str)
    for column, skill in (("probability", 0.3), ("pruned", 0.0)):
        table[column] = answers(rng, table["label"], skill, table["observer"])[:, 1]
    names = {"probability": "Pupil LSTM", "pruned": "Pupil LSTM, pruned"}
    measured = {n: pupil_measures.measure(table, c) for c, n in names.items()}
    measured["Pupil LSTM, eyes averaged"] = measured["Pupil LSTM"]
    metrics = {
        **measured["Pupil LSTM"],
        "data": "real",
        "baselines": evaluation.baselines(table["label"], 2),
        "paper": PUPIL_REPORTED,
        "models": measured,
        "parameters": {"Pupil LSTM": 5, "Pupil LSTM, pruned": 3},
    }
    told = table.rename(columns={"observer": "subject", "label": "truth"})
    told.to_csv(folder / "predictions.csv", index=False, float_format="%.9g")
    settings = {"protocol": protocol}
    return settle(folder, "pupil_lstm", settings, {"content": "beef"}, metrics)


def sase_run(folder, people=5):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    rows = [
        (f"Train/{person}", emotion, label, "N2A" if label else "H2N2A")
        for person in range(people)
        for emotion in ("anger", "happiness")
        for label in (0, 1)
    ]
    table = pd.DataFrame(rows, columns=["subject", "emotion", "label", "video"])
    table = table.assign(part="train", kind="points", round="holdout")
    for head, skill in (("xgboost", -1.5), ("svm", 1.0), ("logistic", 3.0)):
        table[head] = answers(rng, table["label"], skill, table["subject"])[:, 1]
    heads = ("xgboost", "svm", "logistic")
    measured = {head: sase_measures.measure(table, head) for head in heads}
    metrics = {
        **measured["xgboost"],
        "data": "sample",
        "baselines": evaluation.baselines(table["label"], 2),
        "paper": SASE_REPORTED,
        "heads": measured,
    }
    told = table.rename(columns={"label": "truth", "xgboost": "probability"})
    told.to_csv(folder / "predictions.csv", index=False, float_format="%.9g")
    history = pd.DataFrame({"epoch": [0, 1], "loss": [0.1, 0.05], "network": "anger"})
    settings = {"protocol": "holdout"}
    data = {"content": "dead"}
    return settle(folder, "sase_lstm_pb", settings, data, metrics, history)


@pytest.fixture(scope="session")
def make():
    """The writers, by dataset."""
    runs = {"nvie": nvie_run, "gfe": gfe_run, "pupil": pupil_run, "sase": sase_run}
    return types.SimpleNamespace(**runs)


@pytest.fixture(scope="session")
def every(tmp_path_factory, make):
    """A folder with runs of all kinds; nothing in it is written to."""
    folder = tmp_path_factory.mktemp("runs")
    make.nvie(folder / "nvie_cnn" / "20260101-000000-aaaaaaaa", skill=1.5)
    make.nvie(folder / "nvie_svm" / "20260101-000000-bbbbbbbb", "nvie_svm", 5, 0.2)
    make.nvie(folder / "nvie_cnn" / "20260102-000000-cccccccc", kind="sample")
    make.nvie(folder / "nvie_cnn" / "20260103-000000-dddddddd", task="emotion", each=24)
    make.nvie(folder / "nvie_cnn" / "20260104-000000-eeeeeeee", validate=True)
    make.nvie(folder / "nvie_cnn" / "20260108-000000-efefefef", quick=True, skill=2)
    make.gfe(folder / "gfe_lstm" / "20260105-000000-ffffffff")
    make.pupil(folder / "pupil_lstm" / "20260106-000000-abababab")
    make.sase(folder / "sase_lstm_pb" / "20260107-000000-cdcdcdcd")
    return folder


@pytest.fixture(scope="module")
def found(every):
    records, left_out = pages.collect([every])
    assert not left_out
    return groups(records)
