"""Reading picture files: one decoder for checking, comparing and training.

TensorFlow's decoders are used throughout, so that a picture that was found readable
when a folder was indexed is one that `tf.data` can read later.
"""

import os
import struct
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from zoo.inputs import plain_files

_BAR_FROM = 300  # files; fewer take no time to speak of
_THREADS = min(32, (os.cpu_count() or 1) + 4)

BMP = (
    "a BMP must be of 24 or 32 bits a pixel, or of 8 bits of plain grey, and not "
    "compressed: convert others to 24 bits"
)
_BITFIELDS = 3  # a BMP that says which bits are which colour
_BGR = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)


def decode(content):
    """Decode the bytes of a BMP, JPEG or PNG; runs inside a TensorFlow graph.

    A BMP's palette is not looked at; `read` refuses the files where that matters.

    Returns:
        A uint8 tensor (height, width, 3), RGB. Grey is repeated, alpha dropped.
    """
    import tensorflow as tf

    picture = tf.cond(
        tf.io.is_jpeg(content),
        # The decoder's default is hasty and makes a JPEG half a grey level darker
        # than other programs show it: posed and spontaneous would differ by that.
        lambda: tf.io.decode_jpeg(content, 3, dct_method="INTEGER_ACCURATE"),
        lambda: _three_channels(tf.io.decode_image(content, expand_animations=False)),
    )
    return tf.ensure_shape(picture, (None, None, 3))


def _three_channels(picture):
    import tensorflow as tf

    # `decode_image(channels=3)` would refuse a grey BMP.
    channels = tf.shape(picture)[-1]
    colours = tf.where(channels < 3, [0, 0, 0], [0, 1, 2])
    return tf.cond(
        channels == 3, lambda: picture, lambda: tf.gather(picture, colours, axis=-1)
    )


def read(path: str | os.PathLike) -> np.ndarray:
    """Read one picture: uint8 (height, width, 3), RGB, as `decode` gives it.

    Raises:
        ValueError: There is no such file, no whole picture in it, or a BMP with a
            colour palette, compressed or otherwise unusual.
    """
    import tensorflow as tf

    try:
        content = plain_files.content(path)
        if not _plain(content):
            raise ValueError(f"Colours would be wrong in {path}: {BMP}.")
        with tf.device("CPU"):
            return decode(tf.constant(content)).numpy()
    except (tf.errors.OpError, OSError) as error:
        raise ValueError(f"Expected a BMP, JPEG or PNG picture in {path}.") from error


def _plain(content: bytes) -> bool:
    """Tell whether a file is no BMP, or one whose colours TensorFlow gets right.

    Its decoder takes the entries of a palette for grey levels, and does not look at
    what follows the count of bits, or at how long the header is.
    """
    if content[:2] != b"BM":
        return True
    header, bits, compression, colours = (
        int.from_bytes(content[start:stop], "little")
        for start, stop in ((14, 18), (28, 30), (30, 34), (46, 50))
    )
    if header < 40 or bits not in (8, 24, 32):
        return False
    if compression == _BITFIELDS:
        return content[54:66] == _BGR
    if compression or bits > 8:
        return not compression
    # How many there are; 0 is all.
    colours = min(colours or 256, 256)
    palette = content[14 + header :][: 4 * colours]
    blue, green, red = palette[::4], palette[1::4], palette[2::4]
    return blue == green == red == bytes(range(colours))


def readable(paths: list[str]) -> set[str]:
    """Return those of the files that `read` can read."""

    def is_good(path):
        try:
            read(path)
        except ValueError:
            return False
        return True

    good = threaded(is_good, paths, "checking pictures")
    return {path for path, yes in zip(paths, good, strict=True) if yes}


def threaded(work: Callable, items: list, what: str) -> Iterable:
    """Map in threads, for work that waits for the disk or leaves Python.

    Where there is much to do, a bar on stderr shows `what` is done.
    """
    from tqdm import tqdm

    # None: no bar where stderr is not a terminal.
    disable = True if len(items) < _BAR_FROM else None
    with ThreadPoolExecutor(_THREADS) as pool:
        results = pool.map(work, items)
        yield from tqdm(results, what, len(items), unit="file", disable=disable)
