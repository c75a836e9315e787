"""Both passes through the network with parametric bias, written by hand.

Back-propagation through time, as the study's Eq. 1-2 want it, without automatic
differentiation: so the same lines learn and recognise on every backend, and what does
not depend on the step before is moved out of the loop. The weights' gradients are one
matrix product each after it instead of one a step, which saves reading and writing
every weight at every step; recognition, which wants no such gradients, does not
compute them.

Tensors are time-major here. A dict of weights holds `landmarks`, `pb`, `grid`,
`context`, `output` (kernels; `name_bias` their biases), `time` and `depth`, the kernels
of the Grid LSTM, with a first axis of blocks (one for all blocks in `depth`).
"""

import functools

import keras
from keras import ops

from zoo._scan import scan


def start(weights, like):
    """Context, hidden states and memories before the first frame: zeros.

    Args:
        weights: dict of weights.
        like: tensor whose first axis is the batch.

    Returns:
        Tuple of the context, and of each block the hidden state and the memory.
    """
    rows = ops.zeros_like(like[:, :1])
    blocks, width = weights["time"].shape[0], weights["output"].shape[0]
    widths = [weights["context"].shape[1]] + [width] * (2 * blocks)
    return tuple(ops.tile(rows, (1, width)) for width in widths)


def advance(weights, mode, states, driven):
    """One frame: the hidden layer, the states after it, and what `backward` needs.

    Args:
        weights: dict of weights.
        mode: where the next context comes from, `"hidden"` or `"grid"`.
        states: as `start` returns them.
        driven: what frame and PB give the hidden layer, `(batch, units)`.

    Returns:
        `(hidden, states, kept)`; kept are, of each block, the hidden state below it,
        four gates and the memory of the LSTM along time and of the one along depth, and
        at the end what the grid gives the hidden layer.
    """
    context, *before = states
    below = ops.matmul(context, weights["grid"]) + weights["grid_bias"]
    memory_below = None
    after, kept = [], []
    for n in range(weights["time"].shape[0]):
        kept.append(below)
        kernel, bias = weights["time"][n], weights["time_bias"][n]
        both = ops.concatenate([before[2 * n], below], -1)
        hidden, memory, gates = lstm(both, before[2 * n + 1], kernel, bias)
        kept += [*gates, memory]
        after += [hidden, memory]
        kernel, bias = weights["depth"][0], weights["depth_bias"][0]
        both = ops.concatenate([hidden, below], -1)
        below, memory_below, gates = lstm(both, memory_below, kernel, bias)
        kept += [*gates, memory_below]
    top = ops.relu(below)
    hidden = driven + top
    source = hidden if mode == "hidden" else top
    context = ops.matmul(source, weights["context"]) + weights["context_bias"]
    return hidden, (context, *after), [*kept, top]


def lstm(hidden, memory, kernel, bias):
    """An LSTM on both dimensions' hidden states; a memory of `None` is zero."""
    z = ops.matmul(hidden, kernel) + bias
    i, f, candidate, o = ops.split(z, 4, axis=-1)
    i, f, o = ops.sigmoid(i), ops.sigmoid(f), ops.sigmoid(o)
    candidate = ops.tanh(candidate)
    memory = i * candidate if memory is None else f * memory + i * candidate
    return o * ops.tanh(memory), memory, (i, f, candidate, o)


