"""The data of the parametric-bias study, its rounds, and its emotions in parallel."""

import contextlib
import dataclasses
import hashlib
import os
import threading

import numpy as np
import pandas as pd

from datasets import sample, sase_fe, splits
from experiments import common, parts, parts_dask, sase_task
from experiments.common import Round
from experiments.sase_task import Task, Videos

PROTOCOLS = {
    "holdout": "a fifth of the people are tested",
    "folds": "five folds by subject, everybody is tested once",
    "challenge": "trained on the training part, tested on the flat parts with labels",
}
FOLDS = 5


@dataclasses.dataclass(frozen=True)
class Data:
    """The videos of a study.

    Attributes:
        index: a row a video, see `datasets.sase_fe.index`.
        tracks: of each, the whole crop and its jittered copies,
            `(1 + copies, frames, 80)`.
        rounds: list of `Round`.
        told: what was found and left out, for people.
    """

    index: pd.DataFrame
    tracks: list
    rounds: list
    told: str


def read(run):
    """Finds and reads the videos, tells what was found, and writes config.json.

    Raises:
        StudyError: the videos are not as expected, or not there.
    """
    settings = run.settings
    if run.spread.dask:
        parts_dask.seen_by_all([run.folder.work, run.data_dir])
    with common.user_errors():
        found = sase_fe.index(run.data_dir)
        told = sase_fe.summary(found)
        print(told, flush=True)
        if run.kind != sample.kind_of(found["path"]):
            run.kind = "sample"  # a folder above may lead to it
            print("These videos are those of the SAMPLE, made by code, not people.")
        index, divided = parted(usable(found, settings), settings)
        tested = np.isin(
            np.arange(len(index)), np.concatenate([r.test for r in divided])
        )
        tracks, failures = tracks_of(index, tested, settings, run.spread)
    emotions = index["emotion"].unique()
    kept = np.array([track is not None for track in tracks])
    place = np.cumsum(kept) - 1
    divided = [
        Round(r.name, place[r.train[kept[r.train]]], place[r.test[kept[r.test]]])
        for r in divided
    ]
    index = index[kept].reset_index(drop=True)
    tracks = [track for track in tracks if track is not None]
    failures.to_csv(run.folder.path / "failures.csv", index=False)
    run.folder.write_json("skipped.json", found.attrs["report"])
    unread = [
        reason if path in reason else f"{path}: {reason}"
        for path, reason in failures.itertuples(index=False)
    ]
    for reason in unread:
        print(f"No points: {reason}")
    with common.user_errors():
        check(index, divided, emotions)
        run.folder.write_config(run, content(index, tracks))
    used = "\n".join([*counted(index, divided), *same(index, tracks)])
    print(used, flush=True)
    lines = [f"Without points: {reason}" for reason in unread]
    return Data(index, tracks, divided, "\n".join([told, *lines, used]))


def counted(index, divided):
    """How many videos and people each round learns from and tests."""
    for part in divided:
        sides = []
        for side, rows in (("training", part.train), ("test", part.test)):
            here = index.iloc[rows]
            sides.append(
                f"{side} {len(here)} videos ({here['label'].sum()} genuine) of "
                f"{here['subject'].nunique()} people"
            )
        yield f"Used, {part.name}: {', '.join(sides)}"


def same(index, tracks):
    """A warning for each video that has the points of another one."""
    first = {}
    names = index["subject"] + " " + index["video"]
    for name, track in zip(names, tracks, strict=True):
        other = first.setdefault(hashlib.sha256(track[0].tobytes()).digest(), name)
        if other != name:
            yield f"WARNING: {name} is the same as {other}: is it one person, twice?"


def usable(index, settings):
    """The rows with a label, of the emotions and parts that are asked for."""
    wanted = index["label"].notna() & index["emotion"].isin(settings["emotions"])
    if settings["protocol"] != "challenge":
        wanted &= index["part"] == "train"
    chosen = index[wanted].reset_index(drop=True)
    chosen["label"] = chosen["label"].astype(int)
    if chosen.empty:
        raise ValueError(
            f"There are no labelled videos for --protocol {settings['protocol']} and "
            f"--emotions {' '.join(settings['emotions'])}. Found:\n"
            f"{sase_fe.summary(index)}"
        )
    return chosen


