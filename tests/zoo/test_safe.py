"""Tampered `.keras` files are refused; genuine ones load as Keras loads them.

Where an attack works, the test first shows that it does without our check.
"""

import inspect
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import inception_v4, safe
from zoo.layers import LocalStandardisation, PreparePictures, TemporalContext

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
DENSE = "layers/dense/vars"


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Content of a small model's file, by name."""
    inputs = keras.Input((4,), name="inputs")
    model = keras.Model(inputs, keras.layers.Dense(3, name="dense")(inputs))
    path = tmp_path_factory.mktemp("small") / "model.keras"
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(folder, content):
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        for name, value in content.items():
            archive.writestr(name, value)
    return folder / "model.keras"


@pytest.fixture
def tampered(parts, tmp_path):
    """Function that writes the small model's file with changes and returns its path."""

    def written(change=lambda config: None):
        config = json.loads(parts[CONFIG])
        change(config)
        return write(tmp_path, {**parts, CONFIG: json.dumps(config)})

    return written


def refused(path, match="Received a file that is damaged"):
    with pytest.raises(ValueError, match=match) as caught:
        safe.load_model(path)
    assert str(path) in str(caught.value)


def dense(config):
    return config["config"]["layers"][1]


def add_layer(kind, inputs=None, **arguments):
    """A change that adds a layer, called on what the file says where `inputs` is."""
    named = {"module": "keras.layers", "class_name": kind, "registered_name": None}
    node = {"args": [], "kwargs": {"inputs": inputs}}
    called = {"name": "added", "inbound_nodes": [node] if inputs else []}
    layer = {**named, "config": {"name": "added", **arguments}, **called}
    return lambda config: config["config"]["layers"].append(layer)


def function(module, name):
    """How a config names a function."""
    named = {"module": module, "config": name, "registered_name": name}
    return {"class_name": "function", **named}


def block():
    inputs = keras.Input((8, 8, 4))
    x = inception_v4.reduction_a(inception_v4.inception_c(inputs, "c"), "a")
    return keras.Model(inputs, x)


def on_recordings():
    points = keras.Input((None, 118))
    x = TemporalContext()(LocalStandardisation(21)(points))
    return zoo.GrammaticalSequence(input_tensor=x)


def pruned():
    model = zoo.PupilLSTM(input_shape=(9, 1))
    patterns = np.random.default_rng(0).normal(size=(8, 9, 1))
    dense = (x.name for x in model.layers if isinstance(x, keras.layers.Dense))
    return zoo.pruning.prune(model, next(dense), patterns)


def transferred():
    """Another project's: features of ours on prepared pictures, layers of Keras."""
    pictures = PreparePictures(16)(keras.Input((None, None, 3), dtype="uint8"))
    features = zoo.feature_extractor(zoo.ShallowCNN(input_tensor=pictures))
    x = keras.layers.Reshape((4, -1))(features.output)
    x = keras.layers.Bidirectional(keras.layers.GRU(3))(x)
    return keras.Model(features.input, keras.layers.Dense(1, "sigmoid")(x))


GENUINE = [
    *(block, on_recordings, transferred, pruned),
    lambda: zoo.PupilCourse(input_shape=(120, 1)),
    lambda: zoo.GrammaticalLSTM(input_shape=(1, 118)),
    lambda: zoo.LSTMPB(units=4, depth=2),
]


@pytest.mark.parametrize("make", GENUINE)
def test_genuine_models_load(make, tmp_path):
    model = make()
    model.save(tmp_path / "model.keras")
    loaded = safe.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert [layer.name for layer in loaded.layers] == [one.name for one in model.layers]
    assert len(loaded.weights) == len(model.weights) > 0
    for got, want in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(got, want)


def test_what_a_model_was_compiled_with_is_left_unread(tmp_path):
    """Functions as losses, too, and in a model within the model."""
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
    inner.compile("sgd", keras.losses.sparse_categorical_crossentropy)
    model = keras.Sequential([inner, keras.layers.Dense(2)])
    model.compile("adam", keras.losses.Hinge(), metrics=["accuracy"])
    model.save(tmp_path / "model.keras")
    loaded = safe.load_model(tmp_path / "model.keras")
    assert not loaded.compiled and not loaded.layers[0].compiled
    X = np.random.default_rng(0).normal(size=(20, 6))
    np.testing.assert_array_equal(loaded(X), model(X))


def test_preprocessing_that_computes_is_taken(tmp_path):
    mean, adapted = np.array([1.0, -2.0, 0.5]), keras.layers.Normalization()
    adapted.adapt(np.random.default_rng(0).normal(2, 3, (50, 3)))
    steps = [
        *(keras.layers.Resizing(8, 8), keras.layers.CenterCrop(4, 4), adapted),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Normalization(mean=mean, variance=mean**2),
        keras.layers.Normalization(mean=0.5, variance=2.0),
    ]
    model = keras.Sequential([keras.Input((9, 9, 3)), *steps, keras.layers.Dense(2)])
    model.save(tmp_path / "model.keras")
    x = np.random.default_rng(0).uniform(0, 255, (2, 9, 9, 3)).astype("float32")
    loaded = safe.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))


