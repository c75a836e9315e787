"""The two networks on pictures: training, and the deciding head (Christensen 2018)."""

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

import zoo
from datasets import nvie, pipeline
from experiments.harness import figures, report
from experiments.harness.fit import fit
from experiments.harness.study import Result, Run, StudyError, user_errors
from experiments.nvie import controls, frozen_trunk
from experiments.nvie.study import beside, inner_folds, predictions, read, serve
from zoo import heads
from zoo.export import export
from zoo.layers import PreparePictures

# Not stated in the thesis; the strength that Inception's authors trained with.
L2 = 4e-5


def work(run: Run) -> Result:
    """Train and evaluate a network, in each round one."""
    settings = run.settings
    if run.report and settings.protocol not in ("subject", "holdout"):
        raise StudyError(
            "A search validates on people who were not trained on. Received: "
            f"--protocol {settings.protocol}. Use a hold-out by person."
        )
    tf.config.experimental.enable_op_determinism()
    rounds = read(run)
    first = next(iter(rounds))
    answers, histories = [], []
    for name, data in rounds.items():
        content = run.checkpoint.load(f"{name}done") if name else None
        if content is None:
            content = learn(run, name, data)
            if name != first:
                content["weights"] = []
            if name:
                run.checkpoint.save(f"{name}done", content)
        for key in ("epoch", "best") if name else ():
            run.checkpoint.remove(f"{name}{key}")
        probability = content["probability"]
        model = run.study.model
        answers.append(predictions(run, data["measured"], probability, model, name))
        table = pd.DataFrame(content["history"])
        histories.append(table.assign(round=name) if name else table)
        if name == first:
            kept = content
    history = pd.concat(histories, ignore_index=True)
    people, more = beside(run, rounds)
    answers += [*controls.answers(run, rounds), *people]

    def draw(path):
        classes = len(run.spec.classes)
        nats = np.log(classes if settings.activation == "softmax" else 2)
        curves = {
            "loss.png": ("cross_entropy", nats, "cross-entropy (nats)"),
            "accuracy.png": ("accuracy", 1 / classes, "accuracy"),
        }
        line = "round" if first else None
        for name, (column, *guessing_and_label) in curves.items():
            columns = {column: "training", f"val_{column}": "validation"}
            where = (report.title(run), path / name)
            figures.losses(history, columns, *where, *guessing_and_label, line=line)
        return list(curves)

    def write_models(path):
        model, head = build(run), kept.get("head")
        model.set_weights(kept["weights"])
        # Never compiled: the optimiser's state is twice the weights' size.
        bare = keras.Model(model.input, model.output, name=model.name)
        bare.save(path / "model.keras")
        export(model, path / "saved_model", input_dtype="uint8")
        which = f", of {first}" if first else ""
        files = {
            "model.keras": f"the network{which}; `keras.saving.load_model` after "
            "`import zoo`",
            "saved_model/": "the same for programs with TensorFlow alone",
        }
        part = {"model": "model.keras", "head": None}
        train = rounds[first]["train"]
        if head is not None:
            name = heads.save(head, path).name
            part |= {"head": name, "known": np.unique(train["class"]).tolist()}
            files[name] = "the head on the network's features: `zoo.heads.load`"
        serve(run, train, path, **part)
        return files

    return Result(
        pd.concat(answers, ignore_index=True),
        draw,
        write_models if settings.control == "none" else None,
        tables={"history.csv": history},
        more=more,
    )


