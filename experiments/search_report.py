"""What a search ends with: trials.csv, report.md, figures, and two commands."""

import os
import shlex

import pandas as pd
from optuna.trial import TrialState

from experiments import common, report, search_code, search_figures, search_queue
from experiments.one_run import flags
from experiments.search_space import shown, told

OBJECTIVE = (
    "Lower is better: the cross-entropy of the validation part, in nats, of "
    "probabilities that sum to 1. It also tells how sure a wrong answer is, where an "
    "accuracy over a few people moves in steps; 0.69 is what two classes answered at "
    "random reach. The best of many trials is a little better by chance than it will "
    "be on other people: only the test tells."
)
STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


def command(study, arguments, options, data, data_dir):
    """The words of a study's command with what the user gave.

    Args:
        study: the `common.Study`.
        arguments: the search's parser.
        options: the study's options.
        data, data_dir: the options of these names.
    """
    result = ["python", "-m", f"experiments.{study.name}"]
    fixed = study.trial.fixed
    for name, value in {"data": data, "data_dir": data_dir, **options}.items():
        default = None if name in fixed else arguments.get_default(name)
        if value is not None and value != default and name != "validate":
            result += flags({name: value})
    return result


def commands(search, trial):
    """What repeats a trial, and what tests its settings: two command lines."""
    settings = flags(trial.params)
    inside = flags({"validate": search.run.settings["validate"]})
    base = search.command
    return shlex.join([*base, *inside, *settings]), shlex.join([*base, *settings])


def bullets(lines):
    return [f"- {line}" for line in lines]


def title(search):
    label = common.on_sample(search.run.kind)
    return f"Search of {search.run.study.name}, {search.name}{label}"


def table(search, trials):
    """A row a trial that stands for its slot; see `search_queue.holders`."""
    held, attempts = search_queue.holders(trials), {}
    for trial in trials:
        slot = trial.user_attrs.get("slot")
        given_up = trial.user_attrs.get("why") == search_queue.SURPLUS
        attempts[slot] = attempts.get(slot, 0) + (not given_up)
    rows = []
    for slot, trial in sorted(held.items()):
        attributes = trial.user_attrs
        rows.append(
            {
                "trial": slot + 1,
                "state": "diverged" if diverged(trial) else STATES[trial.state],
                "loss": None if diverged(trial) else trial.value,
                **{name: trial.params.get(name) for name in search.space},
                "balanced_accuracy": attributes.get("balanced_accuracy"),
                "roc_auc": attributes.get("roc_auc"),
                "reports": len(trial.intermediate_values) - diverged(trial),
                "seconds": attributes.get("seconds"),
                "attempts": attempts[slot],
                "why": why(trial),
            }
        )
    return pd.DataFrame(rows)


def diverged(trial):
    """Whether it was pruned for this; see `search_trial.WORST`."""
    return trial.state == TrialState.PRUNED and "why" in trial.user_attrs


def why(trial):
    """Why a trial failed or diverged."""
    if trial.state != TrialState.FAIL and not diverged(trial):
        return None
    times = search_queue.ATTEMPTS
    return trial.user_attrs.get("why") or f"its process ended, {times} times"


def write(search, study):
    """Writes all that a search ends with.

    Args:
        search: the `search.Search`.
        study: the Optuna study.

    Returns:
        The text to end with.
    """
    trials = study.get_trials(deepcopy=False)
    rows, found = table(search, trials), search_queue.best(trials)
    counts = counted(rows)
    place(search.folder / "trials.csv", lambda path: rows.to_csv(path, index=False))
    drawn, missing = search_figures.draw(search, rows, title(search), place)
    mixed = search_code.mixed(trials)
    text = markdown(search, rows, found, counts, drawn, missing, mixed)
    place(search.folder / "report.md", lambda path: path.write_text(text, "utf-8"))
    lines = [title(search), counts]
    if found is None:
        return "\n".join([*lines, "No trial was measured to its end.", where(search)])
    repeat, test = commands(search, found)
    lines += [
        best_line(found),
        f"It is repeated by:\n  {repeat}",
        f"Test it, once:\n  {test}",
        search.run.study.trial.tested,
    ]
    return "\n".join([*lines, where(search)])


def where(search):
    return f"Folder: {search.folder}{common.on_sample(search.run.kind)}"


def place(path, write):
    """Writes a file that is whole or absent."""
    partial = path.with_name(f"partial-{os.getpid()}-{path.name}")
    try:
        write(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def counted(rows):
    """How many trials ended how."""
    if rows.empty:
        return "0 trials"
    numbers = rows["state"].value_counts(sort=False)
    each = ", ".join(f"{count} {state}" for state, count in numbers.items())
    return f"{len(rows)} trials: {each}"


def best_line(trial):
    measures = {
        name: report.show(trial.user_attrs.get(key))
        for name, key in [
            ("balanced accuracy", "balanced_accuracy"),
            ("ROC AUC", "roc_auc"),
        ]
    }
    told = ", ".join(f"{name} {value}" for name, value in measures.items())
    settings = ", ".join(f"{k} {shown(v)}" for k, v in trial.params.items())
    number = search_queue.slot_of(trial) + 1
    return (
        f"Best, trial {number}: validation cross-entropy {trial.value:.6f}, {told}; "
        f"{settings}"
    )


def markdown(search, rows, found, counts, drawn, missing, mixed):
    """The content of report.md."""
    validation = search.run.study.trial
    parts = [f"# {title(search)}", f"{counts}; {search.trials} were asked for."]
    if found is not None:
        repeat, test = commands(search, found)
        cores = found.user_attrs.get("code", {}).get("cores", "how many is not known")
        parts += [
            f"**{best_line(found)}**",
            "It is repeated, to the last digit where there are as many cores as it had "
            f"({cores}), by\n\n```\n{repeat}\n```",
            f"and tested, once, by\n\n```\n{test}\n```",
            validation.tested,
        ]
    parts += [f"## What was held out\n\n{validation.held_out}"]
    parts += [f"## The measure\n\n{OBJECTIVE}"]
    parts += [f"![{name}]({name})" for name in drawn]
    parts += missing
    space = [["setting", "searched", "best"]]
    for name, distribution in search.space.items():
        value = "" if found is None else shown(found.params[name])
        space.append([name, told(distribution), value])
    parts += [f"## The space\n\n{report.markdown_table(space)}"]
    fixed = "\n".join(f"{name}: {value}" for name, value in search.fixed.items())
    parts += [f"## Settings of all trials\n\n```\n{fixed}\n```"]
    bad = ["failed", "diverged"]
    failures = rows.loc[rows["state"].isin(bad)] if len(rows) else rows
    if len(failures):
        lines = [f"- trial {n}: {why}" for n, why in failures[["trial", "why"]].values]
        parts += ["## Trials that failed or diverged\n\n" + "\n".join(lines)]
    known = "\n".join(f"{name}: {value}" for name, value in search.data.items())
    parts += [f"## Data{common.on_sample(search.run.kind)}\n\n```\n{known}\n```"]
    if mixed:
        parts += ["## Code\n\n" + "\n".join([mixed[0], "", *bullets(mixed[1:])])]
    parts += [f"## Go on, or join\n\n```\n{search.run.command}\n```"]
    return "\n\n".join(parts) + "\n"
