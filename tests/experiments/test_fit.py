"""Training: resuming, frozen trunks, the loss. Small networks, real training."""

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import zoo
from datasets import pipeline
from experiments import nvie_cnn
from experiments.harness import fit as harness_fit
from experiments.harness.run_folder import RunFolder
from experiments.harness.study import Diverged, Run
from experiments.nvie import frozen_trunk, network
from zoo.layers import PreparePictures

SIZE, COUNT = 24, 24
MONITOR = harness_fit.MONITOR


@pytest.fixture(autouse=True, scope="module")
def determinism():
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    labels = np.arange(COUNT) % 2
    pictures = (
        rng.uniform(0, 200, (COUNT, SIZE, SIZE, 3)) + 55 * labels[:, None, None, None]
    )
    return pictures.astype("float32"), keras.ops.one_hot(labels, 2).numpy()


def small_network(seed=0, **arguments):
    keras.utils.set_random_seed(seed)
    pictures = keras.Input((None, None, 3))
    return zoo.ShallowCNN(input_tensor=PreparePictures(SIZE)(pictures), **arguments)


@dataclass
class Settings(nvie_cnn.Settings):
    learning_rate: float = 1e-3
    decay: float = 2.0


def new_run(path, resume=False, report=None, **settings):
    folder = RunFolder.open(path, "study", "key", resume)
    how = Settings(**settings), folder, nvie_cnn.STUDY.dataset, path, "sample", ""
    return Run(nvie_cnn.STUDY, *how, report=report)


def train(data, run, epochs, patience=50, model=None):
    model = model or small_network()
    network.compile_model(model, run.settings, steps=30)

    def batches(epoch):
        return pipeline.from_arrays(*data, 8, shuffle=True, epoch=epoch)

    validation = pipeline.from_arrays(*data, 8)
    return harness_fit.fit(model, batches, validation, run, epochs, patience), model


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """History and model of five epochs in one go."""
    return train(data, new_run(tmp_path_factory.mktemp("whole")), epochs=5)


class Killed(Exception):
    pass


class Kill(keras.callbacks.TensorBoard):
    """Interrupts the second batch of the third epoch."""

    def on_train_batch_begin(self, batch, logs=None):
        if len(self.model.history.epoch) == 2 and batch == 1:
            raise Killed


