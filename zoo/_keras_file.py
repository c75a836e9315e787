"""The parts of a `.keras` file: the zip archive and the HDF5 file of weights in it.

For `zoo.safe` and `zoo.weights`: both refuse here what Keras does not write. See
`zoo.safe` for the reasons.
"""

import contextlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

from zoo import _hdf5_check

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
PARTS = {CONFIG, WEIGHTS}, {"metadata.json"}  # needed, optional
JSON_BYTES = 32 << 20  # Inception V4's config.json has half a megabyte
HDF5_SECONDS = 60


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
        hdf5(weights, path)
        yield weights


def zipped(path, needed=(), optional=(), only=True):
    """Opens a zip archive that is stored as Keras and skops store theirs.

    They compress nothing, so that an archive can not grow on being read.

    Args:
        path: the file.
        needed: names that must be there.
        optional: names that may be there.
        only: whether there may be no other name.

    Returns:
        A `zipfile.ZipFile`.

    Raises:
        ValueError: the file is no zip archive, is damaged, compressed or encrypted, has
            a name twice, lacks one, or has one too many.
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
    for info in archive.infolist():
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            problem = f"holds {info.filename} compressed or encrypted"
        elif info.filename == CONFIG and info.file_size > JSON_BYTES:
            problem = f"holds a {CONFIG} of {info.file_size} bytes"
    total = sum(info.file_size for info in archive.infolist())
    if not problem and total > pathlib.Path(path).stat().st_size:
        problem = f"declares {total} bytes, more than the file has"
    if problem:
        archive.close()
        raise ValueError(f"{path} is refused: the archive {problem}.")
    return archive


def hdf5(weights, shown=None):
    """Raises ValueError where an HDF5 file is not what Keras writes.

    It is opened in a process of its own: the HDF5 library can crash on a damaged file.

    Args:
        weights: the file.
        shown: path for the message, if another.
    """
    shown = shown or weights
    program = [sys.executable, "-P", _hdf5_check.__file__, str(weights)]
    if not is_python():
        try:
            found = _hdf5_check.problems(weights)
        except Exception as error:  # h5py's are of many kinds
            found = str(error)
        if found:
            raise ValueError(f"The weights in {shown} are refused: {found}.")
        return
    try:
        done = subprocess.run(program, capture_output=True, timeout=HDF5_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise ValueError(
            f"The weights in {shown} are refused: the HDF5 library did not come to an "
            f"end within {HDF5_SECONDS} s."
        ) from error
    if done.returncode < 0 or done.returncode > 1:
        raise ValueError(
            f"The weights in {shown} are refused: the HDF5 library crashes on them "
            f"(exit code {done.returncode})."
        )
    if done.returncode:
        reason = (done.stdout or done.stderr[-500:]).decode(errors="replace").strip()
        raise ValueError(f"The weights in {shown} are refused: {reason}.")


def is_python():
    """Whether there is a Python to start, and not a program that has Python in it."""
    name = pathlib.PurePath(sys.executable or "").name.lower()
    return name.startswith(("python", "pypy")) and not getattr(sys, "frozen", False)
