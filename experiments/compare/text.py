"""A comparison in words: Markdown for a paper's appendix.

No text holds a place on anybody's disk, so that it can be published as it is.
"""

from experiments import facts
from experiments.compare.commands import command, commit
from experiments.compare.groups import QUICK
from experiments.compare.words import (
    code,
    p_value,
    plain,
    printable,
    setting,
    show,
    signed,
    span,
)

HOW = (
    "**Intervals** are 95 % intervals (percentiles of 2,000 draws): whole test "
    "subjects are drawn anew, as the samples of one person are alike. The models are "
    "not trained anew. With fewer than five people there is none; with fewer than "
    "about twenty they are too narrow.",
    "**Paired tests** ask whether two models differ in accuracy on the same samples. "
    "If they are equally good, it does not matter which of the two gave a person's "
    "answers: those of whole people are swapped (permutation test, two-sided; all ways "
    "for up to 13 people of whom one model has more right, 9,999 random ones "
    "otherwise). Where all saw the same videos, the same is done with whole videos, "
    "and the larger p-value is told. Of several p-values in a group, the last column "
    "has Holm's correction. A large p-value does not show that two models are equally "
    "good.",
    "**Above, or not shown to beat**: each run is judged as in its own report. NVIE: "
    "the interval of the accuracy lies above the majority class. Pupils and SASE-FE: "
    "those of ROC AUC and of balanced accuracy both lie above 0.5, which is where any "
    "constant answer has them; of SASE-FE's heads only the study's own is judged.",
    "**The papers' figures** were measured on the papers' own data and by their own "
    "protocols, which each row names; they stand beside the runs and are not compared "
    "by a test.",
)


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
        (
            "data",
            f"{record.fingerprint or 'which, is not known'} "
            f"({'SAMPLE' if record.sample else 'real'})",
        ),
        ("started", record.started or "unknown"),
    ]
    listed = (
        f"{printable(name)} {setting(value)}" for name, value in record.settings.items()
    )
    return [*told, ("settings", ", ".join(listed))]


def tests_of(group):
    """The paired tests as rows of text, the first one naming the columns."""
    if not group.tests:
        return []
    several = sum(told["p"] is not None for told in group.tests) > 1
    gfe = group.dataset == "gfe"
    extra = ["difference of mean F1", "means over"] if gfe else []
    head = ["difference of accuracy", "95 % interval", *extra, "subjects", "p"]
    rows = [["", *head, *(["p, Holm"] if several else [])]]
    for told in group.tests:
        interval = " to ".join(map(signed, told["ci95"] or ()))
        f1 = [signed(told.get("f1")), told.get("seeds", "")] if gfe else []
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
            seeds = record.models[0].table["seed"].nunique()
            name = group.names[record.models[0]]
            lines.append(
                f"{name}: standard deviation of the mean F1 over "
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


def summary(groups):
    """What is compared, and from which commits, in sentences."""
    runs = sum(len(group.records) for group in groups)
    told = f"{_plural(runs, 'run')} in {_plural(len(groups), 'table')}, one table for "
    told += "each data set, task and protocol. "
    hashes = commits(groups)
    told += f"The runs are of commit{'s' * (len(hashes) > 1)} "
    return told + f"{'; '.join(hashes)}."


def _plural(count, name):
    return f"{count} {name}{'s' * (count != 1)}"


def warnings(groups):
    """The banners: where anything was measured on the sample, or in a hurry."""
    lines = []
    names = _data(group for group in groups if group.sample)
    if names:
        lines.append(
            f"SAMPLE data, made by code, not people: {names}. These figures say that "
            "the program works, and nothing else; their tables say so in the heading."
        )
    names = _data(group for group in groups if group.quick)
    if names:
        told = QUICK.capitalize()
        lines.append(f"QUICK settings: {names}. {told}, and nothing else.")
    return lines


def _data(groups):
    return ", ".join(dict.fromkeys(facts.NAMES[group.dataset] for group in groups))


def markdown(groups, left_out, made):
    """The comparison as Markdown.

    Args:
        groups: `compare.groups.Group`s.
        left_out: list of names and why these are not compared.
        made: a `Made`.
    """
    parts = ["# Runs compared", plain(summary(groups))]
    told = f"Made {made.date} at commit {made.commit} by"
    parts.append(f"{plain(told)} {code(made.command)}.")
    parts += [f"> **{warning}**" for warning in warnings(groups)]
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
            "\n".join(f"- {code(name)}: {plain(why)}" for name, why in left_out)
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
