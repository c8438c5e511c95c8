from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product
from math import exp, inf, log

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.analysis.phase_map.grid import log_grid
from perceptron.analysis.phase_map.phase_map import PhaseMap, phase
from perceptron.records.measurement import Measurement
from tests.conftest import MakeRow

Cost = Callable[[int, int], float]
SIZES = (4, 16, 64, 256)
LIGHT: Cost = lambda x, y: 1.0 + 1e-3 * x * y  # noqa: E731
HEAVY: Cost = lambda x, y: 3.0 + 2e-4 * x * y  # noqa: E731  equal at x·y = 2,500


def measured(
    row: MakeRow,
    costs: dict[str, Cost],
    cells: list[tuple[int, int]],
    noise: float = 0.0,
    **fields: object,
) -> list[Measurement]:
    random = np.random.default_rng(0)
    rows = []
    for (x, y), process, (name, cost) in product(cells, range(3), costs.items()):
        seconds = cost(x, y) * exp(random.normal(0, noise))
        where = {"family": "f", "problem": f"f:{x}x{y}", "size": x * y, "sizes": (x, y)}
        where |= {"backend": name, "process": process, **fields}
        if seconds < inf:
            rows.append(row(**where, seconds=seconds))
        elif process == 0:
            rows.append(row(**where, status="skipped", reason="too large"))
    return rows


def everywhere(row: MakeRow, costs: dict[str, Cost], noise: float = 0.0) -> list[Measurement]:
    return measured(row, costs, list(product(SIZES, SIZES)), noise)


def winners(found: PhaseMap) -> dict[tuple[int, int], str | None]:
    return {(cell.x, cell.y): cell.winner for cell in found.cells}


def test_a_measured_cell_is_judged_by_its_own_times(row: MakeRow) -> None:
    """The ratio is that of the times, with an interval, and says who is second."""
    found = phase(everywhere(row, {"light": LIGHT, "heavy": HEAVY}, noise=0.01))
    cell = found.cells[0]
    assert (cell.x, cell.y, cell.winner, cell.second) == (4, 4, "light", "heavy")
    assert cell.ratio == pytest.approx(HEAVY(4, 4) / LIGHT(4, 4), rel=0.03)
    assert cell.low is not None
    assert cell.high is not None
    assert 1 < cell.low < cell.ratio < cell.high
    assert found.cells_measured == len(found.cells) == 16
    assert (found.machine, found.dtype, found.threads) == ("box", "float32", 2)


def test_a_cell_between_is_judged_by_its_neighbours(row: MakeRow) -> None:
    """As right as can be, and without an interval."""
    grid = log_grid((4, 256), (4, 256), 13)
    found = phase(everywhere(row, {"light": LIGHT, "heavy": HEAVY}), grid)
    assert len(found.cells) == 13 * 13
    for cell in found.cells:
        assert cell.measured == (cell.x in SIZES and cell.y in SIZES)
        assert cell.measured or (cell.low is None and cell.high is None)
        truth = log(HEAVY(cell.x, cell.y) / LIGHT(cell.x, cell.y))
        if abs(truth) > 0.3:
            assert cell.winner == ("light" if truth > 0 else "heavy")
            assert cell.ratio == pytest.approx(exp(abs(truth)), rel=0.25)


def test_within_five_percent_is_a_tie(row: MakeRow) -> None:
    """Everywhere for equal backends; who is ahead by a hair is told beside it."""
    found = phase(everywhere(row, {"a": LIGHT, "b": lambda x, y: 1.04 * LIGHT(x, y)}))
    assert set(winners(found).values()) == {"tie"}
    assert {cell.fastest for cell in found.cells} == {"a"}
    assert found.shares == {"tie": 1.0}
    assert found.summary == "100 % is a tie within ±5 %."


