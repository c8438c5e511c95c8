from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.analysis.phase_map.grid import log_grid, times_by_cell
from tests.made import measured


@given(low=st.integers(1, 500), factor=st.floats(1.01, 1e4), points=st.integers(2, 40))
def test_an_axis_ascends_between_its_ends(low: int, factor: float, points: int) -> None:
    """Whole numbers, each once, the ends among them, never more than asked for."""
    high = max(low + 1, int(low * factor))
    values = log_grid((low, high), (1, 2), points).x_values
    assert list(values) == sorted(set(values))
    assert (values[0], values[-1]) == (low, high)
    assert len(values) <= points


@pytest.mark.parametrize(
    ("x_range", "points"), [((4, 4), 8), ((8, 4), 8), ((0, 4), 8), ((1, 4), 1)]
)
def test_what_is_no_grid_is_refused(x_range: tuple[int, int], points: int) -> None:
    with pytest.raises(ValueError, match=r"range of sizes|at least 2 points"):
        log_grid(x_range, (1, 4), points)


def test_a_cell_without_times_is_known_all_the_same() -> None:
    """Tried and not measured: its list of backends is empty."""
    rows = [
        measured(problem="f:1x2", sizes=(1, 2), status="skipped", reason="too large"),
        measured(problem="f:2x2", sizes=(2, 2), repeat=1, seconds=2.0),
        measured(problem="f:2x2", sizes=(2, 2), repeat=0, seconds=1.0),
    ]
    assert times_by_cell(rows) == {(1, 2): {}, (2, 2): {"numpy": [1.0, 2.0]}}
