"""The figures of the studies on grammatical facial expressions."""

import numpy as np
from matplotlib.figure import Figure
from sklearn import metrics

from experiments import figures

GREY = {"color": "grey", "ls": "--", "lw": 1}
NAMES = ("not occurring", "occurring")


def draw(run, title, mean, predictions, histories):
    """Draws all figures of a run into its folder; returns their names."""
    path = run.folder.path
    first = predictions[predictions["seed"] == run.settings["seed"]]
    names = ["f1.png", "timeline.png", "confusion_matrix.png", "roc.png"]
    f1_bars(mean, run.study.model, title, path / "f1.png")
    timeline(first, mean, title, path / "timeline.png")
    answer = (first["probability"] > 0.5).astype(int)
    figures.confusion_matrix(
        first["label"],
        answer,
        NAMES,
        f"Frames of all expressions, first seed\n{title}",
        path / "confusion_matrix.png",
    )
    several = first["round"].nunique() > 1
    pooled = ", rounds together" if several else ""
    roc(first, f"ROC, first seed{pooled}\n{title}", path / "roc.png")
    if len(histories):
        tested = "validation" if run.settings["validate"] else "test"
        losses(histories, title, tested, path / "loss.png")
        names.insert(0, "loss.png")
    return names


def panels(names, width, height):
    """Three panels a row, one for each name: `(figure, {name: axes})`."""
    rows = -(-len(names) // 3)
    figure = Figure(figsize=(width, height * rows))
    grid = figure.subplots(rows, 3, squeeze=False).ravel()
    for axes in grid[len(names) :]:
        axes.set_visible(False)
    return figure, dict(zip(names, grid, strict=False))


def losses(histories, title, tested, path):
    """Training and test loss over the epochs, as the paper's Fig. 3 and 4."""
    names = list(dict.fromkeys(histories["expression"]))
    figure, axes_of = panels(names, 10, 2.6)
    top = np.nanpercentile(histories[["loss", "test_loss"]].to_numpy(), 98)
    for name, axes in axes_of.items():
        part = histories[histories["expression"] == name]
        for number, (division, one) in enumerate(part.groupby("round", sort=False)):
            label = "" if part["round"].nunique() == 1 else f" ({division})"
            epochs = one["epoch"] + 1
            style = ["-", ":", "--", "-."][number % 4]
            axes.plot(epochs, one["loss"], style, color="C0", label=f"training{label}")
            axes.plot(
                epochs, one["test_loss"], style, color="C1", label=f"{tested}{label}"
            )
        axes.axhline(np.log(2), **GREY)
        axes.set_title(name, fontsize=9)
        axes.set_ylim(0, max(top, 0.8))
        axes.grid(alpha=0.3)
    grid = list(axes_of.values())
    grid[0].set_ylabel("cross-entropy (nats)")
    grid[0].legend(fontsize=6)
    for axes in grid[-3:]:
        axes.set_xlabel("epoch")
    note = f"The {tested} part is only watched; dashed: random guessing."
    figure.suptitle(f"{title}\n{note}", fontsize=10)
    figure.tight_layout()
    figures.save(figure, path)


def f1_bars(mean, model, title, path):
    """F1 of each expression beside the paper's three columns."""
    from experiments.gfe_report import REPORTED

    columns = {f"{model}, this run": mean["f1"]}
    columns |= {name: REPORTED.loc[mean.index, name] for name in REPORTED}
    places = np.arange(len(mean))
    figure = Figure(figsize=(11, 4))
    axes = figure.add_subplot()
    width = 0.8 / len(columns)
    for number, (name, values) in enumerate(columns.items()):
        at = places + (number - (len(columns) - 1) / 2) * width
        colour = "C0" if number == 0 else str(0.4 + 0.14 * number)
        axes.bar(at, values, width, label=name, color=colour)
    ends = mean["always_f1"].to_numpy()
    axes.hlines(ends, places - 0.45, places + 0.45, color="C3", lw=1)
    axes.plot([], [], color="C3", lw=1, label='constant answer "occurring"')
    axes.set_xticks(places, mean.index, rotation=30, ha="right", fontsize=8)
    axes.set_ylabel("F1")
    axes.set_ylim(0, 1)
    axes.set_title(f"{title}\nThe papers' bars: as printed, on splits of their own")
    axes.title.set_fontsize(10)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    axes.grid(axis="y", alpha=0.3)
    figures.save(figure, path)


def timeline(predictions, mean, title, path):
    """Truth and probability over one recording: that of the expression of median F1."""
    order = mean["f1"].drop("mean").sort_values()
    name = order.index[len(order) // 2]
    part = predictions[predictions["expression"] == name]
    signer = part["signer"].iloc[0]
    part = part[part["signer"] == signer].sort_values("frame")
    frames = part["frame"].to_numpy()
    figure = Figure(figsize=(11, 2.8))
    axes = figure.add_subplot()
    axes.fill_between(
        frames,
        part["label"],
        step="mid",
        color="C2",
        alpha=0.3,
        lw=0,
        label="labelled as occurring",
    )
    gaps = np.diff(frames) > 1
    style = "." if gaps.mean() > 0.1 else "-"
    axes.plot(frames, part["probability"], style, ms=3, lw=1, label="probability")
    axes.axhline(0.5, **GREY)
    axes.set_xlim(frames[0], frames[-1])
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("frame of the recording (some 55 ms each)")
    axes.set_title(
        f"{title}\n{name}, signer {signer}: the expression of median F1", fontsize=10
    )
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    figures.save(figure, path)


def roc(predictions, title, path):
    """A curve for each expression, of all its tested frames."""
    figure = Figure(figsize=(5.5, 5.5))
    axes = figure.add_subplot()
    for name, part in predictions.groupby("expression", sort=False):
        if part["label"].nunique() == 2:
            false_positive, true_positive, _ = metrics.roc_curve(
                part["label"], part["probability"]
            )
            area = metrics.auc(false_positive, true_positive)
            label = f"{name} {area:.3f}"
            axes.plot(false_positive, true_positive, lw=1, label=label)
    axes.plot([0, 1], [0, 1], label="random guessing 0.5", **GREY)
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    axes.set_title(title, fontsize=10)
    axes.set_aspect("equal")
    axes.legend(fontsize=7, loc="lower right", title="AUC")
    axes.grid(alpha=0.3)
    figures.save(figure, path)
