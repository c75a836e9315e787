"""The figures of one run in a comparison: answers and learning."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import confusion_matrix

from experiments.compare.figures import GUESSING, WIDE
from experiments.compare.svg import GRID, SERIES, inline, style

PARTS = ("round", "expression", "network")  # of a history: each has its own network


def confusion(model, called, name):
    """True values down, predicted across, spontaneous first; of the first seed.

    Args:
        model: a `compare.record.Model`.
        called: its name in the table.
        name: see `compare.svg.inline`.

    Returns:
        The SVG element.
    """
    table, names = model.table, model.record.classes
    if "seed" in table:
        table = table[table["seed"] == table["seed"].iloc[0]]
    half = len(names) // 2
    order = [*range(half, len(names)), *range(half)]
    counts = confusion_matrix(table["truth"], table["answer"], labels=order)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    words = [names[one].replace("spontaneous ", "spont. ") for one in order]
    small = half > 1
    with style():
        side = (WIDE, 3.9) if small else (3.4, 2.3)
        figure = Figure(figsize=side)
        axes = figure.add_axes(
            (0.25, 0.02, 0.64, 0.7) if small else (0.3, 0.03, 0.68, 0.75)
        )
        for row, column in np.ndindex(counts.shape):
            share = shares[row, column]
            box = {"width": 0.96, "height": 0.96, "lw": 0}
            corner = column - 0.48, row - 0.48
            axes.add_patch(Rectangle(corner, **box, fc=GRID, alpha=0.5))
            axes.add_patch(Rectangle(corner, **box, fc=SERIES[0], alpha=0.6 * share))
            text = f"{counts[row, column]:,}"
            size = 7 if small else 11
            middle = {"ha": "center", "va": "center"}
            axes.text(column, row - (0 if small else 0.1), text, size=size, **middle)
            if not small:
                axes.text(column, row + 0.22, f"{share:.0%}", size=8, **middle)
        end = len(order) - 0.5
        axes.set(xlim=(-0.5, end), ylim=(end, -0.5))
        turned = {"rotation": 55, "ha": "left", "rotation_mode": "anchor"}
        axes.set_xticks(range(len(order)), words, **(turned if small else {}))
        axes.set_yticks(range(len(order)), words)
        axes.tick_params(length=0, labelsize=7 if small else 8.5)
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        for spine in axes.spines.values():
            spine.set_visible(False)
    told = "; ".join(
        f"true {words[row]}: "
        + ", ".join(
            f"{counts[row, column]} {words[column]}" for column in order_of(row, counts)
        )
        for row in range(len(order))
    )
    return inline(figure, name, f"Confusion matrix of {called}. {told}.")


def points(epochs, number):
    """How the epochs of a curve are marked: one epoch alone has a point, no line."""
    if epochs == 1:  # a ring around a point, where both are in one place
        return {"marker": "o", "ms": (5, 10)[number], "mfc": (None, "none")[number]}
    return {"marker": "o" if epochs < 30 else None, "ms": 2.5}


def order_of(row, counts):
    """Columns of a row that hold anything, the fullest first."""
    columns = np.argsort(-counts[row], kind="stable")
    return [column for column in columns if counts[row, column]] or [row]


def learning(record, name):
    """Losses by epoch: every part thin, their mean thick; `None` without a history."""
    history = record.history
    if "epoch" not in history or "loss" not in history:
        return None
    columns = [("loss", "training"), ("test_loss", "test, only watched")]
    if record.validation:
        columns[1] = "test_loss", "validation, only watched"
    if "val_cross_entropy" in history:
        columns = [("cross_entropy", "training"), ("val_cross_entropy", "validation")]
    columns = [(column, label) for column, label in columns if column in history]
    shown = history[[column for column, _ in columns]].to_numpy(float)
    if not np.isfinite(shown).any():
        return None
    keys = [key for key in PARTS if key in history]
    pictures = record.study.data == "sase_fe"
    with style():
        figure = Figure(figsize=(WIDE, 2.7))
        axes = figure.add_axes((0.15, 0.17, 0.83, 0.72))
        for number, (column, label) in enumerate(columns):
            line = {"color": SERIES[number]}
            parts = [one for _, one in history.groupby(keys)] if keys else []
            for part in parts if len(parts) > 1 else ():
                axes.plot(part["epoch"] + 1, part[column], lw=0.6, alpha=0.3, **line)
            mean = history.groupby("epoch")[column].mean()
            told = {**line, **points(len(mean), number), "label": label}
            axes.plot(mean.index + 1, mean, lw=1.8, **told)
        if pictures:
            axes.set_yscale("log")
        else:
            guess = np.log(len(record.classes))
            axes.axhline(guess, label="random guessing", **GUESSING)
            axes.set_ylim(
                0, max(1.3 * guess, 1.1 * np.nanpercentile(shown, 97, method="higher"))
            )
        axes.set_xlabel("epoch")
        axes.set_ylabel(
            "error of the next frame" if pictures else "cross-entropy (nats)"
        )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if history["epoch"].nunique() == 1:
            middle = history["epoch"].iloc[0] + 1
            axes.set_xlim(middle - 1, middle + 1)
        above = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "ncols": 3}
        spaces = {"columnspacing": 1.1, "handlelength": 1.5, "borderpad": 0.2}
        axes.legend(frameon=False, fontsize=8, **above, **spaces)
        axes.grid()
    ends = history.groupby("epoch")[[column for column, _ in columns]].mean()
    told = "; ".join(
        f"{label} from {ends[column].iloc[0]:.3g} to {ends[column].iloc[-1]:.3g}"
        for column, label in columns
    )
    return inline(figure, name, f"Learning curves over {len(ends)} epochs: {told}.")
