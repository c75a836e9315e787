"""GFE's text files: what is read is what a plain reading of the text says."""

from fuzzing import attempt, folder
from hypothesis import given
from hypothesis import strategies as st

from datasets import gfe
from zoo.inputs.gfe_files import EXPRESSIONS, HEADER, SIGNERS


def joined(rows, end, encoding):
    return end.join(" ".join(row) for row in rows).encode(encoding)


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
            points = joined([list(HEADER), *rows], end, encoding)
            (here / (name % "datapoints")).write_bytes(points)
            targets = joined([[str(x)] for x in labels], end, encoding)
            (here / (name % "targets")).write_bytes(targets)
        index, told = attempt(gfe.index, here)
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
