"""The two networks on NVIE: training, and the head that decides (Christensen 2018)."""

import keras
import numpy as np
import tensorflow as tf

import zoo
from datasets import nvie, splits
from experiments.harness import figures, report
from experiments.harness.fit import fit
from experiments.harness.study import Result, Run, StudyError, user_errors
from experiments.nvie import frozen_trunk
from experiments.nvie.study import Pictures, measured_part, predictions, read, serve
from zoo import heads
from zoo.export import export
from zoo.layers import PreparePictures

# Not stated in the thesis; the strength that Inception's authors trained with.
L2 = 4e-5


def work(run: Run) -> Result:
    """Train and evaluate a network."""
    settings = run.settings
    if run.report and settings.protocol != "subject":
        raise StudyError(
            "A search validates on people who were not trained on. Received: "
            f"--protocol {settings.protocol}. Use --protocol subject."
        )
    keras.backend.clear_session()
    keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    with user_errors():
        model = build(run)
    data = read(run)
    history = train(model, run, data)
    probability, head = decide(model, run, data)

    def draw(path):
        classes = len(run.spec.classes)
        guess = np.log(classes if settings.activation == "softmax" else 2)
        for column, guessing, name, ylabel in [
            ("cross_entropy", guess, "loss.png", "cross-entropy (nats)"),
            ("accuracy", 1 / classes, "accuracy.png", "accuracy"),
        ]:
            columns = {column: "training", f"val_{column}": "validation"}
            title = report.title(run)
            figures.losses(history, columns, title, path / name, guessing, ylabel)
        return ["loss.png", "accuracy.png"]

    def write_models(path):
        # Never compiled: the optimiser's state is twice the weights' size.
        bare = keras.Model(model.input, model.output, name=model.name)
        bare.save(path / "model.keras")
        export(model, path / "saved_model", input_dtype="uint8")
        files = {
            "model.keras": "the network; `keras.saving.load_model` after `import zoo`",
            "saved_model/": "the same for programs with TensorFlow alone: `serve`, "
            "`features`",
        }
        if head is None:
            serve(run, data, path, model="model.keras", head=None)
            return files
        name = heads.save(head, path).name
        known = np.unique(data.part("train")[1]).tolist()
        serve(run, data, path, model="model.keras", head=name, known=known)
        return files | {name: "the head on the network's features: `zoo.heads.load`"}

    answers = predictions(run, data, probability)
    return Result(answers, draw, write_models, tables={"history.csv": history})


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


def train(model: keras.Model, run: Run, data: Pictures, cached: bool = True):
    """Train the network; return the history.

    Args:
        model: the network, uncompiled, its trainable layers chosen.
        run: the `Run`.
        data: its `Pictures`.
        cached: whether a frozen trunk runs once instead of in every epoch; with
            augmentation it cannot.
    """
    settings, classes = run.settings, len(run.spec.classes)
    size, seed = settings.batch_size, settings.seed

    def pictures(part, **more):
        index, _ = data.part(part)
        shared = (index, settings.size, size)
        batches = nvie.load(*shared, task=settings.task, seed=seed, **more)
        return batches.map(lambda x, y: (x, tf.one_hot(y, classes)))

    def batches(epoch):
        return pictures("train", augment=settings.augment, shuffle=True, epoch=epoch)

    trained, validation = model, pictures("validation")
    halves = None
    if cached and not settings.augment:
        halves = frozen_trunk.split_frozen(model)
    if halves:
        trunk, trained = halves
        arrays = {}
        for part in ("train", "validation"):
            labels = keras.utils.to_categorical(data.part(part)[1], classes)
            path = run.folder.work / f"{part}.npy"
            cache = (trunk, pictures(part), len(labels), path)
            arrays[part] = frozen_trunk.cache_outputs(*cache), labels

        def batches(epoch):
            order = {"shuffle": True, "seed": seed, "epoch": epoch}
            return frozen_trunk.cached_batches(*arrays["train"], size, **order)

        validation = frozen_trunk.cached_batches(*arrays["validation"], size)

    with user_errors():
        batches(0)  # says now, and not in the middle, that imgaug is missing
    steps = -(-len(data.parts["train"]) // size) * settings.epochs
    compile_model(trained, settings, steps)
    return fit(trained, batches, validation, run, settings.epochs, settings.patience)


def compile_model(model: keras.Model, settings, steps: int) -> None:
    """Compile a classifier for one-hot labels, with its cross-entropy as a metric.

    The loss is the cross-entropy and, with `l2`, the weight penalty; the metric
    `cross_entropy` is without it, so that it can stand beside random guessing.

    Args:
        model: the model, its trainable layers already chosen.
        settings: `activation` (with "sigmoid" one cross-entropy a class),
            `learning_rate`, `decay` and `l2`. The thesis's "learning rate decay rate"
            is read as inverse time decay: at the end, rate / (1 + decay).
        steps: number of steps of the whole training.
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


def decide(model: keras.Model, run: Run, data: Pictures):
    """Return probabilities for the measured part, and the head that gave them.

    Returns:
        `(probability, head)`: `(n, classes)` with rows that sum to 1; `None` for the
        network's own classifier.
    """
    settings, measured = run.settings, measured_part(run)

    def answers(network, part):
        index, _ = data.part(part)
        batches = nvie.load(index, settings.size, settings.batch_size)
        return network.predict(batches, verbose=0).astype(np.float64)

    if settings.head == "softmax":
        return normalised(answers(model, measured)), None
    extractor = zoo.feature_extractor(model)
    index, labels = data.part("train")
    # Boosted trees want the classes that occur as 0, 1, 2 ...
    known, truth = np.unique(labels, return_inverse=True)
    with user_errors():
        if settings.head == "xgboost":
            head = heads.xgboost(seed=settings.seed)
        else:
            # The calibration, too, must not see the subjects it is checked on.
            folds = splits.kfold(index, truth, seed=settings.seed)
            head = heads.svm(calibration=folds)
        head.fit(answers(extractor, "train"), truth)
    probability = np.zeros((len(data.parts[measured]), len(run.spec.classes)))
    probability[:, known] = head.predict_proba(answers(extractor, measured))
    return normalised(probability), head


def normalised(probability: np.ndarray) -> np.ndarray:
    """Make rows sum to 1; those of a sigmoid, or in single precision, need not."""
    probability = np.maximum(probability, 1e-12)
    return probability / probability.sum(axis=1, keepdims=True)
