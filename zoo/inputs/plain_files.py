"""What lies on a disk: files, and nothing that would be waited for without end."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path


def check(path: str | os.PathLike) -> os.stat_result:
    """What the system says of a file that a reader is about to open.

    Raises:
        FileNotFoundError: There is none, or none can have that name.
        OSError: It is a folder, a pipe or a device.
    """
    try:
        facts = os.stat(path)
    except ValueError as error:  # a zero byte
        raise FileNotFoundError(f"there is no file {path!r}: {error}") from error
    if stat.S_ISDIR(facts.st_mode):
        raise IsADirectoryError(f"{path}: expected a file, received a folder")
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(f"{path}: expected a file, received a pipe or a device")
    return facts


def content(path: str | os.PathLike) -> bytes:
    """Read a file whole.

    Raises:
        OSError: It cannot be read, or is a folder, a pipe or a device.
    """
    check(path)
    with open(path, "rb") as file:
        return file.read()


def short(told: object) -> str:
    """What a message tells of a file, which may quote a good part of it."""
    text = str(told)
    return text if len(text) <= 200 else f"{text[:200]}..."


def walk(top: str | os.PathLike, refused: Callable) -> Iterator[tuple]:
    """The folders below one, as `os.walk` yields them, at any depth.

    Links are followed, to no folder twice and to none that `top` lies in. Python 3.11's
    own walk ends with a RecursionError from some 1000 levels on.

    Args:
        top: The first folder.
        refused: Called with the OSError of a folder that cannot be read.

    Yields:
        A folder's path as text, and the names of the folders and of the other things
        in it, two lists. What is taken from the first is not walked into.
    """
    top = os.fspath(top)
    seen, waiting = set(), [top]
    for around in Path(os.path.realpath(top)).parents:
        seen.add(_identity(around))
    while waiting:
        here = waiting.pop()
        below, names = [], []
        try:
            place = _identity(here)
            if place in seen:
                continue
            seen.add(place)
            with os.scandir(here) as entries:
                for entry in entries:
                    (below if _is_folder(entry) else names).append(entry.name)
        except OSError as error:
            refused(error)
            continue
        yield here, below, names
        waiting += [os.path.join(here, name) for name in reversed(below)]


def _identity(folder: str | os.PathLike) -> tuple[int, int]:
    facts = os.stat(folder)
    return facts.st_dev, facts.st_ino


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
