"""The samples: small stand-ins for the datasets, made by code, kept in a cache.

Real data need an agreement with their owners, or at least a network. A sample lies
on disk in the dataset's own layout, so that everything can be tried without them.
Whatever is measured on a sample says nothing about people.
"""

import importlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

# Version and size. A new number whenever the rendered files change: old caches are
# then left alone.
_SAMPLES = {
    "nvie": ("v2", "140 MB"),
    "gfe": ("v1", "7 MB"),
    "pupil": ("v1", "2 MB"),
    "sase_fe": ("v2", "7 MB"),
}
NAMES = tuple(_SAMPLES)
_DONE = "README.txt"  # written last
MARK = "the Duchenne project's sample"  # what that file says of itself


def path(name: str = "nvie") -> Path:
    """Find a sample in the cache, and render it there first if it is absent.

    The cache is `~/.cache/duchenne`, or the folder that the environment
    variable DUCHENNE_CACHE names. A sample is complete or absent: it is
    rendered under a temporary name beside its place and then renamed. What a
    killed process leaves behind (such as `.nvie-v2-*`) may be deleted.

    Args:
        name: The dataset: "nvie", "gfe", "pupil" or "sase_fe".

    Returns:
        The folder, laid out as the dataset's own.

    Raises:
        ValueError: There is no such sample.
        OSError: The cache cannot be written.
    """
    if name not in _SAMPLES:
        known = ", ".join(_SAMPLES)
        raise ValueError(f"no sample named {name!r}; there is: {known}")
    cache = Path(os.environ.get("DUCHENNE_CACHE") or "~/.cache/duchenne")
    version, size = _SAMPLES[name]
    target = cache.expanduser().absolute() / "sample" / f"{name}-{version}"
    if not (target / _DONE).is_file():
        try:
            _write(name, target)
        except OSError as error:
            raise OSError(
                f"cannot write the sample (about {size}) to {target}: {error}. "
                "Set the environment variable DUCHENNE_CACHE to a folder that can be "
                "written"
            ) from error
    return target


def new_folder(folder: str | os.PathLike) -> Path:
    """Make a folder for a sample, or take one that is there and empty.

    Raises:
        FileExistsError: The folder is not empty.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(
            f"{folder} is not empty; the sample is only written to a new folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def wander(rng: np.random.Generator, count: int, frames: float) -> np.ndarray:
    """Draw noise of about unit spread that changes over some number of frames."""
    from scipy.ndimage import gaussian_filter1d

    edge = int(4 * frames) + 1
    noise = gaussian_filter1d(rng.normal(size=count + 2 * edge), frames)
    return noise[edge:-edge] * np.sqrt(2 * frames * np.sqrt(np.pi))


def kind(folder: Path) -> str:
    """Tell whether a folder is a sample's own, wherever it lies.

    A folder around or within a sample, or one whose manifest lists a sample's
    pictures, counts as "real" here: see `kind_of`.

    Args:
        folder: A dataset's folder.

    Returns:
        "sample" or "real".
    """
    try:
        note = (Path(folder) / _DONE).read_text(errors="replace")
    except OSError:  # no such file, or another's that may not be read
        return "real"
    return "sample" if MARK in note else "real"


def kind_of(paths: Iterable[str | os.PathLike]) -> str:
    """Tell a sample's pictures from real ones, however they were reached.

    Args:
        paths: Picture files. Links are followed.

    Returns:
        "sample" if one or more of them lie anywhere below a sample's folder,
        else "real".
    """
    files = {os.path.abspath(path) for path in paths}
    parents = {os.path.dirname(file) for file in files}
    parents |= {os.path.dirname(os.path.realpath(file)) for file in files}
    folders = {f for parent in map(Path, parents) for f in (parent, *parent.parents)}
    return "sample" if any(kind(f) == "sample" for f in folders) else "real"


def _write(name: str, target: Path) -> None:
    dataset = importlib.import_module(f"datasets.sample.{name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        dataset.render(workshop / target.name)
        try:
            (workshop / target.name).rename(target)
        except OSError:
            # Another process was faster: what it wrote is as good as ours.
            if not (target / _DONE).is_file():
                raise
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
