"""The cells of a map: two sizes on logarithmic axes, and what was measured in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from perceptron.analysis.select import is_own, times
from perceptron.records.measurement import Measurement

Cell = tuple[int, int]
"""A size on the first axis and one on the second."""
Times = Mapping[Cell, Mapping[str, Sequence[float]]]
"""For each cell that was tried, the seconds of each backend that has any there."""
Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class CellGrid:
    """Sizes along both axes, each ascending."""

    x_values: tuple[int, ...]
    y_values: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.x_values), len(self.y_values)

    @property
    def cells(self) -> int:
        return len(self.x_values) * len(self.y_values)

    def at(self, index: tuple[int, int]) -> Cell:
        """Return the cell at an index along each axis."""
        return self.x_values[index[0]], self.y_values[index[1]]

    def points(self) -> Array:
        """Return the logarithms of the sizes of every cell: (cells, 2), second axis fastest."""
        across, along = np.meshgrid(np.log(self.x_values), np.log(self.y_values), indexing="ij")
        return np.stack([across.ravel(), along.ravel()], axis=1)


def log_grid(x_range: tuple[int, int], y_range: tuple[int, int], points: int) -> CellGrid:
    """Return a grid of whole numbers in geometric steps between the ends of each axis, inclusive.

    Where a range has fewer whole numbers than ``points``, or steps would be less than 1, the axis
    is shorter. Raises ValueError for a range that does not ascend from 1, or fewer than 2 points.
    """
    if points < 2:
        raise ValueError(f"a map needs at least 2 points along an axis, got {points}")
    return CellGrid(_steps(*x_range, points), _steps(*y_range, points))


def _steps(low: int, high: int, points: int) -> tuple[int, ...]:
    if not 1 <= low < high:
        raise ValueError(f"{low} to {high} is no range of sizes")
    exact = np.exp(np.linspace(log(low), log(high), points))
    return tuple(int(value) for value in np.unique(np.rint(exact)))


def grid_of(cells: Iterable[Cell]) -> CellGrid:
    """Return the smallest grid that holds these cells."""
    cells = list(cells)
    return CellGrid(tuple(sorted({x for x, _ in cells})), tuple(sorted({y for _, y in cells})))


def cell_of(row: Measurement) -> Cell | None:
    """Return the two sizes of a row; None for a row of a family with one."""
    return row.sizes


def rows_by_cell(rows: Iterable[Measurement]) -> dict[Cell, list[Measurement]]:
    """Return the rows of each cell; rows without two sizes are left out."""
    by_cell: dict[Cell, list[Measurement]] = {}
    for row in rows:
        cell = cell_of(row)
        if cell is not None:
            by_cell.setdefault(cell, []).append(row)
    return by_cell


def whole_cells(rows: Iterable[Measurement]) -> list[Measurement]:
    """Return rows without those of ours in cells whose measuring was cut short.

    In such a cell a backend that has times elsewhere has no row, not even one with a reason: the
    others must not win there because of that.
    """
    rows = list(rows)
    backends = {row.backend for row in rows if row.status == "ok"}
    cut = {
        cell
        for cell, members in rows_by_cell(rows).items()
        if all(map(is_own, members)) and not backends <= {row.backend for row in members}
    }
    return [row for row in rows if cell_of(row) not in cut]


def times_by_cell(rows: Iterable[Measurement]) -> dict[Cell, dict[str, list[float]]]:
    """Return seconds per iteration by cell and backend, in the order of the processes."""
    by_cell: dict[Cell, dict[str, list[float]]] = {}
    for cell, members in rows_by_cell(rows).items():
        here = by_cell.setdefault(cell, {})
        for backend in sorted({row.backend for row in members}):
            by_process = times(members, backend)
            if by_process:
                here[backend] = [by_process[process] for process in sorted(by_process)]
    return by_cell
