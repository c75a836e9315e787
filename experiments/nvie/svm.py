"""The SVM on the pixels of NVIE's pictures (Christensen 2018, section 4.4.4)."""

import contextlib
import dataclasses
import pathlib

import joblib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC
from tqdm import tqdm

from datasets import splits
from datasets.nvie import load
from experiments.harness import figures, report
from experiments.harness.study import Result, Run, user_errors
from experiments.nvie import svm_grid
from experiments.nvie.study import Pictures, predictions, read, serve
from zoo import heads

# Kernel values are dear with 27,648 pixels: room to compute each once, in MB.
CACHE_MB = 1000
DEFAULT = {"kernel": "rbf", "C": 1.0, "gamma": 0.001}


def work(run: Run) -> Result:
    """Search, fit and evaluate the SVM."""
    data = read(run)
    # Nothing here stops early: the validation subjects are training subjects too.
    rows = np.sort(np.concatenate([data.parts["train"], data.parts["validation"]]))
    data = dataclasses.replace(data, parts={"train": rows, "test": data.parts["test"]})
    size = run.settings.size
    pixels = {part: read_pixels(data.part(part)[0], size) for part in data.parts}
    if not run.settings.search:
        answers, head = answer(run, data, pixels, DEFAULT)
        return Result(answers, None, writer(run, data, head), more={"svm": DEFAULT})
    results = search(run, data, pixels["train"])
    best = svm_grid.best(results)
    answers, head = answer(run, data, pixels, best)
    default, _ = answer(run, data, pixels, DEFAULT, f"SVM with {describe(DEFAULT)}")
    return Result(
        pd.concat([answers, default]),
        lambda path: draw(results, f"Search\n{report.title(run)}", path),
        writer(run, data, head),
        tables={"search.csv": results},
        more={"svm": best},
    )


def read_pixels(index: pd.DataFrame, size: int) -> np.ndarray:
    """Read pictures as rows of `size * size * 3` values in 0..1, float32."""
    pixels, start = np.empty((len(index), size * size * 3), np.float32), 0
    with tqdm(total=len(index), desc="reading pictures", disable=None) as bar:
        for pictures, _ in load(index, size, batch_size=32):
            stop = start + len(pictures)
            pixels[start:stop] = pictures.numpy().reshape(len(pictures), -1) / 255.0
            bar.update(stop - start)
            start = stop
    return pixels


def search(run: Run, data: Pictures, pixels: np.ndarray) -> pd.DataFrame:
    """Search the grid on the training pictures with light from the front."""
    index, labels = data.part("train")
    frontal = np.flatnonzero((index["illumination"] == "front").fillna(False))
    rows = frontal if len(frontal) else np.arange(len(index))
    with user_errors(), cluster(run.dask):
        folds = splits.kfold(index.iloc[rows], labels[rows], seed=run.settings.seed)
        jobs = run.jobs or -1
        return svm_grid.search(pixels[rows], labels[rows], folds, n_jobs=jobs)


@contextlib.contextmanager
def cluster(address: str | None):
    """Let joblib compute on a Dask cluster, where there is one."""
    if address is None:
        yield
        return
    from distributed import Client

    with Client(address, timeout=5), joblib.parallel_config("dask"):
        yield


def answer(run: Run, data: Pictures, pixels: dict, setting: dict, model: str = ""):
    """Fit an SVC, its probabilities calibrated in folds by subject.

    Returns:
        `(predictions, head)`.
    """
    print(f"Fitting {describe(setting)}", flush=True)
    index, labels = data.part("train")
    with user_errors():
        folds = splits.kfold(index, labels, seed=run.settings.seed)
        svc = SVC(**setting, cache_size=CACHE_MB)
        head = CalibratedClassifierCV(svc, ensemble=False, cv=folds)
        head.fit(pixels["train"], labels)
    probability = np.zeros((len(pixels["test"]), len(run.spec.classes)))
    probability[:, head.classes_] = head.predict_proba(pixels["test"])
    return predictions(run, data, probability, model), head


def describe(setting: dict) -> str:
    """Name kernel, C and gamma; a linear kernel has no gamma."""
    text = f"{setting['kernel']}, C {setting['C']:g}"
    linear = setting["kernel"] == "linear"
    return text if linear else f"{text}, gamma {setting['gamma']:g}"


def writer(run: Run, data: Pictures, head: CalibratedClassifierCV):
    """Return the function that writes the head, and what serving needs to know."""

    def write_models(path):
        name = heads.save(head, path).name
        known, size = head.classes_.tolist(), run.settings.size
        serve(run, data, path, model=None, head=name, known=known, size=size)
        return {name: "the SVM on pixels in 0..1: `zoo.heads.load`"}

    return write_models


def draw(results: pd.DataFrame, title: str, path: pathlib.Path) -> list[str]:
    """Draw the mean accuracy over the folds for every kernel, C and gamma."""
    kernels = list(results.groupby("kernel", sort=False))
    figure = Figure(figsize=(4.3 * len(kernels), 3.6))
    low, high = results["mean_accuracy"].min(), results["mean_accuracy"].max()
    grid = figure.subplots(1, len(kernels), squeeze=False).ravel()
    for axes, (kernel, part) in zip(grid, kernels, strict=True):
        table = part.pivot(index="C", columns="gamma", values="mean_accuracy")
        axes.imshow(table, cmap="viridis", vmin=low, vmax=high, origin="lower")
        for row, column in np.ndindex(table.shape):
            value = table.iat[row, column]
            colour = "white" if value < (low + high) / 2 else "black"
            style = {"ha": "center", "va": "center", "color": colour, "size": 7}
            axes.text(column, row, f"{value:.2f}".lstrip("0"), **style)
        columns = [f"{gamma:g}" for gamma in table.columns]
        axes.set_xticks(range(len(columns)), columns, size=7)
        axes.set_yticks(range(len(table)), [f"{C:g}" for C in table.index], size=7)
        axes.set_xlabel("gamma")
        axes.set_ylabel("C")
        axes.set_title(kernel, fontsize=9)
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    figures.save(figure, path / "search.png")
    return ["search.png"]
