"""Reading options that take several values, as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

from perceptron.errors import UserError, unknown

Word = TypeVar("Word", bound=str)

# Options of one or more values: `--backends numpy torch-cpu` is `--backends numpy,torch-cpu`.
_MANY = frozenset({"--backend", "--backends", "--families", "--problem"})
# Positional words that end such a list, so that `walkthrough --backend numpy xor` means xor.
_WORDS = frozenset({"or-gate", "symptoms", "xor", "xor-hidden"})


def spread(arguments: Sequence[str]) -> list[str]:
    """Repeat an option in front of each of its values, the form the parser understands."""
    spreaded: list[str] = []
    option = ""
    values = 0
    for word in arguments:
        if word.startswith("-"):
            option, values = (word if word in _MANY else ""), 0
            spreaded.append(word)
            continue
        if option and values and word not in _WORDS:
            spreaded.append(option)
        elif values:
            option = ""
        values += 1
        spreaded.append(word)
    return spreaded


def split(option: str, values: Iterable[str] | None) -> tuple[str, ...]:
    """``["a,b", "c"]`` as ``("a", "b", "c")``, each once; None as nothing.

    Raises `UserError` naming the option if values were typed and there is nothing in them: an
    unset variable must not mean the default.
    """
    words = [word.strip() for value in values or () for word in value.split(",")]
    found = tuple(dict.fromkeys(word for word in words if word))
    if values is not None and not found:
        raise UserError(f"{option} is empty: name at least one, or leave it out")
    return found


def whole_numbers(option: str, value: str | None) -> tuple[int, ...]:
    """``"1,2"`` as ``(1, 2)``; raises `UserError` naming the option."""
    numbers = []
    for word in split(option, None if value is None else [value]):
        if not word.isdecimal() or int(word) < 1:
            raise UserError(f"{option} takes whole numbers from 1, such as 1,2; got {word!r}")
        numbers.append(int(word))
    return tuple(numbers)


def one_of(option: str, value: str, choices: Sequence[Word]) -> Word:
    """The choice that was typed; raises `UserError` naming the option."""
    for choice in choices:
        if value == choice:
            return choice
    raise unknown(option, value, choices)


def folder_name(option: str, value: str | None) -> str | None:
    """A name that becomes a folder; raises `UserError` for one that could lead elsewhere."""
    if value is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise UserError(f"{option} takes letters, digits and . _ - (64 at most), got {value!r}")
    return value
