"""The six basic emotions, and the words that name them."""

import re

EMOTIONS = ("happiness", "disgust", "fear", "surprise", "anger", "sadness")
_WORDS = {
    "happiness": "happiness happy",
    "disgust": "disgust disgusted",
    "fear": "fear fearful",
    "surprise": "surprise surprised",
    "anger": "anger angry",
    "sadness": "sadness sad",
}
_EMOTION_OF = {word: name for name, text in _WORDS.items() for word in text.split()}


def emotion_word(name: str | None) -> str | None:
    """Return the emotion a folder's name spells (`Happy`, `2_disgust`), or None."""
    for level in (name or "").split("/"):
        emotion = _EMOTION_OF.get(re.sub("[^a-z]", "", level.lower()))
        if emotion:
            return emotion
    return None
