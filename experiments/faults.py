"""Faults from outside: a full disk, data that vanish, a scheduler that says stop.

What a study cannot go on with is told in a sentence; see `common.main`.
"""

import contextlib
import errno
import os
import re
import signal
import sys
import threading
import time

from experiments.run_state import NotFinite

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What HDF5 and NumPy say of a full disk, without its number.
UNNUMBERED = re.compile(r"errno = (28|122|27)\b|\d+ requested and \d+ written")
# "<place>; <what the system said>" in the middle of a graph's error.
SYSTEM = re.compile(r"([^\n{}]+); ([A-Z][\w /]+)")
ROOM = re.compile("No space left|[Qq]uota exceeded|File too large")
UNREADABLE = re.compile(r"[^\n{}]*(decod|Input is empty|[Ii]nvalid (PNG|JPEG))[^\n]*")
GONE = (errno.ENOENT, errno.EACCES, errno.EIO, errno.ESTALE, errno.ENOTDIR)


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a study as Ctrl-C does."""


@contextlib.contextmanager
def termination():
    """Inside, SIGTERM raises `Terminated`."""

    def stop(number, frame):
        raise Terminated

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def end_with(study):
    """Ends this process, a worker, when its study has ended, killed as it may be.

    Args:
        study: process id of the study, which started this one.
    """

    def watch():
        while os.getppid() == study:
            time.sleep(0.5)
        os._exit(1)  # nobody waits for it any more

    if study != os.getpid():
        threading.Thread(target=watch, daemon=True).start()


def explained(error, folder):
    """Says what a fault from outside was and how to mend it.

    Args:
        error: what was raised.
        folder: where the run writes.

    Returns:
        A text, or `None` where it is no such fault.
    """
    if isinstance(error, NotFinite):
        return str(error)
    inner = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(inner, OSError) and full(inner):
        return no_space(inner, folder)
    if isinstance(inner, OSError):
        return vanished(inner) or str(error) or repr(error)
    if isinstance(error, MemoryError):
        return f"The memory does not suffice: {error or 'none is left'}."
    if type(error).__name__ in ("TerminatedWorkerError", "BrokenProcessPool"):
        return (
            "A process that did a part of the work was ended by the system: most often "
            "the memory did not suffice. Fewer at a time need less: --jobs."
        )
    return of_tensorflow(error, folder)


def full(error):
    return error.errno in FULL or bool(UNNUMBERED.search(str(error)))


def no_space(error, folder):
    limit = "File too large" in str(error)
    what = "A file grew beyond the limit set" if limit else "No space left on device"
    return (
        f"{what} while the run wrote to {folder} ({error}). Make room there, or choose "
        "another place with --out."
    )


def vanished(error):
    """Of a file that was there when the data were looked through."""
    if error.errno in GONE and error.filename and not error.filename2:
        return (
            f"{error.strerror}: {error.filename!r}. If it was there when the run "
            "began, bring it back."
        )
    return None


def of_tensorflow(error, folder):
    """What TensorFlow's own kinds of error say of files, memory and disk."""
    if "tensorflow" not in sys.modules:
        return None
    from tensorflow import errors

    if not isinstance(error, errors.OpError):
        return None
    text = str(error)
    if ROOM.search(text):
        return no_space(system(text), folder)
    if isinstance(error, errors.ResourceExhaustedError):
        return (
            "The memory does not suffice: lower --batch-size or --size. "
            f"{text.splitlines()[0]}"
        )
    if isinstance(error, errors.InvalidArgumentError) and UNREADABLE.search(text):
        return (
            "A picture that could be read when the run began no longer can: "
            f"{UNREADABLE.search(text)[0].strip()}. Bring the data back as they were."
        )
    kinds = errors.NotFoundError, errors.PermissionDeniedError, errors.DataLossError
    if isinstance(error, (*kinds, errors.UnavailableError)):
        told = system(text)
        return f"{told}. If it was there when the run began, bring it back."
    return None


def system(text):
    """The place and the system's words in a graph's error."""
    found = SYSTEM.search(text)
    if found is None:
        return text.strip().splitlines()[0]
    return f"{found[2].strip()}: {found[1].strip()!r}"
