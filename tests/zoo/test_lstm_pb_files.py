"""The network with parametric bias in files, elsewhere, and on other backends."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

import zoo
from zoo.export import export

SIZES = {"units": 6, "depth": 2, "pb_units": 3, "context_units": 4, "features": 4}
LENGTHS = np.array([7, 4], "int32")


def some_tracks():
    rng = np.random.default_rng(0)
    return [rng.uniform(-1, 1, (length, 4)).astype("float32") for length in LENGTHS]


def fitted(**arguments):
    keras.utils.set_random_seed(0)
    model = zoo.LSTMPB(**SIZES, **arguments)
    fit = {"learning_rate": 0.2, "pb_rate": 5, "epochs": 5, "verbose": 0}
    model.fit(some_tracks(), [0, 1], **fit)
    return model


def padded_tracks():
    tracks = np.zeros((2, 7, 4), "float32")
    for row, track in zip(tracks, some_tracks(), strict=True):
        row[: len(track)] = track
    return tracks


def answers(model):
    """What the three ways into the network return."""
    tracks, pb = padded_tracks(), ops.convert_to_numpy(model.pb)[:2]
    return {
        "serve": ops.convert_to_numpy(model((tracks, pb))),
        "features": model.recognise(some_tracks()),
        "made": model.generate(pb, tracks[:, 0], 6),
        "pb": pb,
    }


@pytest.mark.parametrize(
    "arguments",
    [{"context": "grid", "classes": 3, "name": "mine"}, {"dtype": "float64"}],
)
def test_a_keras_file_brings_everything_back(arguments, tmp_path):
    model = fitted(**arguments)
    want = answers(model)
    assert np.abs(want["pb"]).max() > 1e-3
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    config, policy = model.get_config(), model.dtype_policy
    keras.backend.clear_session()
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again) is zoo.LSTMPB
    assert again.get_config() == config and again.dtype_policy == policy
    other = zoo.LSTMPB.from_config(config)
    other.load_weights(tmp_path / "model.weights.h5")
    for loaded in again, other:
        for name, value in answers(loaded).items():
            np.testing.assert_array_equal(value, want[name], err_msg=name)


BARE = """
import sys, numpy as np, tensorflow as tf
loaded, given = tf.saved_model.load(sys.argv[1]), np.load(sys.argv[2])
np.savez(
    sys.argv[3],
    serve=loaded.serve(given["tracks"], given["pb"]),
    features=loaded.features(given["tracks"], given["lengths"]),
    short=loaded.features(given["tracks"][1:, :4], given["lengths"][1:]),
)
assert not any(name.split(".")[0] == "zoo" for name in sys.modules)
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="its SavedModel")
def test_tensorflow_alone_runs_a_saved_model(tmp_path):
    model = fitted(context="grid")
    want = answers(model)
    export(model, tmp_path / "saved")
    assert np.abs(want["features"]).max() > 1e-3
    want["short"] = want["features"][1:]
    tracks = padded_tracks()
    # What stands after a track's end is not read.
    tracks[1, LENGTHS[1] :] = np.nan
    want["serve"] = ops.convert_to_numpy(model((tracks, want["pb"])))
    given = {"tracks": tracks, "pb": want["pb"], "lengths": LENGTHS}
    np.savez(tmp_path / "given.npz", **given)
    paths = [str(tmp_path / name) for name in ("saved", "given.npz", "made.npz")]
    done = subprocess.run(
        [sys.executable, "-P", "-c", BARE, *paths],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "made.npz") as made:
        for name in "serve", "features", "short":
            np.testing.assert_allclose(made[name], want[name], atol=1e-6)
