"""What made a run or a comparison: commands and commits, without anybody's places."""

import shlex
import time
from dataclasses import dataclass

from experiments import run_folder
from experiments.compare.words import is_place, last, printable

# Where a run lies, and who helped to compute it, decide nothing. Options may be given
# by their beginnings; those that could begin another one are taken for these.
DROPPED = ("--out", "--data-dir", "--dask", "--storage")


def command(record):
    """The command of a run without places on its maker's disk."""
    try:
        return without_places(shlex.split(str(record.config.get("command", ""))))
    except ValueError:
        return "not readable"


def without_places(words):
    """A command line, given as words, that can be published."""
    kept, skip = [], False
    for word in words:
        option, equals, value = word.partition("=")
        if skip and not word.startswith("--"):
            skip = False
            continue
        dropped = _is_dropped(option)
        skip = dropped and not equals
        if dropped:
            continue
        if equals and option.startswith("--"):
            kept.append(f"{option}={_public(value)}")
        else:
            kept.append(_public(word))
    return shlex.join(kept)


def _is_dropped(option):
    begins = len(option) > 2 and option != "--data"
    return begins and any(name.startswith(option) for name in DROPPED)


def _public(word):
    told = last(word)
    return f".../{told}" if is_place(word) and "://" not in word else told


@dataclass(frozen=True)
class Made:
    """What made a comparison.

    Attributes:
        date: when.
        command: by which command, without places.
        commit: of the checkout, see `commit`.
    """

    date: str
    command: str
    commit: str

    @classmethod
    def now(cls, words):
        """Of this moment and checkout; `words` are those of the command line."""
        told = short_commit(run_folder.commit())
        return cls(time.strftime("%Y-%m-%d"), without_places(words), told)


def commit(record):
    """The commit that a run was made with, short, and whether it was changed."""
    return short_commit(record.config.get("commit"))


def short_commit(full):
    if not full:
        return "unknown"
    full = printable(str(full))
    return full[:12] + (", with changes" if full.endswith("+") else "")
