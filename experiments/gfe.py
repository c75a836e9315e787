"""What the studies on grammatical facial expressions share: data, rounds, run folder.

Xu, "Implement Long Short-Term Memory Recurrent Neural Network on Grammatical Facial
Expression Recognition", The Australian National University (seeds/004).
"""

import dataclasses
import hashlib
import json
import os

import numpy as np
import pandas as pd

from datasets import gfe, gfe_download, sample
from experiments import common, gfe_report, parts, run_state
from experiments.common import Round
from experiments.gfe_learners import HISTORY, Part
from experiments.gfe_method import Learned, Method
from experiments.run_folder import fingerprint
from zoo import heads
from zoo.export import export

DEFAULTS = {"validate": False, "seeds": 3}
MODEL = (
    "from raw points, for Keras; expressions in the order {}. A depth of 0 becomes the "
    "median of its frame, where the study itself bridged gaps in time"
)
SERVING = "what `zoo.load_run` needs to know of the models"
HEAD = (
    "what decided on an expression, from the model's `features` (where they were "
    "learned, from the expression's own: `features[..., n, :]`; `serve` is then the "
    "network's own classifier, which was not measured): `zoo.heads.load`"
)
BATCH = ". Each batch has to be one whole recording, for its z-score"
FRAME_DEFAULTS = {
    **DEFAULTS,
    "learning_rate": 0.0099,
    "epochs": 30,
    "batch_size": 64,
    "z_score": "train",
    "head": "softmax",
    "features": "learned",
}
download = gfe_download.download


def parser(study, doc):
    """The options that the studies on GFE share."""
    result = common.parser(study, doc)
    parts.add_options(result)
    task = result.add_argument_group("task")
    protocols = "; ".join(f"{name}: {what}" for name, what in gfe.PROTOCOLS.items())
    task.add_argument(
        "--protocol",
        choices=gfe.PROTOCOLS,
        default="signer",
        help=f"{protocols} (default: signer)".replace("%", "%%"),
    )
    task.add_argument(
        "--validate",
        nargs="?",
        const="time",
        choices=["time", "signer"],
        metavar="HOW",
        help="measure inside the training part, without the test part's labels: for "
        "choosing settings. HOW is time, five blocks of it (default), or signer, one "
        "trained on and the other validated, both ways, with --protocol holdout only, "
        "whose test part is put aside before: what experiments.search does",
    )
    task.add_argument(
        "--seeds",
        type=common.positive,
        metavar="N",
        help="number of repetitions, from --seed on, for mean and spread "
        + study.default("seeds"),
    )
    return result


def add_options(parser, study, options):
    """Adds a group of options: `(name, help, keyword arguments)`."""
    group = parser.add_argument_group("method")
    for name, text, kind in options:
        default = study.default(name.replace("-", "_"))
        group.add_argument(f"--{name}", help=f"{text} {default}", **kind)


TRAINING = [
    (
        "learning-rate",
        "of Adam",
        {"type": common.above_zero, "metavar": "X"},
    ),
    ("epochs", "of each training", {"type": common.positive, "metavar": "N"}),
    ("batch-size", "a training step", {"type": common.positive, "metavar": "N"}),
]
Z_SCORE = (
    "z-score",
    "mean and spread of the training part, or, as in the paper, of whole recordings, "
    "the test part's frames included",
    {"choices": ["train", "recording"]},
)


def head_options(geometric):
    return [
        (
            "head",
            "what decides: the network's own classifier, or an SVM or XGBoost on "
            "features",
            {"choices": ["softmax", "svm", "xgboost"]},
        ),
        (
            "features",
            f"of the head: the network's, or geometric ones: {geometric}",
            {"choices": ["learned", "geometric"]},
        ),
    ]


def frame_parser(study, doc):
    """The options of a network on single frames."""
    result = parser(study, doc)
    heads = head_options("the 118 distances, angles and depths")
    add_options(result, study, [*TRAINING, Z_SCORE, *heads])
    return result


@dataclasses.dataclass(frozen=True)
class Data:
    """The frames of a study.

    Attributes:
        index: a row a frame, see `datasets.gfe.index`.
        points: `(n, 100, 3)`.
        told: what was found and bridged, for people.
    """

    index: pd.DataFrame
    points: np.ndarray
    told: str


