"""Find the sequence that an apex frame was taken from, by looking at the pictures.

NVIE hands out the apex frames of its spontaneous part in a folder of their own,
under names that do not say which sequence they belong to. The thesis (Christensen 2018,
section 4.3.1) looks for the same picture in the subject's sequences; so do we:
identical bytes first, then identical pixels, then the nearest picture, for
copies whose apex frames were saved again as JPEG or made smaller.
"""

import filecmp
import hashlib
import itertools
import os
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from datasets import pictures
from datasets.nvie_layout import Place

BYTES, PIXELS, NEAREST = "identical bytes", "identical pixels", "nearest picture"

_SIDE = 32  # of a thumbnail
_BLOCK = 4096

# The nearest picture is taken for the same one where the thumbnails differ by no more
# than NEAR grey levels (of 255) on average, and by less than CLEAR of the difference
# to any other sequence. Measured on videos of faces cut into six sequences each: a
# frame differs from itself as JPEG by 0.03 (quality 95) to 0.5 (quality 30) and
# resized to 299 x 299 by 0.3, from the other sequences of that sitting by 0.4 to 6.
NEAR = 0.5
CLEAR = 0.5


class Match(NamedTuple):
    """The frame that an apex is, and how that was seen."""

    frame: Place
    how: str


def match(
    root: str | os.PathLike, apexes: list[Place], frames: list[Place]
) -> tuple[dict[str, Match], list[str]]:
    """Find the sequence frame that each apex frame is a copy of.

    Compared are the frames of the apex's subject and illumination, as far as its
    path names them. A picture found in the sequences of two subjects matches
    nothing.

    Args:
        root: The folder that the paths of `apexes` and `frames` are relative to.
        apexes: Readable apex frames.
        frames: Sequence frames, each with subject and sequence.

    Returns:
        `(matches, unreadable)`: apex path -> `Match`, without the apexes that
        match nothing; and the frames that could not be read.
    """
    groups = defaultdict(list)
    for frame in sorted(frames, key=lambda frame: (frame.sequence, frame.path)):
        groups[frame.subject, frame.illumination].append(frame)
    searched = {apex.path: _searched(apex, groups) for apex in apexes}

    found = _same_bytes(root, apexes, groups, searched)
    left = [apex for apex in apexes if apex.path not in found and searched[apex.path]]
    similar, unreadable = _similar(root, left, groups, searched)
    return found | similar, unreadable


def _searched(apex: Place, groups: dict) -> list[tuple]:
    """List the groups of frames that may hold the apex."""
    return [
        (subject, light)
        for subject, light in groups
        if apex.subject in (None, subject)
        and (None in (light, apex.illumination) or light == apex.illumination)
    ]


def _one(frames: list[Place]) -> Place | None:
    """Return the first of identical frames, unless they show two subjects."""
    if len({frame.subject for frame in frames}) != 1:
        return None
    return frames[0]


def _same_bytes(root, apexes, groups, searched) -> dict[str, Match]:
    # The frames of NVIE are all of one size, and there are some 120 GB of them: so a
    # block from the middle of each is compared first, where the face is.
    sizes = {os.path.getsize(os.path.join(root, apex.path)) for apex in apexes}
    wanted = {group for apex in apexes for group in searched[apex.path]}
    frames = [frame for group in groups if group in wanted for frame in groups[group]]

    def probe(frame):
        return _probe(os.path.join(root, frame.path), sizes)

    alike = defaultdict(list)
    seen = pictures.threaded(probe, frames, "comparing files")
    for frame, key in zip(frames, seen, strict=True):
        alike[key].append(frame)
    found = {}
    for apex in apexes:
        file = os.path.join(root, apex.path)
        same = [
            frame
            for frame in alike[probe(apex)]
            if (frame.subject, frame.illumination) in searched[apex.path]
            and filecmp.cmp(file, os.path.join(root, frame.path), shallow=False)
        ]
        if frame := _one(same):
            found[apex.path] = Match(frame, BYTES)
    return found


def _probe(path: str, sizes: set[int]) -> tuple[int, bytes] | None:
    """Return size and a digest of the middle, for a file of one of the sizes."""
    try:
        size = os.path.getsize(path)
        if size not in sizes:
            return None
        with open(path, "rb") as file:
            file.seek(max(0, size // 2 - _BLOCK // 2))
            return size, hashlib.blake2b(file.read(_BLOCK), digest_size=16).digest()
    except OSError:
        return None


def _similar(root, apexes, groups, searched) -> tuple[dict[str, Match], list[str]]:
    """Match by decoded pixels; each frame is decoded once, a group at a time."""
    from scipy.spatial.distance import cdist

    wanted = {group for apex in apexes for group in searched[apex.path]}
    wanted = {group: groups[group] for group in groups if group in wanted}
    own = [_look(os.path.join(root, apex.path)) for apex in apexes]
    paths = [os.path.join(root, f.path) for frames in wanted.values() for f in frames]
    looks = pictures.threaded(_look, paths, "comparing pictures")
    # Of each apex: the frames of the same pixels; the nearest of every sequence.
    twins, nearest = [[] for _ in apexes], [[] for _ in apexes]
    unreadable = []
    for group, frames in wanted.items():
        rows = [i for i, apex in enumerate(apexes) if group in searched[apex.path]]
        thumbnails = np.stack([own[row].thumbnail for row in rows])
        for _, members in itertools.groupby(frames, lambda frame: frame.sequence):
            # Frames first: where they end, no look is taken from the next one's.
            both = list(zip(members, looks, strict=False))
            unreadable += [frame.path for frame, look in both if look is None]
            both = [(frame, look) for frame, look in both if look]
            if not both:
                continue
            theirs = np.stack([look.thumbnail for _, look in both])
            distances = cdist(thumbnails, theirs, "cityblock") / _SIDE**2
            for row, closest in zip(rows, distances, strict=True):
                place = closest.argmin()
                nearest[row].append((closest[place], both[place][0]))
                twins[row] += [f for f, look in both if look.digest == own[row].digest]
    answers = map(_decide, twins, nearest)
    pairs = zip(apexes, answers, strict=True)
    return {apex.path: match for apex, match in pairs if match}, unreadable


def _decide(twins: list[Place], nearest: list[tuple[float, Place]]) -> Match | None:
    """Return the frame of the same pixels, or the nearest one if it is clearly that."""
    if twins:
        frame = _one(twins)
        return frame and Match(frame, PIXELS)
    nearest = sorted([*nearest, *[(np.inf, None)] * 2], key=lambda pair: pair[0])
    (least, frame), (second, _) = nearest[:2]
    return Match(frame, NEAREST) if least <= NEAR and least < CLEAR * second else None


class _Look(NamedTuple):
    digest: bytes
    thumbnail: np.ndarray


def _look(path: str) -> _Look | None:
    import cv2

    try:
        picture = pictures.read(path)
    except (ValueError, OSError):
        return None
    digest = hashlib.blake2b(str(picture.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(picture))
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return _Look(digest.digest(), small.ravel())
