"""GFE's text files: what is read is what a plain reading of the text says."""

import math
import os

import numpy as np
from fuzzing import (
    ENCODINGS,
    ENDS,
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

from datasets import gfe
from zoo.inputs import gfe_files
from zoo.inputs.gfe_files import EXPRESSIONS, HEADER, SIGNERS

ENDINGS = st.sampled_from(ENDS)
CODES = st.sampled_from(("utf-8",) * 4 + ENCODINGS)


def table(frames=3):
    values = np.random.default_rng(0).uniform(1, 900, (frames, 300)).round(3)
    values[0, 2::9] = 0
    rows = [[f"5.{n}", *map(repr, row)] for n, row in enumerate(values.tolist())]
    return [list(HEADER), *rows]


VALID = joined(table(), " ", "\n", "utf-8")


def lines(data):
    """The lines of a file, or None where it is not as expected."""
    try:
        text = data.decode("utf-8-sig").rstrip()
    except UnicodeDecodeError:
        return None
    return text.split("\n") if text else None


def number(text):
    try:
        value = float(text)
    except ValueError:
        return None
    fits = math.isnan(value) or abs(value) <= np.finfo("f4").max
    return value if fits and "_" not in text else None


def plain_points(data):
    """float64 (frames, 300), NaN where missing; None where not as expected."""
    header, *frames = lines(data) or [""]
    if header.split() != list(HEADER) or not frames:
        return None
    rows = []
    for frame in frames:
        # The time stamp is not read, and may be absent.
        spaced = frame.count(" ") == 300 and frame[:1].isspace()
        _, *fields = (frame.split(" ") if spaced else frame.split()) or [""]
        row = [number(field) for field in fields]
        if len(row) != 300 or None in row:
            return None
        rows.append(row)
    values = np.array(rows)
    values[values == 0] = np.nan
    return None if np.isnan(values).all(axis=0).any() else values


def check_points(data):
    with folder() as here:
        path = here / "a_topics_datapoints.txt"
        path.write_bytes(data)
        found, _ = attempt("GFE points", gfe_files.read_points, path)
    expected = plain_points(data)
    assert (found is None) == (expected is None)
    if found is None:
        return
    points = found.points.reshape(len(expected), 300)
    assert np.isfinite(points).all()
    there = np.isfinite(expected)
    np.testing.assert_allclose(points[there], expected[there], 1e-6, 1e-37)
    assert found.missing["depths"] + found.missing["xy"] == (~there).sum()
    low, high = np.nanmin(expected, axis=0), np.nanmax(expected, axis=0)
    room = 1e-6 * np.maximum(abs(low), abs(high))
    assert ((low - room <= points) & (points <= high + room)).all()  # bridged


@given(anything())
def test_points_of_anything(data):
    check_points(data)


@given(edits(), ENDINGS, CODES)
def test_points_edited(changes, end, encoding):
    check_points(joined(edited(table(), changes), " ", end, encoding))


@given(damage())
def test_points_damaged(changes):
    check_points(damaged(VALID, changes))


def check_targets(data):
    with folder() as here:
        path = here / "a_topics_targets.txt"
        path.write_bytes(data)
        found, _ = attempt("GFE targets", gfe_files.read_targets, path)
    expected = [line.strip() for line in lines(data) or ["none"]]
    if set(expected) <= {"0", "1"}:
        assert found.tolist() == [int(label) for label in expected]
    else:
        assert found is None


@given(anything() | st.text("01\n\r \t\x0c２", max_size=40).map(str.encode))
def test_targets_of_anything(data):
    check_targets(data)


@given(st.lists(st.sampled_from("01"), max_size=9), edits(), ENDINGS, CODES)
def test_targets_edited(labels, changes, end, encoding):
    check_targets(joined(edited([[x] for x in labels], changes), " ", end, encoding))


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(SIGNERS), st.sampled_from(EXPRESSIONS)),
        st.lists(st.integers(0, 1), min_size=1, max_size=5),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_labels_are_those_that_were_written(recordings, upper, end, mark):
    """Every frame has its own label and its own points, whatever files are called."""
    encoding = "utf-8-sig" if mark else "utf-8"
    with folder() as here:
        for (signer, expression), labels in recordings.items():
            own = 1 + SIGNERS.index(signer) + 2 * EXPRESSIONS.index(expression)
            rows = [[f"1.{n}", *[str(100 * own + n)] * 300] for n in range(len(labels))]
            name = f"{signer}_{expression}_%s.txt"
            name = name.upper().replace("%S", "%s") if upper else name
            points = joined([list(HEADER), *rows], " ", end, encoding)
            (here / (name % "datapoints")).write_bytes(points)
            targets = joined([[str(x)] for x in labels], " ", end, encoding)
            (here / (name % "targets")).write_bytes(targets)
        index, told = attempt("GFE folders", gfe.index, here)
        assert told is None
        found = list(
            zip(
                *(index[c] for c in ("signer", "expression", "label")),
                gfe.points(index)[:, 0, 0].tolist(),
                strict=True,
            )
        )
    expected = [
        (s, e, label, 100 * (1 + SIGNERS.index(s) + 2 * EXPRESSIONS.index(e)) + n)
        for e in EXPRESSIONS
        for s in SIGNERS
        for n, label in enumerate(recordings.get((s, e), []))
    ]
    assert found == expected


def test_odd_places():
    """Folders and pipes named like files are no files, links are followed."""
    with folder() as here:
        (here / "a_topics_targets.txt").mkdir()
        os.mkfifo(here / "a_topics_datapoints.txt")
        _, told = attempt("GFE folders", gfe.index, here)
        assert told
        for name in ("a_topics_targets.txt", "a_topics_datapoints.txt"):
            for read in (gfe_files.read_targets, gfe_files.read_points):
                _, told = attempt("GFE folders", read, here / name)
                assert told