def read(run):
    """Reads the data, tells what was found, and writes config.json.

    Raises:
        StudyError: the files are not as expected.
    """
    with common.user_errors():
        index = gfe.index(run.data_dir)
        points = gfe.points(index)
    told = gfe.summary(index)
    print(told, flush=True)
    run.folder.write_json("skipped.json", index.attrs["report"])
    recordings = index.groupby("path", sort=False).agg(
        signer=("signer", "first"),
        expression=("expression", "first"),
        frames=("frame", "size"),
        positive=("label", "sum"),
    )
    recordings = recordings.reset_index()
    if run.kind != sample.kind_of(recordings["path"]):
        run.kind = "sample"  # a folder above may lead to it
        print("These recordings are those of the SAMPLE, made by code, not people.")
    content = hashlib.sha256(points.tobytes() + index["label"].to_numpy().tobytes())
    seen = {
        "fingerprint": fingerprint(recordings, run.data_dir),
        "content": content.hexdigest()[:16],
        "expressions": list(index["expression"].unique()),
        "n_recordings": len(recordings),
        "n_frames": len(index),
        "n_positive": int(index["label"].sum()),
    }
    with common.user_errors():
        run.folder.write_config(run, seen)
        if run.settings["validate"] == "signer":
            part = training_part(index, run.settings["protocol"])
            index, points = index.iloc[part].reset_index(drop=True), points[part]
    return Data(index, points, told)


def training_part(index, protocol):
    """What is left for validation by signer: nothing else is known of the rest."""
    if protocol != "holdout":
        raise ValueError(
            "--validate signer needs --protocol holdout: with the other protocols it "
            f"would see tested frames. Received --protocol {protocol}."
        )
    return gfe.protocol(index, protocol)[0]["train"]


def rounds(index, settings, seed):
    """The rounds of a protocol, or of its validation inside the training part."""
    by_signer = settings["validate"] == "signer"
    name = "signer" if by_signer else settings["protocol"]
    result = []
    for found in gfe.protocol(index, name, seed):
        train, test = found["train"], found["test"]
        label = name
        if name == "signer":
            label = f"trained_on_{index['signer'].iloc[train[0]]}"
        if by_signer or not settings["validate"]:
            result.append(Round(label, train, test))
            continue
        for fold, (inner, held) in enumerate(gfe.blocks(index, train), start=1):
            result.append(Round(f"{label}-block_{fold}", inner, held))
    return result


def make_part(index, expression, division, protocol, seed):
    """The part of one expression; the runs are what may be seen at once.

    Frames of the training part never see test frames, but where the split is through
    neighbours anyway.

    Raises:
        ValueError: the training part lacks one of the labels.
    """
    rows = np.flatnonzero(index["expression"] == expression)
    own = index.iloc[rows].reset_index(drop=True)
    train, test = (
        np.flatnonzero(np.isin(rows, part)) for part in (division.train, division.test)
    )
    if own["label"].iloc[train].nunique() < 2:
        raise ValueError(
            f"{expression}, {division.name}: all {len(train)} frames of the training "
            "part have the same label; there is nothing to learn."
        )
    side = np.zeros(len(own), int)
    if protocol != "shuffled":
        side[train], side[test] = 1, 2
    recording = pd.factorize(own["path"])[0]
    breaks = np.flatnonzero(np.diff(recording) | np.diff(side)) + 1
    runs = np.split(np.arange(len(own)), breaks)
    return rows, Part(own, train, test, runs, seed)


def work(run):
    """Trains and evaluates all expressions; see `common.main`."""
    settings = run.settings
    with common.user_errors():
        settle_head(run)
    data = read(run)
    with common.user_errors():
        jobs = list(plan(data.index, settings))
    threads = parts.threads_of(run, len(jobs))
    parts.ready(threads)
    learn(run, data, jobs, threads)
    tables, first = [], {}
    for job in jobs:
        division, expression, _, part = job
        learned = restored(stem(run, division, expression, part), settings)
        tables.append(predicted(job, learned))
        if part.seed == settings["seed"]:
            first.setdefault(division.name, {})[expression] = learned
    files = {} if settings["validate"] else write_models(run, first)
    return gfe_report.conclude(run, data, pd.concat(tables), first, files)


def learn(run, data, jobs, threads):
    """Does the parts that are not done, and keeps what comes of each."""
    from tqdm import tqdm

    stems = [stem(run, division, name, part) for division, name, _, part in jobs]
    left = [n for n in range(len(jobs)) if restored(stems[n], run.settings) is None]
    items = [(jobs[n][3], data.points[jobs[n][2]]) for n in left]
    shared = run.study.builder, run.settings
    title, done = run.settings["protocol"], len(jobs) - len(left)
    with tqdm(
        total=len(jobs), initial=done, desc=title, unit="training", disable=None
    ) as bar:
        for place, learned in parts.each(learn_one, items, run.spread, threads, shared):
            division, expression, _, part = jobs[left[place]]
            bar.set_postfix_str(f"{expression}, {division.name}, seed {part.seed}")
            keep(stems[left[place]], learned)
            bar.update()


def learn_one(builder, settings, part, points):
    return method(builder, settings).learn(part, points)


