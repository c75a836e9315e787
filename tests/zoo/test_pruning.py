"""Distinctiveness pruning of models."""

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from zoo import pruning

RNG = np.random.default_rng(0)
PATTERNS = RNG.normal(size=(60, 6)).astype("float32")
UNITS = 12


def sequential(activation="sigmoid"):
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(UNITS, activation, name="hidden"),
            layers.Dropout(0.5),
            layers.Dense(2, "softmax", name="out"),
        ]
    )


def normalised_before():
    inputs = keras.Input((6,), name="x")
    x = layers.Dense(UNITS, use_bias=False, name="hidden")(inputs)
    x = layers.BatchNormalization(name="inner")(x)
    x = layers.Activation("tanh")(x)
    out = layers.Dense(3, name="out")(layers.GaussianNoise(0.1)(x))
    return keras.Model(inputs, out)


def several_consumers():
    inputs = keras.Input((6,), name="x")
    x = layers.Dense(UNITS, "sigmoid", name="hidden")(inputs)
    x = layers.Dropout(0.2)(x)
    one = layers.Dense(4, "relu", name="one")(x)
    other = layers.BatchNormalization(name="outer")(x)
    other = layers.BatchNormalization(scale=False, name="outer_2")(other)
    other = layers.Dense(4, name="other")(layers.Flatten()(other))
    out = layers.Dense(2, name="out")(layers.Concatenate()([one, other]))
    return keras.Model({"x": inputs}, {"a": out, "b": other}, name="dict")


def through_time():
    inputs = keras.Input((5, 6), name="x")
    x = layers.Dense(UNITS, "sigmoid", name="hidden")(inputs)
    x = layers.Dense(3, name="middle")(x)
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(x))


def sloped():
    inputs = keras.Input((6,), name="x")
    x = layers.Dense(UNITS, name="hidden")(inputs)
    x = layers.PReLU(name="slope")(x)
    return keras.Model(inputs, layers.Dense(3, name="out")(x))


def several_activations():
    inputs = keras.Input((6,), name="x")
    x = layers.Dense(UNITS, name="hidden")(inputs)
    x = layers.Activation("tanh")(layers.BatchNormalization(name="inner")(x))
    x = layers.BatchNormalization(name="inner_2")(x)
    x = layers.Activation("softsign")(x)
    return keras.Model(inputs, layers.Dense(3, name="out")(x))


MODELS = {
    "sequential": sequential,
    "hard": lambda: sequential("hard_sigmoid"),
    "several activations": several_activations,
    "normalised before": normalised_before,
    "several consumers": several_consumers,
    "through time": through_time,
    "sloped": sloped,
}


CENTRES = {"normalised before": 0, "several activations": 0, "sloped": None}


def scrambled(model):
    """Random weights everywhere, those of a trained network's size."""
    rng = np.random.default_rng(1)
    for variable in model.weights:
        if variable.name.endswith(("variance", "gamma")):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        else:
            variable.assign(0.6 * rng.normal(size=variable.shape))
    return model


def plant(model, unit, as_unit=None, sign=1):
    """Makes a unit say the same as another, its opposite, or always the same."""
    for name in ("hidden", "inner", "inner_2", "slope"):
        if name not in [layer.name for layer in model.layers]:
            continue
        for variable in model.get_layer(name).weights:
            values = np.array(variable)
            if as_unit is None:
                if variable.name == "kernel":
                    values[:, unit] = 0
            else:
                same = variable.name in ("gamma", "moving_variance", "alpha")
                values[..., unit] = (1 if same else sign) * values[..., as_unit]
            variable.assign(values)


def patterns_of(model):
    (shape,) = [tensor.shape for tensor in model.inputs]
    if len(shape) == 3:
        return PATTERNS.reshape(12, 5, 6)
    return {"x": PATTERNS} if model.name == "dict" else PATTERNS


def answers(model, patterns):
    return keras.tree.flatten(model.predict(patterns, verbose=0))


def assert_same(before, after, atol=1e-6):
    for one, other in zip(before, after, strict=True):
        assert np.ptp(one) > 0.1
        np.testing.assert_allclose(other, one, atol=atol * max(1, np.abs(one).max()))


