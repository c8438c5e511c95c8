from __future__ import annotations

from math import inf
from statistics import median

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.validation.locator.maps import map_truth
from perceptron.questions.map.doubtful import next_cells
from perceptron.questions.map.grid import Cell, CellGrid, log_grid
from tests.made import silent
from tests.watching import unwatched

GRID = log_grid((16, 8192), (4, 2048), 32)


def explore(grid: CellGrid, times: dict[str, object]) -> list[Cell]:
    """All cells asked for, where a backend's time is a function of the cell, or inf for none."""
    known: dict[Cell, dict[str, list[float]]] = {}
    while cells := next_cells(grid, known):
        assert len(set(cells)) == len(cells)
        assert not known.keys() & set(cells)
        for cell in cells:
            exact = {name: cost(*cell) for name, cost in times.items()}  # type: ignore[operator]
            known[cell] = {name: [seconds] * 3 for name, seconds in exact.items() if seconds < inf}
    return list(known)


def test_few_cells_are_measured_and_nearly_all_are_right() -> None:
    """At 32 × 32 at most 20%, and 99% right outside ±5%, in worlds with steps and islands.

    Over all worlds; a world of 8% noise, or with a small memory, may be a little below.
    """
    with unwatched():  # the other tests of maps run the same lines
        scores = map_truth(12, 100, silent).scores
    measured = sorted(score.measured for score in scores)
    assert measured[-1] <= 0.20
    assert median(measured) <= 0.16
    clear = sum(score.clear for score in scores)
    assert sum(score.right for score in scores) >= 0.995 * clear
    assert sum(score.decided for score in scores) >= 0.98 * clear
    right = sorted(score.right / score.clear for score in scores)
    assert right[0] >= 0.98
    assert right[1] >= 0.99
    assert median(right) >= 0.998


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    points=st.integers(2, 20),
    backends=st.integers(1, 3),
    failing=st.floats(0, 1),
)
def test_asking_ends_whatever_is_answered(
    seed: int, points: int, backends: int, failing: float
) -> None:
    """Times without any order, and backends that fail here and there: no cell is asked for twice.

    That is checked while exploring; the number of cells is bounded.
    """
    random = np.random.default_rng(seed)
    grid = log_grid((1, 500), (3, 90), points)
    times = {
        f"backend-{number}": lambda x, y: inf if random.random() < failing else random.exponential()
        for number in range(backends)
    }
    cells = explore(grid, times)
    assert set(cells) <= {(x, y) for x in grid.x_values for y in grid.y_values}
    assert len(cells) <= max(25, 0.2 * grid.cells, 6.4 * grid.cells**0.5)


def test_explore_clear_winner_needs_coarse_grid_only() -> None:
    times = {"numpy": lambda x, y: 1.0 + x * y, "torch-cpu": lambda x, y: 3.0 * (1.0 + x * y)}
    assert len(explore(GRID, times)) == 25
