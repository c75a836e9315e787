"""The study of videos: its data, its rounds, and what its networks answer."""

import os
import pathlib

import numpy as np
import pandas as pd

from datasets import sase_fe, splits
from datasets.summary import summarise
from experiments import clips, papers
from experiments.harness import metrics, raters
from experiments.harness.errors import StudyError, user_errors
from experiments.harness.report import markdown_table, title
from experiments.harness.run_folder import hash_data, write_serving
from experiments.harness.study import Result
from experiments.sase_fe import SPEC, figures, heads
from experiments.sase_fe.emotion import CUTS, Part, Videos, learn_emotion, network
from zoo import export
from zoo.heads import save as save_head
from zoo.heads import xgboost
from zoo.inputs import landmarks

FOLDS = 5
FIGURES = (
    "pb_space.png has every video's PB vector in the two directions in which those of "
    "training spread most; generated.png is no face where a network has learned little."
)
COLUMNS = ["part", "subject", "emotion", "video", "label"]


def work(run) -> Result:
    """Learn every emotion in every round, and answer the tested videos."""
    parts, failures = read(run)
    shared = run.settings, run.checkpoint.folder.resolve()
    items = {part.key: (part,) for part in parts}
    contents = run.compute(learn_emotion, items, shared, unit="network")
    learned = list(zip(parts, contents.values(), strict=True))
    first = [(p, content) for p, content in learned if p.round == parts[0].round]
    heading = title(run) + (f", {parts[0].round}" if len(first) < len(learned) else "")
    people, more = beside(run, learned)
    answers = pd.concat([predictions(learned), *people], ignore_index=True)
    trees = {part.key: content["trees"] for part, content in learned}
    notes = {}
    if run.settings.dataset == "sase_fe":
        notes["Tables 2 and 3 of the paper"] = challenge_note(answers)
    history, vectors = histories(learned), pb_vectors(learned)
    tables = {"history.csv": history, "parametric_bias.csv": vectors}
    return Result(
        answers,
        draw=lambda path: figures.draw(path, heading, first, history),
        write_models=None
        if run.settings.control != "none"
        else lambda path: write_models(path, run, first),
        tables={**tables, "failures.csv": failures},
        notes={
            "Answers": answers_note(answers, trees),
            "Figures": FIGURES,
            **notes,
        },
        more={"trees": trees, **more},
    )


def read(run) -> tuple[list[Part], pd.DataFrame]:
    """Read the videos and divide them; also return a table of those without points."""
    settings = run.settings
    with user_errors():
        found, summary = read_index(run)
        index = usable(found, settings)
        rounds = divide(index, settings)
        tracks, failures = read_tracks(index, rounds, settings, run.jobs)
    emotions = [e for e in settings.emotions if e in set(index["emotion"])]
    index = index.loc[sorted(tracks)]
    if settings.control == "permuted":
        rng = np.random.default_rng(settings.seed)
        people = index.groupby(["subject", "emotion"])["label"]
        learned = index.assign(label=people.transform(rng.permutation))
    else:
        learned = index
    first = next(iter(rounds))
    parts = [
        Part(
            name,
            emotion,
            select(learned, tracks, train, emotion, settings.copies),
            select(index, tracks, test, emotion, settings.test_copies),
            keep=name == first and not run.validating and settings.control == "none",
        )
        for name, (train, test) in rounds.items()
        for emotion in emotions
    ]
    trained = index[index.index.isin(rounds[first][0])]
    lines = [f"Without points: {reason}" for reason in failures["reason"]]
    run.record_data(
        "\n".join([summary, *lines, *duplicates(index, tracks)]),
        found["path"],
        found.attrs["report"],
        content=hash_data(index[COLUMNS], *(tracks[row] for row in index.index)),
        faces_by=points_by(index),
        n_videos=len(index),
        n_genuine=int(index["label"].sum()),
        n_subjects=index["subject"].nunique(),
        n_frames=sum(track.shape[1] for track in tracks.values()),
        n_train=len(trained),
        n_train_subjects=trained["subject"].nunique(),
    )
    for part in parts:
        check(part)
    return parts, failures


def read_index(run) -> tuple[pd.DataFrame, str]:
    """Return a row per video, as `sase_fe.index` does, and what was found."""
    if run.settings.dataset == "sase_fe":
        index = sase_fe.index(run.data_dir)
        return index, sase_fe.summary(index)
    index = clips.read_index(run)
    summary = summarise(index, run.about.name)
    videos = index[index["kind"] == "video"].rename(columns={"sample": "video"})
    videos = videos.assign(part="train", emotion=videos["emotion"].fillna("any"))
    return videos.reset_index(drop=True), summary


def points_by(index: pd.DataFrame) -> str | None:
    """Return what finds the points of videos; None where all have files of points."""
    if not (index["kind"] == "video").any():
        return None
    return landmarks.load_mesh("mesh468").model


