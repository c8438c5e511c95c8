from __future__ import annotations

from math import exp
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.questions.fastest.measured_shape import (
    CONTENDED,
    ONE_REPEAT,
    measured_shape,
    of_processes,
    setups_of_their_own,
)
from tests import made
from tests.made_shapes import measured, shape


@given(st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=9))
def test_the_interval_holds_the_typical_time(seconds: list[float]) -> None:
    """Which lies among the times, of a single process too: another one would differ."""
    middle, low, high = of_processes(seconds)
    assert low < middle < high
    assert min(seconds) * 0.999 <= middle <= max(seconds) * 1.001


def test_processes_that_agree_narrow_the_interval_and_those_that_differ_widen_it() -> None:
    def width(*seconds: float) -> float:
        _, low, high = of_processes(seconds)
        return high / low

    assert width(1.0) > width(1.0, 1.0) > width(*[1.0] * 4) > width(*[1.0] * 8)
    assert width(exp(-0.5), 1.0, exp(0.5)) > width(1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("waits", "doubt", "share"),
    [
        ([0.0, 0.0], None, 1.0),
        ([0.0], ONE_REPEAT, 1.0),
        ([0.0, 0.9], CONTENDED, 1.0),
        ([0.0, 0.0, 0.9], None, 1.0),
        ([0.2, 0.2], CONTENDED, 0.8),
        ([0.2, 0.2, 0.9], CONTENDED, 0.8),
        ([0.5, 0.5], CONTENDED, 0.0),
        ([0.9], CONTENDED, 0.0),
    ],
)
def test_one_process_and_contended_ones_leave_a_time_in_doubt(
    waits: list[float], doubt: str | None, share: float
) -> None:
    """Its interval holds what waiting may have added: up to a quarter that is bounded by it."""
    rows = [
        made.measured(repeat=process, seconds=1e-3, waited=waited)
        for process, waited in enumerate(waits)
    ]
    found = measured_shape(shape(), "numpy", rows)
    assert found.doubt == doubt
    assert found.low <= share * found.seconds
    assert (found.low > 0) == (share > 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"seconds": -1.0},
        {"seconds": float("nan")},
        {"seconds": 1e-3, "low": 2e-3},
        {"seconds": 1e-3, "high": 1e300},
        {"seconds": 1e-3, "prepare_seconds": float("inf")},
    ],
)
def test_numbers_that_are_no_times_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="no times"):
        measured(shape(), **fields)


@pytest.mark.parametrize("once", [(4.0, 3.0), (0.0, 0.0)])
def test_what_a_process_compiles_once_counts_in_each_of_its_trainings(
    once: tuple[float, float],
) -> None:
    """Whichever was the first, and whatever data it has; what was merely delayed compiled not."""
    sizes = [(100 * 2**step, repeat) for step in range(12) for repeat in range(2)]
    for seed in range(20):
        Random(seed).shuffle(sizes)
        own = [1e-7 * size for size, _ in sizes]
        if any(once):
            own[-3] *= 20
        compiled = [once[repeat] for _, repeat in sizes]
        first = {[repeat for _, repeat in sizes].index(repeat) for repeat in range(2)}
        rows = [
            made.measured(
                backend="numba",
                rows=size,
                features=1,
                repeat=repeat,
                prepare_seconds=own[at] + (compiled[at] if at in first else 0.0),
            )
            for at, (size, repeat) in enumerate(sizes)
        ]
        found = setups_of_their_own(rows, {"numba"})
        expected = [sum(both) for both in zip(own, compiled, strict=True)]
        assert [row.prepare_seconds for row in found] == pytest.approx(expected, rel=0.1)
        assert setups_of_their_own(found, {"numba"}) == found
        assert setups_of_their_own(rows, {"jax-cpu"}) == rows
