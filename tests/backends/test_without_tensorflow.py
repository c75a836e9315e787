"""What a backend's own environment has, and what is said where it has too little."""

import importlib.util
import sys

import backend_cases as cases
import keras
import pytest

import zoo


def test_there_is_no_tensorflow():
    assert keras.backend.backend() in ("jax", "torch")
    assert importlib.util.find_spec("tensorflow") is None
    assert "tensorflow" not in sys.modules


def test_nothing_is_left_out():
    """Neither what Keras finds in files, nor what `zoo` offers, nor a row too many."""
    contexts = [f"LSTMPB, {context}" for context in cases.CONTEXTS]
    names = [*cases.BUILDERS, *cases.MODELS, *contexts, *cases.PRUNING]
    assert list(cases.documented(keras.backend.backend())) == names
    compared = {name.replace(",", " ").split()[0] for name in names}
    registered = [n for n in keras.saving.get_custom_objects() if n.startswith("zoo>")]
    assert {name.removeprefix("zoo>") for name in registered} <= compared
    networks = {name for name in zoo.__all__ if name[0].isupper()}
    assert networks - {"TrainedRun"} <= compared


def test_a_checkpoint_of_tensorflow(tmp_path):
    (tmp_path / "inception_v4.ckpt.index").touch()
    with pytest.raises(ImportError, match=r'pip install "duchenne\[tensorflow\]"'):
        zoo.InceptionV4(weights=tmp_path / "inception_v4.ckpt", input_shape=(75, 75, 3))


def test_a_saved_model(tmp_path):
    with pytest.raises(RuntimeError, match="KERAS_BACKEND=tensorflow"):
        zoo.export.export(zoo.PupilCourse(), tmp_path / "saved")
