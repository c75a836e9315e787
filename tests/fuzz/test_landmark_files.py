"""Points from OpenFace: frames have numbers and columns names."""

import numpy as np
from fuzzing import folder
from hypothesis import given
from hypothesis import strategies as st

from zoo.inputs import landmark_files

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
    with folder() as here:
        path = here / "a.csv"
        path.write_text("\n".join(",".join(row) for row in shuffled))
        track = landmark_files.read(path)
    for n, points in enumerate(track.points[0]):
        expected = face(2 * n) if kept[n] else np.full((68, 2), np.nan)
        np.testing.assert_allclose(points, expected, rtol=1e-6)
