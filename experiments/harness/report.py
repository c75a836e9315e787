"""The end of a run: metrics.json, predictions.csv, figures and README.md."""

import dataclasses
import pathlib

import jinja2
import pandas as pd

from datasets.about import intended_use
from experiments.harness import figures, metrics
from experiments.harness.checkpoint import replace_file
from experiments.harness.metrics import Spec, show
from experiments.harness.run_folder import variant
from zoo.inputs.face_mesh import LIMITS

TEMPLATE = pathlib.Path(__file__).with_name("run.md.jinja")
COLUMNS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced acc.",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "paired_accuracy": "in pairs",
    "loss": "loss",
}
FILES = {
    "metrics.json": "all measures; `predictions.csv` is what they are computed from",
    "predictions.csv": "every tested sample: subject, truth, answer, probabilities",
    "config.json": "settings, versions, commit, seed, data",
    "skipped.json": "what of the data was left out or bridged, and why",
    "history.csv": "losses by epoch",
    "serving.json": "what `zoo.load_run` needs to know of the models",
    "logs/": "for TensorBoard",
}


def sample_label(kind: str) -> str:
    """The label of everything that was measured on the sample."""
    return " (SAMPLE data, made by code)" if kind == "sample" else ""


def metrics_of(run, result) -> dict:
    """Return the content of metrics.json.

    Args:
        run: the `Run`.
        result: its `Result`.
    """
    spec, study, settings = run.spec, run.study, run.settings
    task = getattr(settings, "task", None)
    measured = metrics.evaluate(result.predictions, spec)
    above, sentence = metrics.verdict(measured, spec)
    paper = [
        dataclasses.asdict(one) for one in study.reported if one.task in (None, task)
    ]
    if run.about.folder != study.dataset.folder:
        for one in paper:
            one["name"] += f", on {study.dataset.name}"
            one["ours"] = "another dataset"
    known = {k: v for k, v in run.config["data"].items() if k not in ("kind", "folder")}
    return {
        **measured,
        "verdict": {"above": above, "sentence": sentence},
        "paper": paper,
        "study": study.name,
        "model": study.model,
        "dataset": run.about.name,
        "data": run.kind,
        "task": task,
        "protocol": settings.protocol,
        "protocol_text": run.about.protocols[settings.protocol],
        "validation": run.validating,
        "validation_text": validation_text(run),
        "quick": run.config["quick"],
        "seeds": getattr(settings, "seeds", 1),
        "spec": dataclasses.asdict(spec),
        **known,
        **result.more,
    }


def validation_text(run) -> str:
    """Say how a run validated; "" for one that measured the test part."""
    if not run.validating:
        return ""
    how = getattr(run.settings, "validate_by", "")
    how = f" by {how}" if how else ""
    return f"VALIDATION{how} inside the training part; the test part was not touched"


def title(run) -> str:
    """Study, task, protocol and data in a line, for figures and headings."""
    parts = [run.study.name]
    if task := getattr(run.settings, "task", None):
        parts.append(f"task {task}")
    parts += filter(None, [variant(vars(run.settings))])
    parts.append(f"protocol {run.settings.protocol}")
    if run.validating:
        parts.append("validation")
    return ", ".join(parts) + sample_label(run.kind)


def write(run, result, measured: dict) -> str:
    """Write what a run ends with into its folder.

    Args:
        run: the `Run`.
        result: its `Result`.
        measured: the content of metrics.json.

    Returns:
        The summary for the screen.
    """
    path, spec = run.folder.path, run.spec
    run.folder.write_json("metrics.json", measured)
    for name, table in {**result.tables, "predictions.csv": result.predictions}.items():
        replace_file(path / name, lambda file, table=table: write_table(table, file))
    drawn = draw(run, result)
    models = {}
    if result.write_models and not run.validating:
        print("Writing the models", flush=True)
        models = result.write_models(path)
    listed = {n: t for n, t in FILES.items() if (path / n).exists()} | models
    rows = comparison_rows(measured, spec, run.kind)
    groups = group_rows(measured, spec)
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    text = environment.from_string(TEMPLATE.read_text("utf-8")).render(
        run=run,
        study=run.study,
        about=run.about,
        metrics=measured,
        config=run.config,
        result=result,
        title=title(run),
        sample=run.kind == "sample",
        table=markdown_table(rows),
        groups=markdown_table(groups) if groups else "",
        paper_notes=paper_notes(measured),
        figures=drawn,
        files=listed,
        intended_use=intended_use(run.about),
        face_limits=LIMITS,
    )
    write_text = text.rstrip() + "\n"
    replace_file(
        path / "README.md",
        lambda file: file.write_text(write_text, "utf-8", "backslashreplace"),
    )
    lines = [title(run), measured["validation_text"], text_table(rows)]
    # Notes of several lines are Markdown, for the README alone.
    short = [note for note in result.notes.values() if "\n" not in note]
    lines += [text_table(groups) if groups else "", *short]
    return "\n".join([*filter(None, lines), measured["verdict"]["sentence"]])