@pytest.mark.parametrize("kind", MODELS)
def test_what_is_exactly_alike_opposite_or_constant_changes_nothing(kind):
    model = scrambled(MODELS[kind]())
    plant(model, 3, as_unit=5)
    plant(model, 9, as_unit=5)
    plant(model, 7)
    gone = {3, 9, 5, 7}
    if kind != "sloped":  # a relu has no opposite
        plant(model, 0, as_unit=2, sign=-1)
        plant(model, 11, as_unit=2, sign=-1)
        gone |= {0, 2, 11}
    patterns = patterns_of(model)
    before = answers(model, patterns)
    found = pruning.distinctive_units(
        pruning.activations(model, "hidden", patterns),
        low=0.05,
        high=179.95,
        centre=CENTRES.get(kind, 0.5),
    )
    assert set(found.merged) | set(found.complementary) | {7} | set(found.kept) == set(
        range(UNITS)
    )
    assert len(set(found.kept) & gone) == (1 if kind == "sloped" else 2)
    assert list(found.constant) == [7]

    smaller = pruning.prune(model, "hidden", patterns, low=0.05, high=179.95)
    assert smaller.get_layer("hidden").units == len(found.kept)
    assert smaller.count_params() < model.count_params()
    assert type(smaller) is type(model) and smaller.name == model.name
    assert_same(before, answers(smaller, patterns))
    assert_same(before, answers(model, patterns), 0)  # left as it is

    # In place, then compact: the same.
    masked = pruning.mask(model, "hidden", patterns, low=0.05, high=179.95)
    assert list(masked.kept) == list(found.kept)
    assert_same(before, answers(model, patterns))
    compacted = pruning.compact(model, model.get_layer("hidden"))
    assert_same(answers(smaller, patterns), answers(compacted, patterns), 0)


@pytest.mark.parametrize("kind", MODELS)
def test_pruning_twice_changes_nothing_more(kind):
    model = scrambled(MODELS[kind]())
    patterns = patterns_of(model)
    once = pruning.prune(model, "hidden", patterns, low=60, high=120)
    assert 1 <= once.get_layer("hidden").units < UNITS
    twice = pruning.prune(once, "hidden", patterns, low=60, high=120)
    for one, other in zip(once.get_weights(), twice.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    # Nor does masking what is masked.
    pruning.mask(model, "hidden", patterns, low=60, high=120)
    weights = model.get_weights()
    found = pruning.mask(model, "hidden", patterns, low=60, high=120)
    assert not found.merged and not found.complementary and not len(found.constant)
    for one, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_merging_by_hand():
    """Two similar and one opposite unit, by the rule in its paper's words."""
    pre = np.array([[1.0, 1.1, -1.0], [-0.5, -0.52, 0.5], [0.3, 0.33, -0.3]])
    hidden = 1 / (1 + np.exp(-pre))
    kernel, bias = np.array([[1.0, 2], [30, 40], [500, 600]]), np.array([7.0, 8])

    def net(merge):
        one = keras.Sequential(
            [
                keras.Input((3,)),
                layers.Dense(3, "sigmoid", name="hidden"),
                layers.Dense(2, name="out"),
            ]
        )
        one.get_layer("hidden").set_weights([pre.astype("float32"), np.zeros(3)])
        one.get_layer("out").set_weights([kernel, bias])
        return pruning.prune(one, "hidden", np.eye(3), merge=merge)

    # Unit 1 is the longest and stays; 0 does the same, 2 the opposite.
    got_kernel, got_bias = net("add").get_layer("out").get_weights()
    np.testing.assert_allclose(got_kernel, [kernel[1] + kernel[0] - kernel[2]])
    np.testing.assert_allclose(got_bias, bias + kernel[2])
    v = hidden - 0.5
    share = v[:, [0, 2]].T @ v[:, 1] / (v[:, 1] @ v[:, 1])
    assert 0.9 < share[0] < 1 and -1 < share[1] < -0.9
    got_kernel, got_bias = net("scale").get_layer("out").get_weights()
    moved = kernel[[0, 2]]
    np.testing.assert_allclose(got_kernel, [kernel[1] + share @ moved], rtol=1e-5)
    np.testing.assert_allclose(got_bias, bias + 0.5 * (1 - share) @ moved, rtol=1e-5)


def test_the_older_text_removes_both_of_a_pair():
    model = scrambled(sequential())
    plant(model, 0, as_unit=2, sign=-1)
    smaller = pruning.prune(model, "hidden", PATTERNS, 0.05, 179.95, merge="remove")
    assert smaller.get_layer("hidden").units == UNITS - 2
    kernel, bias = model.get_layer("out").get_weights()
    rest = [unit for unit in range(UNITS) if unit not in (0, 2)]
    after = smaller.get_layer("out").get_weights()
    np.testing.assert_array_equal(after[0], kernel[rest])
    np.testing.assert_array_equal(after[1], bias)
    # A layer of one pair keeps one of it.
    pair = sequential()
    for unit in range(1, UNITS):
        plant(pair, unit, as_unit=0, sign=(-1) ** unit)
    smaller = pruning.prune(pair, "hidden", PATTERNS, merge="remove")
    assert smaller.get_layer("hidden").units == 1


def test_alike_in_all_but_strength():
    """Without a range, units of one direction merge in proportion."""
    model = scrambled(sequential("relu"))
    hidden = model.get_layer("hidden")
    kernel, bias = hidden.get_weights()
    kernel[:, 4], bias[4] = 3 * kernel[:, 8], 3 * bias[8]
    hidden.set_weights([kernel, bias])
    before = answers(model, PATTERNS)
    smaller = pruning.prune(model, "hidden", PATTERNS, low=0.05)
    assert smaller.get_layer("hidden").units == UNITS - 1
    assert_same(before, answers(smaller, PATTERNS))


@pytest.fixture(scope="module")
def trained():
    """A perceptron of the zoo that has learned something, and its data."""
    keras.utils.set_random_seed(0)
    x = RNG.normal(size=(400, 6)).astype("float32")
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    model = zoo.GrammaticalMLP(input_shape=(6,), hidden=60)
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=30, verbose=0)
    return model, x, y


