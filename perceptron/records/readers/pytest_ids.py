"""Which piece of a pytest id belongs to which parameter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_OPAQUE = re.compile(r"UNSERIALIZABLE\[.*\]?|<.*>", re.DOTALL)


def is_plain(value: object) -> bool:
    """Whether a parameter is a value to show, not a container or an object pytest-benchmark named.

    It writes ``UNSERIALIZABLE[...]`` for what JSON has not (pytest_benchmark/utils.py).
    """
    if isinstance(value, str):
        return not _OPAQUE.fullmatch(value)
    return value is None or isinstance(value, bool | int | float)


def name_opaque(parameters: Mapping[str, Any], test_id: str | None) -> dict[str, Any]:
    """The parameters, where each that is not a plain value has its piece of the id instead.

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
    wanted = [None if name in opaque else _spellings(value) for name, value in parameters.items()]
    found = _fit(wanted, pieces)
    if found is not None:
        return dict(zip(parameters, found, strict=True))
    if len(opaque) == 1:
        left = _without(pieces, [each for each in wanted if each is not None])
        if left:
            return {opaque[0]: "-".join(left)}
    if len(pieces) == len(parameters):
        return dict(zip(parameters, pieces, strict=True))
    return dict.fromkeys(opaque, "-".join(pieces))


def _spellings(value: object) -> frozenset[str]:
    """How pytest may spell a plain value in an id (_pytest/python.py, ``IdMaker``)."""
    text = str(value)
    return frozenset({text, text.encode("unicode_escape").decode("ascii")})


def _fit(wanted: Sequence[frozenset[str] | None], pieces: Sequence[str]) -> list[str] | None:
    """A text for each of ``wanted`` that together are the pieces in order; None if none fits.

    A text is one or more pieces; one that is wanted as it is may be among several spellings.
    """

    @cache
    def end(place: int, start: int) -> int | None:
        """Where the text of ``place`` may end so that the others fit the rest."""
        for stop in range(start + 1, len(pieces) - (len(wanted) - place) + 2):
            spellings = wanted[place]
            if spellings is not None and "-".join(pieces[start:stop]) not in spellings:
                continue
            if place == len(wanted) - 1:
                if stop == len(pieces):
                    return stop
            elif end(place + 1, stop) is not None:
                return stop
        return None

    texts, start = [], 0
    for place in range(len(wanted)):
        stop = end(place, start)
        if stop is None:
            return None
        texts.append("-".join(pieces[start:stop]))
        start = stop
    return texts


def _without(pieces: Sequence[str], plain: Sequence[frozenset[str]]) -> list[str]:
    """The pieces that are left when each plain value has been taken out once, where it stands."""
    left = list(pieces)
    for spellings in plain:
        for words in (spelling.split("-") for spelling in spellings):
            starts = range(len(left) - len(words) + 1)
            start = next((at for at in starts if left[at : at + len(words)] == words), None)
            if start is not None:
                del left[start : start + len(words)]
                break
    return left
