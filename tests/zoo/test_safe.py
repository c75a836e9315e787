"""Tampered `.keras` files are refused; genuine ones load as Keras loads them.

Where an attack works, the test first shows that it does without our check.
"""

import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import _keras_config, inception_v4, safe
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


@pytest.fixture
def tampered(parts, tmp_path):
    """Function that writes the small model's file with changes and returns its path."""

    def write(config=None, weights=None, also=()):
        content = dict(parts)
        if config:
            changed = json.loads(content[CONFIG])
            config(changed)
            content[CONFIG] = json.dumps(changed)
        if weights:
            file = io.BytesIO(content[WEIGHTS])
            with h5py.File(file, "r+") as opened:
                weights(opened)
            content[WEIGHTS] = file.getvalue()
        path = tmp_path / "model.keras"
        with zipfile.ZipFile(path, "w") as archive:
            for name, value in [*content.items(), *also]:
                archive.writestr(name, value)
        return path

    return write


def dense(config):
    return config["config"]["layers"][1]


def add_layer(kind, inputs=None, **arguments):
    """A change that adds a layer, called on what the file says where `inputs` is."""
    node = {"args": [], "kwargs": {"inputs": inputs}}
    layer = {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": "added", **arguments},
        "registered_name": None,
        "name": "added",
        "inbound_nodes": [node] if inputs else [],
    }
    return lambda config: config["config"]["layers"].append(layer)


def function(module, name):
    """How a config names a function."""
    named = {"module": module, "config": name, "registered_name": name}
    return {"class_name": "function", **named}


def inception():
    return zoo.InceptionV4(weights=None, input_shape=(96, 96, 3), classes=2)


def on_pictures(**arguments):
    pictures = PreparePictures(16)(keras.Input((None, None, 3), dtype="uint8"))
    return zoo.ShallowCNN(input_tensor=pictures, **arguments)


def block():
    inputs = keras.Input((8, 8, 4))
    x = inception_v4.reduction_a(inception_v4.inception_c(inputs, "c"), "a")
    return keras.Model(inputs, x)


def on_recordings():
    points = keras.Input((None, 118))
    x = TemporalContext()(LocalStandardisation(21)(points))
    return zoo.GrammaticalSequence(input_tensor=x)


def standardised():
    points = keras.Input((118,))
    layer = keras.layers.Normalization()
    layer.adapt(np.random.default_rng(0).normal(2, 3, (50, 118)))
    return zoo.GrammaticalMLP(input_tensor=layer(points), hidden=5)


def pruned():
    model = zoo.PupilLSTM(input_shape=(9, 1))
    patterns = np.random.default_rng(0).normal(size=(8, 9, 1))
    layer = next(
        one.name for one in model.layers if isinstance(one, keras.layers.Dense)
    )
    return zoo.pruning.prune(model, layer, patterns)


def transferred():
    """Another project's: features of ours, layers and loss of Keras."""
    features = zoo.feature_extractor(zoo.ShallowCNN(input_shape=(16, 16, 3)))
    x = keras.layers.Bidirectional(keras.layers.GRU(3))(
        keras.layers.Reshape((4, -1))(features.output)
    )
    return keras.Model(features.input, keras.layers.Dense(1, "sigmoid")(x))


