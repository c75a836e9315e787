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
from experiments import common, figures, fitting, nvie, report
from zoo import heads
from zoo.export import export
from zoo.layers import PreparePictures


def parser(study, doc):
    """The options of a study with a network."""
    result = nvie.add_task(common.parser(study, doc))
    network = result.add_argument_group("network (Table 4.1 of the thesis)")
    training = result.add_argument_group("training")

    def add(group, name, text, **options):
        default = study.default(name.replace("-", "_"))
        group.add_argument(f"--{name}", help=f"{text} {default}", **options)

    onoff = {"action": argparse.BooleanOptionalAction}
    count = {"type": common.positive, "metavar": "N"}
    add(
        network,
        "learning-rate",
        "of Adam, at the start",
        type=common.above_zero,
        metavar="X",
    )
    add(
        network,
        "dropout",
        "share of the features dropped, 0 to 1",
        type=common.share,
        metavar="X",
    )
    add(network, "batch-size", "pictures a step", **count)
    add(
        network,
        "decay",
        "learning rate decay: it ends at rate / (1 + X), with 0 it stays",
        type=common.not_negative,
        metavar="X",
    )
    add(network, "l2", f"weight penalty, {fitting.L2:g}", **onoff)
    add(network, "augment", "augmentation of the training pictures", **onoff)
    add(
        network,
        "activation",
        "of the classifier",
        choices=["softmax", "sigmoid"],
    )
    add(
        network,
        "train-layers",
        "0 all, 1 the classifier, 2 to 5 also down to Inception-C, Reduction-B, "
        "Inception-B, Reduction-A; or the name of one block, as Mixed_7b",
        type=mode,
        metavar="MODE",
    )
    add(training, "size", "side of the pictures, in pixels", **count)
    add(
        training,
        "weights",
        "to start from: imagenet, none, or a file",
        metavar="WHICH",
    )
    add(training, "epochs", "at the most", **count)
    add(
        training,
        "patience",
        "epochs without a lower validation cross-entropy before it stops",
        **count,
    )
    add(
        training,
        "head",
        "what decides: the network's own classifier, or an SVM or XGBoost on its "
        "features",
        choices=["softmax", "svm", "xgboost"],
    )
    return result


def mode(text):
    return int(text) if text.isdigit() else text


def run(study, settings, folder, data_dir, kind):
    """Trains and evaluates a network; see `common.main`."""
    keras.utils.set_random_seed(settings["seed"])
    tf.config.experimental.enable_op_determinism()
    index, labels, parts, facts = nvie.read(settings, folder, data_dir)
    folder.write_config(study.name, settings, {"kind": kind, **facts})
    with common.user_errors():
        model = build(study, settings)
    history = train(model, settings, index, parts, folder)
    probability, head = decide(model, settings, index, labels, parts)
    draw_curves(study, settings, kind, history, probability.shape[1], folder)

    print("Writing the model", flush=True)
    model.save(folder.path / "model.keras")
    export(model, folder.path / "saved_model", input_dtype="uint8")
    files = ["history.csv", "model.keras", "saved_model/", "logs/"]
    if head is not None:
        files.append(heads.save(head, folder.path).name)
    test = parts["test"]
    return nvie.conclude(
        study,
        settings,
        folder,
        kind,
        facts,
        (index.iloc[test], labels[test]),
        probability,
        files,
        curves=["loss.png", "accuracy.png"],
    )


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


def train(model, settings, index, parts, folder):
    """Trains the network, or what follows its frozen trunk; returns the history."""
    classes = model.output.shape[-1]
    shared = {key: settings[key] for key in ("size", "batch_size", "task", "seed")}

    def pictures(part, **arguments):
        batches = dataset.load(index.iloc[parts[part]], **shared, **arguments)
        return batches.map(lambda x, y: (x, tf.one_hot(y, classes)))

    def batches(epoch):
        return pictures("train", augment=settings["augment"], shuffle=True, epoch=epoch)

    trained, validation = model, pictures("validation")
    halves = None if settings["augment"] else fitting.split_frozen(model)
    if halves is not None:
        trunk, trained = halves
        cached = {
            part: fitting.cache(
                trunk, pictures(part), len(parts[part]), folder.work, part
            )
            for part in ("train", "validation")
        }
        size, seed = settings["batch_size"], settings["seed"]

        def batches(epoch):
            return fitting.cached_batches(cached["train"], size, True, seed, epoch)

        validation = fitting.cached_batches(cached["validation"], size)

    steps = -(-len(parts["train"]) // settings["batch_size"]) * settings["epochs"]
    fitting.compile_model(
        trained,
        **{k: settings[k] for k in ("learning_rate", "decay", "l2")},
        activation=settings["activation"],
        steps=steps,
    )
    limits = {key: settings[key] for key in ("epochs", "patience", "seed")}
    return fitting.fit(trained, batches, validation, folder=folder, **limits)


def decide(model, settings, index, labels, parts):
    """Probabilities for the test part, and the head that gave them.

    Returns:
        `(probability, head)`: `(n, classes)` with rows that sum to 1; `None` for the
        network's own classifier.
    """
    shared = {key: settings[key] for key in ("size", "batch_size", "task")}

    def pictures(part):
        return dataset.load(index.iloc[parts[part]], **shared)

    if settings["head"] == "softmax":
        output = model.predict(pictures("test"), verbose=0).astype(np.float64)
        return output / output.sum(axis=1, keepdims=True), None
    extractor = zoo.feature_extractor(model)
    features = {
        part: extractor.predict(pictures(part), verbose=0) for part in ("train", "test")
    }
    known, truth = np.unique(labels[parts["train"]], return_inverse=True)
    head = make_head(settings, index.iloc[parts["train"]], truth)
    head.fit(features["train"], truth)
    probability = np.zeros((len(parts["test"]), model.output.shape[-1]))
    probability[:, known] = head.predict_proba(features["test"])
    return probability, head


def make_head(settings, index, truth):
    if settings["head"] == "xgboost":
        return heads.xgboost(seed=settings["seed"])
    # The calibration, too, must not see the subjects it is checked on.
    return heads.svm(calibration=splits.kfold(index, truth, seed=settings["seed"]))


def draw_curves(study, settings, kind, history, classes, folder):
    protocol = nvie.PROTOCOLS[settings["protocol"]]
    title = report.title(study, settings["task"], protocol, kind)
    guess = np.log(classes if settings["activation"] == "softmax" else 2)
    loss, accuracy = folder.path / "loss.png", folder.path / "accuracy.png"
    figures.curves(history, "cross_entropy", guess, f"Loss\n{title}", loss)
    figures.curves(history, "accuracy", 1 / classes, f"Accuracy\n{title}", accuracy)
