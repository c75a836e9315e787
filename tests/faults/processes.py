"""Processes that a killed study has left."""

import pathlib
import time

# A variable that a study's processes inherit, wherever they are put.
MARK = "DUCHENNE_KILLED"


def alive(mark):
    """Ids and command lines of the processes that carry a mark, zombies aside."""
    found = {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(process.name)] = command.decode(errors="replace")
        except OSError:  # ended, or another user's
            continue
    return found


def gone(mark, seconds):
    """Waits until no process carries a mark; returns how long that took.

    Raises:
        AssertionError: some are still there after so many seconds.
    """
    begun = time.monotonic()
    while left := alive(mark):
        if time.monotonic() - begun > seconds:
            raise AssertionError(f"still there after {seconds} s: {left}")
        time.sleep(0.05)
    return time.monotonic() - begun