def method(builder, settings):
    """The `Method`, whose network and graphs serve one part after the other."""
    key = builder, json.dumps(settings, sort_keys=True)
    return parts.kept(key, lambda: Method(builder, settings))


def stem(run, division, expression, part):
    """What the names of a part's working files begin with."""
    return run.folder.work / f"{part.seed}-{division.name}-{expression}"


def predicted(job, learned):
    """A row a measured frame of a part; see `gfe_report.measure`."""
    division, _, _, part = job
    table = part.index.iloc[part.test].drop(columns="path")
    return table.assign(
        seed=part.seed,
        round=division.name,
        probability=learned.probability,
        **pruned(learned),
    )


def pruned(learned):
    """Columns that tell of the pruning, where there was one."""
    if learned.before is None:
        return {}
    return {"before": learned.before, "units": learned.units}


def settle_head(run):
    """Drops the settings that have no effect with this head.

    Raises:
        ValueError: one of them was asked for.
    """
    settings = run.settings
    if settings.get("prune") and settings["head"] != "softmax":
        raise ValueError(f"--prune has no effect with --head {settings['head']}.")
    if settings["head"] == "softmax":
        unused = {"features"} if settings["features"] == "geometric" else set()
        settings["features"] = "learned"
    elif settings["features"] == "geometric":
        unused = {"learning_rate", "epochs", "batch_size", "z_score"}
    else:
        return
    for name in sorted(unused & run.given):
        raise ValueError(
            f"--{name.replace('_', '-')} has no effect with --head {settings['head']} "
            f"--features {settings['features']}."
        )
    for name in unused - {"features"}:
        settings.pop(name, None)


def plan(index, settings):
    """All trainings of a study: `(round, expression, rows of the index, part)`."""
    for seed in range(settings["seed"], settings["seed"] + settings["seeds"]):
        for division in rounds(index, settings, seed):
            for expression in index["expression"].unique():
                rows, part = make_part(
                    index, expression, division, settings["protocol"], seed
                )
                yield division, expression, rows, part


def keep(stem, learned):
    """Writes what came of a part, so that an interrupted study goes on after it."""
    if learned.head is not None:
        folder = stem.with_suffix(".head")
        folder.mkdir(exist_ok=True)
        heads.save(learned.head, folder)
    arrays = {"probability": learned.probability, **pruned(learned)}
    if learned.history is not None:
        arrays["history"] = learned.history.to_numpy()
        arrays |= {f"weight_{n:02}": w for n, w in enumerate(learned.weights)}
        arrays |= learned.scale
    partial = stem.with_suffix(".partial.npz")
    np.savez(partial, **arrays)
    os.replace(partial, stem.with_suffix(".done"))


def restored(stem, settings):
    """What `keep` wrote, or `None` where it is not complete."""
    arrays = run_state.arrays(stem.with_suffix(".done"))
    if arrays is None:
        return None
    learned = Learned(arrays["probability"], before=arrays.get("before"))
    if "units" in arrays:
        learned.units = int(arrays["units"])
    if "history" in arrays:
        learned.history = pd.DataFrame(arrays["history"], columns=HISTORY)
        learned.history = learned.history.astype({"epoch": int})
        learned.weights = [arrays[n] for n in sorted(arrays) if n[:7] == "weight_"]
        learned.scale = {k: arrays[k] for k in ("mean", "variance") if k in arrays}
    learned.head = run_state.head(stem.with_suffix(".head"))
    lacks_head = settings["head"] != "softmax" and learned.head is None
    return None if lacks_head else learned


def write_models(run, first):
    """Writes model, SavedModel and heads of the first seed; returns what they are."""
    print("Writing the models", flush=True)
    of, written, served = method(run.study.builder, run.settings), {}, {}
    for name, learned in first.items():
        prefix = "" if len(first) == 1 else f"{name}/"
        place = run.folder.path / prefix
        place.mkdir(exist_ok=True)
        model = of.saved(learned)
        model.save(place / "model.keras")
        export(model, place / "saved_model")
        text = MODEL.format(", ".join(learned))
        text += BATCH if of.z_score == "recording" else ""
        written[f"{prefix}model.keras"] = text
        written[f"{prefix}saved_model/"] = "the same for TensorFlow alone"
        found = {}
        for expression, one in learned.items():
            if one.head is not None:
                own = place / "heads" / expression
                own.mkdir(parents=True, exist_ok=True)
                head = heads.save(one.head, own)
                written[f"{prefix}heads/EXPRESSION/{head.name}"] = HEAD
                found[expression] = f"{prefix}heads/{expression}/{head.name}"
        served[prefix.rstrip("/")] = {"model": f"{prefix}model.keras", "heads": found}
    run.folder.write_serving(run, "points", learned, served)
    return {**written, "serving.json": SERVING}
