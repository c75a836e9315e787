"""Numbers and settings in words, for `experiments.compare`."""

import math
import re


def setting(value):
    """A setting in words, without the place on a disk that it may hold."""
    if value is None:
        return "default"
    if isinstance(value, list):
        return " ".join(map(setting, value))
    return {"True": "on", "False": "off"}.get(str(value)) or last(value)


def last(value):
    """The last part of what may be a path; other values as they are."""
    text = str(value)
    return text.replace("\\", "/").rsplit("/", 1)[-1] if is_place(text) else text


def is_place(text):
    """Whether a text names an absolute place on somebody's disk."""
    return text.startswith(("/", "~", "\\\\", "file:")) or text[1:3] in (":\\", ":/")


def show(value):
    return "" if value is None or math.isnan(value) else f"{value:.3f}"


def span(interval):
    return "" if not interval else "-".join(map(show, interval))


def signed(value):
    if value is None:
        return ""
    return "0.000" if abs(value) < 0.0005 else f"{value:+.3f}"


def p_value(value):
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def plain(text):
    """A user's text in Markdown, where it must not start anything."""
    text = re.sub(r"\s+", " ", text).replace("&", "&amp;")
    text = text.replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([|\\`*\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", text)


def code(text):
    """A user's text as code in Markdown."""
    text = re.sub(r"\s+", " ", text)
    return "`" + text.replace("`", "'") + "`"
