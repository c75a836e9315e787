"""What the network with parametric bias refuses."""

import keras
import numpy as np
import pytest

import zoo

SMALL = {"units": 6, "depth": 2, "pb_units": 3, "context_units": 4, "features": 4}


def small(**arguments):
    keras.utils.set_random_seed(0)
    return zoo.LSTMPB(**{**SMALL, **arguments})


GOOD = np.zeros((5, 4))
HOLE = np.where(np.arange(5)[:, None] == 2, np.nan, GOOD)


@pytest.mark.parametrize(
    "tracks, message",
    [
        ([], "At least one track is needed. Received none"),
        ([GOOD, HOLE], "Track 1 has 1 frames with values that are not finite"),
        (
            [GOOD, GOOD[:1]],
            r"at least 2 frames. Received at position 1: shape \(1, 4\)",
        ),
        ([np.zeros((5, 3))], r"\(frames, 4\).* position 0: shape \(5, 3\)"),
        (GOOD, r"\(frames, 4\).* position 0: shape \(4,\)"),
        ([np.full((5, 4), "x")], "must hold numbers. Received at position 0"),
        (np.zeros((0, 5, 4)), "Received none"),
        ([GOOD, 224 + GOOD], r"in about -1\.\.1.* position 1: up to 224.*pixels"),
        ([-3.01 + GOOD], "position 0: up to 3.01"),
    ],
)
def test_bad_tracks(tracks, message):
    model = small()
    with pytest.raises(ValueError, match=message):
        model.fit(tracks, np.zeros(len(tracks), int), epochs=1, verbose=0)
    with pytest.raises(ValueError, match=message):
        model.recognise(tracks)


@pytest.mark.parametrize(
    "labels", [[0], [0, 2], [0, -1], [0, 0.5], [0, np.nan], ["a", "b"], [[0], [1]], 0]
)
def test_bad_labels(labels):
    message = "labels must be 2 integers from 0 to 1, one a track. Received"
    with pytest.raises(ValueError, match=message):
        small().fit([GOOD, GOOD], labels, verbose=0)


@pytest.mark.parametrize(
    "name, value",
    [
        ("batch_size", 0),
        ("batch_size", 1.5),
        ("epochs", 0),
        ("learning_rate", -0.1),
        ("learning_rate", np.inf),
        ("pb_rate", np.nan),
        ("pb_rate", "fast"),
        ("momentum", 1),
        ("momentum", -1),
        ("seed", -1),
    ],
)
def test_bad_settings_of_fit(name, value):
    with pytest.raises(ValueError, match=f"{name} must be .*Received: '?{value}"):
        small().fit([GOOD], [0], verbose=0, **{name: value})


@pytest.mark.parametrize(
    "name, value", [("steps", 0), ("batch_size", 0), ("pb_rate", np.inf)]
)
def test_bad_settings_of_recognise(name, value):
    with pytest.raises(ValueError, match=f"{name} must be .* Received: {value}"):
        small().recognise([GOOD], **{name: value})


@pytest.mark.parametrize(
    "pb, first_frame, steps, message",
    [
        (
            np.zeros(4),
            np.zeros(4),
            5,
            r"pb must have the shape \(3,\) or \(tracks, 3\)",
        ),
        (np.zeros(3), np.zeros((1, 2, 4)), 5, r"first_frame .* Received: \(1, 2, 4\)"),
        (np.zeros((0, 3)), np.zeros(4), 5, r"pb must .* Received: \(0, 3\)"),
        (np.zeros((2, 3)), np.zeros((5, 4)), 5, r"as many .* \(2, 3\) and \(5, 4\)"),
        (np.zeros(3), np.full(4, np.nan), 5, "first_frame must be finite numbers"),
        (np.zeros(3), np.zeros(4), 0, "steps must be a whole number of 1 or more"),
        (0.5, np.zeros(4), 5, r"pb must have the shape .* Received: \(\)"),
    ],
)
def test_bad_starts_of_generate(pb, first_frame, steps, message):
    with pytest.raises(ValueError, match=message):
        small().generate(pb, first_frame, steps)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"units": 0}, "units must be a whole number of 1 or more. Received: 0"),
        ({"classes": None}, "classes must be .* Received: None"),
        ({"pb_units": 1.5}, "pb_units must be .* Received: 1.5"),
        ({"context": "output"}, 'must be "hidden" or "grid". Received: \'output\''),
        ({"dtype": "mixed_float16"}, "float32.* Received: 'mixed_float16'"),
        ({"dtype": "bfloat16"}, "Received: 'bfloat16'"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        small(**arguments)


def test_what_diverges_is_said():
    tracks = np.random.default_rng(0).uniform(-1, 1, (4, 25, 4))
    with pytest.raises(ArithmeticError, match="became nan in epoch .*learning_rate"):
        small().fit(tracks, [0, 0, 1, 1], learning_rate=1e30, verbose=0)
    with pytest.raises(ArithmeticError, match="no longer finite.* Lower pb_rate"):
        small().recognise(tracks, steps=5, pb_rate=1e38)


def test_points_may_leave_the_box_for_a_while():
    model = small()
    track = np.where(np.arange(5)[:, None] == 2, 3.0, GOOD)
    model.fit([track, -track], [0, 1], epochs=1, verbose=0)
    assert np.isfinite(model.recognise([track], steps=1)).all()


def test_compile_is_refused():
    with pytest.raises(NotImplementedError, match="batch_size, epochs, learning_rate"):
        small().compile("sgd", "mse")