def forward(weights, mode, frames, pb):
    """Next-frame predictions, and what `backward` needs.

    Args:
        weights: dict of weights.
        mode: `"hidden"` or `"grid"`.
        frames: `(steps, batch, features)`.
        pb: `(batch, pb_units)`.

    Returns:
        Predictions `(steps, batch, features)`, and a dict of what is kept, time-major.
    """
    seen, leaning = drive(weights, frames, pb)

    def step(states, seen):
        hidden, after, kept = advance(weights, mode, states, seen + leaning)
        return after, [hidden, *after, *kept]

    blocks = weights["time"].shape[0]
    wide = (pb.shape[0], weights["output"].shape[0])
    shapes = [wide, (pb.shape[0], weights["context"].shape[1])]
    shapes += [wide] * (2 * blocks + 11 * blocks + 1)
    _, (hidden, *rest) = scan(step, start(weights, pb), seen, shapes)
    states, kept = rest[: 1 + 2 * blocks], rest[1 + 2 * blocks :]
    return predict(weights, hidden), {
        "seen": seen,
        "leaning": leaning,
        "hidden": hidden,
        "states": states,
        "blocks": [kept[11 * n : 11 * n + 11] for n in range(blocks)],
        "top": kept[-1],
    }


def drive(weights, frames, pb):
    """Return the hidden layer's input from frames and PB vectors."""
    seen = ops.matmul(frames, weights["landmarks"]) + weights["landmarks_bias"]
    leaning = ops.matmul(pb, weights["pb"]) + weights["pb_bias"]
    return ops.relu(seen), ops.relu(leaning)


def predict(weights, hidden):
    return ops.tanh(ops.matmul(hidden, weights["output"]) + weights["output_bias"])


def backward(weights, mode, frames, pb, predicted, kept, d_predicted, learning=True):
    """Gradients with respect to PB vectors and weights.

    Args:
        weights, mode, frames, pb: as given to `forward`.
        predicted, kept: what it returned.
        d_predicted: gradient with respect to the predictions.
        learning: whether the weights' gradients are wanted, too.

    Returns:
        The PB vectors' gradients `(batch, pb_units)`, summed over time; and a dict of
        the weights' gradients, summed over time and batch, empty without `learning`.
    """
    d_output = d_predicted * (1 - predicted**2)
    d_hidden = ops.matmul(d_output, ops.transpose(weights["output"]))
    before = [shifted(state) for state in kept["states"]]
    names = "time", "depth", "grid", "context"
    transposed = {name: ops.swapaxes(weights[name], -1, -2) for name in names}

    def step(states, now):
        return retreat(transposed, mode, states, now, learning)

    given = (d_hidden, kept["top"], memories(kept["blocks"], before))
    blocks, batch = len(kept["blocks"]), pb.shape[0]
    units, width = weights["context"].shape
    shapes = [(batch, units)]
    if learning:
        shapes += [(batch, width), (batch, units)]
        shapes += [(batch, 4 * units)] * (2 * blocks)
    nothing = start(weights, pb)
    _, (d_hidden, *rest) = scan(step, nothing, given, shapes, reverse=True)

    d_leaning = ops.sum(d_hidden, axis=0) * positive(kept["leaning"])
    d_pb = ops.matmul(d_leaning, ops.transpose(weights["pb"]))
    if not learning:
        return d_pb, {}
    d_context, d_below, *d_gates = rest
    pairs = {
        "landmarks": (frames, d_hidden * positive(kept["seen"])),
        "pb": (pb, d_leaning),
        "grid": (before[0], d_below),
        "context": (kept["hidden" if mode == "hidden" else "top"], d_context),
        "output": (kept["hidden"], d_output),
    }
    gradients = grid_gradients(kept, before, d_gates)
    for name, (inputs, d_outputs) in pairs.items():
        gradients[name], gradients[f"{name}_bias"] = dense([inputs], d_outputs)
    return d_pb, gradients


