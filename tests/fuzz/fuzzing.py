"""What the fuzz tests share: damage to files, folders of new names, clean errors."""

import itertools
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

from hypothesis import strategies as st

_NUMBERS = itertools.count()
PLACE = st.integers(0, 10**6)  # taken modulo what there is


def attempt(call, path, *more, names=None):
    """Call a reader, which has to give a result or an error that names the file.

    Args:
        call: the function.
        path: its first argument; an error has to name it, or one of `names`.

    Returns:
        The result, or None, and the error's message, or None.
    """
    try:
        return call(path, *more), None
    except (ValueError, OSError) as error:
        message = str(error)
        known = names or [str(path), repr(str(path)), ascii(str(path))]
        assert any(name in message for name in known), f"names no file: {message}"
        assert len(message) < 2000
        return None, message


@contextmanager
def folder():
    """An empty folder of a name never used before, so that no cache knows it."""
    with tempfile.TemporaryDirectory(prefix=f"fuzz{next(_NUMBERS)}-") as name:
        yield Path(name)


ODD_NAMES = st.binary(min_size=1, max_size=40).map(
    lambda data: os.fsdecode(data.replace(b"/", b"").replace(b"\0", b"") or b"x")
).filter(lambda name: name not in (".", "..")) | st.sampled_from(
    ["N2A\n.mp4", "1.bmp", "1\n.bmp", "1.bmp\udcff", "happy", ".jpg", "'N2A'.mp4",
     ".N2A.mp4", "N2A.mp4.part", "labels.csv", "a.npz", "x" * 250, "9" * 250]
)  # fmt: skip


@st.composite
def damage(draw, most=4):
    """A few changes of bytes, to be carried out by `damaged`."""
    kinds = ["flip", "set", "cut", "drop", "insert", "double", "number"]
    one = st.tuples(st.sampled_from(kinds), PLACE, PLACE, st.binary(max_size=9))
    return draw(st.lists(one, min_size=1, max_size=most))


def damaged(data, changes):
    """Bytes with `damage` done to them."""
    data = bytearray(data)
    for kind, a, b, some in changes:
        at = (a * 10**6 + b) % max(1, len(data))
        if kind == "flip" and data:
            data[at] ^= 1 << b % 8
        elif kind == "set":
            data[at : at + len(some)] = some
        elif kind == "number":  # lengths and sizes live in such places
            data[at : at + 4] = [b"\0" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f"][b % 3]
        elif kind == "cut":
            del data[at:]
        elif kind == "drop":
            del data[at : at + 1 + b % 64]
        elif kind == "insert":
            data[at:at] = some
        elif kind == "double":
            data[at:at] = data[at : at + 1 + b % 512]
    return bytes(data)


def anything():
    """Bytes that are no file of any kind, and text that is none."""
    return st.binary(max_size=400) | st.text(max_size=200).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    )
