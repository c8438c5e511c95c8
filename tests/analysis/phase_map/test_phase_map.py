from __future__ import annotations

from itertools import pairwise, product
from math import exp, inf, log

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.analysis.phase_map.grid import log_grid
from perceptron.analysis.phase_map.phase_map import PhaseMap, phase_map_of
from tests.analysis.phase_map.conftest import BOTH, HEAVY, LIGHT, SIZES, Cost, everywhere, in_cells
from tests.made import measured

GRID = log_grid((4, 256), (4, 256), 13)
EVERY_CELL = list(product(GRID.x_values, GRID.y_values))


def winners(phase_map: PhaseMap) -> dict[tuple[int, int], str | None]:
    return {(cell.x, cell.y): cell.winner for cell in phase_map.cells}


def test_a_measured_cell_is_judged_by_its_own_times() -> None:
    """The ratio is that of the times, with an interval, and says who is second."""
    phase_map = phase_map_of(everywhere(BOTH, noise=0.01))
    cell = phase_map.cells[0]
    assert (cell.x, cell.y, cell.winner, cell.second) == (4, 4, "light", "heavy")
    assert cell.ratio == pytest.approx(HEAVY(4, 4) / LIGHT(4, 4), rel=0.03)
    assert 1 < cell.low < cell.ratio < cell.high
    assert phase_map.cells_measured == len(phase_map.cells) == 16
    assert (phase_map.machine, phase_map.dtype, phase_map.threads) == ("box", "float32", 2)


def test_between_cells_of_power_laws_the_ratio_is_exact() -> None:
    """In the logarithms of time and sizes they are planes. There is no interval."""
    flat: Cost = lambda x, y: 1e-6 * x * y**0.5  # noqa: E731
    steep: Cost = lambda x, y: 1e-7 * x**1.5 * y  # noqa: E731
    cells = phase_map_of(everywhere({"flat": flat, "steep": steep}), GRID).cells
    assert len(cells) == 13 * 13
    for cell in cells:
        ahead = log(flat(cell.x, cell.y) / steep(cell.x, cell.y))
        assert cell.ratio == pytest.approx(exp(abs(ahead)))
        assert cell.fastest == ("steep" if ahead > 0 else "flat")
        assert cell.measured == (cell.x in SIZES and cell.y in SIZES)
        assert cell.measured or (cell.low is None and cell.high is None)


def test_within_five_percent_is_a_tie() -> None:
    """Everywhere for equal backends; who is ahead by a hair is still named."""
    phase_map = phase_map_of(everywhere({"a": LIGHT, "b": lambda x, y: 1.04 * LIGHT(x, y)}))
    assert set(winners(phase_map).values()) == {"tie"}
    assert {cell.fastest for cell in phase_map.cells} == {"a"}
    assert phase_map.shares == {"tie": 1.0}


def test_what_never_had_a_time_has_its_reason() -> None:
    absent: Cost = lambda x, y: inf  # noqa: E731
    phase_map = phase_map_of(everywhere({"light": LIGHT, "cuda": absent}))
    assert phase_map.backends == ["light"]
    assert phase_map.absent == {"cuda": "too large"}
    assert phase_map.shares == {"undecided": 1.0}
    assert phase_map.borders == []


def test_only_decided_cells_are_counted() -> None:
    """Where one side waited for cores nobody wins, be it 8,600 times as fast; nor near there."""
    slow: Cost = lambda x, y: 8600 * LIGHT(x, y)  # noqa: E731
    rows = [
        replace(one, waited=0.0 if one.backend == "light" else waited)
        for waited, xs in ((0.5, (4, 16)), (0.0, (64, 256)))
        for one in in_cells({"light": LIGHT, "slow": slow}, list(product(xs, SIZES)))
    ]
    phase_map = phase_map_of(rows)
    assert {cell.x for cell in phase_map.cells if cell.decided} == {64, 256}
    assert phase_map.shares == {"light": 0.5, "undecided": 0.5}
    between = phase_map_of(rows, GRID)
    assert {cell.decided for cell in between.cells if cell.x < 30} == {False}
    assert {cell.decided for cell in between.cells if cell.x > 36} == {True}


def test_one_process_decides_no_cell() -> None:
    rows = everywhere(BOTH)
    phase_map = phase_map_of(one for one in rows if one.repeat == 0)
    assert phase_map.shares == {"undecided": 1.0}


@pytest.mark.parametrize(
    ("reason", "decided"),
    [("too large", True), ("the worker was ended by SIGKILL (out of memory?)", False)],
)
def test_alone_in_a_cell_wins_it_unless_a_rival_was_killed(reason: str, decided: bool) -> None:
    """The same command tries that one again."""
    heavy: Cost = lambda x, y: inf if x == 256 else HEAVY(x, y)  # noqa: E731
    rows = [
        replace(one, status="failed", reason=reason) if one.reason else one
        for one in everywhere({"light": LIGHT, "heavy": heavy})
    ]
    cells = [cell for cell in phase_map_of(rows).cells if cell.x == 256]
    assert {(cell.winner, cell.decided) for cell in cells} == {("light", decided)}


