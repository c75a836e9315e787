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
from zoo.inception_v4 import ENDPOINTS

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


def expected():
    return np.load(PARITY / "expected.npz")


def test_names_agree_with_the_published_table(fixture):
    model = zoo.InceptionV4(input_shape=(75, 75, 3))
    scopes = inception_v4_weights.scopes(model)
    ours = inception_v4_weights.timm_prefixes(scopes)
    theirs = {
        scope.removeprefix("InceptionV4/").replace("/", "_"): prefix
        for scope, prefix, *_ in fixture.conv_table(aux=False)
    }
    assert ours == theirs
    assert list(ENDPOINTS) == fixture.ENDPOINTS


@pytest.mark.parametrize("scheme", ["timm_file", "slim_prefix"])
def test_features_logits_and_endpoints(scheme, fixture, request):
    path = request.getfixturevalue(scheme)
    model = zoo.InceptionV4(weights=path, classifier_activation=None)
    outputs = {name: model.get_layer(name).output for name in ENDPOINTS}
    outputs["pooled"] = zoo.feature_extractor(model).output
    outputs["logits"] = model.output
    got = keras.Model(model.input, outputs).predict(fixture.inputs(), verbose=0)

    want = expected()
    assert np.abs(got["pooled"] - want["pooled"]).max() < TOLERANCE["pooled"]
    assert np.abs(got["logits"] - want["logits1001"][:, 1:]).max() < TOLERANCE["logits"]
    for name in ENDPOINTS:
        off = np.abs(fixture.summarize(got[name]) - want[f"ep/{name}"]).max()
        assert off < TOLERANCE["endpoint"], name


def test_all_1001_classes_when_asked_for(fixture, slim_prefix):
    model = zoo.InceptionV4(
        weights=slim_prefix, classes=1001, classifier_activation=None
    )
    got = model.predict(fixture.inputs(), verbose=0)
    assert np.abs(got - expected()["logits1001"]).max() < TOLERANCE["logits"]


def test_trained_scale_of_timm_is_folded_in(fixture, timm, tmp_path):
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
    model = zoo.InceptionV4(weights=tmp_path / "scaled.safetensors")
    pooled = zoo.feature_extractor(model).predict(fixture.inputs(), verbose=0)
    assert np.abs(pooled - expected()["pooled"]).max() < TOLERANCE["pooled"]


def test_other_classes_leave_the_classifier_fresh_and_say_so(timm_file):
    with pytest.warns(UserWarning, match="1000 classes and the model has 2"):
        model = small(weights=timm_file, classes=2)
    reference = small(weights=timm_file, include_top=False)
    for ours, theirs in zip(model.weights[:-2], reference.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_grey_and_preprocessed_input_take_the_same_weights(timm, timm_file):
    grey = keras.Input((75, 75, 1))
    scaled = keras.layers.Conv2D(1, 1, name="learned_scale")(grey)
    model = zoo.InceptionV4(weights=timm_file, input_tensor=scaled)
    kernel = model.get_layer("Conv2d_1a_3x3_conv").kernel.numpy()
    expected_kernel = timm["features.0.conv.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(kernel, expected_kernel)


def small(**arguments):
    return zoo.InceptionV4(input_shape=(75, 75, 3), **arguments)


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
            lambda t: t["features.0.bn.bias"].fill(np.nan),
            "Conv2d_1a_3x3_BatchNorm/beta: holds values that are not finite",
        ),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(change, message, timm, tmp_path):
    changed = {name: value.copy() for name, value in timm.items()}
    change(changed)
    save_file(changed, tmp_path / "changed.safetensors")
    with pytest.raises(ValueError, match=message):
        small(weights=tmp_path / "changed.safetensors")


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
def test_a_checkpoint_that_does_not_fit_is_named(change, message, slim, tmp_path):
    changed = dict(slim)
    change(changed)
    prefix = write_checkpoint(tmp_path / "changed.ckpt", changed)
    with pytest.raises(ValueError, match=message):
        small(weights=prefix)


def test_checkpoint_in_one_file_as_it_was_published(slim, tmp_path):
    # The release of 2016 is in TensorFlow's first format: one file, no index.
    path = tmp_path / "inception_v4.ckpt"
    names = sorted(slim)
    tf.raw_ops.Save(
        filename=str(path),
        tensor_names=names,
        data=[tf.constant(slim[name]) for name in names],
    )
    model = small(weights=path)
    for scope in ["Conv2d_1a_3x3", "Mixed_7d/Branch_3/Conv2d_0b_1x1"]:
        kernel = model.get_layer(f"{scope.replace('/', '_')}_conv").kernel.numpy()
        np.testing.assert_array_equal(kernel, slim[f"InceptionV4/{scope}/weights"])


def test_truncated_files_are_refused(timm_file, slim_prefix, tmp_path):
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(timm_file.read_bytes()[:1_000_000])
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        small(weights=cut)
    picture = tmp_path / "checkpoint"
    picture.write_bytes(b"BM" + bytes(1000))
    with pytest.raises(ValueError, match="nor the prefix of a TensorFlow checkpoint"):
        small(weights=picture)
