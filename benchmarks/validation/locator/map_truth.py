"""Is the map right? Drawn in simulated worlds, whose winner is known in every cell."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np

from benchmarks.validation.locator.map_worlds import HIGH, LOW, MapWorld, world
from benchmarks.validation.locator.record import MapTruth
from perceptron.analysis.interval import TIE
from perceptron.analysis.phase_map.grid import Cell, CellGrid, log_grid, times_by_cell
from perceptron.analysis.phase_map.phase_map import PhaseMap, phase_map_of
from perceptron.analysis.phase_map.quadtree import next_cells
from perceptron.records.measurement import Measurement
from perceptron.studies.shared.progress import Progress

POINTS = 32


class _Score(NamedTuple):
    noise: float
    measured: float
    decided: int
    right: int
    sure: int


def map_truth(worlds: int, seed: int, progress: Progress) -> MapTruth:
    """Draw the maps of this many worlds, whose seeds count up from ``seed``.

    Raises ValueError for less than one world.
    """
    if worlds < 1:
        raise ValueError(f"needs at least one world, got {worlds}")
    grid = log_grid((LOW[0], HIGH[0]), (LOW[1], HIGH[1]), POINTS)
    scores = []
    for number in range(worlds):
        progress(number, worlds, f"world {seed + number}")
        map_world = world(seed + number)
        scores.append(_score(map_world, phase_map_of(explore(grid, map_world), grid)))
    progress(worlds, worlds, "done")
    measured = [score.measured for score in scores]
    right = [score.right / max(1, score.decided) for score in scores]
    return MapTruth(
        worlds=worlds,
        seed=seed,
        cells=grid.cells,
        measured_median=float(np.median(measured)),
        measured_95th=float(np.quantile(measured, 0.95)),
        measured_most=max(measured),
        right_overall=_share_right(scores),
        right_median=float(np.median(right)),
        right_least=min(right),
        right_worlds=float(np.mean(np.array(right) >= 0.99)),
        right_by_noise={
            f"{100 * noise:g} %": _share_right([one for one in scores if one.noise == noise])
            for noise in sorted({score.noise for score in scores})
        },
        told_overall=_share_right([score._replace(right=score.sure) for score in scores]),
    )


def _share_right(scores: Sequence[_Score]) -> float:
    return sum(score.right for score in scores) / max(1, sum(score.decided for score in scores))


def explore(grid: CellGrid, map_world: MapWorld) -> list[Measurement]:
    """Measure all rows of a map of this world."""
    rows: list[Measurement] = []
    while cells := next_cells(grid, times_by_cell(rows)):
        rows += [row for cell in cells for row in map_world.measure(*cell)]
    return rows


def _score(map_world: MapWorld, phase_map: PhaseMap) -> _Score:
    decided = right = sure = 0
    for cell in phase_map.cells:
        fastest = _decided(map_world, (cell.x, cell.y))
        if fastest is not None:
            decided += 1
            right += cell.fastest == fastest
            sure += cell.winner == fastest
    return _Score(
        map_world.noise, phase_map.cells_measured / len(phase_map.cells), decided, right, sure
    )


def _decided(map_world: MapWorld, cell: Cell) -> str | None:
    """Return the backend that is fastest by more than a tie, if one is."""
    ordered: Sequence[tuple[float, str]] = sorted(
        (seconds, backend)
        for backend, cost in map_world.costs.items()
        if (seconds := cost.seconds(*cell)) is not None
    )
    if len(ordered) > 1 and log(ordered[1][0] / ordered[0][0]) <= TIE:
        return None
    return ordered[0][1] if ordered else None
