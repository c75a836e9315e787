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
        histories: by `(round, emotion)`, a frame with `epoch` and `loss`.
        title: of the figure.
        path: where to write it.
    """
    figure = Figure(figsize=(6, 4))
    axes = figure.add_subplot()
    emotions = list(dict.fromkeys(emotion for _, emotion in histories))
    for (part, emotion), history in histories.items():
        number = emotions.index(emotion)
        label = None if part != next(iter(histories))[0] else emotion
        line = {"lw": 1.2, "color": f"C{number}", "label": label}
        axes.plot(history["epoch"] + 1, history["loss"], **line)
    axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel("mean squared error of the next frame")
    axes.set_title(title, fontsize=10)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3, which="both")
    save(figure, path)


def roc(table, column, title, path):
    """A curve for each emotion, as the paper's Fig. 5."""
    figure = Figure(figsize=(5, 5))
    axes = figure.add_subplot()
    for emotion, part in table.groupby("emotion", sort=False):
        area = within_rounds(part, part[column].to_numpy())["roc_auc"]
        if area is not None:
            label = f"{emotion} (AUC {area:.2f})"
            axes.plot(*mean_curve(part, column), lw=1.4, alpha=0.8, label=label)
    grey = {"color": "grey", "ls": "--", "lw": 1}
    axes.plot([0, 1], [0, 1], label="random guessing (0.50)", **grey)
    axes.set_xlabel("fake taken for genuine (false positive rate)")
    axes.set_ylabel("genuine found (true positive rate)")
    axes.set_title(title, fontsize=10)
    axes.set_aspect("equal")
    axes.legend(fontsize=8, loc="lower right")
    axes.grid(alpha=0.3)
    save(figure, path)


def mean_curve(table, column):
    """False and true positive rates; of several rounds the mean curve.

    A round counts as often as it has pairs of a genuine and a fake video, so that the
    area under the curve is that of `within_rounds`.
    """
    curves, weights = [], []
    for _, part in table.groupby("round"):
        genuine = int(part["label"].sum())
        if 0 < genuine < len(part):
            curves.append(metrics.roc_curve(part["label"], part[column])[:2])
            weights.append(genuine * (len(part) - genuine))
    if len(curves) == 1:
        return curves[0]
    rates = np.linspace(0, 1, 501)
    curves = [np.interp(rates, false, true) for false, true in curves]
    return np.r_[0, rates], np.r_[0, np.average(curves, axis=0, weights=weights)]


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
    shares = plane.explained_variance_ratio_
    axes.set_xlabel(f"1st principal component ({shares[0]:.0%})", size=8)
    axes.set_ylabel(f"2nd ({shares[1]:.0%})", size=8)
    axes.tick_params(labelsize=7)
    axes.locator_params(nbins=5)
    axes.grid(alpha=0.3)


def generated(streams, title, path):
    """What each class's PB vector makes of the same first frame, and the difference.

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
            axes = face(figure, row, column, len(streams), WORDS[label])
            axes.scatter(*points[label, 0], s=8, color="0.7")
            axes.scatter(*points[label, -1], s=8, color=COLOURS[label])
            if row == 0:
                axes.set_title(emotion, fontsize=9)
        axes = face(figure, 2, column, len(streams), "genuine - fake")
        draw_difference(axes, points[0, -1], points[1, -1])
    frames = next(iter(streams.values())).shape[1] - 1
    figure.suptitle(
        f"{title}\nmean first frame (grey), and {frames} frames on as each class's PB "
        "vector has it",
        fontsize=10,
    )
    figure.tight_layout()
    save(figure, path)


def face(figure, row, column, columns, name):
    axes = figure.add_subplot(3, columns, row * columns + column)
    axes.set(xlim=(-1.1, 1.1), ylim=(1.1, -1.1), aspect="equal", xticks=[], yticks=[])
    if column == 1:
        axes.set_ylabel(name, fontsize=9)
    return axes


def draw_difference(axes, fake, genuine):
    """Arrows from fake to genuine points, enlarged to be seen."""
    difference = genuine - fake
    factor = 0.3 / max(np.linalg.norm(difference, axis=0).max(), 1e-9)
    scale = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.012}
    axes.quiver(*fake, *(factor * difference), color="C2", **scale)
    axes.set_xlabel(f"enlarged {factor:.3g} times", fontsize=8)
