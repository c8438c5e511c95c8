"""Where the winner of a map changes, as lines."""

from __future__ import annotations

from itertools import combinations, groupby

import numpy as np
from msgspec import Struct
from scipy.interpolate import RegularGridInterpolator

from perceptron.analysis.phase_map.grid import Array, CellGrid

# Log-ratio beyond which it no longer says how far the border is: a step, or a backend that stops
# working, is put halfway between two cells.
_STEEP = 0.3
# Points for each one of a line, where it is cut off behind a third backend.
_FINER = 8
_DIGITS = 4  # significant ones of a size on a border

Line = list[tuple[float, float]]


class Border(Struct, frozen=True):
    """Sizes at which the two fastest backends take equally long.

    Each line is of points in units of the axes, straight on logarithmic ones; it is closed if its
    ends meet.
    """

    backends: tuple[str, str]
    lines: list[Line]


def borders(grid: CellGrid, surfaces: dict[str, Array]) -> list[Border]:
    """Return the border of each two backends that have one; ``surfaces`` are log times."""
    if min(grid.shape) < 2:
        return []
    shared = []
    for first, second in combinations(sorted(surfaces), 2):
        others = [field for name, field in surfaces.items() if name not in (first, second)]
        lines = [
            _rounded(part)
            for line in _zeros(grid, surfaces[first], surfaces[second])
            for part in _where_fastest(grid, line, surfaces[first], surfaces[second], others)
        ]
        if lines := [line for line in lines if len(line) > 1]:
            shared.append(Border((first, second), lines))
    return shared


def _zeros(grid: CellGrid, first: Array, second: Array) -> list[Array]:
    """Return lines, in logarithms of both sizes, along which two log times are equal."""
    from contourpy import LineType, contour_generator  # here: only maps need it

    ratio = np.clip(_slow_if_none(first) - _slow_if_none(second), -_STEEP, _STEEP)
    lines = contour_generator(
        np.log(grid.x_values),
        np.log(grid.y_values),
        np.ma.masked_array(ratio, np.isnan(first) & np.isnan(second)).T,
        line_type=LineType.Separate,
    ).lines(0.0)
    return [np.asarray(line) for line in lines]


def _where_fastest(
    grid: CellGrid, line: Array, first: Array, second: Array, others: list[Array]
) -> list[Array]:
    """Return the stretches of a line on which no other backend is faster than these two."""
    fine = _finer(line)
    ours = np.minimum(_along(grid, fine, first), _along(grid, fine, second))
    ahead = np.ones(len(fine), bool)
    for field in others:
        ahead &= ours <= _along(grid, fine, field)
    corner = np.arange(len(fine)) % _FINER == 0
    cuts = np.flatnonzero(np.diff(ahead)) + 1
    ends = np.zeros(len(fine), bool)
    ends[[0, -1, *cuts, *(cuts - 1)]] = True
    kept = np.split(ahead & (corner | ends), cuts)
    return [part[here] for part, here in zip(np.split(fine, cuts), kept, strict=True)]


def _finer(line: Array) -> Array:
    """Return the same line with more points, so that it is cut close to where it should be."""
    steps = np.arange(0, len(line) - 1 + 0.5 / _FINER, 1 / _FINER)
    numbers = np.arange(len(line))
    return np.stack([np.interp(steps, numbers, line[:, axis]) for axis in (0, 1)], axis=1)


def _along(grid: CellGrid, line: Array, field: Array) -> Array:
    """Interpolate a field along a line."""
    axes = (np.log(grid.x_values), np.log(grid.y_values))
    values: Array = RegularGridInterpolator(axes, _slow_if_none(field))(
        np.clip(line, [axis[0] for axis in axes], [axis[-1] for axis in axes])
    )
    return values


def _slow_if_none(field: Array) -> Array:
    """Return the field with a backend slower than any other where it has no time."""
    return np.nan_to_num(field, nan=1e3)


def _rounded(line: Array) -> Line:
    """Return sizes of their logarithms; points that round to the same one are one."""
    points = [(_size(x), _size(y)) for x, y in np.exp(line)]
    return [point for point, _ in groupby(points)]


def _size(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
