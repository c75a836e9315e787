"""Every model in every format, run by that format's own runtime.

`table()` is the table of docs/exports.md: `PYTHONPATH=. python <this file>` writes it.
"""

import functools
import pathlib
import types
from dataclasses import dataclass

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
import zoo.export
from experiments.gfe.method import Method
from zoo.layers import (
    AlignedMesh,
    FilledDiameters,
    PreparePictures,
    StandardisedDiameters,
)

DOCS = pathlib.Path(zoo.__file__).parents[1] / "docs/exports.md"
RANDOM = np.random.default_rng(0)


ALL = (".keras", "SavedModel", "ONNX", "LiteRT")


@dataclass
class Case:
    """A model and what it is tried on.

    Attributes:
        takes: what the docs say of its input.
        build: function to the model.
        inputs: what it takes; of an `LSTMPB` a dict of what its endpoints take.
        large: the formats in which a file takes long to write.
    """

    takes: str
    build: callable
    inputs: np.ndarray | dict
    large: tuple = ()


def pictures(*shape):
    return RANDOM.integers(0, 256, (*shape, 3)).astype("uint8")


def kinect(*shape):
    points = RANDOM.normal((320, 240, 1200), (30, 40, 15), (*shape, 100, 3))
    points[..., 2] *= RANDOM.random((*shape, 100)) > 0.1  # not measured
    return np.round(points).astype("uint16")


def numbers(*shape):
    return RANDOM.normal(size=shape).astype("float32")


def diameters(*shape):
    series = RANDOM.normal(3, 0.3, shape)
    series[RANDOM.random(shape) < 0.1] = np.nan
    series[0, -9:] = 0
    return series.astype("float32")


def from_pictures(builder, size):
    raw = keras.Input((None, None, 3), name="pictures")
    return builder(input_tensor=PreparePictures(size)(raw))


def from_diameters(builder, front, samples):
    raw = keras.Input((None,), name="raw_diameters")
    return builder(input_tensor=front(samples)(raw))


def from_mesh():
    """A network on both that `AlignedMesh` returns: the points and the pose."""
    points = keras.Input((478, 3), name="points")
    both = [keras.layers.Flatten()(one) for one in AlignedMesh()(points)]
    x = keras.layers.Dense(8, name="features")(keras.layers.Concatenate()(both))
    return keras.Model(points, keras.layers.Dense(2, activation="softmax")(x))


def study(builder, z_score="train", features="learned"):
    """The model that a GFE study saves, with two expressions."""
    settings = types.SimpleNamespace(people="new", z_score=z_score, features=features)
    settings.learning_rate, settings.dropout = 0.1, 0.0
    method = Method(builder, settings)
    scale = {"mean": numbers(method.width), "variance": RANDOM.random(method.width)}
    scale = {name: 100 * value + 10 for name, value in scale.items()}
    learned = {
        name: {"weights": method.build(name).get_weights(), **scale}
        for name in ("topics", "negative")
    }
    return method.saved_model(learned)


def pb_inputs():
    """Tracks of two lengths, and PB vectors."""
    return {
        "tracks": np.clip(numbers(2, 9, 6) / 2, -1, 1),
        "lengths": np.array([9, 6], "int32"),
        "pb": numbers(2, 5),
    }


def lstm_pb(depth):
    return zoo.LSTMPB(24, depth, pb_units=5, context_units=7, features=6)


