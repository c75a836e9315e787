"""NVIE: trees of folders, and manifests."""

import csv
import io
import os
import subprocess

import numpy as np
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
from PIL import Image

from datasets import nvie, nvie_layout
from datasets.nvie_layout import COLUMNS, EMOTIONS

LIGHTS = {"front": "front", "Left": "left", "RIGHT light": "right", "frontal": "front"}
GLASSES = {"glasses": True, "without glasses": False, "NoGlass": False, "Glass": True}
WORDS = {"Happy": "happiness", "2_disgust": "disgust", "FEAR": "fear", "sad": "sadness",
         "surprised": "surprise", "Anger ": "anger", "angry": "anger"}  # fmt: skip
SUBJECTS = {"7": "007", "007": "007", "S7": "007", "P12": "012", "subject_3": "003"}


def picture(number):
    """A small picture that no other number has."""
    random = np.random.default_rng(number)
    buffer = io.BytesIO()
    pixels = random.integers(0, 255, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, "BMP")
    return buffer.getvalue()


def write(path, number):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture(number))


ONE = st.fixed_dictionaries(
    {
        "light": st.sampled_from(sorted(LIGHTS)),
        "glasses": st.sampled_from(sorted(GLASSES)),
        "subject": st.sampled_from(sorted(SUBJECTS)),
        "emotion": st.sampled_from(sorted(WORDS)),
        "order": st.permutations(["light", "glasses", "subject"]),
        "digit": st.integers(1, 6),
        "spontaneous": st.booleans(),
    }
)
PREFIXES = st.sampled_from(["", "NVIE/", "a/b c/USTC-NVIE visible infrared/"])


@given(
    st.lists(ONE, min_size=1, max_size=5),
    PREFIXES,
    st.sampled_from(["0-PosedExpressionDatabase", "Posed", "posed expressions"]),
    st.sampled_from(["1-SpontaneousDatabase", "Spontaneous expression database"]),
    st.sampled_from(["SelectedSamples", "selected_sample", "Selected Samples"]),
    st.lists(ODD_NAMES, max_size=3, unique=True),
    st.sampled_from(["visible", "Visible"]),
)
def test_trees(people, prefix, posed, spontaneous, selected, others, visible):
    """Every picture has the labels that its place says, and no other picture is there.

    A spontaneous picture is the copy of one in its subject's sequences.
    """
    expected = []
    with folder() as here:
        root = here / prefix
        for number, one in enumerate(people):
            light, subject = LIGHTS[one["light"]], SUBJECTS[one["subject"]]
            if not one["spontaneous"]:
                levels = "/".join(one[level] for level in one["order"])
                path = root / posed / levels / visible / one["emotion"]
                path = path / f"{number}.bmp"
                write(path, number)
                glasses = GLASSES[one["glasses"]]
                row = WORDS[one["emotion"]], 0, subject, light, glasses
                expected.append((str(path), *row))
                continue
            sequence = root / spontaneous / one["light"] / one["subject"] / visible
            for frame in (0, 1):
                path = sequence / f"run{number}" / f"{frame}.bmp"
                write(path, 1000 + 10 * number + frame)
            path = root / selected / f"{one['digit']}-{number}.bmp"
            write(path, 1001 + 10 * number)
            row = EMOTIONS[one["digit"] - 1], 1, subject, light, None
            expected.append((str(path), *row))
        for name in others:
            place = root / posed / "notes"
            place.mkdir(parents=True, exist_ok=True)
            put(place / name, "file", here)
        index, told = attempt("NVIE trees", nvie.index, here)
        assert told is None
        columns = ("path", "emotion", "spontaneous", "subject", "illumination")
        glasses = [None if g is not True and g is not False else g
                   for g in index["glasses"].astype(object)]  # fmt: skip
        found = list(zip(*(index[c] for c in columns), glasses, strict=True))
    assert sorted(found) == sorted(expected)


@given(
    st.lists(ODD_NAMES, max_size=6, unique=True),
    st.lists(KINDS, min_size=6, max_size=6),
    st.sampled_from(["posed/front/7/visible/happy", "SelectedSamples",
                     "spontaneous/front/7/visible/1", ""]),
)  # fmt: skip
def test_odd_places(names, kinds, place):
    """Nothing that lies beside a picture takes its place or its label."""
    with folder() as around:
        here = around / "NVIE"
        own = here / "posed/front/7/visible/happy/0.bmp"
        write(own, 1)
        (here / place).mkdir(parents=True, exist_ok=True)
        for name, kind in zip(names, kinds, strict=False):
            if not os.path.lexists(here / place / name):
                put(here / place / name, kind, around)
        index, told = attempt("NVIE trees", nvie.index, here)
        assert told is None
        rows = index[["path", "subject", "emotion", "spontaneous"]]
        assert rows.to_numpy().tolist() == [[str(own), "007", "happiness", 0]]
        nvie.summary(index).encode()