@pytest.fixture
def interrupted(data, tmp_path, monkeypatch):
    """Folder of runs with one in it that was interrupted in its third epoch."""
    run = new_run(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(keras.callbacks, "TensorBoard", Kill)
        with pytest.raises(Killed):
            train(data, run, epochs=5)
    assert run.folder.interrupt()
    return tmp_path


def goes_on_as_if_nothing_had_been(data, folder, whole, seed):
    history, model = whole
    again = small_network(seed)
    parts, again = train(data, new_run(folder, resume=True), 5, model=again)
    pd.testing.assert_frame_equal(parts, history, rtol=1e-6)
    for ours, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


def test_an_interrupted_training_goes_on(data, whole, interrupted):
    # Other initial weights: the checkpoint has to bring everything back.
    goes_on_as_if_nothing_had_been(data, interrupted, whole, seed=9)


@pytest.mark.parametrize("name", ["epoch", "best"])
def test_a_damaged_checkpoint_is_trained_anew(name, data, whole, interrupted):
    (path,) = interrupted.rglob(f"{name}.npz")
    path.write_bytes(path.read_bytes()[:1000])
    goes_on_as_if_nothing_had_been(data, interrupted, whole, seed=0)


def test_resuming_keeps_the_patience(tmp_path):
    training = harness_fit.ResumableTraining(new_run(tmp_path), patience=4)
    training.history = [{MONITOR: value} for value in (0.1, 0.2, 0.3, 0.4)]
    assert training.since_best() == 3 and not training.is_exhausted()
    training.history.append({MONITOR: 0.5})
    assert training.is_exhausted()


def test_best_epoch_is_put_back_and_training_stops_early(data, tmp_path):
    # A rate this high overshoots, so that later epochs are worse than the best.
    run = new_run(tmp_path, learning_rate=0.02, decay=0.0)
    history, model = train(data, run, 30, patience=2)
    best = history[MONITOR].idxmin()
    assert len(history) == best + 3
    validation = pipeline.from_arrays(*data, 8)
    again = model.evaluate(validation, return_dict=True, verbose=0)
    assert again["cross_entropy"] == pytest.approx(history[MONITOR][best], 1e-4)


def test_divergence_is_an_error_that_says_what_to_do(data, tmp_path):
    run = new_run(tmp_path, learning_rate=1e30)
    with pytest.raises(Diverged, match="--learning-rate"):
        train(data, run, epochs=2)
    assert run.folder.interrupt() == ""  # there is nothing to go on with


def test_a_search_hears_the_best_epoch_so_far_and_keeps_nothing(data, tmp_path):
    heard = []
    run = new_run(tmp_path, report=lambda loss, epochs: heard.append((loss, epochs)))
    history, _ = train(data, run, 3)
    best = history[MONITOR].cummin()
    assert heard == list(zip(best, [1, 2, 3], strict=True))
    assert run.checkpoint.keys() == [] and not (run.folder.path / "logs").exists()


def evaluated(model, data, **settings):
    network.compile_model(model, Settings(**settings), steps=10)
    return model.evaluate(*data, verbose=0, return_dict=True)


def test_loss_holds_the_weight_penalty_and_the_metric_does_not(data):
    model = small_network()
    measured = evaluated(model, data)
    kernels = [w.numpy() for w in model.trainable_weights if w.name == "kernel"]
    penalty = network.L2 * sum(np.sum(kernel**2) for kernel in kernels)
    assert len(kernels) == 6
    difference = measured["loss"] - measured["cross_entropy"]
    assert difference == pytest.approx(penalty, rel=1e-3)


def test_sigmoid_is_one_cross_entropy_a_class(data):
    model = small_network(classifier_activation="sigmoid")
    measured = evaluated(model, data, activation="sigmoid", l2=False)
    p = model.predict(data[0], verbose=0).astype(np.float64)
    expected = -np.mean(data[1] * np.log(p) + (1 - data[1]) * np.log(1 - p))
    assert measured["cross_entropy"] == pytest.approx(expected, rel=1e-3)


def test_decay_ends_at_the_rate_over_one_plus_decay():
    model = small_network()
    network.compile_model(model, Settings(learning_rate=0.3, decay=2.0), steps=10)
    schedule = model.optimizer._learning_rate
    assert float(schedule(0)) == pytest.approx(0.3)
    assert float(schedule(10)) == pytest.approx(0.1)


@pytest.fixture(scope="module")
def inception():
    return zoo.InceptionV4(input_shape=(75, 75, 3), classes=2)


@pytest.mark.parametrize(
    "mode, end", [(1, "features"), (2, "Mixed_7a"), ("Mixed_7c", "Mixed_7b")]
)
def test_split_where_the_frozen_layers_end(mode, end, inception):
    model = zoo.train_layers(inception, mode)
    trunk, rest = frozen_trunk.split_frozen(model)
    assert trunk.layers[-1].name == end
    assert not trunk.trainable_weights
    assert len(rest.trainable_weights) == len(model.trainable_weights)


def test_nothing_to_split_when_everything_trains():
    assert frozen_trunk.split_frozen(small_network()) is None


def test_a_cached_trunk_trains_as_the_whole_network_does(data, tmp_path):
    whole = zoo.train_layers(small_network(), "conv_4")
    history, _ = train(data, new_run(tmp_path / "whole"), 3, model=whole)

    model = zoo.train_layers(small_network(), "conv_4")
    trunk, rest = frozen_trunk.split_frozen(model)
    plain = pipeline.from_arrays(*data, 5)
    outputs = frozen_trunk.cache_outputs(trunk, plain, COUNT, tmp_path / "train.npy")
    again, _ = train((outputs, data[1]), new_run(tmp_path / "cached"), 3, model=rest)
    columns = ["accuracy", "cross_entropy", "val_accuracy", "val_cross_entropy"]
    pd.testing.assert_frame_equal(again[columns], history[columns], rtol=1e-3)
    for ours, theirs in zip(model.weights, whole.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_cache_is_complete_or_absent(data, tmp_path):
    model = zoo.train_layers(small_network(), 1)
    trunk, _ = frozen_trunk.split_frozen(model)
    plain, path = pipeline.from_arrays(*data, 5), tmp_path / "train.npy"

    def broken():
        yield from list(plain)[:2]
        raise Killed

    with pytest.raises(Killed):
        frozen_trunk.cache_outputs(trunk, broken(), COUNT, path)
    assert not path.exists()
    outputs = frozen_trunk.cache_outputs(trunk, plain, COUNT, path)
    assert outputs.shape == (COUNT, 2048)
    np.testing.assert_allclose(outputs, trunk.predict(data[0], verbose=0), atol=1e-5)
    again = frozen_trunk.cache_outputs(trunk, broken(), COUNT, path)
    np.testing.assert_array_equal(again, outputs)
