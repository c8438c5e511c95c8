"""One colour and dash for each backend, on every figure.

The colours are Okabe and Ito's, told apart by people with any kind of colour blindness
(https://jfly.uni-koeln.de/color/, 2008), darkened a little where they are thin on white.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple


class Stroke(NamedTuple):
    """How a backend's line is drawn."""

    colour: str
    dash: tuple[float, ...]
    """Lengths of line and gap in points; empty for a solid line."""
    marker: str


_KNOWN = {
    "numpy": Stroke("#0072B2", (), "o"),
    "numpy-published": Stroke("#56B4E9", (1.5, 1.5), "v"),
    "torch-cpu": Stroke("#D55E00", (6, 2), "s"),
    "torch-cuda": Stroke("#009E73", (6, 2, 1.5, 2), "D"),
    "torch-cuda-graph": Stroke("#00664B", (3, 1.5), "d"),
}
_OTHERS = (
    Stroke("#CC79A7", (4, 1.5), "^"),
    Stroke("#A07800", (2, 2), "P"),
    Stroke("#5D3A9B", (8, 2), "X"),
    Stroke("#444444", (3, 1, 1, 1), "*"),
    Stroke("#8C1515", (5, 1, 1, 1), "v"),
    Stroke("#007C7C", (1, 1), "<"),
    Stroke("#7A5C3E", (10, 3), ">"),
    Stroke("#9AA800", (6, 1, 2, 1), "p"),
)


def stroke(backend: str) -> Stroke:
    """The same for the same name, whatever else is shown beside it."""
    return strokes([backend])[backend]


def strokes(backends: Iterable[str]) -> dict[str, Stroke]:
    """A stroke for each, no two alike as far as they last.

    A backend that is not ours has the one that its name picks, or, where another of these picks
    the same, the next that is free.
    """
    names = sorted(set(backends))
    found = {name: _KNOWN[name] for name in names if name in _KNOWN}
    taken: set[int] = set()
    for name in names:
        if name not in found:
            place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
            free = [
                step for step in range(len(_OTHERS)) if (place + step) % len(_OTHERS) not in taken
            ]
            place = (place + (free[0] if free else 0)) % len(_OTHERS)
            taken.add(place)
            found[name] = _OTHERS[place]
    return found