GENUINE = [
    block,
    on_pictures,
    on_recordings,
    standardised,
    transferred,
    lambda: zoo.PupilLSTM(input_shape=(9, 1)),
    lambda: zoo.PupilCourse(input_shape=(120, 1)),
    lambda: zoo.GrammaticalLSTM(input_shape=(1, 118)),
    lambda: zoo.GrammaticalMLP(dropout=0.1),
    lambda: zoo.LSTMPB(units=4, depth=2),
    pruned,
    pytest.param(inception, marks=pytest.mark.large),
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
    """Functions as losses, too, which Keras writes as registered under any name."""
    keras.utils.set_random_seed(0)
    model = zoo.GrammaticalMLP(input_shape=(6,), hidden=3)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    X, y = np.random.default_rng(0).normal(size=(20, 6)), np.arange(20) % 2
    for loss in [
        keras.losses.SparseCategoricalCrossentropy(),
        keras.losses.sparse_categorical_crossentropy,
    ]:
        model.compile(keras.optimizers.Adam(schedule), loss, metrics=["accuracy"])
        model.fit(X, y, verbose=0, shuffle=False)
        model.save(tmp_path / "model.keras")
        loaded = safe.load_model(tmp_path / "model.keras")
        assert not loaded.compiled and not hasattr(loaded, "optimizer")
        np.testing.assert_array_equal(
            loaded.predict(X, verbose=0), model.predict(X, verbose=0)
        )


def normalised(mean):
    """As in the studies on Kinect points, the layer's config brings the mean."""
    return keras.layers.Normalization(mean=mean, variance=4.0 * np.abs(mean))


PREPARING = {
    "means": ((9, 9, 3), [normalised([1.0, -2.0, 0.5])]),
    "mean": ((3,), [normalised(0.5)]),
    "pictures": (
        (9, 9, 3),
        [keras.layers.Resizing(8, 8), keras.layers.CenterCrop(4, 4)],
    ),
    "scale": ((9, 9, 3), [keras.layers.Rescaling(1 / 255)]),
}


@pytest.mark.parametrize("kind", PREPARING)
def test_preprocessing_that_computes_is_taken(kind, tmp_path):
    shape, steps = PREPARING[kind]
    model = keras.Sequential([keras.Input(shape), *steps, keras.layers.Dense(2)])
    model.save(tmp_path / "model.keras")
    x = np.random.default_rng(0).uniform(0, 255, (2, *shape)).astype("float32")
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
    path = tampered(
        add_layer(
            "Lambda",
            inputs=str(tmp_path / "program"),
            function=function("keras.layers", "TFSMLayer"),
            arguments={"call_endpoint": "serve"},
        )
    )
    keras.saving.load_model(path, safe_mode=True)
    assert marker.read_text() == "was here"
    marker.unlink()
    with pytest.raises(ValueError, match=r"layers\[2\] names keras.layers.Lambda"):
        safe.load_model(path)
    assert not marker.exists()


def test_marshalled_code_is_not_read_even_where_safe_mode_is_off(tmp_path):
    """CVE-2024-3660; and safe mode in Keras gives way to what was set for all."""
    marker = tmp_path / "marker"
    inputs, place = keras.Input((4,)), str(marker)
    outputs = keras.layers.Lambda(lambda x: [open(place, "w").close(), x][1])(inputs)
    keras.Model(inputs, outputs).save(tmp_path / "model.keras")
    marker.unlink()
    keras.config.enable_unsafe_deserialization()
    try:
        keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
        assert marker.exists()
        marker.unlink()
        with pytest.raises(ValueError, match="names keras.layers.Lambda"):
            safe.load_model(tmp_path / "model.keras")
        assert not marker.exists()
    finally:
        from keras.src.backend.common import global_state

        global_state.set_global_attribute("safe_mode_saving", None)


def test_other_registered_classes_are_not_made(tampered, tmp_path):
    marker = tmp_path / "marker"

    @keras.saving.register_keras_serializable("other")
    class Foreign(keras.layers.Dense):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            marker.touch()

    def rename(config):
        dense(config)["registered_name"] = "other>Foreign"

    path = tampered(rename)
    try:
        with pytest.raises(ValueError, match="expected 2 variables"):  # once it is made
            keras.saving.load_model(path)
        assert marker.exists()
        marker.unlink()
        with pytest.raises(ValueError, match="other>Foreign"):
            safe.load_model(path)
        as_text = tampered(
            lambda c: dense(c)["config"].update(activation="other>Foreign")
        )
        with pytest.raises(ValueError, match=r"config.activation names other>Foreign"):
            safe.load_model(as_text)
        assert not marker.exists()
    finally:
        keras.saving.get_custom_objects().pop("other>Foreign")


def named(**changes):
    return lambda config: dense(config).update(changes)


def activated(value):
    return lambda config: dense(config)["config"].update(activation=value)


METRIC = {"module": "keras.metrics", "class_name": "MeanIoU", "registered_name": None}
METRIC["config"] = {"num_classes": 60_000}  # 14 GB
LAMBDA = {"class_name": "__lambda__", "config": {"value": ["4wAA", None, None]}}
REFUSED = {
    "module of the system": (named(module="os", class_name="system"), "os.system"),
    "built-in": (named(module="builtins", class_name="eval"), "builtins.eval"),
    "no module (legacy)": (lambda c: dense(c).pop("module"), "of no module"),
    "not registered": (named(registered_name="other>Absent"), "other>Absent"),
    "unknown of zoo": (named(registered_name="zoo>Nothing"), "zoo>Nothing"),
    "private": (named(module="keras.src.utils.file_utils"), "file_utils.Dense"),
    "called by a layer (CVE-2025-9906)": (
        add_layer("Lambda", function=function("keras.config", "set_floatx")),
        "names keras.layers.Lambda",
    ),
    "TFSMLayer": (add_layer("TFSMLayer", filepath="program"), "TFSMLayer"),
    "TorchModuleWrapper": (add_layer("TorchModuleWrapper"), "TorchModuleWrapper"),
    "JaxLayer": (add_layer("JaxLayer"), "JaxLayer"),
    "vocabulary (CVE-2025-12058)": (
        add_layer("StringLookup", vocabulary="/etc/passwd"),
        "StringLookup",
    ),
    "lambda in a setting": (activated(LAMBDA), "__lambda__"),
    "download (CVE-2025-8747)": (
        activated(function("keras.utils", "get_file")),
        "get_f",
    ),
    "import (CVE-2025-1550)": (activated(function("os", "system")), "system"),
    "deserialize": (activated(function("keras.activations", "deserialize")), "deseri"),
    "built-in function": (activated(function("builtins", "exec")), "exec"),
    "a class as function": (activated(function("keras.layers", "TFSMLayer")), "TFSML"),
    "a metric": (activated(METRIC), "MeanIoU"),
    "a loss": (activated(function("keras.losses", "mse")), "losses.mse"),
    "a type": (activated({"class_name": "__typespec__", "config": []}), "__typespec__"),
    "values": (activated({"class_name": "__numpy__", "config": {}}), "__numpy__"),
    "a list as name": (named(class_name=["Dense"]), "something else than text"),
    "called on values": (add_layer("Flatten", inputs=[[1.0]]), "values of the file"),
    "no model": (lambda config: config.pop("class_name"), "does not describe a model"),
    "unknown setting": (lambda c: dense(c)["config"].update(units=-1), "can build"),
}


@pytest.mark.parametrize(("change", "match"), REFUSED.values(), ids=REFUSED.keys())
def test_configs_that_are_refused(change, match, tampered):
    path = tampered(change)
    with pytest.raises(ValueError, match=match) as caught:
        safe.load_model(path)
    assert str(path) in str(caught.value)


def test_the_untampered_file_loads(tampered):
    assert safe.load_model(tampered()).count_params() == 15


def test_layers_of_keras_that_open_files_are_refused():
    """Keras's next layers that read files have to be looked at, too."""
    import inspect

    opening = ("open(", "load_assets", "saved_model", "func_load", "torch.load")
    for name in dir(keras.layers):
        layer = getattr(keras.layers, name)
        if isinstance(layer, type) and _keras_config.is_class("keras.layers", name):
            source = inspect.getsource(layer)
            assert not any(text in source for text in opening), name


def replaced(make):
    """A change of the weights that has something else in the bias's place."""

    def change(file):
        del file[f"{DENSE}/1"]
        make(file[DENSE])

    return change


def secret(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.float32([1, 2, 3])
    return str(tmp_path / "secret.h5")


def external_storage(tmp_path):
    (tmp_path / "secret").write_bytes(np.float32([1, 2, 3]).tobytes())
    outside = [(str(tmp_path / "secret"), 0, 12)]
    return replaced(lambda g: g.create_dataset("1", (3,), "f4", external=outside))


def external_link(tmp_path):
    link = h5py.ExternalLink(secret(tmp_path), "x")
    return replaced(lambda group: group.__setitem__("1", link))


def virtual(tmp_path):
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource(secret(tmp_path), "x", (3,))
    return replaced(lambda group: group.create_virtual_dataset("1", layout))


def soft_link(tmp_path):
    return replaced(lambda group: group.__setitem__("1", h5py.SoftLink("/elsewhere")))


@pytest.mark.parametrize(
    "attack", [external_storage, external_link, virtual, soft_link]
)
def test_weights_that_are_refused(attack, tampered, tmp_path):
    path = tampered(weights=attack(tmp_path))
    with pytest.raises(ValueError, match="lies in another file") as caught:
        safe.load_model(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("attack", [external_storage, virtual])
def test_weights_for_a_builder_do_not_come_from_other_files(attack, tmp_path):
    path = tmp_path / "own.weights.h5"
    model = zoo.GrammaticalMLP(input_shape=(4,), hidden=3)
    model.save_weights(path)
    zoo.GrammaticalMLP(input_shape=(4,), hidden=3, weights=path)
    with h5py.File(path, "r+") as file:
        attack(tmp_path)(file)
    with h5py.File(path) as file:  # HDF5 itself reads the other file
        np.testing.assert_array_equal(file[f"{DENSE}/1"], [1, 2, 3])
    with pytest.raises(ValueError, match="another file"):
        zoo.GrammaticalMLP(input_shape=(4,), hidden=3, weights=path)


def test_archives_that_are_refused(tampered, parts):
    with pytest.raises(ValueError, match="models of zoo do not have"):
        safe.load_model(tampered(also=[("assets/../../x", "x")]))
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = tampered(also=[(CONFIG, "{}")])
    with pytest.raises(ValueError, match="a name twice"):
        safe.load_model(twice)
    deep = tampered()
    content = {**parts, CONFIG: b'{"a":' * 10**5 + b"1" + b"}" * 10**5}
    with zipfile.ZipFile(deep, "w") as archive:
        for name, value in content.items():
            archive.writestr(name, value)
    with pytest.raises(ValueError, match="nested too deep"):
        safe.load_model(deep)
    for size in (0, 10, 2000):
        path = tampered()
        path.write_bytes(path.read_bytes()[:size])
        with pytest.raises(ValueError, match="of another kind or damaged"):
            safe.load_model(path)
    flipped = tampered()
    data = bytearray(flipped.read_bytes())
    data[data.index(b"\x89HDF") + 3000] ^= 1
    flipped.write_bytes(data)
    with pytest.raises(ValueError, match="Bad CRC"):
        safe.load_model(flipped)


@pytest.mark.parametrize("name", ["m.h5", "m.pkl", "m.joblib", "m.pt", "m.onnx"])
def test_other_kinds_of_file_are_refused(name, tmp_path):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ValueError, match=r"\.keras"):
        safe.load_model(tmp_path / name)


def test_folders_and_missing_files(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ValueError, match="a SavedModel is a program"):
        safe.load_model(tmp_path)
    with pytest.raises(FileNotFoundError, match="nothing.keras"):
        safe.load_model(tmp_path / "nothing.keras")


def test_json(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"accuracy": NaN}')
    assert np.isnan(safe.read_json(path)["accuracy"])
    for text, match in [
        ("[1]", "a list"),
        ("{", "no JSON"),
        ("", "no JSON"),
        ('{"a": %s}' % ("9" * 5000), "no JSON"),
        ('{"a":' * 10**5, "nested too deep"),
    ]:
        path.write_text(text)
        with pytest.raises(ValueError, match=match):
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
    for name in ("../x", "anger/../../x", "/etc/passwd", "out/x", "", "a\\..\\x"):
        with pytest.raises(ValueError, match="inside"):
            safe.inside(folder, name)
    for name in ("C:/x", "a\0b", None, 3):
        with pytest.raises(ValueError, match="inside"):
            safe.inside(folder, name)
    (tmp_path / "link").symlink_to(folder)
    assert safe.inside(tmp_path / "link", "anger/x").name == "x"
