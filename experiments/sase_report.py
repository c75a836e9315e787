"""What the parametric-bias study ends with: measures, tables, figures, report."""

import numpy as np
import pandas as pd

from experiments import (
    common,
    evaluation,
    figures,
    report,
    sase,
    sase_figures,
    sase_task,
)
from experiments.sase_heads import NAMES
from experiments.sase_measures import measure, verdict

# Tables 2 and 3: accuracies in percent, validation and test.
REPORTED = {
    "Huynh and Kim 2017 (HCILab)": (71, 66.7),
    "NIT-OVGU": (76, 66.7),
    "TUBITAK UZAY-METU": (61, 65),
    "BNU CIST": (53, 61.7),
    "innovwelt": (63, None),
    "faceall Xlabs": (58, 51.7),
    "ICV Team": (53, None),
}
PAIRS = (
    "In pairs: of the two videos of one person and emotion the more genuine one is "
    "called genuine, the other fake. The authors did so at the test, so that their "
    "66.7 % is to be compared with the paired accuracy."
)
INTERVALS = (
    "95 % intervals: the test subjects are drawn anew 2000 times (percentiles). The "
    "networks are not trained anew. With few people the intervals are too narrow, and "
    "where all answers are right, wrong or the same, they shrink to a point. ROC AUC "
    "and balanced accuracy compare videos of the same emotion and round only, as each "
    "has a network of its own."
)
DECISION = (
    "The study decides with XGBoost, chosen beforehand; the sentence at the top is "
    "about it alone. The other heads stand beside it: to pick the best of them by this "
    "test would promise too much. A probability is the mean over a video's jittered "
    "copies."
)
CHALLENGE = "Validation and test are 60 videos of 5 people each."
FIGURES = (
    "roc.png: XGBoost, each emotion on its own; of several rounds the mean curve. "
    "pb_space.png: every video's PB vector in the two directions in which those of "
    "training spread most; stars: the vectors learned for the two classes. "
    "generated.png: what these two make of the same first frame, and the difference, "
    "enlarged; a network that has learned little makes no face. loss.png: the error of "
    "the next frame in training."
)


def title(run):
    inside = ", validation" if run.settings.get("validate") else ""
    label = common.on_sample(run.kind)
    return f"{run.study.name}, protocol {run.settings['protocol']}{inside}{label}"


def predictions(data, results):
    """A row a tested video: who, what, truth, and each head's probability."""
    tables = []
    for part in data.rounds:
        for emotion in data.index["emotion"].unique():
            rows = data.index.iloc[sase.rows_of(data, part.test, emotion)]
            answers = results[f"{part.name}-{emotion}"].answers
            tables.append(rows.drop(columns="path").assign(round=part.name, **answers))
    return pd.concat(tables, ignore_index=True)


def conclude(run, data, every):
    """Measures and writes what the study ends with; returns the text to end with."""
    results = {task.name: sase_task.done(task) for task in every}
    table = predictions(data, results)
    measured = {name: measure(table, name) for name in NAMES}
    by_emotion = {
        emotion: measure(part, "xgboost")
        for emotion, part in table.groupby("emotion", sort=False)
    }
    by_part = {
        part: measure(rows, "xgboost")
        for part, rows in table.groupby("part", sort=False)
    }
    base = evaluation.baselines(table["label"], 2)
    rows = table_rows(run, measured, base)
    emotions = emotion_rows(by_emotion, by_part)
    sentence = verdict(measured["xgboost"], NAMES["xgboost"])
    write_tables(run, data, table, every, results)
    run.folder.write_json(
        "metrics.json",
        {
            **measured["xgboost"],
            "data": run.kind,
            "protocol": run.settings["protocol"],
            "validation": bool(run.settings.get("validate")),
            "baselines": base,
            "paper": REPORTED,
            "heads": measured,
            "emotions": by_emotion,
            "parts": by_part,
            "trees": {name: one.trees for name, one in results.items()},
        },
    )
    drawn = draw(run, data, table, every, results)
    answers = answers_lines(table, results)
    write_report(run, data, rows, emotions, sentence, answers, drawn)
    last = [title(run), report.text_table(rows), report.text_table(emotions)]
    last += [answers, sentence]
    return "\n".join(last)


def table_rows(run, measured, base):
    """The table: our heads, constant answers, the paper."""
    sample = " (sample)" if run.kind == "sample" else ""
    head = ["accuracy", "95 % interval", "in pairs", "95 % interval"]
    rows = [["", *head, "balanced acc.", "ROC AUC", "95 % interval"]]
    for name, result in measured.items():
        rows.append(
            [
                f"{run.study.model}, {NAMES[name]}{sample}",
                report.show(result["accuracy"]),
                span(result.get("ci95")),
                report.show(result["paired_accuracy"]),
                span(result["paired_ci95"]),
                report.show(result["balanced_accuracy"]),
                report.show(result["roc_auc"]),
                span(result.get("roc_auc_ci95")),
            ]
        )
    majority = report.show(base["majority_class"])
    rows.append(["majority class", majority, "", "", "", "0.500", "0.500"])
    rows.append(["chance", "0.500", "", "0.500", "", "0.500", "0.500"])
    paper = f"{run.study.paper}, on its own data"
    rows.append([f"{paper}, validation", "0.710"])
    rows.append([f"{paper}, test", "", "", "0.667"])
    return [row + [""] * (len(rows[0]) - len(row)) for row in rows]


def span(interval):
    return "-".join(map(report.show, interval or [None]))


