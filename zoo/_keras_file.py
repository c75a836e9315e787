"""The parts of a `.keras` file: the zip archive and the HDF5 file of weights in it.

For `zoo.safe` and `zoo.weights`: both refuse here what Keras does not write. See
`zoo.safe` for the reasons.
"""

import contextlib
import pathlib
import shutil
import tempfile
import zipfile

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
PARTS = {CONFIG, WEIGHTS}, {"metadata.json"}  # needed, optional


@contextlib.contextmanager
def weights_file(path):
    """Gives the path of an HDF5 file that is safe to read.

    Args:
        path: a `.keras` or `.weights.h5` file. Of the first, the weights are copied to
            a temporary file: what is read then is what was looked at, and HDF5 seeks
            about in it.

    Raises:
        ValueError: it is refused.
    """
    with tempfile.TemporaryDirectory() as folder:
        weights = pathlib.Path(path)
        if zipfile.is_zipfile(path):
            weights = pathlib.Path(folder) / WEIGHTS
            with zipped(path, *PARTS) as archive, open(weights, "wb") as target:
                try:
                    with archive.open(WEIGHTS) as source:
                        shutil.copyfileobj(source, target, 1 << 20)
                except (zipfile.BadZipFile, EOFError) as error:
                    raise ValueError(f"{path} is refused: {error}") from error
        check_hdf5(weights, path)
        yield weights


def zipped(path, needed=(), optional=(), only=True):
    """Open a zip archive that holds what Keras or skops write, and nothing else.

    Args:
        path: the file.
        needed: names that must be there.
        optional: names that may be there.
        only: whether there may be no other name.

    Returns:
        A `zipfile.ZipFile`.

    Raises:
        ValueError: the file is no zip archive, has a name twice, lacks one, or has one
            too many.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ValueError(f"{path} is of another kind or damaged: {error}") from error
    names = archive.namelist()
    strange = set(names) - set(needed) - set(optional)
    problem = ""
    if len(set(names)) < len(names):
        problem = "holds a name twice"
    elif set(needed) - set(names):
        problem = f"lacks {', '.join(sorted(set(needed) - set(names)))}"
    elif only and strange:
        problem = f"holds {sorted(strange)[:5]}, which models of zoo do not have"
    if problem:
        archive.close()
        raise ValueError(f"{path} is refused: the archive {problem}.")
    return archive


def check_hdf5(weights, shown):
    """Raise ValueError where an HDF5 file refers to others, as it may by their path.

    Args:
        weights: the file.
        shown: its path for the message.
    """
    import h5py

    links = []
    try:
        with h5py.File(weights, "r") as file:
            file.visititems_links(lambda *named: links.append(named))
            for name, link in links:
                entry = file[name] if isinstance(link, h5py.HardLink) else None
                stored = isinstance(entry, h5py.Dataset)
                if not entry or (stored and (entry.external or entry.is_virtual)):
                    raise ValueError(f"{name} lies in another file")
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ValueError(f"The weights in {shown} are refused: {error}.") from error
