"""Numbers and settings in words, for `experiments.compare`."""

import math
import re


def setting(value):
    """A setting in words, without the place on a disk that it may hold."""
    if value is None:
        return "default"
    if isinstance(value, list):
        return " ".join(map(setting, value))
    told = {"True": "on", "False": "off"}.get(str(value)) or last(str(value))
    return printable(told)


def last(text):
    """The last part of what may be a place; other texts as they are.

    Of an address its part before the @ is left out: it may be a name and a password.
    """
    if "://" in text:
        text = re.sub(r"://\S*@", "://...@", text)
        return text if not text.startswith("file:") else text.rsplit("/", 1)[-1]
    text = text.rstrip("/\\") or "/"
    return text.replace("\\", "/").rsplit("/", 1)[-1] if is_place(text) else text


def is_place(text):
    """Whether a text names a place, in whole or from a folder on."""
    return text.startswith("~") or "/" in text or "\\" in text


def printable(text):
    """A text without what cannot be shown: line ends, bytes that are no UTF-8."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def show(value):
    return "" if value is None or math.isnan(value) else f"{value:.3f}"


def span(interval):
    return "" if not interval else " to ".join(map(show, interval))


def signed(value):
    if value is None:
        return ""
    if abs(value) < 0.0005:
        return "0.000"
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


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
