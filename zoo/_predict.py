"""From each kind of input to probabilities: what `TrainedRun.predict` does."""

import keras
import numpy as np
from keras import ops

from zoo.features import feature_extractor
from zoo.layers import PreparePictures

BATCH = 32
TRACKED = 80  # values a frame


def as_array(inputs, kind, rank, none=False):
    """Return a NumPy array of that rank; with no rows only where `none` allows it.

    Raises:
        ValueError: it is something else.
    """
    try:
        array = ops.convert_to_numpy(inputs)
    except (ValueError, TypeError) as error:
        raise ValueError(f"Expected {kind}. Received: {type(inputs)}") from error
    fine = array.dtype.kind in "uif" and array.ndim == rank
    if not fine or 0 in array.shape[none:]:
        raise ValueError(
            f"Expected {kind}. Received an array of shape {array.shape} and type "
            f"{array.dtype}."
        )
    return array


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


class Pictures:
    """Pictures of any size, one by one resized, then in batches."""

    expected = (
        "pictures: an array (n, height, width, 3), or a list of arrays (height, width, "
        "3), RGB, with values in 0..255"
    )

    def __init__(self, run, spec):
        self.head, self.classes, self.network = run.head, run.classes, None
        if self.head is not None:
            self.known = list(spec["known"])  # those of `classes` that the head knows
        if run.model is None:
            self.prepare = PreparePictures(spec["size"])
            return
        begins = [x for x in run.model.layers if isinstance(x, PreparePictures)]
        self.prepare = begins[0]
        end = run.model if self.head is None else feature_extractor(run.model)
        self.network = Forward(keras.Model(self.prepare.output, end.output))

    def __call__(self, pictures):
        if not isinstance(pictures, list | tuple):
            pictures = self.checked(pictures, 4, none=True)
        answers = [np.zeros((0, len(self.classes)))]
        for start in range(0, len(pictures), BATCH):
            some = pictures[start : start + BATCH]
            if isinstance(some, np.ndarray):
                prepared = ops.convert_to_numpy(self.prepare(some))
            else:
                each = (self.prepare(self.checked(one, 3)[None]) for one in some)
                prepared = np.concatenate(list(map(ops.convert_to_numpy, each)))
            answers.append(self.decide(prepared))
        return np.concatenate(answers)

    def checked(self, picture, rank, none=False):
        if rank == 4 and len(getattr(picture, "shape", ())) == 3:
            raise ValueError(
                f"Expected {self.expected}. Received one array of shape "
                f"{tuple(picture.shape)}: put a single picture into a list, or give "
                "picture[None]."
            )
        array = as_array(picture, self.expected, rank, none)
        if not len(array):
            return array
        if array.shape[-1] not in (1, 3):
            raise ValueError(
                f"Expected {self.expected}. Received shape {array.shape}; an alpha "
                "channel has to be left out."
            )
        low, high = array.min(), array.max()
        # Pictures in 0..1 would all look black.
        scaled = array.dtype.kind == "f" and low >= 0 and 0 < high <= 1
        if scaled or not (np.isfinite(array).all() and low >= 0 and high <= 255):
            hint = "; they look like pictures scaled to 0..1: multiply by 255"
            raise ValueError(
                f"Expected {self.expected}. Received values from {low:g} to {high:g}"
                f"{hint if scaled else ''}."
            )
        return np.repeat(array, 3, axis=-1) if array.shape[-1] == 1 else array

    def decide(self, prepared):
        if self.network is None:
            features = ((prepared + 1) / 2).reshape(len(prepared), -1)
        else:
            features = self.network(prepared)
        if self.head is None:
            return normalised(features.astype(np.float64))
        probability = np.zeros((len(features), len(self.classes)))
        probability[:, self.known] = self.head.predict_proba(features)
        return normalised(probability)


def normalised(probability):
    """Return rows that sum to 1: those of a sigmoid, or in float32, need not."""
    probability = np.maximum(probability, 1e-12)
    return probability / probability.sum(axis=1, keepdims=True)


