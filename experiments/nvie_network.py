"""The two networks on NVIE: options, training, the head that decides.

Christensen 2018, sections 4.4 and 5 (seeds/003); the options are those of Table 4.1.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf

import zoo
from datasets import nvie as dataset
from datasets import splits
from experiments import (
    common,
    evaluation,
    figures,
    fitting,
    mirrored,
    nvie,
    search_space,
)
from zoo import heads
from zoo.export import export
from zoo.layers import PreparePictures


def parser(study, doc):
    """The options of a study with a network."""
    result = nvie.add_task(common.parser(study, doc))
    result.add_argument(
        "--validate",
        action="store_true",
        default=None,
        help="measure the validation part, by which a training stops, instead of the "
        "test part: for choosing settings",
    )
    onoff = {"action": argparse.BooleanOptionalAction}
    count = {"type": common.positive, "metavar": "N"}
    rate = {"type": common.above_zero, "metavar": "X"}
    sources = "imagenet, none, or a file" if study.pretrained else "none, or a file"
    groups = {
        "network (Table 4.1 of the thesis)": [
            ("learning-rate", "of Adam, at the start", rate),
            (
                "dropout",
                "share of the features dropped, 0 to 1",
                {"type": common.share, "metavar": "X"},
            ),
            ("batch-size", "pictures a step", count),
            (
                "decay",
                "learning rate decay: it ends at rate / (1 + X), with 0 it stays",
                {"type": common.not_negative, "metavar": "X"},
            ),
            ("l2", f"weight penalty, {fitting.L2:g}", onoff),
            ("augment", "augmentation of the training pictures", onoff),
            (
                "activation",
                "of the classifier; with sigmoid the saved model gives a probability a "
                "class, which the report scales to sum to 1",
                {"choices": ["softmax", "sigmoid"]},
            ),
            (
                "train-layers",
                "0 all, 1 the classifier, 2 to 5 also down to Inception-C, "
                "Reduction-B, Inception-B, Reduction-A; or the name of one block, as "
                "Mixed_7b",
                {"type": mode, "metavar": "MODE"},
            ),
        ],
        "training": [
            ("size", "side of the pictures, in pixels", count),
            ("weights", f"to start from: {sources}", {"metavar": "WHICH"}),
            ("epochs", "at the most", count),
            (
                "patience",
                "epochs without a lower validation cross-entropy before it stops",
                count,
            ),
            (
                "head",
                "what decides: the network's own classifier, or an SVM or XGBoost on "
                "its features",
                {"choices": ["softmax", "svm", "xgboost"]},
            ),
            (
                "strategy",
                "mirrored: on all GPUs of this machine, which share the pictures of a "
                "step",
                {"choices": ["none", "mirrored"]},
            ),
        ],
    }
    for title, options in groups.items():
        group = result.add_argument_group(title)
        for name, text, kind in options:
            default = study.default(name.replace("-", "_"))
            group.add_argument(f"--{name}", help=f"{text} {default}", **kind)
    return result


def mode(text):
    return int(text) if text.isdigit() else text


def work(run):
    """Trains and evaluates a network; see `common.main`."""
    settings, path = run.settings, run.folder.path
    keras.utils.set_random_seed(settings["seed"])
    tf.config.experimental.enable_op_determinism()
    with common.user_errors():
        model = build(run.study, settings)
    data = nvie.read(run)
    history = train(model, settings, data, run.folder)
    probability, head = decide(model, settings, data)
    draw_curves(run, history, probability.shape[1])

    drawn = ["loss.png", "accuracy.png"]
    if settings.get("validate"):
        return nvie.conclude(run, data, probability, ["history.csv", "logs/"], drawn)
    print("Writing the model", flush=True)
    # A model that was never compiled: the optimiser's state is twice the weights' size.
    keras.Model(model.input, model.output, name=model.name).save(path / "model.keras")
    export(model, path / "saved_model", input_dtype="uint8")
    files = ["history.csv", "model.keras", "saved_model/", "logs/"]
    part = {"model": "model.keras", "head": None}
    if head is not None:
        files.append(heads.save(head, path).name)
        known = np.unique(data.part("train")[1])
        part |= {"head": files[-1], "known": known.tolist()}
    nvie.serve(run, data, part)
    return nvie.conclude(run, data, probability, files, drawn)


def build(study, settings):
    """The network, taking pictures of any size with values in 0..255."""
    weights = settings["weights"]
    pictures = keras.Input((None, None, 3), name="pictures")
    model = getattr(zoo, study.builder)(
        input_tensor=PreparePictures(settings["size"], name="prepare")(pictures),
        weights=None if weights == "none" else weights,
        classes=len(dataset.CLASS_NAMES[settings["task"]]),
        classifier_activation=settings["activation"],
        dropout=settings["dropout"],
    )
    return zoo.train_layers(model, settings["train_layers"])


def train(model, settings, data, folder, cached=True, report=None):
    """Trains the network; returns the history.

    Args:
        model: the network, uncompiled, its trainable layers chosen.
        settings: the study's settings.
        data: the `nvie.Pictures`.
        folder: the `RunFolder`.
        cached: whether a frozen trunk runs once instead of in every epoch; with
            augmentation it cannot.
        report: see `fitting.fit`.
    """
    classes = model.output.shape[-1]
    shared = {key: settings[key] for key in ("size", "batch_size", "task", "seed")}

    def pictures(part, **arguments):
        batches = dataset.load(data.part(part)[0], **shared, **arguments)
        return batches.map(lambda x, y: (x, tf.one_hot(y, classes)))

    def batches(epoch):
        return pictures("train", augment=settings["augment"], shuffle=True, epoch=epoch)

    trained, validation = model, pictures("validation")
    reusable = cached and not settings["augment"]
    halves = fitting.split_frozen(model) if reusable else None
    if halves is not None:
        trunk, trained = halves
        outputs = {
            part: fitting.cache(
                trunk, pictures(part), len(data.parts[part]), folder.work, part
            )
            for part in ("train", "validation")
        }
        size, seed = settings["batch_size"], settings["seed"]

        def batches(epoch):
            return fitting.cached_batches(outputs["train"], size, True, seed, epoch)

        validation = fitting.cached_batches(outputs["validation"], size)

    with common.user_errors():
        batches(0)  # says now, and not in the middle, that imgaug is missing
    steps = -(-len(data.parts["train"]) // settings["batch_size"]) * settings["epochs"]
    rate = {k: settings[k] for k in ("learning_rate", "decay", "l2", "activation")}
    limits = {key: settings[key] for key in ("epochs", "patience", "seed")}
    count = len(data.parts["validation"])
    with mirrored.devices(trained, batches, validation, count, settings) as several:
        trained, batches, validation = several
        fitting.compile_model(trained, steps=steps, **rate)
        mirrored.ready(trained, validation)
        return fitting.fit(
            trained, batches, validation, folder=folder, report=report, **limits
        )


def decide(model, settings, data):
    """Probabilities for the measured part, and the head that gave them.

    Returns:
        `(probability, head)`: `(n, classes)` with rows that sum to 1; `None` for the
        network's own classifier.
    """
    shared = {key: settings[key] for key in ("size", "batch_size", "task")}

    def run(network, part):
        pictures = dataset.load(data.part(part)[0], **shared)
        return network.predict(pictures, verbose=0).astype(np.float64)

    measured = nvie.measured_part(settings)
    if settings["head"] == "softmax":
        return normalised(run(model, measured)), None
    extractor = zoo.feature_extractor(model)
    index, labels = data.part("train")
    # Boosted trees want the classes that occur as 0, 1, 2 ...
    known, truth = np.unique(labels, return_inverse=True)
    features = run(extractor, "train")
    with common.user_errors():
        head = make_head(settings, index, truth).fit(features, truth)
    probability = np.zeros((len(data.parts[measured]), model.output.shape[-1]))
    probability[:, known] = head.predict_proba(run(extractor, measured))
    return normalised(probability), head


def normalised(probability):
    """Rows that sum to 1; those of a sigmoid, or in single precision, need not."""
    probability = np.maximum(probability, 1e-12)
    return probability / probability.sum(axis=1, keepdims=True)


def make_head(settings, index, truth):
    if settings["head"] == "xgboost":
        return heads.xgboost(seed=settings["seed"])
    # The calibration, too, must not see the subjects it is checked on.
    return heads.svm(calibration=splits.kfold(index, truth, seed=settings["seed"]))


def draw_curves(run, history, classes):
    guess = np.log(classes if run.settings["activation"] == "softmax" else 2)
    for column, line, name in [
        ("cross_entropy", guess, "loss"),
        ("accuracy", 1 / classes, "accuracy"),
    ]:
        title = f"{name.capitalize()}\n{nvie.title(run)}"
        path = run.folder.path / f"{name}.png"
        figures.curves(history, column, line, title, path)


def space(inception=False):
    """Table 4.1 of the thesis; the rows of Inception V4 are its own (section 4.4.3)."""
    found = {
        "learning_rate": search_space.log(1e-6, 1e-3),
        "dropout": search_space.even(0.0, 1.0, 0.1),
        "batch_size": search_space.one_of(8, 16, 32, 64),
        "decay": search_space.one_of(0, 2, 4, 8, 10),
        "l2": search_space.onoff(),
        "augment": search_space.onoff(),
    }
    if inception:
        found["activation"] = search_space.one_of("softmax", "sigmoid")
        found["train_layers"] = search_space.one_of(0, 1, 2, 3, 4, 5)
    return found


def trials(run):
    """Reads the data once; see `search_space.Validation`."""
    if run.settings["protocol"] != "subject":
        raise common.StudyError(
            "A search validates on people who were not trained on: --protocol image "
            "has none. Use --protocol subject."
        )
    if run.settings["head"] != "softmax":
        raise common.StudyError(
            "A search goes by the network's own classifier from its first epoch on; "
            f"--head {run.settings['head']} is there at the end only. Use --head "
            "softmax, its default, and train the head with what was found."
        )
    tf.config.experimental.enable_op_determinism()
    data = nvie.read(run)

    def measure(run, report):
        settings = run.settings
        keras.backend.clear_session()
        keras.utils.set_random_seed(settings["seed"])
        with common.user_errors():
            model = build(run.study, settings)
        train(model, settings, data, run.folder, report=report)
        probability, _ = decide(model, settings, data)
        index, labels = data.part(nvie.measured_part(settings))
        return evaluation.evaluate(labels, probability, index["subject"])

    return measure


TRIAL = search_space.Validation(
    trials,
    "Validated on the validation part of the hold-out by subject: people who are in "
    "neither the training nor the test part. By the same pictures a training stops, "
    "here as in the study. The test part was not looked at.",
    "Its test part is new to all that was chosen here.",
    {"validate": True, "head": "softmax"},
)
