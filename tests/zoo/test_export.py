import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.export import export
from zoo.layers import PreparePictures


def raw_model(builder, size, **arguments):
    pictures = keras.Input((None, None, 3), name="pictures")
    return builder(input_tensor=PreparePictures(size)(pictures), **arguments)


def uint8_pictures(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


def test_a_saved_model_in_a_bare_process(served, tmp_path):
    model, inputs = raw_model(zoo.ShallowCNN, 32), uint8_pictures(2, 90, 130, 3)
    export(model, tmp_path, input_dtype="uint8")
    got = served(tmp_path, inputs)
    want = {"features": zoo.feature_extractor(model)(inputs), "serve": model(inputs)}
    assert got.keys() == want.keys()
    for end, value in want.items():
        np.testing.assert_allclose(got[end], value, atol=1e-5)
    written = (path for path in tmp_path.rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in written)
    assert size == pytest.approx(4 * model.count_params(), rel=0.1)  # once, not twice


def test_a_saved_model_is_replaced_when_the_new_one_is_complete(tmp_path, monkeypatch):
    models = [zoo.GrammaticalMLP(input_shape=(n,), hidden=2) for n in (4, 5)]
    path = tmp_path / "folder" / "model"
    export(models[0], path)
    assert width(path) == 4
    before = sorted(path.rglob("*"))

    def fail(_, folder, *args, **settings):
        pathlib.Path(folder).mkdir()
        (pathlib.Path(folder) / "saved_model.pb").touch()
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tf.saved_model, "save", fail)
        with pytest.raises(OSError, match="No space"):
            export(models[1], path)
    assert width(path) == 4 and sorted(path.rglob("*")) == before
    assert list(path.parent.iterdir()) == [path]
    (path / "variables" / "stale").touch()
    export(models[1], path)
    assert width(path) == 5 and sorted(path.rglob("*")) == before
    # What is not of a SavedModel stays.
    (path / "notes.txt").write_text("mine")
    export(models[0], path)
    assert width(path) == 4 and (path / "notes.txt").read_text() == "mine"
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(NotADirectoryError, match="path of a folder"):
        export(models[0], path / "notes.txt")
    empty, link = tmp_path / "empty", tmp_path / "link"
    empty.mkdir()
    link.symlink_to(empty)
    export(models[0], link)
    assert link.is_symlink() and width(empty) == 4


def width(path):
    loaded = tf.saved_model.load(path)
    return loaded.serve.concrete_functions[0].inputs[0].shape[1]


def test_prepare_pictures_is_resizing_and_scaling():
    pictures = uint8_pictures(2, 61, 47, 3)
    got = PreparePictures(20)(pictures)
    resized = tf.image.resize(pictures, (20, 20), antialias=True)
    np.testing.assert_allclose(got, resized / 127.5 - 1, atol=1e-5)
    with pytest.raises(ValueError, match="1 pixel or more. Received: 0"):
        PreparePictures(0)


IMPORT_ZOO = """
import sys, keras, numpy as np, zoo
model = keras.saving.load_model(sys.argv[1] + "/model.keras")
pictures = np.load(sys.argv[1] + "/pictures.npy")
np.save(sys.argv[1] + "/out.npy", model.predict(pictures, verbose=0))
"""


def test_import_zoo_is_enough_for_a_keras_file(tmp_path):
    model = raw_model(zoo.ShallowCNN, 32)
    model.save(tmp_path / "model.keras")
    pictures = uint8_pictures(2, 50, 40, 3)
    np.save(tmp_path / "pictures.npy", pictures)
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ZOO, str(tmp_path)],
        cwd=pathlib.Path(zoo.__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(
        np.load(tmp_path / "out.npy"), model(pictures), atol=1e-6
    )
