"""SASE-FE: names, layouts and tables of labels."""

import csv
import io
import os
import subprocess

from fuzzing import (
    ENCODINGS,
    ENDS,
    KINDS,
    ODD,
    ODD_NAMES,
    anything,
    attempt,
    damage,
    damaged,
    deepen,
    edited,
    edits,
    folder,
    joined,
    put,
)
from hypothesis import given
from hypothesis import strategies as st

from datasets import sase_fe, sase_fe_labels, sase_fe_names
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
        table, told = attempt("SASE-FE folders", sase_fe.index, here)
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
        table, told = attempt("SASE-FE folders", sase_fe.index, here)
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


# Tables


ROWS = [
    ["video", "label", "subject"],
    ["0123456789_ANGER.mp4", "genuine", "1"],
    ["1123456789_HAPPY", "fake", "2"],
    ["2123456789_SADNESS.mp4", "1", "1"],
    ["3123456789_SURPRISE.mp4", "false", "3"],
]


def stem(name):
    """A name without its folders, its ending and white space."""
    name = "".join(name.split()).replace("\\", "/").rpartition("/")[2]
    return os.path.splitext(name)[0]


def plain(data):
    """(number, emotion) -> label, as the csv module reads the rows; None where the
    rows cannot be understood."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    separator = max(",;\t", key=text.split("\n")[0].split("\r")[0].count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error:
        return None
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if header.count("label") != 1:
        return None
    known = {}
    for row in rows[1:]:
        row += [""] * (len(header) - len(row))
        key = sase_fe_names.numbered(stem(row[0]))
        word = row[header.index("label")].strip().lower()
        if key:
            known[key] = {w.strip().lower(): v for w, v in WORDS.items()}.get(word)
    return known


def check_table(data):
    with folder() as here:
        path = here / "labels.csv"
        path.write_bytes(data)
        found, told = attempt("SASE-FE tables", sase_fe_labels.read, path)
        if found is None:
            return
    expected = plain(data)
    assert {key: label for key, (label, _) in found[0].items()} == expected


@given(anything())
def test_tables_of_anything(data):
    check_table(data)
    check_table(b"video,label\n" + data)


@given(
    edits(),
    st.sampled_from([",", ";", "\t", ", "]),
    st.sampled_from(ENDS),
    st.sampled_from(("utf-8",) * 3 + ENCODINGS),
)
def test_tables_edited(changes, separator, end, encoding):
    check_table(joined(edited(ROWS, changes), separator, end, encoding))


@given(damage())
def test_tables_damaged(changes):
    check_table(damaged(joined(ROWS, ",", "\n", "utf-8"), changes))


# Names and places


@given(st.sampled_from(ODD) | st.text() | st.from_regex(r"\A[0-9]{10}_[a-zA-Zſİ ]+\Z"))
def test_names(text):
    """A name is one of the dataset's, or none; never an error."""
    code, numbered = sase_fe_names.code(text), sase_fe_names.numbered(text)
    assert code is None or code in CODES
    assert numbered is None or numbered[1] in EMOTIONS
    sorted([text, "2", "10", ""], key=sase_fe_names.natural)


@given(
    st.lists(ODD_NAMES, max_size=6, unique=True),
    st.lists(KINDS, min_size=6, max_size=6),
)
def test_odd_places(names, kinds):
    """Nothing that lies beside a video takes its place or its label."""
    with folder() as around:
        here = around / "Train"
        own = here / "1" / "N2A.mp4"
        own.parent.mkdir(parents=True)
        own.touch()
        for name, kind in zip(names, kinds, strict=False):
            put(own.parent / name, kind, around)
        table, told = attempt("SASE-FE folders", sase_fe.index, here)
        assert told is None
        rows = table[["subject", "emotion", "label"]].to_numpy().tolist()
        assert rows == [["Train/1", "anger", 1]]  # itself, or another of that name
        [path] = table["path"]
        assert "".join(os.path.basename(path).split()).startswith("N2A.")
        sase_fe.summary(table)


def test_a_deep_tree():
    """Deeper than Python's recursion, and than a path may be long."""
    with folder() as here:
        (here / "1").mkdir()
        (here / "1" / "N2A.mp4").touch()
        deepen(here)
        table, told = attempt("SASE-FE folders", sase_fe.index, here)
        subprocess.run(["rm", "-rf", here / "d"], check=True)
        assert told is None and len(table) == 1
