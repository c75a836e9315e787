"""SASE-FE: every video has the emotion and label of its name, or of its table."""

import csv
import io
import os

from fuzzing import attempt, folder
from hypothesis import given
from hypothesis import strategies as st

from datasets import sase_fe
from datasets.sase_fe_names import CODES, EMOTIONS

WORDS = {
    **dict.fromkeys(["genuine", "True", "REAL", " spontaneous", "1", "1.0"], 1),
    **dict.fromkeys(["fake", "FALSE ", "posed", "0", "0.0"], 0),
}
SPELT = {
    "anger": ["anger", "ANGRY"],
    "contempt": ["CONTEMPT", "Contentment"],
    "disgust": ["DISGUST"],
    "happiness": ["happy", "HAPPINESS"],
    "sadness": ["Sad", "SADNESS"],
    "surprise": ["SURPRISE"],
}
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


NUMBERS = st.integers(0, 10**10 - 1).map("{:010d}".format)


@st.composite
def flat(draw):
    """(number, emotion) -> its name in the folder, in the table, label, and person."""
    keys = st.tuples(NUMBERS, st.sampled_from(EMOTIONS))
    made = {}
    keys = draw(st.lists(keys, min_size=1, max_size=6, unique=True))
    for number, emotion in keys:
        named, listed = (
            f"{number}_{draw(st.sampled_from(SPELT[emotion]))}" for _ in range(2)
        )
        word = draw(st.sampled_from([*WORDS, None, ""]))
        person = draw(st.sampled_from(["", "7", "A. Name", "9" * 5000]))
        made[number, emotion] = draw(stray(named)), listed, word, person
    return made


@given(
    flat(),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["Validation", "test", "."]),
    st.permutations(["video", "LABEL", "subject", "more"]),
    st.randoms(use_true_random=False),
)
def test_flat_videos_and_their_table(
    videos, separator, end, quoted, mark, group, order, random
):
    order = ["video", *(name for name in order if name != "video")]
    with folder() as here:
        (here / group).mkdir(exist_ok=True)
        rows = [order]
        for name, listed, word, person in videos.values():
            (here / group / f"{name}.mp4").touch()
            if word is not None:
                cells = {"video": listed, "LABEL": word, "subject": person, "more": "x"}
                rows.append([cells[column] for column in order])
        rows[1:] = random.sample(rows[1:], len(rows) - 1)
        text = io.StringIO()
        quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
        csv.writer(
            text, delimiter=separator, lineterminator=end, quoting=quoting
        ).writerows(rows)
        code = "utf-8-sig" if mark else "utf-8"
        (here / "labels.csv").write_bytes(text.getvalue().encode(code))
        table, told = attempt(sase_fe.index, here)
        assert told is None
        found = {
            os.path.basename(path): None if label is None else int(label)
            for path, label in zip(
                table["path"],
                table["label"].astype(object).where(table["label"].notna(), None),
                strict=True,
            )
        }
    expected = {f"{n}.mp4": WORDS.get(word) for n, _, word, _ in videos.values()}
    assert found == expected
    known = all(person and word is not None for *_, word, person in videos.values())
    subjects = set(table["subject"])
    assert known or all(s.endswith(":unknown") for s in subjects)
    if known:
        assert len(subjects) == len({person for *_, person in videos.values()})
