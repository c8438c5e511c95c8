from __future__ import annotations

from math import exp
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import ValidationError, json

from perceptron.questions.fastest.measured_shape import (
    MeasuredShape,
    measured_shape,
    of_processes,
    with_separate_setups,
)
from tests import made
from tests.made_shapes import measured, shape


@given(st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=9))
def test_measured_shape_typical_time_lies_in_range(seconds: list[float]) -> None:
    """Its error is above zero for a single process, too: another one would differ."""
    middle, error = of_processes(seconds)
    assert min(seconds) * 0.999 <= exp(middle) <= max(seconds) * 1.001
    assert error > 0


def test_processes_that_agree_narrow_the_error_and_those_that_differ_widen_it() -> None:
    def error(*seconds: float) -> float:
        return of_processes(seconds)[1]

    assert error(1.0) > error(1.0, 1.0) > error(*[1.0] * 4) > error(*[1.0] * 8)
    assert error(exp(-0.5), 1.0, exp(0.5)) > error(1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("waits", "contended"),
    [
        ([0.0], False),
        ([0.0, 0.9], True),
        ([0.0, 0.0, 0.9], False),
        ([0.2, 0.2], True),
        ([0.9], True),
    ],
)
def test_measured_shape_needs_two_idle_repeats(waits: list[float], contended: bool) -> None:
    rows = [
        made.measured(repeat=process, seconds=1e-3, waited=waited)
        for process, waited in enumerate(waits)
    ]
    assert (
        measured_shape(
            shape(), "numpy", rows, together="a run", session="a run", code=None
        ).is_contended
        is contended
    )


@pytest.mark.parametrize("fields", [{"seconds": -1.0}, {"seconds": 1e300}, {"setup_seconds": -1.0}])
def test_numbers_that_are_no_times_are_refused(fields: dict[str, Any]) -> None:
    """By whoever reads the cache, which another program may have written."""
    text = json.encode(measured(shape(), **fields))
    with pytest.raises(ValidationError):
        json.decode(text, type=MeasuredShape)


@pytest.mark.parametrize("once", [(4.0, 3.0), (0.0, 0.0)])
def test_measured_shape_compile_once_counts_in_each_training(
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
        separated = with_separate_setups(rows, {"numba"})
        expected = [sum(both) for both in zip(own, compiled, strict=True)]
        assert [row.prepare_seconds for row in separated] == pytest.approx(expected, rel=0.1)
        assert with_separate_setups(separated, {"numba"}) == separated
        assert with_separate_setups(rows, {"jax-cpu"}) == rows
