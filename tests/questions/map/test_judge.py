from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product
from math import exp, inf

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.questions.map.grid import log_grid
from perceptron.questions.map.judge import MapCell, phase_map_of, sentence
from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import Interval
from perceptron.statistics.ranking import rank_rows
from tests.made import measured
from tests.made_verdicts import CASES, rows_of

Cost = Callable[[int, int], float]
SIZES = (4, 16, 64, 256)
LIGHT: Cost = lambda x, y: 1.0 + 1e-3 * x * y  # noqa: E731
HEAVY: Cost = lambda x, y: 3.0 + 2e-4 * x * y  # noqa: E731  equal at x·y = 2,500
BOTH: dict[str, Cost] = {"light": LIGHT, "heavy": HEAVY}
GRID = log_grid((4, 256), (4, 256), 13)
EVERY_CELL = list(product(GRID.x_values, GRID.y_values))


def in_cells(
    costs: dict[str, Cost], cells: list[tuple[int, int]], noise: float = 0.0, **fields: object
) -> list[Measurement]:
    """Three processes of each backend in each cell; a cost of inf is a cell that was refused."""
    random = np.random.default_rng(0)
    rows = []
    for (x, y), process, (name, cost) in product(cells, range(3), costs.items()):
        seconds = cost(x, y) * exp(random.normal(0, noise))
        where = {"family": "f", "problem": f"f:{x}x{y}", "size": x * y, "sizes": (x, y)}
        where |= {"backend": name, "repeat": process, **fields}
        if seconds < inf:
            rows.append(measured(**where, seconds=seconds))
        elif process == 0:
            rows.append(measured(**where, status="skipped", reason="too large"))
    return rows


def everywhere(costs: dict[str, Cost], noise: float = 0.0) -> list[Measurement]:
    return in_cells(costs, list(product(SIZES, SIZES)), noise)


@pytest.mark.parametrize("name", CASES)
def test_map_cell_agrees_with_ranking(name: str) -> None:
    case = CASES[name]
    (cell,) = phase_map_of(rows_of(case, sizes=(4, 4))).cells
    winner = "tie" if case.ties else "numpy" if case.slower else "undecided"
    assert (cell.winner, cell.decided) == (winner, case.decided)
    ratio = rank_rows(rows_of(case)).ratios["numba"]
    assert ratio == Interval(cell.ratio, cell.low, cell.high)


def test_map_open_cell_shows_deciding_interval() -> None:
    """Not that of a tie, which is closer by its estimate."""
    noisy = CASES["noisy"].seconds
    rows = rows_of(
        replace(CASES["noisy"], seconds=noisy | {"torch-cpu": (1.02e-3,) * 7}), sizes=(4, 4)
    )
    (cell,) = phase_map_of(rows).cells
    ratio = rank_rows(rows).ratios["numba"]
    assert (cell.winner, cell.second) == ("undecided", "numba")
    assert ratio == Interval(cell.ratio, cell.low, cell.high)


def test_between_two_winners_is_no_tie() -> None:
    """Where interpolated times are equal nothing says that a winner's lead is below 5%.

    Near measured ties they say so.
    """
    turned: Cost = lambda x, y: LIGHT(x, y) * (2.0 if x < 32 else 0.5)  # noqa: E731
    turning = phase_map_of(everywhere({"a": LIGHT, "b": turned}), GRID)
    assert turning.shares.keys() == {"a", "b"}
    close: Cost = lambda x, y: 1.02 * LIGHT(x, y)  # noqa: E731
    assert phase_map_of(everywhere({"a": LIGHT, "b": close}), GRID).shares == {"tie": 1.0}


def test_map_shares_count_decided_cells_only() -> None:
    """Where one side waited for cores nobody wins, be it 8,600 times as fast; nor near there."""
    slow: Cost = lambda x, y: 8600 * LIGHT(x, y)  # noqa: E731
    rows = [
        replace(cell, waited=0.0 if cell.backend == "light" else waited)
        for waited, xs in ((0.5, (4, 16)), (0.0, (64, 256)))
        for cell in in_cells({"light": LIGHT, "slow": slow}, list(product(xs, SIZES)))
    ]
    phase_map = phase_map_of(rows)
    assert {cell.x for cell in phase_map.cells if cell.decided == "yes"} == {64, 256}
    assert phase_map.shares == {"light": 0.5, "undecided": 0.5}
    between = phase_map_of(rows, GRID)
    assert {cell.decided for cell in between.cells if cell.x < 30} == {"no"}
    assert {cell.decided for cell in between.cells if cell.x > 36} == {"yes"}