def retreat(transposed, mode, states, now, learning):
    """One frame of `backward`: gradients after it to gradients before it."""
    d_context, *d_after = states
    d_hidden, top, blocks = now
    d_source = ops.matmul(d_context, transposed["context"])
    d_top = d_hidden + d_source
    if mode == "hidden":
        d_hidden = d_top
    d_below, d_memory_below = d_top * positive(top), None
    d_before, d_gates = [], []
    for n in reversed(range(len(blocks))):
        along_time, along_depth = blocks[n]
        d_depth, d_memory_below = lstm_back(d_below, d_memory_below, *along_depth)
        d_both = ops.matmul(d_depth, transposed["depth"][0])
        d_new, d_below = ops.split(d_both, 2, axis=-1)
        d_time, d_memory = lstm_back(
            d_after[2 * n] + d_new, d_after[2 * n + 1], *along_time
        )
        d_both = ops.matmul(d_time, transposed["time"][n])
        d_old, d_below_time = ops.split(d_both, 2, axis=-1)
        d_below = d_below + d_below_time
        d_before = [d_old, d_memory, *d_before]
        d_gates = [d_time, d_depth, *d_gates]
    d_states = (ops.matmul(d_below, transposed["grid"]), *d_before)
    return d_states, [d_hidden, *([d_context, d_below, *d_gates] if learning else [])]


def lstm_back(d_hidden, d_memory, i, f, candidate, o, memory, before=None):
    """Gradients with respect to an LSTM's gates, and its memory before."""
    squashed = ops.tanh(memory)
    through = d_hidden * o * (1 - squashed**2)
    d_memory = through if d_memory is None else d_memory + through
    forgotten = ops.zeros_like(f) if before is None else before * f * (1 - f)
    d_gates = [
        d_memory * candidate * i * (1 - i),
        d_memory * forgotten,
        d_memory * i * (1 - candidate**2),
        d_hidden * squashed * o * (1 - o),
    ]
    return ops.concatenate(d_gates, -1), d_memory * f


def shifted(state):
    """The states before each frame from those after it."""
    return ops.concatenate([ops.zeros_like(state[:1]), state[:-1]])


def positive(rectified):
    return ops.cast(rectified > 0, rectified.dtype)


def memories(blocks, before):
    """Of each block's two LSTMs: the gates, the memory, and the memory before it."""
    found = []
    for n, (_, *block) in enumerate(blocks):
        # Below the first block, memory is zero.
        below = [blocks[n - 1][-1]] if n else []
        found.append(((*block[:5], before[2 + 2 * n]), (*block[5:], *below)))
    return found


def grid_gradients(kept, before, d_gates):
    """Gradients of the Grid LSTM's kernels and biases, after the loop."""
    along_time, along_depth = [], []
    for n, (below, *_) in enumerate(kept["blocks"]):
        new = kept["states"][1 + 2 * n]
        along_time.append(dense([before[1 + 2 * n], below], d_gates[2 * n]))
        along_depth.append(dense([new, below], d_gates[2 * n + 1]))
    kernels, biases = zip(*along_time, strict=True)
    shared = [sum(parts)[None] for parts in zip(*along_depth, strict=True)]
    return {
        "time": ops.stack(kernels),
        "time_bias": ops.stack(biases),
        "depth": shared[0],
        "depth_bias": shared[1],
    }


def dense(inputs, d_outputs):
    """Gradients of kernel and bias, over all leading axes."""

    def rows(tensor):
        return ops.reshape(tensor, (-1, tensor.shape[-1]))

    d_outputs = rows(d_outputs)
    kernels = [ops.matmul(ops.transpose(rows(part)), d_outputs) for part in inputs]
    return ops.concatenate(kernels), ops.sum(d_outputs, axis=0)


def predictions(weights, mode, frames, pb):
    """Next-frame predictions alone; arguments as for `forward`."""
    seen, leaning = drive(weights, frames, pb)

    def step(states, seen):
        hidden, after, _ = advance(weights, mode, states, seen + leaning)
        return after, [hidden]

    shape = (pb.shape[0], weights["output"].shape[0])
    _, (hidden,) = scan(step, start(weights, pb), seen, [shape])
    return predict(weights, hidden)


