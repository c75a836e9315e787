"""`--strategy mirrored`: two devices (halves of the CPU) train what one does."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import zoo
from datasets.sample import nvie as sample
from experiments import fitting, mirrored, nvie_cnn
from experiments.common import StudyError
from experiments.run_folder import RunFolder

COUNT, BATCH, EPOCHS = 21, 5, 3  # batches of 5 = 3 + 2, and a last one of 1
COLUMNS = ["accuracy", "cross_entropy", "val_accuracy", "val_cross_entropy"]
SETTINGS = {"strategy": "mirrored", "batch_size": BATCH}

TWO = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
half = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [half, half])
sys.path.insert(0, sys.argv[1])
"""
SCRIPT = """
import pathlib
import test_strategy
test_strategy.on_two(pathlib.Path(sys.argv[2]))
"""
STUDY = """
import importlib
importlib.import_module("experiments." + sys.argv[2]).main(sys.argv[3:])
"""


def process(code, *arguments, **options):
    here = os.path.dirname(__file__)
    command = [sys.executable, "-c", TWO + code, here, *map(str, arguments)]
    paths = os.pathsep.join([os.getcwd(), *filter(None, [os.getenv("PYTHONPATH")])])
    return subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=600,
        **options,
    )


def data():
    rng = np.random.default_rng(0)
    labels = np.arange(COUNT) % 2
    pictures = rng.uniform(-1, 0.5, (COUNT, 24, 24, 3))
    pictures += 0.5 * labels[:, None, None, None]
    return pictures.astype("float32"), np.eye(2, dtype="float32")[labels]


def network(dropout, seed=0):
    keras.utils.set_random_seed(seed)
    return zoo.ShallowCNN(input_tensor=keras.Input((24, 24, 3)), dropout=dropout)


def train(model, folder, epochs=EPOCHS):
    """As `nvie_network.train` does it; history, and the network that was trained."""

    def batches(epoch):
        return fitting.cached_batches(data(), BATCH, True, 0, epoch)

    validation = fitting.cached_batches(data(), BATCH)
    with mirrored.devices(model, batches, validation, COUNT, SETTINGS) as several:
        trained, batches, validation = several
        fitting.compile_model(trained, "softmax", 1e-3, 0, l2=True, steps=10)
        mirrored.ready(trained, validation)
        limits = {"epochs": epochs, "patience": 20, "folder": folder, "seed": 0}
        return fitting.fit(trained, batches, validation, **limits), trained


def folder(path, resume=False):
    return RunFolder.open(path, "study", {}, resume)


def shares(batches):
    """What two devices get: numbers of pictures, and sums of their weights."""
    strategy = tf.distribute.get_strategy()
    for batch in strategy.experimental_distribute_dataset(batches):
        parts = [strategy.experimental_local_results(values) for values in batch]
        yield [len(x) for x in parts[0]], [float(sum(w)) for w in parts[2]]