def write_table(table: pd.DataFrame, path: pathlib.Path) -> None:
    table.to_csv(path, index=False, errors="backslashreplace")


def draw(run, result) -> list[str]:
    """Draw the figures of the study and of every run; return their names."""
    path, spec, heading = run.folder.path, run.spec, title(run)
    predictions = result.predictions
    names = list(result.draw(path)) if result.draw else []
    first = predictions[predictions["seed"] == predictions["seed"].iloc[0]]
    main = first[first["model"] == first["model"].iloc[0]]
    figures.confusion_matrix(main, spec, heading, path / "confusion_matrix.png")
    figures.roc(first, spec, heading, path / "roc.png")
    return [*names, "confusion_matrix.png", "roc.png"]


def comparison_rows(measured: dict, spec: Spec, kind: str) -> list[list[str]]:
    """Return a heading, the models, constant answers and the paper."""
    columns = [name for name in COLUMNS if measured.get(name) is not None]
    bounds = [name for name in columns if measured.get(metrics.interval_of(name))]
    heading = [""]
    for name in columns:
        heading += [COLUMNS[name]] + ["95 % interval"] * (name in bounds)
    rows = [heading]

    def add(label, values):
        cells = [label]
        for name in columns:
            value = values.get(name)
            cells.append("" if value is None else show(value))
            if name in bounds:
                low_high = values.get(metrics.interval_of(name))
                cells.append("-".join(map(show, low_high)) if low_high else "")
        rows.append(cells)

    label = " (sample)" if kind == "sample" else ""
    for model, values in measured["models"].items():
        beside = model.partition(":")[0] in ("control", "people")
        add(model if beside else f"{model}, this run{label}", values)
    for name, values in measured.get("people", {}).items():
        add(name, values)
    classes, base = len(spec.classes), measured["baselines"]
    fixed = {"balanced_accuracy": 1 / classes, "roc_auc": 0.5}
    add("majority class", {"accuracy": base["majority_class"], **fixed})
    if "always_f1" in base:
        add(f'always "{spec.classes[1]}"', {"f1": base["always_f1"], **fixed})
    add("chance", {"accuracy": base["chance"], "paired_accuracy": 0.5, **fixed})
    for one in measured["paper"]:
        if one["group"] is None:
            add(f"{one['name']}, on its own data", {one["measure"]: one["value"]})
    return rows


def group_rows(measured: dict, spec: Spec) -> list[list[str]]:
    """Return a table of what each group reaches, beside the paper's figures of it."""
    groups = measured.get("groups", {})
    if len(groups) < 2:
        return []
    of_group = [one for one in measured["paper"] if one["group"]]
    papers = list(dict.fromkeys(one["name"] for one in of_group))
    columns = [name for name in COLUMNS if measured.get(name) is not None]
    always = ["always"] if spec.decides == ("f1",) else []
    rows = [[spec.group, spec.unit, *(COLUMNS[n] for n in columns), *always, *papers]]
    for name, values in groups.items():
        cells = [name, str(values["n_test"]), *(show(values[n]) for n in columns)]
        cells += [show(values["baselines"]["always_f1"])] if always else []
        for paper in papers:
            value = [
                one["value"]
                for one in of_group
                if (one["name"], one["group"]) == (paper, name)
            ]
            cells.append(show(value[0]) if value else "-")
        rows.append(cells)
    return rows


def paper_notes(measured: dict) -> list[str]:
    """Say of each figure of a paper by which protocol it was measured."""
    notes = {}
    for one in measured["paper"]:
        here = "another protocol than here"
        if one["ours"] is None:
            here = "whether it is the protocol here is not known"
        elif one["ours"] == measured["protocol"]:
            here = "the protocol here"
        notes[f"{one['name']}: {one['protocol']}; {here}."] = None
    return list(notes)


def text_table(rows: list[list[str]]) -> str:
    """Arrange rows for the screen, all but the first column to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0])]
        cells += [c.rjust(w) for c, w in zip(others, widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown_table(rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" + "|---:" * (len(rows[0]) - 1) + "|")
    return "\n".join(lines)
