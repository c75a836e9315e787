"""A model's answers for batch after batch, whatever their shapes."""

import keras
from keras import ops


class Forward:
    """A model's answers as an array, for batches of any size and length."""

    def __init__(self, model):
        self.model, self.traced = model, None

    def __call__(self, inputs):
        if keras.backend.backend() != "tensorflow":
            return ops.convert_to_numpy(self.model.predict_on_batch(inputs))
        import tensorflow as tf

        # Traced once, for all shapes: `predict_on_batch` traces anew for other lengths
        # and warns of it where several runs are used.
        spec = tf.TensorSpec(self.model.input.shape, self.model.input.dtype)
        if self.traced is None:
            answer = tf.function(lambda x: self.model(x, training=False))
            self.traced = answer.get_concrete_function(spec)
        return ops.convert_to_numpy(self.traced(tf.cast(inputs, spec.dtype)))
