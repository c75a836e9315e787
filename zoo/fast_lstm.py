"""A long short-term memory layer that trains fast on a CPU.

A narrow LSTM over a long sequence is thousands of tiny steps, and what Keras's own loop
spends its time on is starting them. Here TensorFlow's compiler (XLA) turns each pass
into one piece of machine code, and what does not depend on the step before is moved out
of the loop: the product of inputs and kernel before it, all gradients of weights after
it, each as one product. As the loop has a gradient of its own, nothing but hidden and
cell states is kept from the forward for the backward pass.
"""

import functools

import keras
from keras import ops

from zoo._scan import scan

# Up to here sums of products are faster than calls of a matrix product.
NARROW = 24


@keras.saving.register_keras_serializable(package="zoo")
class LSTM(keras.layers.LSTM):
    """`keras.layers.LSTM`, with a training pass compiled as a whole where that works.

    It has the arguments, weights and results of `keras.layers.LSTM`, and a weight file
    of one loads into the other (it has the same name because Keras finds the weights in
    a file by the name of the layer's class). The compiled pass is used in training
    (`training=True`) on the TensorFlow backend without GPU, for a known number of
    steps, with the default activations and bias, without mask and dropout, forwards and
    not unrolled, in float32 or float64. In all other cases, inference among them, it
    *is* Keras's layer, so that a saved or exported model holds the usual operations
    only, whichever way it was trained.

    The first step with a batch of a new size takes about a second more. Gradients of
    gradients, and forward-mode ones, are not available from the compiled pass.
    """

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if not (training and mask is None and self.can_compile(sequences)):
            return super().inner_loop(sequences, initial_state, mask, training)
        cell = self.cell
        weights = cell.kernel, cell.recurrent_kernel, cell.bias
        run = compiled_lstm(*sequences.shape[1:], self.units, self.compute_dtype)
        outputs, last_cell = run(sequences, *initial_state, *weights)
        last_output = outputs[:, -1]
        return last_output, outputs, [last_output, last_cell]

    def can_compile(self, sequences):
        return (
            sequences.shape[1] is not None
            and self.compute_dtype == self.variable_dtype
            and self.compute_dtype in ("float32", "float64")
            and self.activation is keras.activations.tanh
            and self.recurrent_activation is keras.activations.sigmoid
            and self.use_bias
            and not (self.dropout or self.recurrent_dropout)
            and not (self.go_backwards or self.unroll)
            and compiles_for_cpu()
        )


