"""What is said of many names, said once for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# As many names are written out; the others are counted.
_NAMED = 2
# A number by itself, and not a digit of a name.
_NUMBER = re.compile(r"(?<![\w.])[-+]?[0-9]+(?:\.[0-9]+)?(?!\w)")

Said = tuple[str, str]
"""A name, or several, and what is said of it."""


def grouped(said: Iterable[Said]) -> list[Said]:
    """Return each text once, with the names that it is said of: ``a, b and 17 more``.

    Texts that differ in one number alone become one, with its range: ``12 to 38 %``.
    """
    said = list(said)
    alike: dict[tuple[str, ...], list[str]] = {}
    for _, text in said:
        alike.setdefault(_frame(text), []).append(text)
    ranges = {frame: _with_range(texts) for frame, texts in alike.items()}
    together: dict[str, list[str]] = {}
    for name, text in said:
        together.setdefault(ranges[_frame(text)] or text, []).append(name)
    return [(_first(names), text) for text, names in together.items()]


def _frame(text: str) -> tuple[str, ...]:
    return tuple(_NUMBER.split(text))


def _with_range(texts: Sequence[str]) -> str | None:
    """Return one text for texts of one frame; None if more than one number differs."""
    columns = list(zip(*(_NUMBER.findall(text) for text in texts), strict=True))
    differing = [index for index, numbers in enumerate(columns) if len(set(numbers)) > 1]
    if len(differing) > 1:
        return None
    words = [
        f"{min(numbers, key=float)} to {max(numbers, key=float)}"
        if index in differing
        else numbers[0]
        for index, numbers in enumerate(columns)
    ]
    between = _frame(texts[0])
    return "".join(part for pair in zip(between, [*words, ""], strict=True) for part in pair)


def _first(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return " and ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
