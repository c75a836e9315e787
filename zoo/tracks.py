"""Landmark tracks of different lengths, and batches of like lengths."""

import numpy as np


def checked(tracks, features):
    """Reads tracks into a list of arrays.

    Args:
        tracks: sequence of arrays `(frames, features)`, or one array
            `(tracks, frames, features)`.
        features: how many values a frame has.

    Returns:
        List of float arrays.

    Raises:
        ValueError: there is none, or one of another shape, with less than two frames,
            or with values that are not finite.
    """
    tracks = [np.asarray(track) for track in tracks]
    if not tracks:
        raise ValueError("At least one track is needed. Received none.")
    for n, track in enumerate(tracks):
        if track.ndim != 2 or track.shape[1] != features or len(track) < 2:
            raise ValueError(
                f"A track must be an array (frames, {features}) of at least 2 frames. "
                f"Received at position {n}: shape {track.shape}"
            )
        if not np.isfinite(track).all():
            missing = int((~np.isfinite(track).all(axis=1)).sum())
            raise ValueError(
                f"Track {n} has {missing} frames with values that are not finite. "
                "Bridge frames without a face first, for example with "
                "datasets.landmarks."
            )
    return tracks


def padded(tracks, dtype):
    """One array `(tracks, frames, features)`, zero after each end, and the lengths."""
    lengths = np.array([len(track) for track in tracks], "int32")
    result = np.zeros((len(tracks), lengths.max(), tracks[0].shape[1]), dtype)
    for row, track in zip(result, tracks, strict=True):
        row[: len(track)] = track
    return result, lengths


def buckets(lengths, batch_size, rng=None):
    """Divides tracks into batches of like lengths, so that little is padding.

    Args:
        lengths: of the tracks.
        batch_size: how many make a batch.
        rng: `numpy.random.Generator` for the order of tracks of one length and of the
            batches; `None` for the order of lengths.

    Returns:
        List of arrays of positions.
    """
    lengths = np.asarray(lengths)
    order = np.arange(len(lengths)) if rng is None else rng.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]
    batches = [order[n : n + batch_size] for n in range(0, len(order), batch_size)]
    if rng is not None:
        rng.shuffle(batches)
    return batches
