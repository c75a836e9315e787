"""Files and folders that come to be whole or not at all."""

import contextlib
import os
import pathlib
import shutil
import uuid

# What a SavedModel is made of. The last makes a folder one.
SAVED_MODEL = ("variables", "assets", "assets.extra", "fingerprint.pb")
SAVED_MODEL += ("keras_metadata.pb", "saved_model.pb")


@contextlib.contextmanager
def replaced(path, ending=""):
    """Give a path beside that of a file, which it becomes if all went well.

    Args:
        path: the file.
        ending: of the path beside it, for writers that go by it.
    """
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"The folder to write to does not exist: {path.parent}. Create it first, "
            "or choose another path."
        )
    if path.is_dir():
        raise IsADirectoryError(
            f"Expected the path of a file. Received a folder: {path}"
        )
    partial = beside(path, ending)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def replaced_saved_model(path):
    """Give a folder beside another, whose SavedModel it becomes if all went well.

    What else is in the folder stays.
    """
    path = pathlib.Path(os.path.realpath(path))  # of a link, what it leads to
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(
            f"Expected the path of a folder. Received a file: {path}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = beside(path)
    try:
        yield partial
        exchange(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def exchange(partial, path):
    """Put a SavedModel into the place of another, at once where nothing else is."""
    held = {one.name for one in path.iterdir()} if path.is_dir() else set()
    if held <= set(SAVED_MODEL):
        before = beside(path)
        if path.is_dir():
            path.rename(before)
        try:
            partial.rename(path)
        except OSError:
            before.rename(path)
            raise
        shutil.rmtree(before, ignore_errors=True)
        return
    for name in SAVED_MODEL:
        old, new = path / name, partial / name
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)
        if new.exists():
            new.rename(old)


def beside(path, ending=""):
    """Return a hidden path beside another; threads may write to one path at once."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial{ending}")
