"""Reading picture files: one decoder for checking, comparing and training.

TensorFlow's decoders are used throughout, so that a picture that was found readable
when a folder was indexed is one that `tf.data` can read later.
"""

import os
import struct
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

_BAR_FROM = 300  # files; fewer take no time to speak of
_THREADS = min(32, (os.cpu_count() or 1) + 4)

BMP = (
    "a BMP must be of 24 or 32 bits a pixel, or of 8 bits of plain grey, and not "
    "compressed: convert others to 24 bits"
)
_BITFIELDS = 3  # a BMP that says which bits are which colour
_BGR = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)


def decode(content):
    """Decodes a BMP, JPEG or PNG; runs inside a TensorFlow graph.

    Args:
        content: The file's bytes, a scalar string tensor.

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
        channels == 3,
        lambda: picture,
        lambda: tf.gather(picture, colours, axis=-1),
    )


def read(path: str | os.PathLike) -> np.ndarray:
    """Reads one picture.

    Returns:
        uint8 (height, width, 3), RGB, as `decode` gives it.

    Raises:
        ValueError: There is no such file, no whole picture in it, or a BMP with a
            colour palette, compressed or otherwise unusual.
    """
    import tensorflow as tf

    try:
        with tf.device("CPU"):
            content = tf.io.read_file(os.fsencode(path))
            if not _plain(content.numpy()):
                raise ValueError(f"Colours would be wrong in {path}: {BMP}.")
            picture = decode(content).numpy()
    except tf.errors.OpError as error:
        raise ValueError(f"Expected a BMP, JPEG or PNG picture in {path}.") from error
    if not picture.size:
        raise ValueError(f"Expected a picture in {path}, got one without pixels.")
    return picture


def _plain(content: bytes) -> bool:
    """Whether a file is no BMP, or one whose colours TensorFlow gets right.

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
    """Those of the files that `read` can read."""

    def tried(path):
        try:
            read(path)
        except ValueError:
            return None
        return path

    with progress(len(paths), "checking pictures") as bar:
        good = set()
        for path in threaded(tried, paths):
            good.add(path)
            bar.update()
    return good - {None}


def threaded(work: Callable, items: Iterable) -> Iterable:
    """`map`, in threads: for work that waits for the disk or leaves Python."""
    with ThreadPoolExecutor(_THREADS) as pool:
        yield from pool.map(work, items)


def progress(total: int, what: str):
    """A tqdm bar on stderr for `total` files; silent where there is little to do."""
    from tqdm import tqdm

    # None: no bar where stderr is not a terminal.
    disable = True if total < _BAR_FROM else None
    return tqdm(total=total, desc=what, unit="file", disable=disable)
