"""The SVM on pixels: the thesis's baseline, with the whole of its search.

Paper     Christensen, "Differentiating Between Spontaneous and Posed Facial Expression
          using Inception V4", University of Agder, 2018, section 4.4.4 (seeds/003)
Command   python -m experiments.nvie_svm --data-dir NVIE
Expected  the thesis reports an accuracy of 52.0 % with its default (C 1, gamma 0.001,
          which answers "posed" always) and 53.8 % after the search (2 classes), 17.2 %
          (12), on a split by picture. Not reproduced: the data are under an agreement.
Time      on the sample about 1 minute on 2 CPU cores.

The thesis drew 70 of the 126 settings at random because the grid took weeks. Every
kernel of the grid comes from one Gram matrix, so the whole grid is run, as there on
pictures with light from the front, in five folds by subject within the training part.

Read so, where the thesis is silent: pixels are scaled to 0..1. On 0..255 the default's
kernel is the identity matrix, and its answer constant, as in Table 4.4. Decisions are
those of the calibrated probabilities.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.nvie_svm")

import argparse
import dataclasses

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC
from tqdm import tqdm

from datasets import splits
from datasets.nvie import CLASS_NAMES, load
from experiments import common, evaluation, figures, kernel_search, nvie, parts
from zoo import heads

# Kernel values are dear with 27,648 pixels: room to compute each once, in MB.
CACHE_MB = 1000
DEFAULT = {"kernel": "rbf", "C": 1.0, "gamma": 0.001}

STUDY = common.Study(
    name="nvie_svm",
    model="SVM on pixels",
    dataset="nvie",
    paper=nvie.PAPER,
    reported={"spontaneous": 0.538, "emotion": 0.172},
    defaults={"search": True, "size": 96},
    paper_protocol="image",
    quick={"search": False, "size": 32},
)


def parser():
    result = nvie.add_task(common.parser(STUDY, __doc__))
    parts.add_options(result, what="fits done at once, in threads")
    group = result.add_argument_group("SVM")
    group.add_argument(
        "--search",
        action=argparse.BooleanOptionalAction,
        help="search all 126 settings of the thesis's grid; without, its default only "
        + STUDY.default("search"),
    )
    group.add_argument(
        "--size",
        type=common.positive,
        metavar="N",
        help=f"side of the pictures, in pixels {STUDY.default('size')}",
    )
    return result


def work(run):
    """Searches, fits and evaluates the SVM; see `common.main`."""
    seed, path = run.settings["seed"], run.folder.path
    data = nvie.read(run)
    # Nothing here stops early: the validation subjects are training subjects too.
    rows = np.sort(np.concatenate([data.parts["train"], data.parts["validation"]]))
    data = dataclasses.replace(data, parts={"train": rows, "test": data.parts["test"]})
    index, labels = data.part("train")
    pixels = {part: read_pixels(data.part(part)[0], run) for part in data.parts}
    with common.user_errors():
        folds = splits.kfold(index, labels, seed=seed)

    def predict(setting):
        print(f"Fitting {describe(setting)}", flush=True)
        with common.user_errors():
            head = fit(setting, pixels["train"], labels, folds)
        classes = len(CLASS_NAMES[run.settings["task"]])
        probability = np.zeros((len(data.parts["test"]), classes))
        probability[:, head.classes_] = head.predict_proba(pixels["test"])
        return probability, head

    chosen, files, drawn, others, more = DEFAULT, [], [], [], {}
    if run.settings["search"]:
        results = search(index, labels, pixels["train"], seed, run.spread)
        results.to_csv(path / "search.csv", index=False)
        title = f"Search, mean accuracy over 5 folds\n{nvie.title(run)}"
        figures.search(results, title, path / "search.png")
        files, drawn = ["search.csv"], ["search.png"]
        chosen = kernel_search.best(results)
        tested, truth = data.part("test")
        more["default_svm"] = evaluation.evaluate(
            truth, predict(DEFAULT)[0], tested["subject"]
        )
        others = [(f"with {describe(DEFAULT)}", more["default_svm"])]
    probability, head = predict(chosen)
    files.append(heads.save(head, path).name)
    part = {"model": None, "head": files[-1], "known": head.classes_.tolist()}
    nvie.serve(run, data, {**part, "size": run.settings["size"]})
    return nvie.conclude(
        run, data, probability, files, drawn, others, svm=chosen, **more
    )


def describe(setting):
    """Kernel, C and gamma; a linear kernel has no gamma."""
    linear = setting["kernel"] == "linear"
    shown = {k: v for k, v in setting.items() if not (linear and k == "gamma")}
    return ", ".join(
        f"{name} {value:g}" if name != "kernel" else value
        for name, value in shown.items()
    )


def read_pixels(index, run):
    """All pictures as rows of `size * size * 3` values in 0..1, float32."""
    size = run.settings["size"]
    pixels = np.empty((len(index), size * size * 3), np.float32)
    start = 0
    with tqdm(total=len(index), desc="reading pictures", disable=None) as bar:
        for pictures, _ in load(index, size, batch_size=32):
            stop = start + len(pictures)
            pixels[start:stop] = pictures.numpy().reshape(len(pictures), -1) / 255.0
            bar.update(stop - start)
            start = stop
    return pixels


def search(index, labels, pixels, seed, spread):
    """The grid on the training pictures with light from the front."""
    frontal = np.flatnonzero((index["illumination"] == "front").fillna(False))
    rows = frontal if len(frontal) else np.arange(len(index))
    with common.user_errors():
        folds = splits.kfold(index.iloc[rows], labels[rows], seed=seed)
        return kernel_search.search(
            pixels[rows], labels[rows], folds, n_jobs=spread.jobs or -1, spread=spread
        )


def fit(setting, pixels, labels, folds):
    """An SVC on pixels, its probabilities calibrated in folds by subject."""
    svc = SVC(**setting, cache_size=CACHE_MB)
    head = CalibratedClassifierCV(svc, ensemble=False, cv=folds)
    return head.fit(pixels, labels)


def main(argv=None):
    return common.main(STUDY, parser(), work, argv)


if __name__ == "__main__":
    main()
