"""Sizes as text: the noun that sizes of a family count, and sizes in sentences."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from perceptron.numbers import count, digits, enumerated

_WORDS = ("rows", "features", "width", "depth", "batch", "models", "map")
_BATCH, _MODELS = "batch", "models"
# A noun in the plural is counted, as in "16 rows"; these endings are singular: radius, axis.
_PLURAL, _SINGULAR = "s", ("ss", "us", "is")
# The singular of these loses two letters: batches, boxes, classes.
_LONG_PLURAL = ("tches", "shes", "xes", "sses")
_MANY, _OURS = "many", ("mlp", "perceptron")
# Stretches of sizes that a sentence lists.
_STRETCHES = 3

Stretch = tuple[float, float]


def size_axis(family: str, stated: str | None = None) -> str:
    """Return the noun that sizes count: ``stated``, else that in the family's name, else ``size``.

    In a name it is the starred part of a shape, the last axis in a family of this package, such as
    ``mlp-width-adam``, or the last word in another tool's; ``many-…`` counts models.
    """
    if stated is not None:
        return stated
    if family.startswith("mlp:") and "*" in family:
        return _starred(family)
    words = family.split("-")
    if words[0] == _MANY and len(words) > 1:
        return _MODELS
    if words[0] not in _OURS:  # a batch in another tool's names may be anything
        words = [word for word in words[-1:] if word != _BATCH]
    return next((word for word in reversed(words) if word in _WORDS), "size")


def _starred(family: str) -> str:
    shape, *parts = family.removeprefix("mlp:").split(":")
    starred = [part for part in parts if "*" in part]
    if starred:
        return _MODELS if starred[0] == "*m" else _BATCH
    words = shape.split("x")
    index = words.index("*") if "*" in words else 2
    return ("rows", "features", "hidden width")[min(index, 2)]


def number(size: float) -> str:
    """Return a measured size as text: ``4,096``."""
    return count(int(size)) if float(size).is_integer() else digits(size)


def sized(words: str, axis: str) -> str:
    """Return the text of sizes with the noun: ``105,000 rows``, ``width 1,730``, ``1 model``."""
    if not _is_counted(axis):
        return f"{axis} {words}"
    return f"{words} {_singular(axis) if words == '1' else axis}"


def _is_counted(axis: str) -> bool:
    return axis.endswith(_PLURAL) and not axis.endswith(_SINGULAR)


def _singular(plural: str) -> str:
    if plural.endswith("ies"):
        return f"{plural[:-3]}y"
    return plural[: -2 if plural.endswith(_LONG_PLURAL) else -1]


def located(
    size: float, low: float | None, high: float | None, axis: str, is_whole: bool = False
) -> str:
    """Return the size of a change with its interval: ``105,000 rows [64,900, 115,000]``.

    Models, and sizes below 100 if ``is_whole``, are rounded up. An end that is None is written as
    …; without either end there is no bracket.
    """

    def text(value: float) -> str:
        has_decimals = axis != _MODELS and not (is_whole and value < 100)
        return digits(value) if has_decimals else count(ceil(value))

    point = sized(text(size), axis)
    if low is None and high is None:
        return point
    ends = ", ".join("…" if end is None else text(end) for end in (low, high))
    return f"{point} [{ends}]"


def stretch(low: float, high: float) -> str:
    """Return ``16–64``, or one size alone."""
    return number(low) if low == high else f"{number(low)}–{number(high)}"


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return the stretches in order, adjacent ones merged.

    >>> joined([(8, 64), (64, 64), (2, 2)])
    [(2, 2), (8, 64)]
    """
    merged: list[Stretch] = []
    for low, high in sorted(stretches):
        if merged and low <= merged[-1][1]:
            low, high = merged[-1][0], max(merged.pop()[1], high)
        merged.append((low, high))
    return merged


def listed(stretches: Iterable[Stretch], axis: str | None) -> str:
    """Return ``16,384–65,536 and 262,144–1,048,576 rows``; of over three the widest two.

    Without an ``axis`` there is no noun.
    """
    merged = joined(stretches)
    shown = _STRETCHES if len(merged) <= _STRETCHES else _STRETCHES - 1
    widest = sorted(merged, key=lambda ends: ends[1] / max(ends[0], 1.0))[-shown:]
    texts = [stretch(*ends) for ends in merged if ends in widest]
    words = enumerated(texts) if texts else ""
    more = len(merged) - len(texts)
    return (sized(words, axis) if axis else words) + (f" and {more} more" if more else "")


def every(first: float, last: float, axis: str) -> str:
    """Return the range of all measured sizes: ``at every measured width, 2–8,192``.

    >>> every(2, 64, "items")
    'at every measured size, 2–64 items'
    """
    is_counted = _is_counted(axis)
    noun = {_MODELS: "count"}.get(axis, "size" if is_counted else axis)
    ends = stretch(first, last)
    return f"at every measured {noun}, {sized(ends, axis) if is_counted else ends}"
