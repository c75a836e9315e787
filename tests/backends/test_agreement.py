"""The same weights, inputs and steps on another backend as TensorFlow had."""

import backend_cases as cases
import keras
import numpy as np
import pytest

import zoo

BUILDERS, MODELS = list(cases.BUILDERS), list(cases.MODELS)
LSTMPB = [f"LSTMPB, {context}" for context in cases.CONTEXTS]


def wanted(reference, name):
    with np.load(reference / f"{name}.npz") as file:
        return dict(file)


def compare(agreed, model, want):
    """Answers, then a step of training where the reference has one."""
    for what, got in cases.answers(model, want["x"]).items():
        agreed.check(what, got, want[what])
    if "truth" not in want:
        return
    loss, changes = cases.step(model, want["x"], want["truth"])
    assert np.isfinite(loss)
    agreed.check("loss", np.array(loss), want["loss"])
    expected = [want[f"change_{n:03}"] for n in range(len(changes))]
    for variable, change in zip(model.weights, expected, strict=True):
        # An LSTM's first step has nothing before it.
        unused = agreed.name == "GrammaticalLSTM" and "recurrent" in variable.path
        assert change.any() == (variable.trainable and not unused), variable.path
    if agreed.name == "InceptionV4":
        # Of a million ReLUs, some input may round to the other side of 0, which changes
        # the gradients of all before it: they are compared as one vector.
        squares = [
            np.square(b - a).sum() for a, b in zip(expected, changes, strict=True)
        ]
        total = np.sqrt(sum(squares) / sum(np.square(a).sum() for a in expected))
        assert total < 0.01
        return
    for variable, a, b in zip(model.weights, expected, changes, strict=True):
        # Relative to the largest change in this tensor.
        agreed.check(f"change of {variable.path}", b, a, np.abs(a).max() or 1.0)


@pytest.mark.parametrize("name", BUILDERS)
def test_a_builder_with_a_weight_file(name, reference, agreement):
    model = cases.build(name, weights=reference / f"{name}.weights.h5")
    compare(agreement(name), model, wanted(reference, name))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_from_a_keras_file(name, reference, agreement):
    model = keras.saving.load_model(reference / f"{name}.keras")
    compare(agreement(name), model, wanted(reference, name))


@pytest.mark.parametrize("name", LSTMPB)
def test_the_modes_of_the_network_with_parametric_bias(name, reference, agreement):
    model = keras.saving.load_model(reference / f"{name}.keras")
    want, before = wanted(reference, name), model.get_weights()
    for what, got in cases.modes(model).items():
        agreement(name).check(what, got, want[what])
    after = model.get_weights()
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("name", cases.PRUNING)
def test_pruning(name, reference, agreement):
    model = keras.saving.load_model(reference / f"{name}.keras")
    want = wanted(reference, name)
    patterns = want.pop("patterns")
    found = cases.PRUNING[name](model, patterns)
    assert 0 < len(want["kept"]) and want["kept"].size != 24
    for what, got in found.items():
        agreement(name).check(what, got, want[what])


def test_train_layers():
    model = zoo.train_layers(cases.build("ShallowCNN"), "conv_4")
    _, changes = cases.step(model, cases.pictures(48), cases.labels(4))
    pairs = zip(model.weights, changes, strict=True)
    moved = {variable.path.split("/")[0] for variable, change in pairs if change.any()}
    assert moved == {"conv_4", "predictions"}
