from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.analysis.overhead.explained import IterationPhase, iteration_phases
from tests.made import ladder_rows


def test_contention_leaves_a_phase_undecided() -> None:
    """With no interval and no share; a little waiting widens the interval instead."""

    def waited(share: float) -> dict[str, IterationPhase]:
        rows = [
            replace(row, waited=share if row.phase == "backward" else 0.2 * share)
            for row in ladder_rows()
        ]
        return {phase.phase: phase for phase in iteration_phases(rows, "torch-cpu")}

    assert [waited(0.9)[name].low is None for name in ("forward", "backward")] == [False, True]
    idle, little = waited(0.0)["backward"], waited(0.1)["backward"]
    assert little.low is not None
    assert idle.low is not None
    assert little.low < idle.low - 0.05 * 7e-5


def test_a_process_that_lacks_a_loop_lends_nothing() -> None:
    """A difference needs both loops of one process."""
    rows = [row for row in ladder_rows() if (row.repeat, row.phase) != (1, "forward")]
    (forward, backward, _) = iteration_phases(rows, "torch-cpu")
    assert forward.seconds_per_iteration == pytest.approx(1.01 * 2e-5)
    assert backward.seconds_per_iteration == pytest.approx(1.01 * 5e-5)
