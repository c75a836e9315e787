"""The layers on raw pupil diameters against pandas, SciPy and plain loops."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.zoo.helpers import numpy
from zoo.layers import FilledDiameters, StandardisedDiameters

LAYERS = [FilledDiameters, StandardisedDiameters]


def series(batch, samples, missing=0.2, seed=0):
    """Diameters in metres of different lengths, with gaps; one without any sample."""
    generator = np.random.default_rng(seed)
    diameters = generator.normal(0.004, 0.0005, (batch, samples)).clip(0.002)
    diameters[generator.random(diameters.shape) < missing] = np.nan
    lengths = generator.integers(1, samples + 1, batch)
    diameters[np.arange(samples) >= lengths[:, None]] = 0
    diameters[-1] = np.nan
    return diameters.astype("float32"), lengths


def filled(one, length, samples):
    """By pandas, as in the paper."""
    one = pd.Series(one[:length]).ffill().fillna(0).to_numpy()[:samples]
    return np.pad(one, (0, samples - len(one)))


def standardised(one, length, samples):
    """By the formula in double precision."""
    one = one[:length][:samples].astype(float)
    measured = ~np.isnan(one)
    spread = one[measured].std() if measured.any() else 0
    scores = (
        (one - one[measured].mean()) / spread if spread else np.where(measured, 0, one)
    )
    return np.stack(
        [filled(scores, length, samples), np.pad(measured, (0, samples - len(one)))], -1
    )


@pytest.mark.parametrize("samples", [1, 7, 64, 65, 200])
def test_filled_as_pandas_does(samples):
    many, lengths = series(12, 64)
    got = numpy(FilledDiameters(samples)(many))
    want = [filled(*one, samples) for one in zip(many, lengths, strict=True)]
    np.testing.assert_array_equal(got[..., 0], want)
    assert got.shape == (12, samples, 1)


@pytest.mark.parametrize("samples", [7, 64, 65, 200])
def test_standardised_as_the_formula_says(samples):
    many, lengths = series(12, 64)
    got = numpy(StandardisedDiameters(samples)(many))
    want = [standardised(*one, samples) for one in zip(many, lengths, strict=True)]
    np.testing.assert_allclose(got, want, atol=2e-5)
    assert got.shape == (12, samples, 2)
    if samples >= 64:
        for one, length in zip(got, lengths, strict=True):
            scores = one[one[:, 1] == 1, 0]
            if len(scores) > 1:
                np.testing.assert_allclose(scores.mean(), 0, atol=1e-6)
                np.testing.assert_allclose(scores.std(), 1, atol=1e-5)
            assert not one[length:].any()


@pytest.mark.parametrize("scale, offset", [(1000, 0), (1e-20, 0), (1e20, 0), (1, 0.02)])
def test_neither_unit_nor_offset_matters(scale, offset):
    many, _ = series(6, 50)
    moved = np.where(many == 0, 0, many * np.float32(scale) + np.float32(offset))
    one, other = (StandardisedDiameters(60)(x) for x in (many, moved))
    np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("value", [0.0037, 1e-30, 5, 1e30])
def test_a_constant_series_is_0(value):
    constant = np.full((2, 40), value, "float32")
    constant[1, ::3] = np.nan
    got = numpy(StandardisedDiameters(50)(constant))
    assert not got[..., 0].any()
    np.testing.assert_array_equal(got[:, :40, 1], ~np.isnan(constant))


def test_any_input_gives_numbers():
    strange = [np.nan, np.inf, -np.inf, 0, -1, -0.0, 1e-40, 1e-30, 3e38, 0.004, 0.005]
    many = np.random.default_rng(0).choice(strange, (400, 30)).astype("float32")
    for layer in LAYERS:
        got = numpy(layer(35)(many))
        assert np.isfinite(got).all()
        assert not got[:, 30:].any()
    nothing = np.array([[np.nan] * 9, [0] * 9, [np.inf] * 9], "float32")
    for layer in LAYERS:
        assert not numpy(layer(9)(nothing)).any()
        assert numpy(layer(9)(np.zeros((2, 0), "float32"))).shape[:2] == (2, 9)


def test_a_zero_before_the_end_is_a_gap():
    blink = np.array([[4, 0, -1, 6, np.nan, 0, 0]], "float32") / 1000
    got = numpy(FilledDiameters(8)(blink))[0, :, 0] * 1000
    np.testing.assert_allclose(got, [4, 4, 4, 6, 6, 0, 0, 0])
    got = numpy(StandardisedDiameters(8)(blink))[0].T
    np.testing.assert_allclose(got[0], [-1, -1, -1, 1, 1, 0, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(got[1], [1, 0, 0, 1, 0, 0, 0, 0])


@pytest.mark.parametrize("layer", LAYERS)
def test_series_of_a_batch_do_not_see_each_other(layer):
    many, _ = series(5, 40)
    together = numpy(layer(50)(many))
    for one, alone in zip(many, together, strict=True):
        np.testing.assert_allclose(layer(50)(one[None])[0], alone, atol=1e-6)


@pytest.mark.parametrize("layer", LAYERS)
def test_half_precision_only_afterwards(layer):
    many, _ = series(5, 40)
    got = layer(50, dtype="mixed_bfloat16")(many)
    assert keras.backend.standardize_dtype(got.dtype) == "bfloat16"
    want = numpy(layer(50)(many))
    np.testing.assert_allclose(np.asarray(got, "float32"), want, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    "layer, reference",
    [
        (FilledDiameters, lambda *given: filled(*given)[:, None]),
        (StandardisedDiameters, standardised),
    ],
)
def test_a_keras_file_takes_any_length_in_a_compiled_graph(layer, reference, tmp_path):
    raw = keras.Input((None,))
    outputs = layer(30, name="diameters")(raw)
    assert outputs.shape == (None, 30, layer.channels)
    keras.Model(raw, outputs).save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert model.get_layer("diameters").get_config()["samples"] == 30
    for jit_compile in [False, True]:
        run = tf.function(
            model,
            jit_compile=jit_compile,
            input_signature=[tf.TensorSpec((None, None))],
        )
        for batch, length in [(3, 10), (1, 30), (4, 47)]:
            many, lengths = series(batch, length, missing=0.6)
            got = numpy(run(many))
            want = [reference(*one, 30) for one in zip(many, lengths, strict=True)]
            np.testing.assert_allclose(got, want, atol=2e-5)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("samples", [0, -5, 3.5, "9", None])
def test_bad_samples(layer, samples):
    with pytest.raises(ValueError, match=f"1 or more. Received: {samples!r}"):
        layer(samples)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("shape", [(9,), (2, 9, 1)])
def test_what_is_no_batch_of_series(layer, shape):
    with pytest.raises(ValueError, match=r"\(batch, samples\). Received: \("):
        layer()(np.ones(shape, "float32"))
    used = layer()
    used(np.ones((2, 9), "float32"))
    with pytest.raises(ValueError, match="expected ndim=2"):
        used(np.ones(shape, "float32"))


@pytest.mark.parametrize("layer", LAYERS)
def test_the_paper_has_1168_samples(layer):
    assert layer()(series(3, 20)[0]).shape == (3, 1168, layer.channels)
