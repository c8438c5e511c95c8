"""The phase diagram as a table for a terminal: a letter for the winner, and by how much."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.phase_map.phase_map import TIED, MapCell, PhaseMap
from perceptron.report.numbers import digits

# As many as fit into a terminal of 100 columns, and a screen of 24 lines.
_COLUMNS, _LINES = 12, 16


def map_columns(found: PhaseMap) -> tuple[str, ...]:
    """Headings: both axes, then sizes of the first; ``>`` asks for a column flush right."""
    x, y = found.axes
    return (f"{y} ↑ {x} →>", *(f"{size:,}>" for size in _some(found.x_values, _COLUMNS)))


def map_rows(found: PhaseMap) -> list[tuple[str, ...]]:
    """Lines under these headings, the largest size of the second axis first, as on the figure.

    A cell such as ``n 3.2`` says that the backend of letter n is 3.2 times as fast as the next.
    Of a larger map some cells are shown, evenly spread, the outermost among them.
    """
    cells = {(cell.x, cell.y): cell for cell in found.cells}
    letters = _letters(found.backends)
    return [
        (f"{y:,}", *(_text(cells[x, y], letters) for x in _some(found.x_values, _COLUMNS)))
        for y in reversed(_some(found.y_values, _LINES))
    ]


def map_legend(found: PhaseMap) -> str:
    """What the letters and signs of the table mean."""
    told = [f"{letter} {backend}" for backend, letter in _letters(found.backends).items()]
    if TIED in found.shares:
        told.append("= tie within ±5 %")
    if "unknown" in found.shares:
        told.append("– nothing has a time")
    numbers = "numbers: how many times as fast as the next"
    return f"{', '.join(told)}; {numbers}" if len(found.backends) > 1 else ", ".join(told)


def _some(values: Sequence[int], most: int) -> list[int]:
    count = min(most, len(values))
    return [values[round(place * (len(values) - 1) / max(1, count - 1))] for place in range(count)]


def _text(cell: MapCell, letters: dict[str, str]) -> str:
    if cell.winner is None:
        return "–"
    if cell.winner == TIED:
        return "="
    letter = letters[cell.winner]
    return letter if cell.ratio is None else f"{letter} {digits(cell.ratio, 2)}"


def _letters(backends: Sequence[str]) -> dict[str, str]:
    """One letter for each, where they last: the first of one of its words, else any of its own."""
    found: dict[str, str] = {}
    for backend in backends:
        initials = [word[0] for word in backend.split("-") if word]
        free = [each for each in [*initials, *backend] if each not in found.values()]
        found[backend] = free[0] if free else backend
    return found
