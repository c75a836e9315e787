"""Training: resuming, frozen trunks, the loss. Small networks, real training."""

import shutil

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import zoo
from experiments import fitting
from experiments.common import StudyError
from experiments.run_folder import RunFolder
from zoo.layers import PreparePictures

SIZE, COUNT = 24, 24


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


def network(seed=0):
    keras.utils.set_random_seed(seed)
    pictures = keras.Input((None, None, 3))
    return zoo.ShallowCNN(input_tensor=PreparePictures(SIZE)(pictures))


def batches(data, shuffle=True):
    return lambda epoch: fitting.cached_batches(data, 8, shuffle, seed=0, epoch=epoch)


def train(data, folder, epochs, patience=50, model=None, **settings):
    model = model or network()
    settings = {"learning_rate": 1e-3, "decay": 2, "l2": True, **settings}
    fitting.compile_model(model, "softmax", steps=30, **settings)
    validation = fitting.cached_batches(data, 8)
    history = fitting.fit(
        model, batches(data), validation, epochs, patience, folder, seed=0
    )
    return history, model


def new_folder(path, resume=False):
    return RunFolder.open(path, "study", {}, resume)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """History and model of five epochs in one go."""
    return train(data, new_folder(tmp_path_factory.mktemp("whole")), epochs=5)


class Killed(Exception):
    pass


def test_an_interrupted_training_goes_on_as_if_nothing_had_been(
    data, whole, tmp_path, monkeypatch
):
    history, model = whole

    class Kill(keras.callbacks.CSVLogger):
        def on_train_batch_begin(self, batch, logs=None):
            if len(self.model.history.epoch) == 2 and batch == 1:
                raise Killed

    first = new_folder(tmp_path / "parts")
    with monkeypatch.context() as patch:
        patch.setattr(fitting.keras.callbacks, "CSVLogger", Kill)
        with pytest.raises(Killed):
            train(data, first, epochs=5)
    first.interrupt()
    first.lock.close()
    # Other initial weights: the backup has to bring everything back.
    parts, again = train(
        data, new_folder(tmp_path / "parts", resume=True), 5, model=network(seed=9)
    )
    pd.testing.assert_frame_equal(parts, history, rtol=1e-6)
    for ours, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


def test_resuming_keeps_the_patience():
    worse = {"epoch": range(4), fitting.MONITOR: [0.1, 0.2, 0.3, 0.4]}
    history = pd.DataFrame(worse)
    patience = fitting.Patience(5, history)
    patience.set_model(network())
    patience.on_train_begin()
    assert (patience.wait, patience.best) == (3, 0.1)
    assert not fitting.exhausted(history, 4)
    assert fitting.exhausted(history, 3)


def test_best_epoch_is_put_back_and_training_stops_early(data, tmp_path):
    # A rate this high overshoots, so that later epochs are worse than the best.
    history, model = train(
        data, new_folder(tmp_path), 30, patience=2, learning_rate=0.02, decay=0
    )
    best = history[fitting.MONITOR].idxmin()
    assert len(history) == best + 3
    validation = fitting.cached_batches(data, 8)
    again = model.evaluate(validation, return_dict=True, verbose=0)
    assert again["cross_entropy"] == pytest.approx(history[fitting.MONITOR][best], 1e-4)


def test_divergence_is_an_error_that_says_what_to_do(data, tmp_path):
    folder = new_folder(tmp_path)
    with pytest.raises(StudyError, match="--learning-rate"):
        train(data, folder, epochs=2, learning_rate=1e30)
    assert folder.interrupt() == ""  # there is nothing to go on with


def test_loss_holds_the_weight_penalty_and_the_metric_does_not(data):
    model = network()
    fitting.compile_model(model, "softmax", 1e-3, 0, l2=True, steps=10)
    got = model.evaluate(*data, verbose=0, return_dict=True)
    kernels = [w.numpy() for w in model.trainable_weights if w.name == "kernel"]
    penalty = fitting.L2 * sum(np.sum(kernel**2) for kernel in kernels)
    assert len(kernels) == 6
    assert got["loss"] - got["cross_entropy"] == pytest.approx(penalty, rel=1e-3)


def test_sigmoid_is_one_cross_entropy_a_class(data):
    pictures = keras.Input((None, None, 3))
    model = zoo.ShallowCNN(
        input_tensor=PreparePictures(SIZE)(pictures), classifier_activation="sigmoid"
    )
    fitting.compile_model(model, "sigmoid", 1e-3, 0, l2=False, steps=10)
    got = model.evaluate(*data, verbose=0, return_dict=True)["cross_entropy"]
    p = model.predict(data[0], verbose=0).astype(np.float64)
    want = -np.mean(data[1] * np.log(p) + (1 - data[1]) * np.log(1 - p))
    assert got == pytest.approx(want, rel=1e-3)