def compiles_for_cpu():
    """Return whether there is TensorFlow with its compiler, and no device but CPUs."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    devices = tf.config.list_logical_devices()
    return tf.test.is_built_with_xla() and all(d.device_type == "CPU" for d in devices)


@functools.cache
def compiled_lstm(steps, width, units, dtype):
    """Returns the function `(x, h, c, kernel, recurrent, bias)` -> `(outputs, c)`.

    Shapes: x `(batch, steps, width)`, h and c `(batch, units)`, outputs
    `(batch, steps, units)`. It has gradients with respect to all its arguments.

    One function for each shape and dtype, of which only the batch size may vary:
    TensorFlow would trace one for all for unknown shapes.
    """
    import tensorflow as tf

    compiled = tf.function(jit_compile=True, autograph=False, reduce_retracing=True)
    forward, backward = compiled(lstm_forward), compiled(lstm_backward)

    @tf.custom_gradient
    def lstm(x, h, c, kernel, recurrent, bias):
        # Else a tape outside takes gradients of the inner function, too.
        given = [tf.stop_gradient(y) for y in (x, h, c, kernel, recurrent, bias)]
        hidden, cells = forward(*given)

        def gradient(d_outputs, d_cell):
            return backward(*given, hidden, cells, d_outputs, d_cell)

        return (tf.transpose(hidden, [1, 0, 2]), cells[-1]), gradient

    # `custom_gradient` treats variables another way.
    return lambda *given: lstm(*[tf.convert_to_tensor(y) for y in given])


def lstm_forward(x, h, c, kernel, recurrent, bias):
    """Hidden and cell states after each step, `(steps, batch, units)`."""
    scale = gate_scale(recurrent)
    driven = scale * (ops.matmul(ops.swapaxes(x, 0, 1), kernel) + bias)
    recurrent = scale * recurrent

    def step(states, driven):
        h, c = states
        i, f, g, o = gates(driven + product([h], [recurrent]))
        c = f * c + i * g
        h = o * ops.tanh(c)
        return (h, c), (h, c)

    return scan(step, (h, c), driven, [h.shape, c.shape])[1]


def lstm_backward(x, h, c, kernel, recurrent, bias, hidden, cells, d_outputs, d_cell):
    """Gradients with respect to the first six arguments."""
    x = ops.swapaxes(x, 0, 1)
    d_outputs = ops.swapaxes(d_outputs, 0, 1)
    hidden_before = ops.concatenate([h[None], hidden[:-1]])
    cells_before = ops.concatenate([c[None], cells[:-1]])
    z = ops.matmul(x, kernel) + ops.matmul(hidden_before, recurrent) + bias
    i, f, g, o = gates(gate_scale(recurrent) * z)
    tanh_cells = ops.tanh(cells)
    # d z = slopes * (d c, d c, d c, d h), and a change of h also comes through c.
    through_cell = o * (1 - tanh_cells**2)
    slopes = (
        g * i * (1 - i),
        cells_before * f * (1 - f),
        i * (1 - g**2),
        tanh_cells * o * (1 - o),
    )
    blocks = [ops.transpose(block) for block in ops.split(recurrent, 4, axis=1)]

    def step(states, now):
        d_h, d_c = states
        d_output, through_cell, f, *slopes = now
        d_h = d_h + d_output
        d_c = d_c + d_h * through_cell
        gates = zip((d_c, d_c, d_c, d_h), slopes, strict=True)
        before = product([change * slope for change, slope in gates], blocks)
        return (before, d_c * f), (d_h, d_c)

    start = ops.zeros_like(d_cell), d_cell
    given = d_outputs, through_cell, f, *slopes
    shapes = h.shape, c.shape
    (d_h, d_c), (d_hs, d_cs) = scan(step, start, given, shapes, reverse=True)
    d_z = ops.concatenate([d_cs, d_cs, d_cs, d_hs], -1) * ops.concatenate(slopes, -1)
    d_x = ops.swapaxes(ops.matmul(d_z, ops.transpose(kernel)), 0, 1)
    over_time = [[0, 1], [0, 1]]
    d_kernel = ops.tensordot(x, d_z, over_time)
    d_recurrent = ops.tensordot(hidden_before, d_z, over_time)
    return d_x, d_h, d_c, d_kernel, d_recurrent, ops.sum(d_z, axis=[0, 1])


def gate_scale(recurrent):
    """Factors on the four gates' inputs with which all are functions of tanh."""
    units = recurrent.shape[0]
    return ops.convert_to_tensor(
        [0.5] * 2 * units + [1.0] * units + [0.5] * units, recurrent.dtype
    )


def gates(scaled):
    """The gates from their scaled inputs: sigmoid(z) = (1 + tanh(z / 2)) / 2."""
    i, f, g, o = ops.split(ops.tanh(scaled), 4, axis=-1)
    return (1 + i) / 2, (1 + f) / 2, g, (1 + o) / 2


def product(rows, matrices):
    """The sum of each pair's matrix product."""
    if matrices[0].shape[0] > NARROW:
        return ops.matmul(ops.concatenate(rows, -1), ops.concatenate(matrices, 0))
    pairs = zip(rows, matrices, strict=True)
    return sum(ops.sum(row[:, :, None] * matrix, axis=1) for row, matrix in pairs)
