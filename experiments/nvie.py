"""What the three studies on NVIE share: data, protocols, the run folder.

Christensen, "Differentiating Between Spontaneous and Posed Facial Expression using
Inception V4", University of Agder, 2018 (seeds/003).
"""

import pandas as pd

from experiments import common, evaluation, figures, report
from experiments.run_folder import fingerprint

PAPER = "Christensen 2018"
PROTOCOLS = {
    "subject": "hold-out by subject",
    "image": "hold-out by picture (the thesis's; the same people on both sides)",
}
MATRIX = "confusion_matrix.png"
COMMON_FILES = ["config.json", "metrics.json", "predictions.csv", "skipped.json"]
FILES = {
    "config.json": "settings, versions, commit, seed, data",
    "metrics.json": "the measures above",
    "predictions.csv": "every test picture: subject, truth, probability",
    "history.csv": "training and validation by epoch",
    "model.keras": "the network; `keras.saving.load_model` after `import zoo`",
    "saved_model/": "the same for programs with TensorFlow alone: `serve`, `features`",
    "head.ubj": "the XGBoost head on the network's features: `zoo.heads.load`",
    "head.skops": "the SVM head: `zoo.heads.load`",
    "search.csv": "every setting of the SVM search",
    "skipped.json": "what of the data was left out, and why",
    "logs/": "for TensorBoard",
}


def add_task(parser):
    group = parser.add_argument_group("task")
    group.add_argument(
        "--task",
        choices=["spontaneous", "emotion"],
        default="spontaneous",
        help="posed or spontaneous (2 classes), or that with six emotions (12 classes) "
        "(default: spontaneous)",
    )
    group.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        default="subject",
        help="who is tested: subjects that were not trained on, or, as in the thesis, "
        "pictures of the same people (default: subject)",
    )
    return parser


def read(settings, folder, data_dir):
    """Reads the index and splits it; tells what was found.

    Returns:
        `(index, labels, parts, facts)`: parts are frames' positions by name, facts what
        config.json and metrics.json say of the data.
    """
    from datasets import nvie, splits

    with common.user_errors():
        index = nvie.index(data_dir)
        labels = nvie.task_labels(index, settings["task"])
        split = {"subject": splits.holdout, "image": splits.image_holdout}
        parts = split[settings["protocol"]](index, labels, seed=settings["seed"])
    summary, subjects = nvie.summary(index), index["subject"]
    sizes = "\n".join(
        f"{name}: {len(rows)} pictures of {subjects.iloc[rows].nunique()} subjects"
        for name, rows in parts.items()
    )
    print(f"{summary}\n{sizes}", flush=True)
    folder.write_json("skipped.json", index.attrs["report"])
    facts = {
        "folder": str(data_dir),
        "fingerprint": fingerprint(index, data_dir),
        "n_train": len(parts["train"]),
        "n_validation": len(parts["validation"]),
        "n_test": len(parts["test"]),
        "n_subjects": int(subjects.nunique()),
        "summary": summary,
        "parts": sizes,
    }
    return index, labels, parts, facts


def conclude(study, settings, folder, kind, facts, data, probability, files, **more):
    """Measures the test part and writes what every study on NVIE writes.

    Args:
        study: the `Study`.
        settings: its settings.
        folder: the `RunFolder`.
        kind: `"real"` or `"sample"`.
        facts: what `read` tells of the data.
        data: `(index, labels)` of the test part.
        probability: `(n, classes)`.
        files: names of the files that the study has written itself.
        more: `curves`, names of figures it has drawn; `rows`, further rows for the
            table; `metrics`, further entries for metrics.json.

    Returns:
        The text to end with.
    """
    from datasets import nvie

    index, labels = data
    task, names = settings["task"], nvie.CLASS_NAMES[settings["task"]]
    protocol = PROTOCOLS[settings["protocol"]]
    title = report.title(study, task, protocol, kind)
    result = evaluation.evaluate(labels, probability, index["subject"])
    base = evaluation.baselines(labels, len(names))

    predictions(index, labels, probability, names, folder.path / "predictions.csv")
    answer = probability.argmax(axis=1)
    figures.confusion_matrix(
        labels, answer, names, f"Confusion matrix\n{title}", folder.path / MATRIX
    )
    figures.roc(labels, probability, names, f"ROC\n{title}", folder.path / "roc.png")
    folder.write_json(
        "metrics.json",
        {
            **result,
            "baselines": base,
            "paper": study.reported[task],
            "data": kind,
            "protocol": protocol,
            **{key: facts[key] for key in ("n_train", "n_test", "n_subjects")},
            **more.get("metrics", {}),
        },
    )
    rows = report.comparison(study, task, kind, result, base, more.get("rows", ()))
    written = [*COMMON_FILES, *files]
    report.write(
        folder,
        title,
        rows,
        evaluation.verdict(result, base),
        {
            "Data": f"{facts['summary']}\n{facts['parts']}",
            "Settings": "\n".join(f"{k}: {v}" for k, v in settings.items()),
        },
        [*more.get("curves", ()), MATRIX, "roc.png"],
        {name: what for name, what in FILES.items() if name in written},
    )
    return report.last_words(title, rows, evaluation.verdict(result, base))


def predictions(index, labels, probability, names, path):
    """Writes a row a test picture; the probability of genuine, or of every class."""
    table = pd.DataFrame(
        {
            "path": index["path"],
            "subject": index["subject"],
            "truth": [names[label] for label in labels],
            "predicted": [names[answer] for answer in probability.argmax(axis=1)],
        }
    )
    half = len(names) // 2
    table["probability"] = probability[:, half:].sum(axis=1)
    if half > 1:
        for place, name in enumerate(names):
            table[f"probability of {name}"] = probability[:, place]
    table.to_csv(path, index=False, float_format="%.6f")
