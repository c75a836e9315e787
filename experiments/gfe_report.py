"""What a study on grammatical facial expressions ends with: measures, table, report."""

import numpy as np
import pandas as pd

from datasets import gfe
from experiments import common, evaluation, gfe_figures, report
from zoo.gfe import HIDDEN

PAPERS = ["Xu, LSTM", "Xu, MLP", "Freitas, MLP"]
# F1 as the paper's Table 3 has it, by expression, then the mean.
REPORTED = pd.DataFrame(
    {
        "affirmative": [0.9022, 0.8979, 0.8773],
        "conditional": [0.8784, 0.9470, 0.9534],
        "doubt_question": [0.9416, 0.9411, 0.9700],
        "emphasis": [0.8696, 0.9338, np.nan],
        "negative": [0.8816, 0.8939, 0.9582],
        "relative": [0.9339, 0.9634, 0.9759],
        "topics": [0.9246, 0.9665, 0.9544],
        "wh_question": [0.9211, 0.9320, 0.8988],
        "yn_question": [0.9222, 0.9343, 0.9412],
        "mean": [0.9084, 0.9344, 0.9412],
    },
    index=PAPERS,
).T
MEASURES = ["f1", "accuracy", "balanced_accuracy", "roc_auc", "loss"]
PAPER_SPLIT = (
    "The papers' columns are as printed. Xu's text has the last 20 % held out, but the "
    "code shuffles frames before it splits, as protocol shuffled does; Freitas et al. "
    "have protocols of their own."
)
PRUNED = (
    "Pruned by distinctiveness: on average {units:.0f} of {hidden} hidden units at "
    "work ({fewest} to {most}); mean F1 {f1_before:.3f} before, {f1:.3f} after."
)


def measure(predictions):
    """Measures of each expression.

    A round's blocks of time are measured together, its directions (who is trained on)
    each by itself, and then averaged.

    Args:
        predictions: a row a tested frame: `seed`, `round`, `expression`, `label`,
            `signer`, `probability`.

    Returns:
        A row for each seed and expression: `MEASURES`, `always_f1` (of the constant
        answer "occurring") and `majority_class` (accuracy).
    """
    direction = predictions["round"].str.split("-block_").str[0]
    rows = []
    keys = ["seed", "expression", direction.rename("direction")]
    for (seed, expression, _), part in predictions.groupby(keys, sort=False):
        truth = part["label"].to_numpy()
        probability = part["probability"].to_numpy(np.float64)
        both = np.stack([1 - probability, probability], axis=1)
        result = evaluation.evaluate(truth, both, part["signer"])
        share = truth.mean()
        base = {
            "always_f1": 2 * share / (1 + share),
            "majority_class": max(share, 1 - share),
        }
        told = {key: result[key] for key in MEASURES}
        rows.append({"seed": seed, "expression": expression, **told, **base})
    table = pd.DataFrame(rows).astype({key: float for key in MEASURES})
    return table.groupby(["seed", "expression"], sort=False).mean().reset_index()


def summarise(measures):
    """Means and spreads: of each expression over seeds, and of all.

    Returns:
        `(mean, spread)`: frames with a row an expression and a last row `mean`. The
        spread is the standard deviation over seeds, `nan` with one; that of the last
        row is of the seeds' means.
    """
    numbers = measures.drop(columns="expression")
    each = measures.groupby("expression", sort=False)
    mean = each.mean().drop(columns="seed")
    spread = each.std().drop(columns="seed")
    by_seed = numbers.groupby("seed").mean()
    mean.loc["mean"], spread.loc["mean"] = by_seed.mean(), by_seed.std()
    return mean, spread


def protocol_line(settings):
    """Names the protocol and what it leaks."""
    line = f"{settings['protocol']} ({gfe.PROTOCOLS[settings['protocol']]})"
    if settings["validate"] == "signer":
        line += "; VALIDATION on the other signer, inside the training part"
    elif settings["validate"]:
        line += "; VALIDATION on blocks of time inside the training part"
    if settings.get("z_score") == "recording":
        line += "; the z-score sees whole recordings, tested frames included"
    return line


def title(run):
    settings = run.settings
    how = " by signer" if settings["validate"] == "signer" else ""
    inside = f", validation{how}" if settings["validate"] else ""
    inside += ", pruned" if settings.get("prune") else ""
    label = common.on_sample(run.kind)
    return f"{run.study.name}, protocol {settings['protocol']}{inside}{label}"


def table_rows(run, mean, spread):
    """The table: ours, a constant answer, the papers."""
    seeds = run.settings["seeds"]
    head = ["F1", f"sd of {seeds}", "accuracy", "ROC AUC", "always: F1", *PAPERS]
    rows = [["", *head]]
    for name, row in mean.iterrows():
        spreads = "" if seeds == 1 else f"{spread.loc[name, 'f1']:.3f}"
        ours = [report.show(row["f1"]), spreads]
        keys = ["accuracy", "roc_auc", "always_f1"]
        others = [*row[keys], *REPORTED.loc[name]]
        cells = [report.show(None if np.isnan(v) else v) for v in others]
        rows.append([name, *ours, *cells])
    return rows