def test_a_third_backend_may_win_too() -> None:
    """Its time is the longest because its threads waited for cores."""
    third: Cost = lambda x, y: 100 * LIGHT(x, y)  # noqa: E731
    rows = everywhere({"light": LIGHT, "heavy": HEAVY, "third": third})
    waited = [replace(one, waited=0.9 if one.backend == "third" else 0.0) for one in rows]
    assert not any(cell.decided for cell in phase_map_of(waited).cells)
    assert any(cell.decided for cell in phase_map_of(rows).cells)


def test_where_nothing_works_nobody_wins() -> None:
    phase_map = phase_map_of(everywhere({"cuda": lambda x, y: inf}))
    assert set(winners(phase_map).values()) == {None}
    assert phase_map.shares == {"unknown": 1.0}


@pytest.mark.parametrize("cells", [[(4, 4)], [(4, 4), (16, 4)], [(4, 4), (16, 16), (64, 64)]])
def test_few_cells_are_a_map_too(cells: list[tuple[int, int]]) -> None:
    """One, or several on a line, between which there is no plane."""
    phase_map = phase_map_of(in_cells(BOTH, cells))
    assert phase_map.cells_measured == len(cells)
    assert all(cell.winner is not None for cell in phase_map.cells)


def test_rows_that_make_no_map_are_refused() -> None:
    """None at all, of one size, or of several machines."""
    with pytest.raises(ValueError, match="no rows"):
        phase_map_of([])
    with pytest.raises(ValueError, match="no rows"):
        phase_map_of([measured(problem="mlp-width:4", seconds=1.0)])
    mixed = [
        one
        for machine in ("box", "tin")
        for one in in_cells({"light": LIGHT}, [(4, 4)], machine=machine)
    ]
    with pytest.raises(ValueError, match="may not be compared"):
        phase_map_of(mixed)


def test_the_border_is_where_both_take_equally_long() -> None:
    phase_map = phase_map_of(in_cells(BOTH, EVERY_CELL), GRID)
    (border,) = phase_map.borders
    assert border.backends == ("heavy", "light")
    (line,) = border.lines
    assert all(x * y == pytest.approx(2_500, rel=0.02) for x, y in line)
    assert phase_map.summary.endswith("; heavy from rows × width ≈ 2,400")


def test_a_border_ends_where_a_third_backend_is_faster() -> None:
    """Three regions meet in one point; no line runs on inside the third."""
    costs: dict[str, Cost] = {
        "light": LIGHT,
        "heavy": HEAVY,
        "flat": lambda x, y: 3.5 * (x / 50) ** -1.0,
    }
    phase_map = phase_map_of(in_cells(costs, EVERY_CELL), GRID)
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


def test_a_backend_never_wins_where_it_has_no_time() -> None:
    """However fast it is elsewhere; and its end is a border, halfway to where it fails."""
    fast: Cost = lambda x, y: inf if x * y > 3_000 else 0.5 * LIGHT(x, y)  # noqa: E731
    phase_map = phase_map_of(everywhere({"light": LIGHT, "fast": fast}), GRID)
    for cell in phase_map.cells:
        if cell.measured:
            assert cell.winner == ("light" if cell.x * cell.y > 3_000 else "fast")
    assert phase_map.borders
    alone = next(cell for cell in phase_map.cells if (cell.x, cell.y) == (256, 256))
    assert (alone.winner, alone.second, alone.ratio) == ("light", None, None)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), failing=st.floats(0, 0.6))
@example(seed=12820, failing=0.0)  # a border of which two points round to the same
def test_the_order_of_rows_does_not_matter(seed: int, failing: float) -> None:
    """Nor do made-up times: shares add up, ratios are at least 1, and failures do not win."""
    random = np.random.default_rng(seed)
    rows = [
        measured(
            repeat=process,
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
    phase_map = phase_map_of(rows, grid)
    shuffled = [rows[index] for index in random.permutation(len(rows))]
    assert phase_map_of(shuffled, grid) == phase_map
    assert sum(phase_map.shares.values()) == pytest.approx(1)
    timed = {(one.problem, one.backend) for one in rows if one.seconds}
    for cell in phase_map.cells:
        assert cell.ratio is None or cell.ratio >= 1
        assert (
            not cell.measured
            or cell.fastest is None
            or ((f"f:{cell.x}x{cell.y}", cell.fastest) in timed)
        )
    for border in phase_map.borders:
        for line in border.lines:
            assert all(first != last for first, last in pairwise(line))
