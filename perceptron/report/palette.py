"""One colour and dash for each backend, on every figure.

The colours are Okabe and Ito's, told apart by people with any kind of colour blindness
(https://jfly.uni-koeln.de/color/, 2008), darkened a little where they are thin on white.
"""

from __future__ import annotations

import hashlib
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
}
_OTHERS = (
    Stroke("#CC79A7", (4, 1.5), "^"),
    Stroke("#A07800", (2, 2), "P"),
    Stroke("#5D3A9B", (8, 2), "X"),
    Stroke("#444444", (3, 1, 1, 1), "*"),
)


def stroke(backend: str) -> Stroke:
    """The same for the same name, whatever else is shown beside it."""
    if backend in _KNOWN:
        return _KNOWN[backend]
    number = int.from_bytes(hashlib.sha256(backend.encode()).digest()[:4], "big")
    return _OTHERS[number % len(_OTHERS)]
