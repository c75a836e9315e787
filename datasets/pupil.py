"""Pupils of smile observers: workbooks -> index -> diameters, splits, `tf.data`.

Asian observers watched videos of real and of fake smiles while their pupils were
recorded; can their pupils tell which smile it was? The data are those of
Gong (Hossain et al. 2016): a workbook an eye, a sheet a video, a column an observer.

Our readings of what the paper leaves open, beside those of `zoo.inputs.pupil_files`:
observer p3, who is not Asian, is left out, as by the paper; so are series without any
sample, and viewings in which the eyes were recorded at different rates, which is taken
to be so where one eye's series is more than 1.5 times as long as the other's.
"""

import os

import numpy as np
import pandas as pd

from datasets import pipeline
from datasets.pupil_splits import PROTOCOLS, protocol
from zoo.inputs import pupil_files as files
from zoo.inputs.pupil_files import FAKE, REAL, VIDEOS, WORKBOOKS

__all__ = [
    "FAKE",
    "PROTOCOLS",
    "REAL",
    "VIDEOS",
    "diameters",
    "index",
    "load",
    "protocol",
    "summary",
]

pd.set_option("mode.string_storage", "python")  # see datasets.nvie
_COLUMNS = ["observer", "video", "eye", "label", "n_samples", "share_missing", "path"]
_NOT_ASIAN = "p3"
_RATES = 1.5  # how many times as long one eye's series may be
_LONG = 1.8  # times the median, from where a series is worth a look
_REASONS = {
    "not_asian": "not one of the paper's Asian observers",
    "no_sample": "without any sample",
    "different_rates": f"lengths of the two eyes differ by a factor above {_RATES}",
}


def index(data_dir: str | os.PathLike) -> pd.DataFrame:
    """Lists the series of the two workbooks; every cell is read and checked.

    Args:
        data_dir: The folder with `LEPD.xlsx` and `REPD.xlsx`, or the one around it.

    Returns:
        One row a series, by eye, video and observer: `observer` (such as "p2"),
        `video` (the sheet: one of `VIDEOS`, in that order), `eye` ("left", "right"),
        `label` (1: real smile), `n_samples` (up to its last cell that is not empty),
        `share_missing` (of them, 0 to 1), `path` (the workbook). `attrs["report"]`
        holds `excluded` (reason, "not_asian", "no_sample" or "different_rates" ->
        names of series, such as "p3 L1 left"), `absent` (names of series that an
        observer of other ones does not have) and `ignored_sheets` (names).

    Raises:
        FileNotFoundError: There is no such folder, or not both workbooks in it.
        ValueError: A workbook is not as expected (the message names sheet and cell),
            or no series of it is left.
        ModuleNotFoundError: python-calamine is not installed.
    """
    rows, ignored = [], []
    for eye, path in files.find(data_dir).items():
        book = files.read(path)
        ignored += [f"{path.name}: {name}" for name in book.ignored]
        for video, by_observer in book.series.items():
            for observer, samples in by_observer.items():
                count = len(samples)
                missing = np.isnan(samples).mean() if count else 1.0
                label = int(video in REAL)
                rows.append([observer, video, eye, label, count, missing, str(path)])
    table = pd.DataFrame(rows, columns=_COLUMNS)
    names = table["observer"] + " " + table["video"] + " " + table["eye"]
    reasons = _reasons(table)
    result = table[reasons == ""].reset_index(drop=True)
    if result.empty:
        told = ", ".join(
            f"{n} {_REASONS[r]}" for r, n in reasons.value_counts().items()
        )
        raise ValueError(
            f"The workbooks in {path.parent} have {len(table)} series, but none that "
            f"can be used: {told}."
        )
    observers = table["observer"].drop_duplicates()
    observers = observers[observers != _NOT_ASIAN]
    every = [f"{o} {v} {e}" for e in WORKBOOKS for v in VIDEOS for o in observers]
    result.attrs["report"] = {
        "excluded": {reason: names[reasons == reason].tolist() for reason in _REASONS},
        "absent": [name for name in every if name not in set(names)],
        "ignored_sheets": ignored,
    }
    return result


