import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.export import export
from zoo.layers import (
    AlignedFace,
    FrameGeometry,
    LocalStandardisation,
    PreparePictures,
    TemporalContext,
)

BARE = """
import sys, numpy as np, tensorflow as tf
for name in sys.argv[1:]:
    inputs = np.load(f"{name}.npy")
    loaded = tf.saved_model.load(name)
    ends = [end for end in ["serve", "features"] if hasattr(loaded, end)]
    np.savez(f"{name}.npz", **{end: getattr(loaded, end)(inputs) for end in ends})
assert not any(name.split(".")[0] == "zoo" for name in sys.modules)
"""


def raw_model(builder, size, **arguments):
    pictures = keras.Input((None, None, 3), name="pictures")
    return builder(input_tensor=PreparePictures(size)(pictures), **arguments)


def uint8_pictures(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


def kinect_points(*shape):
    generator = np.random.default_rng(0)
    points = generator.normal((320, 240, 1200), (30, 40, 15), (*shape, 100, 3))
    points[..., 2] *= generator.random((*shape, 100)) > 0.1
    return np.round(points).astype("uint16")


def kinect_models():
    """A network on recordings, and a model that ends in its features."""
    points = keras.Input((None, 100, 3))
    parts = [FrameGeometry(relative_depth=True)(points), AlignedFace()(points)]
    x = LocalStandardisation(21)(keras.layers.Concatenate()(parts))
    features = keras.Model(points, TemporalContext(name="features")(x))
    return zoo.GrammaticalSequence(input_tensor=x), features


def run_in_a_bare_process(models, folder):
    """What the endpoints of each SavedModel return where nothing of ours is."""
    for name, (model, inputs) in models.items():
        export(model, folder / name, input_dtype=inputs.dtype.name)
        np.save(folder / f"{name}.npy", inputs)
    bare = {name: os.environ[name] for name in os.environ if name != "PYTHONPATH"}
    command = [sys.executable, "-P", "-c", BARE, *models]
    subprocess.run(command, check=True, cwd=folder, env=bare)
    return {name: dict(np.load(folder / f"{name}.npz")) for name in models}


def test_saved_models_in_a_bare_process(tmp_path):
    cnn, points = raw_model(zoo.ShallowCNN, 32), kinect_points(2, 40)
    network, context = kinect_models()
    models = {
        "cnn": (cnn, uint8_pictures(2, 90, 130, 3)),
        "network": (network, points),
        "context": (context, points),
    }
    results = run_in_a_bare_process(models, tmp_path)
    written = (tmp_path / "cnn" / "variables").glob("*.data*")
    size = sum(path.stat().st_size for path in written)
    assert size == pytest.approx(4 * cnn.count_params(), rel=0.1)  # once, not twice
    for name, (model, inputs) in models.items():
        want = {"features": zoo.feature_extractor(model)(inputs)}
        if name != "context":  # this one ends in its features
            want["serve"] = model(inputs)
        assert results[name].keys() == want.keys()
        # The standardised depths of the recordings reach 10, and some spreads are 0.
        tolerance = 1e-5 if name == "cnn" else 2e-3
        for end, value in want.items():
            np.testing.assert_allclose(results[name][end], value, atol=tolerance)


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