def usable(index: pd.DataFrame, settings) -> pd.DataFrame:
    """Return the rows with a label, of the emotions and parts that are asked for."""
    wanted = index["label"].notna() & index["emotion"].isin(settings.emotions)
    if settings.protocol != "challenge":
        wanted &= index["part"] == "train"
    if not wanted.any():
        raise ValueError(
            f"Expected labelled videos for --protocol {settings.protocol} and "
            f"--emotions {' '.join(settings.emotions)}. Received:\n"
            f"{index.groupby('part')['emotion'].value_counts().to_string()}"
        )
    return index[wanted].reset_index(drop=True).astype({"label": int})


def divide(index: pd.DataFrame, settings) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the rows of training and test by round, as the protocol has them."""
    kinds = index["emotion"] + index["label"].astype(str)
    if settings.protocol == "folds":
        count = min(10, index["subject"].nunique())
        count = FOLDS if settings.dataset == "sase_fe" else count
        folds = splits.kfold(index, kinds, count, settings.seed)
        return {f"fold{n}": sides for n, sides in enumerate(folds, start=1)}
    if settings.protocol in ("holdout", "image"):
        by = splits.holdout if settings.protocol == "holdout" else splits.image_holdout
        sides = by(index, kinds, seed=settings.seed)
        if settings.validate:
            return {"validation": (sides["train"], sides["validation"])}
        train = np.sort(np.concatenate([sides["train"], sides["validation"]]))
        return {settings.protocol: (train, sides["test"])}
    learned = (index["part"] == "train").to_numpy()
    if learned.all() or not learned.any():
        raise ValueError(
            "--protocol challenge: expected a training part, and a flat part with a "
            f"table of labels. Received: {', '.join(index['part'].unique())}. Use "
            "--protocol holdout."
        )
    return {"challenge": (np.flatnonzero(learned), np.flatnonzero(~learned))}


def read_tracks(index, rounds, settings, jobs) -> tuple[dict, pd.DataFrame]:
    """Return the whole crop and its copies by row, and a table of what failed."""
    tested = np.concatenate([test for _, test in rounds.values()])
    used = np.concatenate([rows for sides in rounds.values() for rows in sides])
    index = index.loc[np.unique(used)]
    tracks, failures = {}, []
    # Group by group: all 68 points of all copies at once would fill the memory.
    groups = index.groupby([index["emotion"], index.index.isin(tested)], sort=False)
    for (emotion, is_tested), rows in groups:
        # A tested video may be learned from in another fold.
        copies = max(settings.copies, settings.test_copies * is_tested)
        print(f"Reading {len(rows)} videos of {emotion}", flush=True)
        try:
            arrays, complete, failed = sase_fe.tracks(rows, copies, settings.seed, jobs)
        except ValueError as error:  # not one of them could be read
            arrays, complete = [], rows[:0]
            failed = pd.DataFrame({"path": rows["path"], "reason": str(error)})
        if gone := [path for path in failed["path"] if not os.path.exists(path)]:
            raise FileNotFoundError(f"Expected {gone[0]}. Received: it was removed.")
        failures.append(failed)
        read = rows.index[rows["path"].isin(complete["path"])]
        tracks |= zip(read, arrays, strict=True)
    return tracks, pd.concat(failures, ignore_index=True)


def select(index, tracks, rows, emotion: str, copies: int) -> Videos:
    """Select an emotion's videos, with so many copies of each; 0 for the whole crop."""
    chosen = index[index.index.isin(rows) & (index["emotion"] == emotion)]
    each = slice(1, 1 + copies) if copies else slice(0, 1)
    selected = [tracks[row][each] for row in chosen.index]
    people = chosen["subject"].to_numpy(str)
    columns = COLUMNS + [name for name in raters.COLUMNS if name in chosen]
    return Videos(chosen[columns], selected, chosen["label"].to_numpy(), people)


def duplicates(index, tracks):
    """Warn of each video that has the points of another one."""
    first = {}
    for row, name in (index["subject"] + " " + index["video"]).items():
        other = first.setdefault(hash_data(tracks[row][0]), name)
        if other != name:
            yield f"WARNING: {name} is the same as {other}: is it one person, twice?"


def check(part: Part) -> None:
    """Raise StudyError where there is too little to learn from, or to test."""
    try:
        heads.folds_of(part.train.labels, part.train.subjects)
        if not part.test.tracks:
            raise ValueError("Expected a video for the test. Received: none.")
    except ValueError as error:
        raise StudyError(
            f"{part.key}: too few videos of {part.emotion} with a face. {error} Leave "
            "the emotion out with --emotions, or use another --protocol or --seed. "
            "What could not be read is named above."
        ) from error


def predictions(learned) -> pd.DataFrame:
    """Return the answers of all heads in the columns of predictions.csv."""
    names = {head: f"LSTM-PB, {name}" for head, name in heads.NAMES.items()}
    for cut in CUTS:
        if f"answer_xgboost_{cut}" in learned[0][1]:
            names |= {f"{h}_{cut}": f"{names[h]}, {cut}" for h in heads.NAMES}
    tables = [
        _answers(part, learned, content[f"answer_{key}"], name)
        for key, name in names.items()
        for part, content in learned
    ]
    return pd.concat(tables, ignore_index=True)


