"""The bootstrap: 95 % intervals that allow for other people, or other videos."""

import numpy as np
import pandas as pd

RESAMPLES = 2000
# Fewer people than this say nothing of how much people differ.
LEAST_SUBJECTS = 5


def drawn_weights(
    table: pd.DataFrame, columns: tuple[str, ...], seed: int = 0
) -> np.ndarray:
    """Draw whole people, and whatever else samples have in common, anew.

    Samples of one person are alike, and so are those of one video: resampling samples
    would promise too much. Each column is resampled independently, and a sample counts
    as often as the product of its own draws (Owen 2007, "The pigeonhole bootstrap",
    Annals of Applied Statistics 1(2)). With one column this is the cluster bootstrap.
    With fewer than about twenty people its intervals are too narrow.

    Args:
        table: one row per sample, with the columns.
        columns: names of what is drawn anew, such as `("subject", "video")`.
        seed: of the resampling.

    Returns:
        How often each sample counts in each resample, `(RESAMPLES, len(table))`.
    """
    rng = np.random.default_rng(seed)
    weights = np.ones((RESAMPLES, len(table)))
    for column in columns:
        codes, names = pd.factorize(table[column])
        equal = np.full(len(names), 1 / len(names))
        weights *= rng.multinomial(len(names), equal, RESAMPLES)[:, codes]
    return weights


def percentiles(values: np.ndarray) -> list[float] | None:
    """The 95 % interval of resampled values; those that are undefined are left out."""
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    return [float(bound) for bound in np.percentile(values, [2.5, 97.5])]
