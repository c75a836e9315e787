"""Files and folders as the readers of this package take them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path


def check(path: str | os.PathLike) -> os.stat_result:
    """Return what the system says of a file.

    Raises:
        OSError: There is no such file, or it is a folder.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path}: expected a file, received a folder")
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {path}")
    return os.stat(path)


def content(path: str | os.PathLike) -> bytes:
    """Read a file whole, or raise OSError."""
    check(path)
    return Path(path).read_bytes()


def short(message: object) -> str:
    """Shorten a message that may quote a good part of a file."""
    text = str(message)
    return text if len(text) <= 200 else f"{text[:200]}..."


def walk(top: str | os.PathLike, refused: Callable) -> Iterator[tuple]:
    """Walk as `os.walk` does, links followed, but to no folder twice.

    Args:
        top: The first folder.
        refused: Called with the OSError of a folder that cannot be read.

    Yields:
        A folder's path as text, and the names of the folders and of the other things
        in it, two lists. What is taken from the first is not walked into.
    """
    seen = {str(folder) for folder in Path(os.path.realpath(top)).parents}
    for here, below, names in os.walk(top, onerror=refused, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        yield here, below, names
