"""Names of SASE-FE's videos, which say the emotion, and genuine or fake.

The twelve codes of the people's folders and the names of the challenge's validation and
test videos (ChaLearn 2017; Huynh and Kim 2017). A code tells what a person
showed after what: N2H is happiness after neutral, genuine; S2N2H is happiness after
(felt) sadness, faked. What is shown is always the last letter.

Our readings: the challenge's "contentment" is the paper's "contempt". Upper and lower
case and any white space in a name are of no meaning.
"""

import re

EMOTIONS = ("anger", "contempt", "disgust", "happiness", "sadness", "surprise")
# Letter of the emotion, and of the one that was felt before it was faked.
_LETTERS = {"A": "H", "C": "H", "D": "H", "H": "S", "S": "H", "Sur": "D"}
# Code -> (emotion, label); 1: genuine, 0: fake.
CODES = {
    code: (emotion, label)
    for (letter, before), emotion in zip(_LETTERS.items(), EMOTIONS, strict=True)
    for code, label in ((f"N2{letter}", 1), (f"{before}2N2{letter}", 0))
}
POINT_ENDINGS = (".npz", ".csv", ".npy")  # where there are several, the first is used

_SPELT = {code.casefold(): code for code in CODES}
_WORDS = {
    "anger": ("anger", "angry"),
    "contempt": ("contempt", "contentment"),
    "disgust": ("disgust",),
    "happiness": ("happiness", "happy"),
    "sadness": ("sadness", "sad"),
    "surprise": ("surprise",),
}
_EMOTION_OF = {word: emotion for emotion, words in _WORDS.items() for word in words}
_FLAT = re.compile(r"([0-9]{10})_([a-z]+)")


def code(stem: str) -> str | None:
    """The code as the dataset spells it, such as "D2N2Sur"; None if it is none."""
    return _SPELT.get("".join(stem.split()).casefold())


def numbered(stem: str) -> tuple[str, str] | None:
    """Number and emotion of a validation or test video; None if it is none.

    Args:
        stem: Its name without ending, such as "0123456789_CONTENTMENT".
    """
    match = _FLAT.fullmatch("".join(stem.split()).lower())
    if match is None or match[2] not in _EMOTION_OF:
        return None
    return match[1], _EMOTION_OF[match[2]]
