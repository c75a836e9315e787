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

from datasets import pupil, sample
from experiments import common, parts, pupil_report, run_state
from zoo.export import export


def parser(study, doc, jobs=None):
    """The options that the studies on pupils share; `jobs` is a default."""
    result = common.parser(study, doc)
    parts.add_options(result, jobs)
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
        content: a hash of the series.
    """

    index: pd.DataFrame
    diameters: np.ndarray
    told: str
    content: str

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
    content = content.hexdigest()[:16]
    seen = {
        "content": content,
        "n_series": len(index),
        "n_genuine": int(index["label"].sum()),
        "n_observers": index["observer"].nunique(),
        "n_videos": index["video"].nunique(),
    }
    with common.user_errors():
        run.folder.write_config(run, seen)
        if run.settings.get("validate"):
            # Nothing else is known of the test part.
            first = pupil.protocol(
                index, run.settings["protocol"], run.settings["seed"]
            )[0]
            index = index.iloc[first["train"]].reset_index(drop=True)
            # How long the test part's series are would be seen in the padding.
            longest = int(index["n_samples"].max())
            diameters = diameters[first["train"], :longest]
    return Data(index, diameters, told, content)


def rounds(index, settings):
    """The rounds of a protocol, or folds of observers of a training part."""
    name = "observer" if settings.get("validate") else settings["protocol"]
    found = pupil.protocol(index, name, settings["seed"])
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
    data = read(run)
    with common.user_errors():
        divided = rounds(data.index, run.settings)
    threads = parts.threads_of(run, len(divided))
    parts.ready(threads)
    learn(run, make_method, data, divided, threads)
    results = {part.name: restored(stem(run, part)) for part in divided}
    table = predictions(data, divided, results)
    method = made(make_method, run.settings, data)
    first = divided[0]
    models = method.models(first, results[first.name])
    path = run.folder.path
    written = {}
    if not run.settings.get("validate"):
        written = write_models(run, models, first, len(divided))
    drawn = method.draw(results, pupil_report.title(run), path)
    return pupil_report.conclude(run, data, table, results, models, drawn, written)


def learn(run, make_method, data, divided, threads):
    """Does the rounds that are not done, and keeps what comes of each."""
    from tqdm import tqdm

    left = [part for part in divided if restored(stem(run, part)) is None]
    items = [(part,) for part in left]
    shared = make_method, run.settings, data
    title, done = run.settings["protocol"], len(divided) - len(left)
    with tqdm(
        total=len(divided), initial=done, desc=title, unit="round", disable=None
    ) as bar:
        for place, learned in parts.each(learn_one, items, run.spread, threads, shared):
            bar.set_postfix_str(left[place].name)
            keep(stem(run, left[place]), learned)
            bar.update()


def learn_one(make_method, settings, data, part):
    return made(make_method, settings, data).learn(part)


def made(make_method, settings, data):
    """What learns, which serves one round after the other."""
    key = make_method.__name__, json.dumps(settings, sort_keys=True), data.content
    return parts.kept(key, lambda: make_method(settings, data))


def stem(run, part):
    """What the names of a round's working files begin with."""
    return run.folder.work / part.name


def predictions(data, divided, results):
    """A row a tested series: who, what, truth, and each model's probability."""
    tables = []
    for part in divided:
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
    arrays = run_state.arrays(stem.with_name(f"{stem.name}.done"))
    if arrays is None:
        return None
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
    written, served = {}, {}
    for name, model in models.items():
        prefix = "" if name == "probability" else f"{name}_"
        model.save(path / f"{prefix}model.keras")
        export(model, path / f"{prefix}saved_model")
        what = f"from raw diameters to posed and genuine{of}"
        what += "" if name == "probability" else f", {name}"
        written[f"{prefix}model.keras"] = f"{what}, for Keras"
        written[f"{prefix}saved_model/"] = "the same for TensorFlow alone"
        served[prefix.rstrip("_")] = {"model": f"{prefix}model.keras"}
    run.folder.write_serving(run, "diameters", ["posed", "genuine"], served)
    return {**written, "serving.json": "what `zoo.load_run` needs to know of them"}