CASES = {
    "InceptionV4": Case(
        "pictures, prepared",
        lambda: zoo.InceptionV4(input_shape=(75, 75, 3)),
        numbers(2, 75, 75, 3),
        large=ALL,
    ),
    "InceptionV4, PreparePictures": Case(
        "uint8 pictures of any size",
        lambda: from_pictures(zoo.InceptionV4, 75),
        pictures(2, 90, 60),
        large=ALL,
    ),
    "ShallowCNN": Case(
        "pictures, prepared",
        lambda: zoo.ShallowCNN(input_shape=(32, 32, 3)),
        numbers(2, 32, 32, 3),
    ),
    "ShallowCNN, PreparePictures": Case(
        "uint8 pictures of any size",
        lambda: from_pictures(zoo.ShallowCNN, 32),
        pictures(2, 90, 20),
    ),
    "GrammaticalLSTM": Case(
        "features of steps",
        lambda: zoo.GrammaticalLSTM(input_shape=(None, 118)),
        numbers(2, 5, 118),
    ),
    "GrammaticalLSTM, as studies save it": Case(
        "Kinect points of frames",
        lambda: study("GrammaticalLSTM"),
        kinect(4),
        large=ALL,
    ),
    "GrammaticalMLP": Case("features of frames", zoo.GrammaticalMLP, numbers(3, 118)),
    "GrammaticalMLP, as studies save it": Case(
        "Kinect points of a recording",
        lambda: study("GrammaticalMLP", z_score="recording"),
        kinect(9),
        large=(".keras", "SavedModel"),
    ),
    "GrammaticalSequence": Case(
        "features of recordings", zoo.GrammaticalSequence, numbers(2, 12, 118)
    ),
    "GrammaticalSequence, as studies save it": Case(
        "Kinect points of recordings",
        lambda: study("GrammaticalSequence"),
        kinect(2, 160),
        large=(".keras", "SavedModel"),
    ),
    "TemporalContext, as the boosted study saves it": Case(
        "Kinect points of recordings",
        lambda: study("GrammaticalSequence", features="geometric"),
        kinect(2, 20),
        large=ALL,
    ),
    "PupilLSTM": Case(
        "diameters, prepared",
        lambda: zoo.PupilLSTM(input_shape=(40, 2)),
        numbers(2, 40, 2),
    ),
    "PupilLSTM, FilledDiameters": Case(
        "raw diameters, series of any length",
        lambda: from_diameters(zoo.PupilLSTM, FilledDiameters, 40),
        diameters(2, 50),
        large=("SavedModel",),
    ),
    "PupilLSTM, StandardisedDiameters": Case(
        "raw diameters, series of any length",
        lambda: from_diameters(zoo.PupilLSTM, StandardisedDiameters, 1168),
        diameters(2, 1000),
        large=ALL,
    ),
    "PupilCourse": Case("diameters, prepared", zoo.PupilCourse, numbers(2, 720, 2)),
    "PupilCourse, StandardisedDiameters": Case(
        "raw diameters, series of any length",
        lambda: from_diameters(zoo.PupilCourse, StandardisedDiameters, 720),
        diameters(2, 700),
    ),
    "AlignedMesh, below a small network": Case(
        "dense meshes of faces", from_mesh, 300 + 50 * numbers(3, 478, 3)
    ),
    "LSTMPB, one block": Case(
        "tracks of landmarks", lambda: lstm_pb(1), pb_inputs(), large=("ONNX",)
    ),
    "LSTMPB, four blocks": Case(
        "tracks of landmarks", lambda: lstm_pb(4), pb_inputs(), large=ALL
    ),
}


@functools.cache
def expected(name):
    """A model, and what Keras answers to the case's inputs."""
    case = CASES[name]
    keras.utils.set_random_seed(0)
    model = case.build()
    if not isinstance(model, zoo.LSTMPB):
        inputs = case.inputs.astype(model.input.dtype)
        answers = {"features": zoo.feature_extractor(model)(inputs)}
        if model.layers[-1].name != "features":
            answers["probabilities"] = model(inputs)
    else:
        tracks, lengths, pb = case.inputs.values()
        cut = [track[:length] for track, length in zip(tracks, lengths, strict=True)]
        answers = {"features": model.recognise(cut), "predictions": model((tracks, pb))}
    return model, {name: np.asarray(value) for name, value in answers.items()}


def keras_file(model, inputs, path, _):
    model.save(path / "model.keras")
    model = keras.saving.load_model(path / "model.keras")
    if isinstance(inputs, dict):
        return {"predictions": model((inputs["tracks"], inputs["pb"]))}
    answers = {"features": zoo.feature_extractor(model)(inputs)}
    if model.layers[-1].name != "features":
        answers["probabilities"] = model(inputs)
    return answers