class OnLoading(tf.saved_model.experimental.TrackableResource):
    """What TensorFlow runs as soon as a SavedModel is loaded: it writes a file."""

    def __init__(self, path):
        super().__init__()
        self.path = str(path)
        self.resource_handle  # noqa: B018  made on first use

    def _create_resource(self):
        return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[])

    def _initialize(self):
        tf.io.write_file(self.path, "was here")


def test_a_savedmodel_in_a_lambda_is_not_loaded(tampered, tmp_path):
    """Keras 3.15 loads it in safe mode (keras-team/keras pull request 23654)."""
    marker, program = tmp_path / "marker", tf.Module()
    program.resource = OnLoading(marker)
    program.serve = tf.function(lambda x: x, input_signature=[tf.TensorSpec([None, 4])])
    tf.saved_model.save(program, tmp_path / "program")
    marker.unlink(missing_ok=True)
    harmful = {"function": function("keras.layers", "TFSMLayer")}
    harmful["arguments"] = {"call_endpoint": "serve"}
    path = tampered(add_layer("Lambda", str(tmp_path / "program"), **harmful))
    keras.saving.load_model(path, safe_mode=True)
    assert marker.read_text() == "was here"
    marker.unlink()
    refused(path, r"layers.2 names .*Lambda")
    assert not marker.exists()


@pytest.fixture
def unsafe():
    """Keras's safe mode gives way to what is set for all."""
    from keras.src.backend.common import global_state

    keras.config.enable_unsafe_deserialization()
    yield
    global_state.set_global_attribute("safe_mode_saving", None)


def test_marshalled_code_is_not_read_even_where_safe_mode_is_off(
    tampered, tmp_path, unsafe
):
    """CVE-2024-3660; as a layer, and as an activation under a name of zoo."""
    marker = tmp_path / "marker"
    inputs, place = keras.Input((4,)), str(marker)
    harmful = lambda x: [open(place, "w").close(), x][1]  # noqa: E731
    model = keras.Model(inputs, keras.layers.Lambda(harmful)(inputs))
    model.save(tmp_path / "lambda.keras")
    code = keras.saving.serialize_keras_object(harmful)
    code["registered_name"] = "zoo>PreparePictures"
    for path in (tmp_path / "lambda.keras", tampered(activated(code))):
        marker.unlink(missing_ok=True)
        keras.saving.load_model(path, safe_mode=True)(np.ones((1, 4)))
        assert marker.exists()
        marker.unlink()
        refused(path, "ambda")
        assert not marker.exists()


def test_other_registered_classes_are_not_made(tampered, tmp_path, monkeypatch):
    marker = tmp_path / "marker"

    class Foreign(keras.layers.Dense):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            marker.touch()

    known = keras.saving.get_custom_objects()
    monkeypatch.setitem(known, "other>Foreign", Foreign)
    path = tampered(named(registered_name="other>Foreign"))
    with pytest.raises(ValueError, match="expected 2 variables"):  # once it is made
        keras.saving.load_model(path)
    assert marker.exists()
    marker.unlink()
    refused(path, "other>Foreign")
    refused(tampered(activated("other>Foreign")), "activation names other>Foreign")
    assert not marker.exists()


def named(**changes):
    return lambda config: dense(config).update(changes)


def activated(value):
    return lambda config: dense(config)["config"].update(activation=value)


METRIC = {"module": "keras.metrics", "class_name": "MeanIoU", "registered_name": None}
METRIC["config"] = {"num_classes": 60_000}  # 14 GB
LAMBDA = {"class_name": "__lambda__", "config": {"value": ["4wAA", None, None]}}
LAYER = {"class_name": "Lambda", "module": "keras.layers"}
CONFIGS = {  # with what the error says
    "'os', 'system'": named(module="os", class_name="system"),
    "'builtins', 'eval'": named(module="builtins", class_name="eval"),
    "None, 'Dense'": lambda config: dense(config).pop("module"),  # as Keras 2 wrote it
    "other>Absent": named(registered_name="other>Absent"),
    "zoo>Nothing": named(registered_name="zoo>Nothing"),
    "file_utils', 'Dense": named(module="keras.src.utils.file_utils"),
    "Received a file that is damaged": named(class_name=["Dense"]),
    "does not describe a model": lambda config: config.pop("class_name"),
    "json does not describe a model": lambda config: config.update(dense(config)),
    "units": lambda config: dense(config)["config"].update(units=-1),
    # CVE-2025-9906
    "layers', 'Lambda": add_layer(
        "Lambda", function=function("keras.config", "floatx")
    ),
    "layer names .*Lambda": add_layer("TimeDistributed", layer=LAYER),
    "TFSMLayer": add_layer("TFSMLayer", filepath="program"),
    "TorchModuleWrapper": add_layer("TorchModuleWrapper"),
    "JaxLayer": add_layer("JaxLayer"),
    # CVE-2025-12058
    "StringLookup": add_layer("StringLookup", vocabulary="/etc/passwd"),
}
ACTIVATIONS = {
    "__lambda__": LAMBDA,
    "get_file": function("keras.utils", "get_file"),  # CVE-2025-8747
    "system": function("os", "system"),  # CVE-2025-1550
    "deserialize": function("keras.activations", "deserialize"),
    "exec": function("builtins", "exec"),
    "TFSMLayer'": function("keras.layers", "TFSMLayer"),
    "MeanIoU": METRIC,
    "losses.*mse": function("keras.losses", "mse"),
    "__typespec__": {"class_name": "__typespec__", "config": []},
    "__numpy__": {"class_name": "__numpy__", "config": {}},
}
REFUSED = CONFIGS | {match: activated(value) for match, value in ACTIVATIONS.items()}


