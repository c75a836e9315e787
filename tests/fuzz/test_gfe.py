"""GFE's text files: what is read is what a plain reading of the text says."""

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


@given(anything())
def test_anything(data):
    with folder() as here:
        path = here / "a_topics_datapoints.txt"
        path.write_bytes(data)
        assert attempt("GFE points", gfe_files.read_points, path)[0] is None


@given(edits(), ENDINGS, CODES, damage())
def test_points_damaged(changes, end, encoding, more):
    """Whatever is read is finite, and as many frames as lines."""
    data = joined(edited(table(), changes), " ", end, encoding)
    with folder() as here:
        path = here / "a_topics_datapoints.txt"
        path.write_bytes(damaged(data, more))
        found, _ = attempt("GFE points", gfe_files.read_points, path)
        if found:
            assert np.isfinite(found.points).all()
            assert len(found.points) == len(path.read_text().splitlines()) - 1


@given(st.lists(st.sampled_from("01"), max_size=9), edits(), ENDINGS, CODES)
def test_targets_edited(labels, changes, end, encoding):
    data = joined(edited([[x] for x in labels], changes), " ", end, encoding)
    with folder() as here:
        path = here / "a_topics_targets.txt"
        path.write_bytes(data)
        found, _ = attempt("GFE targets", gfe_files.read_targets, path)
    if found is not None:
        words = data.decode("utf-8-sig").split()
        assert found.tolist() == [int(word) for word in words]


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