class Points:
    """Recordings of Kinect points, each as a whole."""

    expected = (
        "a recording: an array (frames, 100, 3), x and y in pixels, z in mm, without "
        "NaN (bridge gaps in time first)"
    )

    def __init__(self, run, spec):
        self.model, self.heads, self.classes = run.model, run.head or {}, run.classes
        network = feature_extractor(self.model) if self.heads else self.model
        self.network = Forward(network)

    def __call__(self, recordings):
        if isinstance(recordings, list | tuple):
            return [self.decide(recording) for recording in recordings]
        return self.decide(recordings)

    def decide(self, recording):
        points = as_array(recording, self.expected, 3, none=True).astype(np.float32)
        if points.shape[1:] != (100, 3) or not np.isfinite(points).all():
            raise ValueError(
                f"Expected {self.expected}. Received shape {points.shape}"
                + ("." if np.isfinite(points).all() else ", with values not finite.")
            )
        if not len(points):
            return np.zeros((0, len(self.classes)))
        whole = len(self.model.input.shape) == 4
        found = self.network(points[None] if whole else points)
        found = found[0] if whole else found
        if not self.heads:
            return found.astype(np.float64)
        shared = found.ndim == 2  # the same features for all expressions
        columns = [
            self.heads[name].predict_proba(found if shared else found[:, place])[:, 1]
            for place, name in enumerate(self.classes)
        ]
        return np.stack(columns, axis=1).astype(np.float64)


class Diameters:
    """Series of pupil diameters, filled up with zeros to one length."""

    expected = (
        "raw pupil diameters: an array (n, samples), or a list of arrays (samples,), "
        "above 0, NaN where missing"
    )

    def __init__(self, run, spec):
        self.network, self.width = Forward(run.model), run.model.output.shape[-1]

    def __call__(self, series):
        if isinstance(series, list | tuple):
            rows = [self.checked(one, 1) for one in series]
        else:
            rows = list(self.checked(series, 2, none=True))
        answers = [np.zeros((0, self.width))]
        for start in range(0, len(rows), BATCH):
            some = rows[start : start + BATCH]
            longest = max(map(len, some))
            batch = [np.pad(row, (0, longest - len(row))) for row in some]
            answers.append(self.network(np.stack(batch)))
        return np.concatenate(answers).astype(np.float64)

    def checked(self, series, rank, none=False):
        array = as_array(series, self.expected, rank, none).astype(np.float32)
        measured = np.isfinite(array) & (array > 0)
        if np.isinf(array).any() or (array < 0).any() or not measured.any(-1).all():
            raise ValueError(
                f"Expected {self.expected}. Received values that are negative or "
                "infinite, or a series without any sample."
            )
        return array


class Tracks:
    """Facial points through a video: the mean over its jittered copies."""

    expected = (
        "a video's facial points: a zoo.inputs.landmark_track.LandmarkTrack, or an "
        "array (copies, frames, 80) as its landmarks() gives, of at least two frames"
    )

    def __init__(self, run, spec):
        self.model, self.head = run.model, run.head
        settings = run.serving["settings"]
        self.steps, self.rate = settings["steps"], settings["pb_rate"]
        self.count, self.seed = settings["test_copies"], settings["seed"]

    def __call__(self, videos):
        if hasattr(videos, "landmarks") or getattr(videos, "ndim", 0) == 3:
            videos = [videos]
        if not isinstance(videos, list | tuple):
            raise ValueError(
                f"Expected {self.expected}, or a list of them. Received: "
                f"{type(videos).__name__}"
            )
        answers = [self.decide(self.copies(video)) for video in videos]
        return np.array(answers, np.float64).reshape(-1, 2)

    def copies(self, video):
        if not hasattr(video, "landmarks"):
            return as_array(video, self.expected, 3)
        if len(video.times) < 2 or not video.found.any():
            raise ValueError(
                "Expected a video of at least two frames with a face. Received one of "
                f"{len(video.times)} frames, {int(video.found.sum())} with a face."
            )
        if len(video.points) <= self.count:
            video = video.jittered(self.count, self.seed)
        # The first row is the crop itself, which decides where there are no copies.
        first = 1 if self.count else 0
        return video.landmarks()[first : 1 + self.count]

    def decide(self, copies):
        if copies.shape[-1] != TRACKED or copies.shape[1] < 2:
            raise ValueError(
                f"Expected {self.expected}. Received shape {copies.shape}."
            )
        vectors = self.model.recognise(list(copies), self.steps, self.rate)
        genuine = float(np.mean(self.head.predict_proba(vectors)[:, 1]))
        return 1 - genuine, genuine


KINDS = {
    "pictures": Pictures,
    "points": Points,
    "diameters": Diameters,
    "tracks": Tracks,
}
