"""A comparison in words: Markdown for a paper's appendix, and the table on the screen.

No text holds a place on anybody's disk, so that it can be published as it is.
"""

import re
import shlex

from experiments import compare_facts as facts
from experiments.compare_words import (
    code,
    is_place,
    last,
    p_value,
    plain,
    setting,
    show,
    signed,
    span,
)

# Where a run lies, and who helped to compute it, decide nothing; a storage's
# address may hold a password. Options may be given by their beginnings.
DROPPED = re.compile(r"--(o|ou|out|data-(d|di|dir)?|das|dask|storage)")
HOW = (
    "**Intervals** are 95 % intervals (percentiles of 2,000 draws): whole test "
    "subjects are drawn anew, as the samples of one person are alike. The models are "
    "not trained anew. With fewer than five people there is none.",
    "**Paired tests** ask whether two models differ in accuracy on the same samples. "
    "If they are equally good, it does not matter which of the two gave a person's "
    "answers: those of whole people are swapped (permutation test, two-sided; all ways "
    "for up to 13 people, 9,999 random ones otherwise). Of several p-values in a "
    "group, the last column has Holm's correction. A large p-value does not show that "
    "two models are equally good.",
    "**Above, or not shown to beat**: each run is judged as in its own report. NVIE: "
    "the interval of the accuracy lies above the majority class. Pupils and SASE-FE: "
    "those of ROC AUC and of balanced accuracy both lie above 0.5, which is where any "
    "constant answer has them; of SASE-FE's heads only the study's own is judged.",
    "**The papers' figures** were measured on the papers' own data and by their own "
    "protocols, which each row names; they stand beside the runs and are not compared "
    "by a test.",
)


def command(record):
    """The command of a run without places on its maker's disk."""
    kept, skip = [], False
    try:
        words = shlex.split(str(record.config.get("command", "")))
    except ValueError:
        return "not readable"
    for word in words:
        option, equals, value = word.partition("=")
        dropped = DROPPED.fullmatch(option) is not None
        if skip and not word.startswith("--"):
            skip = False
            continue
        skip = dropped and not equals
        if dropped:
            continue
        if equals and is_place(value):
            word = f"{option}=.../{last(value)}"
        kept.append(f".../{last(word)}" if is_place(word) else word)
    return shlex.join(kept)


def commit(record):
    """The commit that a run was made with, short, and whether it was changed."""
    full = str(record.config.get("commit") or "")
    if not full:
        return "unknown"
    return full[:12] + (", with changes" if full.endswith("+") else "")


def commits(groups):
    """All commits, in the order of the runs."""
    return list(dict.fromkeys(commit(run) for group in groups for run in group.records))


def facts_of(record):
    """What it takes to repeat a run, `(name, value)`."""
    told = [
        ("run", record.label),
        ("command", command(record)),
        ("commit", commit(record)),
        ("seed", str(record.config.get("seed", record.settings.get("seed", "")))),
        ("data", f"{record.fingerprint} ({'SAMPLE' if record.sample else 'real'})"),
        ("started", str(record.config.get("started", "unknown"))),
    ]
    listed = (f"{name} {setting(value)}" for name, value in record.settings.items())
    return [*told, ("settings", ", ".join(listed))]


def tests_of(group):
    """The paired tests as rows of text, the first one naming the columns."""
    if not group.tests:
        return []
    several = sum(told["p"] is not None for told in group.tests) > 1
    extra = ["difference of mean F1"] if group.dataset == "gfe" else []
    head = ["difference of accuracy", "95 % interval", *extra, "subjects", "p"]
    rows = [["", *head, *(["p, Holm"] if several else [])]]
    for told in group.tests:
        interval = " to ".join(map(signed, told["ci95"] or ()))
        f1 = [signed(told.get("f1"))] if extra else []
        people = str(told["subjects"] or "")
        cells = [signed(told["difference"]), interval, *f1, people]
        cells.append(told["why"] or p_value(told["p"]))
        if several:
            cells.append(p_value(told.get("p_holm")))
        rows.append([f"{told['names'][0]} minus {told['names'][1]}", *cells])
    return rows


def spread(group):
    """A note on the standard deviation over seeds, where there is one."""
    lines = []
    for record in group.records:
        deviation = record.metrics.get("f1_spread")
        if deviation is not None:
            seeds = len(record.metrics["f1_by_seed"])
            lines.append(
                f"{record.models[0].name}: standard deviation of the mean F1 over "
                f"{seeds} seeds {show(deviation)}."
            )
    return lines


def intended_use(groups):
    """What the models are for, and what not: `(heading, paragraphs)`."""
    data = list(dict.fromkeys(group.dataset for group in groups))
    parts = [
        (
            "Intended use and limits",
            [
                "Research models, for research on such data and for comparing methods.",
                facts.NOT_FOR,
            ],
        )
    ]
    for name in data:
        told = facts.DATA[name]
        parts.append(
            (
                facts.NAMES[name],
                [
                    f"The models estimate {told.question}.",
                    facts.NOT_A_LIE_DETECTOR.format(labels=told.labels),
                    facts.UNKNOWN.format(unknown=told.unknown),
                ],
            )
        )
    return parts