def accuracy(model, x, y):
    return np.mean(model.predict(x, verbose=0).argmax(axis=1) == y)


def test_saved_loaded_and_exported(trained, tmp_path):
    tf = pytest.importorskip("tensorflow")
    model, x, y = trained
    smaller = pruning.prune(model, "features", x, low=25, high=155)
    assert 2 < smaller.get_layer("features").units < 60
    assert accuracy(model, x, y) > 0.9
    expected = smaller.predict(x, verbose=0)
    smaller.save(tmp_path / "smaller.keras")
    loaded = keras.saving.load_model(tmp_path / "smaller.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), expected)
    from zoo.export import export

    export(smaller, tmp_path / "saved_model")
    served = tf.saved_model.load(tmp_path / "saved_model")
    np.testing.assert_allclose(served.serve(x), expected, atol=1e-6)
    width = smaller.get_layer("features").units
    assert served.features(x).shape == (400, width)
    assert zoo.feature_extractor(smaller).output.shape == (None, width)


def test_a_pruned_model_learns_on(trained):
    model, x, y = trained
    smaller = pruning.prune(model, "features", x, low=50, high=130)
    assert not smaller.compiled and model.compiled
    before = accuracy(smaller, x, 1 - y)
    smaller.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    losses = smaller.fit(x, 1 - y, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    assert accuracy(smaller, x, 1 - y) > before + 0.2
    # And can be pruned after that.
    again = pruning.prune(smaller, "features", x, low=60, high=120)
    assert again.get_layer("features").units < smaller.get_layer("features").units


def test_a_loss_of_the_user_s_and_datasets_as_patterns(trained):
    tf = pytest.importorskip("tensorflow")
    _, x, y = trained
    model = scrambled(sequential())
    model.compile(loss=lambda truth, answer: keras.ops.mean(answer))
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(50)
    smaller = pruning.prune(model, "hidden", data, low=60, high=120)
    same = pruning.prune(model, "hidden", x, low=60, high=120)
    assert smaller.get_layer("hidden").units == same.get_layer("hidden").units
    assert model.compiled


def test_all_that_other_layers_hold_is_copied():
    """An adapted normalisation, a vocabulary, a layer without configuration."""

    @keras.saving.register_keras_serializable(package="tests")
    class Doubled(layers.Layer):
        def call(self, x):
            return 2 * x

    numbers = keras.Input((6,), name="numbers")
    words = keras.Input((1,), name="words", dtype="string")
    scale, lookup = layers.Normalization(), layers.StringLookup(output_mode="one_hot")
    scale.adapt(3 * PATTERNS + 5)
    lookup.adapt(np.array([["yes"], ["no"]]))
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(6), layers.Dropout(0.1)])
    inner.trainable = False
    x = layers.Concatenate()([inner(Doubled()(scale(numbers))), lookup(words)])
    x = layers.Dense(UNITS, "sigmoid", name="hidden")(x)
    model = keras.Model([numbers, words], layers.Dense(3, name="out")(x))
    plant(model, 3, as_unit=5)
    texts = keras.ops.convert_to_tensor([["yes"], ["no"], ["other"]] * 20)
    patterns = [3 * PATTERNS + 5, texts]
    before = model.predict(patterns, verbose=0)
    smaller = pruning.prune(model, "hidden", patterns, low=0.05, high=179.95)
    assert smaller.get_layer("hidden").units == UNITS - 1
    np.testing.assert_allclose(smaller.predict(patterns, verbose=0), before, atol=1e-5)
    assert not smaller.get_layer(inner.name).trainable


