"""Models that are not of the zoo, or of less than full precision, in every format."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
import zoo.export
from tests.zoo.helpers import Scaled
from zoo import inception_v4
from zoo.layers import PreparePictures

RANDOM = np.random.default_rng(0)


def saved_model(model, inputs, path):
    zoo.export.export(model, path / "saved_model")
    loaded = tf.saved_model.load(path / "saved_model")
    answers = {"probabilities": loaded.serve(inputs)}
    return {**answers, "features": loaded.features(inputs)}


def onnx(model, inputs, path, dtype=None):
    import onnxruntime

    zoo.export.onnx(model, path / "model.onnx", input_dtype=dtype)
    session = onnxruntime.InferenceSession(path / "model.onnx")
    names = [output.name for output in session.get_outputs()]
    answers = session.run(None, {session.get_inputs()[0].name: inputs})
    return dict(zip(names, answers, strict=True))


def litert(model, inputs, path):
    from ai_edge_litert.interpreter import Interpreter

    zoo.export.litert(model, path / "model.tflite")
    serve = Interpreter(str(path / "model.tflite")).get_signature_runner("serve")
    return serve(**dict.fromkeys(serve.get_input_details(), inputs))


def test_one_of_each_block_of_inception_v4_in_onnx(tmp_path):
    """What of the large tests of `InceptionV4` always runs."""
    keras.utils.set_random_seed(0)
    raw = keras.Input((None, None, 3), name="pictures")
    x = inception_v4.stem(PreparePictures(75)(raw))
    for letter in ("inception_a", "reduction_a", "inception_b", "reduction_b"):
        x = getattr(inception_v4, letter)(x, letter)
    x = inception_v4.inception_c(x, "inception_c")
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    model = keras.Model(raw, keras.layers.Dense(3, activation="softmax")(x))
    inputs = RANDOM.integers(0, 256, (2, 90, 60, 3)).astype("uint8")
    got = onnx(model, inputs, tmp_path, "uint8")
    features = zoo.feature_extractor(model)(inputs)
    np.testing.assert_allclose(got["probabilities"], model(inputs), atol=1e-4)
    np.testing.assert_allclose(got["features"], features, atol=1e-4, rtol=1e-4)
    assert np.ptp(features) > 0.1


@pytest.mark.parametrize("policy", ["mixed_float16", "float16"])
def test_half_the_bits_of_large_pictures_in_onnx(policy, tmp_path):
    """The numbers of their pixels are beyond what half the bits hold."""
    inputs = np.tile(np.arange(2500) // 10 % 256, (1, 40, 1))[..., None].repeat(3, -1)
    keras.config.set_dtype_policy(policy)
    try:
        raw = keras.Input((None, None, 3))
        x = keras.layers.Flatten(name="features")(PreparePictures(50)(raw))
        model = keras.Model(raw, x)
    finally:
        keras.config.set_dtype_policy("float32")
    got = onnx(model, inputs.astype("uint8"), tmp_path, "uint8")["features"]
    want = tf.image.resize(inputs, (50, 50), antialias=True) / 127.5 - 1
    assert got.dtype == "float16"
    np.testing.assert_allclose(got, np.reshape(want, (1, -1)), atol=2e-3)


def sequential(*layers):
    before = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)]
    pooling = keras.layers.GlobalAveragePooling2D(name="features")
    return keras.Sequential([*before, *layers, pooling, keras.layers.Dense(2)])


def called():
    """Made layer by layer, and built by a call with one picture."""
    model = keras.Sequential()
    for layer in sequential().layers:
        model.add(type(layer).from_config(layer.get_config()))
    model(np.zeros((1, 8, 8, 3)))
    return model


def used_again():
    """Its layers are those of another model, too."""
    model = sequential()
    keras.Sequential([keras.Input((8, 8, 3)), *model.layers])
    return model


def functional(*layers):
    model = sequential(keras.layers.BatchNormalization(), *layers)
    return model.inputs[0], model.outputs[0]


def by_name(source, output):
    return keras.Model({source.name: source}, output)


KINDS = {
    "Sequential": sequential,
    "Sequential, called": called,
    "Sequential, used again": used_again,
    "Sequential, normalised": lambda: sequential(keras.layers.BatchNormalization()),
    "call of its own": lambda: Scaled(*functional()),
    "Lambda": lambda: keras.Model(*functional(keras.layers.Lambda(lambda x: x * 2))),
    "inputs by name": lambda: by_name(*functional()),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("run", [saved_model, onnx, litert])
def test_models_of_other_kinds(kind, run, tmp_path):
    model, inputs = KINDS[kind](), RANDOM.normal(size=(2, 8, 8, 3)).astype("float32")
    by_names = {model.inputs[0].name: inputs}
    given = by_names if kind == "inputs by name" else inputs
    got = run(model, inputs, tmp_path)
    assert got.keys() == {"probabilities", "features"}
    assert np.ptp(model(given)) > 0.01
    np.testing.assert_allclose(got["probabilities"], model(given), atol=1e-4)
