"""The three modes of the network with parametric bias."""

import csv

import keras
import numpy as np
import pytest
from keras import ops

import zoo
from zoo import pb_passes
from zoo.pb_learning import Learning
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


def test_recognition_does_not_depend_on_what_was_recognised_before(trained):
    """Not in the last digit, though other batches and lengths were seen first."""
    model, _ = trained
    tracks, _ = of_both(8, seed=4)
    pb_passes.compiled.cache_clear()
    want = model.recognise(tracks[:3], steps=6, pb_rate=3)
    pb_passes.compiled.cache_clear()
    for others in tracks[3:8], tracks[8:9]:
        model.recognise(others, steps=6, pb_rate=3)
    np.testing.assert_array_equal(model.recognise(tracks[:3], 6, 3), want)


@pytest.mark.parametrize("name", ["learn", "recognise"])
def test_lengths_above_the_number_of_frames_mean_all(name, trained):
    model, _ = trained
    tracks = np.random.default_rng(0).uniform(-1, 1, (3, 6, 4)).astype("float32")
    given = {"learn": [np.zeros((3, 4), "float32")], "recognise": [5, np.float32(3)]}
    results = []
    for lengths in [6, 4, 6], [7, 4, 99]:
        lengths = ops.convert_to_tensor(lengths, "int32")
        got = model.passes(name, tracks, lengths, *given[name])
        got = got[:2] if name == "learn" else [got]
        results.append([ops.convert_to_numpy(one) for one in got])
    for want, got in zip(*results, strict=True):
        assert np.abs(want).min() > 0
        np.testing.assert_array_equal(got, want)


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


class Noted(Learning):
    """Keeps the order of tracks, epoch by epoch."""

    def run_epoch(self, callbacks=None):
        self.orders = [*getattr(self, "orders", []), []]
        return super().run_epoch(callbacks)

    def step(self, rows):
        self.orders[-1] += rows.tolist()
        return super().step(rows)


def test_a_seed_decides_the_order_of_each_epoch(monkeypatch):
    made = []
    monkeypatch.setattr(
        "zoo.lstm_pb.Learning", lambda *given: made.append(Noted(*given)) or made[-1]
    )
    tracks = np.random.default_rng(0).uniform(-1, 1, (7, 2, 4))
    weights = []
    for seed in (0, 0, 1):
        model = small()
        model.fit(tracks, [0, 1] * 3 + [0], 2, epochs=2, seed=seed, verbose=0)
        weights.append(np.concatenate([one.ravel() for one in model.get_weights()]))
    np.testing.assert_array_equal(weights[0], weights[1])
    assert np.abs(weights[2] - weights[0]).max() > 1e-6
    assert made[0].orders == made[1].orders
    told = [tuple(order) for n in (0, 2) for order in made[n].orders]
    assert len(set(told)) == 4
    assert all(sorted(order) == list(range(7)) for order in told)


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
    keras.Model.compile(theirs, keras.optimizers.SGD(**rates), "mse")
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


def learner(model, rate, pb_rate=1e-20):
    tracks, labels = of_both(2, seed=0)
    return Learning(model, tracks, labels, 4, rate, pb_rate, 0.9, seed=0)


@pytest.mark.parametrize(
    "losses, drops",
    [
        ([1.0] + [2.0] * 9 + [0.9] + [1.0] * 9, 0),
        ([1.0] + [2.0] * 9 + [0.9] + [1.0] * 10, 1),
        # What is better than the epoch before is not yet the best.
        ([1.0] + [3.0, 2.0] * 5, 1),
        ([1.0] + [3.0, 2.0] * 4 + [3.0], 0),
        ([1.0] * 21, 2),
    ],
)
def test_ten_epochs_without_improvement_on_the_best(losses, drops):
    learning = learner(small(), 0.4, 0.8)
    for loss in losses:
        learning.slow_down(loss)
    rates = [float(learning.optimizer.learning_rate), learning.pb_rate]
    np.testing.assert_allclose(rates, np.array([0.4, 0.8]) / 10**drops, rtol=1e-6)


@pytest.mark.parametrize("rate, before", [(0.3, 2), (1e-20, 14)])
def test_learning_goes_on_as_if_never_interrupted(rate, before):
    """With momentum, and with rates so small that epoch after epoch is stale."""
    whole = learner(small(), rate)
    want = whole.run(25, verbose=0).history
    first = learner(small(), rate)
    first.run(before, verbose=0)
    assert rate == 0.3 or (first.stale, first.pb_rate) == (3, 1e-21)
    second = learner(small(seed=1), rate)
    second.restore(first.state())
    got = second.run(25, verbose=0).history
    assert got == {name: values[before:] for name, values in want.items()}
    for name, value in whole.state().items():
        np.testing.assert_array_equal(second.state()[name], value, err_msg=name)


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


def test_callbacks_that_look_for_the_optimizer(tmp_path):
    import tensorflow as tf

    tracks, labels = of_both(3, seed=0)
    model = small()
    plan = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / 2**epoch)
    board = keras.callbacks.TensorBoard(tmp_path)
    file = tmp_path / "{epoch}.keras"
    kept = keras.callbacks.ModelCheckpoint(file)
    fit = {"batch_size": 4, "verbose": 0}
    history = model.fit(tracks, labels, epochs=3, callbacks=[plan, board, kept], **fit)
    rates = history.history["learning_rate"]
    assert rates == pytest.approx([0.1, 0.05, 0.025])
    (events,) = (tmp_path / "train").iterdir()
    events = tf.compat.v1.train.summary_iterator(str(events))
    values = [value for event in events for value in event.summary.value]
    told = [
        tf.make_ndarray(one.tensor)
        for one in values
        if one.tag == "epoch_learning_rate"
    ]
    np.testing.assert_allclose(told, rates)
    again = keras.saving.load_model(tmp_path / "3.keras")
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    again.fit(tracks, labels, epochs=1, **fit)
    # It never improves by so much.
    less = keras.callbacks.ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=9)
    history = model.fit(tracks, labels, epochs=4, callbacks=[less], **fit)
    rates = history.history["learning_rate"]
    assert rates == pytest.approx([0.01, 0.01, 0.005, 0.0025])


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
