"""The figures of the study on SASE-FE: PB vectors, and what the networks generate."""

import pathlib

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from experiments.harness.figures import losses, save

COLOURS = {1: "C0", 0: "C3"}
NAMES = {1: "genuine", 0: "fake"}


def draw(path: pathlib.Path, title: str, learned, history) -> list[str]:
    """Draw one round's emotions, and the losses of all; return the figures' names."""
    draw_spaces(learned, title, path / "pb_space.png")
    draw_generated(learned, title, path / "generated.png")
    label = "error of the next frame"
    by = {"panel": "emotion", "line": "round"}
    losses(history, {"loss": "training"}, title, path / "loss.png", ylabel=label, **by)
    return ["pb_space.png", "generated.png", "loss.png"]


def draw_spaces(learned, title: str, path: pathlib.Path) -> None:
    """Draw PB vectors in the two directions in which those of training spread most."""
    columns = min(3, len(learned))
    rows = -(-len(learned) // columns)
    figure = Figure(figsize=(3.6 * columns, 3.4 * rows + 0.6))
    for number, (part, content) in enumerate(learned, start=1):
        axes = figure.add_subplot(rows, columns, number)
        labels = np.concatenate([part.train.labels, part.test.labels])
        tested = np.arange(len(labels)) >= len(part.train.labels)
        _draw_space(axes, content["vectors"], labels, tested, content["classes"])
        axes.set_title(part.emotion, fontsize=9)
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, ncols=3, fontsize=8, loc="lower center")
    figure.suptitle(title, fontsize=10)
    figure.tight_layout(rect=(0, 0.6 / figure.get_figheight(), 1, 1))
    save(figure, path)


def _draw_space(axes, vectors, labels, tested, classes):
    plane = PCA(2).fit(vectors[~tested])
    x, y = plane.transform(vectors).T
    for label in (1, 0):
        look = {"color": COLOURS[label], "alpha": 0.75}
        for side, chosen in (("training", ~tested), ("test", tested)):
            points = x[chosen & (labels == label)], y[chosen & (labels == label)]
            edge = {"edgecolors": "black"} if side == "test" else {"marker": "."}
            axes.scatter(*points, s=32, label=f"{NAMES[label]}, {side}", **look, **edge)
        centre = plane.transform(classes)[label]
        look |= {"edgecolors": "black", "marker": "*", "s": 90}
        axes.scatter(*centre, label=f"learned for {NAMES[label]}", **look)
    shares = plane.explained_variance_ratio_
    axes.set_xlabel(f"1st principal component ({shares[0]:.0%})", size=8)
    axes.set_ylabel(f"2nd ({shares[1]:.0%})", size=8)
    axes.tick_params(labelsize=7)
    axes.locator_params(nbins=5)
    axes.grid(alpha=0.3)


def draw_generated(learned, title: str, path: pathlib.Path) -> None:
    """Draw what each class's PB vector makes of the same first frame."""
    figure = Figure(figsize=(2.1 * len(learned) + 0.6, 7))
    for column, (part, content) in enumerate(learned, start=1):
        points = content["generated"].reshape(2, -1, 2, 40)
        for row, label in enumerate((1, 0)):
            axes = _face_axes(figure, row, column, len(learned), NAMES[label])
            axes.scatter(*points[label, 0], s=8, color="0.7")
            axes.scatter(*points[label, -1], s=8, color=COLOURS[label])
            if row == 0:
                axes.set_title(part.emotion, fontsize=9)
        fake, genuine = points[:, -1]
        factor = 0.3 / max(np.linalg.norm(genuine - fake, axis=0).max(), 1e-9)
        axes = _face_axes(figure, 2, column, len(learned), "genuine - fake")
        scale = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.012}
        axes.quiver(*fake, *(factor * (genuine - fake)), color="C2", **scale)
        axes.set_xlabel(f"enlarged {factor:.3g} times", fontsize=8)
    text = f"mean first frame (grey), and {points.shape[1] - 1} frames on"
    figure.suptitle(f"{title}\n{text} by each class's PB vector", fontsize=10)
    figure.tight_layout()
    save(figure, path)


def _face_axes(figure, row, column, columns, name):
    axes = figure.add_subplot(3, columns, row * columns + column)
    axes.set(xlim=(-1.1, 1.1), ylim=(1.1, -1.1), aspect="equal", xticks=[], yticks=[])
    if column == 1:
        axes.set_ylabel(name, fontsize=9)
    return axes