def generate(weights, mode, pb, frame, times):
    """Predictions that are the next step's frames, `(batch, steps, features)`."""

    def step(states, _):
        frame, *states = states
        seen, leaning = drive(weights, frame, pb)
        hidden, after, _ = advance(weights, mode, states, seen + leaning)
        frame = predict(weights, hidden)
        return (frame, *after), [frame]

    states = frame, *start(weights, pb)
    _, (made,) = scan(step, states, times, [frame.shape])
    return ops.swapaxes(made, 0, 1)


def learn(weights, mode, tracks, lengths, pb, learning=True):
    """Errors of padded tracks and their gradients.

    The error of a track is the mean squared error of the next frame over its frames,
    so that its gradient with respect to PB is the average of Eq. 1.

    Args:
        weights: dict of weights.
        mode: `"hidden"` or `"grid"`.
        tracks: `(batch, frames, features)`.
        lengths: number of frames of each, integers of 2 or more.
        pb: `(batch, pb_units)`.
        learning: whether the weights' gradients are wanted, too.

    Returns:
        Errors `(batch,)`; their gradients with respect to PB `(batch, pb_units)`; and
        the gradients of the mean error with respect to the weights, a dict.
    """
    frames = ops.swapaxes(tracks, 0, 1)
    lengths = ops.minimum(lengths, ops.cast(ops.shape(frames)[0], lengths.dtype))
    frames, targets = frames[:-1], frames[1:]
    times = ops.arange(ops.shape(frames)[0], dtype=lengths.dtype)
    there = (times[:, None] < lengths - 1)[:, :, None]
    # What stands after an end may be no number, which times zero is not zero.
    frames = ops.where(there, frames, 0)
    predicted, kept = forward(weights, mode, frames, pb)
    misses = ops.where(there, predicted - targets, 0)
    count = ops.cast(lengths - 1, misses.dtype) * tracks.shape[-1]
    errors = ops.sum(misses**2, axis=(0, 2)) / count
    batch = ops.cast(ops.shape(tracks)[0], misses.dtype)
    d_predicted = misses * (2 / (count * batch))[:, None]
    d_pb, gradients = backward(
        weights, mode, frames, pb, predicted, kept, d_predicted, learning
    )
    return errors, d_pb * batch, gradients


def recognise(weights, mode, tracks, lengths, steps, rate):
    """PB vectors after some steps of Eq. 1-2 from zero; arguments as for `learn`."""

    def step(_, pb):
        gradient = learn(weights, mode, tracks, lengths, pb, learning=False)[1]
        return pb - rate * gradient

    nothing = ops.zeros_like(tracks[:, 0, :1])
    pb = ops.tile(nothing, (1, weights["pb"].shape[0]))
    return ops.fori_loop(0, steps, step, pb)


@functools.cache
def compiled(name, mode):
    """One of the functions above, for the mode, as the backend runs it fastest."""
    function = globals()[name]

    def run(weights, *given):
        return function(weights, mode, *given)

    backend = keras.backend.backend()
    if backend == "tensorflow":
        return graph(run)
    if backend == "jax":
        import jax

        return jax.jit(run)
    if backend == "torch":
        import torch

        return torch.no_grad()(run)
    return run


def graph(run):
    """One TensorFlow graph for all lengths and batches of a network's size.

    Left to itself, `tf.function` makes graphs that depend on what came before, and the
    last digits of the results with them.
    """
    import tensorflow as tf

    traced = tf.function(run, autograph=False)

    def loose(tensor):
        # Batch and frames vary; the last axis of vectors is a width.
        free = max(tensor.shape.rank - 1, 1)
        shape = [None] * free + tensor.shape.as_list()[free:]
        return tf.TensorSpec(shape[: tensor.shape.rank], tensor.dtype)

    def call(weights, *given):
        given = [tf.convert_to_tensor(one) for one in given]
        like = {name: tf.TensorSpec(w.shape, w.dtype) for name, w in weights.items()}
        specs = [loose(one) for one in given]
        return traced.get_concrete_function(like, *specs)(weights, *given)

    return call
