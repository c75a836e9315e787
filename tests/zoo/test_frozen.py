"""What `zoo.export.export` does to convolutional networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import zoo
from tests.zoo.helpers import Scaled
from zoo.export import export
from zoo.folding import fold
from zoo.layers import PreparePictures


@pytest.fixture(scope="module")
def model():
    """A network with a normalisation that can go and one that cannot."""
    keras.utils.set_random_seed(0)
    pictures = keras.Input((None, None, 3), name="pictures")
    x = layers.Conv2D(16, 3, use_bias=False)(PreparePictures(32)(pictures))
    x = layers.BatchNormalization(name="goes")(x)
    x = layers.BatchNormalization(name="stays")(layers.ReLU()(x))
    x = layers.Conv2D(256, 3, activation="relu")(layers.MaxPooling2D()(x))
    x = layers.GlobalAveragePooling2D(name="features")(x)
    x = layers.Dense(3, activation="softmax")(layers.Dropout(0.5)(x))
    model = keras.Model(pictures, x)
    generator = np.random.default_rng(0)
    for name in ("goes", "stays"):
        for variable in model.get_layer(name).weights:
            variable.assign(generator.uniform(0.5, 2, variable.shape))
    return model


def pictures():
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (3, 50, 40, 3)).astype("uint8")


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def names(folder):
    """The operations that `serve` makes, in whatever functions."""
    graph = tf.saved_model.load(folder).serve.concrete_functions[0].graph.as_graph_def()
    inside = [node for function in graph.library.function for node in function.node_def]
    return {node.op for node in [*graph.node, *inside]}


def test_folded(model, served, tmp_path):
    export(model, tmp_path, input_dtype="uint8")
    got = served(tmp_path, pictures())
    features = zoo.feature_extractor(model)(pictures())
    np.testing.assert_allclose(got["serve"], model(pictures()), atol=1e-5)
    np.testing.assert_allclose(got["features"], features, rtol=1e-4, atol=1e-5)
    assert names(tmp_path) >= {"Conv2D", "ReadVariableOp"}
    written = tf.train.list_variables(str(tmp_path / "variables" / "variables"))
    values = sum(int(np.prod(shape)) for _, shape in written if shape)
    assert values == pytest.approx(fold(model).count_params(), abs=10)
    assert values < model.count_params() - 10


def test_half_the_bits(model, served, tmp_path):
    export(model, tmp_path / "half", input_dtype="uint8", dtype="bfloat16")
    assert "ReadVariableOp" not in names(tmp_path / "half")
    got = served(tmp_path / "half", pictures())
    features = np.array(zoo.feature_extractor(model)(pictures()))
    assert got["serve"].dtype == got["features"].dtype == np.float32
    np.testing.assert_allclose(got["serve"], model(pictures()), atol=0.02)
    # The probabilities themselves are not rounded.
    np.testing.assert_allclose(got["serve"].sum(-1), 1, atol=1e-6)
    wrong = np.abs(got["features"] - features).max() / features.max()
    assert 1e-5 < wrong < 0.02  # computed in bfloat16, and not much worse for it
    weights = 2 * model.count_params()  # beside them the graph, and no second copy
    assert weights < size(tmp_path / "half") < 1.5 * weights + 20_000


def test_refused(model, tmp_path):
    with pytest.raises(ValueError, match="None or \"bfloat16\". Received: 'float16'"):
        export(model, tmp_path / "a", dtype="float16")
    recurrent = zoo.GrammaticalSequence(input_shape=(None, 300))
    for other in (zoo.LSTMPB(4, 1), recurrent):
        with pytest.raises(ValueError, match="2-D convolutions; leave it out"):
            export(other, tmp_path / "a", dtype="bfloat16")
    own = Scaled(model.inputs[0], model.outputs[0])
    with pytest.raises(ValueError, match="Scaled has a call method of its own"):
        export(own, tmp_path / "a", dtype="bfloat16")
    assert not list(tmp_path.iterdir())
