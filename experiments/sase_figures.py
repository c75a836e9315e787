"""The figures of the parametric-bias study."""

import numpy as np
from matplotlib.figure import Figure
from sklearn import metrics
from sklearn.decomposition import PCA

from experiments.figures import save
from experiments.within_rounds import within_rounds

COLOURS = {1: "C0", 0: "C3"}
WORDS = {1: "genuine", 0: "fake"}


def losses(histories, title, path):
    """Training loss over the epochs, a line a network.

    Args:
        histories: by the network's name, a frame with `epoch` and `loss`.
        title: of the figure.
        path: where to write it.
    """
    figure = Figure(figsize=(6, 4))
    axes = figure.add_subplot()
    for name, history in histories.items():
        axes.plot(history["epoch"] + 1, history["loss"], lw=1.2, label=name)
    axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel("mean squared error of the next frame")
    axes.set_title(title, fontsize=10)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if len(histories) <= 12:
        axes.legend(fontsize=8)
    axes.grid(alpha=0.3, which="both")
    save(figure, path)


def roc(table, column, title, path):
    """A curve for each emotion, as the paper's Fig. 5."""
    figure = Figure(figsize=(5, 5))
    axes = figure.add_subplot()
    for emotion, part in table.groupby("emotion", sort=False):
        area = within_rounds(part, part[column].to_numpy())["roc_auc"]
        if area is None:
            continue
        false, true, _ = metrics.roc_curve(part["label"], part[column])
        axes.plot(false, true, lw=1.4, label=f"{emotion} (AUC {area:.2f})")
    grey = {"color": "grey", "ls": "--", "lw": 1}
    axes.plot([0, 1], [0, 1], label="random guessing (0.50)", **grey)
    axes.set_xlabel("fake taken for genuine (false positive rate)")
    axes.set_ylabel("genuine found (true positive rate)")
    axes.set_title(title, fontsize=10)
    axes.set_aspect("equal")
    axes.legend(fontsize=8, loc="lower right")
    axes.grid(alpha=0.3)
    save(figure, path)


def pb_space(spaces, title, path):
    """PB vectors in the two directions in which those of training spread most.

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
    for place, (emotion, space) in enumerate(spaces.items(), start=1):
        axes = figure.add_subplot(rows, columns, place)
        draw_space(axes, *space)
        axes.set_title(emotion, fontsize=9)
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, ncols=3, fontsize=8, loc="lower center")
    figure.suptitle(title, fontsize=10)
    figure.tight_layout(rect=(0, 0.6 / figure.get_figheight(), 1, 1))
    save(figure, path)


def draw_space(axes, vectors, labels, n_train, classes):
    plane = PCA(2).fit(vectors[:n_train])
    x, y = plane.transform(vectors).T
    tested = np.arange(len(vectors)) >= n_train
    for label in (1, 0):
        look = {"color": COLOURS[label], "alpha": 0.75}
        for side, chosen in (("training", ~tested), ("test", tested)):
            points = x[chosen & (labels == label)], y[chosen & (labels == label)]
            edge = {"edgecolors": "black"} if side == "test" else {"marker": "."}
            axes.scatter(*points, s=32, label=f"{WORDS[label]}, {side}", **look, **edge)
        centre = plane.transform(classes)[label]
        look |= {"edgecolors": "black", "marker": "*", "s": 90}
        axes.scatter(*centre, label=f"learned for {WORDS[label]}", **look)
    axes.set_xlabel(f"{plane.explained_variance_ratio_[0]:.0%} of the variance", size=8)
    axes.set_ylabel(f"{plane.explained_variance_ratio_[1]:.0%}", size=8)
    axes.tick_params(labelsize=7)
    axes.locator_params(nbins=5)
    axes.grid(alpha=0.3)


def generated(streams, title, path):
    """What each class's PB vector makes of the same first frame.

    Args:
        streams: by emotion `(2, frames, 80)`: fake and genuine, the first frame in
            front.
        title: of the figure.
        path: where to write it.
    """
    figure = Figure(figsize=(2.1 * len(streams) + 0.6, 4.6))
    for column, (emotion, stream) in enumerate(streams.items()):
        for row, label in enumerate((1, 0)):
            place = 1 + row * len(streams) + column
            axes = figure.add_subplot(2, len(streams), place)
            for frame, style in (
                (0, {"color": "0.7"}),
                (-1, {"color": COLOURS[label]}),
            ):
                x, y = stream[label, frame].reshape(2, -1)
                axes.scatter(x, y, 8, **style)
            axes.set(xlim=(-1.1, 1.1), ylim=(1.1, -1.1), aspect="equal")
            axes.set_xticks([])
            axes.set_yticks([])
            if row == 0:
                axes.set_title(emotion, fontsize=9)
            if column == 0:
                axes.set_ylabel(WORDS[label], fontsize=9)
    frames = next(iter(streams.values())).shape[1] - 1
    figure.suptitle(
        f"{title}\nmean first frame (grey), {frames} frames on", fontsize=10
    )
    figure.tight_layout()
    save(figure, path)