def sentence(mean):
    each = mean.drop("mean")
    above = int((each["f1"] > each["always_f1"]).sum())
    return (
        f'F1 above the constant answer "always occurring" in {above} of {len(each)} '
        "expressions. There are two signers: no interval over people can be given."
    )


def metrics(run, mean, spread, measures, counts):
    """The content of metrics.json."""

    def told(name):
        values = {key: float(mean.loc[name, key]) for key in MEASURES}
        base = {
            "always_f1": float(mean.loc[name, "always_f1"]),
            "majority_class": float(mean.loc[name, "majority_class"]),
            "chance": 0.5,
        }
        deviation = spread.loc[name, "f1"]
        paper = {
            key: None if np.isnan(value) else float(value)
            for key, value in REPORTED.loc[name].items()
        }
        values = {k: None if np.isnan(v) else v for k, v in values.items()}
        return {
            **values,
            "f1_spread": None if np.isnan(deviation) else float(deviation),
            "baselines": base,
            "paper": paper,
        }

    by_seed = measures.groupby("seed")["f1"].mean()
    settings = run.settings
    return {
        **told("mean"),
        "ci95": None,
        "data": run.kind,
        "protocol": settings["protocol"],
        "validation": bool(settings["validate"]),
        **counts,
        "f1_by_seed": {str(seed): float(value) for seed, value in by_seed.items()},
        "expressions": {name: told(name) for name in mean.index.drop("mean")},
    }


def conclude(run, data, predictions, first, files):
    """Measures and writes what a study on GFE ends with.

    Args:
        run: the `Run`.
        data: its `Data`.
        predictions: see `measure`.
        first: of the first seed: dict of rounds to dict of expressions to `Learned`.
        files: dict of what the study has written itself to what it is.

    Returns:
        The text to end with.
    """
    measures = measure(predictions)
    mean, spread = summarise(measures)
    path, settings = run.folder.path, run.settings
    counts = {
        "n_frames": len(data.index),
        "n_test": int((predictions["seed"] == settings["seed"]).sum()),
        "n_test_subjects": predictions["signer"].nunique(),
    }
    result = metrics(run, mean, spread, measures, counts)
    pruned = pruning(predictions)
    result |= {"pruned": pruned} if pruned else {}
    run.folder.write_json("metrics.json", result)
    columns = ["seed", "round", "signer", "expression", "frame", "label", "probability"]
    told = predictions[columns].rename(columns={"signer": "subject", "label": "truth"})
    told.to_csv(path / "predictions.csv", index=False, float_format="%.6f")
    histories = write_histories(first, path)
    figures = gfe_figures.draw(run, title(run), mean, predictions, histories)

    rows = table_rows(run, mean, spread)
    line = f"Protocol: {protocol_line(settings)}"
    listed = "\n".join(f"{k}: {v}" for k, v in settings.items())
    report.write(
        run,
        title(run),
        rows,
        sentence(mean),
        {
            "Protocol": protocol_line(settings),
            "The papers": PAPER_SPLIT,
            **({"Pruning": PRUNED.format(**pruned)} if pruned else {}),
            "Command": run.command,
            "Settings": listed,
            "Data": data.told,
        },
        figures,
        {
            "config.json": "settings, versions, commit, seed, data",
            "metrics.json": "the means over the expressions, and each of them",
            "predictions.csv": "every tested frame: subject, truth, probability",
            "skipped.json": "what of the data was bridged or is missing",
            **({"history.csv": "losses by epoch"} if len(histories) else {}),
            **files,
        },
    )
    text = report.text_table(rows)
    parts = [title(run), line, text, PAPER_SPLIT, sentence(mean)]
    parts += [PRUNED.format(**pruned)] if pruned else []
    return "\n".join(parts)


def pruning(predictions):
    """What pruning made of it, mean over all trainings; empty where there was none."""
    if "before" not in predictions:
        return {}
    measured = {
        name: measure(predictions.assign(probability=predictions[column]))
        for name, column in (("f1_before", "before"), ("f1", "probability"))
    }
    trainings = predictions.groupby(["seed", "round", "expression"])["units"].first()
    return {
        "hidden": HIDDEN,
        "units": float(trainings.mean()),
        "fewest": int(trainings.min()),
        "most": int(trainings.max()),
        **{name: float(table["f1"].mean()) for name, table in measured.items()},
    }


def write_histories(first, path):
    """The first seed's losses, a row an epoch; also as history.csv."""
    tables = [
        one.history.assign(round=name, expression=expression)
        for name, learned in first.items()
        for expression, one in learned.items()
        if one.history is not None
    ]
    if not tables:
        return pd.DataFrame()
    table = pd.concat(tables, ignore_index=True)
    table.to_csv(path / "history.csv", index=False)
    return table
