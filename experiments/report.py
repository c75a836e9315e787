"""What a run tells: the table at its end, `report.md` and `model_card.md`."""

from zoo import card

COLUMNS = ["accuracy", "95 % interval", "balanced acc.", "F1", "ROC AUC", "loss"]

CARD = "for whom it is, and for whom not; data, people, figures, licences"


def comparison(run, result, base, more=()):
    """The rows of the comparison: this run, its baselines, the paper.

    Args:
        run: the `Run`.
        result: what `evaluate` returned for this run.
        base: what `baselines` returned.
        more: further rows, `(name, result)`.

    Returns:
        List of rows of text, the first one naming the columns.
    """
    rows = [["", *COLUMNS]]
    sample = " (sample)" if run.kind == "sample" else ""
    measured = f"{run.study.model}, this run{sample}"
    for name, values in [(measured, result), *more]:
        keys = ["balanced_accuracy", "f1", "roc_auc", "loss"]
        numbers = [show(values[key]) for key in keys]
        interval = "-".join(map(show, values["ci95"] or [None]))
        rows.append([name, show(values["accuracy"]), interval, *numbers])
    rows.append(["majority class", show(base["majority_class"])])
    rows.append(["chance", show(base["chance"])])
    reported = run.study.reported[run.settings["task"]]
    rows.append([f"{run.study.paper}, on its own data", show(reported)])
    return [row + [""] * (len(rows[0]) - len(row)) for row in rows]


def show(value):
    return "-" if value is None else f"{value:.3f}"


def text_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [
            cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown_table(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" + "|---:" * (len(rows[0]) - 1) + "|")
    return "\n".join(lines)


def write(run, title, rows, sentence, texts, figures, files):
    """Writes `report.md` and `model_card.md`, when all else is written.

    Args:
        run: the `Run`.
        title: study, task, protocol and data in a line.
        rows: the comparison.
        sentence: what it comes to.
        texts: dict of headings to text, such as the data and the settings.
        figures: names of the figures to show.
        files: dict of file names to what they are.
    """
    parts = [f"# {title}", markdown_table(rows), f"**{sentence}**"]
    parts += [f"![{name}]({name})" for name in figures]
    for heading, text in texts.items():
        parts.append(f"## {heading}\n\n```\n{text}\n```")
    files = {"model_card.md": CARD, **files}
    listed = "\n".join(f"- `{name}`: {what}" for name, what in files.items())
    parts += [f"## Files\n\n{listed}", card.intended_use(run.study.dataset)]
    path = run.folder.path
    for name, text in {
        "report.md": "\n\n".join(parts),
        "model_card.md": card.compose(path),
    }.items():
        (path / name).write_text(text, "utf-8", "backslashreplace")
