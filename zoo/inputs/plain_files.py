"""Files and folders as the readers of this package take them."""

import os
import re
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


def natural(text: str) -> list:
    """Return a key to sort by that puts 2 before 10."""
    parts = re.split(r"([0-9]+)", text)
    # Numbers of any length, by their length first.
    parts[1::2] = [(len(n), n) for n in (part.lstrip("0") for part in parts[1::2])]
    return parts


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


def find_in_one_folder(
    data_dir: str | os.PathLike, list_files: Callable, complain: Callable
):
    """Return what `list_files` finds in a folder, or in the one below that has some.

    Raises:
        FileNotFoundError: There is no such folder, or nothing in it; `complain` makes
            the message of folder and reason.
        ValueError: There is something in several folders.
    """
    root = Path(os.path.abspath(os.path.expanduser(data_dir)))
    if not root.is_dir():
        raise FileNotFoundError(complain(root, "it is not a folder"))
    if files := list_files(root):
        return files
    inside = (p for p in sorted(root.iterdir()) if p.name[0] != "." and p.is_dir())
    usable = (p for p in inside if os.access(p, os.R_OK | os.X_OK))
    found = {folder.name: files for folder in usable if (files := list_files(folder))}
    if len(found) > 1:
        raise ValueError(
            f"{root}: expected data in one folder. Received several folders: "
            f"{', '.join(found)}. Name one of them."
        )
    if not found:
        raise FileNotFoundError(complain(root, "it has none of these files"))
    return next(iter(found.values()))
