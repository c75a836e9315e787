"""The three modes of the network with parametric bias, and what they refuse."""

import csv

import keras
import numpy as np
import pytest
from keras import ops

import zoo
from zoo.tracks import buckets

TARGETS = np.array([[0.5, -0.3, 0.4, 0.0], [-0.2, 0.4, -0.4, 0.3]])
SMALL = {"units": 6, "depth": 2, "pb_units": 3, "context_units": 4, "features": 4}


def small(seed=0, **arguments):
    keras.utils.set_random_seed(seed)
    return zoo.LSTMPB(**{**SMALL, **arguments})


def relaxations(label, count, rng):
    """Sequences of 20 to 35 frames that near a target, about that of their class."""
    found = []
    for _ in range(count):
        target = TARGETS[label] + rng.normal(0, 0.1, 4)
        frame, track = rng.normal(0, 0.1, 4), []
        for _ in range(rng.integers(20, 36)):
            track.append(frame)
            frame = frame + 0.15 * (target - frame) + rng.normal(0, 0.02, 4)
        found.append(np.array(track))
    return found


def of_both(count, seed):
    rng = np.random.default_rng(seed)
    tracks = [track for label in (0, 1) for track in relaxations(label, count, rng)]
    return tracks, np.repeat([0, 1], count)


def vectors(model):
    return ops.convert_to_numpy(model.pb).copy()


@pytest.fixture(scope="module", params=["hidden", "grid"])
def trained(request):
    sizes = {"units": 24, "pb_units": 4, "context_units": 12}
    model = small(**sizes, context=request.param)
    tracks, labels = of_both(16, seed=0)
    arguments = {"batch_size": 8, "learning_rate": 0.05, "pb_rate": 3, "verbose": 0}
    history = model.fit(tracks, labels, epochs=12, **arguments)
    return model, history.history["loss"]


def test_two_known_dynamics_are_learnt_and_told_apart(trained):
    model, losses = trained
    assert losses[-1] < 0.25 * losses[0]
    assert np.abs(np.diff(vectors(model), axis=0)).max() > 0.1
    before = model.get_weights()
    tracks, labels = of_both(20, seed=1)
    found = model.recognise(tracks, steps=30, pb_rate=3)
    assert found.shape == (40, 4) and np.isfinite(found).all()
    distances = np.linalg.norm(found[:, None] - vectors(model), axis=2)
    assert np.mean(distances.argmin(axis=1) == labels) > 0.9
    # From the same frame, each class's vector leads to its own target.
    made = model.generate(model.pb, np.zeros(4), steps=40)
    assert made.shape == (2, 40, 4)
    np.testing.assert_allclose(made[:, -1], TARGETS, atol=0.2)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_recognition_of_many_is_that_of_each(trained):
    model, _ = trained
    tracks, _ = of_both(5, seed=2)
    together = model.recognise(tracks, steps=8, pb_rate=3)
    assert together.std(axis=0).min() > 1e-3
    for batch_size, order in {1: range(10), 4: np.arange(10)[::-1]}.items():
        given = [tracks[n] for n in order]
        got = model.recognise(given, steps=8, pb_rate=3, batch_size=batch_size)
        np.testing.assert_allclose(got, together[order], atol=1e-5)


def test_recognition_goes_downhill(trained):
    """More steps predict the track better, from its very first step on."""
    model, _ = trained
    tracks, _ = of_both(1, seed=3)
    for track in tracks:
        errors = []
        for steps in (0, 1, 5, 30):
            pb = (
                model.recognise([track], steps, pb_rate=1)
                if steps
                else np.zeros((1, 4))
            )
            told = ops.convert_to_numpy(model((track[None], pb)))[0]
            errors.append(np.mean((told[:-1] - track[1:]) ** 2))
        assert (np.diff(errors) < 0).all()


def test_generation_is_a_closed_loop(trained):
    """Each frame is what the network tells after all those that it has made."""
    model, _ = trained
    pb, first = vectors(model)[1], TARGETS[0]
    made = model.generate(pb, first, steps=7)
    assert made.shape == (7, 4)
    given = np.concatenate([first[None], made[:-1]])[None].astype("float32")
    told = ops.convert_to_numpy(model((given, pb[None])))[0]
    np.testing.assert_allclose(made, told, atol=1e-6)
    # One first frame for several vectors, and one vector for several first frames.
    both = model.generate(vectors(model), first, steps=7)
    np.testing.assert_allclose(both[1], made, atol=1e-6)
    starts = np.stack([TARGETS[1], first])
    np.testing.assert_allclose(model.generate(pb, starts, 7)[1], made, atol=1e-6)


def test_networks_of_two_sizes_learn_in_one_process():
    """The graph of one of them is not widened to serve the other."""
    tracks, labels = of_both(1, seed=0)
    for units in (5, 8):
        model = small(units=units)
        model.fit(tracks, labels, epochs=1, verbose=0)
        assert np.abs(vectors(model)).max() > 0


def test_a_seed_decides_the_order():
    tracks, labels = of_both(4, seed=0)
    results = []
    for order in (0, 0, 1):
        model = small(seed=0)
        model.fit(tracks, labels, epochs=2, seed=order, verbose=0)
        results.append(np.concatenate([one.ravel() for one in model.get_weights()]))
    np.testing.assert_array_equal(results[0], results[1])
    assert np.abs(results[2] - results[0]).max() > 1e-6


def test_lists_arrays_and_other_lengths_in_one_batch_are_taken():
    array = np.random.default_rng(0).uniform(-1, 1, (4, 6, 4))
    results = []
    for tracks in array, list(array.astype("float32")), array.tolist():
        model = small()
        history = model.fit(tracks, [0, 1, 1, 0], batch_size=3, epochs=2, verbose=0)
        results.append([*history.history["loss"], *model.recognise(tracks, 2).ravel()])
    np.testing.assert_allclose(results[1:], results[:1] * 2, rtol=1e-4)