def _answers(part: Part, learned, probability, model: str) -> pd.DataFrame:
    """Return a model's answers for a part's tested videos."""
    several = len({other.round for other, _ in learned}) > 1
    return metrics.predictions_table(
        SPEC,
        model,
        part.test.labels,
        probability,
        sample=_names(part.test.rows),
        subject=part.test.subjects,
        group=f"{part.emotion}/{part.round}" if several else part.emotion,
    )


def _names(rows: pd.DataFrame) -> pd.Series:
    return rows[COLUMNS[:4]].agg("/".join, axis=1)


def beside(run, learned) -> tuple[list[pd.DataFrame], dict]:
    """Return the answers of a control and of raters, and a single rater's measures.

    The control decides by the number of frames alone.
    """
    if run.settings.dataset == "sase_fe":
        return [], {}
    tables, seed = [], run.settings.seed
    for part, _ in learned:
        frames, tested = (
            np.array([[track.shape[1]] for track in side.tracks])
            for side in (part.train, part.test)
        )
        head = xgboost(seed=seed).fit(frames, part.train.labels)
        probability = head.predict_proba(tested)
        tables.append(_answers(part, learned, probability, "control: duration alone"))
    rows = pd.concat([part.test.rows for part, _ in learned], ignore_index=True)
    rows = rows.assign(sample=_names(rows))
    return [*tables, *raters.answers(SPEC, rows, seed)], raters.one_rater(rows)


def histories(learned) -> pd.DataFrame:
    """Return one row per epoch of every network."""
    names = ["epoch", "loss", "learning_rate"]
    tables = [
        pd.DataFrame(content["history"], columns=names).assign(
            round=part.round, emotion=part.emotion
        )
        for part, content in learned
    ]
    return pd.concat(tables, ignore_index=True)


def pb_vectors(learned) -> pd.DataFrame:
    """Return one row per video and round: the mean PB vector of its copies."""
    tables = []
    for part, content in learned:
        sides = {"training": part.train.rows, "test": part.test.rows}
        rows = pd.concat([t.assign(round=part.round, side=n) for n, t in sides.items()])
        vectors = pd.DataFrame(content["vectors"]).add_prefix("pb_")
        tables.append(rows.reset_index(drop=True).join(vectors))
    return pd.concat(tables, ignore_index=True)


def answers_note(answers: pd.DataFrame, trees: dict) -> str:
    """Say how often each head answers "genuine", and how many trees there are."""
    counts = min(trees.values()), max(trees.values())
    lines = ["XGBoost has {} to {} trees, after early stopping.\n".format(*counts)]
    for name, table in answers.groupby("model", sort=False):
        probability, genuine = table["p_genuine"], (table["answer"] == "genuine").sum()
        low, high = probability.min(), probability.max()
        text = f'"genuine" for {genuine} of {len(table)} videos, probabilities'
        lines.append(f"- {name}: {text} {low:.2f} to {high:.2f}")
    return "\n".join(lines)


def challenge_note(answers: pd.DataFrame) -> str:
    """Return what the other teams reached, and this run on the challenge's parts."""
    rows = [["", "accuracy", "in pairs"]]
    main = answers[answers["model"] == answers["model"].iloc[0]]
    main = main[~main["sample"].str.startswith("train/")]
    for part, table in main.groupby(main["sample"].str.split("/").str[0], sort=False):
        measured = metrics.measure(table, SPEC)
        shown = [metrics.show(measured[n]) for n in ("accuracy", "paired_accuracy")]
        rows.append([f"this run, {part} part", *shown])
    rows += [[one.name, metrics.show(one.value), ""] for one in papers.CHALLENGE]
    return markdown_table(rows)


def write_models(path: pathlib.Path, run, learned) -> dict[str, str]:
    """Write networks and heads for Keras, TensorFlow, XGBoost and scikit-learn."""
    settings, parts = run.settings, {}
    for part, content in learned:
        folder = path / part.emotion
        model = network(settings)
        model.set_weights(content["weights"])
        folder.mkdir(exist_ok=True)
        model.save(folder / "model.keras")
        endpoints = model.endpoints(settings.steps, settings.pb_rate)
        export.write(endpoints, folder / "saved_model", model)
        for name in heads.NAMES:
            target = folder if name == "xgboost" else folder / name
            target.mkdir(exist_ok=True)
            save_head(content[f"head_{name}"], target)
        files = {"model": "model.keras", "head": "head.json"}
        parts[part.emotion] = {k: f"{part.emotion}/{v}" for k, v in files.items()}
    names = ["steps", "pb_rate", "test_copies", "seed"]
    used = {name: getattr(settings, name) for name in names}
    what = run.study.name, run.kind, "tracks", SPEC.classes, parts
    write_serving(path, *what, settings=used)
    return {
        "EMOTION/model.keras": "the network, of the first round, for Keras",
        "EMOTION/saved_model/": "for TensorFlow: `serve`, landmarks and PB to the next "
        "frames; `features`, landmarks and lengths to PB, by this run's steps and rate",
        "EMOTION/head.json": "XGBoost on PB vectors; `svm` and `logistic` beside it",
        "parametric_bias.csv": "every video's PB vector, the mean over its copies",
        "failures.csv": "videos without points, and why",
    }
