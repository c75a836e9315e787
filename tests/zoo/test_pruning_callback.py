"""Distinctiveness pruning during training."""

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from zoo import pruning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 6)).astype("float32")
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
LIMITS = {"low": 40, "high": 140}


def network(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(24, "sigmoid", name="hidden"),
            layers.Dense(2, "softmax", name="out"),
        ]
    )


def fit(model, callbacks=(), epochs=4, optimizer=None, **options):
    if optimizer is not None:
        model.compile(optimizer, "sparse_categorical_crossentropy")
    options = {"verbose": 0, "shuffle": False, "batch_size": 16, **options}
    return model.fit(X, Y, epochs=epochs, callbacks=list(callbacks), **options)


def rows(model):
    """Which units have outgoing weights."""
    return np.array(model.get_layer("out").kernel).any(axis=1)


def test_at_the_end_of_training_by_default():
    model, plain = network(), network()
    fit(plain, optimizer=keras.optimizers.Adam(0.05))
    callback = zoo.DistinctivenessPruning("hidden", X, **LIMITS)
    history = fit(model, [callback], optimizer=keras.optimizers.Adam(0.05)).history
    assert history["hidden_units"] == [24] * 4
    ((epoch, found),) = callback.pruned
    assert epoch == 3 and 1 <= len(found.kept) < 24
    assert list(np.flatnonzero(rows(model))) == list(found.kept)
    # As if it had been pruned by hand.
    by_hand = pruning.prune(plain, "hidden", X, **LIMITS)
    smaller = pruning.compact(model, "hidden")
    assert smaller.get_layer("hidden").units == len(found.kept)
    for one, other in zip(by_hand.get_weights(), smaller.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    answer = model.predict(X, verbose=0)
    np.testing.assert_allclose(smaller.predict(X, verbose=0), answer, atol=1e-6)


def test_masked_units_stay_out_and_nothing_is_traced_again():
    traced = []

    def loss(truth, answer):
        traced.append(1)
        return keras.losses.sparse_categorical_crossentropy(truth, answer)

    class Watch(keras.callbacks.Callback):
        """What each epoch leaves: units with outgoing weights, weights, slots."""

        def __init__(self):
            super().__init__()
            self.seen = []

        def on_epoch_end(self, epoch, logs=None):
            model = self.model
            weights = [np.array(v) for v in model.weights]
            slots = [tuple(v.shape) for v in model.optimizer.variables]
            self.seen.append((rows(model), weights, slots, len(traced)))

    model, watch = network(), Watch()
    model.compile(keras.optimizers.Adam(0.05), loss)  # has momentum, which pushes on
    callback = zoo.DistinctivenessPruning("hidden", X, every=2, **LIMITS)
    history = fit(model, [callback, watch], epochs=7).history
    assert [epoch for epoch, _ in callback.pruned] == [1, 3, 5]
    kept = [len(found.kept) for _, found in callback.pruned]
    assert 24 > kept[0] >= kept[1] >= kept[2] >= 1
    working = [24, kept[0], kept[0], kept[1], kept[1], kept[2], kept[2]]
    assert history["hidden_units"] == working
    assert [int(found.sum()) for found, *_ in watch.seen] == working
    assert set(callback.pruned[1][1].kept) <= set(callback.pruned[0][1].kept)
    assert len({str(slots) for _, _, slots, _ in watch.seen}) == 1
    assert len({count for *_, count in watch.seen}) == 1
    # What is at work went on learning, what is masked did not.
    (_, before, *_), (found, after, *_) = watch.seen[1:3]
    moved = np.abs(before[0] - after[0]).max(axis=0) > 1e-4
    assert moved[found].all()


def test_training_on_is_that_of_the_compact_model():
    """With plain gradient descent a masked unit is one that is not there."""
    model = network()
    fit(model, optimizer=keras.optimizers.Adam(0.05))
    pruning.mask(model, "hidden", X, **LIMITS)
    smaller = pruning.compact(model, "hidden")
    before = smaller.predict(X, verbose=0)
    out = ~rows(model)
    incoming = model.get_layer("hidden").get_weights()[0][:, out]
    still = zoo.DistinctivenessPruning("hidden", X, every=99)
    losses = fit(model, [still], 5, keras.optimizers.SGD(0.5)).history["loss"]
    expected = fit(smaller, (), 5, keras.optimizers.SGD(0.5)).history["loss"]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    answers = [one.predict(X, verbose=0) for one in (model, smaller)]
    np.testing.assert_allclose(*answers, atol=1e-5)
    assert np.abs(answers[0] - before).max() > 0.01
    assert still.pruned == []
    # What is masked has learned nothing.
    after = model.get_layer("hidden").get_weights()[0]
    np.testing.assert_array_equal(after[:, out], incoming)
    assert np.abs(after).max() > 0 and out.any()


@pytest.mark.parametrize("how", ["average", "restored"])
def test_what_comes_back_is_handed_over_again(how):
    """Two units alike, and no learning to speak of: the answers stay what they are."""
    model = network()
    hidden, out = model.get_layer("hidden"), model.get_layer("out")
    kernel, bias = hidden.get_weights()
    kernel[:, 3], bias[3] = kernel[:, 5], bias[5]
    hidden.set_weights([kernel, bias])
    out.set_weights([RNG.normal(size=(24, 2)), RNG.normal(size=2)])
    before = model.predict(X, verbose=0)
    callbacks = [zoo.DistinctivenessPruning("hidden", X, 0.05, 179.95, every=2)]
    if how == "restored":  # the first epoch's weights, from before any pruning
        best = {"monitor": "loss", "mode": "max", "restore_best_weights": True}
        callbacks.insert(0, keras.callbacks.EarlyStopping(patience=9, **best))
    optimizer = keras.optimizers.SGD(1e-12, use_ema=how == "average")
    fit(model, callbacks, 5, optimizer)
    assert rows(model).sum() == 23
    np.testing.assert_allclose(model.predict(X, verbose=0), before, atol=1e-5)


def test_several_layers_at_once_and_a_second_fit():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(24, "tanh", name="first"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(16, "sigmoid", name="second"),
            layers.Dense(2, "softmax", name="out"),
        ]
    )
    callbacks = [
        zoo.DistinctivenessPruning(name, X, every=1, **LIMITS)
        for name in ("first", "second")
    ]
    one = fit(model, callbacks, 2, keras.optimizers.Adam(0.05)).history
    two = fit(model, callbacks, 2).history
    for name in ("first_units", "second_units"):
        working = one[name] + two[name]
        assert working == sorted(working, reverse=True) and working[-1] < 16
    answer = model.predict(X, verbose=0)
    smaller = pruning.compact(pruning.compact(model, "first"), "second")
    assert smaller.get_layer("second").units == two["second_units"][-1]
    np.testing.assert_allclose(smaller.predict(X, verbose=0), answer, atol=1e-5)


