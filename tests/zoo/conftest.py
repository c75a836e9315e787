"""Networks with a Grid LSTM in NumPy, written from their descriptions."""

import types

import numpy as np
import pytest


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def relu(z):
    return np.maximum(z, 0)


def lstm(kernel, bias, hidden, memory):
    """Kalchbrenner et al. 2015, equations 1 to 3; `hidden` is of all dimensions."""
    width = len(bias) // 4
    z = hidden @ kernel + bias
    write, keep, read = (sigmoid(z[:, k * width :][:, :width]) for k in (0, 1, 3))
    memory = keep * memory + write * np.tanh(z[:, 2 * width : 3 * width])
    return read * np.tanh(memory), memory


def grid(weights, x, hidden, memory):
    """A step of the grid; changes the lists of what goes along time.

    Args:
        weights: kernel and bias of the input, along time and along depth, the latter
            four with a first axis of as many as there are different ones.
        x: `(batch, features)`.
        hidden, memory: lists of the blocks' `(batch, units)`.
    """
    kernel, bias, in_time, time_bias, in_depth, depth_bias = weights
    up = x @ kernel + bias
    up_memory = np.zeros_like(up)
    for block in range(len(hidden)):
        # Blocks that share their weights have but one set.
        t, d = min(block, len(in_time) - 1), min(block, len(in_depth) - 1)
        both = np.hstack([hidden[block], up])
        hidden[block], memory[block] = lstm(
            in_time[t], time_bias[t], both, memory[block]
        )
        both = np.hstack([hidden[block], up])
        up, up_memory = lstm(in_depth[d], depth_bias[d], both, up_memory)
    return up


def predict(model, tracks, pb):
    """Each frame's prediction of the next by a `zoo.LSTMPB`'s weights.

    Args:
        model: the network, of which weights and settings are read.
        tracks: `(batch, frames, features)`.
        pb: `(batch, pb_units)`, or `(batch, frames, pb_units)` where it changes.
    """
    config = model.get_config()
    layers = model.landmarks, model.parametric_bias, model.context, model.prediction
    (see, see_bias), (lean, lean_bias), (pass_on, pass_bias), (tell, tell_bias) = (
        layer.get_weights() for layer in layers
    )
    weights = model.grid.get_weights()
    batch, frames, _ = tracks.shape
    pb = np.broadcast_to(
        pb.reshape(batch, -1, pb.shape[-1]), (batch, frames, len(lean))
    )
    hidden = [np.zeros((batch, len(see_bias)))] * config["depth"]
    memory, context = list(hidden), np.zeros((batch, len(pass_bias)))
    told = []
    for t in range(frames):
        top = relu(grid(weights, context, hidden, memory))
        layer = relu(tracks[:, t] @ see + see_bias) + relu(pb[:, t] @ lean + lean_bias)
        layer = layer + top
        told.append(np.tanh(layer @ tell + tell_bias))
        context = (layer if config["context"] == "hidden" else top) @ pass_on
        context = context + pass_bias
    return np.stack(told, axis=1)


def errors(model, tracks, lengths, pb):
    """Mean squared errors of the next frame, one track after the other."""
    found = []
    for track, length, one in zip(tracks, lengths, pb, strict=True):
        told = predict(model, track[None, : length - 1], one[None])[0]
        found.append(np.mean((told - track[1:length]) ** 2))
    return np.array(found)


def slopes(function, array, chosen=None):
    """Central differences of a function with respect to (chosen) entries of an array.

    The array is changed and changed back.
    """
    flat, found = array.reshape(-1), []
    for n in range(flat.size) if chosen is None else chosen:
        value, results = flat[n], []
        for change in (1e-6, -1e-6):
            flat[n] = value + change
            results.append(function())
        flat[n] = value
        found.append((results[0] - results[1]) / 2e-6)
    return np.stack(found)


@pytest.fixture(scope="session")
def reference():
    """The functions above."""
    functions = {"grid": grid, "predict": predict, "errors": errors, "slopes": slopes}
    return types.SimpleNamespace(**functions)
