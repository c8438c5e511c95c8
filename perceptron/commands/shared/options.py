"""Reading the values of options, as users type them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import inf
from pathlib import Path
from typing import TypeVar

from perceptron.errors import UserError, unknown

Word = TypeVar("Word", bound=str)

# Python reads no number of more than 4,300 digits.
_WHOLE = re.compile(r"[0-9]{1,100}")


def split(option: str, values: Iterable[str] | None) -> tuple[str, ...]:
    """Split ``["a,b", "c"]`` into ``("a", "b", "c")``, each once; None into nothing.

    Raises `UserError` naming the option if values were typed and there is nothing in them: an
    unset variable must not mean the default.
    """
    words = [word.strip() for value in values or () for word in value.split(",")]
    once = tuple(dict.fromkeys(word for word in words if word))
    if values is not None and not once:
        raise UserError(f"{option} is empty: name at least one, or leave it out")
    return once


def several(option: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return values that may hold commas, such as names of files, each once.

    Raises `UserError` naming the option for an empty one.
    """
    once = tuple(dict.fromkeys(values))
    if not all(value.strip() for value in once):
        raise UserError(f"{option} is empty: name one, or leave it out")
    return once


def whole_numbers(
    option: str, value: str | None, each_once: bool = True, *, example: str = "1,2"
) -> tuple[int, ...]:
    """Read ``"1,2"`` as ``(1, 2)``; raise `UserError` naming the option, with an example."""
    if value is None:
        return ()
    if not value.strip(" ,"):
        raise UserError(f"{option} is empty: name at least one, or leave it out")
    numbers = []
    for word in map(str.strip, value.split(",")):
        if not _WHOLE.fullmatch(word) or int(word) < 1:
            raise UserError(
                f"{option} takes whole numbers from 1, such as {example}; got {word!r:.40}"
            )
        numbers.append(int(word))
    return tuple(dict.fromkeys(numbers)) if each_once else tuple(numbers)


def one_number(option: str, value: str | None) -> int:
    """Return the one number that was typed, 0 for none; raise `UserError` naming the option."""
    numbers = whole_numbers(option, value, example="8")
    if len(numbers) > 1:
        raise UserError(f"{option} takes one number here, got {value}")
    return numbers[0] if numbers else 0


def seconds_of(option: str, value: float | None) -> float | None:
    """Return the seconds of minutes that were typed; raise `UserError` unless above 0."""
    if value is None:
        return None
    seconds = 60 * value
    if not 0 < seconds < inf:
        raise UserError(f"{option} takes minutes, above 0, such as 2 or 0.5; got {value:g}")
    return seconds


def one_of(option: str, value: str, choices: Sequence[Word]) -> Word:
    """Return the choice that was typed; raise `UserError` naming the option."""
    for choice in choices:
        if value == choice:
            return choice
    raise unknown(option, value, choices)


def a_path(option: str, value: str, kind: str) -> Path:
    """Return the path that was typed; raise `UserError` naming the option if that was nothing.

    An unset variable must not mean the current folder.
    """
    if not value.strip():
        raise UserError(f"{option} is empty: name a {kind}, or leave it out")
    return Path(value)


def folder_name(option: str, value: str | None) -> str | None:
    """Return a name for a folder; raise `UserError` for one that could lead elsewhere."""
    if value is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise UserError(f"{option} takes letters, digits and . _ - (64 at most), got {value!r}")
    return value
