"""The SVM on the pixels of NVIE's pictures (Christensen 2018, section 4.4.4)."""

import contextlib
import pathlib

import joblib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC
from tqdm import tqdm

from datasets import nvie, splits
from experiments.harness import figures, report
from experiments.harness.study import Result, Run, user_errors
from experiments.nvie import svm_grid
from experiments.nvie.study import predictions, read, serve
from zoo import heads

# Kernel values are dear with 27,648 pixels: room to compute each once, in MB.
CACHE_MB = 1000
DEFAULT = {"kernel": "rbf", "C": 1.0, "gamma": 0.001}


def work(run: Run) -> Result:
    """Search, fit and evaluate the SVM, and the thesis's default beside it."""
    data, size = read(run), run.settings.size
    # Nothing here stops early: the validation subjects are training subjects too.
    train = pd.concat([data["train"], data["validation"]]).sort_index()
    pixels, tested = (read_pixels(x, size) for x in (train, data["test"]))
    settings, tables = [DEFAULT], {}
    if run.settings.search:
        tables["search.csv"] = search(run, train, pixels)
        settings.insert(0, svm_grid.best(tables["search.csv"]))
    answers, fitted = [], []
    for setting in settings:
        print(f"Fitting {describe(setting)}", flush=True)
        head = fit(run, train, pixels, setting)
        probability = np.zeros((len(tested), len(run.spec.classes)))
        probability[:, head.classes_] = head.predict_proba(tested)
        model = f"SVM with {describe(setting)}" if answers else run.study.model
        answers.append(predictions(run, data["test"], probability, model))
        fitted.append(head)

    def write_models(path):
        name, known = heads.save(fitted[0], path).name, fitted[0].classes_.tolist()
        serve(run, train, path, model=None, head=name, known=known, size=size)
        return {name: "the SVM on pixels in 0..1: `zoo.heads.load`"}

    def draw(path):
        return [draw_search(run, table, path) for table in tables.values()]

    table = pd.concat(answers)
    return Result(table, draw, write_models, tables, more={"svm": settings[0]})


def read_pixels(index: pd.DataFrame, size: int) -> np.ndarray:
    """Read pictures as rows of `size * size * 3` values in 0..1, float32."""
    batches = tqdm(nvie.load(index, size, 32), desc="reading pictures", disable=None)
    pixels = np.concatenate([x.numpy().reshape(len(x), -1) for x, _ in batches])
    pixels /= 255.0
    return pixels


def search(run: Run, train: pd.DataFrame, pixels: np.ndarray) -> pd.DataFrame:
    """Search the grid on the training pictures with light from the front."""
    frontal = np.flatnonzero((train["illumination"] == "front").fillna(False))
    rows = frontal if len(frontal) else np.arange(len(train))
    labels = train["class"].to_numpy()[rows]
    with user_errors(), contextlib.ExitStack() as cluster:
        folds = splits.kfold(train.iloc[rows], labels, seed=run.settings.seed)
        if run.dask:
            from distributed import Client

            cluster.enter_context(Client(run.dask, timeout=5))
            cluster.enter_context(joblib.parallel_config("dask"))
        jobs = run.jobs or -1
        return svm_grid.search(pixels[rows], labels, folds, n_jobs=jobs)


def fit(run: Run, train: pd.DataFrame, pixels: np.ndarray, setting: dict):
    """Fit an SVC, its probabilities calibrated in folds by subject."""
    labels = train["class"].to_numpy()
    with user_errors():
        folds = splits.kfold(train, labels, seed=run.settings.seed)
        svc = SVC(**setting, cache_size=CACHE_MB)
        return CalibratedClassifierCV(svc, ensemble=False, cv=folds).fit(pixels, labels)


def describe(setting: dict) -> str:
    """Name kernel, C and gamma; a linear kernel has no gamma."""
    text = f"{setting['kernel']}, C {setting['C']:g}"
    linear = setting["kernel"] == "linear"
    return text if linear else f"{text}, gamma {setting['gamma']:g}"


def draw_search(run: Run, results: pd.DataFrame, path: pathlib.Path) -> str:
    """Draw the mean accuracy over the folds for every kernel, C and gamma."""
    figure = Figure(figsize=(13, 3.6), layout="constrained")
    low, high = results["mean_accuracy"].min(), results["mean_accuracy"].max()
    kernels = results.groupby("kernel", sort=False)
    for axes, (kernel, part) in zip(figure.subplots(1, 3), kernels, strict=True):
        table = part.pivot(index="C", columns="gamma", values="mean_accuracy")
        image = axes.imshow(table, vmin=low, vmax=high, origin="lower")
        for (row, column), value in np.ndenumerate(table):
            colour = "white" if value < (low + high) / 2 else "black"
            style = {"ha": "center", "va": "center", "color": colour, "size": 7}
            axes.text(column, row, f"{value:.2f}".lstrip("0"), **style)
        axes.set_xticks(range(table.shape[1]), [f"{g:g}" for g in table], size=7)
        axes.set_yticks(range(len(table)), [f"{C:g}" for C in table.index], size=7)
        axes.set(title=kernel, xlabel="gamma", ylabel="C")
    figure.colorbar(image, ax=figure.axes, label="mean accuracy over 5 folds")
    figure.suptitle(f"Search\n{report.title(run)}", fontsize=10)
    figures.save(figure, path / "search.png")
    return "search.png"
