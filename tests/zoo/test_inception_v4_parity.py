"""Inception V4 against an outside reference: timm in double precision.

The fixture (tests/parity/inception_v4) makes weights in both published naming schemes.
"""

import importlib.util
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import save_file

import zoo
from zoo import inception_v4_weights
from zoo import weights as zoo_weights
from zoo.inception_v4 import ENDPOINTS, TOP

PARITY = pathlib.Path(__file__).parents[1] / "parity" / "inception_v4"
# The README of the fixture: 1.3e-5, 1e-5 and 5e-5 are reached in single precision, and
# every mutation tried is off by 0.09 or more.
TOLERANCE = {"pooled": 5e-5, "logits": 5e-5, "endpoint": 2e-4}


@pytest.fixture(scope="module")
def fixture():
    spec = importlib.util.spec_from_file_location("fx", PARITY / "incepv4_fixture.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def slim(fixture):
    return fixture.tf_weights()


@pytest.fixture(scope="module")
def timm(fixture, slim):
    return fixture.timm_state(slim)


@pytest.fixture(scope="module")
def timm_file(timm, tmp_path_factory):
    path = tmp_path_factory.mktemp("timm") / "model.safetensors"
    save_file(timm, path)
    return path


def write_checkpoint(path, tensors):
    names = sorted(tensors)
    tf.raw_ops.SaveV2(
        prefix=str(path),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(tensors[name]) for name in names],
    )
    return path


@pytest.fixture(scope="module")
def slim_prefix(slim, tmp_path_factory):
    extra = {
        "global_step": np.array(1, np.int64),
        "InceptionV4/Conv2d_1a_3x3/weights/RMSProp": np.zeros(3, np.float32),
    }
    folder = tmp_path_factory.mktemp("slim")
    return write_checkpoint(folder / "inception_v4.ckpt", {**slim, **extra})


def small(**arguments):
    return zoo.InceptionV4(input_shape=(75, 75, 3), **arguments)


@pytest.fixture(scope="module")
def network():
    """With random weights. No test changes it."""
    return small()


@pytest.fixture(scope="module")
def reference(timm_file):
    """With the fixture's weights, from timm's file. No test changes it."""
    return zoo.InceptionV4(weights=timm_file, classifier_activation=None)


def expected():
    return np.load(PARITY / "expected.npz")


def read(path, network):
    """What the builder reads from a file, before it puts it into the network."""
    return inception_v4_weights.read_weights(str(path), network)


def fit(path, network):
    """What the builder does with a file, once the network is built."""
    zoo_weights.load(network, read(path, network), path, TOP)


def assert_same(tensors, reference, leave=()):
    """The tensors are those of the reference, but for some layers; none is missing."""
    wanted = zoo_weights.named_variables(reference)
    kept = {name for name in wanted if name.split("/")[0] not in leave}
    assert {name for name in tensors if name.split("/")[0] not in leave} == kept
    for name in kept:
        np.testing.assert_array_equal(tensors[name], wanted[name], name)


def test_names_agree_with_the_published_table(fixture, network):
    scopes = inception_v4_weights.scopes(network)
    ours = inception_v4_weights.timm_prefixes(scopes)
    theirs = {
        scope.removeprefix("InceptionV4/").replace("/", "_"): prefix
        for scope, prefix, *_ in fixture.conv_table(aux=False)
    }
    assert ours == theirs
    assert list(ENDPOINTS) == fixture.ENDPOINTS


def test_features_logits_and_endpoints(fixture, reference):
    outputs = {name: reference.get_layer(name).output for name in ENDPOINTS}
    outputs["pooled"] = zoo.feature_extractor(reference).output
    outputs["logits"] = reference.output
    got = keras.Model(reference.input, outputs).predict(fixture.inputs(), verbose=0)

    want = expected()
    assert np.abs(got["pooled"] - want["pooled"]).max() < TOLERANCE["pooled"]
    assert np.abs(got["logits"] - want["logits1001"][:, 1:]).max() < TOLERANCE["logits"]
    for name in ENDPOINTS:
        off = np.abs(fixture.summarize(got[name]) - want[f"ep/{name}"]).max()
        assert off < TOLERANCE["endpoint"], name


def test_the_original_checkpoint_holds_the_same(slim_prefix, network, reference):
    assert_same(read(slim_prefix, network), reference)


def test_all_1001_classes_when_asked_for(slim_prefix, reference):
    model = small(weights=slim_prefix, classes=1001, classifier_activation=None)
    variables = zoo_weights.named_variables(model)
    assert_same(variables, reference, leave=["predictions"])
    got = model.get_layer("predictions")(expected()["pooled"])
    assert np.abs(got - expected()["logits1001"]).max() < TOLERANCE["logits"]


