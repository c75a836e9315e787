"""What a study on observers' pupils ends with: table and report."""

import numpy as np
import pandas as pd

from datasets import pupil
from experiments import common, evaluation, figures, pupil_figures, report
from experiments.pupil_measures import both_eyes, latency, measure, verdict

REPORTED = {
    "Gong, before pruning": 0.3429,
    "Gong, after pruning": 0.6571,
    "its re-implementation (seeds/001)": 0.6286,
}
CONSTANT = (
    "On the paper's test part of 24 real and 46 fake series, 34.29 % = 24/70 is just "
    'what the constant answer "real" scores, and 65.71 % = 46/70 what "fake" does: the '
    "paper's figures are those of constant answers, with a balanced accuracy of 0.5."
)
INTERVALS = (
    "95 % intervals: observers and videos are drawn anew 2000 times, independently; "
    "a series counts as often as its observer times its video (pigeonhole bootstrap, "
    "percentiles). The model is not trained anew. ROC AUC and balanced accuracy "
    "compare series of the same round only, as each round has a model of its own."
)


def title(run):
    inside = ", validation" if run.settings.get("validate") else ""
    label = common.on_sample(run.kind)
    return f"{run.study.name}, protocol {run.settings['protocol']}{inside}{label}"


def table_rows(results, base, parameters, times):
    """The table: ours, constant answers, the papers."""
    rows = [
        ["", "accuracy", "95 % interval", "balanced acc.", "95 % interval", "ROC AUC"]
        + ["95 % interval", "parameters", "ms a series"]
    ]
    for name, result in results.items():
        cells = [name]
        for key, interval in (
            ("accuracy", "ci95"),
            ("balanced_accuracy", "balanced_accuracy_ci95"),
            ("roc_auc", "roc_auc_ci95"),
        ):
            cells += [report.show(result[key])]
            cells += ["-".join(map(report.show, result.get(interval, [None])))]
        if name in parameters:
            cells += [parameters[name], f"{times[name]:.1f}"]
        rows.append(cells)
    majority = report.show(base["majority_class"])
    rows.append(["majority class", majority, "", "0.500", "", "0.500"])
    rows.append(["chance", "0.500", "", "0.500", "", "0.500"])
    for name, accuracy in REPORTED.items():
        rows.append([f"{name}, on its own split", report.show(accuracy)])
    return [row + [""] * (len(rows[0]) - len(row)) for row in rows]


def unit_rows(results):
    """What became of each pruned layer's units, over the rounds."""
    told = [pd.DataFrame(one.pruned) for one in results.values()]
    if not any(map(len, told)):
        return []
    columns = ["units", "alike", "complementary", "constant", "kept"]
    columns += ["parameters", "parameters_after"]
    rows = [["layer", *(name.replace("_", " ") for name in columns)]]
    for layer, part in pd.concat(told).groupby("layer", sort=False):
        rows.append([layer, *(spread(part[name]) for name in columns)])
    return rows


def spread(values):
    low, high, mean = values.min(), values.max(), values.mean()
    return f"{low:,}" if low == high else f"{mean:,.0f} ({low:,}-{high:,})"


def answers_lines(table, names):
    """How often each model answers "genuine", and where that is all it says."""
    lines = []
    for column, name in names.items():
        genuine = table[column] > 0.5
        constant = genuine.groupby(table["round"]).nunique() == 1
        line = f'{name}: "genuine" for {genuine.sum()} of {len(genuine)} series'
        if constant.any():
            line += f", a constant answer in {constant.sum()} of {len(constant)} rounds"
        within = table.groupby("round")[column].agg(np.ptp)
        line += f"; within a round, probabilities span at most {within.max():.2g}"
        lines.append(line)
    return "\n".join(lines)


