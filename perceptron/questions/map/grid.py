"""The cells of a map: their measured times, and log times interpolated over the whole grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import robust_mean
from perceptron.statistics.select import is_of_suite, times
from perceptron.statistics.trimmed_mean import Array

# Variance of log time, beside the trend, per distance of 1 in log size: the larger it is, the less
# a cell's time is smoothed. Tuned on simulated cases; 0.005 to 0.02 do as well.
_ROUGHNESS = 0.01

Cell = tuple[int, int]
"""The size on the first axis and the size on the second."""
Times = Mapping[Cell, Mapping[str, Sequence[float]]]
"""The seconds of each backend that has a time, by cell that was tried."""
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
        """Return the log sizes of every cell, shape (cells, 2), with the second axis fastest."""
        across, along = np.meshgrid(np.log(self.x_values), np.log(self.y_values), indexing="ij")
        return np.stack([across.ravel(), along.ravel()], axis=1)


def log_grid(x_range: tuple[int, int], y_range: tuple[int, int], points: int) -> CellGrid:
    """Return a grid of whole numbers in geometric steps between the ends of each axis, inclusive.

    An axis is shorter than ``points`` if rounded steps coincide. Raises ValueError for a range
    that does not ascend from at least 1, or for fewer than 2 points.
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
    """Return the rows without our cells whose measurement was interrupted.

    In such a cell a backend that has times elsewhere has no row, not even a failed one; the others
    must not win there for that reason.
    """
    rows = list(rows)
    backends = {row.backend for row in rows if row.status == "ok"}
    cut = {
        cell
        for cell, members in rows_by_cell(rows).items()
        if all(map(is_of_suite, members)) and not backends <= {row.backend for row in members}
    }
    return [row for row in rows if row.sizes not in cut]


def times_by_cell(rows: Iterable[Measurement]) -> dict[Cell, dict[str, list[float]]]:
    """Return the seconds per iteration by cell and backend, in the order of processes."""
    return {
        cell: {
            backend: [seconds for _, seconds in sorted(by_process.items())]
            for backend in sorted({row.backend for row in members})
            if (by_process := times(members, backend))
        }
        for cell, members in rows_by_cell(rows).items()
    }


# --- between the measured cells -------------------------------------------------------------------


def surfaces(grid: CellGrid, times_of_cells: Times) -> dict[str, Array]:
    """Return the log seconds of each backend, shape ``grid.shape``; NaN where it has no time.

    They are interpolated in the logarithms of both sizes by kriging with a linear trend and a
    linear variogram (Matheron, Economic Geology 58, 1963); the noise is that between processes. If
    a backend failed in some cells, a cell has a time if most measured cells near it have.
    """
    tried = sorted(times_of_cells)
    backends = sorted({backend for cell in tried for backend in times_of_cells[cell]})
    smoothing = variance_of_a_cell(times_of_cells) / _ROUGHNESS
    everywhere = grid.points()
    fields = {}
    for backend in backends:
        timed = [cell for cell in tried if backend in times_of_cells[cell]]
        logs = np.array([robust_mean(np.log(times_of_cells[cell][backend]))[0] for cell in timed])
        surface = _between(np.log(timed), logs, everywhere, smoothing)
        if len(timed) < len(tried):
            surface[~mostly(grid, {cell: backend in times_of_cells[cell] for cell in tried})] = (
                np.nan
            )
        fields[backend] = surface.reshape(grid.shape)
    return fields


def mostly(grid: CellGrid, is_true: Mapping[Cell, bool]) -> Mask:
    """Return whether ``is_true`` holds in most cells near each cell of the grid; shape (cells,)."""
    cells = sorted(is_true)
    sides = np.array([1.0 if is_true[cell] else -1.0 for cell in cells])
    mask: Mask = _between(np.log(cells), sides, grid.points()) >= 0
    return mask


def variance_of_a_cell(times_of_cells: Times) -> float:
    """Return the average variance of a cell's mean log time over processes; 0 for single times."""
    variances = [
        np.log(seconds).var(ddof=1) / len(seconds)
        for cell in sorted(times_of_cells)
        for _, seconds in sorted(times_of_cells[cell].items())
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
