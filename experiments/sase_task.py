"""One emotion of the parametric-bias study: network, PB vectors, heads, files.

It runs in a process of its own, several emotions at once, and goes on where an
interrupted one stopped, after the last whole epoch.
"""

import dataclasses
import os
import pathlib

import numpy as np
import pandas as pd

from experiments import run_state

FRAMES_AT_ONCE = 10_000  # in recognition: about a gigabyte with the paper's network


@dataclasses.dataclass(frozen=True)
class Task:
    """What a process gets to do.

    Attributes:
        name: of round and emotion, good for a file's name.
        train, test: `Videos`.
        settings: the study's settings.
        stem: path that the names of its working files begin with.
        folder: where models and heads go, or `None`.
        threads: of the boosted trees.
    """

    name: str
    train: "Videos"
    test: "Videos"
    settings: dict
    stem: pathlib.Path
    folder: pathlib.Path | None
    threads: int

    def file(self, ending):
        return self.stem.with_name(f"{self.stem.name}.{ending}")


@dataclasses.dataclass(frozen=True)
class Videos:
    """Videos of one emotion.

    Attributes:
        rows: of the study's index.
        tracks: of each video its copies, arrays `(copies, frames, 80)`.
        labels: of each video, 1 genuine and 0 posed.
        subjects: of each video.
    """

    rows: np.ndarray
    tracks: list
    labels: np.ndarray
    subjects: np.ndarray

    @property
    def copies(self):
        """All copies, one after the other."""
        return [copy for track in self.tracks for copy in track]

    @property
    def owners(self):
        """The video of each copy, numbers from 0."""
        return np.repeat(np.arange(len(self.tracks)), [len(t) for t in self.tracks])


@dataclasses.dataclass
class Learned:
    """What came of a task.

    Attributes:
        answers: of each head, by name, the probability of genuine of the test videos.
        history: a row an epoch: `epoch`, `loss`, `learning_rate`.
        vectors: mean PB vector of each video's copies: training, then test.
        classes: the PB vectors learned for posed and genuine, `(2, pb_units)`.
        generated: from each of them, `(2, frames, 80)`, and before it the first frame.
        trees: number of boosted trees.
    """

    answers: dict
    history: pd.DataFrame
    vectors: np.ndarray
    classes: np.ndarray
    generated: np.ndarray
    trees: int


def done(task):
    """What `work` left of a task that is done, or `None`."""
    arrays = run_state.arrays(task.file("done"))
    if arrays is None or not task.file("csv").exists():
        return None
    names = [name for name in arrays if name.startswith("answer_")]
    return Learned(
        {name.removeprefix("answer_"): arrays[name] for name in names},
        pd.read_csv(task.file("csv")),
        arrays["vectors"],
        arrays["classes"],
        arrays["generated"],
        int(arrays["trees"]),
    )


def work(task):
    """Does a task; what came of it lies in its files, for `done`.

    Returns:
        The task's name.

    Raises:
        ArithmeticError: the training diverged.
        ValueError: there are too few people for the heads.
    """
    from keras import ops

    import zoo
    from experiments import sase_heads

    train, test, settings = task.train, task.test, task.settings
    model = network(zoo, settings)
    learn(model, task)
    vectors = {
        part: recognised(model, videos.copies, settings)
        for part, videos in (("train", train), ("test", test))
    }
    owners = train.owners
    of = train.labels[owners], train.subjects[owners]
    try:
        heads, trees = sase_heads.fit(
            vectors["train"], *of, settings["seed"], task.threads
        )
    except ValueError as error:
        raise ValueError(f"{task.name}: {error}") from error
    answers = {
        f"answer_{name}": sase_heads.decide(head, vectors["test"], test.owners)
        for name, head in heads.items()
    }
    means = [
        mean_by(vectors["train"], owners),
        mean_by(vectors["test"], test.owners),
    ]
    if task.folder:
        write_models(task.folder, model, heads, settings)
    write_arrays(
        task.file("done"),
        {
            **answers,
            "vectors": np.concatenate(means),
            "classes": ops.convert_to_numpy(model.pb),
            "generated": generated(model, train),
            "trees": np.array(trees),
        },
    )
    task.file("state").unlink(missing_ok=True)
    return task.name


def network(zoo, settings):
    import keras

    keras.utils.set_random_seed(settings["seed"])
    names = "units", "depth", "context"
    return zoo.LSTMPB(**{name: settings[name] for name in names})


def learn(model, task):
    """Trains all epochs, or those that are left; writes the history."""
    from zoo.pb_learning import Learning

    settings, train = task.settings, task.train
    learning = Learning(
        model,
        train.copies,
        train.labels[train.owners],
        settings["batch_size"],
        settings["learning_rate"],
        settings["pb_rate"],
        settings["momentum"],
        settings["seed"],
    )
    rows = []
    state = run_state.arrays(task.file("state"))
    if state is not None:
        learning.restore(state)
        rows = state["history"].tolist()
    while learning.epoch < settings["epochs"]:
        logs = learning.run_epoch()
        rows.append([learning.epoch - 1, logs["loss"], logs["learning_rate"]])
        # The state comes last: what it does not know of is done again.
        history = pd.DataFrame(rows, columns=["epoch", "loss", "learning_rate"])
        history.astype({"epoch": int}).to_csv(task.file("partial.csv"), index=False)
        os.replace(task.file("partial.csv"), task.file("csv"))
        state = {**learning.state(), "history": np.array(rows)}
        write_arrays(task.file("state"), state)


def recognised(model, tracks, settings):
    longest = max(len(track) for track in tracks)
    at_once = max(1, FRAMES_AT_ONCE // longest)
    return model.recognise(tracks, settings["steps"], settings["pb_rate"], at_once)


def write_arrays(path, arrays):
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial.npz")
    np.savez(partial, **arrays)
    os.replace(partial, path)


def mean_by(vectors, owners):
    return np.stack([vectors[owners == n].mean(axis=0) for n in range(owners[-1] + 1)])


def generated(model, train, steps=60):
    """What both classes' PB vectors make of the mean first frame, with it in front."""
    first = np.mean([track[0, 0] for track in train.tracks], axis=0)
    made = model.generate(model.pb, first, steps)
    return np.concatenate([np.broadcast_to(first, (len(made), 1, len(first))), made], 1)


def write_models(folder, model, heads, settings):
    """Writes network and heads for Keras, TensorFlow, XGBoost and scikit-learn."""
    from zoo import export
    from zoo import heads as zoo_heads

    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "model.keras")
    endpoints = model.endpoints(settings["steps"], settings["pb_rate"])
    export.write(endpoints, folder / "saved_model", model)
    for name, head in heads.items():
        place = folder if name == "xgboost" else folder / name
        place.mkdir(exist_ok=True)
        zoo_heads.save(head, place)
