"""Points from other programs' files, and tracks of our own."""

import csv
import io
import math
import os
import struct
import zipfile

import numpy as np
from fuzzing import (
    ENCODINGS,
    anything,
    attempt,
    damage,
    damaged,
    edited,
    edits,
    folder,
    joined,
)
from hypothesis import given
from hypothesis import strategies as st

from zoo.inputs import landmark_files
from zoo.inputs.landmark_track import LandmarkTrack

NAMES = [f"{axis}_{i}" for axis in "xy" for i in range(68)]


def face(move=0.0):
    """A face's points (68, 2), in pixels."""
    random = np.random.default_rng(0).uniform(0, 90, (68, 2))
    random[36:42] = [[100 + i, 100 - i % 3] for i in range(6)]
    random[42:48] = [[160 + i, 100 - i % 3] for i in range(6)]
    return (random + move).round(1)


def openface(moves):
    head = ["frame", " face_id", " timestamp", " success", *(f" {n}" for n in NAMES)]
    rows = [
        [str(1 + n), "0", f"{n / 25:.3f}", "1", *map(str, face(move).T.ravel())]
        for n, move in enumerate(moves)
    ]
    return [head, *rows]


def pyfeat(moves):
    rows = [
        [*map(str, face(m).T.ravel()), str(n), "a.mp4"] for n, m in enumerate(moves)
    ]
    return [[*NAMES, "frame", "input"], *rows]


def number(text):
    try:
        value = float(text.strip())
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def plain(data):
    """What stands under `x_0` to `y_67`, a line each, or None where that is unclear."""
    text = data.decode("utf-8-sig")
    head, *rows = [r for r in csv.reader(io.StringIO(text, newline="")) if r] or [[]]
    names = [name.strip() for name in head]
    lines = []
    for row in rows:
        cells = dict(zip(names, row, strict=False))
        lines.append([number(cells.get(name, "")) for name in NAMES])
    return np.array(lines)


def check_table(data):
    with folder() as here:
        path = here / "a.csv"
        path.write_bytes(data)
        track, _ = attempt("OpenFace, py-feat", landmark_files.read, path)
    if track is None:
        return None
    found = track.points[0][track.found]
    assert np.isfinite(found).all() and np.isfinite(track.boxes[track.found]).all()
    lines = plain(data)
    for points in found:  # each is a line of the text, as it stands there
        assert np.isclose(lines, points.T.ravel(), rtol=1e-5).all(axis=1).any()
    return track


@given(anything())
def test_tables_of_anything(data):
    assert check_table(data) is None


@given(
    st.sampled_from([openface, pyfeat]),
    edits(most=3),
    st.sampled_from(["\n", "\n", "\r\n", "\r"]),
    st.sampled_from(ENCODINGS),
    st.sampled_from([",", ",", ", ", ";", "\t"]),
)
def test_tables_edited(program, changes, end, encoding, separator):
    data = joined(edited(program([0, 1, 2, 3]), changes), separator, end, encoding)
    check_table(data)


@given(st.sampled_from([openface, pyfeat]), damage())
def test_tables_damaged(program, changes):
    data = damaged(joined(program([0, 1, 2]), ",", "\n", "utf-8"), changes)
    with folder() as here:
        path = here / "a.csv"
        path.write_bytes(data)
        track, _ = attempt("OpenFace, py-feat", landmark_files.read, path)
    if track is not None:
        assert np.isfinite(track.landmarks()).all()


@given(st.permutations(range(6)), st.permutations(range(140)), st.data())
def test_lines_and_columns_in_any_order(lines, columns, data):
    """Frames have numbers and columns names: where they stand is of no meaning."""
    table = openface([2 * n for n in range(6)])
    shuffled = [table[0], *(table[1 + n] for n in lines)]
    shuffled = [[row[c] for c in columns] for row in shuffled]
    kept = data.draw(st.lists(st.booleans(), min_size=6, max_size=6))
    kept[:2] = True, True  # or only every other frame seems to have been analysed
    shuffled = [shuffled[0]] + [
        row for row, n in zip(shuffled[1:], lines, strict=True) if kept[n]
    ]
    track = check_table(joined(shuffled, ",", "\n", "utf-8"))
    for n, points in enumerate(track.points[0]):
        expected = face(2 * n) if kept[n] else np.full((68, 2), np.nan)
        np.testing.assert_allclose(points, expected, rtol=1e-6)


# MediaPipe's arrays, and our own tracks


def mesh(frames=3):
    values = np.random.default_rng(0).uniform(0.2, 0.8, (frames, 478, 3))
    return values.astype(np.float32)


