from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.analysis.overhead.iteration_phases import IterationPhase, iteration_phases
from perceptron.analysis.overhead.ladder import OverheadResult
from tests.analysis.overhead.conftest import made
from tests.conftest import MakeRow


def test_phases_are_differences_process_by_process(overhead: OverheadResult) -> None:
    """Each loop holds one phase more than the last; the whole is measured by itself."""
    seconds = {phase.phase: phase.seconds_per_iteration for phase in overhead.phases}
    assert seconds == pytest.approx({"forward": 2e-5, "backward": 5e-5, "optimizer step": 3e-5})
    (whole,) = overhead.wholes
    assert whole.phases_seconds == pytest.approx(whole.seconds_per_iteration, rel=0.01)
    backward = overhead.phases[1]
    assert backward.low is not None
    assert backward.high is not None
    assert backward.low < 5e-5 < backward.high


def test_contention_leaves_a_phase_undecided(row: MakeRow) -> None:
    """With no interval and no share; a little waiting widens the interval instead."""

    def waited(share: float) -> dict[str, IterationPhase]:
        rows = [
            replace(one, waited=share if one.phase == "backward" else 0.2 * share)
            for one in made(row)
        ]
        return {phase.phase: phase for phase in iteration_phases(rows, "torch-cpu")}

    assert [waited(0.9)[name].low is None for name in ("forward", "backward")] == [False, True]
    idle, little = waited(0.0)["backward"], waited(0.1)["backward"]
    assert little.low is not None
    assert idle.low is not None
    assert little.low < idle.low - 0.05 * 7e-5


def test_a_process_that_lacks_a_loop_lends_nothing(row: MakeRow) -> None:
    """A difference needs both loops of one process."""
    rows = [
        measurement
        for measurement in made(row)
        if not (measurement.process == 1 and measurement.phase == "forward")
    ]
    (forward, backward, _) = iteration_phases(rows, "torch-cpu")
    assert forward.seconds_per_iteration == pytest.approx(2e-5)
    assert backward.seconds_per_iteration == pytest.approx(5e-5)
