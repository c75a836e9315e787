"""The end of a search: README.md, trials.csv, figures, and two commands."""

import dataclasses
import functools
import shlex
from collections import Counter

import matplotlib.pyplot
import optuna

from experiments.harness.checkpoint import replace_file
from experiments.harness.options import as_words
from experiments.harness.report import markdown_table, sample_label
from experiments.search.objective import COMPLETE, MEASURES, Search, best_trial

OBJECTIVE = (
    "Lower is better: the cross-entropy of the validation part, in nats, of "
    "probabilities that sum to 1. It also tells how sure a wrong answer is, where an "
    "accuracy over a few people moves in steps; 0.69 is what two classes answered at "
    "random reach. The best of many trials is a little better by chance than it will "
    "be on other people: only the test tells."
)


def write(search: Search, study: optuna.Study) -> str:
    """Write what a search ends with into its folder; return the summary."""
    run, folder, trials = search.run, search.folder, study.trials
    data = study.user_attrs.get("data", {"kind": run.kind})
    title = f"Search {folder.name}{sample_label(data['kind'])}"
    states = Counter(trial.state.name.lower() for trial in trials)
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    counts = f"{len(trials)} trials: {counts}; {search.options.trials} were asked for."
    best, none = best_trial(study), ["No trial was measured to its end."]
    paragraphs = describe_best(search, best) if best else none
    table = [["setting", "searched", "best"]]
    for name, kind in search.space.items():
        table.append([name, span(kind), show(best.params[name]) if best else ""])
    fixed = dataclasses.asdict(run.settings)
    fixed = {name: fixed[name] for name in fixed if name not in search.space}
    faults = {f"trial {t.number}": t.user_attrs.get("fault") for t in trials}
    sections = {
        "What was held out": run.study.search.held_out,
        "The measure": OBJECTIVE,
        "The space": markdown_table(table),
        "Settings of all trials": bullets(fixed),
        "Trials that failed": bullets({k: v for k, v in faults.items() if v}),
        "Data": bullets(data),
        "Go on, or join": f"    {run.command}",
    }
    text = [f"# {title}", counts, *paragraphs]
    text += [f"![{name}]({name})" for name in draw(search, study, title)]
    text += [f"## {name}\n\n{section}" for name, section in sections.items() if section]
    text = "\n\n".join(text) + "\n"
    replace_file(folder / "README.md", lambda path: path.write_text(text, "utf-8"))
    rows = functools.partial(study.trials_dataframe().to_csv, index=False)
    replace_file(folder / "trials.csv", rows)
    return "\n".join([title, counts, *paragraphs, f"Folder: {folder}"])


def describe_best(search: Search, trial) -> list[str]:
    """Say what the best trial reached, and by which commands to repeat and test it."""
    measures = [f"{n.replace('_', ' ')} {show(trial.user_attrs[n])}" for n in MEASURES]
    settings = [f"{name} {show(value)}" for name, value in trial.params.items()]
    every = search.words | trial.params
    test = {k: v for k, v in every.items() if not k.startswith("validate")}
    program = ["python", "-m", f"experiments.{search.run.study.name}"]
    return [
        f"**Best, trial {trial.number}: validation cross-entropy {trial.value:.6f}, "
        f"{', '.join(measures)}; {', '.join(settings)}**",
        "It is repeated, to the last digit on a machine with as many cores, by",
        f"    {shlex.join([*program, *as_words(every)])}",
        "and tested, once, by",
        f"    {shlex.join([*program, *as_words(test)])}",
        search.run.study.search.tested,
    ]


def draw(search: Search, study: optuna.Study, title: str) -> list[str]:
    """Draw the trials so far, where there is something to see; return the files."""
    matplotlib.use("agg")
    plots = optuna.visualization.matplotlib
    figures = {
        "history.png": plots.plot_optimization_history,
        "importance.png": plots.plot_param_importances,
        "parallel.png": plots.plot_parallel_coordinate,
    }
    if len({trial.value for trial in study.get_trials(states=COMPLETE)}) < 2:
        return []
    for name, plot in figures.items():
        figure = plot(study, target_name="cross-entropy").figure
        figure.set_size_inches(9, 5)
        figure.suptitle(title, y=1.03)
        save = functools.partial(figure.savefig, format="png", bbox_inches="tight")
        replace_file(search.folder / name, save)
        matplotlib.pyplot.close(figure)
    return list(figures)


def bullets(values: dict) -> str:
    return "\n".join(f"- {name}: {show(value)}" for name, value in values.items())


def span(distribution) -> str:
    """Describe a distribution for people."""
    if hasattr(distribution, "choices"):
        return ", ".join(map(show, distribution.choices))
    low, high, log = distribution.low, distribution.high, distribution.log
    return f"{low:g} to {high:g}{', by orders of magnitude' if log else ''}"


def show(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
