"""The two networks on NVIE: training, and the head that decides (Christensen 2018)."""

import keras
import numpy as np
import tensorflow as tf

import zoo
from datasets import nvie, pipeline, splits
from experiments.harness import figures, report
from experiments.harness.fit import fit
from experiments.harness.study import Result, Run, StudyError, user_errors
from experiments.nvie import frozen_trunk
from experiments.nvie.study import predictions, read, serve
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
        nats = np.log(classes if settings.activation == "softmax" else 2)
        curves = {
            "loss.png": ("cross_entropy", nats, "cross-entropy (nats)"),
            "accuracy.png": ("accuracy", 1 / classes, "accuracy"),
        }
        for name, (column, *guessing_and_label) in curves.items():
            columns = {column: "training", f"val_{column}": "validation"}
            where = (report.title(run), path / name)
            figures.losses(history, columns, *where, *guessing_and_label)
        return list(curves)

    def write_models(path):
        # Never compiled: the optimiser's state is twice the weights' size.
        bare = keras.Model(model.input, model.output, name=model.name)
        bare.save(path / "model.keras")
        export(model, path / "saved_model", input_dtype="uint8")
        files = {
            "model.keras": "the network; `keras.saving.load_model` after `import zoo`",
            "saved_model/": "the same for programs with TensorFlow alone",
        }
        part = {"model": "model.keras", "head": None}
        if head is not None:
            name = heads.save(head, path).name
            known = np.unique(data["train"]["class"]).tolist()
            part |= {"head": name, "known": known}
            files[name] = "the head on the network's features: `zoo.heads.load`"
        serve(run, data["train"], path, **part)
        return files

    answers = predictions(run, data["measured"], probability, run.study.model)
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


def train(model: keras.Model, run: Run, data: dict, cached: bool = True):
    """Train a network, its trainable layers chosen; return the history.

    A frozen trunk runs once, if `cached`; with augmentation it cannot.
    """
    settings, classes = run.settings, len(run.spec.classes)
    size, seed = settings.batch_size, settings.seed

    def pictures(part, **more):
        task = {"task": settings.task, "seed": seed}
        batches = nvie.load(data[part], settings.size, size, **task, **more)
        return batches.map(lambda x, y: (x, tf.one_hot(y, classes)))

    def batches(epoch):
        return pictures("train", augment=settings.augment, shuffle=True, epoch=epoch)

    trained, validation, halves = model, pictures("validation"), None
    if cached and not settings.augment:
        halves = frozen_trunk.split_frozen(model)
    if halves:
        trunk, trained = halves
        arrays = {}
        for part in ("train", "validation"):
            labels = keras.utils.to_categorical(data[part]["class"], classes)
            cache = (pictures(part), len(labels), run.folder.work / f"{part}.npy")
            arrays[part] = frozen_trunk.cache_outputs(trunk, *cache), labels

        def batches(epoch):
            order = {"shuffle": True, "seed": seed, "epoch": epoch}
            return pipeline.from_arrays(*arrays["train"], size, **order)

        validation = pipeline.from_arrays(*arrays["validation"], size)

    with user_errors():
        batches(0)  # says now, and not in the middle, that imgaug is missing
    steps = -(-len(data["train"]) // size) * settings.epochs
    compile_model(trained, settings, steps)
    return fit(trained, batches, validation, run, settings.epochs, settings.patience)


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
            folds = splits.kfold(data["train"], truth, seed=settings.seed)
            head = heads.svm(calibration=folds)
        head.fit(answers(extractor, "train"), truth)
    probability = np.zeros((len(data["measured"]), len(run.spec.classes)))
    probability[:, known] = head.predict_proba(answers(extractor, "measured"))
    return normalised(probability), head


def normalised(probability: np.ndarray) -> np.ndarray:
    """Make rows sum to 1; those of a sigmoid, or in single precision, need not."""
    probability = np.maximum(probability, 1e-12)
    return probability / probability.sum(axis=1, keepdims=True)
