"""Make text from outside safe to show: in one line, of bounded length, without markup."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# What a heading, a switch or a legend has room for, and an error.
LONGEST = 80
_LONGEST_QUOTED = 60

# Control characters, those that only say how others are shown, and separators of lines.
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def label(value: object) -> str:
    """Return a value as a name: one line of text that every terminal and file accepts.

    What steers terminals or turns the direction of text round becomes a replacement character.
    """
    return printable(" ".join(str(value).split()))


def printable(value: object) -> str:
    """Return a value, as a path or a message, with a mark for what is not to be shown or written.

    Unlike `label` it keeps every space.
    """
    text = str(value)
    if text.isprintable():
        return text
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(
        "\ufffd" if unicodedata.category(character) in _INVISIBLE else character
        for character in text
    )


def quoted(value: object) -> str:
    """Return a value as an error quotes it: in one line of at most 60 characters."""
    text = repr(label(value)) if isinstance(value, str) else ascii(value)
    if len(text) <= _LONGEST_QUOTED:
        return text
    return f"{text[: _LONGEST_QUOTED - 4]}…{text[-1]}"


@lru_cache(maxsize=4096)  # thousands of rows hold the same few texts
def shortened(text: str, longest: int = LONGEST) -> str:
    """Return the text in one line, or its two ends and how long it was.

    Long names often differ only at their ends.
    """
    text = label(text)
    if len(text) <= longest:
        return text
    omission = f"… ({len(text):,} characters) …"
    room = max(2, longest - len(omission))
    return f"{text[: room - room // 2]}{omission}{text[-(room // 2) :]}"
