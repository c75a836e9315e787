"""A recurrent network with parametric bias: a small vector for each way of moving.

Huynh and Kim 2017, "Discrimination between genuine versus fake emotion using long-short
term memory with parametric bias and facial landmarks", ICCV workshops.

The network predicts the next frame's facial landmarks from the present frame, a context
that runs through a two-dimensional Grid LSTM, and a vector of parametric bias (PB) that
stays the same over a video. In learning, all videos of a class share one PB vector; of
a new video, the PB vector with which the network predicts it best describes it.

    hidden  = relu(dense(landmarks)) + relu(dense(PB)) + relu(grid(context))
    output  = tanh(dense(hidden)), the next frame's landmarks
    context = dense(hidden)

What the paper leaves open, and how it is read here:

- The next context comes from the hidden layer, as in the paper's Fig. 3. In the
  authors' code it comes from the Grid LSTM's output alone, so that the recurrence never
  sees a landmark: `context="grid"`.
- Eq. 1 averages the error at the PB nodes over all frames: it is the gradient of the
  video's mean squared error with respect to its PB. Eq. 2 moves the PB by it, downhill;
  in a batch of several videos of a class, by their mean.
- A PB of zero under biases of zero would never move, as the ReLU has no slope there.
  The biases are uniform like the weights ("in the form of uniform distribution").
- Momentum 0.9 is that of the authors' code. "When the accuracy does not improve on the
  training set": when the mean loss of an epoch does not.
- `zoo.grid_lstm` tells what is read into the Grid LSTM.
"""

import keras
import numpy as np
from keras import ops

from zoo import pb_passes
from zoo.grid_lstm import GridLSTMCell, uniform
from zoo.pb_learning import Learning
from zoo.registry import HUYNH, Tensor, described
from zoo.tracks import buckets, checked, checked_starts, factors, padded, whole

CONTEXTS = ("hidden", "grid")
DTYPES = ("float32", "float64")
RATE = 0.9  # by which PB vectors move, in learning and recognition (section 2.3.6)


