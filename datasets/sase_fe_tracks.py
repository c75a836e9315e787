"""The facial points of SASE-FE's videos: read, kept in files, and in batches.

Part of `datasets.sase_fe`, which has its public functions.
"""

import os

import numpy as np
import pandas as pd

_BUCKETS = 6  # lengths that batches are padded to, at most
_AT_ONCE = 60  # videos in memory while they are written to files


def load(
    index: pd.DataFrame, copies: int = 0, seed: int = 0, jobs: int | None = None
) -> tuple[list[np.ndarray], pd.DataFrame, pd.DataFrame]:
    """Read the facial points of an index's videos, from point files or the videos.

    Videos are worked through in parallel, and what was done is kept in the cache (see
    `datasets.landmarks`). A file that cannot be read does not stop the others.

    Args:
        index: Rows as `index` gives them, in any order.
        copies: Jittered copies of every video, 0 or more.
        seed: Of the copies; 0 or more.
        jobs: Videos worked on at once; by default one a core.

    Returns:
        The tracks, float32 (1 + copies, frames, 80), the first of each from the whole
        crop; the rows of the index that they belong to, numbered from 0; and a table
        of the failures with the columns `path` and `reason`.

    Raises:
        ValueError: An empty index, or not one of its files could be read; the message
            tells the first reason.
        FileNotFoundError: There are videos to read, but no predictor of facial points
            is installed.
    """
    arrays, kept, reasons = _read(index, copies, seed, jobs)
    return arrays, *_outcome(index, kept, reasons)


def store(
    index: pd.DataFrame,
    folder: str | os.PathLike,
    copies: int = 0,
    seed: int = 0,
    jobs: int | None = None,
) -> tuple[list[str], pd.DataFrame, pd.DataFrame]:
    """Do as `load`, but into files: for more videos than fit into memory.

    Args:
        index: See `load`.
        folder: Where the tracks go, as `0.npy`, `1.npy` and so on; it is made.
        copies, seed, jobs: See `load`.

    Returns:
        The files, for `batches`; rows and failures as `load` gives them.

    Raises:
        ValueError, FileNotFoundError: See `load`.
        OSError: The folder cannot be written.
    """
    folder = os.path.abspath(os.path.expanduser(folder))
    os.makedirs(folder, exist_ok=True)
    files, kept, reasons = [], [], {}
    for first in range(0, len(index), _AT_ONCE):
        some = index.iloc[first : first + _AT_ONCE]
        arrays, rows, failed = _read(some, copies, seed, jobs)
        kept += [first + row for row in rows]
        reasons |= failed
        for array in arrays:
            files.append(os.path.join(folder, f"{len(files)}.npy"))
            np.save(files[-1], array)
    return files, *_outcome(index, kept, reasons)


def _read(index: pd.DataFrame, copies: int, seed: int, jobs: int | None):
    """Return tracks, positions of their rows, and reasons of failures by path."""
    from datasets import landmarks
    from zoo.inputs import landmark_files
    from zoo.inputs.landmark_track import draw_margins

    draw_margins(copies, seed, b"", 0)  # refuses numbers out of range
    videos = index.loc[index["kind"] == "video", "path"].tolist()
    tracks, reasons = {}, {}
    if videos:
        tracks, failed = landmarks.extract_all(videos, copies, seed, jobs=jobs)
        tracks = {str(path): track for path, track in tracks.items()}
        reasons = dict(zip(map(str, failed["path"]), failed["reason"], strict=True))
    arrays, kept = [], []
    for row, (path, kind) in enumerate(zip(index["path"], index["kind"], strict=True)):
        if path in reasons:
            continue
        try:
            track = tracks[path] if kind == "video" else landmark_files.read(path)
            if kind == "points":
                track = track.jittered(copies, seed)
            arrays.append(track.landmarks())
            kept.append(row)
        except (ValueError, OSError) as error:
            reason = str(error)
            reasons[path] = reason if path in reason else f"{path}: {reason}"
    return arrays, kept, reasons


