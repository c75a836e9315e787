"""What `zoo.export` refuses, and that a failure leaves nothing behind."""

import sys
from concurrent import futures

import keras
import numpy as np
import pytest

import zoo
from zoo import export
from zoo.layers import PreparePictures

WRITERS = [export.onnx, export.litert]
NAMES = {export.export: "model", export.onnx: "model.onnx"}
NAMES |= {export.litert: "model.tflite"}


@pytest.fixture
def perceptron():
    return zoo.GrammaticalMLP(input_shape=(4,), hidden=3)


@keras.saving.register_keras_serializable(package="tests")
class Eigenvalues(keras.layers.Layer):
    """Something that neither format has an operation for."""

    def call(self, x):
        return keras.ops.linalg.eigh(x[:, :, None] * x[:, None])[0]


@pytest.mark.parametrize("write", WRITERS)
def test_unknown_operation_leaves_the_file_before(write, tmp_path):
    source = keras.Input((4,))
    x = Eigenvalues(name="features")(source)
    path = tmp_path / NAMES[write]
    path.write_bytes(b"before")
    with pytest.raises(ValueError, match="nothing for a part of eigen"):
        write(keras.Model(source, x, name="eigen"), path)
    assert [one.name for one in tmp_path.iterdir()] == [NAMES[write]]
    assert path.read_bytes() == b"before"


@pytest.mark.parametrize("write", WRITERS)
def test_paths(write, perceptron, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist.*absent"):
        write(perceptron, tmp_path / "absent" / NAMES[write])
    folder = tmp_path / NAMES[write]
    folder.mkdir()
    with pytest.raises(IsADirectoryError, match="path of a file"):
        write(perceptron, folder)
    with pytest.raises(ValueError, match=r"ends in \.(onnx|tflite)\. Received.*x.txt"):
        write(perceptron, tmp_path / "x.txt")
    assert list(tmp_path.iterdir()) == [folder] and not list(folder.iterdir())


@pytest.mark.parametrize("write", NAMES)
def test_models(write, perceptron, tmp_path):
    path = tmp_path / NAMES[write]
    with pytest.raises(ValueError, match="no layer named 'features'"):
        write(zoo.ShallowCNN(include_top=False), path)
    two = [keras.Input((2,)), keras.Input((2,))]
    features = keras.layers.Add(name="features")(two)
    with pytest.raises(ValueError, match="one input and one.*Received: 2 .* 1"):
        write(keras.Model(two, features), path)
    both = [features, keras.layers.Dense(1)(features)]
    with pytest.raises(ValueError, match="Received: 2 .* and 2"):
        write(keras.Model(two, both), path)
    for model, told in [("a", "'a'"), (keras.Sequential(), "no layers yet")]:
        with pytest.raises(ValueError, match=f"Expected a built.*Received: .*{told}"):
            write(model, path)
    with pytest.raises(ValueError, match="leave input_dtype out"):
        write(zoo.LSTMPB(2, 1, 2, 2, 2), path, input_dtype="uint8")
    for dtype in ("complex", "complex64", "string", 3):
        with pytest.raises(ValueError, match=f"dtype of numbers.*Received: .?{dtype}"):
            write(perceptron, path, input_dtype=dtype)
    assert not list(tmp_path.iterdir())


def recurrent(*layers, **shape):
    stack = [keras.Input(**shape), *layers, keras.layers.Dense(2, name="features")]
    return keras.Sequential(stack)


@pytest.mark.parametrize("write", WRITERS)
def test_recurrent_layers_that_no_loop_stands_for(write, tmp_path):
    path = tmp_path / NAMES[write]
    layer = keras.layers.LSTM(3, stateful=True, name="held")
    with pytest.raises(ValueError, match="'held' is stateful"):
        write(recurrent(layer, batch_shape=(2, 7, 4)), path)
    if write is export.litert:
        cells = [keras.layers.LSTMCell(3), keras.layers.GRUCell(5)]
        layer = keras.layers.RNN(cells, name="stack")
        with pytest.raises(ValueError, match="'stack' is a loop of several cells"):
            write(recurrent(layer, shape=(7, 4)), path)
    assert not list(tmp_path.iterdir())


def test_half_the_bits_in_onnx(tmp_path):
    model = zoo.GrammaticalMLP(input_shape=(4,), hidden=3)
    config = model.get_config()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = zoo.GrammaticalMLP(input_shape=(4,), hidden=3)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_config() != config
    with pytest.raises(ValueError, match='cannot be written in bfloat16.*"float32"'):
        export.onnx(model, tmp_path / "model.onnx")


@pytest.mark.parametrize("write", WRITERS)
def test_another_backend(write, perceptron, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="on the TensorFlow backend.*jax"):
        write(perceptron, tmp_path / NAMES[write])


@pytest.mark.parametrize("missing", ["onnx", "tf2onnx"])
def test_missing_extra(missing, perceptron, tmp_path, monkeypatch):
    for name in (missing, f"{missing}.convert"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "duchenne\[export\]"'):
        export.onnx(perceptron, tmp_path / "model.onnx")


def test_one_model_in_two_threads(tmp_path):
    """Tracing changes layers of the model for a while."""
    import onnxruntime

    pictures = keras.Input((None, None, 3))
    model = zoo.ShallowCNN(input_tensor=PreparePictures(32)(pictures))
    paths = [tmp_path / f"{n}.onnx" for n in range(2)]
    with futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda path: export.onnx(model, path), paths))
    picture = np.random.default_rng(0).uniform(0, 255, (1, 50, 40, 3)).astype("float32")
    for path in paths:
        session = onnxruntime.InferenceSession(path)
        told = session.run(None, {session.get_inputs()[0].name: picture})[0]
        np.testing.assert_allclose(told, model(picture), atol=1e-5)
    assert not any("call" in vars(layer) for layer in model.layers)