def conclude(run, data, table, results, models, drawn, files):
    """Measures and writes what a study on pupils ends with.

    Args:
        run: the `Run`.
        data: its `Data`.
        table: a row a tested series, with a column of probabilities for each model.
        results: `Learned`, by the rounds' names.
        models: the models of the first round, by name.
        drawn: names of the figures that are drawn.
        files: dict of what the study has written itself to what it is.

    Returns:
        The text to end with.
    """
    path, names = run.folder.path, names_of(run, models)
    measured = {name: measure(table, column) for column, name in names.items()}
    viewings = both_eyes(table, list(names))
    for column, name in names.items():
        if len(viewings) < len(table):
            measured[f"{name}, eyes averaged"] = measure(viewings, column)
    base = evaluation.baselines(table["label"], 2)
    seconds = latency(models, data.diameters)
    parameters = {
        name: counted(column, models, results) for column, name in names.items()
    }
    times = {name: seconds[column] for column, name in names.items()}
    rows, units = table_rows(measured, base, parameters, times), unit_rows(results)
    people = (
        f"resampling {table['observer'].nunique()} observers and "
        f"{table['video'].nunique()} videos"
    )
    sentence = verdict({name: measured[name] for name in names.values()}, people)

    told = table.rename(columns={"observer": "subject", "label": "truth"})
    told.to_csv(path / "predictions.csv", index=False, float_format="%.9g")
    run.folder.write_json(
        "metrics.json",
        {
            **measured[names["probability"]],
            "data": run.kind,
            "protocol": run.settings["protocol"],
            "validation": bool(run.settings.get("validate")),
            "baselines": base,
            "paper": REPORTED,
            "models": measured,
            "parameters": {
                name: models[column].count_params() for column, name in names.items()
            },
            "milliseconds_a_series": times,
            "rounds": {
                name: {**one.told, "pruned": one.pruned}
                for name, one in results.items()
            },
        },
    )
    drawn += draw_answers(table, names, title(run), path)
    protocol = (
        f"{run.settings['protocol']} ({pupil.PROTOCOLS[run.settings['protocol']]})"
    )
    if run.settings.get("validate"):
        protocol += "; VALIDATION by observer, in the first round's training part"
    texts = {"Protocol": protocol}
    if units:
        texts["Units"] = report.text_table(units)
    answers = answers_lines(table, names)
    texts |= {
        "The papers' figures": CONSTANT,
        "Answers": answers,
        "Intervals": INTERVALS,
        "Command": run.command,
        "Settings": "\n".join(f"{k}: {v}" for k, v in run.settings.items()),
        "Data": data.told,
    }
    written = {
        "config.json": "settings, versions, commit, seed, data",
        "metrics.json": "all measures, and what came of each round",
        "predictions.csv": "every tested series: subject, truth, probability",
        "skipped.json": "what of the data was left out or is missing",
    }
    if (path / "history.csv").exists():
        written["history.csv"] = "losses by epoch"
    report.write(
        run,
        title(run),
        rows,
        sentence,
        texts,
        drawn,
        {**written, **files},
    )
    parts = [title(run), f"Protocol: {protocol}", report.text_table(rows)]
    parts += [report.text_table(units)] if units else []
    return "\n".join([*parts, answers, CONSTANT, sentence])


def counted(column, models, results):
    """The parameters of a model, over the rounds where pruning makes them differ."""
    pruned = [
        one.pruned[-1]["parameters_after"] for one in results.values() if one.pruned
    ]
    if column == "probability":
        return f"{models[column].count_params():,}"
    return spread(pd.Series(pruned))


def names_of(run, models):
    """What tables call each column of probabilities."""
    sample = " (sample)" if run.kind == "sample" else ""
    if len(models) == 1:
        return {"probability": f"{run.study.model}, this run{sample}"}
    return {
        "probability": f"{run.study.model}{sample}",
        "pruned": f"{run.study.model}, pruned{sample}",
    }


def draw_answers(table, names, title, path):
    """Draws ROC and confusion matrix of each model; returns the files' names."""
    drawn = []
    for column, name in names.items():
        prefix = "" if column == "probability" else f"{column}_"
        probability = table[column].to_numpy()
        heading = f"{name}\n{title}"
        pupil_figures.roc(table, column, heading, path / f"{prefix}roc.png")
        figures.confusion_matrix(
            table["label"],
            probability > 0.5,
            ("posed", "spontaneous"),
            heading,
            path / f"{prefix}confusion_matrix.png",
        )
        drawn += [f"{prefix}roc.png", f"{prefix}confusion_matrix.png"]
    return drawn
