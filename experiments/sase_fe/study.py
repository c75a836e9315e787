"""The study on SASE-FE: its videos, its rounds, and what its networks answer."""

import hashlib
import os
import pathlib

import numpy as np
import pandas as pd

from datasets import sase_fe, splits
from experiments import papers
from experiments.harness import metrics
from experiments.harness.figures import losses
from experiments.harness.report import markdown_table, title
from experiments.harness.run_folder import hash_data, write_serving
from experiments.harness.study import Result, user_errors
from experiments.sase_fe import SPEC, figures
from experiments.sase_fe.emotion import Videos, learn_emotion, network
from experiments.sase_fe.heads import NAMES

FOLDS = 5
COLUMNS = ["subject", "emotion", "label", "video", "part"]
FIGURES = (
    "pb_space.png: every video's PB vector in the two directions in which those of "
    "training spread most. generated.png: what the PB vectors learned for the two "
    "classes make of the same first frame; a network that has learned little makes no "
    "face."
)


def work(run) -> Result:
    """Learn every emotion in every round, and answer the tested videos."""
    index, videos, failures = read(run)
    first = next(iter(videos))[0]
    parts = {
        f"{name}-{emotion}": (
            f"{name}-{emotion}",
            train,
            test,
            name == first and not run.validating,
        )
        for (name, emotion), (train, test) in videos.items()
    }
    shared = run.settings, run.checkpoint.folder.resolve()
    contents = run.compute(learn_emotion, parts, shared, unit="network")
    contents = dict(zip(videos, contents.values(), strict=True))
    served = {e: content for (name, e), content in contents.items() if name == first}
    answers = predictions(index, videos, contents)
    more = {"trees": {"-".join(key): one["trees"] for key, one in contents.items()}}
    by_part = measures_by_part(answers)
    history = histories(contents)

    def draw(path: pathlib.Path) -> list[str]:
        return draw_figures(
            path,
            title(run) + (f", {first}" if len(served) < len(contents) else ""),
            {emotion: videos[first, emotion] for emotion in served},
            served,
            history,
        )

    def write(path: pathlib.Path) -> dict[str, str]:
        return write_models(path, run, served)

    notes = {"Answers": answers_note(answers, more["trees"])}
    if by_part:
        notes["Parts"] = parts_note(by_part)
        more["parts"] = by_part
    return Result(
        predictions=answers,
        draw=draw,
        write_models=write,
        tables={
            "history.csv": history,
            "parametric_bias.csv": pb_vectors(index, videos, contents),
            "failures.csv": failures,
        },
        notes={**notes, "Figures": FIGURES, "The challenge": challenge_note()},
        more=more,
    )


def read(run) -> tuple[pd.DataFrame, dict, pd.DataFrame]:
    """Read the videos, and divide them.

    Returns:
        `(index, videos, failures)`: of the videos with points; by round and emotion
        the `Videos` of training and test; and a table of those without points.

    Raises:
        StudyError: the videos are not as expected, or not there.
    """
    settings = run.settings
    with user_errors():
        found = sase_fe.index(run.data_dir)
        index = usable(found, settings)
        rounds = divide(index, settings)
        tracks, failures = read_tracks(index, rounds, settings, run.jobs)
    present = set(index["emotion"])
    emotions = [emotion for emotion in settings.emotions if emotion in present]
    index = index.loc[sorted(tracks)]
    videos = {
        (name, emotion): tuple(
            select(index, tracks, rows, emotion, copies)
            for rows, copies in zip(
                sides, (settings.copies, settings.test_copies), strict=True
            )
        )
        for name, sides in rounds.items()
        for emotion in emotions
    }
    summary = [sase_fe.summary(found)]
    summary += [f"Without points: {reason}" for reason in failures["reason"]]
    summary += [*used_lines(index, rounds), *duplicate_lines(index, tracks)]
    run.record_data(
        "\n".join(summary),
        found["path"],
        found.attrs["report"],
        content=hash_data(index[COLUMNS], *(tracks[row] for row in index.index)),
        n_videos=len(index),
        n_train=len(index.index.intersection(next(iter(rounds.values()))[0])),
        n_genuine=int(index["label"].sum()),
        n_subjects=index["subject"].nunique(),
        n_frames=sum(track.shape[1] for track in tracks.values()),
    )
    with user_errors():
        for (name, emotion), (train, test) in videos.items():
            check(f"{name}, {emotion}", train, test)
    return index, videos, failures


