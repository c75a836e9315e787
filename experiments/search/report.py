"""What a search ends with: README.md, trials.csv, figures, and two commands."""

import dataclasses
import functools
import shlex
import warnings
from collections import Counter

import matplotlib
import optuna

from experiments.harness.checkpoint import replace_file
from experiments.harness.options import as_words
from experiments.harness.report import markdown_table, sample_label
from experiments.search.objective import MEASURES, Search
from experiments.search.worker import best_trial

TEXT = """# {title}

{counts}; {asked} were asked for.

{best}

## What was held out

{held_out}

## The measure

Lower is better: the cross-entropy of the validation part, in nats, of probabilities
that sum to 1. It also tells how sure a wrong answer is, where an accuracy over a few
people moves in steps; 0.69 is what two classes answered at random reach. The best of
many trials is a little better by chance than it will be on other people: only the test
tells.

{figures}

## The space

{space}

## Settings of all trials

{fixed}

## Data

{data}

{faults}## Go on, or join

    {command}
"""
BEST = """**{line}**

It is repeated, to the last digit on a machine with as many cores, by

    {repeat}

and tested, once, by

    {test}

{tested}"""


def write(search: Search, study: optuna.Study) -> str:
    """Write what a search ends with into its folder; return the summary."""
    folder, run, trials = search.folder, search.run, study.get_trials()
    data = study.user_attrs.get("data", {"kind": run.kind})
    title = f"Search {folder.name}{sample_label(data['kind'])}"
    table = functools.partial(study.trials_dataframe().to_csv, index=False)
    replace_file(folder / "trials.csv", table)
    states = Counter(trial.state.name.lower() for trial in trials)
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    counts = f"{len(trials)} trials: {counts}"
    best = best_trial(study)
    line = text = "No trial was measured to its end."
    if best:
        line = best_line(best)
        repeat, test = commands(search, best)
        text = BEST.format(
            line=line, repeat=repeat, test=test, tested=run.study.search.tested
        )
    rows = [["setting", "searched", "best"]]
    for name, kind in search.space.items():
        rows.append([name, span(kind), show(best.params[name]) if best else ""])
    every = dataclasses.asdict(run.settings)
    faults = [
        f"- trial {trial.number}: {trial.user_attrs['fault']}\n"
        for trial in trials
        if "fault" in trial.user_attrs
    ]
    text = TEXT.format(
        title=title,
        counts=counts,
        asked=search.options.trials,
        best=text,
        held_out=run.study.search.held_out,
        figures="\n\n".join(f"![{n}]({n})" for n in draw(search, study, title)),
        space=markdown_table(rows),
        fixed=bullets({k: v for k, v in every.items() if k not in search.space}),
        data=bullets(data),
        faults="".join(["## Faults\n\n", *faults, "\n"] * bool(faults)),
        command=run.command,
    )
    replace_file(folder / "README.md", lambda path: path.write_text(text, "utf-8"))
    return f"{title}\n{counts}\n{line}\nThe commands that repeat and test it: {folder}"


def best_line(trial) -> str:
    """Say in a line what the best trial reached, and with which settings."""
    loss = f"validation cross-entropy {trial.value:.6f}"
    measures = [f"{n.replace('_', ' ')} {show(trial.user_attrs[n])}" for n in MEASURES]
    settings = [f"{name} {show(value)}" for name, value in trial.params.items()]
    text = f"Best, trial {trial.number}: {', '.join([loss, *measures])}"
    return f"{text}; {', '.join(settings)}"


def commands(search: Search, trial) -> tuple[str, str]:
    """Return the commands that repeat a trial, and that test its settings."""
    every = search.words | trial.params
    test = {k: v for k, v in every.items() if not k.startswith("validate")}
    program = ["python", "-m", f"experiments.{search.run.study.name}"]
    return tuple(shlex.join([*program, *as_words(words)]) for words in (every, test))


def draw(search: Search, study: optuna.Study, title: str) -> list[str]:
    """Draw the trials so far, where there is something to see; return the files."""
    matplotlib.use("agg")
    from matplotlib import pyplot
    from optuna.visualization import matplotlib as plots

    figures = {
        "history.png": plots.plot_optimization_history,
        "importance.png": plots.plot_param_importances,
        "parallel.png": plots.plot_parallel_coordinate,
    }
    complete = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    if len({trial.value for trial in complete}) < 2:
        return []
    for name, plot in figures.items():
        with pyplot.rc_context({"figure.figsize": (9, 5)}), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            figure = plot(study, target_name="cross-entropy").figure
        figure.suptitle(title, y=1.03)
        save = functools.partial(figure.savefig, format="png", bbox_inches="tight")
        replace_file(search.folder / name, save)
        pyplot.close(figure)
    return list(figures)


def bullets(values: dict) -> str:
    return "\n".join(f"- {name}: {show(value)}" for name, value in values.items())


def span(distribution) -> str:
    """Describe a distribution for people."""
    if hasattr(distribution, "choices"):
        return ", ".join(map(show, distribution.choices))
    text = f"{distribution.low:g} to {distribution.high:g}"
    if distribution.log:
        return f"{text}, by orders of magnitude"
    return f"{text} by {distribution.step:g}" if distribution.step else text


def show(value) -> str:
    """Format a value for people."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