def test_trained_scale_of_timm_is_folded_in(timm, network, reference, tmp_path):
    # Halving a convolution and doubling its scale leaves what is computed the same.
    prefix = "features.3.conv"
    scale = np.full_like(timm[f"{prefix}.bn.weight"], 2.0)
    changed = {
        **timm,
        f"{prefix}.bn.weight": scale,
        f"{prefix}.conv.weight": timm[f"{prefix}.conv.weight"] / 2,
        f"{prefix}.bn.running_mean": timm[f"{prefix}.bn.running_mean"] / 2,
    }
    save_file(changed, tmp_path / "scaled.safetensors")
    assert_same(read(tmp_path / "scaled.safetensors", network), reference)


def test_without_the_top_the_classifier_is_left_out(timm_file, reference):
    model = small(weights=timm_file, include_top=False)
    assert not any(layer.name == "predictions" for layer in model.layers)
    variables = zoo_weights.named_variables(model)
    assert_same(variables, reference, leave=["predictions"])


def test_other_classes_and_input_leave_the_rest_as_it_is(timm_file, reference):
    """Grey and preprocessed; the classifier stays fresh, and a warning says so."""
    grey = keras.Input((75, 75, 1))
    scaled = keras.layers.Conv2D(1, 1, name="learned_scale")(grey)
    with pytest.warns(UserWarning, match="1000 classes and the model has 2"):
        model = zoo.InceptionV4(weights=timm_file, input_tensor=scaled, classes=2)
    variables = zoo_weights.named_variables(model)
    assert variables["learned_scale/kernel"].shape == (1, 1, 1, 1)
    assert variables["predictions/kernel"].shape == (1536, 2)
    assert_same(variables, reference, leave=["predictions", "learned_scale"])


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t: t.pop("features.0.conv.weight"), "missing: Conv2d_1a_3x3_conv/kern"),
        (lambda t: t.pop("features.5.conv.bn.bias"), "missing: Mixed_5a_Branch_0_Conv"),
        (lambda t: t.pop("last_linear.bias"), "missing: predictions/bias"),
        (lambda t: t.update(stray=np.zeros(3)), "left over: stray"),
        (
            lambda t: t.update(
                {"features.0.conv.weight": np.zeros((3, 3, 3, 32), "f")}
            ),
            r"Conv2d_1a_3x3_conv/kernel: expected \(3, 3, 3, 32\), received",
        ),
        (
            lambda t: t.update({"features.0.bn.bias": np.full(32, np.nan, "f")}),
            "Conv2d_1a_3x3_BatchNorm/beta: holds values that are not finite",
        ),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(change, message, timm, network, tmp_path):
    changed = dict(timm)
    change(changed)
    save_file(changed, tmp_path / "changed.safetensors")
    with pytest.raises(ValueError, match=message):
        fit(tmp_path / "changed.safetensors", network)


@pytest.mark.parametrize(
    "change, message",
    [
        (
            lambda t: t.pop("InceptionV4/Mixed_7d/Branch_3/Conv2d_0b_1x1/weights"),
            "missing: Mixed_7d_Branch_3_Conv2d_0b_1x1_conv/kernel",
        ),
        (
            lambda t: t.update({"InceptionV4/Mixed_8a/weights": np.zeros(1, "f")}),
            "left over: InceptionV4/Mixed_8a/kernel",
        ),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_named(
    change, message, slim, network, tmp_path
):
    changed = dict(slim)
    change(changed)
    prefix = write_checkpoint(tmp_path / "changed.ckpt", changed)
    with pytest.raises(ValueError, match=message):
        fit(prefix, network)


def test_the_builder_says_what_does_not_fit(timm, slim, tmp_path):
    stray = {**timm, "stray": np.zeros(3)}
    save_file(stray, tmp_path / "stray.safetensors")
    with pytest.raises(ValueError, match="left over: stray"):
        small(weights=tmp_path / "stray.safetensors")
    lacking = dict(slim)
    del lacking["InceptionV4/Conv2d_1a_3x3/weights"]
    prefix = write_checkpoint(tmp_path / "lacking.ckpt", lacking)
    with pytest.raises(ValueError, match="missing: Conv2d_1a_3x3_conv/kernel"):
        small(weights=prefix)


def test_checkpoint_in_one_file_as_it_was_published(slim, reference, tmp_path):
    # The release of 2016 is in TensorFlow's first format: one file, no index.
    path = tmp_path / "inception_v4.ckpt"
    names = sorted(slim)
    tf.raw_ops.Save(
        filename=str(path),
        tensor_names=names,
        data=[tf.constant(slim[name]) for name in names],
    )
    assert_same(zoo_weights.named_variables(small(weights=path)), reference)


def test_truncated_files_are_refused(timm_file, network, tmp_path):
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(timm_file.read_bytes()[:1_000_000])
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        fit(cut, network)
    picture = tmp_path / "checkpoint"
    picture.write_bytes(b"BM" + bytes(1000))
    with pytest.raises(ValueError, match="nor the prefix of a TensorFlow checkpoint"):
        fit(picture, network)
