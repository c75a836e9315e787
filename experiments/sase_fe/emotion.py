"""One emotion: the network, PB vectors of every video, and heads on these."""

import pathlib
import time
from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
from keras import ops

import zoo
from experiments.harness import metrics
from experiments.harness.checkpoint import Checkpoint
from experiments.harness.errors import Diverged
from experiments.sase_fe import heads
from zoo.pb_learning import Learning

RANDOM, SECOND = "one random second", 30  # frames
# Parts of a video by start and length: where it was cut must not be what is learned.
CUTS = {"first third": (0, 1 / 3), "middle half": (1 / 4, 1 / 2), RANDOM: None}
FRAMES_AT_ONCE = 10_000  # in recognition: about a gigabyte with the paper's network


@dataclass(frozen=True)
class Videos:
    """Videos of one emotion.

    Attributes:
        rows: of the index: `part, subject, emotion, video, label`.
        tracks: the copies of each video, arrays `(copies, frames, 80)`.
        labels, subjects: of each video.
    """

    rows: pd.DataFrame
    tracks: list[np.ndarray]
    labels: np.ndarray
    subjects: np.ndarray

    def cut(self, name: str, seed: int) -> "Videos":
        """Return the same videos, of each only a part; see `CUTS`."""
        rng = np.random.default_rng(seed)
        tracks = []
        for track in self.tracks:
            frames = track.shape[1]
            if name == RANDOM:
                length = min(frames, SECOND)
                start = int(rng.integers(frames - length + 1))
            else:
                start, length = (int(share * frames) for share in CUTS[name])
            tracks.append(track[:, start : start + max(2, length)])
        return Videos(self.rows, tracks, self.labels, self.subjects)

    @property
    def copies(self) -> list[np.ndarray]:
        """All copies, one after the other."""
        return [copy for track in self.tracks for copy in track]

    @property
    def owners(self) -> np.ndarray:
        """The video of each copy, numbers from 0."""
        return np.repeat(np.arange(len(self.tracks)), [len(t) for t in self.tracks])


@dataclass(frozen=True)
class Part:
    """An emotion in a round; `keep` where models are written from what came of it."""

    round: str
    emotion: str
    train: Videos
    test: Videos
    keep: bool

    @property
    def key(self) -> str:
        return f"{self.round}-{self.emotion}"


def learn_emotion(settings, folder: pathlib.Path, part: Part, threads: int) -> dict:
    """Train the network of an emotion, and decide on its tested videos.

    It resumes after the last whole epoch in the folder of the checkpoints.

    Returns:
        Dict of `answer_NAME`, each head's probability of genuine of the tested videos,
        with `Settings.cuts` also `answer_NAME_CUT` of these parts of them;
        `loss` of the first head; `history`, rows of epoch, loss and learning rate;
        `vectors`, the mean PB vector of each video's copies, training first; `classes`,
        the PB vectors learned for fake and genuine; `generated` from these; the number
        of `trees`; and where the part is to be kept `weights` and `head_NAME`.
    """
    train, test, checkpoint = part.train, part.test, Checkpoint(folder)
    owners = train.owners
    keras.utils.set_random_seed(settings.seed)
    model = network(settings)
    try:
        history = train_network(model, settings, part, checkpoint)
    except ArithmeticError as error:
        raise Diverged(f"in {part.key}") from error
    vectors, tested = (recognise(model, side, settings) for side in (train, test))
    people = train.labels[owners], train.subjects[owners]
    fitted, trees = heads.fit(vectors, *people, settings.seed, threads)
    answers = {n: heads.decide(h, tested, test.owners) for n, h in fitted.items()}
    for cut in CUTS if settings.cuts else ():
        shorter = recognise(model, test.cut(cut, settings.seed), settings)
        for name, head in fitted.items():
            answers[f"{name}_{cut}"] = heads.decide(head, shorter, test.owners)
    means = [mean_by(vectors, owners), mean_by(tested, test.owners)]
    content = {
        **{f"answer_{name}": answer for name, answer in answers.items()},
        "loss": metrics.loss(test.labels, answers["xgboost"]),
        "history": history,
        "vectors": np.concatenate(means),
        "classes": ops.convert_to_numpy(model.pb),
        "generated": generate(model, train),
        "trees": trees,
    }
    if part.keep:
        content["weights"] = model.get_weights()
        content |= {f"head_{name}": head for name, head in fitted.items()}
    checkpoint.remove(f"{part.key}-epoch")
    return content


def network(settings) -> keras.Model:
    return zoo.LSTMPB(settings.units, settings.depth, context=settings.context)


def train_network(model, settings, part: Part, checkpoint: Checkpoint) -> list:
    """Train all epochs, or those that are left; return the history."""
    train, key = part.train, f"{part.key}-epoch"
    names = "batch_size", "learning_rate", "pb_rate", "momentum", "seed"
    options = {name: getattr(settings, name) for name in names}
    learning = Learning(model, train.copies, train.labels[train.owners], **options)
    history, shown = [], time.monotonic()
    if state := checkpoint.load(key):
        learning.restore(state)
        history = state["history"]
    while learning.epoch < settings.epochs:
        logs = learning.run_epoch()
        history.append([learning.epoch - 1, logs["loss"], logs["learning_rate"]])
        checkpoint.save(key, {**learning.state(), "history": history})
        if time.monotonic() > shown + 60:
            shown = time.monotonic()
            print(
                f"{part.key}: epoch {learning.epoch} of {settings.epochs}", flush=True
            )
    return history


def recognise(model, videos: Videos, settings) -> np.ndarray:
    """Return the PB vector of every copy."""
    copies = videos.copies
    at_once = max(1, FRAMES_AT_ONCE // max(map(len, copies)))
    return model.recognise(copies, settings.steps, settings.pb_rate, at_once)


def mean_by(vectors: np.ndarray, owners: np.ndarray) -> np.ndarray:
    return np.stack([vectors[owners == n].mean(axis=0) for n in range(owners[-1] + 1)])


def generate(model, train: Videos, steps: int = 60) -> np.ndarray:
    """Continue the mean first frame, kept in front, by both classes' PB vectors."""
    first = np.mean([track[0, 0] for track in train.tracks], axis=0)
    frames = model.generate(model.pb, first, steps)
    start = np.broadcast_to(first, (len(frames), 1, len(first)))
    return np.concatenate([start, frames], axis=1)
