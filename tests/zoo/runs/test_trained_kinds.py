"""Finished runs that take points, pupil diameters and tracks."""

import dataclasses

import numpy as np
import pytest

import zoo
from tests.zoo.runs.helpers import RECORDING, RNG, SERIES, TRACK
from zoo.trained_run import load_run


@pytest.mark.parametrize("kind", ["points", "recordings"])
def test_points_are_answered_frame_by_frame(kind, runs):
    run = runs(kind, "on_a")
    given = RECORDING[None] if kind == "recordings" else RECORDING
    wanted = run.model.predict(given.astype("float32"), verbose=0).reshape(6, 2)
    answers = run.predict(RECORDING)
    assert answers.dtype == np.float64
    np.testing.assert_allclose(answers, wanted, atol=1e-6)
    first, second = run.predict([RECORDING, RECORDING[:1].astype("float32")])
    np.testing.assert_allclose(first, wanted, atol=1e-6)
    np.testing.assert_allclose(second, wanted[:1], atol=1e-6)


@pytest.mark.parametrize("kind", ["points", "recordings"])
def test_each_expression_has_its_own_head(kind, runs):
    run = runs(kind, "on_b")
    inputs = RECORDING[None] if kind == "recordings" else RECORDING
    features = zoo.feature_extractor(run.model)(inputs.astype("float32"))
    # Those of recordings are an expression's own, those of frames are shared.
    features = np.asarray(features).reshape(6, -1, 6)
    assert features.shape[1] == (2 if kind == "recordings" else 1)
    wanted = [
        run.head[name].predict_proba(features[:, min(place, features.shape[1] - 1)])[
            :, 1
        ]
        for place, name in enumerate(run.classes)
    ]
    answers = run.predict(RECORDING)
    np.testing.assert_allclose(answers, np.transpose(wanted), atol=1e-6)
    assert np.abs(answers[:, 0] - answers[:, 1]).max() > 0.01


@pytest.mark.parametrize(
    "points, told",
    [
        (RECORDING[..., :2], r"shape \(6, 100, 2\)"),
        (RECORDING[0], r"shape \(100, 3\)"),
        (np.where(RECORDING == RECORDING.max(), np.nan, RECORDING), "not finite"),
        ([RECORDING, np.full((1, 100, 3), np.inf)], "not finite"),
        (RECORDING[:, :0], r"shape \(6, 0, 3\)"),
        (RECORDING[None], r"shape \(1, 6, 100, 3\)"),
        ("a_topics_datapoints.txt", "Expected a recording"),
    ],
)
def test_points_that_are_none_are_refused(points, told, runs):
    with pytest.raises(ValueError, match=told):
        runs("points", "on_a").predict(points)


def test_a_series_is_answered_alike_in_any_company(runs):
    run = runs("diameters")
    alone = np.concatenate([run.predict([one]) for one in SERIES])
    assert np.ptp(alone[:, 1]) > 1e-3
    np.testing.assert_allclose(run.predict(SERIES), alone, atol=1e-6)
    many = [SERIES[n] for n in RNG.integers(0, 3, 70)]
    wanted = np.concatenate([run.predict([one]) for one in many[-2:]])
    np.testing.assert_allclose(run.predict(many)[-2:], wanted, atol=1e-6)
    rows = np.stack([SERIES[0], SERIES[2][:700]])
    np.testing.assert_allclose(run.predict(rows), run.predict(list(rows)), atol=1e-6)


def test_gaps_in_a_series_are_gaps(runs):
    run, gaps = runs("diameters"), SERIES[0].copy()
    gaps[100:200] = np.nan
    wanted = run.model.predict(gaps[None], verbose=0)
    np.testing.assert_allclose(run.predict([gaps]), wanted, atol=1e-6)
    assert np.abs(wanted - run.predict([SERIES[0]])).max() > 1e-3


