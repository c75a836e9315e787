"""Layers on recordings: a frame relative to those around it in time."""

import numbers

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class LocalStandardisation(keras.layers.Layer):
    """Relate a frame to those around it: a z-score over a span of time.

    Mean and standard deviation are those of the frames at most `span // 2` away, so
    that what is constant over so long (whose face it is, how far from the camera) drops
    out, without any statistics of a person.

    Args:
        span: number of frames, odd, centred on each frame; fewer at the ends.

    Call arguments:
        frames: `(batch, frames, width)`, recordings in the order of time.

    Returns:
        `(batch, frames, width)`.

    Raises:
        ValueError: the span is even or below 3, or the input is not 3-D.
    """

    def __init__(self, span=151, **kwargs):
        super().__init__(**kwargs)
        self.span = check_span(span)

    def build(self, input_shape):
        check_recording(self, input_shape)

    def call(self, frames):
        frames = ops.cast(frames, self.compute_dtype)
        # Small numbers have exact squares; the result does not depend on it.
        frames = frames - ops.mean(frames, axis=1, keepdims=True)
        count = moving_sum(ops.ones_like(frames[:1, :, :1]), self.span)
        mean = moving_sum(frames, self.span) / count
        square = moving_sum(ops.square(frames), self.span) / count
        variance = ops.maximum(square - ops.square(mean), 1e-6)
        return (frames - mean) / ops.sqrt(variance)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "span": self.span}


@keras.saving.register_keras_serializable(package="zoo")
class RecordingStandardisation(keras.layers.Layer):
    """The z-score over a whole recording, which the batch has to be.

    As in Xu's report (see `zoo.gfe`), section 2.1. What a frame becomes depends on all
    frames of its recording, those to come included.

    Call arguments:
        frames: `(frames, width)`, all frames of one recording.

    Returns:
        `(frames, width)`; 0 where a column does not vary.

    Raises:
        ValueError: the input is not 2-D.
    """

    def build(self, input_shape):
        if len(input_shape) != 2:
            raise ValueError(
                "RecordingStandardisation expects the frames of one recording, "
                f"(frames, width). Received: {tuple(input_shape)}"
            )
        self.input_spec = keras.layers.InputSpec(ndim=2)

    def call(self, frames):
        frames = ops.cast(frames, self.compute_dtype)
        frames = frames - ops.mean(frames, axis=0, keepdims=True)
        return ops.divide_no_nan(frames, ops.std(frames, axis=0, keepdims=True))

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="zoo")
class TemporalContext(keras.layers.Layer):
    """Each frame with its surroundings in time: mean, spread, slope over several spans.

    For heads that see one vector at a time, such as boosted trees.

    Args:
        spans: numbers of frames, odd, each centred on the frame; at the ends of a
            recording its first or last frame is repeated.

    Call arguments:
        frames: `(batch, frames, width)`, recordings in the order of time.

    Returns:
        `(batch, frames, width * (1 + 3 * len(spans)))`: the frame, then for each span
        the mean, the standard deviation, and the slope a frame of the least-squares
        line.

    Raises:
        ValueError: a span is even or below 3, or the input is not 3-D.
    """

    def __init__(self, spans=(5, 15, 31), **kwargs):
        super().__init__(**kwargs)
        self.spans = tuple(check_span(span) for span in spans)

    def build(self, input_shape):
        check_recording(self, input_shape)

    def call(self, frames):
        frames = ops.cast(frames, self.compute_dtype)
        parts = [frames]
        for span in self.spans:
            reach = span // 2
            lags = range(-reach, reach + 1)
            # Relative to the frame itself: depths are large and their changes small.
            around = [part - frames for part in shifted(frames, reach)]
            mean = sum(around) / span
            square = sum(ops.square(part) for part in around) / span
            variance = ops.maximum(square - ops.square(mean), 0)
            steps = zip(lags, around, strict=True)
            slope = sum(lag * part for lag, part in steps) / sum(k * k for k in lags)
            parts += [frames + mean, ops.sqrt(variance), slope]
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] * (1 + 3 * len(self.spans)))

    def get_config(self):
        return {**super().get_config(), "spans": list(self.spans)}


def check_span(span):
    if not isinstance(span, numbers.Integral) or span < 3 or span % 2 == 0:
        raise ValueError(
            f"A span is an odd number of frames, 3 or more. Received: {span!r}"
        )
    return int(span)


def check_recording(layer, input_shape):
    if len(input_shape) != 3:
        raise ValueError(
            f"{type(layer).__name__} expects recordings, (batch, frames, width). "
            f"Received: {tuple(input_shape)}"
        )
    # `build` is called once, this is looked at in every call.
    layer.input_spec = keras.layers.InputSpec(ndim=3)


def shifted(frames, reach):
    """The frames 'reach' before each, ..., 'reach' after; the ends are repeated."""
    first = ops.repeat(frames[:, :1], reach, axis=1)
    last = ops.repeat(frames[:, -1:], reach, axis=1)
    padded = ops.concatenate([first, frames, last], axis=1)
    ends = [*range(-2 * reach, 0), None]
    return [padded[:, start:end] for start, end in enumerate(ends)]


def moving_sum(frames, span):
    """Sums over the frames at most `span // 2` away, of those that there are."""
    padded = ops.pad(frames, [[0, 0], [span // 2, span // 2], [0, 0]])
    mean = ops.average_pool(padded, span, 1, "valid", data_format="channels_last")
    return mean * span
