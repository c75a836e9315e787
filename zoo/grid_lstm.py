"""The cell of a two-dimensional Grid LSTM: blocks in depth, steps in time.

Kalchbrenner, Danihelka and Graves 2015, "Grid Long Short-Term Memory" (arXiv
1507.01526), as Huynh and Kim 2017 use it (section 2.3.4; see `zoo.lstm_pb`).

A block has two LSTMs, one along time and one along depth. Both take the concatenated
hidden states of both dimensions and keep a memory of their own. What that leaves open,
and how it is read here:

- the depth LSTM comes second and takes the *new* hidden state of time (the paper on the
  Grid LSTM calls that a priority dimension; Huynh and Kim do so);
- the input is projected onto the hidden state below the first block, and the memory
  there is zero;
- gates are in Keras's order, input, forget, candidate, output; no bias of the forget
  gate is set apart. Weights and biases are uniform within 1 / sqrt(inputs), as both the
  study ("uniform distribution") and the Torch layers of its time have them.
"""

import keras
from keras import ops

from zoo.tracks import whole

TIED = (None, "depth", "all")


@keras.saving.register_keras_serializable(package="zoo")
class GridLSTMCell(keras.layers.Layer):
    """One step in time of a 2D Grid LSTM, for `keras.layers.RNN`.

    ```python
    layer = keras.layers.RNN(zoo.GridLSTMCell(512, depth=4), return_sequences=True)
    layer(x)  # (batch, steps, features) -> (batch, steps, 512)
    ```

    Args:
        units: width of all hidden states and memories, 1 or more.
        depth: number of blocks, 1 or more.
        tied: which weights the blocks share: `"depth"`, those of the LSTM along depth
            (Huynh and Kim's); `"all"`, both LSTMs' (Kalchbrenner's tied Grid LSTM); or
            `None`.

    Call arguments:
        inputs: `(batch, features)`.
        states: the output of the step before, then for each block the hidden state and
            the memory along time: 1 + 2 * depth tensors `(batch, units)`. The first is
            there because on JAX, Keras's RNN takes a cell's first state for its output
            where a step is masked.

    Returns:
        The hidden state along depth above the last block, `(batch, units)`, and the new
        states.

    Raises:
        ValueError: `units` or `depth` is below 1, or `tied` is none of the above.
    """

    def __init__(self, units, depth=4, tied="depth", **kwargs):
        super().__init__(**kwargs)
        self.units, self.depth = whole(units=units, depth=depth).values()
        if tied not in TIED:
            known = ", ".join(map(repr, TIED))
            raise ValueError(f"tied must be one of {known}. Received: {tied!r}")
        self.tied = tied
        self.state_size = [self.units] * (1 + 2 * self.depth)
        self.output_size = self.units

    def build(self, input_shape):
        units = self.units
        in_time = 1 if self.tied == "all" else self.depth
        in_depth = self.depth if self.tied is None else 1
        self.kernel, self.bias = self.dense("input", (), input_shape[-1], units)
        both = 2 * units, 4 * units
        self.time_kernel, self.time_bias = self.dense("time", (in_time,), *both)
        self.depth_kernel, self.depth_bias = self.dense("depth", (in_depth,), *both)

    def dense(self, name, blocks, inputs, outputs):
        """Kernel and bias; an initialiser of its own each, or they begin alike."""
        shapes = {"kernel": (*blocks, inputs, outputs), "bias": (*blocks, outputs)}
        return [
            self.add_weight(shape, uniform(inputs), name=f"{name}_{part}")
            for part, shape in shapes.items()
        ]

    def call(self, inputs, states, training=False):
        below = ops.matmul(inputs, self.kernel) + self.bias
        memory_below = ops.zeros_like(below)
        new = []
        for block in range(self.depth):
            hidden, memory = states[1 + 2 * block : 3 + 2 * block]
            hidden, memory = lstm(
                ops.concatenate([hidden, below], -1),
                memory,
                self.time_kernel[block % self.time_kernel.shape[0]],
                self.time_bias[block % self.time_bias.shape[0]],
            )
            below, memory_below = lstm(
                ops.concatenate([hidden, below], -1),
                memory_below,
                self.depth_kernel[block % self.depth_kernel.shape[0]],
                self.depth_bias[block % self.depth_bias.shape[0]],
            )
            new += [hidden, memory]
        return below, [below, *new]

    def get_config(self):
        config = {"units": self.units, "depth": self.depth, "tied": self.tied}
        return {**super().get_config(), **config}


def lstm(hidden, memory, kernel, bias):
    """The LSTM transform: hidden states of both dimensions to a new one, and memory."""
    gates = ops.matmul(hidden, kernel) + bias
    i, f, candidate, o = ops.split(gates, 4, axis=-1)
    memory = ops.sigmoid(f) * memory + ops.sigmoid(i) * ops.tanh(candidate)
    return ops.sigmoid(o) * ops.tanh(memory), memory


def uniform(inputs):
    """The initialiser of weights and biases on that many inputs."""
    limit = inputs**-0.5
    return keras.initializers.RandomUniform(-limit, limit)
