"""One colour and dash for each backend, on every figure.

The colours are Okabe and Ito's, distinguishable for people with any kind of colour blindness
(https://jfly.uni-koeln.de/color/, 2008), darkened a little where they are thin on white.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from perceptron.statistics.over_processes import name_and_processes


class Stroke(NamedTuple):
    """The look of a backend's line."""

    colour: str
    dark: str
    """The same hue on dark paper."""
    dash: tuple[float, ...]
    """Lengths of line and gap in points; empty for a solid line."""
    marker: str
    token: str = ""
    """The name of its colour in the style sheet of pages, on light paper and on dark."""


_KNOWN = {
    "numpy": Stroke("#0072B2", "#4DA9E8", (), "o"),
    "numpy-published": Stroke("#56B4E9", "#8CCDF5", (1.5, 1.5), "v"),
    "numpy-inplace": Stroke("#007C7C", "#38BDBD", (4, 1.5), "<"),
    "python": Stroke("#A07800", "#D2A416", (2, 2), "P"),
    "numba": Stroke("#5D3A9B", "#A98BE3", (8, 2), "X"),
    "torch-cpu": Stroke("#D55E00", "#FF8A3D", (6, 2), "s"),
    "torch-cpu-dataloader": Stroke("#B8336A", "#F07BA8", (2, 1, 2, 3), "h"),
    "torch-cpu-fused": Stroke("#A04000", "#FFB27A", (9, 2, 1, 2), "D"),
    "torch-cpu-functional": Stroke("#CC79A7", "#E39AC3", (4, 1.5), "^"),
    "torch-cpu-manual": Stroke("#8C1515", "#F0716B", (5, 1, 1, 1), "p"),
    "torch-cpu-bmm": Stroke("#C0392B", "#FF8371", (1, 2, 5, 2), "X"),
    "torch-cpu-compiled": Stroke("#7A5C3E", "#C29A72", (10, 3), ">"),
    "torch-ddp": Stroke("#B3541E", "#F2A65A", (6, 2, 2, 2), "d"),
    "jax-cpu": Stroke("#444444", "#B5B8BF", (3, 1, 1, 1), "*"),
    "torch-cuda": Stroke("#009E73", "#2BC79A", (6, 2, 1.5, 2), "D"),
    "torch-cuda-dataloader": Stroke("#4C8A2B", "#86C95F", (2, 1, 6, 1), "H"),
    "torch-cuda-fused": Stroke("#1E8449", "#58D68D", (9, 2, 1, 2), "s"),
    "torch-cuda-manual": Stroke("#2E6F8E", "#6FB3D3", (5, 1, 2, 1), "p"),
    "torch-cuda-manual-graph": Stroke("#1B4F72", "#5A9BC4", (4, 2, 1, 2), "h"),
    "torch-cuda-bmm": Stroke("#117A65", "#48C9B0", (1, 2, 5, 1), "X"),
    "torch-cuda-compiled": Stroke("#6B8E23", "#A5C85A", (10, 2, 2, 2), ">"),
    "torch-cuda-graph": Stroke("#00664B", "#17A884", (3, 1.5), "d"),
    "torch-cuda-persistent": Stroke("#1B3A6B", "#7FA6E8", (12, 2), "P"),
    "cupy": Stroke("#C2410C", "#FDA172", (1, 3), "s"),
    "jax-cuda": Stroke("#9AA800", "#BBC93A", (6, 1, 2, 1), "v"),
    "torch-ddp-cuda": Stroke("#2F7A4D", "#7CD4A0", (6, 2, 2, 2), "d"),
    "torch-mps": Stroke("#8E4585", "#C98AC2", (7, 2, 1, 2), "s"),
    "torch-xpu": Stroke("#3F51B5", "#8E9BE8", (7, 1), "D"),
}
_OTHERS = (
    Stroke("#CC79A7", "#E39AC3", (9, 2, 2, 2), "o"),
    Stroke("#A07800", "#D2A416", (1, 1), "s"),
    Stroke("#5D3A9B", "#A98BE3", (2, 1), "^"),
    Stroke("#444444", "#B5B8BF", (7, 3), "D"),
    Stroke("#8C1515", "#F0716B", (3, 3), "v"),
    Stroke("#007C7C", "#38BDBD", (8, 1, 1, 1), "X"),
    Stroke("#7A5C3E", "#C29A72", (1, 2), "P"),
    Stroke("#9AA800", "#BBC93A", (5, 2), "<"),
)
# Machines in figures of a single backend, and the parts of bars: eight strokes as different as
# possible in colour, dash and marker.
MACHINES = (
    Stroke("#0072B2", "#4DA9E8", (), "o", "--m0"),
    Stroke("#D55E00", "#FF8A3D", (6, 2), "s", "--m1"),
    Stroke("#009E73", "#2BC79A", (2, 2), "^", "--m2"),
    Stroke("#5D3A9B", "#A98BE3", (8, 2, 2, 2), "D", "--m3"),
    Stroke("#A07800", "#D2A416", (10, 3), "v", "--m4"),
    Stroke("#B8336A", "#F07BA8", (4, 1.5), "X", "--m5"),
    Stroke("#444444", "#B5B8BF", (3, 1, 1, 1), "P", "--m6"),
    Stroke("#007C7C", "#38BDBD", (9, 1.5, 1.5, 1.5), "<", "--m7"),
)


_MARKERS = "os^DvXP<"
# The share of a colour that remains with the most processes.
_LEAST = 0.4


def _of_ours(backend: str) -> Stroke | None:
    """Return the stroke of a built-in backend, None for any other.

    Over several processes it has the backend's hue, darker with more processes (on dark paper
    lighter), and dots between its dashes.
    """
    name, processes = name_and_processes(backend)
    single = _KNOWN.get(name)
    if single is None or processes == 1:
        return single if name == backend else None
    doublings = min(processes.bit_length() - 1, 6)
    remaining = 1 - (1 - _LEAST) * doublings / 6
    return Stroke(
        _mixed(single.colour, 0, remaining),
        _mixed(single.dark, 255, remaining),
        (4 + processes % 9, 2) + (1, 2) * doublings,
        _MARKERS[processes % len(_MARKERS)],
    )


def _mixed(colour: str, paper: int, left: float) -> str:
    """Mix the share ``left`` of a colour with black (0) or white (255)."""
    channels = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{round(left * c + (1 - left) * paper):02X}" for c in channels)


def stroke(backend: str) -> Stroke:
    """Return the stroke of a backend, the same in every figure."""
    return strokes([backend])[backend]


def strokes(backends: Iterable[str]) -> dict[str, Stroke]:
    """Return a stroke for each backend, all different as long as there are enough.

    A third-party backend gets the stroke that its name picks or, where another of these picks the
    same, the next free one.
    """
    names = sorted(set(backends))
    chosen = {name: look for name in names if (look := _of_ours(name)) is not None}
    used: set[int] = set()
    for name in names:
        if name not in chosen:
            index = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
            free = [
                step for step in range(len(_OTHERS)) if (index + step) % len(_OTHERS) not in used
            ]
            index = (index + (free[0] if free else 0)) % len(_OTHERS)
            used.add(index)
            chosen[name] = _OTHERS[index]
    return {
        name: look._replace(token=f"--s{index}")
        for index, (name, look) in enumerate(chosen.items())
    }
