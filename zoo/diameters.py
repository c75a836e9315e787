"""From raw pupil diameters to what a network takes.

Gong, "Using LSTM Neural Network to predict the real or fake smile based on Observers
Pupil Dataset, and apply Image Compression Technical to Pruning Neural Networks", The
Australian National University, fills a gap with the value before it, or
with 0 where there is none, and cuts and zero-pads every series to 1168 samples:
`FilledDiameters`. What a pupil measures absolutely is a matter of the person, the eye
and the light, so that `StandardisedDiameters` leaves it out, and tells the network
which samples are measured.

A series ends where only zeros (or negative numbers) follow. A zero before that, as some
eye trackers write during a blink, is a gap like NaN; the studies leave this open.
"""

import numbers

import keras
from keras import ops


class DiameterLayer(keras.layers.Layer):
    """The base of the two layers: a fixed length, and a mask of gaps."""

    channels = 1

    def __init__(self, samples=1168, **kwargs):
        # Diameters in metres keep too few digits in half precision.
        super().__init__(autocast=False, **kwargs)
        if not isinstance(samples, numbers.Integral) or samples < 1:
            raise ValueError(
                f"samples is a number of samples, 1 or more. Received: {samples!r}"
            )
        self.samples = int(samples)

    def build(self, input_shape):
        if len(input_shape) != 2:
            raise ValueError(
                f"{type(self).__name__} expects series of diameters, (batch, samples). "
                f"Received: {tuple(input_shape)}"
            )
        # `build` is called once, this is looked at in every call.
        self.input_spec = keras.layers.InputSpec(ndim=2)

    def call(self, diameters):
        diameters = ops.cast(diameters, self.variable_dtype)
        padding = ops.zeros((ops.shape(diameters)[0], self.samples), diameters.dtype)
        diameters = ops.concatenate([diameters, padding], axis=1)[:, : self.samples]
        diameters = ops.reshape(diameters, (-1, self.samples))
        measured = ops.logical_and(ops.isfinite(diameters), diameters > 0)
        places = ops.arange(self.samples)
        # Not `not (diameters <= 0)`: TensorFlow's graphs make `diameters > 0` of it.
        more = ops.logical_or(ops.isnan(diameters), diameters > 0)
        last = ops.max(ops.where(more, places, -1), axis=1, keepdims=True)
        within = places <= last
        diameters = ops.where(measured, diameters, 0)
        return ops.cast(self.fill(diameters, measured, within), self.compute_dtype)

    def fill(self, diameters, measured, within):
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.samples, self.channels)

    def get_config(self):
        return {**super().get_config(), "samples": self.samples}


@keras.saving.register_keras_serializable(package="zoo")
class FilledDiameters(DiameterLayer):
    """The paper's input: gaps filled from before, 0 where nothing comes before.

    As in Gong, section 2.1.

    Args:
        samples: length of the result, 1 or more; longer series are cut, shorter ones
            padded with zeros.

    Call arguments:
        diameters: `(batch, samples)`, any number of samples, in any unit; NaN where
            nothing was measured, 0 after the end of a series.

    Returns:
        `(batch, samples, 1)`.

    Raises:
        ValueError: `samples` is below 1, or the input is not 2-D.
    """

    def fill(self, diameters, measured, within):
        return forward_filled(diameters, measured, within)[..., None]


@keras.saving.register_keras_serializable(package="zoo")
class StandardisedDiameters(DiameterLayer):
    """Each series relative to its own mean and spread, and which samples are measured.

    Args:
        samples: length of the result, 1 or more; longer series are cut, shorter ones
            padded with zeros.

    Call arguments:
        diameters: `(batch, samples)`, any number of samples, in any unit; NaN where
            nothing was measured, 0 after the end of a series.

    Returns:
        `(batch, samples, 2)`: the z-score over the measured ones among the first
        `samples`, with gaps filled from before, and 0, which is the mean, where nothing
        comes before, after the end, and where the series does not vary; then 1 where a
        sample is measured and 0 elsewhere.

    Raises:
        ValueError: `samples` is below 1, or the input is not 2-D.
    """

    channels = 2

    def fill(self, diameters, measured, within):
        scores = z_scores(diameters, measured)
        filled = forward_filled(scores, measured, within)
        return ops.stack([filled, ops.cast(measured, filled.dtype)], axis=-1)


def forward_filled(values, measured, within):
    """The latest measured value; 0 before there is any and after the end.

    Args:
        values: `(batch, samples)`, 0 where not measured.
        measured: `(batch, samples)`, which values are measured.
        within: `(batch, samples)`, whether the series has not ended.
    """

    # Each round doubles how far back a value is looked for.
    reach = 1
    while reach < values.shape[1]:
        before = ops.pad(values[:, :-reach], [[0, 0], [reach, 0]])
        there = ops.pad(measured[:, :-reach], [[0, 0], [reach, 0]])
        values = ops.where(measured, values, before)
        measured = ops.logical_or(measured, there)
        reach *= 2
    return ops.where(within, values, 0)


def z_scores(diameters, measured):
    """Of the measured ones in each row; 0 elsewhere, and where they do not vary."""

    def total(values):
        return ops.sum(ops.where(measured, values, 0), axis=1, keepdims=True)

    # In shares of the range below the largest: nothing is lost to a large mean, squares
    # are neither too small nor too large, and what does not vary is 0 to the last bit.
    below = ops.max(diameters, axis=1, keepdims=True) - diameters
    below = ops.where(measured, below, 0)
    below = ops.divide_no_nan(below, ops.max(below, axis=1, keepdims=True))
    count = total(ops.ones_like(below))
    scores = ops.divide_no_nan(total(below), count) - below
    deviation = ops.sqrt(ops.divide_no_nan(total(ops.square(scores)), count))
    return ops.where(measured, ops.divide_no_nan(scores, deviation), 0)
