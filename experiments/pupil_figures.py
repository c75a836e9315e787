"""The figures of the studies on observers' pupils."""

import numpy as np
from matplotlib.figure import Figure
from sklearn import metrics

from experiments import figures
from experiments.within_rounds import within_rounds

GREY = {"color": "grey", "ls": "--", "lw": 1}


def losses(history, starts, title, path):
    """Training and test loss over the epochs, as the paper's Fig. 5, a line a round.

    Args:
        history: a row an epoch: `round`, `epoch`, `loss`, `test_loss`.
        starts: first epoch of each group of the training part.
        title: of the figure.
        path: where to write it.
    """
    figure = Figure(figsize=(6, 4))
    axes = figure.add_subplot()
    for column, colour, name in (
        ("loss", "C0", "training (with dropout)"),
        ("test_loss", "C1", "test (only watched)"),
    ):
        label = name
        for _, part in history.groupby("round", sort=False):
            epochs = part["epoch"] + 1
            axes.plot(epochs, part[column], color=colour, lw=1, label=label)
            label = None
    for start in starts[1:]:
        axes.axvline(start + 0.5, color="grey", lw=0.6, ls=":")
    axes.axhline(np.log(2), label="random guessing (0.69)", **GREY)
    axes.set_xlabel("epoch")
    axes.set_ylabel("cross-entropy (nats)")
    axes.set_title(title, fontsize=10)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    figures.save(figure, path)


def angles(told, low, high, title, path):
    """Angles between the hidden units of each layer, before it is pruned.

    Args:
        told: `Learned.pruned` of one round.
        low: degrees.
        high: degrees.
        title: of the figure.
        path: where to write it.
    """
    figure = Figure(figsize=(5 * len(told), 3.4))
    for place, one in enumerate(told, start=1):
        axes = figure.add_subplot(1, len(told), place)
        counts = np.array(one["angles"]).reshape(-1, 3).sum(axis=1)
        starts = np.arange(0, 180, 3)
        axes.bar(starts, counts, width=3, align="edge")
        for limit in (low, high):
            axes.axvline(limit, **GREY)
        axes.axvspan(0, low, color="C2", alpha=0.15, label="the same work")
        axes.axvspan(high, 180, color="C3", alpha=0.15, label="complementary")
        gone = ", ".join(
            f"{one[what]} {what}"
            for what in ("alike", "complementary", "constant")
            if one[what]
        )
        axes.set_title(
            f"{one['layer']}: {one['kept']} of {one['units']} units stay"
            + (f"\n(gone: {gone})" if gone else ""),
            fontsize=9,
        )
        axes.set_xlim(0, 180)
        axes.set_xticks(range(0, 181, 30))
        axes.set_xlabel("angle between two units (degrees)")
    figure.axes[0].set_ylabel("pairs of units")
    figure.axes[0].legend(fontsize=8)
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    figures.save(figure, path)


def roc(table, column, title, path):
    """Receiver operating characteristic of each round, and their mean.

    Args:
        table: a row a tested series: `label`, `round` and probabilities.
        column: of the probabilities.
        title: of the figure.
        path: where to write it.
    """
    figure = Figure(figsize=(4.5, 4.5))
    axes = figure.add_subplot()
    grid, curves = np.linspace(0, 1, 101), []
    for _, part in table.groupby("round", sort=False):
        if part["label"].nunique() == 2:
            false, true, _ = metrics.roc_curve(part["label"], part[column])
            axes.plot(false, true, color="C0", lw=0.6, alpha=0.5)
            curves.append(np.interp(grid, false, true))
    area = within_rounds(table, table[column].to_numpy())["roc_auc"]
    if curves:
        mean = np.concatenate([[0], np.mean(curves, axis=0)])
        label = f"AUC {area:.3f}"
        label += " within rounds; mean of their curves" if len(curves) > 1 else ""
        axes.plot(np.concatenate([[0], grid]), mean, color="C0", lw=2, label=label)
    axes.plot([0, 1], [0, 1], label="random guessing (0.5)", **GREY)
    axes.set_xlabel("posed taken for spontaneous (false positive rate)")
    axes.set_ylabel("spontaneous found (true positive rate)")
    axes.set_title(title, fontsize=10)
    axes.set_aspect("equal")
    axes.legend(fontsize=8, loc="lower right")
    axes.grid(alpha=0.3)
    figures.save(figure, path)


def course(spans, index, kernel, title, path):
    """The mean course for posed and spontaneous smiles, and what is made of it.

    Args:
        spans: `(n, spans)`, standardised means of consecutive seconds.
        index: a row a series: `video`, `label`.
        kernel: the regression's weight of each span.
        title: of the figure.
        path: where to write it.
    """
    figure = Figure(figsize=(6.5, 5))
    above, below = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1]}
    )
    seconds = np.arange(spans.shape[1]) + 0.5
    for label, name, colour in ((1, "spontaneous", "C1"), (0, "posed", "C0")):
        rows = index["label"].to_numpy() == label
        videos = index["video"].to_numpy()
        means = np.stack(
            [spans[rows & (videos == v)].mean(axis=0) for v in set(videos[rows])]
        )
        mean, error = means.mean(axis=0), means.std(axis=0) / np.sqrt(len(means))
        above.plot(seconds, mean, color=colour, label=f"{name}, {len(means)} videos")
        above.fill_between(
            seconds, mean - 2 * error, mean + 2 * error, color=colour, alpha=0.2
        )
    above.set_ylabel("pupil (standard deviations\nof its series)")
    above.legend(fontsize=8, title="mean, two standard errors", title_fontsize=8)
    below.bar(seconds, kernel, width=0.8, color="grey")
    below.axhline(0, color="black", lw=0.6)
    below.set_ylabel("weight")
    below.set_xlabel("seconds")
    above.set_title(title, fontsize=10)
    figures.save(figure, path)