def test_the_loss_of_an_epoch_is_the_mean_over_tracks():
    """Whatever the batches: here nothing moves, so that all see the same weights."""
    tracks, labels = of_both(4, seed=0)
    model, losses = small(), []
    before = model.get_weights()
    for batch_size in (1, 3, 8):
        rates = {"learning_rate": 0, "pb_rate": 0, "verbose": 0, "epochs": 1}
        history = model.fit(tracks, labels, batch_size=batch_size, **rates).history
        losses += history["loss"]
    want = []
    for track in tracks:
        told = ops.convert_to_numpy(model((track[None], np.zeros((1, 3)))))[0]
        want.append(np.mean((told[:-1] - track[1:]) ** 2))
    np.testing.assert_allclose(losses, np.mean(want), rtol=1e-5)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_move_with_momentum_like_a_compiled_model():
    """`keras.Model.fit` on the same loss, the vector of the class being an input."""
    keras.utils.set_random_seed(0)
    tracks = np.random.default_rng(0).uniform(-1, 1, (3, 7, 4)).astype("float32")
    ours, theirs = small(), small()
    rates = {"learning_rate": 0.3, "momentum": 0.8}
    ours.fit(tracks, [0, 1, 0], 3, epochs=3, pb_rate=0, verbose=0, **rates)
    plain = keras.Model.fit
    theirs.compile(keras.optimizers.SGD(**rates), "mse")
    given = (tracks[:, :-1], np.zeros((3, 3), "float32"))
    plain(theirs, given, tracks[:, 1:], batch_size=3, epochs=3, verbose=0)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    moved = small().landmarks.kernel - ours.landmarks.kernel
    assert np.abs(ops.convert_to_numpy(moved)).max() > 0.01


class Vectors(keras.callbacks.Callback):
    """Keeps the PB vectors after every epoch."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(vectors(self.model))


def test_rates_are_divided_after_ten_epochs_without_improvement():
    """Rates so small that the network's float32 answers do not change."""
    model, keeper = small(), Vectors()
    track = of_both(1, seed=0)[0][:1]
    model.fit(
        track, [0], epochs=25, learning_rate=1e-20, pb_rate=1e-20, verbose=0,
        callbacks=[keeper],
    )  # fmt: skip
    history = model.history.history
    assert len(set(history["loss"])) == 1
    # The first epoch improves on nothing before it; ten that do not follow.
    rates = [1e-20] * 11 + [1e-21] * 10 + [1e-22] * 4
    np.testing.assert_allclose(history["learning_rate"], rates, rtol=1e-6)
    lengths = np.abs(np.diff([np.zeros((2, 3)), *keeper.seen], axis=0)).max(axis=(1, 2))
    np.testing.assert_allclose(lengths / lengths[0], np.array(rates) / 1e-20, rtol=2e-2)
    assert lengths[0] > 0


def test_an_improvement_in_time_keeps_the_rates():
    model = small()
    tracks, labels = of_both(2, seed=0)
    history = model.fit(tracks, labels, 4, epochs=13, verbose=0).history
    assert (np.diff(history["loss"]) < 0).all()
    assert len(set(history["learning_rate"])) == 1


def test_callbacks(tmp_path):
    tracks, labels = of_both(3, seed=0)
    model, batches = small(), []
    count = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batches.append((batch, logs["loss"]))
    )
    stop = keras.callbacks.EarlyStopping("loss", min_delta=9, patience=2)
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor="loss", save_best_only=True
    )
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    history = model.fit(
        tracks, labels, 4, epochs=9, callbacks=[count, stop, best, log], verbose=0
    )
    assert isinstance(history, keras.callbacks.History)
    losses = history.history["loss"]
    assert len(losses) == 3 and history.epoch == [0, 1, 2]
    assert [batch for batch, _ in batches] == [0, 1] * 3
    assert [loss for batch, loss in batches if batch == 1] == losses
    with open(tmp_path / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == pytest.approx(losses)
    assert float(rows[0]["learning_rate"]) == pytest.approx(0.01)
    again = keras.saving.load_model(tmp_path / "best.keras")
    np.testing.assert_array_equal(vectors(again), vectors(model))


def test_what_fit_prints(capfd):
    tracks, labels = of_both(1, seed=0)
    model = small()
    model.fit(tracks, labels, epochs=1, verbose=0)
    assert capfd.readouterr().out == ""
    model.fit(tracks, labels, epochs=1, verbose=2)
    shown = capfd.readouterr().out
    assert "2/2" in shown and "loss: 0." in shown


def test_batches_hold_tracks_of_like_lengths():
    lengths = np.random.default_rng(0).integers(2, 30, 50)
    for rng in None, np.random.default_rng(1):
        batches = buckets(lengths, 8, rng)
        assert sorted(map(len, batches)) == [2] + [8] * 6
        assert sorted(np.concatenate(batches)) == list(range(50))
        ranges = sorted((lengths[rows].min(), lengths[rows].max()) for rows in batches)
        for (_, longest), (shortest, _) in zip(ranges, ranges[1:], strict=False):
            assert longest <= shortest
    equal = [buckets([5] * 50, 8, np.random.default_rng(seed))[0] for seed in (0, 1)]
    assert not np.array_equal(*equal)


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
    tracks, labels = of_both(2, seed=0)
    with pytest.raises(ArithmeticError, match="became nan in epoch .*learning_rate"):
        small().fit(tracks, labels, learning_rate=1e30, verbose=0)
    with pytest.raises(ArithmeticError, match="no longer finite.* Lower pb_rate"):
        small().recognise(tracks, steps=5, pb_rate=1e38)