def parted(index, settings):
    """The videos that a run uses, and its rounds; a validation reads no tested ones.

    Raises:
        ValueError: the protocol has no validation.
    """
    if not settings.get("validate"):
        return index, rounds(index, settings)
    if settings["protocol"] != "holdout":
        raise ValueError(
            "--validate needs --protocol holdout: the others have no validation "
            f"people. Received --protocol {settings['protocol']}."
        )
    kinds = index["emotion"] + index["label"].astype(str)
    sides = splits.holdout(index, kinds, seed=settings["seed"])
    kept = np.sort(np.concatenate([sides["train"], sides["validation"]]))
    train, validated = (
        np.searchsorted(kept, sides[side]) for side in ("train", "validation")
    )
    index = index.iloc[kept].reset_index(drop=True)
    return index, [Round("validation", train, validated)]


def rounds(index, settings):
    """The divisions that a protocol asks for."""
    kinds = index["emotion"] + index["label"].astype(str)
    seed = settings["seed"]
    if settings["protocol"] == "folds":
        divided = splits.kfold(index, kinds, FOLDS, seed)
        return [Round(f"fold{n}", *parts) for n, parts in enumerate(divided, start=1)]
    if settings["protocol"] == "holdout":
        parts = splits.holdout(index, kinds, seed=seed)
        train = np.sort(np.concatenate([parts["train"], parts["validation"]]))
        return [Round("holdout", train, parts["test"])]
    learned = (index["part"] == "train").to_numpy()
    if learned.all() or not learned.any():
        raise ValueError(
            "--protocol challenge needs a training part and a flat part with a table "
            f"of labels. Found parts: {', '.join(index['part'].unique())}. Without, "
            "use --protocol holdout."
        )
    return [Round("challenge", np.flatnonzero(learned), np.flatnonzero(~learned))]


def tracks_of(index, tested, settings, spread):
    """The copies of every video, `None` where it cannot be read; and the failures."""
    tracks, failures = [None] * len(index), []
    groups = index.groupby([index["emotion"], tested], sort=False)
    # Group by group: all 68 points of all copies at once would fill the memory.
    for (emotion, is_tested), part in groups:
        copies = settings["copies"]
        if is_tested:  # and, in another fold, learned from
            copies = max(copies, settings["test_copies"])
        what = "test" if is_tested else "training"
        print(f"Reading {len(part)} {what} videos of {emotion}", flush=True)
        arrays, kept, failed = loaded(part, copies, settings, spread)
        check_outside(failed)
        failures.append(failed)
        by_path = dict(zip(kept["path"], arrays, strict=True))
        for place, path in part["path"].items():
            if path in by_path:
                tracks[place] = by_path[path]
    return tracks, pd.concat(failures, ignore_index=True)


def loaded(part, copies, settings, spread):
    """What `sase_fe.load` returns; nothing and the failures where all of them fail."""
    try:
        with spread.joblib():
            return sase_fe.load(part, copies, settings["seed"], spread.jobs)
    except ValueError as error:
        failed = pd.DataFrame({"path": part["path"], "reason": str(error)})
        return [], part[:0], failed


def check_outside(failed):
    """Tells failures that are not the videos' own: nothing is left out for them.

    Raises:
        OSError: a video is gone, or the cache of points cannot be written.
    """
    for path, reason in failed.itertuples(index=False):
        if not os.path.exists(path):
            raise FileNotFoundError(
                f"No such file or directory: {path!r}. It was there when the run "
                "began: bring it back."
            )
        if "cannot write the landmarks" in reason:
            raise OSError(reason)


def check(index, divided, emotions):
    """Every emotion needs genuine and fake videos to learn from, and one to test."""
    for part in divided:
        for side, rows in (("training", part.train), ("test", part.test)):
            here = index.iloc[rows]
            for emotion in emotions:
                of = here[here["emotion"] == emotion]
                people = of.groupby("label")["subject"].nunique()
                few = len(people) < 2 or people.min() < 2
                if of.empty or (side == "training" and few):
                    raise ValueError(
                        f"The {side} part of {part.name} has too few videos of "
                        f"{emotion} with a face: genuine ones of 2 people and fake "
                        "ones of 2 people are needed for training, and one video for "
                        "the test. Leave the emotion out with --emotions, or use "
                        "another --protocol or --seed. What could not be read is named "
                        "above."
                    )


