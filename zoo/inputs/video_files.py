"""Video files by their names: which endings they have, and which lie below a folder."""

import os
from pathlib import Path

from zoo.inputs import plain_files

# Where a clip has several files, the first kind is used.
ENDINGS = (
    *(".mp4", ".avi", ".mov", ".mkv", ".m4v"),
    *(".mpg", ".mpeg", ".webm", ".wmv"),
)
_STRAYS = {"thumbs.db", "desktop.ini", "__macosx"}


def split(name: str) -> tuple[str, str]:
    """A file's name without white space and ending, and its ending in lower case."""
    stem, ending = os.path.splitext("".join(name.split()))
    return stem, ending.lower()


def ending(path: Path) -> str:
    """A file's ending, as `split` gives it."""
    return split(path.name)[1]


def walk(root: Path) -> tuple[list[Path], list[Path], list[Path]]:
    """Files and folders below a folder, without what file managers leave there.

    Links are followed, to no folder twice.

    Args:
        root: The folder.

    Returns:
        The files; the folders, `root` among them; and what cannot be read: folders
        that may not, links that lead nowhere, and pipes.
    """
    files, folders, unreadable = [], [], []

    def fail(error: OSError) -> None:
        unreadable.append(Path(error.filename))

    for here, below, inside in plain_files.walk(root, fail):
        folders.append(Path(here))
        below[:] = sorted(name for name in below if not _is_stray(name))
        for path in (Path(here, name) for name in sorted(inside)):
            if not _is_stray(path.name):
                (files if os.path.isfile(path) else unreadable).append(path)
    return files, folders, unreadable


def _is_stray(name: str) -> bool:
    return name.startswith(".") or name.strip().lower() in _STRAYS
