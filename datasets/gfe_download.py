"""Fetches Grammatical Facial Expressions from UCI: complete or not at all.

UCI dataset 317, CC BY 4.0, 18 pairs of text files in a zip. Its hash is not known: the
files are read and counted instead.
"""

import os
import tempfile
import zipfile
import zlib
from pathlib import Path

from datasets import gfe
from zoo.inputs import gfe_files

URL = "https://archive.ics.uci.edu/static/public/317/grammatical+facial+expressions.zip"


def download(folder: str | os.PathLike, url: str = URL) -> Path:
    """Downloads the dataset to a folder that must not exist, and returns the folder.

    Raises:
        OSError: The folder exists, the archive could not be fetched or is damaged, or
            a recording is missing. The message says how to do it by hand.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")
    folder = Path(folder).expanduser().absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".gfe-") as workshop:
            unzip = pooch.Unzip(extract_dir="archive")
            pooch.retrieve(url, None, "gfe.zip", workshop, unzip, progressbar=True)
            for inner in list(Path(workshop, "archive").rglob("*.zip")):
                zipfile.ZipFile(inner).extractall(inner.parent)
            unpacked = Path(workshop, "unpacked")
            unpacked.mkdir()
            for path in list(Path(workshop, "archive").rglob("[abAB]_*.txt")):
                path.rename(unpacked / path.name)
            if missing := gfe.index(unpacked).attrs["report"]["missing"]:
                raise ValueError(f"The archive lacks {', '.join(missing)}.")
            unpacked.rename(folder)
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise OSError(
            f"Could not download the Grammatical Facial Expressions from {url} to "
            f"{folder}: {error}\nBy hand: fetch that archive (or go to "
            f"{gfe_files.SOURCE}), unpack it, and name its folder with --data-dir."
        ) from error
    return folder
