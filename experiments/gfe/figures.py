"""The figures of the GFE studies: F1 beside the papers', a recording, the losses."""

import pathlib

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments import papers
from experiments.harness import figures, metrics, report


def draw(run, predictions, history, path: pathlib.Path) -> list[str]:
    """Draw the study's own figures into a folder; return their names.

    Args:
        run: the `Run`.
        predictions: in the columns of predictions.csv.
        history: of the first seed's trainings, or `None`.
        path: of the folder.
    """
    title, model = report.title(run), predictions["model"].iloc[0]
    main = predictions[predictions["model"] == model]
    main = main.assign(expression=main["group"].str.partition("/")[0])
    measured = metrics.evaluate(main, run.spec)
    names = ["f1.png", "timeline.png"]
    f1_bars(measured, model, title, path / "f1.png")
    timeline(main, measured["groups"], title, path / "timeline.png")
    if history is not None:
        tested = "validation" if run.validating else "test"
        note = f"The {tested} part is only watched."
        columns = {"loss": "training", "test_loss": tested}
        losses = {"panel": "expression", "line": "round", "guessing": np.log(2)}
        figures.losses(
            history, columns, f"{title}\n{note}", path / "loss.png", **losses
        )
        names.insert(0, "loss.png")
    return names


def f1_bars(measured: dict, model: str, title: str, path: pathlib.Path) -> None:
    """Draw the F1 of each expression, and their mean, beside the papers' columns."""
    groups = {**measured["groups"], "mean": measured}
    names = list(groups)
    columns = {f"{model}, this run": {n: one["f1"] for n, one in groups.items()}}
    for one in papers.GFE:
        columns.setdefault(one.name, {})[one.group or "mean"] = one.value
    always = [one["baselines"]["always_f1"] for one in groups.values()]
    positions = np.arange(len(names))
    figure = Figure(figsize=(11, 4))
    axes = figure.add_subplot()
    width = 0.8 / len(columns)
    for number, (name, values) in enumerate(columns.items()):
        at = positions + (number - (len(columns) - 1) / 2) * width
        colour = "C0" if number == 0 else str(0.4 + 0.14 * number)
        heights = [values.get(name, np.nan) for name in names]
        axes.bar(at, heights, width, label=name, color=colour)
    axes.hlines(always, positions - 0.45, positions + 0.45, color="C3", lw=1)
    axes.plot([], [], color="C3", lw=1, label='constant answer "occurring"')
    axes.set_xticks(positions, names, rotation=30, ha="right", fontsize=8)
    axes.set_ylabel("F1")
    axes.set_ylim(0, 1)
    note = "The papers' bars: as printed, on splits of their own"
    axes.set_title(f"{title}\n{note}", fontsize=10)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    axes.grid(axis="y", alpha=0.3)
    figures.save(figure, path)


def timeline(
    predictions: pd.DataFrame, measured: dict, title: str, path: pathlib.Path
) -> None:
    """Draw truth and probability over a recording of the expression of median F1."""
    order = sorted(measured, key=lambda name: measured[name]["f1"])
    name = order[len(order) // 2]
    table = predictions[predictions["expression"] == name]
    table = table[table["seed"] == table["seed"].iloc[0]]
    signer = table["subject"].iloc[0]
    table = table[table["subject"] == signer]
    frames = table["sample"].str.rpartition("/")[2].astype(int).to_numpy()
    order = np.argsort(frames)
    table, frames = table.iloc[order], frames[order]
    figure = Figure(figsize=(11, 2.8))
    axes = figure.add_subplot()
    truth = (table["truth"] == "occurring").to_numpy(float)
    style = {"color": "C2", "alpha": 0.3, "lw": 0, "label": "labelled as occurring"}
    axes.fill_between(frames, truth, step="mid", **style)
    line = "." if (np.diff(frames) > 1).mean() > 0.1 else "-"
    axes.plot(frames, table["p_occurring"], line, ms=3, lw=1, label="probability")
    axes.axhline(0.5, **figures.GREY)
    axes.set_xlim(frames[0], frames[-1])
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("frame of the recording (some 55 ms each)")
    note = f"{name}, signer {signer}: the expression of median F1"
    axes.set_title(f"{title}\n{note}", fontsize=10)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    figures.save(figure, path)