def usable(index: pd.DataFrame, settings) -> pd.DataFrame:
    """Return the rows with a label, of the emotions and parts that are asked for."""
    wanted = index["label"].notna() & index["emotion"].isin(settings.emotions)
    if settings.protocol != "challenge":
        wanted &= index["part"] == "train"
    chosen = index[wanted].reset_index(drop=True)
    chosen["label"] = chosen["label"].astype(int)
    if chosen.empty:
        raise ValueError(
            f"Expected labelled videos for --protocol {settings.protocol} and "
            f"--emotions {' '.join(settings.emotions)}. Received:\n"
            f"{sase_fe.summary(index)}"
        )
    return chosen


def divide(index: pd.DataFrame, settings) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the rows of training and test by round, as the protocol has them."""
    kinds = index["emotion"] + index["label"].astype(str)
    if settings.protocol == "folds":
        folds = splits.kfold(index, kinds, FOLDS, settings.seed)
        return {f"fold{n}": sides for n, sides in enumerate(folds, start=1)}
    if settings.protocol == "holdout":
        sides = splits.holdout(index, kinds, seed=settings.seed)
        if settings.validate:
            return {"validation": (sides["train"], sides["validation"])}
        train = np.sort(np.concatenate([sides["train"], sides["validation"]]))
        return {"holdout": (train, sides["test"])}
    learned = (index["part"] == "train").to_numpy()
    if learned.all() or not learned.any():
        raise ValueError(
            "--protocol challenge: expected a training part and a flat part with a "
            f"table of labels. Received: {', '.join(index['part'].unique())}. Use "
            "--protocol holdout."
        )
    return {"challenge": (np.flatnonzero(learned), np.flatnonzero(~learned))}


def read_tracks(index, rounds, settings, jobs) -> tuple[dict, pd.DataFrame]:
    """Read the videos of all rounds.

    Returns:
        `(tracks, failures)`: by row the whole crop and its jittered copies, `(1 +
        copies, frames, 80)`; and the `path` and `reason` of those without points.

    Raises:
        OSError: a video is gone, or the cache of points cannot be written.
    """
    tested = np.unique(np.concatenate([test for _, test in rounds.values()]))
    used = np.unique(
        np.concatenate([rows for sides in rounds.values() for rows in sides])
    )
    index = index.loc[used]
    tracks, failures = {}, []
    # Group by group: all 68 points of all copies at once would fill the memory.
    groups = index.groupby([index["emotion"], index.index.isin(tested)], sort=False)
    for (emotion, is_tested), rows in groups:
        copies = settings.copies
        if is_tested:  # and, in another fold, learned from
            copies = max(copies, settings.test_copies)
        side = "test" if is_tested else "training"
        print(f"Reading {len(rows)} {side} videos of {emotion}", flush=True)
        try:
            arrays, read, failed = sase_fe.load(rows, copies, settings.seed, jobs)
        except ValueError as error:  # not one of them could be read
            arrays, read = [], rows[:0]
            failed = pd.DataFrame({"path": rows["path"], "reason": str(error)})
        for path in failed["path"]:
            if not os.path.exists(path):
                raise FileNotFoundError(
                    f"Expected the videos that were there when the run began. "
                    f"Received: no {path}. Bring it back."
                )
        failures.append(failed)
        tracks |= zip(rows.index[rows["path"].isin(read["path"])], arrays, strict=True)
    return tracks, pd.concat(failures, ignore_index=True)


def select(index, tracks, rows, emotion: str, copies: int) -> Videos:
    """Select an emotion's videos with points, and so many jittered copies of each.

    Args:
        index: of the videos with points.
        tracks: by row.
        rows: to select from.
        emotion: of the videos.
        copies: of each video; 0 for the whole crop.
    """
    chosen = index[index.index.isin(rows) & (index["emotion"] == emotion)]
    each = slice(1, 1 + copies) if copies else slice(0, 1)
    return Videos(
        chosen.index.to_numpy(),
        [tracks[row][each] for row in chosen.index],
        chosen["label"].to_numpy(),
        chosen["subject"].to_numpy(str),
    )


def check(name: str, train: Videos, test: Videos) -> None:
    """Raise ValueError where there is too little to learn from, or to test."""
    people = [len(set(train.subjects[train.labels == label])) for label in (1, 0)]
    if min(people) < 2 or not len(test.rows):
        raise ValueError(
            f"{name}: too few videos with a face. Expected genuine ones of 2 people "
            "and fake ones of 2 people for training, and one video for the test. "
            f"Received: genuine ones of {people[0]}, fake ones of {people[1]}, "
            f"{len(test.rows)} for the test. Leave the emotion out with --emotions, or "
            "use another --protocol or --seed. What could not be read is named above."
        )


def used_lines(index, rounds):
    """Count the videos and people that each round learns from and tests."""
    for name, sides in rounds.items():
        counts = []
        for side, rows in zip(("training", "test"), sides, strict=True):
            used = index[index.index.isin(rows)]
            counts.append(
                f"{side} {len(used)} videos ({used['label'].sum()} genuine) of "
                f"{used['subject'].nunique()} people"
            )
        yield f"Used, {name}: {', '.join(counts)}"


def duplicate_lines(index, tracks):
    """Warn of each video that has the points of another one."""
    first = {}
    for row, name in (index["subject"] + " " + index["video"]).items():
        digest = hashlib.sha256(tracks[row][0].tobytes()).digest()
        other = first.setdefault(digest, name)
        if other != name:
            yield f"WARNING: {name} is the same as {other}: is it one person, twice?"


def predictions(index, videos, contents) -> pd.DataFrame:
    """Return the answers of all heads in the columns of predictions.csv."""
    several = len({name for name, _ in videos}) > 1
    tables = []
    for head, head_name in NAMES.items():
        for (name, emotion), (_, test) in videos.items():
            rows = index.loc[test.rows]
            table = metrics.predictions_table(
                SPEC,
                f"LSTM-PB, {head_name}",
                test.labels,
                contents[name, emotion][f"answer_{head}"],
                sample=rows[["part", "subject", "emotion", "video"]].agg("/".join, 1),
                subject=test.subjects,
                group=f"{emotion}/{name}" if several else emotion,
            )
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def measures_by_part(answers: pd.DataFrame) -> dict:
    """Measure the main model on each part of the challenge; `{}` where it is one."""
    main = answers[answers["model"] == answers["model"].iloc[0]]
    parts = list(main.groupby(main["sample"].str.partition("/")[0], sort=False))
    return {n: metrics.measure(t, SPEC) for n, t in parts} if len(parts) > 1 else {}


def histories(contents) -> pd.DataFrame:
    """Return a row per epoch of every network."""
    tables = [
        pd.DataFrame(content["history"], columns=["epoch", "loss", "learning_rate"])
        .astype({"epoch": int})
        .assign(round=name, emotion=emotion)
        for (name, emotion), content in contents.items()
    ]
    return pd.concat(tables, ignore_index=True)


def pb_vectors(index, videos, contents) -> pd.DataFrame:
    """Return a row per video and round: the mean PB vector of its copies."""
    tables = []
    for (name, emotion), (train, test) in videos.items():
        vectors = contents[name, emotion]["vectors"]
        rows = index.loc[np.concatenate([train.rows, test.rows]), COLUMNS]
        side = ["training"] * len(train.rows) + ["test"] * len(test.rows)
        rows = rows.reset_index(drop=True).assign(round=name, side=side)
        columns = [f"pb_{n}" for n in range(vectors.shape[1])]
        tables.append(pd.concat([rows, pd.DataFrame(vectors, columns=columns)], axis=1))
    return pd.concat(tables, ignore_index=True)


def answers_note(answers: pd.DataFrame, trees: dict) -> str:
    """Say how often each head answers "genuine", and how many trees there are."""
    lines = []
    for name, table in answers.groupby("model", sort=False):
        genuine, probability = table["answer"] == "genuine", table["p_genuine"]
        lines.append(
            f'- {name}: "genuine" for {genuine.sum()} of {len(table)} videos, '
            f"probabilities {probability.min():.2f} to {probability.max():.2f}"
        )
    counts = sorted(set(trees.values()))
    lines[0] += f", {' to '.join(map(str, counts[:1] + counts[1:][-1:]))} trees"
    return "\n".join([*lines, "- A probability is the mean over a video's copies."])


def parts_note(by_part: dict) -> str:
    names = ["accuracy", "paired_accuracy", "roc_auc"]
    rows = [["part", "videos", "accuracy", "in pairs", "ROC AUC"]]
    for part, values in by_part.items():
        shown = [metrics.show(values[name]) for name in names]
        rows.append([part, str(values["n_test"]), *shown])
    return markdown_table(rows)


def challenge_note() -> str:
    """Return what the other teams of the challenge reached (Tables 2 and 3)."""
    rows = [["other teams (Huynh and Kim 2017, Tables 2 and 3)", "accuracy"]]
    rows += [[one.name, metrics.show(one.value)] for one in papers.CHALLENGE]
    return markdown_table(rows)


def draw_figures(path, heading, videos, contents, history) -> list[str]:
    """Draw the figures of one round; return their names."""
    spaces = {
        emotion: (
            contents[emotion]["vectors"],
            np.concatenate([train.labels, test.labels]),
            len(train.rows),
            contents[emotion]["classes"],
        )
        for emotion, (train, test) in videos.items()
    }
    streams = {emotion: content["generated"] for emotion, content in contents.items()}
    figures.pb_space(spaces, heading, path / "pb_space.png")
    figures.generated(streams, heading, path / "generated.png")
    losses(
        history,
        {"loss": "training"},
        heading,
        path / "loss.png",
        ylabel="error of the next frame",
        panel="emotion",
        line="round",
    )
    return ["pb_space.png", "generated.png", "loss.png"]


def write_models(path: pathlib.Path, run, contents) -> dict[str, str]:
    """Write networks and heads for Keras, TensorFlow, XGBoost and scikit-learn."""
    from zoo import export, heads

    settings = run.settings
    for emotion, content in contents.items():
        folder = path / emotion
        model = network(settings)
        model.set_weights(content["weights"])
        folder.mkdir(exist_ok=True)
        model.save(folder / "model.keras")
        endpoints = model.endpoints(settings.steps, settings.pb_rate)
        export.write(endpoints, folder / "saved_model", model)
        for name, other in {
            "xgboost": ".",
            "svm": "svm",
            "logistic": "logistic",
        }.items():
            (folder / other).mkdir(exist_ok=True)
            heads.save(content[f"head_{name}"], folder / other)
    parts = {
        name: {"model": f"{name}/model.keras", "head": f"{name}/head.ubj"}
        for name in contents
    }
    names = ["steps", "pb_rate", "test_copies", "seed"]
    used = {name: getattr(settings, name) for name in names}
    write_serving(
        path, run.study.name, run.kind, "tracks", SPEC.classes, parts, settings=used
    )
    return {
        "EMOTION/model.keras": "the network of the first round, for Keras (after "
        "`import zoo`)",
        "EMOTION/saved_model/": "the same for TensorFlow alone: `serve`, landmarks "
        "float32 (videos, frames, 80) and PB (videos, 64) to the next frames; "
        "`features`, landmarks and int32 lengths (videos,) to PB, by the steps and the "
        "rate of this run",
        "EMOTION/head.ubj": "XGBoost on PB vectors, of a video's copies one by one; "
        "for `zoo.heads.load`, as those below",
        "EMOTION/svm/head.skops": "the support vector machine",
        "EMOTION/logistic/head.skops": "the logistic regression",
        "parametric_bias.csv": "every video's PB vector, the mean over its copies",
        "failures.csv": "videos without points, and why",
    }
