"""The figures of the studies on observers' pupils."""

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.figures import GREY, save


def angles(layers, low, high, title, path) -> None:
    """Draw the angles between the hidden units of each layer, before it is pruned.

    Args:
        layers: one dict per layer, see `PrunedNetwork.prune`.
        low: degrees, below which two units do the same work.
        high: degrees, above which they do the opposite.
        title: of the figure.
        path: where to write it.
    """
    figure = Figure(figsize=(5 * len(layers), 3.4))
    for number, layer in enumerate(layers, start=1):
        axes = figure.add_subplot(1, len(layers), number)
        counts = np.array(layer["angles"]).reshape(-1, 3).sum(axis=1)
        starts = np.arange(0, 180, 3)
        axes.bar(starts, counts, width=3, align="edge")
        for limit in (low, high):
            axes.axvline(limit, **GREY)
        axes.axvspan(0, low, color="C2", alpha=0.15, label="the same work")
        axes.axvspan(high, 180, color="C3", alpha=0.15, label="complementary")
        gone = ", ".join(
            f"{layer[what]} {what}"
            for what in ("alike", "complementary", "constant")
            if layer[what]
        )
        axes.set_title(
            f"{layer['layer']}: {layer['kept']} of {layer['units']} units stay"
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
    save(figure, path)


def course(spans, index, kernel, title, path) -> None:
    """Draw the mean course for posed and genuine smiles, and the weights of it.

    Args:
        spans: `(n, spans)`, standardised means of consecutive seconds.
        index: one row per series: `video`, `label`.
        kernel: the regression's weight of each span.
        title: of the figure.
        path: where to write it.
    """
    figure = Figure(figsize=(6.5, 5))
    above, below = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1]}
    )
    seconds = np.arange(spans.shape[1]) + 0.5
    for label, name, colour in ((1, "genuine", "C1"), (0, "posed", "C0")):
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
    save(figure, path)