def test_operations_among_the_layers():
    """Keras makes a layer of none of these: they are copied as they are."""
    inputs = keras.Input((6,))
    x = layers.Dense(6, "tanh")(inputs / 2.0) + inputs
    x = layers.Dense(UNITS, "sigmoid", name="hidden")(x[:, :4])
    out = keras.ops.softmax(layers.Dense(3, name="out")(x))
    model = scrambled(keras.Model(inputs, out))
    plant(model, 3, as_unit=5)
    before = answers(model, PATTERNS)
    smaller = pruning.prune(model, "hidden", PATTERNS, low=0.05, high=179.95)
    assert smaller.get_layer("hidden").units == UNITS - 1
    assert_same(before, answers(smaller, PATTERNS))


def bent(x):
    return keras.ops.tanh(x) + 0.1 * x


class Nameless(layers.Layer):
    def __init__(self, factor):
        super().__init__(name="nameless")
        self.factor = factor

    def call(self, x):
        return self.factor * x


def test_functions_of_the_user_s_and_layers_that_cannot_be_copied():
    model = scrambled(sequential(bent))
    smaller = pruning.prune(model, "hidden", PATTERNS, low=60, high=120)
    assert smaller.get_layer("hidden").activation is bent
    model = keras.Sequential([keras.Input((6,)), Nameless(2.0), sequential().layers[0]])
    model.add(layers.Dense(2))
    with pytest.raises(ValueError, match="'hidden'.*'nameless'.*made anew.*get_config"):
        pruning.prune(model, "hidden", PATTERNS)


def test_a_consumer_that_begins_with_zeros_masks_nothing():
    model = scrambled(sequential())
    kernel, bias = model.get_layer("out").get_weights()
    model.get_layer("out").set_weights([0 * kernel, bias])
    assert pruning.compact(model, "hidden").get_layer("hidden").units == UNITS
    found = pruning.mask(model, "hidden", PATTERNS, low=60, high=120)
    assert len(found.kept) < UNITS


def test_one_pattern_and_lists_of_them():
    model = scrambled(sequential())
    assert pruning.prune(model, "hidden", PATTERNS[:1]).get_layer("hidden").units < 3
    with pytest.raises(ValueError, match="Received: list of 60") as refused:
        pruning.prune(model, "hidden", PATTERNS[:, :4].tolist())
    assert len(str(refused.value)) < 600


def test_frozen_layers_stay_frozen():
    model = scrambled(sequential())
    model.get_layer("out").trainable = False
    smaller = pruning.prune(model, "hidden", PATTERNS, low=60, high=120)
    assert not smaller.get_layer("out").trainable
    assert smaller.get_layer("hidden").trainable


def test_a_normalisation_that_hides_a_unit_is_refused_before_anything_changes():
    model = scrambled(several_consumers())
    for unit in range(UNITS):
        plant(model, unit, as_unit=0)
    gamma = np.array(model.get_layer("outer").gamma)
    gamma[:] = 0
    model.get_layer("outer").gamma.assign(gamma)
    weights = model.get_weights()
    with pytest.raises(ValueError, match="'hidden'.*scale of 0 for unit"):
        pruning.mask(model, "hidden", {"x": PATTERNS})
    for one, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
