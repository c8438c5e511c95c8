from __future__ import annotations

from itertools import product
from math import inf

import pytest

from perceptron.analysis.phase_map.grid import log_grid
from perceptron.analysis.phase_map.phase_map import phase_map_of
from tests.analysis.phase_map.conftest import HEAVY, LIGHT, Cost, everywhere, measured
from tests.conftest import MakeRow


def test_the_border_is_where_both_take_equally_long(row: MakeRow) -> None:
    grid = log_grid((4, 256), (4, 256), 13)
    cells = list(product(grid.x_values, grid.y_values))
    phase_map = phase_map_of(measured(row, {"light": LIGHT, "heavy": HEAVY}, cells), grid)
    (border,) = phase_map.borders
    assert border.backends == ("heavy", "light")
    (line,) = border.lines
    assert all(x * y == pytest.approx(2_500, rel=0.02) for x, y in line)
    assert phase_map.summary == (
        "light wins 67 % of the map, heavy wins 33 %; heavy from rows × width ≈ 2,400 up."
    )


def test_a_border_ends_where_a_third_backend_is_faster(row: MakeRow) -> None:
    """Three regions meet in one point; no line runs on inside the third."""
    grid = log_grid((4, 256), (4, 256), 13)
    cells = list(product(grid.x_values, grid.y_values))
    costs: dict[str, Cost] = {
        "light": LIGHT,
        "heavy": HEAVY,
        "flat": lambda x, y: 3.5 * (x / 50) ** -1.0,
    }
    phase_map = phase_map_of(measured(row, costs, cells), grid)
    assert {border.backends for border in phase_map.borders} == {
        ("flat", "heavy"),
        ("flat", "light"),
        ("heavy", "light"),
    }
    for border in phase_map.borders:
        (third,) = set(costs) - set(border.backends)
        for x, y in (point for line in border.lines for point in line):
            best = min(costs[name](x, y) for name in border.backends)
            assert best <= 1.1 * costs[third](x, y)


def test_a_backend_never_wins_where_it_has_no_time(row: MakeRow) -> None:
    """However fast it is elsewhere; and its end is a border, halfway to where it fails."""
    fast: Cost = lambda x, y: inf if x * y > 3_000 else 0.5 * LIGHT(x, y)  # noqa: E731
    grid = log_grid((4, 256), (4, 256), 13)
    rows = everywhere(row, {"light": LIGHT, "fast": fast})
    phase_map = phase_map_of(rows, grid)
    for cell in phase_map.cells:
        if cell.measured:
            assert cell.winner == ("light" if cell.x * cell.y > 3_000 else "fast")
    assert phase_map.borders
    alone = next(cell for cell in phase_map.cells if (cell.x, cell.y) == (256, 256))
    assert (alone.winner, alone.second, alone.ratio) == ("light", None, None)
