"""The layers on recordings against loops in double precision."""

import keras
import numpy as np
import pytest
from scipy import stats

from tests.zoo.helpers import numpy
from zoo.layers import LocalStandardisation, RecordingStandardisation, TemporalContext


def recordings(batch, frames, width=4, centre=0.0, spread=1.0, seed=0):
    generator = np.random.default_rng(seed)
    steps = generator.normal(centre, spread, (batch, frames, width))
    return steps.astype("float32")


def local_z_scores(recording, span):
    frames, result = recording.astype(float), []
    for place in range(len(frames)):
        first = max(place - span // 2, 0)
        result.append(
            stats.zscore(frames[first : place + span // 2 + 1])[place - first]
        )
    return np.array(result)


@pytest.mark.parametrize("frames", [2, 5, 9, 40, 333])
@pytest.mark.parametrize("span", [3, 9, 151])
def test_local_standardisation(frames, span):
    many = recordings(3, frames, spread=[0.1, 1, 10, 1000])
    many[..., 1] += 5  # each column on its own
    got = numpy(LocalStandardisation(span)(many))
    want = [local_z_scores(recording, span) for recording in many]
    np.testing.assert_allclose(got, want, atol=2e-2 if frames == 2 else 2e-3)


def test_local_standardisation_of_depths_is_precise():
    depths = recordings(2, 400, centre=1200, spread=5)
    want = [local_z_scores(recording, 151) for recording in depths]
    np.testing.assert_allclose(LocalStandardisation()(depths), want, atol=2e-4)


def test_a_head_that_comes_nearer_costs_little_precision():
    depths = recordings(1, 400, centre=1200, spread=5)
    depths -= np.linspace(0, 200, 400, dtype="float32")[:, None]
    want = [local_z_scores(recording, 31) for recording in depths]
    np.testing.assert_allclose(LocalStandardisation(31)(depths), want, atol=5e-3)


def test_what_lasts_drops_out():
    many = recordings(2, 120, width=3)
    scale, offset = np.array([0.5, 3, 100]), np.array([-20, 1200, 7])
    one, other = (LocalStandardisation(31)(x) for x in (many, many * scale + offset))
    np.testing.assert_allclose(one, other, atol=2e-3)


def test_recordings_of_a_batch_and_columns_do_not_see_each_other():
    many, layer = recordings(3, 50), LocalStandardisation(11)
    changed = many.copy()
    changed[1] += 100 * recordings(1, 50, seed=1)[0]
    one, other = numpy(layer(many)), numpy(layer(changed))
    np.testing.assert_allclose(one[[0, 2]], other[[0, 2]], atol=1e-6)
    np.testing.assert_allclose(layer(many[:, :, 2:3]), one[:, :, 2:3], atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.7, 1234.567])
@pytest.mark.parametrize("frames", [1, 2, 30, 401])
def test_a_constant_column_is_0(value, frames):
    constant = np.full((2, frames, 3), value, "float32")
    np.testing.assert_allclose(LocalStandardisation()(constant), 0, atol=1e-5)
    np.testing.assert_allclose(RecordingStandardisation()(constant[0]), 0, atol=1e-5)


def surroundings(recording, spans):
    """What TemporalContext promises, frame by frame."""
    frames, result = recording.astype(float), []
    for place, frame in enumerate(frames):
        row = [frame]
        for span in spans:
            reach = span // 2
            near = np.arange(place - reach, place + reach + 1)
            near = frames[np.clip(near, 0, len(frames) - 1)]
            slope = np.polyfit(np.arange(span), near, 1)[0]
            row += [near.mean(axis=0), near.std(axis=0), slope]
        result.append(np.concatenate(row))
    return np.array(result)


@pytest.mark.parametrize("frames", [1, 2, 4, 60])
@pytest.mark.parametrize("spans", [(3,), (5, 15, 31), (31, 5), ()])
def test_temporal_context(frames, spans):
    many = recordings(2, frames, spread=[0.01, 1, 10, 100])
    got = numpy(TemporalContext(spans)(many))
    want = [surroundings(recording, spans) for recording in many]
    assert got.shape == (2, frames, 4 * (1 + 3 * len(spans)))
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_the_context_of_depths_is_precise():
    depths = recordings(2, 80, centre=1200, spread=1)
    want = np.array([surroundings(recording, (5, 15, 31)) for recording in depths])
    got = numpy(TemporalContext()(depths))
    np.testing.assert_allclose(got, want, rtol=2e-7, atol=2e-5)


def test_a_constant_recording_has_neither_spread_nor_slope():
    constant = np.broadcast_to([0.1, -7, 1234.567], (2, 40, 3)).astype("float32")
    blocks = np.split(numpy(TemporalContext()(constant)), 10, axis=-1)
    for place, block in enumerate(blocks):
        # The frame; then mean, spread and slope of each span.
        lasting = place == 0 or place % 3 == 1
        np.testing.assert_array_equal(block, constant if lasting else 0)


def test_the_slope_of_a_ramp_and_the_order_of_the_blocks():
    slopes = np.array([2, -0.5, 30], "float32")
    ramp = (np.arange(100, dtype="float32")[:, None] * slopes)[None]
    frame, *blocks = np.split(numpy(TemporalContext((5, 21))(ramp)), 7, axis=-1)
    np.testing.assert_array_equal(frame, ramp)
    for span, (mean, spread, slope) in [(5, blocks[:3]), (21, blocks[3:])]:
        middle = slice(span // 2, -(span // 2))
        np.testing.assert_allclose(mean[0, middle], ramp[0, middle], rtol=1e-5)
        deviation = np.sqrt((span**2 - 1) / 12) * np.abs(slopes)
        np.testing.assert_allclose(spread[0, middle] / deviation, 1, rtol=1e-5)
        np.testing.assert_allclose(slope[0, middle] / slopes, 1, rtol=1e-5)
        assert (np.abs(slope[0, 0]) < 0.7 * np.abs(slopes)).all()  # repeated frames


def test_recording_standardisation():
    frames = recordings(1, 200, centre=[0, 5, 300, 1200], spread=[1, 0.1, 30, 5])[0]
    want = stats.zscore(frames.astype(float))
    np.testing.assert_allclose(RecordingStandardisation()(frames), want, atol=1e-3)
    frames[:, 2] = 300
    got = numpy(RecordingStandardisation()(frames))
    want[:, 2] = 0
    np.testing.assert_allclose(got, want, atol=1e-3)


@pytest.mark.parametrize("span", [-3, 0, 1, 2, 4, 150, 5.5, 5.0, "5", None])
def test_bad_spans(span):
    for make in [LocalStandardisation, lambda span: TemporalContext((5, span))]:
        with pytest.raises(ValueError, match=f"odd number.*Received: {span!r}"):
            make(span)


@pytest.mark.parametrize("layer", [LocalStandardisation, TemporalContext])
@pytest.mark.parametrize("shape", [(9,), (9, 4), (2, 9, 4, 1)])
def test_what_is_no_batch_of_recordings(layer, shape):
    with pytest.raises(ValueError, match=r"\(batch, frames, width\). Received: \("):
        layer()(np.ones(shape))
    used = layer()
    used(recordings(2, 9))
    with pytest.raises(ValueError, match="expected ndim=3"):
        used(np.ones(shape))


@pytest.mark.parametrize("shape", [(9,), (2, 9, 4)])
def test_what_is_not_one_recording(shape):
    with pytest.raises(ValueError, match=r"one recording, \(frames, width\). Receiv"):
        RecordingStandardisation()(np.ones(shape))
    used = RecordingStandardisation()
    used(np.ones((9, 4)))
    with pytest.raises(ValueError, match="expected ndim=2"):
        used(np.ones(shape))


def test_a_keras_file_takes_any_number_of_frames(tmp_path):
    frames = keras.Input((None, 4))
    x = LocalStandardisation(9)(frames)
    context = TemporalContext((3, 7))(x)
    assert context.shape == (None, None, 28)
    keras.Model(frames, [x, context]).save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    for length in [1, 6, 50]:
        many = recordings(2, length)
        scores, around = model.predict(many, verbose=0)
        if length > 1:
            want = [local_z_scores(recording, 9) for recording in many]
            np.testing.assert_allclose(scores, want, atol=2e-3)
        want = [surroundings(recording, (3, 7)) for recording in scores]
        np.testing.assert_allclose(around, want, atol=1e-4)


def test_a_keras_file_of_the_whole_recording(tmp_path):
    frame = keras.Input((4,))
    keras.Model(frame, RecordingStandardisation()(frame)).save(tmp_path / "m.keras")
    model = keras.saving.load_model(tmp_path / "m.keras")
    many = recordings(1, 30)[0]
    got = model.predict_on_batch(many)
    np.testing.assert_allclose(got, stats.zscore(many.astype(float)), atol=1e-4)


def test_defaults():
    assert LocalStandardisation().span == 151
    assert TemporalContext().spans == (5, 15, 31)
