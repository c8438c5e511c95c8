"""Find which piece of a pytest id belongs to which parameter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_OPAQUE = re.compile(r"UNSERIALIZABLE\[.*\]?|<.*>", re.DOTALL)


def is_plain(value: object) -> bool:
    """Return whether a parameter is a value to show, and no container or other object.

    pytest-benchmark writes ``UNSERIALIZABLE[...]`` for what JSON cannot hold
    (pytest_benchmark/utils.py).
    """
    if isinstance(value, str):
        return not _OPAQUE.fullmatch(value)
    return value is None or isinstance(value, bool | int | float)


def name_opaque(parameters: Mapping[str, Any], test_id: str | None) -> dict[str, Any]:
    """Return the parameters, with a piece of the id in place of each that is no plain value.

    pytest joins the pieces by ``-``, in the order of the parameters; an older one puts those of
    fixtures first among the parameters, and an id may have been given for several at once. Without
    an id they keep what pytest-benchmark wrote.
    """
    opaque = [name for name, value in parameters.items() if not is_plain(value)]
    if not opaque:
        return dict(parameters)
    named = _pieces(parameters, opaque, test_id.split("-")) if test_id else {}
    return {
        name: named.get(name, _ADDRESS.sub("", str(value))) if name in opaque else value
        for name, value in parameters.items()
    }


def _pieces(
    parameters: Mapping[str, Any], opaque: Sequence[str], pieces: list[str]
) -> dict[str, str]:
    spellings = [
        None if name in opaque else _spellings(value) for name, value in parameters.items()
    ]
    texts = _fit(spellings, pieces)
    if texts is not None:
        return dict(zip(parameters, texts, strict=True))
    if len(opaque) == 1:
        left = _without(pieces, [plain for plain in spellings if plain is not None])
        if left:
            return {opaque[0]: "-".join(left)}
    if len(pieces) == len(parameters):
        return dict(zip(parameters, pieces, strict=True))
    return dict.fromkeys(opaque, "-".join(pieces))


def _spellings(value: object) -> frozenset[str]:
    """Return how pytest may spell a plain value in an id (_pytest/python.py, ``IdMaker``)."""
    text = str(value)
    return frozenset({text, text.encode("unicode_escape").decode("ascii")})


def _fit(spellings: Sequence[frozenset[str] | None], pieces: Sequence[str]) -> list[str] | None:
    """Return a text for each parameter that together are the pieces in order; None if none fit.

    A text is one or more pieces. ``spellings`` are those that a parameter may have; None for any.
    """

    @cache
    def end(index: int, start: int) -> int | None:
        """Return where text ``index`` may end so that those after it fit the rest."""
        for stop in range(start + 1, len(pieces) - (len(spellings) - index) + 2):
            allowed = spellings[index]
            if allowed is not None and "-".join(pieces[start:stop]) not in allowed:
                continue
            if index == len(spellings) - 1:
                if stop == len(pieces):
                    return stop
            elif end(index + 1, stop) is not None:
                return stop
        return None

    texts, start = [], 0
    for index in range(len(spellings)):
        stop = end(index, start)
        if stop is None:
            return None
        texts.append("-".join(pieces[start:stop]))
        start = stop
    return texts


def _without(pieces: Sequence[str], plain: Sequence[frozenset[str]]) -> list[str]:
    """Return the pieces that are left once each plain value is removed at its first occurrence."""
    left = list(pieces)
    for spellings in plain:
        for words in (spelling.split("-") for spelling in spellings):
            starts = range(len(left) - len(words) + 1)
            start = next(
                (first for first in starts if left[first : first + len(words)] == words), None
            )
            if start is not None:
                del left[start : start + len(words)]
                break
    return left
