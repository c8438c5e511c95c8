"""Understand the fields of a table: sizes, times, and texts.

Numbers are plain: a decimal point, no unit and nothing between thousands.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import inf

from perceptron.records.measurement import Status
from perceptron.records.readers.shared.values import number
from perceptron.untrusted_text import label, quoted

# What has a digit before its first letter is meant as a number; "out of memory" is not.
_MEANT_AS_NUMBER = re.compile(r"[^A-Za-z]*\d|[+-]?inf(inity)?$", re.IGNORECASE)
_NOT_TRIED = re.compile(
    r"nan|n\.?/?a\.?|none|null|nil|\W*|not .*|skip.*|un(available|supported|tested|known)",
    re.IGNORECASE,
)
_PLAIN_SECONDS = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII).fullmatch
_COUNTED = {"batch": "rows"}
_IN_SECONDS = "a number; give seconds, with a point and without a unit"


class WrongField(Exception):
    """A field that cannot be understood: its column, and what is wrong and what to do."""

    def __init__(self, column: str, what: str) -> None:
        super().__init__(f"column {column!r}: {what}")


# Millions of rows hold the same few texts, and share them so.
text_of = lru_cache(maxsize=4096)(label)


def needed_text(column: str, field: str) -> str:
    """Return the text of a field that must not be empty; raises `WrongField`."""
    text = text_of(field)
    if not text:
        raise WrongField(column, f"empty; give the {column}")
    return text


def size_of(field: str) -> int | float:
    """Return a size above 0; raises `WrongField`."""
    size = number(field)
    if size is None:
        needed_text("size", field)
        size = _number("size", field, "a number; write it plainly, as 1024 or 1e6")
    if size is None or not 0 < size < inf:
        raise WrongField("size", f"{label(field)} is not a size; give a number above 0")
    return size


def plain_seconds(field: str) -> float | None:
    """Return the time that a field without any decoration holds; None for every other field."""
    if _PLAIN_SECONDS(field):
        seconds = float(field)
        if 0 < seconds < inf:
            return seconds
    return None


def outcome_of(field: str) -> tuple[float | None, Status, str | None]:
    """Return the time in seconds, the status and the reason; raises `WrongField`."""
    plain = plain_seconds(field)
    if plain is not None:
        return plain, "ok", None
    text = label(field)
    if not text:
        return None, "skipped", "no time given"
    if not _MEANT_AS_NUMBER.match(text):
        return None, "skipped" if _NOT_TRIED.fullmatch(text) else "failed", text
    seconds = _number("seconds", field, _IN_SECONDS)
    if seconds is None or not 0 < seconds < inf:
        raise WrongField(
            "seconds", f"{text} is not a time; give seconds above 0, or leave it empty"
        )
    return float(seconds), "ok", None


def stdev_of(field: str) -> float | None:
    """Return a standard deviation in seconds; None without a number. Raises `WrongField`."""
    plain = plain_seconds(field)
    if plain is not None:
        return plain
    if not _MEANT_AS_NUMBER.match(label(field)):
        return None
    stdev = _number("stdev", field, _IN_SECONDS)
    if stdev is None or not 0 <= stdev < inf:
        raise WrongField(
            "stdev", f"{label(field)} is not a standard deviation; give seconds from 0 up"
        )
    return float(stdev)


@lru_cache(maxsize=4096)
def count_of(column: str, field: str) -> int | None:
    """Return a number of threads, rows or outputs; None for an empty field. Raises `WrongField`."""
    count = _number(column, field, f"a whole number of {_COUNTED.get(column, column)}")
    if count is not None and (count < 1 or not isinstance(count, int)):
        raise WrongField(column, f"{label(field)} is not a whole number above 0")
    return count


def _number(column: str, field: str, expected: str) -> int | float | None:
    text = label(field)
    value = number(text)
    if value is None and text:
        raise WrongField(column, f"{quoted(text)} is not {expected}")
    return value
