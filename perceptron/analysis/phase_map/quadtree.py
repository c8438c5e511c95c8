"""Which cells of a map to measure next: a quadtree that divides where the winner is in doubt.

The grid is a block; a block is divided at the middle of its sides, whose crossings are measured.
Two divisions are made everywhere. After that each block is given the number of its cells whose
winner is likely misjudged from what is known, and those with most for each new cell come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import ndtr

from perceptron.analysis.interval import TIE
from perceptron.analysis.phase_map.grid import (
    Array,
    Cell,
    CellGrid,
    Mask,
    Times,
    surfaces,
    variance_of_a_cell,
)

# Of the cells, at most; but a border is as long as the map is wide, so that small maps get more.
_SHARE = 0.2
_PER_SIDE = _SHARE * 32
# Divisions made everywhere: what is smaller than a quarter of the map in both sizes may be missed.
_COARSE = 2
# Cells asked for at once: enough to be worth starting processes, few enough to learn in between.
_BATCH = 24
# Of the cells, that may be misjudged; and cells of one block that are not worth dividing it.
_MISJUDGED = 0.003
_NEGLIGIBLE = 0.05
# Error of interpolating in a quarter over that in the whole: 1/4 for a bend, 1/2 for a kink, 1 for
# a step. Found on simulated cases.
_SHRINKING = 0.35
_LEAST_ERROR = 1e-3  # of a log time, where a block happens to fit exactly
# Beyond how many cells in a block a backend stops working cannot be interpolated.
_MISJUDGED_AT_AN_EDGE = 0.2

Index = tuple[int, int]
Fields = dict[str, Array]


@dataclass(frozen=True)
class _Block:
    """Indices ``x[0] … x[1]`` by ``y[0] … y[1]`` of the grid, both ends included.

    ``errors`` is that of a log time interpolated in it, for each backend.
    """

    x: Index
    y: Index
    errors: dict[str, float]

    @property
    def corners(self) -> list[Index]:
        return [(x, y) for x in self.x for y in self.y]

    @property
    def nodes(self) -> list[Index]:
        """Indices that must be measured to divide it, its corners among them."""
        return [(x, y) for x in _with_middle(self.x) for y in _with_middle(self.y)]

    @property
    def is_divisible(self) -> bool:
        return len(self.nodes) > 4

    def divide(self, errors: dict[str, float]) -> list[_Block]:
        return [
            _Block(x, y, errors)
            for x in pairwise(_with_middle(self.x))
            for y in pairwise(_with_middle(self.y))
        ]


def next_cells(grid: CellGrid, known: Times) -> list[Cell]:
    """Return the cells to measure next, each of them unknown; none once the map is good enough.

    Depends only on what is known, so that a map cut short resumes as it would have continued.
    Cells in which nothing has a time are known too: their list of backends is empty.
    """
    root = _Block((0, grid.shape[0] - 1), (0, grid.shape[1] - 1), {})
    measured = np.array([[(x, y) in known for y in grid.y_values] for x in grid.x_values])
    coarse = [index for index in _coarse(root) if not measured[index]]
    if coarse:
        return [grid.at(index) for index in coarse]
    allowed = max(_SHARE * grid.cells, _PER_SIDE * grid.cells**0.5)
    affordable = max(0, min(_BATCH, int(allowed) - int(measured.sum())))
    doubtful = _most_in_doubt(grid, known, root, measured)
    return [grid.at(index) for index in doubtful[:affordable]]


def _with_middle(ends: Index) -> list[int]:
    return sorted({ends[0], (ends[0] + ends[1]) // 2, ends[1]})


def _coarse(root: _Block) -> list[Index]:
    blocks = [root]
    indices: set[Index] = set()
    for _ in range(_COARSE):
        indices.update(index for block in blocks for index in block.nodes)
        blocks = [part for block in blocks for part in block.divide({})]
    return sorted(indices)


def _most_in_doubt(grid: CellGrid, known: Times, root: _Block, measured: Mask) -> list[Index]:
    """Return unknown cells that divide blocks, most useful first; none if little is in doubt."""
    expected = surfaces(grid, known)
    if not expected:
        return []
    measured_logs = _log_times(grid, known, list(expected))
    noise = variance_of_a_cell(known)
    doubts = []
    for block in _leaves(root, measured, measured_logs):
        if block.is_divisible:
            new = [index for index in block.nodes if not measured[index]]
            doubts.append((_misjudged(block, expected, measured_logs, measured, noise), new))
    if sum(count for count, _ in doubts) <= _MISJUDGED * grid.cells:
        return []
    doubts.sort(key=lambda doubt: -doubt[0] / len(doubt[1]))  # stable: equal ones keep order
    return list(
        dict.fromkeys(index for count, new in doubts if count > _NEGLIGIBLE for index in new)
    )


def _log_times(grid: CellGrid, known: Times, backends: Sequence[str]) -> Fields:
    """Return the measured log times on the grid; NaN where there is none."""
    fields = {backend: np.full(grid.shape, np.nan) for backend in backends}
    for across, x in enumerate(grid.x_values):
        for along, y in enumerate(grid.y_values):
            for backend, seconds in known.get((x, y), {}).items():
                fields[backend][across, along] = np.log(seconds).mean()
    return fields


def _leaves(block: _Block, measured: Mask, measured_logs: Fields) -> Iterator[_Block]:
    """Yield the blocks that are not divided yet."""
    if not block.is_divisible or not all(measured[index] for index in block.nodes):
        yield block
        return
    errors = {}
    for backend, field in measured_logs.items():
        off = np.nan_to_num([field[index] - _plane(block, field, index) for index in block.nodes])
        inherited = _SHRINKING * block.errors.get(backend, 0.0)
        errors[backend] = _SHRINKING * max(float(np.abs(off).max()), inherited)
    for part in block.divide(errors):
        yield from _leaves(part, measured, measured_logs)


def _plane(block: _Block, field: Array, index: Index) -> float:
    """Return the log time at an index, bilinear between the corners of a block."""
    (left, right), (low, high) = block.x, block.y
    across = (index[0] - left) / max(1, right - left)
    along = (index[1] - low) / max(1, high - low)
    before = (1 - along) * field[left, low] + along * field[left, high]
    after = (1 - along) * field[right, low] + along * field[right, high]
    return float((1 - across) * before + across * after)


def _misjudged(
    block: _Block, expected: Fields, measured_logs: Fields, measured: Mask, noise: float
) -> float:
    """Return how many unknown cells of a block another likely wins, by more than a tie.

    The difference of two log times is taken to be normal about the expected one.
    """
    inside = (slice(block.x[0], block.x[1] + 1), slice(block.y[0], block.y[1] + 1))
    logs = np.array([np.nan_to_num(field[inside], nan=np.inf) for field in expected.values()])
    errors = np.array([max(block.errors.get(name, 0.0), _LEAST_ERROR) for name in expected])
    best = logs.argmin(axis=0)
    least = np.where(np.isinf(logs.min(axis=0)), 0.0, logs.min(axis=0))  # inf: nothing works there
    wrong = np.zeros(best.shape)
    for number, backend in enumerate(expected):
        spread = np.sqrt(errors[number] ** 2 + errors[best] ** 2 + 2 * noise)
        wrong += np.where(best == number, 0.0, ndtr(-(logs[number] - least + TIE) / spread))
        works = [not np.isnan(measured_logs[backend][corner]) for corner in block.corners]
        if any(works) and not all(works):
            wrong[best == number] += _MISJUDGED_AT_AN_EDGE
    return float(np.minimum(wrong, 0.5).sum(where=~measured[inside]))