def _reasons(table: pd.DataFrame) -> pd.Series:
    """Why each series is excluded; empty where it is not."""
    reasons = pd.Series("", table.index)
    reasons[table["share_missing"] == 1] = "no_sample"
    reasons[table["observer"] == _NOT_ASIAN] = "not_asian"
    viewings = table[reasons == ""].groupby(["observer", "video"])["n_samples"]
    ratios = viewings.transform("max") / viewings.transform("min")
    reasons[ratios.index[ratios > _RATES]] = "different_rates"
    return reasons


def summary(index: pd.DataFrame) -> str:
    """A few lines on an index: what it holds, what was excluded and what is absent."""
    real, counts = int(index["label"].sum()), index["n_samples"]
    missing = (index["share_missing"] * counts).sum() / max(counts.sum(), 1)
    lines = [
        f"{len(index)} series, {real} of real and {len(index) - real} of fake smiles: "
        f"{index['observer'].nunique()} observers, {index['video'].nunique()} videos, "
        f"{' and '.join(index['eye'].unique())} eyes"
    ]
    if len(index):
        lines.append(
            f"{counts.min()} to {counts.max()} samples, median {counts.median():.0f}; "
            f"{missing:.1%} of them missing, {index['share_missing'].max():.0%} in the "
            "worst series"
        )
        long = index[counts > _LONG * counts.median()]
        if len(long):
            names = (
                long["observer"] + " " + long["video"] + " " + long["eye"]
            ).tolist()
            lines.append(
                f"worth a look: {len(long)} series more than {_LONG} times as long as "
                f"the median, for longer or at another rate: {', '.join(names)}"
            )
    report = index.attrs.get("report", {})
    for reason, names in report.get("excluded", {}).items():
        if names:
            lines.append(f"excluded, {_REASONS[reason]}: {_listed(names)}")
    for what in ("absent", "ignored_sheets"):
        if names := report.get(what):
            lines.append(f"{what.replace('_', ' ')}: {_listed(names)}")
    return "\n".join(lines)


def _listed(names: list[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{len(names)} ({', '.join(names[:most])}{more})"


def diameters(index: pd.DataFrame) -> np.ndarray:
    """The diameters of an index's series, as they were recorded.

    Args:
        index: Rows as `index` gives them, in any order.

    Returns:
        float32 (rows, largest `n_samples` of these rows), in the workbooks' unit: NaN
        where a sample is missing, 0 after the end of a series.

    Raises:
        ValueError, OSError: A workbook has changed since it was indexed.
    """
    books = {path: files.read(path).series for path in index["path"].unique()}
    result = np.zeros((len(index), index["n_samples"].max() if len(index) else 0), "f4")
    columns = (index[name] for name in ("path", "video", "observer", "n_samples"))
    for row, (path, video, observer, count) in enumerate(zip(*columns, strict=True)):
        samples = books[path][video].get(observer, ())
        if len(samples) != count:
            raise ValueError(
                f"Expected {count} samples of {observer} in {path}, sheet {video}, "
                f"received {len(samples)}. Index the data anew."
            )
        result[row, :count] = samples
    return result


def load(index: pd.DataFrame, batch_size: int, seed: int = 0, **order):
    """Batch the series of an index.

    Args:
        index: Rows as `index` gives them, in any order.
        batch_size, seed, order: See `datasets.pipeline.batches`.

    Returns:
        A `tf.data.Dataset` of `(diameters, labels)`: float32 (batch, longest), as
        `diameters` gives them; int32 (batch,).
    """
    values, labels = diameters(index), index["label"].to_numpy(np.int32)
    return pipeline.from_arrays(values, labels, batch_size, seed, **order)