def emotion_rows(by_emotion, by_part):
    """XGBoost's figures for each emotion, and for each part where there are several."""
    rows = [["XGBoost", "videos", "accuracy", "in pairs", "pairs", "ROC AUC"]]
    parts = by_part if len(by_part) > 1 else {}
    for name, result in [*by_emotion.items(), *parts.items()]:
        rows.append(
            [
                name,
                str(result["n_test"]),
                report.show(result["accuracy"]),
                report.show(result["paired_accuracy"]),
                str(result["n_pairs"]),
                report.show(result["roc_auc"]),
            ]
        )
    return rows


def answers_lines(table, results):
    """How often each head answers "genuine", and what it hangs on."""
    lines = []
    for column, name in NAMES.items():
        told = f'{name}: "genuine" for {(table[column] > 0.5).sum()} of {len(table)}'
        low, high = table[column].min(), table[column].max()
        lines.append(f"{told} videos, probabilities {low:.2f} to {high:.2f}")
    trees = [one.trees for one in results.values()]
    kept = f"{min(trees)}" if len(set(trees)) == 1 else f"{min(trees)} to {max(trees)}"
    lines[0] += f", {kept} trees after early stopping"
    return "\n".join(lines)


def write_tables(run, data, table, every, results):
    """Writes predictions.csv, history.csv and parametric_bias.csv."""
    path = run.folder.path
    told = table.rename(columns={"label": "truth", "xgboost": "probability"})
    told.to_csv(path / "predictions.csv", index=False, float_format="%.9g")
    histories = [results[task.name].history.assign(network=task.name) for task in every]
    pd.concat(histories).to_csv(path / "history.csv", index=False)
    vectors = []
    for task in every:
        one = results[task.name]
        columns = [f"pb_{n}" for n in range(one.vectors.shape[1])]
        rows = np.concatenate([task.train.rows, task.test.rows])
        who = data.index.loc[rows, ["subject", "video", "label"]]
        sides = np.repeat(
            ["training", "test"], [len(task.train.rows), len(task.test.rows)]
        )
        who = who.reset_index(drop=True).assign(network=task.name, side=sides)
        numbers = pd.DataFrame(one.vectors, columns=columns)
        vectors.append(pd.concat([who, numbers], axis=1))
    vectors = pd.concat(vectors)
    vectors.to_csv(path / "parametric_bias.csv", index=False, float_format="%.6g")


def draw(run, data, table, every, results):
    """Draws all figures; returns their names."""
    path, heading = run.folder.path, title(run)
    decided = f"XGBoost's decisions\n{heading}"
    sase_figures.roc(table, "xgboost", decided, path / "roc.png")
    first = data.rounds[0].name
    spaces, streams, histories = {}, {}, {}
    for task in every:
        part, emotion = task.name.split("-", 1)
        one = results[task.name]
        histories[part, emotion] = one.history
        if part != first:
            continue
        labels = np.concatenate([task.train.labels, task.test.labels])
        spaces[emotion] = one.vectors, labels, len(task.train.labels), one.classes
        streams[emotion] = one.generated
    shown = f"{heading}, {first}" if len(data.rounds) > 1 else heading
    sase_figures.pb_space(spaces, shown, path / "pb_space.png")
    sase_figures.generated(streams, shown, path / "generated.png")
    sase_figures.losses(histories, heading, path / "loss.png")
    figures.confusion_matrix(
        table["label"],
        table["xgboost"] > 0.5,
        ("fake", "genuine"),
        decided,
        path / "confusion_matrix.png",
    )
    return "roc.png pb_space.png generated.png loss.png confusion_matrix.png".split()


def write_report(run, data, rows, emotions, sentence, answers, drawn):
    protocol = run.settings["protocol"]
    challenge = [["ChaLearn 2017, per cent", "validation", "test"]]
    challenge += [
        [team, *("-" if v is None else f"{v:g}" for v in values)]
        for team, values in REPORTED.items()
    ]
    of = "" if len(data.rounds) == 1 else f", of the first of {len(data.rounds)} rounds"
    files = {
        "config.json": "settings, versions, commit, seed, data",
        "metrics.json": "all measures: heads, emotions, parts",
        "predictions.csv": "every tested video: subject, truth, probabilities",
        "parametric_bias.csv": "every video's PB vector, the mean over its copies",
        "history.csv": "loss and learning rate by epoch",
        "skipped.json": "what of the folder was not used or is missing",
        "failures.csv": "videos without points, and why",
        "serving.json": "what `zoo.load_run` needs to know of the models",
        "EMOTION/model.keras": f"the network{of}, for Keras (after `import zoo`)",
        "EMOTION/saved_model/": "the same for TensorFlow alone: `serve`, landmarks "
        "float32 (videos, frames, 80) and PB (videos, 64) to the next frames; "
        "`features`, landmarks and int32 lengths (videos,) to PB, by the steps and the "
        "rate of this run",
        "EMOTION/head.ubj": "XGBoost on PB vectors, of a video's copies one by one; "
        "for `zoo.heads.load`, as those below",
        "EMOTION/svm/head.skops": "the support vector machine",
        "EMOTION/logistic/head.skops": "the logistic regression",
    }
    line = f"{protocol} ({sase.PROTOCOLS[protocol]})"
    if run.settings.get("validate"):
        line += "; VALIDATION people, not the test part"
        files = {n: t for n, t in files.items() if "/" not in n and "serv" not in n}
    texts = {
        "Emotions": report.text_table(emotions),
        "Answers": f"{answers}\n{DECISION}",
        "Figures": FIGURES,
        "Protocol": line,
        "In pairs": PAIRS,
        "The paper's Tables 2 and 3": f"{report.text_table(challenge)}\n{CHALLENGE}",
        "Intervals": INTERVALS,
        "Command": run.command,
        "Settings": "\n".join(f"{k}: {v}" for k, v in run.settings.items()),
        "Data": data.told,
    }
    report.write(run, title(run), rows, sentence, texts, drawn, files)