def saved_model(model, inputs, path, dtype):
    zoo.export.export(model, path / "saved_model", input_dtype=dtype)
    loaded = tf.saved_model.load(str(path / "saved_model"))
    if isinstance(inputs, dict):
        tracks, lengths, pb = inputs.values()
        features = loaded.features(tracks, lengths)
        return {"predictions": loaded.serve(tracks, pb), "features": features}
    answers = {"features": loaded.features(inputs)}
    if hasattr(loaded, "serve"):
        answers["probabilities"] = loaded.serve(inputs)
    return answers


def onnx_file(model, inputs, path, dtype):
    import onnxruntime

    zoo.export.onnx(model, path / "model.onnx", input_dtype=dtype)
    session = onnxruntime.InferenceSession(path / "model.onnx")
    sources = [source.name for source in session.get_inputs()]
    if not isinstance(inputs, dict):
        inputs = dict.fromkeys(sources, inputs)
    answers = session.run(None, {name: inputs[name] for name in sources})
    names = [output.name for output in session.get_outputs()]
    assert names in (["probabilities", "features"], ["features"])  # in this order
    return dict(zip(names, answers, strict=True))


def litert_file(model, inputs, path, dtype):
    from ai_edge_litert.interpreter import Interpreter

    zoo.export.litert(model, path / "model.tflite", input_dtype=dtype)
    interpreter = Interpreter(str(path / "model.tflite"))
    if not isinstance(inputs, dict):
        serve = interpreter.get_signature_runner("serve")
        return serve(**dict.fromkeys(serve.get_input_details(), inputs))
    answers = {}
    for signature, ends in interpreter.get_signature_list().items():
        runner, rows = interpreter.get_signature_runner(signature), []
        for row in range(len(inputs["tracks"])):  # one track at a time
            given = {name: inputs[name][row : row + 1] for name in ends["inputs"]}
            rows.append(runner(**given))
        for end in ends["outputs"]:
            answers[end] = np.concatenate([row[end] for row in rows])
    return answers


FORMATS = {
    ".keras": keras_file,
    "SavedModel": saved_model,
    "ONNX": onnx_file,
    "LiteRT": litert_file,
}
# What the file of a format does not give.
WITHOUT = {
    (f"LSTMPB, {blocks}", one): {end}
    for blocks in ("one block", "four blocks")
    for one, end in ((".keras", "features"), ("ONNX", "predictions"))
}
NOTES = {"ONNX": "its `recognise`", "LiteRT": "one track at a time"}


def table():
    """The table of the docs."""
    lines = [["Model", "Takes", *FORMATS], ["---"] * (2 + len(FORMATS))]
    for name, case in CASES.items():
        model, *behind = name.split(", ", 1)
        told = f"`{model}`" + "".join(f", {one}" for one in behind)
        notes = NOTES if model == "LSTMPB" else {}
        cells = [notes.get(one, "yes") for one in FORMATS]
        lines.append([told, case.takes, *cells])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def parameters(name, one):
    marks = [pytest.mark.large] if one in CASES[name].large else []
    return pytest.param(name, one, marks=marks, id=f"{name}-{one}")


@pytest.mark.parametrize(
    "name, one", [parameters(name, one) for name in CASES for one in FORMATS]
)
def test_a_file_answers_as_keras_does(name, one, tmp_path):
    inputs = CASES[name].inputs
    model, want = expected(name)
    dtype = None if isinstance(inputs, dict) else inputs.dtype.name
    got = FORMATS[one](model, inputs, tmp_path, dtype)
    assert got.keys() == want.keys() - WITHOUT.get((name, one), set())
    for end, value in got.items():
        assert np.isfinite(value).all() and np.ptp(want[end]) > 1e-4
        # Of features in millimetres, 1e-4 of the value.
        np.testing.assert_allclose(value, want[end], atol=1e-4, rtol=1e-4)


def test_the_docs_say_what_is_tested():
    assert table() in DOCS.read_text(), "Run this file: it writes the table."


if __name__ == "__main__":
    before, _, after = DOCS.read_text().partition("| Model |")
    _, _, after = after.partition("\n\n")
    DOCS.write_text(f"{before}{table()}\n{after}")
