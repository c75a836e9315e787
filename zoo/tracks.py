"""Landmark tracks of different lengths, batches of like lengths, and their checks."""

from numbers import Real

import numpy as np

FARTHEST = 3  # points may leave the face's box for a while, but not by so much


def whole(**numbers):
    """Checks that numbers are whole and 1 or more, and returns them as integers."""
    for name, value in numbers.items():
        if not isinstance(value, Real) or value % 1 or value < 1:
            raise ValueError(
                f"{name} must be a whole number of 1 or more. Received: {value!r}"
            )
    return {name: int(value) for name, value in numbers.items()}


def factors(**numbers):
    """Checks that numbers are finite and 0 or more."""
    for name, value in numbers.items():
        if not isinstance(value, Real) or not 0 <= value < np.inf:
            raise ValueError(
                f"{name} must be a finite number of 0 or more. Received: {value!r}"
            )


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
            or with values that are not finite or far from -1..1.
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
        if track.dtype.kind not in "biuf":
            raise ValueError(
                f"A track must hold numbers. Received at position {n}: {track.dtype}"
            )
        if not np.isfinite(track).all():
            missing = int((~np.isfinite(track).all(axis=1)).sum())
            raise ValueError(
                f"Track {n} has {missing} frames with values that are not finite. "
                "Bridge frames without a face first, for example with "
                "zoo.inputs.landmarks."
            )
        farthest = np.abs(track).max()
        if farthest > FARTHEST:
            raise ValueError(
                "A track's values must be in about -1..1, such as points within the "
                f"face's box. Received at position {n}: up to {farthest:g}. Are they "
                "pixels?"
            )
    return tracks


def checked_starts(pb, first_frame, pb_units, features):
    """Reads PB vectors and first frames, one of which may serve for all of the other.

    Args:
        pb: `(tracks, pb_units)` or `(pb_units,)`.
        first_frame: `(tracks, features)` or `(features,)`.
        pb_units, features: the widths.

    Returns:
        The shape of what they are of, `(tracks,)` or `()`; and both with a first axis.

    Raises:
        ValueError: they have other shapes, or values that are not finite.
    """
    given = {"pb": (pb, pb_units), "first_frame": (first_frame, features)}
    for name, (one, width) in given.items():
        if one.ndim not in (1, 2) or one.shape[-1] != width or not one.size:
            raise ValueError(
                f"{name} must have the shape ({width},) or (tracks, {width}). "
                f"Received: {one.shape}"
            )
        if one.dtype.kind not in "biuf" or not np.isfinite(one).all():
            raise ValueError(f"{name} must be finite numbers. Received: {one}")
    counts = {len(one) for one, _ in given.values() if one.ndim == 2}
    if len(counts - {1}) > 1:
        raise ValueError(
            "pb and first_frame must be of as many tracks, or one of them of one. "
            f"Received: {pb.shape} and {first_frame.shape}"
        )
    shape = (max(counts),) if counts else ()
    rows = max(counts, default=1)
    return shape, [np.broadcast_to(one, (rows, width)) for one, width in given.values()]


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
