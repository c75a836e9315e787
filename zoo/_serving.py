"""Whether a run's `serving.json` says what the studies write, within sane bounds.

Its numbers decide how much is computed and kept: none may ask for more than any genuine
run does.
"""

import math
import reprlib

from zoo.inputs.faces import LARGEST

FORMAT = 1
NEEDED = ("format", "study", "data", "inputs", "classes", "parts")
SIZES = 1, 2048  # sides of the pictures that a network or a head takes
SETTINGS = {"steps": (1, 10_000), "test_copies": (0, 1000), "seed": (0, 2**32 - 1)}
RATES = 0, 100
FRAMES = 0.5, LARGEST  # a picture's sides, in parts of the face's
TRACKED = ["fake", "genuine"]


def expect(fine, what, expected, value):
    """Raises ValueError where a part of serving.json is not fine."""
    if not fine:
        raise ValueError(
            f"serving.json is damaged: expected {what} to be {expected}. Received: "
            f"{reprlib.repr(value)}"
        )


def whole(value, low, high):
    return type(value) is int and low <= value <= high


def number(value, low, high):
    return type(value) in (int, float) and low <= value <= high


def text(value):
    return isinstance(value, str) and value.isprintable()


def check(serving, kinds):
    """Raises ValueError where the content of a `serving.json` is not as expected.

    Args:
        serving: the dict.
        kinds: names of the kinds of input that there are.
    """
    missing = ", ".join(name for name in NEEDED if name not in serving)
    if missing:
        raise ValueError(f"serving.json is damaged: it lacks {missing}.")
    form, inputs = serving["format"], serving["inputs"]
    if type(form) is not int or form != FORMAT or inputs not in list(kinds):
        raise ValueError(
            f"serving.json is of format {reprlib.repr(form)} for inputs "
            f"{reprlib.repr(inputs)}; this version of Duchenne reads format {FORMAT} "
            f"for {', '.join(kinds)}. Use the version that wrote it."
        )
    study, data = serving["study"], serving["data"]
    expect(text(study) and study, "study", "the name of a study", study)
    expect(data in ("real", "sample"), "data", '"real" or "sample"', data)
    check_classes(serving["classes"], inputs)
    check_parts(serving["parts"])
    check_framing(serving.get("framing"))
    for part in serving["parts"].values():
        check_pictures(part, len(serving["classes"]))
    if inputs == "tracks":
        check_settings(serving.get("settings"))


def check_classes(classes, inputs):
    fine = isinstance(classes, list) and 1 <= len(classes) <= 100
    fine = fine and all(text(name) and name for name in classes)
    fine = fine and len(set(classes)) == len(classes)
    expect(fine, "classes", "a list of 1 to 100 different names", classes)
    if inputs == "tracks":
        expect(classes == TRACKED, "classes of tracks", f"{TRACKED}", classes)


def check_parts(parts):
    fine = isinstance(parts, dict) and parts
    fine = fine and all(text(name) for name in parts)
    fine = fine and all(isinstance(part, dict) for part in parts.values())
    expect(fine, "parts", "a dict of names to models, each a dict", parts)


def check_framing(framing):
    """See `zoo.inputs.faces`."""
    if framing is None:
        return
    form = '{"width": ..., "height": ..., "x": ..., "y": ...} or null'
    names = {"width", "height", "x", "y"}
    fine = isinstance(framing, dict) and framing.keys() == names
    expect(fine, "framing", form, framing)
    for side, place in [("width", "x"), ("height", "y")]:
        extent, middle = framing[side], framing[place]
        expect(number(extent, *FRAMES), f"framing's {side}", "0.5 to 10", extent)
        fine = number(middle, 0, extent) and 0 < middle < extent
        expect(fine, f"framing's {place}", f"between 0 and its {side}", middle)


def check_pictures(part, classes):
    """What of a part says how its head takes pictures, where it does."""
    if "size" in part:
        size = part["size"]
        fine = whole(size, *SIZES)
        expect(fine, "size", f"a whole number of {SIZES[0]} to {SIZES[1]}", size)
    if "known" in part:
        known = part["known"]
        fine = isinstance(known, list) and known
        fine = fine and all(whole(one, 0, classes - 1) for one in known)
        fine = fine and all(a < b for a, b in zip(known, known[1:], strict=False))
        expect(fine, "known", f"increasing numbers of the {classes} classes", known)


def check_settings(settings):
    expect(isinstance(settings, dict), "settings", "a dict", settings)
    for name, (low, high) in SETTINGS.items():
        value = settings.get(name)
        fine = whole(value, low, high)
        expect(fine, f"settings' {name}", f"a whole number of {low} to {high}", value)
    rate = settings.get("pb_rate")
    fine = number(rate, *RATES) and math.isfinite(rate)
    expect(fine, "settings' pb_rate", "a number of 0 to 100", rate)
