"""The figures of the study on SASE-FE: PB vectors, and what the networks generate."""

import pathlib

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from experiments.harness.figures import save

COLOURS = {1: "C0", 0: "C3"}
NAMES = {1: "genuine", 0: "fake"}


def pb_space(spaces: dict[str, tuple], title: str, path: pathlib.Path) -> None:
    """Draw PB vectors in the two directions in which those of training spread most.

    Args:
        spaces: by emotion `(vectors, labels, n_train, classes)`: the PB vectors of the
            videos, training first, their labels, the number of training videos, and
            the PB vectors learned for fake and genuine.
        title: of the figure.
        path: where to write it.
    """
    columns = min(3, len(spaces))
    rows = -(-len(spaces) // columns)
    figure = Figure(figsize=(3.6 * columns, 3.4 * rows + 0.6))
    for number, (emotion, space) in enumerate(spaces.items(), start=1):
        axes = figure.add_subplot(rows, columns, number)
        _draw_space(axes, *space)
        axes.set_title(emotion, fontsize=9)
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, ncols=3, fontsize=8, loc="lower center")
    figure.suptitle(title, fontsize=10)
    figure.tight_layout(rect=(0, 0.6 / figure.get_figheight(), 1, 1))
    save(figure, path)


def _draw_space(axes, vectors, labels, n_train, classes):
    plane = PCA(2).fit(vectors[:n_train])
    x, y = plane.transform(vectors).T
    tested = np.arange(len(vectors)) >= n_train
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


def generated(streams: dict[str, np.ndarray], title: str, path: pathlib.Path) -> None:
    """Draw what each class's PB vector makes of the same first frame.

    Args:
        streams: by emotion `(2, frames, 80)`: fake and genuine, the first frame in
            front.
        title: of the figure.
        path: where to write it.
    """
    figure = Figure(figsize=(2.1 * len(streams) + 0.6, 7))
    for column, (emotion, stream) in enumerate(streams.items(), start=1):
        points = stream.reshape(*stream.shape[:2], 2, -1)
        for row, label in enumerate((1, 0)):
            axes = _face_axes(figure, row, column, len(streams), NAMES[label])
            axes.scatter(*points[label, 0], s=8, color="0.7")
            axes.scatter(*points[label, -1], s=8, color=COLOURS[label])
            if row == 0:
                axes.set_title(emotion, fontsize=9)
        axes = _face_axes(figure, 2, column, len(streams), "genuine - fake")
        _draw_difference(axes, points[0, -1], points[1, -1])
    frames = next(iter(streams.values())).shape[1] - 1
    figure.suptitle(
        f"{title}\nmean first frame (grey), and {frames} frames on by each class's PB "
        "vector",
        fontsize=10,
    )
    figure.tight_layout()
    save(figure, path)


def _face_axes(figure, row, column, columns, name):
    axes = figure.add_subplot(3, columns, row * columns + column)
    axes.set(xlim=(-1.1, 1.1), ylim=(1.1, -1.1), aspect="equal", xticks=[], yticks=[])
    if column == 1:
        axes.set_ylabel(name, fontsize=9)
    return axes


def _draw_difference(axes, fake, genuine):
    """Draw arrows from fake to genuine points, enlarged to be seen."""
    difference = genuine - fake
    factor = 0.3 / max(np.linalg.norm(difference, axis=0).max(), 1e-9)
    scale = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.012}
    axes.quiver(*fake, *(factor * difference), color="C2", **scale)
    axes.set_xlabel(f"enlarged {factor:.3g} times", fontsize=8)
