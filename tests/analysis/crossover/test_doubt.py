from __future__ import annotations

from math import inf

import pytest
from msgspec.structs import replace

from perceptron.analysis.crossover.locator import Doubt, doubt_of
from perceptron.records.measurement import Measurement
from tests.made import measured


def rows(
    ratios: dict[int, float], noise: float, processes: int = 6, family: str = "mlp-width"
) -> list[Measurement]:
    """Times whose ratio is known at each size, and varies between processes."""
    return [
        measured(
            family=family,
            problem=f"{family}:{size}",
            size=size,
            backend=backend,
            repeat=process,
            seconds=1e-4 * (ratio if backend == "torch-cpu" else 1 + noise * (-1) ** process),
        )
        for size, ratio in ratios.items()
        for process in range(processes)
        for backend in ("numpy", "torch-cpu")
    ]


def test_what_is_sure_is_in_no_doubt() -> None:
    doubt = doubt_of(rows({4: 2.0, 8: 2.1, 16: 2.0}, noise=0.01))
    assert not doubt.unsure
    assert doubt.sizes == ()
    assert doubt.width < 0.05


def test_a_size_whose_winner_is_not_sure_is_in_doubt() -> None:
    """More than any family that is sure, however wide that is."""
    doubtful = doubt_of(rows({4: 2.0, 8: 1.1, 16: 2.0}, noise=0.2))
    assert doubtful.unsure
    assert 8 in doubtful.sizes
    wide = Doubt(False, inf)
    assert doubtful > wide


def test_nothing_measured_is_the_largest_doubt() -> None:
    assert doubt_of([]) == Doubt(True, inf)
    skipped = measured(status="skipped", reason="needs more memory")
    assert doubt_of([skipped]) == Doubt(True, inf)


def test_a_family_of_one_size_is_as_wide_as_its_times() -> None:
    quiet, loud = (doubt_of(rows({8: 2.0}, noise)) for noise in (0.001, 0.2))
    assert not quiet.unsure
    assert quiet.width < loud.width


def test_what_waiting_may_hide_is_no_reason_for_more_processes() -> None:
    """A family that is contended throughout would otherwise get all of the time that is left."""
    quiet = rows({4: 2.0, 8: 1.3, 16: 2.0}, noise=0.02)
    waiting = [replace(row, samples=[1.0] * 5, waited=0.2, contended=0) for row in quiet]
    assert doubt_of(waiting).width == pytest.approx(doubt_of(quiet).width)
    assert doubt_of(waiting).sizes == doubt_of(quiet).sizes == ()