def test_the_border_is_where_both_take_equally_long(row: MakeRow) -> None:
    grid = log_grid((4, 256), (4, 256), 13)
    cells = list(product(grid.x_values, grid.y_values))
    found = phase(measured(row, {"light": LIGHT, "heavy": HEAVY}, cells), grid)
    (border,) = found.borders
    assert border.backends == ("heavy", "light")
    (line,) = border.lines
    assert all(x * y == pytest.approx(2_500, rel=0.02) for x, y in line)
    assert found.summary == (
        "light wins 67 % of the map, heavy wins 33 %; heavy from rows × width ≈ 2,400 on."
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
    found = phase(measured(row, costs, cells), grid)
    assert {border.backends for border in found.borders} == {
        ("flat", "heavy"),
        ("flat", "light"),
        ("heavy", "light"),
    }
    for border in found.borders:
        (third,) = set(costs) - set(border.backends)
        for x, y in (point for line in border.lines for point in line):
            best = min(costs[name](x, y) for name in border.backends)
            assert best <= 1.1 * costs[third](x, y)


def test_a_backend_never_wins_where_it_has_no_time(row: MakeRow) -> None:
    """However fast it is elsewhere; and its end is a border, halfway to where it fails."""
    fast: Cost = lambda x, y: inf if x * y > 3_000 else 0.5 * LIGHT(x, y)  # noqa: E731
    grid = log_grid((4, 256), (4, 256), 13)
    rows = everywhere(row, {"light": LIGHT, "fast": fast})
    found = phase(rows, grid)
    for cell in found.cells:
        if cell.measured:
            assert cell.winner == ("light" if cell.x * cell.y > 3_000 else "fast")
    assert found.borders
    alone = next(cell for cell in found.cells if (cell.x, cell.y) == (256, 256))
    assert (alone.winner, alone.second, alone.ratio) == ("light", None, None)


def test_what_never_had_a_time_is_told_with_its_reason(row: MakeRow) -> None:
    absent: Cost = lambda x, y: inf  # noqa: E731
    found = phase(everywhere(row, {"light": LIGHT, "cuda": absent}))
    assert found.backends == ["light"]
    assert found.absent == {"cuda": "too large"}
    assert found.summary == "light wins 100 % of the map."
    assert found.borders == []


def test_where_nothing_works_nobody_wins(row: MakeRow) -> None:
    found = phase(everywhere(row, {"cuda": lambda x, y: inf}))
    assert set(winners(found).values()) == {None}
    assert found.shares == {"unknown": 1.0}
    assert found.summary == "in 100 % nothing has a time."


@pytest.mark.parametrize("cells", [[(4, 4)], [(4, 4), (16, 4)], [(4, 4), (16, 16), (64, 64)]])
def test_few_cells_are_a_map_too(row: MakeRow, cells: list[tuple[int, int]]) -> None:
    """One, or several on a line, between which there is no plane."""
    found = phase(measured(row, {"light": LIGHT, "heavy": HEAVY}, cells))
    assert found.cells_measured == len(cells)
    assert all(cell.winner is not None for cell in found.cells)


def test_rows_that_make_no_map_are_refused(row: MakeRow) -> None:
    """None at all, of one size, or of several machines."""
    with pytest.raises(ValueError, match="no rows"):
        phase([])
    with pytest.raises(ValueError, match="no rows"):
        phase([row(problem="mlp-width:4", seconds=1.0)])
    both = [
        each
        for machine in ("box", "tin")
        for each in measured(row, {"light": LIGHT}, [(4, 4)], machine=machine)
    ]
    with pytest.raises(ValueError, match="may not be compared"):
        phase(both)


def test_a_map_survives_json(row: MakeRow) -> None:
    found = phase(everywhere(row, {"light": LIGHT, "heavy": HEAVY}, noise=0.01))
    assert msgspec.json.decode(msgspec.json.encode(found), type=PhaseMap) == found


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), failing=st.floats(0, 0.6))
def test_the_order_of_rows_does_not_matter(seed: int, failing: float) -> None:
    """Nor do made-up times: shares add up, ratios are at least 1, and failures do not win."""
    random = np.random.default_rng(seed)
    rows = [
        Measurement(
            source="test",
            machine="box",
            when="2026-01-01T00:00:00Z",
            process=process,
            family="f",
            problem=f"f:{x}x{y}",
            size=x * y,
            sizes=(x, y),
            backend=backend,
            seconds=seconds,
            status="ok" if seconds else "failed",
        )
        for x, y in product(SIZES, SIZES)
        for process in range(2)
        for backend in ("a", "b", "c")
        for seconds in [None if random.random() < failing else random.exponential() + 1e-9]
    ]
    grid = log_grid((4, 256), (4, 256), 7)
    found = phase(rows, grid)
    shuffled = [rows[place] for place in random.permutation(len(rows))]
    assert phase(shuffled, grid) == found
    assert sum(found.shares.values()) == pytest.approx(1)
    timed = {(each.problem, each.backend) for each in rows if each.seconds}
    for cell in found.cells:
        assert cell.ratio is None or cell.ratio >= 1
        assert (
            not cell.measured
            or cell.fastest is None
            or ((f"f:{cell.x}x{cell.y}", cell.fastest) in timed)
        )
    for border in found.borders:
        for line in border.lines:
            assert all(first != last for first, last in pairwise(line))
