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

BARE = """
import sys, numpy as np, tensorflow as tf
pictures = np.load("pictures.npy")
loaded = tf.saved_model.load("saved_model")
np.savez("out.npz", serve=loaded.serve(pictures), features=loaded.features(pictures))
assert not any(name.split(".")[0] == "zoo" for name in sys.modules)
"""


def raw_model(builder, size, **arguments):
    pictures = keras.Input((None, None, 3), name="pictures")
    return builder(input_tensor=PreparePictures(size)(pictures), **arguments)


def uint8_pictures(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


def test_saved_model_in_a_bare_process(tmp_path):
    model = raw_model(zoo.ShallowCNN, 32)
    pictures = uint8_pictures(2, 90, 130, 3)
    export(model, tmp_path / "saved_model", input_dtype="uint8")
    np.save(tmp_path / "pictures.npy", pictures)
    subprocess.run([sys.executable, "-P", "-c", BARE], check=True, cwd=tmp_path)
    written = (tmp_path / "saved_model" / "variables").glob("*.data*")
    size = sum(path.stat().st_size for path in written)
    assert size == pytest.approx(4 * model.count_params(), rel=0.1)  # once, not twice
    out = np.load(tmp_path / "out.npz")
    np.testing.assert_allclose(out["serve"], model(pictures), atol=1e-5)
    features = zoo.feature_extractor(model)(pictures)
    np.testing.assert_allclose(out["features"], features, atol=1e-5)


def test_prepare_pictures_is_resizing_and_scaling():
    pictures = uint8_pictures(2, 61, 47, 3)
    got = PreparePictures(20)(pictures)
    resized = tf.image.resize(pictures, (20, 20), antialias=True)
    np.testing.assert_allclose(got, resized / 127.5 - 1, atol=1e-5)
    with pytest.raises(ValueError, match="1 pixel or more. Received: 0"):
        PreparePictures(0)


def test_keras_file_needs_only_import_zoo(tmp_path):
    model = raw_model(zoo.ShallowCNN, 32)
    model.save(tmp_path / "model.keras")
    pictures = uint8_pictures(2, 50, 40, 3)
    np.save(tmp_path / "pictures.npy", pictures)
    code = (
        "import keras, numpy as np, zoo; "
        "model = keras.saving.load_model('model.keras'); "
        "np.save('out.npy', model.predict(np.load('pictures.npy'), verbose=0))"
    )
    root = str(pathlib.Path(zoo.__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {root!r}); {code}"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    np.testing.assert_allclose(
        np.load(tmp_path / "out.npy"), model(pictures), atol=1e-6
    )
