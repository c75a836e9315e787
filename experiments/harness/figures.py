"""The figures that every run has: ROC, confusion matrix, losses."""

import pathlib

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn import metrics as sklearn_metrics

from experiments.harness import metrics
from experiments.harness.metrics import Spec

GREY = {"color": "grey", "ls": "--", "lw": 1}
MOST_CURVES = 10  # that a legend can name


def save(figure: Figure, path: pathlib.Path) -> None:
    figure.savefig(path, dpi=120, bbox_inches="tight")


def losses(
    history: pd.DataFrame,
    columns: dict[str, str],
    title: str,
    path: pathlib.Path,
    guessing: float | None = None,
    ylabel: str = "cross-entropy (nats)",
    panel: str | None = None,
    line: str | None = None,
) -> None:
    """Draw measures over the epochs.

    Args:
        history: one row per epoch: `epoch`, and the columns.
        columns: what the legend calls each column.
        title: of the figure.
        path: where to write it.
        guessing: the value that random guessing reaches.
        ylabel: what is measured.
        panel: column whose values have a panel each.
        line: column whose values have a line each, in the colour of their column.
    """
    groups = list(history.groupby(panel, sort=False)) if panel else [("", history)]
    rows = -(-len(groups) // 3)
    size = (6, 4) if len(groups) == 1 else (10, 2.6 * rows)
    figure = Figure(figsize=size)
    grid = figure.subplots(rows, min(3, len(groups)), squeeze=False).ravel()
    # Clip the axis so that one divergent epoch does not flatten the rest.
    values = history[list(columns)].to_numpy(float)
    top = max(1.3 * (guessing or 0), 1.2 * np.nanpercentile(values, 90))
    for axes in grid[len(groups) :]:
        axes.set_visible(False)
    for axes, (name, table) in zip(grid, groups, strict=False):
        lines = list(table.groupby(line, sort=False)) if line else [("", table)]
        for number, (column, label) in enumerate(columns.items()):
            for _, part in lines:
                style = {"color": f"C{number}", "lw": 1, "label": label}
                marker = "o" if len(part) < 30 and len(lines) == 1 else None
                axes.plot(part["epoch"] + 1, part[column], marker=marker, ms=3, **style)
                label = None
        if guessing is not None:
            text = f"random guessing ({guessing:.2f})"
            axes.axhline(guessing, label=text, **GREY)
        axes.set_title(name, fontsize=9)
        axes.set_ylim(0, min(top, 1) if ylabel == "accuracy" else top)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    grid[0].set_ylabel(ylabel)
    grid[0].legend(fontsize=8 if len(groups) == 1 else 6)
    for axes in grid[max(0, len(groups) - 3) : len(groups)]:
        axes.set_xlabel("epoch")
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    save(figure, path)


def confusion_matrix(
    table: pd.DataFrame, spec: Spec, title: str, path: pathlib.Path
) -> None:
    """Draw true classes down and predicted ones across, genuine first.

    Args:
        table: one model's predictions.
        spec: the study's.
        title: of the figure.
        path: where to write it.
    """
    half = len(spec.classes) // 2
    names = [*spec.classes[half:], *spec.classes[:half]]
    counts = sklearn_metrics.confusion_matrix(
        table["truth"], table["answer"], labels=names
    )
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 4.2 if half == 1 else 8.5
    figure = Figure(figsize=(side, side))
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        share = shares[row, column]
        text = f"{counts[row, column]}" + (f"\n{share:.0%}" if half == 1 else "")
        colour = "white" if share > 0.55 else "black"
        axes.text(column, row, text, ha="center", va="center", color=colour)
    ends = {"rotation": 0 if half == 1 else 60, "ha": "center" if half == 1 else "left"}
    labels = [name.capitalize() for name in names]
    axes.set_xticks(range(len(labels)), labels, rotation_mode="anchor", **ends)
    axes.set_yticks(range(len(labels)), labels)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("Predicted values")
    axes.set_ylabel("True values")
    axes.set_title(title, fontsize=10, pad=12)
    save(figure, path)


def roc(predictions: pd.DataFrame, spec: Spec, title: str, path: pathlib.Path) -> None:
    """Draw the receiver operating characteristic: how genuine is told from posed.

    Each group of the main model has a thin curve, each model a thick one: the mean of
    its groups' curves, so that the area is that of answers compared within groups. With
    several genuine classes their probabilities are added up.

    Args:
        predictions: of all models, of one seed.
        spec: the study's.
        title: of the figure.
        path: where to write it.
    """
    figure = Figure(figsize=(5.5, 5.5))
    axes = figure.add_subplot()
    first = predictions["model"].iloc[0]
    groups = predictions["group"].str.partition("/")[0]
    several = groups.nunique() > 1
    named = groups.nunique() <= MOST_CURVES
    if several:
        main = predictions[predictions["model"] == first]
        for name, table in main.groupby(groups, sort=False):
            if curve := mean_curve(table, spec):
                label = f"{name} {curve[2]:.3f}" if named else None
                style = {"lw": 1, "alpha": 0.7} if named else {"lw": 0.6, "alpha": 0.4}
                colour = {} if named else {"color": "C0"}
                axes.plot(*curve[:2], label=label, **style, **colour)
    for number, (name, table) in enumerate(predictions.groupby("model", sort=False)):
        if curve := mean_curve(table, spec):
            label = f"{name} {curve[2]:.3f}" + (", mean" if several else "")
            colour = "black" if several and not number else f"C{number}"
            axes.plot(
                *curve[:2], lw=2 if not number else 1.4, color=colour, label=label
            )
    axes.plot([0, 1], [0, 1], label="random guessing 0.500", **GREY)
    half = len(spec.classes) // 2
    posed, genuine = spec.classes[0], spec.classes[half]
    if half > 1:
        posed, genuine = (name.partition(" ")[0] for name in (posed, genuine))
    axes.set_xlabel(f"{posed} taken for {genuine} (false positive rate)")
    axes.set_ylabel(f"{genuine} recognised (true positive rate)")
    axes.set_title(title, fontsize=10)
    axes.set_aspect("equal")
    axes.legend(fontsize=7, loc="lower right", title="AUC", title_fontsize=7)
    axes.grid(alpha=0.3)
    save(figure, path)


def mean_curve(table: pd.DataFrame, spec: Spec):
    """The mean of the groups' ROC curves.

    A group counts as often as it has pairs of a genuine and a posed sample, so that
    the area under the curve is that of `metrics.measure`; with `Spec.mean` all count
    alike.

    Returns:
        `(false positive rates, true positive rates, area)`; `None` where no group has
        both.
    """
    half = len(spec.classes) // 2
    score = metrics.probabilities(table, spec)[:, half:].sum(axis=1)
    truth = metrics.class_numbers(table["truth"], spec) >= half
    curves, weights = [], []
    for rows in table.reset_index(drop=True).groupby("group").indices.values():
        if 0 < truth[rows].mean() < 1:
            curves.append(sklearn_metrics.roc_curve(truth[rows], score[rows])[:2])
            weights.append(1 if spec.mean else truth[rows].sum() * (~truth[rows]).sum())
    if not curves:
        return None
    areas = [sklearn_metrics.auc(*curve) for curve in curves]
    area = float(np.average(areas, weights=weights))
    if len(curves) == 1:
        return *curves[0], area
    rates = np.linspace(0, 1, 501)
    curves = [np.interp(rates, false, true) for false, true in curves]
    mean = np.average(curves, axis=0, weights=weights)
    return np.r_[0, rates], np.r_[0, mean], area
