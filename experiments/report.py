"""What a run tells: the table at its end and `report.md`."""

COLUMNS = ["accuracy", "95 % interval", "balanced acc.", "F1", "ROC AUC", "loss"]

LIMITS = """\
## Intended use and limits

A research model: it estimates whether a facial expression in a picture like those it
was trained on was posed or spontaneous. It does not tell what a person feels, thinks or
intends, and is no lie detector. Do not use it to judge a person, at work, at school, at
borders, in court or in medicine. What it reaches on other people, cameras, cultures,
ages and occasions is unknown; the data behind it are few people in one laboratory.
"""


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


def write(path, title, rows, sentence, texts, figures, files, limits=LIMITS):
    """Writes `report.md`.

    Args:
        path: of the file.
        title: study, task, protocol and data in a line.
        rows: the comparison.
        sentence: what it comes to.
        texts: dict of headings to text, such as the data and the settings.
        figures: names of the figures to show.
        files: dict of file names to what they are.
        limits: the section on intended use and limits.
    """
    parts = [f"# {title}", markdown_table(rows), f"**{sentence}**"]
    parts += [f"![{name}]({name})" for name in figures]
    for heading, text in texts.items():
        parts.append(f"## {heading}\n\n```\n{text}\n```")
    listed = "\n".join(f"- `{name}`: {what}" for name, what in files.items())
    parts += [f"## Files\n\n{listed}", limits]
    path.write_text("\n\n".join(parts), "utf-8", "backslashreplace")
