"""What the studies on observers' pupils share: data, rounds, run folder.

Gong, "Using LSTM Neural Network to predict the real or fake smile based on Observers
Pupil Dataset, and apply Image Compression Technical to Pruning Neural Networks", The
Australian National University (seeds/000).
"""

import dataclasses
import hashlib
import json
import os

import numpy as np
import pandas as pd
import tensorflow as tf

from datasets import pupil, sample
from experiments import common, pupil_report
from zoo.export import export


def parser(study, doc):
    """The options that the studies on pupils share."""
    result = common.parser(study, doc)
    protocols = "; ".join(f"{name}: {what}" for name, what in pupil.PROTOCOLS.items())
    result.add_argument_group("task").add_argument(
        "--protocol",
        choices=pupil.PROTOCOLS,
        default="video",
        help=f"{protocols} (default: video)",
    )
    return result


@dataclasses.dataclass(frozen=True)
class Data:
    """The series of a study.

    Attributes:
        index: a row a series, see `datasets.pupil.index`.
        diameters: `(n, samples)`, raw; NaN not measured, 0 after the end.
        told: what was found and left out, for people.
    """

    index: pd.DataFrame
    diameters: np.ndarray
    told: str

    @property
    def labels(self):
        return self.index["label"].to_numpy()


@dataclasses.dataclass(frozen=True)
class Round:
    """A division into training and test part: positions in the index."""

    name: str
    train: np.ndarray
    test: np.ndarray
    seed: int


@dataclasses.dataclass
class Learned:
    """What came of one round.

    Attributes:
        answers: of each model, by name, the probability of genuine of the test series.
        weights: what it takes to build the models again.
        history: a row an epoch: `epoch`, `loss`, `test_loss`; or `None`.
        pruned: a row a pruned layer: what became of its units, and the `angles`
            between them before (how many pairs in each degree); or empty.
        told: what else is to be known of the round.
    """

    answers: dict
    weights: list
    history: pd.DataFrame | None = None
    pruned: list = dataclasses.field(default_factory=list)
    told: dict = dataclasses.field(default_factory=dict)


def read(run):
    """Reads the data, tells what was found, and writes config.json.

    Raises:
        StudyError: the workbooks are not as expected, or not there.
    """
    with common.user_errors():
        index = pupil.index(run.data_dir)
        diameters = pupil.diameters(index)
    told = pupil.summary(index)
    print(told, flush=True)
    run.folder.write_json("skipped.json", index.attrs["report"])
    if run.kind != sample.kind_of(index["path"].unique()):
        run.kind = "sample"  # a folder above may lead to it
        print("These workbooks are those of the SAMPLE, made by code, not people.")
    columns = ["observer", "video", "eye", "label", "n_samples"]
    content = hashlib.sha256(index[columns].to_csv(index=False).encode())
    content.update(diameters.tobytes())
    seen = {
        "content": content.hexdigest()[:16],
        "n_series": len(index),
        "n_genuine": int(index["label"].sum()),
        "n_observers": index["observer"].nunique(),
        "n_videos": index["video"].nunique(),
    }
    with common.user_errors():
        run.folder.write_config(run, seen)
    return Data(index, diameters, told)


def rounds(index, settings):
    found = pupil.protocol(index, settings["protocol"], settings["seed"])
    return [Round(**division, seed=settings["seed"]) for division in found]


def work(run, make_method):
    """Trains and evaluates every round; see `common.main`.

    Args:
        run: the `Run`.
        make_method: function of the settings and the data to what learns: it has
            `learn(part)`, which returns `Learned`; `models(part, learned)`, which
            returns models from raw diameters by name; and `draw(results, title,
            folder)`, which returns the names of the figures it drew.
    """
    from tqdm import tqdm

    tf.config.experimental.enable_op_determinism()
    tf.get_logger().setLevel("ERROR")  # many models, and a graph is traced for each
    data = read(run)
    with common.user_errors():
        parts = rounds(data.index, run.settings)
    method = make_method(run.settings, data)
    results = {}
    bar = tqdm(parts, desc=run.settings["protocol"], unit="round", disable=None)
    for part in bar:
        bar.set_postfix_str(part.name)
        stem = run.folder.work / part.name
        learned = restored(stem)
        if learned is None:
            learned = method.learn(part)
            keep(stem, learned)
        results[part.name] = learned
    table = predictions(data, parts, results)
    first = parts[0]
    models = method.models(first, results[first.name])
    path = run.folder.path
    written = write_models(run, models, first, len(parts))
    drawn = method.draw(results, pupil_report.title(run), path)
    return pupil_report.conclude(run, data, table, results, models, drawn, written)


def predictions(data, parts, results):
    """A row a tested series: who, what, truth, and each model's probability."""
    tables = []
    for part in parts:
        rows = data.index.iloc[part.test].drop(columns="path")
        tables.append(rows.assign(round=part.name, **results[part.name].answers))
    return pd.concat(tables, ignore_index=True)


def keep(stem, learned):
    """Writes what came of a round, so that an interrupted study goes on after it."""
    arrays = {f"answer_{name}": value for name, value in learned.answers.items()}
    arrays |= {f"weight_{n:02}": value for n, value in enumerate(learned.weights)}
    if learned.history is not None:
        arrays["history"] = learned.history.to_numpy()
        arrays["columns"] = np.array(list(learned.history))
    arrays["texts"] = np.array(json.dumps([learned.pruned, learned.told]))
    partial = stem.with_name(f"{stem.name}.partial.npz")
    np.savez(partial, **arrays)
    os.replace(partial, stem.with_name(f"{stem.name}.done"))


def restored(stem):
    """What `keep` wrote, or `None`."""
    done = stem.with_name(f"{stem.name}.done")
    if not done.exists():
        return None
    with np.load(done) as file:
        arrays = dict(file)
    history = None
    if "history" in arrays:
        history = pd.DataFrame(arrays["history"], columns=arrays["columns"])
        history = history.astype({"epoch": int})
    return Learned(
        {k.removeprefix("answer_"): v for k, v in arrays.items() if k[:7] == "answer_"},
        [arrays[name] for name in sorted(arrays) if name[:7] == "weight_"],
        history,
        *json.loads(str(arrays["texts"])),
    )


def write_models(run, models, part, count):
    """Writes every model for Keras and for TensorFlow; returns what the files are."""
    print("Writing the models", flush=True)
    path = run.folder.path
    of = "" if count == 1 else f", of the first of {count} rounds ({part.name})"
    written, parts = {}, {}
    for name, model in models.items():
        prefix = "" if name == "probability" else f"{name}_"
        model.save(path / f"{prefix}model.keras")
        export(model, path / f"{prefix}saved_model")
        what = f"from raw diameters to posed and genuine{of}"
        what += "" if name == "probability" else f", {name}"
        written[f"{prefix}model.keras"] = f"{what}, for Keras"
        written[f"{prefix}saved_model/"] = "the same for TensorFlow alone"
        parts[prefix.rstrip("_")] = {"model": f"{prefix}model.keras"}
    run.folder.write_serving(run, "diameters", ["posed", "genuine"], parts)
    return {**written, "serving.json": "what `zoo.load_run` needs to know of them"}
