"""NVIE: every picture has the labels of its place."""

import io

import numpy as np
from fuzzing import ODD_NAMES, attempt, folder
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from datasets import nvie
from datasets.nvie_layout import EMOTIONS

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
            (place / name).touch()
        index, told = attempt(nvie.index, here)
        assert told is None
        columns = ("path", "emotion", "spontaneous", "subject", "illumination")
        glasses = [None if g is not True and g is not False else g
                   for g in index["glasses"].astype(object)]  # fmt: skip
        found = list(zip(*(index[c] for c in columns), glasses, strict=True))
    assert sorted(found) == sorted(expected)
