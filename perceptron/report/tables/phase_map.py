"""The phase map as a table for a terminal: a letter for the winner, and by how much."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.phase_map.phase_map import (
    TIED,
    UNDECIDED,
    UNKNOWN,
    MapCell,
    MapResult,
    PhaseMap,
)
from perceptron.numbers import NONE, count, digits
from perceptron.report.tables.terminal import out, table

# As many as fit into a terminal of 100 columns, and a screen of 24 lines.
_COLUMNS, _LINES = 12, 16


def show(result: MapResult) -> None:
    """Print the map as a table, what its letters mean, and what it says in one sentence."""
    phase_map = result.map
    table(f"{phase_map.family}: who is fastest", map_columns(phase_map), map_rows(phase_map))
    out.print(map_legend(phase_map), markup=False, soft_wrap=True)
    out.print(f"{phase_map.summary}\n", markup=False, soft_wrap=True)
    if result.not_refined:
        out.print(f"{not_refined_line(result)}\n", markup=False, soft_wrap=True)


def not_refined_line(result: MapResult) -> str:
    """Return what there was no time for."""
    cells = "1 cell" if result.not_refined == 1 else f"{count(result.not_refined)} cells"
    return f"No time was left for {cells} in which the winner is in doubt; they are interpolated."


def map_columns(phase_map: PhaseMap) -> tuple[str, ...]:
    """Return the headings: both axes, then sizes of the first.

    One that ends in ``>`` is of a column flush right.
    """
    x, y = phase_map.axes
    return (f"{y} ↑ {x} →>", *(f"{count(size)}>" for size in _some(phase_map.x_values, _COLUMNS)))


def map_rows(phase_map: PhaseMap) -> list[tuple[str, ...]]:
    """Return the rows under these headings.

    The largest size of the second axis comes first, as on the figure.
    A cell such as ``n 3.2`` says that the backend of letter n is 3.2 times as fast as the next.
    Of a larger map some cells are shown, evenly spread, the outermost among them.
    """
    cells = {(cell.x, cell.y): cell for cell in phase_map.cells}
    letters = _letters(phase_map.backends)
    return [
        (count(y), *(_text(cells[x, y], letters) for x in _some(phase_map.x_values, _COLUMNS)))
        for y in reversed(_some(phase_map.y_values, _LINES))
    ]


def map_legend(phase_map: PhaseMap) -> str:
    """Return what the letters and signs of the table mean."""
    meanings = [f"{letter} {backend}" for backend, letter in _letters(phase_map.backends).items()]
    if any(cell.winner == TIED for cell in phase_map.cells):
        meanings.append("= tie within ±5 %")
    if UNDECIDED in phase_map.shares:
        meanings.append("? undecided")
    if UNKNOWN in phase_map.shares:
        meanings.append("– nothing has a time")
    legend = ", ".join(meanings)
    if len(phase_map.backends) > 1:
        legend += "; numbers: how many times as fast as the next"
    return legend


def _some(values: Sequence[int], most: int) -> list[int]:
    number = min(most, len(values))
    last, steps = len(values) - 1, max(1, number - 1)
    return [values[round(index * last / steps)] for index in range(number)]


def _text(cell: MapCell, letters: dict[str, str]) -> str:
    if cell.winner is None:
        return NONE
    doubt = "" if cell.decided else "?"
    if cell.winner == TIED:
        return f"={doubt}"
    ahead = "" if cell.ratio is None else f" {digits(cell.ratio, 2)}"
    return f"{letters[cell.winner]}{ahead}{doubt}"


def _letters(backends: Sequence[str]) -> dict[str, str]:
    """Return a letter for each backend: the first of one of its words, else any of its own.

    Where all its letters are taken, the whole name.
    """
    letters: dict[str, str] = {}
    for backend in backends:
        initials = [word[0] for word in backend.split("-") if word]
        free = [letter for letter in [*initials, *backend] if letter not in letters.values()]
        letters[backend] = free[0] if free else backend
    return letters