def test_map_border_is_where_times_are_equal() -> None:
    phase_map = phase_map_of(in_cells(BOTH, EVERY_CELL), GRID)
    (border,) = phase_map.borders
    assert border.backends == ("heavy", "light")
    (line,) = border.lines
    assert all(x * y == pytest.approx(2_500, rel=0.02) for x, y in line)
    assert phase_map.summary.endswith("; heavy from rows × width ≈ 2,400")


def test_map_border_ends_where_third_backend_wins() -> None:
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


def test_map_backend_without_time_never_wins() -> None:
    """However fast it is elsewhere; and its end is a border, halfway to where it fails."""
    fast: Cost = lambda x, y: inf if x * y > 3_000 else 0.5 * LIGHT(x, y)  # noqa: E731
    phase_map = phase_map_of(everywhere({"light": LIGHT, "fast": fast}), GRID)
    for cell in phase_map.cells:
        if cell.measured:
            assert cell.winner == ("undecided" if cell.x * cell.y > 3_000 else "fast")
    assert phase_map.borders
    alone = next(cell for cell in phase_map.cells if (cell.x, cell.y) == (256, 256))
    assert (alone.fastest, alone.second, alone.ratio) == ("light", None, None)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), failing=st.floats(0, 0.6))
@example(seed=12820, failing=0.0)  # a border of which two points round to the same
def test_map_is_independent_of_row_order(seed: int, failing: float) -> None:
    """Nor do made-up times: shares add up, and neither failures nor slower ones win."""
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
    timed = {(row.problem, row.backend) for row in rows if row.seconds}
    for cell in phase_map.cells:
        assert cell.ratio is None or cell.ratio >= 1 or cell.winner == "undecided"
        assert (
            not cell.measured
            or cell.fastest is None
            or ((f"f:{cell.x}x{cell.y}", cell.fastest) in timed)
        )
    for border in phase_map.borders:
        for line in border.lines:
            assert all(first != last for first, last in pairwise(line))


# --- the grid -------------------------------------------------------------------------------------


@given(low=st.integers(1, 500), factor=st.floats(1.01, 1e4), points=st.integers(2, 40))
def test_map_axis_ascends_between_its_ends(low: int, factor: float, points: int) -> None:
    """Whole numbers, each once, the ends among them, never more than asked for."""
    high = max(low + 1, int(low * factor))
    values = log_grid((low, high), (1, 2), points).x_values
    assert list(values) == sorted(set(values))
    assert (values[0], values[-1]) == (low, high)
    assert len(values) <= points


# --- in a sentence --------------------------------------------------------------------------------


AXES = ("rows", "width")


def cell(x: int, y: int, winner: str | None, decided: bool = True) -> MapCell:
    nothing = dict.fromkeys(("fastest", "second", "ratio", "low", "high"))
    winner = winner if decided or winner is None else "undecided"
    return MapCell(x=x, y=y, winner=winner, measured=True, decided="yes", **nothing)


def say(cells: list[MapCell]) -> str:
    names = [cell.answer for cell in cells]
    shares = {name: names.count(name) / len(names) for name in dict.fromkeys(names)}
    return sentence(shares, cells, AXES)


def test_map_rule_names_the_deciding_size() -> None:
    """Halfway, in logarithms, between the sizes on both sides."""
    by_width = [cell(x, y, "a" if y < 64 else "b") for x, y in product(SIZES, SIZES)]
    assert say(by_width) == "a wins 50% of the map, b 50%; b from width ≈ 32"
    by_product = [cell(x, y, "a" if x * y < 1024 else "b") for x, y in product(SIZES, SIZES)]
    assert "b from rows × width ≈ 510" in say(by_product)


def test_map_without_rule_states_shares_only() -> None:
    """More than 2% wrong is no rule; ties and cells without a time are counted."""
    chequered = [
        cell(x, y, "a" if (i + j) % 2 else "b")
        for (i, x), (j, y) in product(enumerate(SIZES), enumerate(SIZES))
    ]
    assert say(chequered) == "b wins 50% of the map, a 50%"
    cells = [cell(4, 4, "a"), cell(4, 16, "tie"), cell(16, 4, None), cell(16, 16, "a")]
    assert say(cells) == "a wins 50% of the map, tie 25%, no time 25%"


def test_map_rule_ignores_undecided_cells() -> None:
    """It is stated while less is undecided than its winner has."""

    def summary(undecided: int) -> str:
        return say(
            [cell(x, 4, "a" if x < 60 else "b", not 60 <= x < 60 + undecided) for x in range(100)]
        )

    assert summary(10).endswith("undecided 10%; b from rows ≈ 64")
    assert summary(25).endswith("undecided 25%")