def test_a_deep_tree():
    with folder() as here:
        write(here / "posed/front/7/visible/happy/0.bmp", 1)
        deepen(here)
        index, told = attempt("NVIE trees", nvie.index, here)
        subprocess.run(["rm", "-rf", here / "d"], check=True)
        assert told is None and len(index) == 1


@given(st.sampled_from(ODD) | st.text() | st.lists(
    st.sampled_from(["posed", "spontaneous", "visible", "SelectedSamples", "happy",
                     "7", "front", "glasses", "a.bmp", "\n", "9" * 5000, "ir", ""])
).map("/".join))  # fmt: skip
def test_any_path_has_a_place(path):
    place = nvie_layout.place(path)
    assert place.path == path and place.kind in ("posed", "apex", "frame", "unknown")
    nvie_layout.canonical_subject(path)
    sorted([path, "2.bmp", "10.bmp"], key=nvie_layout.natural_key)


# Manifests

TABLE = [
    list(COLUMNS),
    ["a.bmp", "7", "happy", "1", "front", "True"],
    ["b.bmp", "S8", "Anger", "0", "", ""],
    ["c.bmp", "Zoë", "sad", "1.0", "left", "0"],
    ["d.bmp", "9", "fear", "false", "right", "false"],
]


def plain(data):
    """Path -> subject, spontaneous, as the csv module reads a manifest."""
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    header, *rows = [row for row in rows if row]
    known = {}
    for row in rows:
        cells = dict(zip(header, row, strict=False))
        word = cells["spontaneous"].strip().lower()
        said = 1 if word == "true" else 0 if word == "false" else int(float(word))
        known[cells["path"].strip()] = cells["emotion"].strip().lower(), said
    return known


def check_manifest(data):
    with folder() as here:
        (here / "manifest.csv").write_bytes(data)
        file = str(here / "manifest.csv")
        rows, told = attempt(
            "NVIE manifests", nvie_layout.read_manifest, here, names=[file]
        )
    if told:
        return
    expected = plain(data)
    assert len(rows) == len(expected)
    normal = {
        os.path.normpath(here / path.replace("\\", "/")): said
        for path, said in expected.items()
    }
    for row in rows:
        emotion, spontaneous = normal[row["path"]]
        assert row["spontaneous"] == spontaneous
        assert nvie_layout.emotion_word(emotion) == row["emotion"]


@given(anything())
def test_manifests_of_anything(data):
    check_manifest(data)
    check_manifest(joined(TABLE[:1], ",", "\n", "utf-8") + b"\n" + data)


@given(
    edits(),
    st.sampled_from([",", ",", ";", ", "]),
    st.sampled_from(("\n", "\r\n") + ENDS),
    st.sampled_from(("utf-8",) * 3 + ENCODINGS),
)
def test_manifests_edited(changes, separator, end, encoding):
    check_manifest(joined(edited(TABLE, changes), separator, end, encoding))


@given(damage())
def test_manifests_damaged(changes):
    check_manifest(damaged(joined(TABLE, ",", "\n", "utf-8"), changes))


NAMES = st.text(
    st.characters(exclude_characters="/\\\0\r", exclude_categories=["Cs"]), min_size=1
).filter(lambda name: name.strip() == name and name not in (".", ".."))


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "path": NAMES.map(lambda name: name[:40] + ".bmp"),
                "subject": st.sampled_from(sorted(SUBJECTS)) | NAMES,
                "emotion": st.sampled_from(sorted(WORDS)),
                "spontaneous": st.sampled_from(["0", "1", "True", "FALSE", "1.0"]),
                "illumination": st.sampled_from(["front", "LEFT", "right", ""]),
                "glasses": st.sampled_from(["True", "0", "", "false", "1.0"]),
            }
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda row: row["path"],
    ),
    st.permutations(COLUMNS),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.randoms(use_true_random=False),
)
def test_labels_are_those_that_were_written(rows, order, quoting, random):
    """And the index, saved as a manifest, is read as it was."""
    with folder() as here:
        for number, row in enumerate(rows):
            write(here / row["path"], number)
        with open(here / "manifest.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, order, quoting=quoting)
            writer.writeheader()
            writer.writerows(random.sample(rows, len(rows)))
        index, told = attempt("NVIE manifests", nvie.index, here)
        assert told is None
        found = {
            os.path.basename(path): (emotion, spontaneous)
            for path, emotion, spontaneous in zip(
                *(index[c] for c in ("path", "emotion", "spontaneous")), strict=True
            )
        }
        index.to_csv(here / "manifest.csv", index=False)
        again, told = attempt("NVIE manifests", nvie.index, here)
    assert found == {
        row["path"]: (
            WORDS[row["emotion"]],
            int(row["spontaneous"].lower() in ("1", "1.0", "true")),
        )
        for row in rows
    }
    assert told is None and again.equals(index)