def test_decay_ends_at_the_rate_over_one_plus_decay():
    model = network()
    fitting.compile_model(model, "softmax", 0.3, decay=2, l2=False, steps=10)
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
    trunk, rest = fitting.split_frozen(model)
    assert trunk.layers[-1].name == end
    assert not trunk.trainable_weights
    assert len(rest.trainable_weights) == len(model.trainable_weights)


def test_nothing_to_split_when_everything_trains():
    assert fitting.split_frozen(network()) is None


def test_a_cached_trunk_trains_as_the_whole_network_does(data, tmp_path):
    whole = zoo.train_layers(network(), "conv_4")
    history, _ = train(data, new_folder(tmp_path / "whole"), 3, model=whole)

    model = zoo.train_layers(network(), "conv_4")
    trunk, rest = fitting.split_frozen(model)
    folder = new_folder(tmp_path / "cached")
    plain = fitting.cached_batches(data, 5)
    cached = fitting.cache(trunk, plain, COUNT, folder.work, "train")
    again, _ = train(cached, folder, 3, model=rest)
    columns = ["accuracy", "cross_entropy", "val_accuracy", "val_cross_entropy"]
    pd.testing.assert_frame_equal(again[columns], history[columns], rtol=1e-3)
    for ours, theirs in zip(model.weights, whole.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_cache_is_reused_only_when_complete(data, tmp_path):
    model = zoo.train_layers(network(), 1)
    trunk, _ = fitting.split_frozen(model)
    plain = fitting.cached_batches(data, 5)

    def broken():
        yield from list(plain)[:2]
        raise Killed

    with pytest.raises(Killed):
        fitting.cache(trunk, broken(), COUNT, tmp_path, "train")
    outputs, labels = fitting.cache(trunk, plain, COUNT, tmp_path, "train")
    np.testing.assert_allclose(outputs, trunk.predict(data[0], verbose=0), atol=1e-5)
    np.testing.assert_array_equal(labels, data[1])
    outputs, _ = fitting.cache(trunk, broken(), COUNT, tmp_path, "train")
    assert outputs.shape == (COUNT, 2048)


def test_history_is_cut_to_the_epochs_that_the_backup_holds(tmp_path):
    csv = tmp_path / "history.csv"
    pd.DataFrame({"epoch": range(4), fitting.MONITOR: 0.5}).to_csv(csv, index=False)
    assert len(fitting.known_history(csv, 3)) == 3
    assert len(pd.read_csv(csv)) == 3
    assert len(fitting.known_history(csv, 0)) == 0
    assert not csv.exists()


def cut(path):
    path.write_bytes(path.read_bytes()[:1000])


def empty(path):
    path.write_text("")


@pytest.fixture(scope="module")
def three_epochs(data, tmp_path_factory):
    """Folder of runs with one in it that three epochs of training have left."""
    out = tmp_path_factory.mktemp("three")
    folder = new_folder(out)
    train(data, folder, epochs=3)
    folder.lock.close()
    return out


@pytest.fixture
def unfinished(three_epochs, tmp_path):
    shutil.copytree(three_epochs, tmp_path, dirs_exist_ok=True)
    return new_folder(tmp_path, resume=True)


@pytest.mark.parametrize(
    "name, damage", [("latest.weights.h5", cut), ("training_metadata.json", empty)]
)
def test_a_backup_cut_off_while_written_falls_back_on_the_one_before(
    name, damage, data, whole, unfinished, tmp_path
):
    damage(unfinished.work / "backup" / name)
    with pytest.raises(OSError, match="another process is at work"):
        new_folder(tmp_path, resume=True)  # the first run still holds it
    unfinished.lock.close()
    again = new_folder(tmp_path, resume=True)
    assert again.path == unfinished.path
    history, _ = train(data, again, epochs=4, model=network(seed=9))
    pd.testing.assert_frame_equal(history, whole[0][:4], rtol=1e-6)


def test_weights_an_epoch_ahead_of_their_metadata_are_not_trusted(unfinished):
    metadata = unfinished.work / "backup" / "training_metadata.json"
    metadata.write_text('{"epoch": 2, "batch": 0}')
    fitting.repair(unfinished.work / "backup", steps=3)
    assert metadata.read_text() == '{"epoch": 2, "batch": 0}'
    with h5py.File(unfinished.work / "backup" / "latest.weights.h5") as file:
        assert file["optimizer/vars/0"][()] == 2 * 3


def test_too_small_a_disk_is_noticed_before(tmp_path):
    with pytest.raises(StudyError, match="GB are free"):
        fitting.check_space(tmp_path, needed=1e18)
