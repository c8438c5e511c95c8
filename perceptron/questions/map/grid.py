"""The cells of a map: what was measured in some, and log times interpolated in all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import robust_mean
from perceptron.statistics.select import is_own, times
from perceptron.statistics.trimmed_mean import Array

# Variance of log time that a distance of 1 in log size brings about beside the trend: how much a
# cell's noise counts against its neighbours. Found on simulated cases; 0.005 to 0.02 do as well.
_ROUGHNESS = 0.01

Cell = tuple[int, int]
"""A size on the first axis and one on the second."""
Times = Mapping[Cell, Mapping[str, Sequence[float]]]
"""For each cell that was tried, the seconds of each backend that has any there."""
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


def rows_by_cell(rows: Iterable[Measurement]) -> dict[Cell, list[Measurement]]:
    """Return the rows of each cell; rows without two sizes are left out."""
    return grouped((row for row in rows if row.sizes is not None), lambda row: row.sizes or (0, 0))


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
    return [row for row in rows if row.sizes not in cut]


def times_by_cell(rows: Iterable[Measurement]) -> dict[Cell, dict[str, list[float]]]:
    """Return seconds per iteration by cell and backend, in the order of the processes."""
    return {
        cell: {
            backend: [seconds for _, seconds in sorted(by_process.items())]
            for backend in sorted({row.backend for row in members})
            if (by_process := times(members, backend))
        }
        for cell, members in rows_by_cell(rows).items()
    }


# --- between the measured cells -------------------------------------------------------------------


def surfaces(grid: CellGrid, known: Times) -> dict[str, Array]:
    """Return the log seconds of each backend in every cell of the grid; NaN where it has no time.

    Linear in the logarithms of both sizes but for the distances to the measured cells: kriging
    with a linear variogram (Matheron, Economic Geology 58, 1963), whose noise is that of the
    processes. Where some cells tried have no time, a cell has one on the same side as most near it.
    """
    tried = sorted(known)
    backends = sorted({backend for cell in tried for backend in known[cell]})
    smoothing = variance_of_a_cell(known) / _ROUGHNESS
    everywhere = grid.points()
    fields = {}
    for backend in backends:
        timed = [cell for cell in tried if backend in known[cell]]
        logs = np.array([robust_mean(np.log(known[cell][backend]))[0] for cell in timed])
        surface = _between(np.log(timed), logs, everywhere, smoothing)
        if len(timed) < len(tried):
            surface[~mostly(grid, {cell: backend in known[cell] for cell in tried})] = np.nan
        fields[backend] = surface.reshape(grid.shape)
    return fields


def mostly(grid: CellGrid, known: Mapping[Cell, bool]) -> Mask:
    """Return for every cell, in the order of the grid's points, what is true of most near it."""
    cells = sorted(known)
    sides = np.array([1.0 if known[cell] else -1.0 for cell in cells])
    mask: Mask = _between(np.log(cells), sides, grid.points()) >= 0
    return mask


def variance_of_a_cell(known: Times) -> float:
    """Return the variance of a cell's mean log time over its processes; 0 without several."""
    variances = [
        np.log(seconds).var(ddof=1) / len(seconds)
        for cell in sorted(known)
        for _, seconds in sorted(known[cell].items())
        if len(seconds) > 1
    ]
    return float(np.mean(variances)) if variances else 0.0


def _between(points: Array, values: Array, wanted: Array, smoothing: float = 0.0) -> Array:
    # Not for the help of a command.
    from scipy.interpolate import NearestNDInterpolator, RBFInterpolator

    result: Array
    if np.linalg.matrix_rank(points - points[0]) < 2:  # on a line there is no plane to fit
        result = NearestNDInterpolator(points, values)(wanted)
    else:
        result = RBFInterpolator(points, values, smoothing=smoothing, kernel="linear", degree=1)(
            wanted
        )
    return result