def summary(groups, made):
    """What is compared, when and from which commits, in sentences."""
    runs = sum(len(group.records) for group in groups)
    told = f"{_plural(runs, 'run')} in {_plural(len(groups), 'table')}, one table for "
    told += "each data set, task and protocol; "
    hashes = commits(groups)
    told += f"made {made}. The runs are of commit{'s' * (len(hashes) > 1)} "
    return told + f"{'; '.join(hashes)}."


def _plural(count, name):
    return f"{count} {name}{'s' * (count != 1)}"


def sample_warning(groups):
    """The banner where anything was measured on the sample; empty otherwise."""
    which = [facts.NAMES[group.dataset] for group in groups if group.sample]
    if not which:
        return ""
    names = ", ".join(dict.fromkeys(which))
    return (
        f"SAMPLE data, made by code, not people: {names}. These figures say that the "
        "program works, and nothing else; their tables say so in the heading."
    )


def markdown(groups, left_out, made):
    """The comparison as Markdown.

    Args:
        groups: `compare_groups.Group`s.
        left_out: dict of names to why they are not compared.
        made: when, as text.
    """
    parts = ["# Runs compared", plain(summary(groups, made))]
    warning = sample_warning(groups)
    parts += [f"> **{warning}**"] if warning else []
    for group in groups:
        parts += [f"## {plain(group.title)}", plain(group.about)]
        parts.append(_table(_rows_of(group)))
        tests = tests_of(group)
        parts += ["Paired tests:", _table(tests)] if tests else []
        notes = [*spread(group), *group.notes]
        parts += ["\n".join(f"- {plain(line)}" for line in notes)] if notes else []
    parts += ["## How to read this", *HOW, "## Runs"]
    for group in groups:
        for record in group.records:
            lines = (f"- {name}: {code(value)}" for name, value in facts_of(record)[1:])
            parts.append(f"{code(record.label)}\n\n" + "\n".join(lines))
    if left_out:
        parts.append("## Left out")
        parts.append(
            "\n".join(f"- {code(name)}: {plain(why)}" for name, why in left_out.items())
        )
    for number, (heading, texts) in enumerate(intended_use(groups)):
        parts += [f"{'###' if number else '##'} {heading}", *texts]
    return "\n\n".join(parts) + "\n"


def _rows_of(group):
    rows = [["", *group.columns.values(), "tested on"]]
    for row in group.rows:
        cells = []
        for key in group.columns:
            value, interval = row.values.get(key, (None, None))
            cells.append(show(value) + (f" ({span(interval)})" if interval else ""))
        name = row.name + (f": {row.note}" if row.note else "")
        rows.append([name, *cells, row.tested])
    return rows


def _table(rows):
    lines = ["| " + " | ".join(map(plain, row)) + " |" for row in rows]
    lines.insert(1, "|---" + "|---:" * (len(rows[0]) - 1) + "|")
    return "\n".join(lines)


def screen(groups, width):
    """Prints the tables, at most `width` columns wide."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=width, highlight=False, emoji=False, markup=False)
    for group in groups:
        console.print(f"\n{group.title}", style="bold")
        table = Table(box=None, pad_edge=False)
        table.add_column("", overflow="fold", ratio=1)
        for name in [*group.columns.values(), "tested on"]:
            table.add_column(name, justify="right", max_width=16)
        for row in group.rows:
            cells = []
            for key in group.columns:
                value, interval = row.values.get(key, (None, None))
                cells.append(show(value) + (f"\n{span(interval)}" if interval else ""))
            name = Text(row.name, "" if row.kind == "model" else "dim")
            if row.kind == "model" and row.note:
                name.append(f"\n{row.note}", "italic")
            table.add_row(name, *cells, row.tested)
        console.print(table)
        for told in group.tests:
            console.print(_in_words(told, group))
        for line in [*spread(group), *group.notes]:
            console.print(line)


def _in_words(told, group):
    first, second = told["names"]
    line = f"{first} minus {second}: "
    if told["difference"] is None:
        return f"{line}not tested, {told['why']}."
    line += f"accuracy {signed(told['difference'])}"
    line += f", mean F1 {signed(told['f1'])}" if group.dataset == "gfe" else ""
    if told["why"]:
        return f"{line}; not tested, {told['why']}."
    line += f" ({' to '.join(map(signed, told['ci95']))}), "
    line += f"p = {p_value(told['p'])}".replace("= <", "<")
    several = sum(other["p"] is not None for other in group.tests) > 1
    line += f", Holm {p_value(told['p_holm'])}" if several else ""
    return f"{line}, {told['subjects']} subjects."