def learn(run: Run, name: str, data: dict) -> dict:
    """Train the network of a round; return what a checkpoint takes of it.

    Returns:
        Dict of `probability` of the measured part, `history`, `weights` and, where one
        decides, `head`.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(run.settings.seed)
    with user_errors():
        model = build(run)
    history = train(model, run, data, part=name)
    probability, head = decide(model, run, data)
    content = {"probability": probability, "history": history.to_dict("list")}
    content["weights"] = model.get_weights()
    return content | ({} if head is None else {"head": head})


def build(run: Run) -> keras.Model:
    """Build the network, taking pictures of any size with values in 0..255."""
    settings = run.settings
    pictures = keras.Input((None, None, 3), name="pictures")
    model = getattr(zoo, run.study.builder)(
        input_tensor=PreparePictures(settings.size, name="prepare")(pictures),
        weights=None if settings.weights == "none" else settings.weights,
        classes=len(run.spec.classes),
        classifier_activation=settings.activation,
        dropout=settings.dropout,
    )
    return zoo.train_layers(model, settings.train_layers)


def train(
    model: keras.Model, run: Run, data: dict, cached: bool = True, part: str = ""
):
    """Train a network, its trainable layers chosen; return the history.

    A frozen trunk runs once, if `cached`; with augmentation it cannot.
    """
    settings, classes = run.settings, len(run.spec.classes)
    size, seed = settings.batch_size, settings.seed

    def pictures(side, **more):
        more |= {"seed": seed, "labels": data[side]["class"]}
        batches = nvie.load(data[side], settings.size, size, **more)
        return batches.map(lambda x, y: (x, tf.one_hot(y, classes)))

    def batches(epoch):
        return pictures("train", augment=settings.augment, shuffle=True, epoch=epoch)

    trained, validation, halves = model, pictures("validation"), None
    if cached and not settings.augment:
        halves = frozen_trunk.split_frozen(model)
    if halves:
        trunk, trained = halves
        arrays = {}
        for side in ("train", "validation"):
            labels = keras.utils.to_categorical(data[side]["class"], classes)
            path = run.folder.work / f"{part}{side}.npy"
            cache = (pictures(side), len(labels), path)
            arrays[side] = frozen_trunk.cache_outputs(trunk, *cache), labels

        def batches(epoch):
            order = {"shuffle": True, "seed": seed, "epoch": epoch}
            return pipeline.from_arrays(*arrays["train"], size, **order)

        validation = pipeline.from_arrays(*arrays["validation"], size)

    with user_errors():
        batches(0)  # says now, and not in the middle, that imgaug is missing
    steps = -(-len(data["train"]) // size) * settings.epochs
    compile_model(trained, settings, steps)
    limits = settings.epochs, settings.patience
    return fit(trained, batches, validation, run, *limits, part)


def compile_model(model: keras.Model, settings, steps: int) -> None:
    """Compile a classifier for one-hot labels, with its cross-entropy as a metric.

    The loss holds the weight penalty, too; the metric `cross_entropy` does not, so that
    it can stand beside random guessing. The thesis's "learning rate decay rate" is read
    as inverse time decay: after `steps` it is the rate over (1 + decay).
    """
    rate = settings.learning_rate
    if settings.decay:
        rate = keras.optimizers.schedules.InverseTimeDecay(rate, steps, settings.decay)
    if settings.l2:
        for layer in model.layers:
            if layer.trainable and hasattr(layer, "kernel_regularizer"):
                layer.kernel_regularizer = keras.regularizers.L2(L2)
                layer.kernel.regularizer = layer.kernel_regularizer
    kinds = keras.metrics
    metrics = [kinds.CategoricalAccuracy(name="accuracy")]
    if settings.activation == "softmax":
        loss = keras.losses.CategoricalCrossentropy()
        metrics.append(kinds.CategoricalCrossentropy(name="cross_entropy"))
    else:
        loss = keras.losses.BinaryCrossentropy()
        metrics.append(kinds.BinaryCrossentropy(name="cross_entropy"))
        # Scaled to sum to 1, so that it can stand beside a softmax's.
        metrics.append(kinds.CategoricalCrossentropy(name="normalised"))
    # XLA would spend minutes on compiling Inception V4 for a short training.
    model.compile(keras.optimizers.Adam(rate), loss, metrics=metrics, jit_compile=False)


def decide(model: keras.Model, run: Run, data: dict):
    """Return the measured part's probabilities, `(n, classes)`, and what gave them.

    That is a head on the network's features, or `None` for its own classifier.
    """
    settings = run.settings

    def answers(network, part):
        batches = nvie.load(data[part], settings.size, settings.batch_size)
        return network.predict(batches, verbose=0).astype(np.float64)

    if settings.head == "softmax":
        return normalised(answers(model, "measured")), None
    extractor = zoo.feature_extractor(model)
    # Boosted trees want the classes that occur as 0, 1, 2 ...
    known, truth = np.unique(data["train"]["class"], return_inverse=True)
    with user_errors():
        if settings.head == "xgboost":
            head = heads.xgboost(seed=settings.seed)
        else:
            # The calibration, too, must not see the subjects it is checked on.
            folds = inner_folds(data["train"], truth, settings.seed)
            head = heads.svm(calibration=folds)
        head.fit(answers(extractor, "train"), truth)
    probability = np.zeros((len(data["measured"]), len(run.spec.classes)))
    probability[:, known] = head.predict_proba(answers(extractor, "measured"))
    return normalised(probability), head


def normalised(probability: np.ndarray) -> np.ndarray:
    """Make rows sum to 1; those of a sigmoid, or in single precision, need not."""
    probability = np.maximum(probability, 1e-12)
    return probability / probability.sum(axis=1, keepdims=True)
