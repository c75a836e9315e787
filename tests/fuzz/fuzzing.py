"""What the fuzz tests share: clean errors, mutations, a process that may die.

A reader is given a file. It has to give a result, or an error of a few kinds whose
message names the file; it must not hang, crash or fail otherwise. What could crash the
interpreter or take all memory runs in a process of its own (`Sandbox`).
"""

import itertools
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from hypothesis import strategies as st

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SECONDS = 120  # after which a reader counts as hung; the machine may be busy
COUNTS = Counter()  # (reader, outcome) -> inputs
LONGEST = 2000  # characters of a clean message


class Hang(BaseException):
    """Not an Exception, so that no reader takes it for a damaged file."""


@contextmanager
def alarm(seconds=SECONDS):
    def ring(*_):
        raise Hang(f"no result after {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def check_clean(kind, message, names):
    """The kind of an error, by its name, and its message are fit for a user."""
    assert kind in {
        *("ValueError", "NoFace", "OSError", "FileNotFoundError", "FileExistsError"),
        *("IsADirectoryError", "NotADirectoryError", "PermissionError"),
    }, f"{kind}: {message}"
    assert len(message) < LONGEST, f"a message of {len(message)}: {message[:300]}"
    assert any(name in message for name in names), f"names no file: {message}"
    message.encode("utf-8", "backslashreplace")


def attempt(reader, call, path, *more, names=None):
    """Calls a reader.

    Args:
        reader: what it is counted as.
        call: the function.
        path: its first argument; an error has to name it, or one of `names`.

    Returns:
        The result, or None, and the error's message, or None.
    """
    with alarm():
        try:
            result = call(path, *more)
        except (ValueError, OSError) as error:
            told = names or [str(path), repr(str(path))]
            check_clean(type(error).__name__, str(error), told)
            COUNTS[reader, "refused"] += 1
            return None, str(error)
    COUNTS[reader, "read"] += 1
    return result, None


_NUMBERS = itertools.count()


@contextmanager
def folder():
    """An empty folder of a name never used before, so that no cache knows it."""
    with tempfile.TemporaryDirectory(prefix=f"fuzz{next(_NUMBERS)}-") as name:
        yield Path(name)


# A process that may die


class Sandbox:
    """Calls readers in another process; its death or silence is a failed test."""

    def __init__(self):
        self.process = None

    def __call__(self, reader, call, path, **options):
        """As `attempt`, with `call` one of the names in `sandbox.py`.

        Returns:
            What the function there makes of the result, or None, and the error's
            message, or None.
        """
        if self.process is None:
            self.start()
        told = json.dumps([call, os.fsencode(path).decode("latin-1"), options])
        self.process.stdin.write(told.encode() + b"\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], SECONDS)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            status = self.stop()
            what = f"died ({status})" if ready else f"hung for {SECONDS} s"
            raise AssertionError(f"{call} {what} on {path}")
        result, kind, message = json.loads(line)
        if kind is not None:
            check_clean(kind, message, [str(path), repr(str(path)), ascii(str(path))])
        COUNTS[reader, "read" if kind is None else "refused"] += 1
        return result, message

    def start(self):
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            [sys.executable, HERE / "sandbox.py"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def stop(self):
        if self.process is None:
            return None
        self.process.kill() if self.process.poll() is None else None
        status = self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process = None
        return status


# Places

ODD_NAMES = st.binary(min_size=1, max_size=40).map(
    lambda data: os.fsdecode(data.replace(b"/", b"").replace(b"\0", b"") or b"x")
).filter(lambda name: name not in (".", "..")) | st.sampled_from(
    ["N2A\n.mp4", "1.bmp", "1\n.bmp", "1.bmp\udcff", "happy", "IR", ".jpg", "N2A",
     "'N2A'.mp4", '"N2A".mp4', "N2A.mp4\udcff", ".N2A.mp4", "N2A.mp4.part", "-rf.mp4",
     "labels.csv", "a.csv", "a.npz", "x" * 250, "9" * 250]
)  # fmt: skip


def deepen(place):
    """Makes folders `d` below one, more than Python's recursion and a path allow."""
    before = os.getcwd()
    try:
        os.chdir(place)
        for name in [*("d" * 1050), *["d" * 200] * 20]:
            os.mkdir(name)
            os.chdir(name)
    finally:
        os.chdir(before)


def put(path, kind, around):
    """Makes a file, or something else of that name."""
    if kind == "file":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to({"loop": path, "up": around, "gone": path / "gone"}[kind])


KINDS = st.sampled_from(["file", "folder", "pipe", "loop", "up", "gone"])


# Mutations

# What stands in a cell and is not what it should be, or only looks so.
ODD = (
    *("", " ", "\t", "nan", "NaN", "-nan", "NAN", "inf", "-inf", "Infinity", "1e999"),
    *("-0", "0", "0.0", "1", "1.0", "2", "-1", "1e", "1e5", "1E+2", ".5", "5.", "."),
    *("1e-400", "0x10", "1_0", "1,5", "1;5", "--1", "+-1", "+1", "1.2.3", "1e5e5"),
    *("\uff11", "\u0661\u0662", "\u00b2", "\u2212" + "1", "1\u00a0", "\u200b1"),
    *("1\0", "\0", "1\x002", "1\r2", "1\n2", "1\r\n", "\x0b", "\x0c", "\x1c", "\x85"),
    *("\u2028", "\ufeff", '"', '""', '"1', '1"', '"1"', '"1\n2"', "'1'", "\\", "#1"),
    *("NULL", "None", "N/A", "NA", "True", "False", "true", "yes", "genuine", "fake"),
    *("posed", "real", "9" * 400, "1" * 5000, "x" * 70000, "\u00e9", "\U0001f642"),
    *("3.5e38", "1e39", "1e300", "=1+1", "../../x", "2020-01-01", "%s", "{}"),
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252")
ENDS = ("\n", "\r\n", "\r", "\n\n", "\n\r", "\x0b", "\u2028")
PLACE = st.integers(0, 10**6)  # taken modulo what there is


def cells():
    return st.sampled_from(ODD) | st.text(max_size=8) | st.floats().map(repr)


@st.composite
def edits(draw, most=4):
    """A few edits of a table, to be carried out by `edited`."""
    kinds = [
        *("cell", "cell", "cell", "swap lines", "swap columns", "swap cells"),
        *("double line", "drop line", "drop cell", "add cell", "insert line"),
        *("drop column", "double column", "name", "blank"),
    ]
    one = st.tuples(st.sampled_from(kinds), PLACE, PLACE, PLACE, cells())
    return draw(st.lists(one, max_size=most))


def edited(table, changes):
    """A table (list of lists of text) with `edits` carried out, as a copy."""
    table = [list(row) for row in table]
    for kind, a, b, c, text in changes:
        if not table:
            table = [[]]
        a, b = a % len(table), b % len(table)
        row = table[a]
        at = c % max(1, len(row))
        if kind == "cell" and row:
            row[at] = text
        elif kind == "name" and table[0]:
            table[0][c % len(table[0])] = text
        elif kind == "swap lines":
            table[a], table[b] = table[b], table[a]
        elif kind == "swap cells" and row and table[b]:
            other = c // 7 % len(table[b])
            row[at], table[b][other] = table[b][other], row[at]
        elif kind == "double line":
            table.insert(b, list(row))
        elif kind == "drop line":
            del table[a]
        elif kind == "insert line":
            table.insert(a, [text])
        elif kind == "blank":
            table.insert(a, [])
        elif kind == "drop cell" and row:
            del row[at]
        elif kind == "add cell":
            row.insert(at, text)
        elif kind.endswith("column"):
            for line in table:
                if at < len(line):
                    cell = line.pop(at)
                    if kind == "double column":
                        line[at:at] = [cell, cell]
                    elif kind == "swap columns":
                        line.insert((at + 1 + b) % (len(line) + 1), cell)
    return table


def joined(table, separator, end, encoding):
    """A table as the bytes of a file."""
    text = end.join(separator.join(row) for row in table)
    return text.encode(encoding, "replace")


@st.composite
def damage(draw, most=4):
    """A few changes of bytes, to be carried out by `damaged`."""
    kinds = ["flip", "set", "cut", "drop", "insert", "double", "number", "swap"]
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
        elif kind == "swap":
            other = b % max(1, len(data))
            part = data[at : at + 8]
            data[at : at + 8] = data[other : other + 8]
            data[other : other + 8] = part
    return bytes(data)


def anything():
    """Bytes that are no file of any kind, and text that is none."""
    return st.binary(max_size=400) | st.text(max_size=200).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    )
