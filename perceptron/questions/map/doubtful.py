"""Which cells of a map to measure next: those whose winner is in doubt, apart from each other.

A coarse grid is measured first. After that each unknown cell is given the probability that it is
misjudged from what is known: the larger this is and the further away everything measured, the
sooner its turn.
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

# Of the cells, at most; but a border is as long as the map is wide, so that small maps get more.
_SHARE = 0.2
_PER_SIDE = _SHARE * 32
# Along each axis, measured everywhere: what is smaller than a quarter of the map in both sizes may
# be missed.
_COARSE = 5
# Cells asked for at once: enough to be worth starting processes, few enough to learn in between.
_BATCH = 24
# Of the cells, that may be misjudged; and the probability of one that is not worth measuring it.
_MISJUDGED = 0.003
_NEGLIGIBLE = 0.02
# Variance of log time that a distance of 1 in log size to what was measured brings about. Found on
# simulated cases; 0.02 to 0.04 do as well.
_ROUGHNESS = 0.025
# Probability of a cell whose expected winner works in some of the nearest measured cells only.
_MISJUDGED_AT_AN_EDGE = 0.2
_NEAREST = 4

Index = npt.NDArray[np.intp]


def next_cells(grid: CellGrid, known: Times) -> list[Cell]:
    """Return the cells to measure next, each of them unknown; none once the map is good enough.

    Depends only on what is known, so that a map cut short resumes as it would have continued.
    Cells in which nothing has a time are known too: their list of backends is empty.
    """
    coarse = [grid.at((x, y)) for x, y in product(*map(_evenly, grid.shape))]
    if unknown := [cell for cell in coarse if cell not in known]:
        return unknown
    allowed = max(_SHARE * grid.cells, _PER_SIDE * grid.cells**0.5)
    affordable = min(_BATCH, int(allowed) - len(known))
    fields = surfaces(grid, known)
    if not fields:
        return []
    points, measured = grid.points(), np.log(sorted(known))
    distances = np.linalg.norm(points[:, None] - measured[None], axis=-1)  # cells × measured
    logs = np.array([np.nan_to_num(field.ravel(), nan=np.inf) for field in fields.values()])
    best = logs.argmin(axis=0)
    leads, edge = _leads(logs, best), _at_an_edge(list(fields), best, known, distances)
    away, noise = distances.min(axis=1), variance_of_a_cell(known)
    misjudged = _misjudged(leads, edge, away, noise)
    if misjudged.sum() <= _MISJUDGED * grid.cells:
        return []
    chosen: list[Cell] = []
    while len(chosen) < affordable:
        place = int((misjudged * away).argmax())
        if misjudged[place] <= _NEGLIGIBLE:
            break
        chosen.append(grid.at(divmod(place, grid.shape[1])))
        away = np.minimum(away, np.linalg.norm(points - points[place], axis=-1))
        misjudged = _misjudged(leads, edge, away, noise)
    return chosen


def _evenly(count: int) -> list[int]:
    return sorted({round(step * (count - 1) / (_COARSE - 1)) for step in range(_COARSE)})


def _leads(logs: Array, best: Index) -> Array:
    """Return by how much log times, (backends, cells), exceed the least of each cell.

    That of the ``best`` itself is infinite, as are those of backends that have none.
    """
    least = logs.min(axis=0)
    leads: Array = logs - np.where(np.isinf(least), 0.0, least)  # infinite: nothing works there
    leads[best, np.arange(len(best))] = np.inf
    return leads


def _at_an_edge(backends: list[str], best: Index, known: Times, distances: Array) -> Array:
    """Return, by cell, how likely its expected winner fails nearby and it is misjudged."""
    edge = np.zeros(len(distances))
    for number, backend in enumerate(backends):
        works = np.array([backend in known[cell] for cell in sorted(known)])
        if not works.all():
            around = works[np.argsort(distances, axis=1, kind="stable")[:, :_NEAREST]]
            is_mixed = around.any(axis=1) & ~around.all(axis=1)
            edge[is_mixed & (best == number)] = _MISJUDGED_AT_AN_EDGE
    return edge


def _misjudged(leads: Array, edge: Array, away: Array, noise: float) -> Array:
    """Return the probability that another backend wins a cell by more than a tie; 0 if measured.

    A tie is the judge's: within ±5%. The difference of two log times is taken to be normal about
    the expected one.
    """
    from scipy.special import ndtr  # not for the help of a command

    spread = np.sqrt(2 * (noise + _ROUGHNESS * away)) + 1e-9
    wrong = edge + ndtr(-(leads + TIE) / spread).sum(axis=0)
    return np.where(away > 0, np.minimum(wrong, 0.5), 0.0)
