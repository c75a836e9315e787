"""Small layers: preprocessing that goes inside the model, and a fast LSTM."""

import keras
from keras import ops

from zoo.aligned_mesh import AlignedMesh as AlignedMesh
from zoo.diameters import FilledDiameters as FilledDiameters
from zoo.diameters import StandardisedDiameters as StandardisedDiameters
from zoo.fast_lstm import LSTM as LSTM
from zoo.kinect import AlignedFace as AlignedFace
from zoo.kinect import FrameGeometry as FrameGeometry
from zoo.temporal import LocalStandardisation as LocalStandardisation
from zoo.temporal import RecordingStandardisation as RecordingStandardisation
from zoo.temporal import TemporalContext as TemporalContext


@keras.saving.register_keras_serializable(package="zoo")
class PreparePictures(keras.layers.Layer):
    """Turns pictures of any size into what the networks on pictures expect.

    Resizes with bilinear interpolation and antialiasing (the whole picture, so its
    proportions may change) and scales 0..255 to -1..1.

    Args:
        size: side of the square result in pixels, 1 or more.

    Call arguments:
        pictures: `(batch, height, width, channels)`, values in 0..255.

    Returns:
        `(batch, size, size, channels)`, values in -1..1.
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(f"size must be 1 pixel or more. Received: {size}")
        self.size = int(size)
        # XLA has no kernel for TensorFlow's antialiased resizing, so "auto" must not
        # choose XLA for a model that holds this layer.
        self.supports_jit = False

    def call(self, pictures):
        pictures = ops.cast(pictures, self.compute_dtype)
        resized = ops.image.resize(
            pictures,
            (self.size, self.size),
            interpolation="bilinear",
            antialias=True,
            data_format="channels_last",
        )
        return resized / 127.5 - 1.0

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "size": self.size}
