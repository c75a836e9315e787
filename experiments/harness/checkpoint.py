"""Checkpoints of a run: the content of each finished part, whole or absent."""

import json
import os
import pathlib
import tempfile
import zipfile
import zlib

import numpy as np

DAMAGED = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


def replace_file(path: pathlib.Path, write) -> None:
    """Write a file that is whole or absent, whenever the process is killed.

    Args:
        path: of the file.
        write: function that writes to the path that it is given.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        write(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


class Checkpoint:
    """A folder of named contents, each in an .npz file without pickles.

    Args:
        folder: made when something is saved.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    def _path(self, key):
        return self.folder / f"{key}.npz"

    def keys(self) -> list[str]:
        """Names of the contents that are there."""
        return sorted(path.stem for path in self.folder.glob("[!.]*.npz"))

    def save(self, key: str, content: dict) -> None:
        """Save a content under a name, in the place of an earlier one.

        Args:
            key: the name, good for a file.
            content: dict of arrays, lists of arrays, fitted scikit-learn or XGBoost
                heads, and whatever JSON can hold.
        """
        arrays = {}
        for name, value in content.items():
            if isinstance(value, np.ndarray):
                arrays[f"array:{name}"] = value
            elif hasattr(value, "predict_proba"):
                arrays |= {f"head:{name}": _head_bytes(value)}
            elif isinstance(value, list) and value and isinstance(value[0], np.ndarray):
                arrays |= {f"list:{name}:{n:05}": one for n, one in enumerate(value)}
            else:
                arrays[f"json:{name}"] = np.array(json.dumps(value))
        self.folder.mkdir(parents=True, exist_ok=True)

        def write(path):
            with open(path, "wb") as file:  # np.savez would change the path's ending
                np.savez(file, allow_pickle=False, **arrays)

        replace_file(self._path(key), write)

    def load(self, key: str) -> dict | None:
        """Return a content; `None` where it is absent. A damaged one is removed."""
        content = {}
        try:
            with np.load(self._path(key), allow_pickle=False) as file:
                for entry in sorted(file.files):
                    kind, name, *_ = entry.split(":")
                    if kind == "list":
                        content.setdefault(name, []).append(file[entry])
                    elif kind == "json":
                        content[name] = json.loads(str(file[entry]))
                    elif kind == "head":
                        content[name] = _head(file[entry])
                    else:
                        content[name] = file[entry]
        except FileNotFoundError:
            return None
        except DAMAGED as error:
            print(f"Computed anew, as {self._path(key)} is damaged: {error}")
            self._path(key).unlink()
            return None
        return content

    def remove(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)


def _head_bytes(head):
    """Return the file that `zoo.heads` makes of a head, its name in front."""
    from zoo import heads

    with tempfile.TemporaryDirectory() as folder:
        path = heads.save(head, pathlib.Path(folder))
        return np.frombuffer(path.name.encode() + b"\0" + path.read_bytes(), np.uint8)


def _head(array):
    from zoo import heads

    name, _, content = array.tobytes().partition(b"\0")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, pathlib.PurePath(name.decode()).name)
        path.write_bytes(content)
        return heads.load(path)
