"""The figure of a phase map: hue for the winner, intensity for its lead."""

from __future__ import annotations

from math import log

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from perceptron.analysis.phase_map.phase_map import TIED, UNDECIDED, UNKNOWN, MapCell, PhaseMap
from perceptron.figure import Cell, MapFigure, Region
from perceptron.numbers import digits, interval

# Ratios at which the colours may end; the first that nine cells in ten do not exceed is taken.
_TOPS = (2, 4, 8, 16, 32, 64)
# The smallest share of the map that has room for a name.
_LABELLED = 0.03


def map_figure(phase_map: PhaseMap) -> MapFigure:
    """Return the map with its borders and names.

    Every region carries the name of its winner, so that nothing is shown by colour alone.
    """
    top = _top_ratio(phase_map)
    x, y = phase_map.axes
    height = len(phase_map.y_values)
    cells = [_cell(phase_map, cell, top) for cell in phase_map.cells]
    return MapFigure(
        alt=f"Map of {phase_map.family} over {x} and {y}, both logarithmic. {phase_map.summary}.",
        caption="Colour: the fastest backend, stronger with its lead over the next, up to "
        f"{top}×. Dots: measured cells, open where undecided. Lines: equal times. Grey: a tie "
        "within 5%. Palest: undecided.",
        key=_key(phase_map),
        height=560,
        x_title=x,
        y_title=y,
        x_values=tuple(phase_map.x_values),
        y_values=tuple(phase_map.y_values),
        backends=tuple(phase_map.backends),
        top=top,
        cells=tuple(
            tuple(cells[column * height + row] for column in range(len(phase_map.x_values)))
            for row in range(height)
        ),
        borders=tuple(
            tuple((point[0], point[1]) for point in line)
            for border in phase_map.borders
            for line in border.lines
        ),
        regions=tuple(_regions(phase_map)),
    )


def _top_ratio(phase_map: PhaseMap) -> int:
    """Return the ratio at which the colours end: nine cells in ten do not exceed it, or 64.

    Of those that are decided.
    """
    ratios = [cell.ratio for cell in phase_map.cells if cell.ratio is not None and cell.decided]
    wanted = float(np.quantile(ratios, 0.9)) if ratios else 1.0
    return next((top for top in _TOPS if top >= wanted), _TOPS[-1])


def _cell(phase_map: PhaseMap, cell: MapCell, top: int) -> Cell:
    tie = cell.winner == TIED
    strength = 1.0 if cell.ratio is None else min(1.0, log(cell.ratio) / log(top))
    strength = strength if cell.decided else 0.0
    return Cell(
        backend=None if tie else cell.winner,
        strength=strength,
        tie=tie,
        measured=cell.measured,
        decided=cell.decided,
        text=_text(phase_map, cell),
    )


def _text(phase_map: PhaseMap, cell: MapCell) -> str:
    x, y = phase_map.axes
    where = f"{x} {cell.x:,}, {y} {cell.y:,}: "
    if cell.winner is None or cell.fastest is None:
        return where + "no backend has a time"
    if cell.ratio is None:
        return where + f"only {cell.fastest} has a time"
    ahead = interval(cell.ratio, cell.low, cell.high) if cell.measured else digits(cell.ratio)
    how = "measured" if cell.measured else "between measured cells"
    tie = ", a tie" if cell.winner == TIED else ""
    doubt = "" if cell.decided else ", undecided"
    return f"{where}{cell.fastest} {ahead}× as fast as {cell.second}{tie}{doubt}; {how}"


def _regions(phase_map: PhaseMap) -> list[Region]:
    """Return the names of the winners, each where its region is widest, and what is undecided."""
    shape = (len(phase_map.x_values), len(phase_map.y_values))
    winners = np.array([cell.answer for cell in phase_map.cells]).reshape(shape)
    # By how much a backend is ahead is known where it was measured.
    leads = [cell.ratio if cell.ratio and cell.measured else 1.0 for cell in phase_map.cells]
    ratios = np.array(leads).reshape(shape)
    regions = []
    for backend in (*phase_map.backends, UNDECIDED):
        areas, count = ndimage.label(winners == backend)
        for number in range(1, count + 1):
            area = areas == number
            if area.mean() >= _LABELLED:
                most = float(ratios[area].max())
                is_ahead = backend != UNDECIDED and most > 1
                detail = f"up to {digits(most, 2)}× faster" if is_ahead else ""
                regions.append(Region(*_middle(area), backend, detail))
    return regions


def _middle(area: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return the cell of the area that is far from its edge, and of those the most central."""
    depth = ndimage.distance_transform_edt(np.pad(area, 1))[1:-1, 1:-1]
    deepest = np.argwhere(depth >= 0.9 * depth.max())
    middle = np.argwhere(area).mean(axis=0)
    x, y = deepest[((deepest - middle) ** 2).sum(axis=1).argmin()]
    return int(x), int(y)


def _key(phase_map: PhaseMap) -> str:
    parts = ["dots: measured (open: undecided)"]
    if phase_map.borders:
        parts.append("lines: borders")
    if any(cell.winner == TIED for cell in phase_map.cells):
        parts.append("grey: tie within 5%")
    if UNKNOWN in phase_map.shares:
        parts.append("white: no time")
    return "; ".join(parts)
