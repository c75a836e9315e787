"""What an interrupted run has left, read with suspicion: it may be damaged."""

import json
import zipfile
import zlib

DAMAGED = (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile)


class NotFinite(ValueError):
    """A measure is not a number."""


def arrays(path):
    """The arrays that a part of the work has left when it was done.

    Args:
        path: an .npz file, whatever its name.

    Returns:
        Dict of names to arrays; `None` where there is no such file, or where it is
        damaged: then it is removed, and the part is done anew.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except FileNotFoundError:
        return None
    except (*DAMAGED, zlib.error) as error:
        return done_anew(path, error)


def head(folder):
    """The head that a part of the work has left in a folder of its own.

    Returns:
        The fitted estimator; `None` where there is none, or where it is damaged: then
        it is removed, and the part is done anew.
    """
    from zoo import heads

    for path in folder.glob("head.*"):
        try:
            return heads.load(path)
        except ValueError as error:
            return done_anew(path, error)
    return None


def done_anew(path, error):
    print(f"Done anew, as {path} is damaged: {error}", flush=True)
    path.unlink()


def data_told(config):
    """What an interrupted run's config.json says of its data.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        return json.loads(config.read_text())["data"]
    except DAMAGED as error:
        raise ValueError(
            f"{config} is damaged, and nobody can tell whether the data are still the "
            f"same: {error}. Start without --resume, or remove {config.parent}."
        ) from error