def content(index, tracks):
    """What config.json says of the data."""
    columns = ["subject", "emotion", "label", "video", "part"]
    digest = hashlib.sha256(index[columns].to_csv(index=False).encode())
    for track in tracks:
        digest.update(track.tobytes())
    return {
        "content": digest.hexdigest()[:16],
        "n_videos": len(index),
        "n_genuine": int(index["label"].sum()),
        "n_subjects": index["subject"].nunique(),
        "n_frames": int(sum(track.shape[1] for track in tracks)),
    }


def tasks(run, data):
    """A task for each round and emotion."""
    emotions = [e for e in sase_fe.EMOTIONS if e in set(data.index["emotion"])]
    threads = parts.threads(len(data.rounds) * len(emotions))
    work, models = (path.resolve() for path in (run.folder.work, run.folder.path))
    for part in data.rounds:
        for emotion in emotions:
            name = f"{part.name}-{emotion}"
            first = part is data.rounds[0] and not run.settings.get("validate")
            yield Task(
                name,
                videos(data, part.train, emotion, run.settings["copies"]),
                videos(data, part.test, emotion, run.settings["test_copies"]),
                run.settings,
                work / name,
                models / emotion if first else None,
                threads,
            )


def rows_of(data, rows, emotion):
    return rows[(data.index["emotion"].iloc[rows] == emotion).to_numpy()]


def videos(data, rows, emotion, copies):
    rows = rows_of(data, rows, emotion)
    of = data.index.iloc[rows]
    return Videos(
        rows,
        [copies_of(data.tracks[row], copies) for row in rows],
        of["label"].to_numpy(),
        of["subject"].to_numpy(str),
    )


def copies_of(track, count):
    """The first jittered copies of a video; without any, the whole crop."""
    return track[1 : 1 + count] if count else track[:1]


def serve(run, every):
    """Writes serving.json: a part an emotion."""
    emotions = [task.folder.name for task in every if task.folder]
    parts = {
        name: {"model": f"{name}/model.keras", "head": f"{name}/head.ubj"}
        for name in emotions
    }
    names = ["steps", "pb_rate", "test_copies", "seed"]
    used = {name: run.settings[name] for name in names}
    run.folder.write_serving(run, "tracks", ["fake", "genuine"], parts, settings=used)


def work(run, every):
    """Does all tasks that are not done, several at once.

    Raises:
        StudyError: a training diverged, or there are too few people for the heads.
    """
    left = [task for task in every if sase_task.done(task) is None]
    threads = parts.threads_of(run, len(every))
    items = [(dataclasses.replace(task, threads=threads),) for task in left]
    with progress(every, run.settings["epochs"]) as told:
        try:
            for _, name in parts.each(sase_task.work, items, run.spread, threads):
                told(f"{name} done")
        except ArithmeticError as error:
            raise common.StudyError(
                f"The training diverged: lower --learning-rate or --pb-rate. {error}"
            ) from error
        except ValueError as error:
            raise common.StudyError(str(error)) from error


@contextlib.contextmanager
def progress(every, epochs):
    """A bar over the epochs of all tasks, which other processes write to files.

    Yields:
        Function that prints a line beside the bar.
    """
    from tqdm import tqdm

    def count():
        return sum(epochs_done(task.file("csv")) for task in every)

    bar = tqdm(total=len(every) * epochs, unit="epoch", initial=count(), disable=None)
    stop = threading.Event()

    def watch():
        while not stop.wait(1):
            bar.update(count() - bar.n)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda text: bar.write(text)
        bar.update(count() - bar.n)
    finally:
        stop.set()
        thread.join()
        bar.close()


def epochs_done(path):
    try:
        return max(0, path.read_text().count("\n") - 1)
    except OSError:
        return 0