@pytest.mark.parametrize(
    "series, told",
    [
        (SERIES[0], r"shape \(700,\)"),
        ([np.full(5, np.nan)], "without any sample"),
        ([SERIES[0], np.zeros(5)], "without any sample"),
        ([np.zeros(0)], r"shape \(0,\)"),
        ([-SERIES[0]], "negative"),
        ([np.append(SERIES[0], np.inf)], "infinite"),
        (np.stack([SERIES[0], np.nan * SERIES[0]]), "without any sample"),
        (["LEPD.xlsx"], "Expected raw pupil diameters"),
    ],
)
def test_series_that_are_none_are_refused(series, told, runs):
    with pytest.raises(ValueError, match=told):
        runs("diameters").predict(series)


def test_a_video_is_the_mean_over_its_copies(runs):
    run = runs("tracks", "anger")
    vectors = run.model.recognise(list(TRACK), 2, 0.9)
    wanted = run.head.predict_proba(vectors)[:, 1]
    assert np.ptp(wanted) > 1e-4
    [answer] = run.predict(TRACK)
    np.testing.assert_allclose(answer, [1 - wanted.mean(), wanted.mean()], atol=1e-6)
    both = run.predict([TRACK, TRACK[:1, :3]])
    np.testing.assert_allclose(both[0], answer, atol=1e-6)


def test_a_track_has_the_run_s_own_copies(runs, track, copied):
    """Of a video's copies the first; of points from a file they are drawn."""
    # Trees may answer alike about different copies: so the copies are looked at.
    copies = runs("tracks", "anger")._predictor.copies
    np.testing.assert_array_equal(copies(track), track.landmarks()[1:3])
    single = track.jittered(0)
    wanted = single.jittered(2, seed=3).landmarks()[1:]
    np.testing.assert_array_equal(copies(single), wanted)
    assert np.abs(wanted - single.jittered(2, seed=0).landmarks()[1:]).max() > 0

    def change(serving):
        serving["settings"]["test_copies"] = 0

    without = load_run(copied("tracks", change), "anger")
    np.testing.assert_array_equal(
        without._predictor.copies(track), track.landmarks()[:1]
    )
    assert without.predict([track, single]).shape == (2, 2)


@pytest.mark.parametrize(
    "video, told",
    [
        (TRACK[0], "Expected a video's facial points"),
        (TRACK[..., :40], r"shape \(3, 6, 40\)"),
        (np.full_like(TRACK, np.nan), "not finite"),
        (TRACK[:, :1], r"at least two frames.*\(3, 1, 80\)"),
        (TRACK[:0], r"shape \(0, 6, 80\)"),
        (None, "Received: NoneType"),
        (5, "Received: int"),
        ("smile.mp4", "Expected a video's facial points"),
    ],
)
def test_tracks_that_are_none_are_refused(video, told, runs):
    with pytest.raises(ValueError, match=told):
        runs("tracks", "anger").predict(video)


@pytest.mark.parametrize("frames", [[2], []])
def test_a_track_without_two_frames_or_a_face_is_refused(frames, runs, track):
    points, boxes = track.points[:, :3].copy(), track.boxes[:3].copy()
    points[:], boxes[:] = np.nan, np.nan  # nobody in three frames
    blank = {"points": points, "boxes": boxes, "times": track.times[:3]}
    if frames:  # one frame with a face
        blank = {"points": track.points[:, :1], "boxes": track.boxes[:1]}
        blank |= {"times": track.times[:1]}
    blank |= dict.fromkeys(("scores", "blendshapes"))
    with pytest.raises(ValueError, match="video of at least two frames with a face"):
        runs("tracks", "anger").predict(dataclasses.replace(track, **blank))


def test_of_series_of_many_lengths_nothing_is_traced_anew(runs, caplog):
    """TensorFlow warns of it where it is."""
    run = runs("diameters")
    for length in range(300, 312):
        run.predict([SERIES[0][:length]])
    for name in ["on_a", "on_b"]:
        for length in (1, 2, 3, 5, 6):
            run = runs("points", name)
            assert len(run.predict(RECORDING[:length])) == length
    assert "retracing" not in caplog.text