def on_two(out):
    """In a process with two devices."""
    tf.config.experimental.enable_op_determinism()
    model = network(0)
    history, trained = train(model, folder(out / "plain"))
    np.savez(out / "plain.npz", *model.get_weights())
    history.to_csv(out / "plain.csv")

    strategy = trained.distribute_strategy
    told = {"devices": strategy.num_replicas_in_sync}
    told["copies"] = len(trained.weights[0].value.values)
    with strategy.scope():
        batches = fitting.cached_batches(data(), BATCH)
        told["training"] = list(shares(mirrored.weighted(batches, 2)))
        again = mirrored.weighted(mirrored.rebatched(batches, COUNT, BATCH, 2), 2)
        told["validation"] = list(shares(again))

    whole = network(0.5)
    history, trained = train(whole, folder(out / "whole"))
    seeds = next(x for x in trained.layers if fitting.is_random(x)).seed_generator
    told["seeds"] = [value.numpy().tolist() for value in seeds.state.value.values]
    parts = network(0.5)
    first = folder(out / "parts")
    train(parts, first, epochs=1)
    first.lock.close()
    resumed, _ = train(network(0.5, seed=9), folder(out / "parts", resume=True))
    told["resumed"] = resumed.to_dict("list"), history.to_dict("list")
    (out / "told.json").write_text(json.dumps(told))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two devices have done: its folder, and what it says of itself."""
    out = tmp_path_factory.mktemp("two")
    done = process(SCRIPT, out)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Training on 2 devices (CPU:0, CPU:1), 5 pictures a step" in done.stdout
    return out, json.loads((out / "told.json").read_text())


@pytest.mark.services
def test_each_device_has_a_copy_and_its_share_of_each_batch(two):
    told = two[1]
    assert told["devices"] == told["copies"] == 2
    sizes, weights = zip(*told["training"], strict=True)
    # The second device has none of the last batch's one picture: a copy of weight 0.
    assert sorted(map(sorted, sizes)) == [[1, 1], [2, 3], [2, 3], [2, 3], [2, 3]]
    for size, weight in zip(sizes[:-1], weights[:-1], strict=True):
        np.testing.assert_allclose(weight, np.array(size) / BATCH, rtol=1e-6)
    assert weights[-1] == [1, 0]
    # In validation every picture counts, and counts once: batches of 3.
    assert [sorted(sizes) for sizes, _ in told["validation"]] == [[1, 2]] * 7
    assert all(sum(weights) == pytest.approx(1) for _, weights in told["validation"])


@pytest.mark.services
def test_two_devices_get_the_result_of_one(two, tmp_path):
    """Gradients are added in another order: a few roundings of 1e-7 a step.

    Adam divides them by their size, so that a step may differ by more than they do;
    1e-4 is a tenth of one step of this learning rate.
    """
    tf.config.experimental.enable_op_determinism()
    model = network(0)
    history, trained = train(model, folder(tmp_path))
    assert trained is model  # one device: no copy
    table = pd.read_csv(two[0] / "plain.csv")
    # A row fewer or more of the padded batch counts in the training's figures.
    later = COLUMNS[2:]
    pd.testing.assert_frame_equal(table[later], history[later], atol=1e-4)
    with np.load(two[0] / "plain.npz") as weights:
        moved = []
        start = network(0).get_weights()
        for name, before, ours in zip(weights, start, model.get_weights(), strict=True):
            np.testing.assert_allclose(weights[name], ours, atol=1e-4, err_msg=name)
            moved.append(np.abs(ours - before).max())
        assert min(moved) > 5e-4  # or any two networks would agree


@pytest.mark.services
def test_devices_drop_out_different_features(two):
    first, second = two[1]["seeds"]
    assert first[1] == second[1] and second[0] - first[0] == fitting.APART


@pytest.mark.services
def test_resumed_on_two_devices(two):
    resumed, whole = (pd.DataFrame(table) for table in two[1]["resumed"])
    assert len(whole) == EPOCHS
    pd.testing.assert_frame_equal(resumed, whole, rtol=1e-6)


def test_one_device_trains_alone_and_says_so(capsys):
    model = network(0)
    with mirrored.devices(model, len, "validation", 9, SETTINGS) as got:
        assert got == (model, len, "validation")
        assert tf.distribute.get_strategy().num_replicas_in_sync == 1
    assert "CPU:0 is the only device" in capsys.readouterr().out


def test_a_batch_smaller_than_the_devices_is_refused(monkeypatch):
    monkeypatch.setattr(mirrored, "found", lambda: [f"GPU:{n}" for n in range(6)])
    with pytest.raises(StudyError, match="--batch-size 5 is too small for 6 devices"):
        with mirrored.devices(None, None, None, 9, SETTINGS):
            pass


def test_more_devices_than_validation_pictures_are_refused():
    with pytest.raises(StudyError, match="1 validation pictures for 2 devices"):
        mirrored.rebatched(None, 1, BATCH, 2)


@pytest.mark.parametrize(
    "count, size, devices, wanted",
    [
        (21, 5, 2, 3),  # rather smaller
        (20, 5, 2, 5),
        (1001, 2, 2, 3),  # no smaller one can be: not all of them at once
        (10007, 8, 8, 9),
        (3, 2, 2, 3),
        (2, 64, 2, 64),
    ],
)
def test_validation_batches_stay_about_as_large(count, size, devices, wanted):
    pictures = tf.data.Dataset.range(count).batch(size)
    batches = mirrored.rebatched(pictures, count, size, devices)
    sizes = [len(batch) for batch in batches]
    assert sum(sizes) == count and len(batches) == len(sizes)
    assert sizes[0] == min(wanted, count) and min(sizes) >= devices


def test_keras_still_has_what_is_switched_off():
    """`mirrored.ready` sets it: under another name, Keras would not heed it."""
    assert callable(keras.Model._maybe_symbolic_build)


def test_it_is_a_setting(capsys):
    settings = nvie_cnn.STUDY.settings({"task": "spontaneous"}, on_sample=True)
    assert settings["strategy"] == "none"
    given = vars(nvie_cnn.parser().parse_args(["--strategy", "mirrored"]))
    chosen = nvie_cnn.STUDY.settings(given, on_sample=True)
    assert chosen["strategy"] == "mirrored"
    with pytest.raises(SystemExit):
        nvie_cnn.parser().parse_args(["--strategy", "multiworker"])


@pytest.mark.large
@pytest.mark.parametrize(
    "name, options",
    [
        ("nvie_cnn", ["--size", "32", "--epochs", "2"]),
        ("nvie_cnn", ["--size", "32", "--epochs", "2", "--train-layers", "1"]),
        ("nvie_inception", ["--size", "75", "--epochs", "1", "--batch-size", "32"]),
    ],
)
def test_a_study_on_two_devices(name, options, tmp_path):
    sample.render(tmp_path / "nvie", subjects=6)
    given = ["--data-dir", tmp_path / "nvie", "--out", tmp_path, *options]
    done = process(STUDY, name, *given, "--strategy", "mirrored")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Training on 2 devices" in done.stdout
    (run,) = (tmp_path / name).iterdir()
    history = pd.read_csv(run / "history.csv")
    assert np.isfinite(history["val_cross_entropy"]).all()
    model = keras.saving.load_model(run / "model.keras")
    assert all(np.isfinite(value).all() for value in model.get_weights())
    table = pd.read_csv(run / "predictions.csv")
    assert table["probability"].between(0, 1).all()
    assert hasattr(tf.saved_model.load(str(run / "saved_model")), "serve")
