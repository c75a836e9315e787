"""Many picture files at once, read as predictions read them."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from zoo.inputs.pictures import read

_BAR_FROM = 300  # files; fewer take no time to speak of
_THREADS = min(32, (os.cpu_count() or 1) + 4)


def readable(paths: list[str]) -> set[str]:
    """Return those of the files that `read` can read."""

    def is_good(path):
        try:
            read(path)
        except (ValueError, OSError):
            return False
        return True

    good = threaded(is_good, paths, "checking pictures")
    return {path for path, yes in zip(paths, good, strict=True) if yes}


def threaded(work: Callable, items: list, what: str) -> Iterable:
    """Map in threads, for work that waits for the disk or leaves Python.

    Where there is much to do, a bar on stderr shows `what` is done.
    """
    from tqdm import tqdm

    # None: no bar where stderr is not a terminal.
    disable = True if len(items) < _BAR_FROM else None
    with ThreadPoolExecutor(_THREADS) as pool:
        results = pool.map(work, items)
        yield from tqdm(results, what, len(items), unit="file", disable=disable)
