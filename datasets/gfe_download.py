"""Fetches Grammatical Facial Expressions from UCI: complete or not at all.

UCI dataset 317, CC BY 4.0, 18 pairs of text files in a zip. The archive could not be
reached from where this was written. It is taken as it comes, with the files at the top,
in folders, or in one zip within the zip, and has to hold every one of them.
"""

import http.client
import lzma
import os
import re
import shutil
import struct
import tempfile
import urllib.request
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from datasets import gfe
from zoo.inputs import gfe_files, plain_files

URL = "https://archive.ics.uci.edu/static/public/317/grammatical+facial+expressions.zip"

_TIMEOUT = 30  # seconds without a byte
_LIMIT = 2**30  # bytes; the archive unpacks to some 60 MB
_CHUNK = 2**16
# All that `zipfile` raises on an archive that is damaged.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,  # encrypted; or, as NotImplementedError, an unknown compression
    struct.error,
    OverflowError,
    IndexError,
)


def download(folder: str | os.PathLike, url: str = URL) -> Path:
    """Downloads the dataset, checks it whole, and only then puts it in its place.

    Everything happens in a hidden folder beside `folder`, which is deleted whatever
    comes; a killed process may leave one (`.NAME-*`), which may be deleted. Where
    another process was faster, what that one put there is kept and checked.

    Args:
        folder: Where to; must not exist.
        url: Address of the archive, http or https.

    Returns:
        The folder, with the 36 files in it.

    Raises:
        FileExistsError: The folder exists already.
        OSError: The archive could not be fetched, is damaged or not as expected, or
            the folder cannot be written. The message says how to do it by hand.
    """
    folder = Path(os.path.abspath(os.path.expanduser(folder)))
    if os.path.lexists(folder):
        raise FileExistsError(
            f"{folder} exists already, and nothing is overwritten. Delete it, or "
            "download to another place."
        )
    try:
        _download(folder, url)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise OSError(
            f"Could not download the Grammatical Facial Expressions from {url} to "
            f"{folder}: {str(error) or repr(error)}\nBy hand: fetch that archive with "
            f"a browser (or from {gfe_files.SOURCE}), unpack it into a folder, and "
            "name the folder with --data-dir."
        ) from error
    return folder


def _download(folder: Path, url: str) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder.parent) as workshop:
        workshop = Path(workshop)
        fetched = workshop / "archive.zip"
        _fetch(url, fetched)
        unpacked = workshop / "unpacked"
        unpacked.mkdir()
        try:
            _unpack(fetched, unpacked)
        except _DAMAGED as error:
            raise ValueError(
                f"the archive is damaged or no zip ({plain_files.short(error)})."
            ) from error
        _check(unpacked)
        try:
            unpacked.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
            _check(folder)  # another process was faster


def _check(folder: Path) -> None:
    missing = gfe.index(folder).attrs["report"]["missing"]
    if missing:
        raise ValueError(f"the archive lacks the recordings {', '.join(missing)}.")


def _fetch(url: str, target: Path) -> None:
    from tqdm import tqdm

    if not url.lower().startswith(("http://", "https://")):
        raise ValueError("expected an address that begins with http:// or https://.")
    request = urllib.request.Request(url, headers={"User-Agent": "duchenne"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        size, received = response.length, 0
        _refuse_above_limit(size or 0)
        with (
            open(target, "wb") as file,
            tqdm(
                desc=target.name, total=size, unit="B", unit_scale=True, disable=None
            ) as bar,
        ):
            while chunk := response.read(_CHUNK):
                received += len(chunk)
                _refuse_above_limit(received)
                file.write(chunk)
                bar.update(len(chunk))
    if size is not None and received != size:
        raise ValueError(
            f"the connection ended after {received} of {size} bytes. Try again."
        )


def _refuse_above_limit(size: int) -> None:
    if size > _LIMIT:
        raise ValueError(
            f"it has {size} bytes or more; expected less than {_LIMIT}, some 60 MB."
        )


def _unpack(archive: Path, folder: Path, nested: bool = False) -> None:
    """Writes the dataset's files, and no others, flat into the folder."""
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            _refuse_to_climb(name)
        members = [member for member in opened.infolist() if not member.is_dir()]
        wanted = {}
        for member in members:
            name = PurePosixPath(member.filename).name
            if gfe_files.identify(name) and wanted.setdefault(name, member) != member:
                raise ValueError(f"the archive holds {name} twice.")
        inner = [m for m in members if m.filename.lower().endswith(".zip")]
        if wanted:
            _write(opened, wanted, folder)
        elif len(inner) == 1 and not nested:
            within = archive.with_name("inner.zip")
            _write(opened, {within.name: inner[0]}, within.parent)
            _unpack(within, folder, nested=True)
        else:
            raise ValueError(
                "the archive holds none of the expected files, X_datapoints.txt and "
                f"X_targets.txt, but {len(members)} others: "
                f"{plain_files.short(', '.join(m.filename for m in members[:3]))}."
            )


def _write(opened: zipfile.ZipFile, members: dict, folder: Path) -> None:
    _refuse_above_limit(sum(member.file_size for member in members.values()))
    for name, member in members.items():
        # Reading to the end is what checks a member's CRC.
        with opened.open(member) as source, open(folder / name, "wb") as target:
            shutil.copyfileobj(source, target)


def _refuse_to_climb(name: str) -> None:
    parts = re.split(r"[/\\]", name)
    if ".." in parts or not parts[0] or re.match("[A-Za-z]:", name):
        raise ValueError(
            f"the archive holds {plain_files.short(repr(name))}, a path that leads out "
            "of its folder; nothing of it is used."
        )
