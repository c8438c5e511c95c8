from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from perceptron.measure import steadiness


def times(*seconds: float | None) -> Callable[[float], float | None]:
    left: Iterator[float | None] = iter(seconds)
    return lambda limit: next(left)


def test_the_variation_is_robust_and_the_ratio_is_not() -> None:
    """One slow process of ten leaves the variation alone and shows in the ratio."""
    steady = steadiness.loop_steadiness(times(*[1.0] * 9, 3.0), clock=lambda: 0.0)
    assert steady is not None
    assert (steady.variation, steady.slowest_to_fastest) == (0.0, 3.0)
    assert len(steady.seconds) == steadiness.PROCESSES
    uneven = steadiness.steadiness_of([0.9, 1.0, 1.1])
    assert uneven.variation == pytest.approx(0.14826)


def test_a_slow_machine_is_judged_by_fewer_processes() -> None:
    """The time is limited, for each process and for all; two processes are too few."""
    clock = iter([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    limits: list[float] = []

    def measure(limit: float) -> float:
        limits.append(limit)
        return 1.0

    steady = steadiness.loop_steadiness(measure, clock=lambda: next(clock))
    assert steady is not None
    assert len(steady.seconds) == 4
    assert limits == [3.5, 2.5, 1.5, 0.5]
    assert steadiness.loop_steadiness(times(1.0, 1.0, None), clock=lambda: 0.0) is None


def test_the_loop_runs_in_a_fresh_process_and_is_limited() -> None:
    """Without enough time for it there is no number."""
    seconds = steadiness.fresh_process(120.0)
    assert seconds is not None
    assert 0 < seconds < 120
    assert steadiness.fresh_process(0.001) is None
