"""The most memory that a process of `benchmarks.serving` has taken."""

import pathlib
import resource


def peak():
    """In bytes; since the process's own start, where the system tells that."""
    try:
        status = pathlib.Path("/proc/self/status").read_text()
    except OSError:
        # Counts what it was forked from as well, where it was forked.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