@described(
    paper=HUYNH,
    inputs=(
        Tensor(
            (None, 80), "frames: x, then y of 40 points in the face's box, in -1..1"
        ),
        Tensor((64,), "the video's parametric bias (PB)"),
    ),
    output=Tensor((None, 80), "of each frame the prediction of the next, in -1..1"),
    parameters=10_678_032,
    feature_width=64,
    features="the PB vector that `recognise` finds for a video",
)
@keras.saving.register_keras_serializable(package="zoo")
class LSTMPB(keras.Model):
    """LSTM with parametric bias, for one emotion (Huynh and Kim 2017).

    It has the paper's three modes. `fit` learns the weights and a PB vector a class;
    `generate` goes on from a first frame as a PB vector has it; `recognise` finds the
    PB vector that describes a video, which a classifier then decides on.

    ```python
    model = zoo.LSTMPB()
    model.fit(tracks, labels)  # tracks: arrays (frames, 80); 1 genuine, 0 posed
    model.recognise(tracks)  # (tracks, 64)
    model.generate(model.pb[1], tracks[0][0], steps=100)  # (100, 80)
    ```

    Args:
        units: width of the hidden layer and the Grid LSTM.
        depth: number of blocks of the Grid LSTM.
        pb_units: length of a PB vector.
        context_units: width of the context.
        features: values a frame has: 80, the x and then the y of 40 landmarks, scaled
            to -1..1 within the face's box.
        classes: number of classes, each with a PB vector of its own.
        context: where the next context comes from: `"hidden"`, the hidden layer (the
            paper), or `"grid"`, the Grid LSTM alone (the authors' code).
        name: the model's name.

    Call arguments:
        inputs: tuple of tracks `(batch, frames, features)` and PB vectors
            `(batch, pb_units)`.

    Returns:
        Of each frame the prediction of the next, `(batch, frames, features)`, in -1..1.

    Raises:
        ValueError: a width is below 1, `context` is none of the above, or the dtype
            policy is neither float32 nor float64.
    """

    def __init__(
        self,
        units=512,
        depth=4,
        pb_units=64,
        context_units=64,
        features=80,
        classes=2,
        context="hidden",
        name="lstm_pb",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        if context not in CONTEXTS:
            raise ValueError(
                f'context must be "hidden" or "grid". Received: {context!r}'
            )
        widths = whole(
            units=units,
            depth=depth,
            pb_units=pb_units,
            context_units=context_units,
            features=features,
            classes=classes,
        )
        if self.dtype_policy.name not in DTYPES:
            raise ValueError(
                'LSTMPB computes in "float32" or "float64". Pass it one of them as '
                f"dtype. Received: {self.dtype_policy.name!r}"
            )
        self.config = {**widths, "context": context}
        units, depth, pb_units, context_units, features, classes = widths.values()
        self.context_from = context
        self.features, self.classes, self.pb_units = features, classes, pb_units
        self.landmarks = self.dense("landmarks", features, units)
        self.parametric_bias = self.dense("parametric_bias", pb_units, units)
        self.context = self.dense("context", units, context_units)
        self.prediction = self.dense("prediction", units, features)
        self.grid = GridLSTMCell(units, depth, name="grid", dtype=self.dtype_policy)
        self.grid.build((None, context_units))
        # Moved by Eq. 2 and not by an optimizer.
        self.pb = self.add_weight(
            (classes, pb_units), "zeros", name="pb", trainable=False
        )
        self.built = True

    def dense(self, name, inputs, units):
        layer = keras.layers.Dense(
            units,
            kernel_initializer=uniform(inputs),
            bias_initializer=uniform(inputs),
            name=name,
            dtype=self.dtype_policy,
        )
        layer.build((None, inputs))
        return layer

    def variables_by_name(self):
        """The weights but the PB vectors, by their names in `zoo.pb_passes`."""
        found = {}
        layers = {
            "landmarks": self.landmarks,
            "pb": self.parametric_bias,
            "grid": self.grid,
            "context": self.context,
            "output": self.prediction,
        }
        for name, layer in layers.items():
            found[name], found[f"{name}_bias"] = layer.kernel, layer.bias
        for name in ("time", "depth"):
            found[name] = getattr(self.grid, f"{name}_kernel")
            found[f"{name}_bias"] = getattr(self.grid, f"{name}_bias")
        return found

    def values(self):
        return {
            name: ops.cast(variable, variable.dtype)
            for name, variable in self.variables_by_name().items()
        }

    def passes(self, name, *given):
        """Calls one of the functions of `zoo.pb_passes`, compiled."""
        return pb_passes.compiled(name, self.context_from)(self.values(), *given)

    def compile(self, *arguments, **named):
        """Not for this network: it learns by the paper's rules."""
        raise NotImplementedError(
            "LSTMPB needs no compile: it learns by the paper's rules. Give batch_size, "
            "epochs, learning_rate, pb_rate and momentum to fit."
        )

    def call(self, inputs, training=False):
        tracks, pb = inputs
        frames = ops.swapaxes(tracks, 0, 1)
        predicted = pb_passes.predictions(self.values(), self.context_from, frames, pb)
        return ops.swapaxes(predicted, 0, 1)

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def fit(
        self,
        tracks,
        labels,
        batch_size=1,
        epochs=100,
        learning_rate=0.01,
        pb_rate=RATE,
        momentum=0.9,
        seed=0,
        callbacks=None,
        verbose="auto",
    ):
        """Learns the weights, and a PB vector for each class (section 2.3.1).

        Weights move by stochastic gradient descent with momentum, PB vectors by Eq.
        1-2; both rates are divided by ten after ten epochs without improvement of the
        training loss. A batch holds tracks of like lengths.

        Args:
            tracks: sequence of arrays `(frames, features)` of 2 frames or more, values
                in about -1..1, or one array `(tracks, frames, features)`.
            labels: the class of each, integers from 0.
            batch_size: tracks between two updates; 1 is the paper's online learning.
            epochs: passes over all tracks.
            learning_rate: of the weights, 0 or more.
            pb_rate: of the PB vectors, 0 or more.
            momentum: of the weights, from 0 to below 1.
            seed: of the tracks' order.
            callbacks: Keras callbacks; `logs` has `loss`, the mean squared error of the
                next frame, and `learning_rate`.
            verbose: as for `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: an argument is not as above.
            ArithmeticError: the loss is no longer finite.
        """
        learning = Learning(
            self, tracks, labels, batch_size, learning_rate, pb_rate, momentum, seed
        )
        return learning.run(epochs, callbacks, verbose)

    def recognise(self, tracks, steps=50, pb_rate=RATE, batch_size=64):
        """Finds the PB vector that describes each track (section 2.3.3).

        Weights stay. Each vector starts at zero and moves by Eq. 1-2, by its own track
        alone: which others are in the batch does not matter.

        Args:
            tracks: as for `fit`.
            steps: how often a vector moves, 1 or more.
            pb_rate: how far, as a factor on the error's gradient.
            batch_size: tracks at once; more take more memory.

        Returns:
            NumPy array `(tracks, pb_units)`.

        Raises:
            ValueError: an argument is not as above.
            ArithmeticError: a vector is no longer finite.
        """
        whole(steps=steps, batch_size=batch_size)
        factors(pb_rate=pb_rate)
        tracks = checked(tracks, self.features)
        found = np.zeros((len(tracks), self.pb_units), self.compute_dtype)
        rate = ops.convert_to_tensor(pb_rate, self.compute_dtype)
        for rows in buckets([len(track) for track in tracks], batch_size):
            batch = padded([tracks[n] for n in rows], self.compute_dtype)
            batch = [ops.convert_to_tensor(part) for part in batch]
            pb = self.passes("recognise", *batch, ops.convert_to_tensor(steps), rate)
            found[rows] = ops.convert_to_numpy(pb)
        if not np.isfinite(found).all():
            raise ArithmeticError(
                f"PB vectors are no longer finite after {steps} steps. Lower pb_rate "
                f"from {pb_rate}, or look for values far from -1..1 in the tracks."
            )
        return found

    def generate(self, pb, first_frame, steps):
        """Goes on from a frame as a PB vector has it (section 2.3.2).

        Each prediction is the next step's frame; weights stay.

        Args:
            pb: PB vectors `(tracks, pb_units)`, or one `(pb_units,)`.
            first_frame: frames `(tracks, features)`, or one `(features,)`.
            steps: number of frames, 1 or more.

        Returns:
            NumPy array `(tracks, steps, features)`, without the first axis where both
            are single.

        Raises:
            ValueError: an argument is not as above.
        """
        whole(steps=steps)
        given = ops.convert_to_numpy(pb), ops.convert_to_numpy(first_frame)
        shape, rows = checked_starts(*given, self.pb_units, self.features)
        rows = [ops.convert_to_tensor(one, self.compute_dtype) for one in rows]
        made = ops.convert_to_numpy(self.passes("generate", *rows, np.arange(steps)))
        return made.reshape(*shape, steps, self.features)

    def endpoints(self, steps=50, pb_rate=RATE):
        """Return the functions that `zoo.export.export` writes, with their signatures.

        Args:
            steps: how often a PB vector moves in recognition.
            pb_rate: how far, as for `recognise`.

        Returns:
            Dict of `serve`, tracks and PB vectors to next frames, and `features`,
            tracks `(batch, frames, features)` and their lengths `(batch,)` to the PB
            vectors that describe them.
        """
        dtype = self.compute_dtype
        tracks = keras.InputSpec(shape=(None, None, self.features), dtype=dtype)
        pb = keras.InputSpec(shape=(None, self.pb_units), dtype=dtype)
        lengths = keras.InputSpec(shape=(None,), dtype="int32")

        def features(tracks, lengths):
            given = tracks, lengths, steps, ops.cast(pb_rate, dtype)
            return pb_passes.recognise(self.values(), self.context_from, *given)

        return {
            "serve": (lambda tracks, pb: self((tracks, pb)), [tracks, pb]),
            "features": (features, [tracks, lengths]),
        }

    def export(self, filepath, format="tf_saved_model", **arguments):
        """`keras.Model.export` of next-frame prediction; `zoo.export` adds the rest."""
        arguments.setdefault("input_signature", [tuple(self.endpoints()["serve"][1])])
        super().export(filepath, format=format, **arguments)

    def get_config(self):
        return {**self.config, "name": self.name, "dtype": self.dtype_policy.name}
