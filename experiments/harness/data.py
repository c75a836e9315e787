"""Find the data of a study."""

import os
import pathlib
from collections.abc import Callable

from datasets import sample


def find_data(
    name: str,
    data: str | None,
    data_dir: pathlib.Path | None,
    download: Callable | None = None,
) -> tuple[pathlib.Path, str]:
    """Find a study's data, or its sample; open data are downloaded where absent.

    Args:
        name: of the dataset's folder.
        data: "real", "sample", or `None` for real data where there are any.
        data_dir: the folder that the user named, or `None`.
        download: function from a folder to the data in it, where they are open.

    Returns:
        `(folder, note)`: with "sample" for lack of real data, a note for the user.

    Raises:
        ValueError: both the sample and a folder were asked for, or a sample that there
            is not.
        FileNotFoundError: the folder does not exist, or real data were asked for and
            there are none.
        OSError: the sample could not be written.
    """
    if data == "sample" and name not in sample.NAMES:
        raise ValueError(f"Expected real data: there is no sample of {name}.")
    if data == "sample":
        if data_dir is not None:
            raise ValueError("Expected --data sample or --data-dir. Received: both.")
        return sample.path(name), ""
    if data_dir is not None:
        data_dir = pathlib.Path(data_dir).expanduser().resolve()
        if not data_dir.is_dir():
            raise FileNotFoundError(f"--data-dir: there is no folder {data_dir}.")
        return (data_dir / name if (data_dir / name).is_dir() else data_dir), ""
    folders = [os.environ.get("DUCHENNE_DATA"), "~/.cache/duchenne"]
    tried = [pathlib.Path(p).expanduser().resolve() / name for p in folders if p]
    for folder in tried:
        if folder.is_dir():
            return folder, ""
    note = f"There are no real data in {' or '.join(map(str, tried))}."
    if download is not None:
        try:
            print(f"Downloading the data to {tried[0]}", flush=True)
            return download(tried[0]), ""
        except OSError as error:
            note += f" {error}"
    note += " Name their folder with --data-dir."
    if name not in sample.NAMES:
        raise FileNotFoundError(note)
    if data == "real":
        raise FileNotFoundError(f"{note} Or run on the sample with --data sample.")
    return sample.path(name), note