def _outcome(index: pd.DataFrame, kept: list[int], reasons: dict):
    """Return the rows that were read, and a table of the failures."""
    if not len(index):
        raise ValueError("Expected an index of one row or more, got an empty one.")
    if not kept:
        raise ValueError(
            f"None of the {len(index)} files of the index could be read. The first: "
            f"{next(iter(reasons.values()))}"
        )
    failures = pd.DataFrame(reasons.items(), columns=["path", "reason"], dtype="str")
    return index.iloc[kept].reset_index(drop=True), failures


def batches(arrays: list, labels, batch_size: int, seed: int | None = None):
    """Make batches of tracks of about the same length, each copy a track of its own.

    A batch is padded with zeros after the end, to one of a few lengths, so that a
    graph is compiled only a few times.

    Args:
        arrays: float32 (copies, frames, 80) each, or (frames, 80), as `load` gives; or
            files of them, as `store` gives, each track read when its batch is due.
        labels: One whole number an array.
        batch_size: Tracks in a batch; the last ones of a length may hold fewer.
        seed: 0 or more for an order drawn anew in every pass, by this number and that
            of the pass alone; None for that of the arrays.

    Returns:
        A `tf.data.Dataset` of `((tracks, lengths), labels)`: float32 (batch, frames,
        80), int32 (batch,), int32 (batch,). Keras's `fit` wants `shuffle=False` with
        it, or warns that it does not shuffle.

    Raises:
        ValueError: No array, one without a frame, shapes that do not fit, or a number
            out of range.
    """
    import tensorflow as tf

    from datasets.batches import positions

    shapes = [_shape(array) for array in arrays]
    labels = pd.Series(labels, dtype="Int64")
    if len(labels) != len(arrays) or labels.isna().any():
        raise ValueError(
            f"Expected a label for each of {len(arrays)} arrays, got {len(labels)}, of "
            f"which {labels.isna().sum()} are unknown."
        )
    copies = [copies for copies, _ in shapes]
    lengths = np.repeat(np.array([n for _, n in shapes], np.int32), copies)
    shuffle = seed is not None
    order = positions(len(lengths), batch_size, seed or 0, shuffle, 0).unbatch()
    # A length has a full batch or more, or small sets would come in small batches.
    parts = np.clip(len(lengths) // batch_size, 1, _BUCKETS)
    ranks = np.linspace(0, 1, parts + 1)[1:]
    bounds = np.unique(np.quantile(lengths, ranks, method="lower"))
    classes = np.repeat(labels.to_numpy(np.int32), copies)
    owners = np.repeat(np.arange(len(arrays)), copies)
    starts = np.cumsum([0, *copies])

    def read(row):
        track = _track(arrays[owners[row]], row - starts[owners[row]])
        return track, lengths[row], classes[row]

    def one(row):
        kinds = tf.float32, tf.int32, tf.int32
        # Stateless, or determinism would make the map read one track at a time.
        track, length, label = tf.numpy_function(read, [row], kinds, stateful=False)
        for tensor, shape in ((track, (None, 80)), (length, ()), (label, ())):
            tensor.set_shape(shape)
        return (track, length), label

    buckets = np.searchsorted(bounds, lengths)
    count = sum(-(-n // batch_size) for n in np.bincount(buckets))
    return (
        order.map(one, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .bucket_by_sequence_length(
            lambda inputs, label: inputs[1],
            bucket_boundaries=(bounds + 1).tolist(),
            bucket_batch_sizes=[batch_size] * (len(bounds) + 1),
            pad_to_bucket_boundary=True,
        )
        .apply(tf.data.experimental.assert_cardinality(count))
        .prefetch(tf.data.AUTOTUNE)
    )


def _shape(array) -> tuple[int, int]:
    """Return copies and frames of an array, or of a file with one."""
    shape = _opened(array).shape
    if len(shape) not in (2, 3) or shape[-1] != 80 or not shape[-2]:
        raise ValueError(
            "Expected arrays of shape (copies, frames, 80) with a frame or more, got "
            f"one of {shape}."
        )
    return (1, *shape[:-1])[-2:]


def _track(array, copy: int) -> np.ndarray:
    array = _opened(array)
    return np.array(array[copy] if array.ndim == 3 else array, np.float32)


def _opened(array) -> np.ndarray:
    """Return the array; a file's is mapped, and not read before it is looked at."""
    if isinstance(array, str | os.PathLike):
        return np.load(array, mmap_mode="r")
    return np.asarray(array)