def saved(array, ending):
    buffer = io.BytesIO()
    (np.save if ending == ".npy" else np.savez_compressed)(buffer, array)
    return buffer.getvalue()


def own(copies=2, frames=4):
    points = np.stack([face(n) for n in range(frames)])
    boxes = landmark_files.box_of(points)
    points[1], boxes[1] = np.nan, np.nan
    points = np.repeat(points[None], 1 + copies, axis=0)
    margins = np.arange(4 * (1 + copies)).reshape(-1, 4)
    margins[0] = 0
    times = np.arange(frames) / 25
    return LandmarkTrack(points, boxes, times, margins, (640, 480), "a.mp4")


def check_arrays(sandbox, data, ending):
    with folder() as here:
        path = here / f"a{ending}"
        path.write_bytes(data)
        return sandbox("MediaPipe, own tracks", "points", path)[0]


VALID = {
    ".npy": saved(mesh(), ".npy"),
    ".npz": saved(mesh(), ".npz"),
}
ENDING = st.sampled_from(sorted(VALID))


@given(anything(), ENDING)
def test_arrays_of_anything(sandbox, data, ending):
    magic = b"\x93NUMPY\x01\x00" if ending == ".npy" else b"PK\x03\x04"
    assert check_arrays(sandbox, data, ending) is None
    assert check_arrays(sandbox, magic + data, ending) is None


@given(damage(), ENDING)
def test_arrays_damaged(sandbox, changes, ending):
    check_arrays(sandbox, damaged(VALID[ending], changes), ending)


@given(damage(most=2), st.sampled_from(range(8)))
def test_headers_damaged(sandbox, changes, _):
    """The first bytes say what kind of numbers there are, and how many."""
    data = VALID[".npy"]
    check_arrays(sandbox, damaged(data[:128], changes) + data[128:], ".npy")


@given(
    st.sampled_from(["(3, 478, 3)"]),
    st.sampled_from(
        ["(3, 478, 300000000)", "(99999999999, 478, 3)", "(-3, 478, 3)", "(3,478)",
         "(3, 478, 3, 1)", "(0, 478, 3)", "(3.0, 478, 3)", "()", "(True, 478, 3)"]
    ),
    st.sampled_from(["<f4", "|O", "<c8", "<U9", "|b1", "<M8", "|S4", "<f2", ">f4"]),
)  # fmt: skip
def test_headers_that_lie(sandbox, shape, other, kind):
    data = VALID[".npy"]
    old = data[10:128].decode()
    new = old.replace(shape, other).replace("<f4", kind).rstrip()
    head = new.ljust(127 - 10)[: 127 - 10] + "\n"
    check_arrays(sandbox, data[:10] + head.encode() + data[128:], ".npy")


def test_an_archive_that_unpacks_to_all_memory(sandbox):
    data = bytearray(saved(mesh(), ".npz"))
    size = 128 + mesh().nbytes
    at = data.rindex(struct.pack("<I", size))
    data[at : at + 4] = struct.pack("<I", 3 * 2**30)
    assert check_arrays(sandbox, bytes(data), ".npz") is None


@given(damage(), st.booleans())
def test_own_tracks_damaged(changes, inside):
    with folder() as here:
        path = here / "a.npz"
        own().save(path)
        data = path.read_bytes()
        if inside:  # a member, in an archive that is whole
            with zipfile.ZipFile(io.BytesIO(data)) as old:
                files = {name: old.read(name) for name in old.namelist()}
            name = sorted(files)[changes[0][1] % len(files)]
            files[name] = damaged(files[name], changes)
            with zipfile.ZipFile(path, "w") as new:
                for name, content in files.items():
                    new.writestr(name, content)
        else:
            path.write_bytes(damaged(data, changes))
        track, _ = attempt("MediaPipe, own tracks", landmark_files.read, path)
    if track is not None and track.found.any():
        try:
            assert np.isfinite(track.landmarks()).all()
        except ValueError as error:
            assert "greater than 0" in str(error)


def test_odd_places():
    with folder() as here:
        for ending in (".csv", ".npy", ".npz"):
            (here / f"folder{ending}").mkdir()
            os.mkfifo(here / f"pipe{ending}")
            for name in ("folder", "pipe", "absent\n'", "long" * 99, "zero\0"):
                path = here / f"{name}{ending}"
                quoted = [str(path), repr(str(path)), ascii(str(path))]
                for read in (landmark_files.read, LandmarkTrack.load):
                    reader = "MediaPipe, own tracks"
                    assert attempt(reader, read, path, names=quoted)[1]
