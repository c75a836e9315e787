"""The SVM on the pixels of pictures (Christensen 2018, section 4.4.4)."""

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
from experiments.nvie import controls, svm_grid
from experiments.nvie.study import beside, inner_folds, predictions, read, serve
from zoo import heads

# Kernel values are dear with 27,648 pixels: room to compute each once, in MB.
CACHE_MB = 1000
PRODUCTS = "precomputed"
DEFAULT = {"kernel": "rbf", "C": 1.0, "gamma": 0.001}


def work(run: Run) -> Result:
    """Search, fit and evaluate the SVM, and the thesis's default beside it."""
    rounds, size = read(run), run.settings.size
    index = pd.concat(next(iter(rounds.values()))[part] for part in splits.PARTS)
    index = index.sort_index()  # every round has all rows
    pixels = read_pixels(index, size)
    products = svm_grid.gram(pixels)
    first, kept = next(iter(rounds)), None
    answers, tables = {}, {}
    for name, data in rounds.items():
        # Nothing stops early: the validation subjects are training subjects too.
        train = pd.concat([data["train"], data["validation"]]).sort_index()
        settings = [DEFAULT]
        if run.settings.search:
            table = search(run, train, products)
            tables[f"search{name and '-'}{name}.csv"] = table
            settings.insert(0, svm_grid.best(table))
        kept = kept or (train, settings[0])
        for number, setting in enumerate(settings):
            print(f"Fitting {name} {describe(setting)}".replace("  ", " "), flush=True)
            probability = decide(run, train, data["test"], products, setting)
            model = f"SVM with {describe(DEFAULT)}" if number else run.study.model
            table = predictions(run, data["test"], probability, model, name)
            answers.setdefault(number, []).append(table)

    def write_models(path):
        train, setting = kept
        head = fit(run, train, pixels[train.index], setting)
        name, known = heads.save(head, path).name, head.classes_.tolist()
        serve(run, train, path, model=None, head=name, known=known, size=size)
        of = f", of {first}" if first else ""
        return {name: f"the SVM on pixels in 0..1{of}: `zoo.heads.load`"}

    def draw(path):
        return [draw_search(run, table, path) for table in list(tables.values())[:1]]

    people, more = beside(run, rounds)
    answers = [*sum(answers.values(), []), *controls.answers(run, rounds), *people]
    table, more = pd.concat(answers, ignore_index=True), {"svm": kept[1], **more}
    writes = write_models if run.settings.control == "none" else None
    return Result(table, draw, writes, tables, more=more)


def read_pixels(index: pd.DataFrame, size: int) -> np.ndarray:
    """Read pictures as rows of `size * size * 3` values in 0..1, float32."""
    batches = tqdm(nvie.load(index, size, 32), desc="reading pictures", disable=None)
    pixels = np.concatenate([x.numpy().reshape(len(x), -1) for x, _ in batches])
    pixels /= 255.0
    return pixels


def search(run: Run, train: pd.DataFrame, products: np.ndarray) -> pd.DataFrame:
    """Search the grid on the training pictures with light from the front."""
    frontal = (train["illumination"] == "front").fillna(False).to_numpy(bool)
    chosen = train[frontal] if frontal.any() else train
    labels = chosen["class"].to_numpy()
    with user_errors(), contextlib.ExitStack() as cluster:
        folds = inner_folds(chosen, labels, run.settings.seed)
        if run.dask:
            from distributed import Client

            cluster.enter_context(Client(run.dask, timeout=5))
            cluster.enter_context(joblib.parallel_config("dask"))
        jobs, rows = run.jobs or -1, chosen.index
        return svm_grid.search(products[np.ix_(rows, rows)], labels, folds, n_jobs=jobs)


def decide(run: Run, train, test, products: np.ndarray, setting: dict) -> np.ndarray:
    """Return the test part's probabilities, `(n, classes)`, from products alone."""
    values = svm_grid.kernel(products, setting["kernel"], setting["gamma"])
    rows = train.index
    head = fit(run, train, values[np.ix_(rows, rows)], {**setting, "kernel": PRODUCTS})
    probability = np.zeros((len(test), len(run.spec.classes)))
    tested = values[np.ix_(test.index, rows)]
    probability[:, head.classes_] = head.predict_proba(tested)
    return probability


def fit(run: Run, train: pd.DataFrame, values: np.ndarray, setting: dict):
    """Fit an SVC, its probabilities calibrated in folds by subject."""
    labels = train["class"].to_numpy()
    with user_errors():
        folds = inner_folds(train, labels, run.settings.seed)
        svc = SVC(**setting, cache_size=CACHE_MB)
        return CalibratedClassifierCV(svc, ensemble=False, cv=folds).fit(values, labels)


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
