"""The figures of the studies on observers' pupils."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.harness.figures import GREY, save


def angles(layers, counts, low, high, title, path) -> None:
    """Draw the angles between hidden units before pruning; see `PrunedNetwork.prune`.

    Args:
        layers: what became of each layer's units.
        counts: how many pairs of each layer's units have an angle in each degree.
        low, high: degrees, below and above which one of two units goes.
        title, path: of the figure.
    """
    figure = Figure(figsize=(5 * len(layers), 3.4))
    grid = figure.subplots(1, len(layers))
    for axes, layer, degrees in zip(grid, layers, counts, strict=True):
        heights = degrees.reshape(-1, 3).sum(axis=1)
        axes.bar(np.arange(0, 180, 3), heights, width=3, align="edge")
        for limit in (low, high):
            axes.axvline(limit, **GREY)
        axes.axvspan(0, low, color="C2", alpha=0.15, label="the same work")
        axes.axvspan(high, 180, color="C3", alpha=0.15, label="complementary")
        kinds = ("alike", "complementary", "constant")
        gone = ", ".join(f"{layer[kind]} {kind}" for kind in kinds if layer[kind])
        heading = f"{layer['layer']}: {layer['kept']} of {layer['units']} units stay"
        heading += f"\n(gone: {gone})" if gone else ""
        axes.set_title(heading, fontsize=9)
        axes.set_xlim(0, 180)
        axes.set_xticks(range(0, 181, 30))
        axes.set_xlabel("angle between two units (degrees)")
    grid[0].set_ylabel("pairs of units")
    grid[0].legend(fontsize=8)
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    save(figure, path)


def course(spans, index, kernel, title, path) -> None:
    """Draw the mean course for posed and genuine smiles, and what is made of it.

    Args:
        spans: `(n, spans)`, standardised means of consecutive seconds.
        index: one row per series: `video`, `label`.
        kernel: the regression's weight of each span.
        title, path: of the figure.
    """
    figure = Figure(figsize=(6.5, 5))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    seconds = np.arange(spans.shape[1]) + 0.5
    for label, name, colour in ((1, "genuine", "C1"), (0, "posed", "C0")):
        videos = index["video"].where(index["label"] == label)
        means = pd.DataFrame(spans).groupby(videos.to_numpy()).mean().to_numpy()
        mean, error = means.mean(axis=0), means.std(axis=0) / np.sqrt(len(means))
        above.plot(seconds, mean, color=colour, label=f"{name}, {len(means)} videos")
        band = mean - 2 * error, mean + 2 * error
        above.fill_between(seconds, *band, color=colour, alpha=0.2)
    above.set_ylabel("pupil (standard deviations\nof its series)")
    above.legend(fontsize=8, title="mean, two standard errors", title_fontsize=8)
    below.bar(seconds, kernel, width=0.8, color="grey")
    below.axhline(0, color="black", lw=0.6)
    below.set_ylabel("weight")
    below.set_xlabel("seconds")
    above.set_title(title, fontsize=10)
    figure.tight_layout()
    save(figure, path)
