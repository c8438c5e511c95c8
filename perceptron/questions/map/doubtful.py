"""Choose the cells of a map to measure next: doubtful ones, far from each other.

A coarse grid is measured first. Then each unmeasured cell gets the probability that it is misjudged
by interpolation; cells with a large probability, far from all measured cells, come first.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

from perceptron.questions.map.grid import (
    Cell,
    CellGrid,
    Times,
    surfaces,
    variance_of_a_cell,
)
from perceptron.statistics.interval import TIE
from perceptron.statistics.trimmed_mean import Array

# Largest share of cells to measure; small maps get more, as a border is as long as the map is wide.
_SHARE = 0.2
_PER_SIDE = _SHARE * 32
# Points of the coarse grid along each axis: a region smaller than a quarter of the map along both
# axes may be missed.
_COARSE = 5
# Cells requested at once: enough to be worth starting processes, few enough to adapt in between.
_BATCH = 24
# Share of cells that may be misjudged, and probability below which a cell is not worth measuring.
_MISJUDGED = 0.003
_NEGLIGIBLE = 0.02
# Variance of the interpolated log time per distance of 1 in log size to the nearest measured cell.
# Tuned on simulated cases; 0.02 to 0.04 do as well.
_ROUGHNESS = 0.025
# Probability for a cell whose expected winner failed in some of the nearest measured cells.
_MISJUDGED_AT_AN_EDGE = 0.2
_NEAREST = 4

Index = npt.NDArray[np.intp]


def next_cells(grid: CellGrid, tried: Times) -> list[Cell]:
    """Return the untried cells to measure next; none once the map is good enough.

    They depend only on ``tried``, so an interrupted map resumes as it would have continued. A cell
    in which every backend failed is in ``tried`` too, with an empty mapping.
    """
    coarse = [grid.at((x, y)) for x, y in product(*map(_evenly, grid.shape))]
    if unknown := [cell for cell in coarse if cell not in tried]:
        return unknown
    allowed = max(_SHARE * grid.cells, _PER_SIDE * grid.cells**0.5)
    affordable = min(_BATCH, int(allowed) - len(tried))
    fields = surfaces(grid, tried)
    if not fields:
        return []
    points, measured = grid.points(), np.log(sorted(tried))
    distances = np.linalg.norm(points[:, None] - measured[None], axis=-1)  # cells × measured
    logs = np.array([np.nan_to_num(field.ravel(), nan=np.inf) for field in fields.values()])
    best = logs.argmin(axis=0)
    leads, edge = _leads(logs, best), _at_an_edge(list(fields), best, tried, distances)
    away, noise = distances.min(axis=1), variance_of_a_cell(tried)
    misjudged = _misjudged(leads, edge, away, noise)
    if misjudged.sum() <= _MISJUDGED * grid.cells:
        return []
    chosen: list[Cell] = []
    while len(chosen) < affordable:
        index = int((misjudged * away).argmax())
        if misjudged[index] <= _NEGLIGIBLE:
            break
        chosen.append(grid.at(divmod(index, grid.shape[1])))
        away = np.minimum(away, np.linalg.norm(points - points[index], axis=-1))
        misjudged = _misjudged(leads, edge, away, noise)
    return chosen


def _evenly(count: int) -> list[int]:
    return sorted({round(step * (count - 1) / (_COARSE - 1)) for step in range(_COARSE)})


def _leads(logs: Array, best: Index) -> Array:
    """Return by how much log times, shape (backends, cells), exceed the least of each cell.

    The entry is infinite for the ``best`` backend itself, and for backends without a time.
    """
    least = logs.min(axis=0)
    leads: Array = logs - np.where(np.isinf(least), 0.0, least)  # infinite: nothing works there
    leads[best, np.arange(len(best))] = np.inf
    return leads


def _at_an_edge(backends: list[str], best: Index, tried: Times, distances: Array) -> Array:
    """Return, by cell, the extra probability of a misjudgement where the winner failed nearby."""
    edge = np.zeros(len(distances))
    for number, backend in enumerate(backends):
        works = np.array([backend in tried[cell] for cell in sorted(tried)])
        if not works.all():
            around = works[np.argsort(distances, axis=1, kind="stable")[:, :_NEAREST]]
            is_mixed = around.any(axis=1) & ~around.all(axis=1)
            edge[is_mixed & (best == number)] = _MISJUDGED_AT_AN_EDGE
    return edge


def _misjudged(leads: Array, edge: Array, away: Array, noise: float) -> Array:
    """Return the probability, by cell, that another backend wins by more than ±5%; 0 if measured.

    The difference of two log times is assumed to be normal around the interpolated one.
    """
    from scipy.special import ndtr  # not for the help of a command

    spread = np.sqrt(2 * (noise + _ROUGHNESS * away)) + 1e-9
    wrong = edge + ndtr(-(leads + TIE) / spread).sum(axis=0)
    return np.where(away > 0, np.minimum(wrong, 0.5), 0.0)
