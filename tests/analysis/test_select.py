from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.analysis.crossover.judge import crossovers
from perceptron.analysis.select import current, times
from tests.analysis.crossover.conftest import only
from tests.made import POWERS, linear, measured, read_as_one, world


def test_the_newest_state_of_code_and_libraries_counts() -> None:
    """Rows of an older commit or environment are not more processes."""
    costs = {"numpy": linear(1, 0.1), "torch-cpu": linear(10, 0.01)}
    turned = {"numpy": linear(10, 0.01), "torch-cpu": linear(1, 0.1)}
    for field in ("commit", "environment"):
        new = world(measured, costs, when="2026-02-01T00:00:00Z", **{field: "new"})
        old = [
            replace(measurement, repeat=measurement.repeat + 6)
            for measurement in world(
                measured, turned, when="2026-01-01T00:00:00Z", **{field: "old"}
            )
        ]
        pair = [("numpy", "torch-cpu")]
        assert crossovers(old + new, pair) == crossovers(new, pair)
        assert crossovers(new + old, pair) == crossovers(new, pair)
        assert only(old).status == "reverses"


def test_each_backend_has_a_newest_state_of_its_own() -> None:
    """One measured again after an upgrade beside the other as it was last measured."""
    fast = world(measured, {"torch-cpu": linear(10, 0.01)}, commit="b", when="2026-02-01")
    before = world(measured, {"numpy": linear(1, 0.1), "torch-cpu": linear(1, 1)}, commit="a")
    newest = current(before + fast)
    assert {(measurement.backend, measurement.commit) for measurement in newest} == {
        ("numpy", "a"),
        ("torch-cpu", "b"),
    }
    assert len(newest) == 2 * len(POWERS) * 6


def test_two_states_that_were_read_together_are_not_compared() -> None:
    """The newest commit that has both is judged, even if one was measured again after it."""
    fast = world(measured, {"torch-cpu": linear(10, 0.01)}, commit="b", when="2026-02-01")
    before = world(measured, {"numpy": linear(1, 0.1), "torch-cpu": linear(1, 1)}, commit="a")
    crossover = only(read_as_one([before, fast]))
    assert (crossover.status, crossover.commit) == ("never", "a")


def test_a_later_row_without_a_time_does_not_retire_the_earlier() -> None:
    """A GPU that is gone today was measured yesterday; and who never had one keeps its reason."""
    timed = measured(commit="a", when="2026-01-01", seconds=1.0)
    gone = measured(commit="b", when="2026-02-01", status="skipped", reason="no CUDA device found")
    absent = measured(
        backend="jax", commit="a", when="2026-01-01", status="skipped", reason="no jax"
    )
    assert current([timed, gone, absent]) == [timed, absent]


def test_what_no_clock_has_seen_is_no_time() -> None:
    seconds = (1.0, 0.0, -1.0, float("inf"), float("nan"))
    assert times([measured(repeat=k, seconds=one) for k, one in enumerate(seconds)], "numpy") == {
        0: 1.0
    }


def test_two_times_of_one_process_are_never_one_of_them() -> None:
    """They are of two problems, and none of them may stand for both."""
    with pytest.raises(ValueError, match="two times of numpy in process 0"):
        times([measured(seconds=1.0), measured(seconds=2.0)], "numpy")
