"""Errors of a study: a sentence and an exit code."""

import atexit
import contextlib
import errno
import gc
import signal
import sys
import threading

from experiments.harness.parallel import WorkerLost

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class StudyError(Exception):
    """The data or the settings are at fault; the message says how to mend it."""


class Diverged(StudyError):
    """A training whose loss is not a number: `Diverged("in the first epoch")`."""

    def __str__(self):
        return f"The training diverged {self.args[0]}. Lower --learning-rate."


@contextlib.contextmanager
def user_errors():
    """Turn errors of these kinds into `StudyError`: they are about what a user gave."""
    try:
        yield
    except (ValueError, OSError, ImportError) as error:
        raise StudyError(str(error)) from error


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a study as Ctrl-C does."""


@contextlib.contextmanager
def exit_codes():
    """End the program with a sentence where the user can mend what went wrong.

    Errors of the system, such as a full disk, end the same way; Ctrl-C and
    SIGTERM end with 130 and 143, as in a shell.
    """

    def terminate(number, frame):
        raise Terminated

    before = signal.getsignal(signal.SIGTERM)
    is_main = threading.current_thread() is threading.main_thread()
    if is_main:
        signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    except (StudyError, OSError, MemoryError, WorkerLost) as error:
        text = str(error) or "the memory does not suffice"
        if getattr(error, "errno", None) in FULL:
            text += ". Make room, or choose another folder with --out."
        raise SystemExit(f"error: {text}") from error
    except KeyboardInterrupt as stop:
        print("\nStopped.", file=sys.stderr)
        # Or Python collects TensorFlow's objects first: half a minute under load.
        atexit.register(gc.freeze)
        raise SystemExit(143 if isinstance(stop, Terminated) else 130) from None
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)