def test_what_cannot_be_pruned_is_refused_before_training():
    model = network()
    start = model.get_weights()
    model.compile("sgd", "sparse_categorical_crossentropy", steps_per_execution=3)
    with pytest.raises(ValueError, match="steps_per_execution=1"):
        fit(model, [zoo.DistinctivenessPruning("hidden", X, every=1)])
    fit(model, [zoo.DistinctivenessPruning("hidden", X)], 1)  # at the end it may
    model.set_weights(start)
    with pytest.raises(ValueError, match="'out': its units are an output"):
        fit(model, [zoo.DistinctivenessPruning("out", X)])
    with pytest.raises(ValueError, match=r"Received: \(96, 5\)"):
        fit(model, [zoo.DistinctivenessPruning("hidden", X[:, :5])])
    for one, other in zip(start, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="more than once.*generator"):
        zoo.DistinctivenessPruning("hidden", (X[:8] for _ in range(3)))


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"every": 0}, "1 or more. Received: 0"),
        ({"every": 1.5}, "1 or more. Received: 1.5"),
        ({"every": "2"}, "1 or more. Received: '2'"),
        ({"low": 95}, "degrees"),
        ({"merge": "mean"}, "Received: 'mean'"),
    ],
)
def test_arguments_out_of_range(options, reason):
    with pytest.raises(ValueError, match=reason):
        zoo.DistinctivenessPruning("hidden", X, **options)
