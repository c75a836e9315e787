"""Writes what TensorFlow computes, for the tests of the other backends.

`python tests/backends/reference.py FOLDER`: weight files as users write them, and for
each of them inputs, outputs and a step of training as `.npz`.
"""

import pathlib
import sys

import backend_cases as cases
import keras
import numpy as np


def main(folder):
    if keras.backend.backend() != "tensorflow":
        raise SystemExit("The reference is TensorFlow: set KERAS_BACKEND=tensorflow.")
    folder.mkdir(parents=True, exist_ok=True)
    for name, (*_, inputs, truth) in cases.BUILDERS.items():
        model = started(cases.build(name))
        model.save_weights(folder / f"{name}.weights.h5")
        write(folder / name, model, inputs(), truth)
    for name, (build, inputs, truth) in cases.MODELS.items():
        model = started(build())
        model.save(folder / f"{name}.keras")
        write(folder / name, model, inputs(), truth)
    for context in cases.CONTEXTS:
        model = started(cases.lstm_pb(context))
        model.save(folder / f"LSTMPB, {context}.keras")
        np.savez(folder / f"LSTMPB, {context}.npz", **cases.modes(model))
    for name, run in cases.PRUNING.items():
        model, patterns = cases.hidden_layer()
        started(model).save(folder / f"{name}.keras")
        np.savez(folder / f"{name}.npz", patterns=patterns, **run(model, patterns))


def started(model):
    """The same weights in every run, and none of them 0, 1 or at the start."""
    rng = np.random.default_rng(7)
    for variable in model.variables:
        if "seed" in variable.path:
            continue
        value = keras.ops.convert_to_numpy(variable)
        if variable.path.endswith("moving_variance"):
            value = rng.uniform(0.5, 1.5, value.shape)
        elif value.ndim < 2 or not value.any():
            value = rng.normal(0, 0.1, value.shape)
        variable.assign(value)
    return model


def write(path, model, x, truth):
    given = {"x": x, **cases.answers(model, x)}
    if truth is not None:
        loss, changes = cases.step(model, x, truth)
        given |= {"truth": truth, "loss": loss}
        given |= {f"change_{n:03}": change for n, change in enumerate(changes)}
    np.savez(f"{path}.npz", **given)


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    main(pathlib.Path(sys.argv[1]))
