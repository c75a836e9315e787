"""SASE-FE: every video has the emotion and the label of its name."""

from fuzzing import attempt, folder
from hypothesis import given
from hypothesis import strategies as st

from datasets import sase_fe
from datasets.sase_fe_names import CODES

BLANKS = st.sampled_from(["", "", "", " ", "  ", "\t"])
CASES = st.sampled_from([str, str.lower, str.upper])
VIDEO_ENDINGS = st.sampled_from([".mp4", ".MP4", ".avi", ".Mov", ".npz", ".csv "])


@st.composite
def stray(draw, text):
    """The name in another case, with stray white space."""
    at = draw(st.integers(0, len(text)))
    return draw(CASES)(text[:at] + draw(BLANKS) + text[at:])


@st.composite
def people(draw):
    """Person -> code -> file name."""
    names = st.sampled_from(["1", "2", "10", "Anna", "Zoë", "N2A", "o'Neil", "3 b"])
    some = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    return {
        name: {
            code: draw(stray(code)) + draw(VIDEO_ENDINGS)
            for code in draw(st.lists(st.sampled_from(sorted(CODES)), unique=True))
        }
        for name in some
    }


@given(
    people(),
    st.sampled_from(["Train", "train set", "FakeTrue_DB", "a/Training", "Test", "."]),
    st.lists(
        st.sampled_from(["x.txt", ".N2A.mp4", "N2X.mp4", "Thumbs.db"]), max_size=2
    ),
)
def test_people_s_videos(people, group, others):
    """Every video has the emotion and the label of its code, whatever its spelling."""
    with folder() as here:
        expected = set()
        for person, codes in people.items():
            place = here / group / person
            place.mkdir(parents=True)
            for name in others:
                (place / name).touch()
            for code, name in codes.items():
                (place / name).touch()
                expected.add((str(place / name), *CODES[code], person))
        table, told = attempt(sase_fe.index, here)
        if not expected:
            assert told
            return
        assert told is None
        rows = table[["path", "emotion", "label"]].itertuples(index=False)
        found = {
            (p, e, label, s.rpartition("/")[2])
            for (p, e, label), s in zip(rows, table["subject"], strict=True)
        }
    assert found == expected
