"""The samples: small stand-ins for the datasets, made by code, kept in a cache.

Real data need an agreement with their owners. A sample lies on disk in the
dataset's own layout, so that everything can be tried without them. Whatever is
measured on a sample says nothing about people.
"""

import os
import shutil
import tempfile
from pathlib import Path

# A new number whenever the rendered files change: old caches are then left alone.
_VERSIONS = {"nvie": "nvie-v1"}
_DONE = "README.txt"  # written last
MARK = "the Duchenne project's sample"  # what that file says of itself


def path(name: str = "nvie") -> Path:
    """Find a sample in the cache, and render it there first if it is absent.

    The cache is `~/.cache/duchenne`, or the folder that the environment
    variable DUCHENNE_CACHE names. A sample is complete or absent: it is
    rendered under a temporary name beside its place and then renamed. What a
    killed process leaves behind (`.nvie-v1-*`) may be deleted.

    Args:
        name: The dataset: "nvie".

    Returns:
        The folder, laid out as the dataset's own.

    Raises:
        ValueError: There is no such sample.
        OSError: The cache cannot be written.
    """
    if name not in _VERSIONS:
        known = ", ".join(sorted(_VERSIONS))
        raise ValueError(f"no sample named {name!r}; there is: {known}")
    cache = Path(os.environ.get("DUCHENNE_CACHE") or "~/.cache/duchenne")
    target = cache.expanduser().absolute() / "sample" / _VERSIONS[name]
    if not (target / _DONE).is_file():
        try:
            _write(target)
        except OSError as error:
            raise OSError(
                f"cannot write the sample (about 140 MB) to {target}: {error}. Set the "
                "environment variable DUCHENNE_CACHE to a folder that can be written"
            ) from error
    return target


def kind(folder: Path) -> str:
    """Tell a sample from real data, wherever it lies and whoever put it there.

    Args:
        folder: A dataset's folder.

    Returns:
        "sample" or "real".
    """
    note = Path(folder) / _DONE
    is_sample = note.is_file() and MARK in note.read_text(errors="replace")
    return "sample" if is_sample else "real"


def _write(target: Path) -> None:
    from datasets.sample import nvie

    target.parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        nvie.render(workshop / target.name)
        try:
            (workshop / target.name).rename(target)
        except OSError:
            # Another process was faster: what it wrote is as good as ours.
            if not (target / _DONE).is_file():
                raise
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
