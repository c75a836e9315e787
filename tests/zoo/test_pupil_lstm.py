"""The pupil network: its layers, its training, and raw diameters in front of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import pupil_lstm
from zoo.export import export
from zoo.layers import LSTM, FilledDiameters, StandardisedDiameters


def raw(batch, samples, seed=0):
    """Diameters in metres with gaps, each series of another length."""
    generator = np.random.default_rng(seed)
    diameters = generator.normal(0.004, 0.0005, (batch, samples))
    diameters[generator.random(diameters.shape) < 0.2] = np.nan
    lengths = generator.integers(1, samples + 1, batch)
    diameters[np.arange(samples) >= lengths[:, None]] = 0
    return diameters.astype("float32")


def on_raw(layer, **arguments):
    """The network with the layer in front."""
    return zoo.PupilLSTM(input_tensor=layer(keras.Input((None,))), **arguments)


def test_layers():
    model = zoo.PupilLSTM()
    assert model.input_shape == (None, 1168, 1)
    shapes = {layer.name: layer.output.shape[1:] for layer in model.layers[1:]}
    assert shapes == {
        "lstm": (1168, 10),
        "flatten": (11680,),
        "fc1": (200,),
        "fc1_dropout": (200,),
        "features": (20,),
        "dropout": (20,),
        "predictions": (2,),
    }
    for name in "fc1", "features":
        assert model.get_layer(name).activation is keras.activations.sigmoid
    for name in "fc1_dropout", "dropout":
        assert model.get_layer(name).rate == 0.5
    assert type(model.get_layer("lstm")) is LSTM


def test_arguments():
    frames = keras.Input((30, 2))
    model = zoo.PupilLSTM(
        input_tensor=frames,
        classes=5,
        classifier_activation=None,
        name="mine",
        dropout=0.2,
    )
    assert model.input is frames and model.name == "mine"
    assert model.get_layer("fc1_dropout").rate == 0.2
    assert model.get_layer("dropout").rate == 0.2
    x = np.random.default_rng(0).normal(size=(3, 30, 2)).astype("float32")
    features = keras.ops.convert_to_numpy(zoo.feature_extractor(model)(x))
    assert features.shape == (3, 20) and ((features > 0) & (features < 1)).all()
    kernel, bias = model.get_layer("predictions").get_weights()
    np.testing.assert_allclose(model(x), features @ kernel + bias, atol=1e-5)
    headless = zoo.PupilLSTM(include_top=False, input_shape=(30, 2))
    assert headless.output.shape == (None, 20)


@pytest.mark.parametrize("shape", [(None, 1), (None, 2)])
def test_the_number_of_samples_has_to_be_known(shape):
    for arguments in {"input_shape": shape}, {"input_tensor": keras.Input(shape)}:
        with pytest.raises(ValueError, match=r"\(samples, width\).* Received: \(None"):
            zoo.PupilLSTM(**arguments)


@pytest.mark.parametrize("shape", [(1168,), (1168, None), (0, 1), (9, 9, 1)])
def test_bad_shapes(shape):
    with pytest.raises(ValueError, match="Wrong input_shape: expected"):
        zoo.PupilLSTM(input_shape=shape)


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_own_files_load_back(suffix, tmp_path, monkeypatch):
    path = tmp_path / f"model{suffix}"
    with monkeypatch.context() as patch:
        # A file of the same network with Keras's LSTM.
        patch.setattr(pupil_lstm, "LSTM", keras.layers.LSTM)
        model = zoo.PupilLSTM(input_shape=(30, 1))
    model.save(path) if suffix == ".keras" else model.save_weights(path)
    again = zoo.PupilLSTM(input_shape=(30, 1), weights=path)
    for ours, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    with pytest.warns(UserWarning, match="2 classes and the model has 3"):
        zoo.PupilLSTM(input_shape=(30, 1), weights=path, classes=3)
    with pytest.raises(ValueError, match=r"fc1/kernel: expected \(200, 200\)"):
        zoo.PupilLSTM(input_shape=(20, 1), weights=path)


@pytest.mark.parametrize("layer", [FilledDiameters, StandardisedDiameters])
def test_raw_diameters_into_a_saved_model(layer, tmp_path):
    model = on_raw(layer(40))
    if layer is StandardisedDiameters:
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
        model.fit(raw(20, 40), np.arange(20) % 2, batch_size=5, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    export(model, tmp_path / "saved")
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    for batch, samples in [(1, 30), (4, 40), (3, 70)]:
        x = raw(batch, samples)
        want = keras.ops.convert_to_numpy(model(x))
        assert want.shape == (batch, 2)
        assert batch == 1 or np.ptp(want[:, 0]) > 1e-6
        np.testing.assert_allclose(want.sum(axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(loaded.serve(x), want, atol=1e-6)
        np.testing.assert_array_equal(again(x), want)
        assert loaded.features(x).shape == (batch, 20)
    # Nothing of how it was trained is left in it.
    graph = (tmp_path / "saved" / "saved_model.pb").read_bytes()
    assert b"lstm" in graph
    assert b"lstm_forward" not in graph and b"lstm_backward" not in graph
