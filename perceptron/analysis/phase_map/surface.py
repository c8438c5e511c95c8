"""Time over two sizes: the cells between the measured ones, interpolated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.interpolate import NearestNDInterpolator, RBFInterpolator

from perceptron.analysis.interval import robust_mean
from perceptron.analysis.phase_map.grid import Array, Cell, CellGrid, Mask, Times

# Variance of log time that a distance of 1 in log size brings about beside the trend: how much a
# cell's noise counts against its neighbours. Found on simulated worlds; 0.005 to 0.02 do as well.
_ROUGHNESS = 0.01


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
    result: Array
    if np.linalg.matrix_rank(points - points[0]) < 2:  # on a line there is no plane to fit
        result = NearestNDInterpolator(points, values)(wanted)
    else:
        result = RBFInterpolator(points, values, smoothing=smoothing, kernel="linear", degree=1)(
            wanted
        )
    return result
