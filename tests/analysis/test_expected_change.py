from __future__ import annotations

import pytest

from perceptron.analysis.advice import expected_change
from perceptron.records.measurement import Measurement
from tests.made import measured


def rows(backend: str, **seconds: float) -> list[Measurement]:
    """Return two processes at each size, given as s4=1.0."""
    return [
        measured(backend=backend, size=int(size[1:]), seconds=time, repeat=process)
        for size, time in seconds.items()
        for process in range(2)
    ]


def test_a_line_through_the_two_closest_sizes_says_where() -> None:
    """numpy's time doubles with each doubling, torch's is constant: equal at 64."""
    numpy = rows("numpy", s4=4.0, s16=16.0, s32=32.0)
    torch = rows("torch-cpu", s4=64.0, s16=64.0, s32=64.0)
    assert expected_change(numpy + torch, "numpy", ["torch-cpu"], 4) == pytest.approx(64)


def test_of_several_changes_the_nearest_counts() -> None:
    numpy = rows("numpy", s4=4.0, s16=16.0)
    others = [*rows("jax-cpu", s4=1024.0, s16=1024.0), *rows("torch-cpu", s4=64.0, s16=64.0)]
    found = expected_change([*numpy, *others], "numpy", ["jax-cpu", "torch-cpu"], 4)
    assert found == pytest.approx(64)


@pytest.mark.parametrize("torch", [{"s4": 8.0}, {"s4": 8.0, "s16": 32.0}])
def test_where_nothing_tells_it_is_here(torch: dict[str, float]) -> None:
    """A single size, or times that are as far apart at both."""
    numpy = rows("numpy", s4=4.0, s16=16.0)
    found = expected_change([*numpy, *rows("torch-cpu", **torch)], "numpy", ["torch-cpu"], 4)
    assert found == pytest.approx(4)


def test_nearly_parallel_times_meet_at_a_finite_size() -> None:
    numpy = rows("numpy", s4=4.0, s16=16.0)
    torch = rows("torch-cpu", s4=8.0, s16=31.999)
    assert expected_change([*numpy, *torch], "numpy", ["torch-cpu"], 4) == pytest.approx(4e6)
