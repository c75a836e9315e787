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
_MOST_PIXELS = 10**8  # NVIE's have half a million
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
        content = plain_files.content(path)
        if not _plain(content):
            raise ValueError(f"Colours would be wrong in {path}: {BMP}.")
        with tf.device("CPU"):
            _check_size(content)
            picture = decode(tf.constant(content)).numpy()
    except (tf.errors.OpError, OSError, _Odd) as error:
        why = "" if isinstance(error, tf.errors.OpError) else f" ({error})"
        raise ValueError(
            f"Expected a BMP, JPEG or PNG picture in {path}{why}."
        ) from error
    if not picture.size:
        raise ValueError(f"Expected a picture in {path}, got one without pixels.")
    return picture


class _Odd(ValueError):
    """Why a file is no picture of ours."""


def _check_size(content: bytes) -> None:
    """Refuses what would take all memory, by what the file says of its size."""
    import tensorflow as tf

    if content.startswith(b"GIF8"):
        raise _Odd("it is a GIF")
    if content.startswith(b"\x89PNG"):
        height, width = struct.unpack(">II", content[16:24].rjust(8, b"\0"))
    elif content.startswith(b"BM"):
        height, width = struct.unpack("<ii", content[18:26].rjust(8, b"\0"))
    elif content.startswith(b"\xff\xd8\xff"):
        height, width, _ = tf.io.extract_jpeg_shape(content).numpy().tolist()
    else:
        raise _Odd("it begins like none")
    if abs(height) * abs(width) > _MOST_PIXELS:
        raise _Odd(f"it says that it has {abs(width)} x {abs(height)} pixels")


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
