"""The figures of the GFE studies: losses, F1 beside the papers', a recording."""

import pathlib

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments import papers
from experiments.harness import figures, metrics, report

BESIDE = {"fontsize": 8, "loc": "upper left", "bbox_to_anchor": (1, 1)}


def draw(run, predictions, history, path: pathlib.Path) -> list[str]:
    """Draw the study's own figures into a folder; return their names."""
    title = report.title(run)
    main = predictions[predictions["model"] == run.study.model]
    main = main.assign(expression=main["group"].str.partition("/")[0])
    measured = metrics.evaluate(main, run.spec)
    f1_bars(measured, run.study.model, title, path / "f1.png")
    timeline(main, measured["groups"], title, path / "timeline.png")
    if history is None:
        return ["f1.png", "timeline.png"]
    tested = "validation" if run.validating else "test"
    figures.losses(
        history,
        {"loss": "training", "test_loss": tested},
        f"{title}\nThe {tested} part is only watched.",
        path / "loss.png",
        guessing=np.log(2),
        panel="expression",
        line="round",
    )
    return ["loss.png", "f1.png", "timeline.png"]


def f1_bars(measured: dict, model: str, title: str, path: pathlib.Path) -> None:
    """Draw the F1 of each expression, and their mean, beside the papers' columns."""
    groups = {**measured["groups"], "mean": measured}
    columns = {f"{model}, this run": {n: one["f1"] for n, one in groups.items()}}
    for one in papers.GFE:
        columns.setdefault(one.name, {})[one.group or "mean"] = one.value
    figure = Figure(figsize=(11, 4))
    axes = figure.add_subplot()
    colours = ["C0", *(str(0.4 + 0.14 * n) for n in range(1, len(columns)))]
    table = pd.DataFrame(columns).loc[list(groups)]
    table.plot.bar(ax=axes, width=0.8, color=colours, grid=False)
    always = [one["baselines"]["always_f1"] for one in groups.values()]
    positions, label = np.arange(len(groups)), 'constant answer "occurring"'
    ends = positions - 0.45, positions + 0.45
    axes.hlines(always, *ends, color="C3", lw=1, label=label)
    axes.set_xticks(positions, groups, rotation=30, ha="right", fontsize=8)
    axes.set_ylabel("F1")
    axes.set_ylim(0, 1)
    note = "The papers' bars: as printed, on splits of their own"
    axes.set_title(f"{title}\n{note}", fontsize=10)
    axes.legend(**BESIDE)
    axes.grid(axis="y", alpha=0.3)
    figures.save(figure, path)


def timeline(predictions, measured: dict, title: str, path: pathlib.Path) -> None:
    """Draw truth and probability over a recording of the expression of median F1."""
    order = sorted(measured, key=lambda name: measured[name]["f1"])
    name = order[len(order) // 2]
    table = predictions[predictions["expression"] == name]
    first = table.iloc[0]
    table = table[
        (table["seed"] == first["seed"]) & (table["subject"] == first["subject"])
    ]
    table = table.assign(frame=table["sample"].str.rpartition("/")[2].astype(int))
    table = table.sort_values("frame")
    frames, truth = table["frame"], table["truth"] == "occurring"
    figure = Figure(figsize=(11, 2.8))
    axes = figure.add_subplot()
    style = {"color": "C2", "alpha": 0.3, "lw": 0, "label": "labelled as occurring"}
    axes.fill_between(frames, truth, step="mid", **style)
    line = "." if (frames.diff() > 1).mean() > 0.1 else "-"
    axes.plot(frames, table["p_occurring"], line, ms=3, lw=1, label="probability")
    axes.axhline(0.5, **figures.GREY)
    axes.set_xlim(frames.min(), frames.max())
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("frame of the recording (some 55 ms each)")
    note = f"{name}, signer {first['subject']}: the expression of median F1"
    axes.set_title(f"{title}\n{note}", fontsize=10)
    axes.legend(**BESIDE)
    figures.save(figure, path)
