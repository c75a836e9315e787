"""One emotion: the network, PB vectors of every video, and heads on these.

It runs in a process of its own, several emotions at once, and resumes after the last
whole epoch.
"""

import pathlib
import time
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

import zoo
from experiments.harness import metrics
from experiments.harness.checkpoint import Checkpoint
from experiments.harness.study import Diverged, StudyError
from experiments.sase_fe import heads
from zoo.pb_learning import Learning

FRAMES_AT_ONCE = 10_000  # in recognition: about a gigabyte with the paper's network
GENERATED = 60  # frames


@dataclass(frozen=True)
class Videos:
    """Videos of one emotion.

    Attributes:
        rows: of the study's index.
        tracks: the copies of each video, arrays `(copies, frames, 80)`.
        labels: of each video, 1 genuine and 0 fake.
        subjects: of each video.
    """

    rows: np.ndarray
    tracks: list[np.ndarray]
    labels: np.ndarray
    subjects: np.ndarray

    @property
    def copies(self) -> list[np.ndarray]:
        """All copies, one after the other."""
        return [copy for track in self.tracks for copy in track]

    @property
    def owners(self) -> np.ndarray:
        """The video of each copy, numbers from 0."""
        return np.repeat(np.arange(len(self.tracks)), [len(t) for t in self.tracks])


def learn_emotion(
    settings,
    folder: pathlib.Path,
    name: str,
    train: Videos,
    test: Videos,
    keep: bool,
    threads: int,
) -> dict:
    """Train the network of an emotion, and decide on its tested videos.

    Args:
        settings: the study's.
        folder: of the checkpoints, where the state after each epoch goes.
        name: of round and emotion, good for a file's name.
        train: the videos to learn from.
        test: the videos to decide on.
        keep: whether to return what models are written from.
        threads: of the boosted trees.

    Returns:
        Dict of `answer_NAME`, each head's probability of genuine of the tested videos;
        `loss` of the first head; `history`, rows of epoch, loss and learning rate;
        `vectors`, the mean PB vector of each video's copies, training first; `classes`,
        the PB vectors learned for fake and genuine; `generated`, what these make of the
        mean first frame; `trees`, their number; and to be kept `weights` of the
        network and `head_NAME`, the fitted heads.

    Raises:
        Diverged: the loss is not a number.
        StudyError: there are too few people for the heads.
    """
    checkpoint = Checkpoint(folder)
    keras.utils.set_random_seed(settings.seed)
    model = network(settings)
    try:
        history = train_network(model, settings, name, train, checkpoint)
    except ArithmeticError as error:
        raise Diverged(f"in {name}") from error
    vectors, tested = (recognise(model, side, settings) for side in (train, test))
    owners = train.owners
    people = train.labels[owners], train.subjects[owners]
    try:
        fitted, trees = heads.fit(vectors, *people, settings.seed, threads)
    except ValueError as error:
        raise StudyError(f"{name}: {error}") from error
    answers = {
        f"answer_{head}": heads.decide(estimator, tested, test.owners)
        for head, estimator in fitted.items()
    }
    means = [mean_by(vectors, owners), mean_by(tested, test.owners)]
    content = {
        **answers,
        "loss": metrics.loss(test.labels, next(iter(answers.values()))),
        "history": history,
        "vectors": np.concatenate(means),
        "classes": ops.convert_to_numpy(model.pb),
        "generated": generate(model, train),
        "trees": trees,
    }
    if keep:
        content["weights"] = model.get_weights()
        content |= {f"head_{head}": one for head, one in fitted.items()}
    checkpoint.remove(f"{name}-epoch")
    return content


def network(settings) -> keras.Model:
    return zoo.LSTMPB(settings.units, settings.depth, context=settings.context)


def train_network(
    model, settings, name: str, train: Videos, checkpoint: Checkpoint
) -> np.ndarray:
    """Train all epochs, or those that are left; return the history."""
    learning = Learning(
        model,
        train.copies,
        train.labels[train.owners],
        settings.batch_size,
        settings.learning_rate,
        settings.pb_rate,
        settings.momentum,
        settings.seed,
    )
    history, shown = [], time.monotonic()
    key = f"{name}-epoch"
    if state := checkpoint.load(key):
        learning.restore(state)
        history = state["history"].tolist()
    while learning.epoch < settings.epochs:
        logs = learning.run_epoch()
        history.append([learning.epoch - 1, logs["loss"], logs["learning_rate"]])
        checkpoint.save(key, {**learning.state(), "history": np.array(history)})
        if time.monotonic() > shown + 60:
            shown = time.monotonic()
            done = f"epoch {learning.epoch} of {settings.epochs}"
            print(f"{name}: {done}, loss {logs['loss']:.5f}", flush=True)
    return np.array(history)


def recognise(model, videos: Videos, settings) -> np.ndarray:
    """Return the PB vector of every copy."""
    copies = videos.copies
    at_once = max(1, FRAMES_AT_ONCE // max(map(len, copies)))
    return model.recognise(copies, settings.steps, settings.pb_rate, at_once)


def mean_by(vectors: np.ndarray, owners: np.ndarray) -> np.ndarray:
    return np.stack([vectors[owners == n].mean(axis=0) for n in range(owners[-1] + 1)])


def generate(model, train: Videos, steps: int = GENERATED) -> np.ndarray:
    """Continue the mean first frame, kept in front, by both classes' PB vectors."""
    first = np.mean([track[0, 0] for track in train.tracks], axis=0)
    frames = model.generate(model.pb, first, steps)
    start = np.broadcast_to(first, (len(frames), 1, len(first)))
    return np.concatenate([start, frames], axis=1)