@pytest.mark.parametrize("match", REFUSED)
def test_configs_that_are_refused(match, tampered):
    path = tampered(REFUSED[match])
    refused(path, match)


def test_layers_of_keras_that_open_files_are_refused():
    """Keras's next layers that read files have to be looked at, too."""
    opening = ("open(", "load_assets", "saved_model", "func_load", "torch.load")
    for name in dir(keras.layers):
        if safe.is_class("keras.layers", name):
            source = inspect.getsource(getattr(keras.layers, name))
            assert not any(text in source for text in opening), name


def secret(folder):
    with h5py.File(folder / "secret.h5", "w") as file:
        file["x"] = np.float32([1, 2, 3])
    return str(folder / "secret.h5")


def external_storage(group, folder):
    (folder / "secret").write_bytes(np.float32([1, 2, 3]).tobytes())
    outside = [(str(folder / "secret"), 0, 12)]
    group.create_dataset("1", (3,), "f4", external=outside)


def external_link(group, folder):
    group["1"] = h5py.ExternalLink(secret(folder), "x")


def virtual(group, folder):
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource(secret(folder), "x", (3,))
    group.create_virtual_dataset("1", layout)


@pytest.mark.parametrize("attack", [external_storage, external_link, virtual])
def test_weights_do_not_come_from_other_files(attack, parts, tmp_path):
    weights = tmp_path / "own.weights.h5"
    weights.write_bytes(parts[WEIGHTS])
    with h5py.File(weights, "r+") as file:
        del file[f"{DENSE}/1"]
        attack(file[DENSE], tmp_path)
    with h5py.File(weights) as file:  # HDF5 itself reads the other file
        np.testing.assert_array_equal(file[f"{DENSE}/1"], [1, 2, 3])
    path = write(tmp_path, {**parts, WEIGHTS: weights.read_bytes()})
    refused(path, "lies in another file")
    with pytest.raises(ValueError, match="another file"):
        zoo.GrammaticalMLP(input_shape=(4,), hidden=3, weights=weights)


def test_damaged_files_are_refused(parts, tmp_path):
    path = write(tmp_path, parts)
    assert safe.load_model(path).count_params() == 15
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[whole.index(b"\x89HDF") + 3000] ^= 1
    for data in (b"", whole[:10], whole[:2000], flipped):
        path.write_bytes(data)
        refused(path)
    deep = b'{"a":' * 10**5 + b"1" + b"}" * 10**5
    for content in ({**parts, CONFIG: deep}, {CONFIG: parts[CONFIG]}):
        refused(write(tmp_path, content))


@pytest.mark.parametrize("name", ["m.h5", "m.pkl", "m.joblib", "m.pt", "m.onnx"])
def test_other_kinds_of_file_are_refused(name, tmp_path):
    (tmp_path / name).write_bytes(b"x")
    for path in (tmp_path / name, tmp_path):
        refused(path, r"Expected a \.keras file")
    with pytest.raises(FileNotFoundError, match="nothing.keras"):
        safe.load_model(tmp_path / "nothing.keras")


def test_json(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"accuracy": NaN}')
    assert np.isnan(safe.read_json(path)["accuracy"])
    for text in ("[1]", "{", "", '{"a": %s}' % ("9" * 5000), '{"a":' * 10**5):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"JSON object in .*config\.json"):
            safe.read_json(path)
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(ValueError, match="config.json"):
        safe.read_json(path)
    with pytest.raises(FileNotFoundError):
        safe.read_json(tmp_path / "metrics.json")


def test_names_inside_a_folder(tmp_path):
    folder = tmp_path / "run"
    (folder / "anger").mkdir(parents=True)
    (folder / "out").symlink_to(tmp_path)
    (folder / "in").symlink_to(folder / "anger")
    for name in ("model.keras", "anger/head.json", "in/head.json", "..model"):
        assert safe.inside(folder, name) == folder / name
    for name in ("../x", "anger/../../x", "/etc/passwd", "out/x", None, 3):
        with pytest.raises(ValueError, match="inside"):
            safe.inside(folder, name)
    (tmp_path / "link").symlink_to(folder)
    assert safe.inside(tmp_path / "link", "anger/x").name == "x"
