"""What `zoo.export` refuses, and that a failure leaves nothing behind."""

import sys

import keras
import pytest

import zoo
from zoo import export

WRITERS = [export.onnx, export.litert]


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
    path = tmp_path / "model"
    path.write_bytes(b"before")
    with pytest.raises(ValueError, match="nothing for a part of eigen"):
        write(keras.Model(source, x, name="eigen"), path)
    assert [one.name for one in tmp_path.iterdir()] == ["model"]
    assert path.read_bytes() == b"before"


@pytest.mark.parametrize("write", WRITERS)
def test_paths(write, perceptron, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist.*absent"):
        write(perceptron, tmp_path / "absent" / "model")
    with pytest.raises(IsADirectoryError, match="path of a file"):
        write(perceptron, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", WRITERS)
def test_models(write, tmp_path):
    path = tmp_path / "model"
    with pytest.raises(ValueError, match="no layer named 'features'"):
        write(zoo.ShallowCNN(include_top=False), path)
    two = [keras.Input((2,)), keras.Input((2,))]
    features = keras.layers.Add(name="features")(two)
    with pytest.raises(ValueError, match="one input.*Received: 2"):
        write(keras.Model(two, features), path)
    lstm_pb = zoo.LSTMPB(2, 1, 2, 2, 2)
    with pytest.raises(ValueError, match="leave input_dtype out"):
        write(lstm_pb, path, input_dtype="uint8")


@pytest.mark.parametrize("write", WRITERS)
def test_another_backend(write, perceptron, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="on the TensorFlow backend.*jax"):
        write(perceptron, tmp_path / "model")


@pytest.mark.parametrize("missing", ["onnx", "tf2onnx"])
def test_missing_extra(missing, perceptron, tmp_path, monkeypatch):
    for name in (missing, f"{missing}.convert"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "duchenne\[export\]"'):
        export.onnx(perceptron, tmp_path / "model.onnx")


@pytest.mark.parametrize("write", WRITERS)
def test_converters_say_nothing(write, tmp_path, capfd):
    write(zoo.GrammaticalSequence(), tmp_path / "model")
    assert capfd.readouterr() == ("", "")
