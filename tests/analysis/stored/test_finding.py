from __future__ import annotations

import pytest

from perceptron.analysis.stored.finding import (
    finding,
    finding_backends,
    published_iteration_seconds,
)
from tests.conftest import MakeRow


def test_ratios_come_from_the_same_process_rounds(row: MakeRow) -> None:
    """Drift that hits all backends of a round alike does not widen the ratio."""
    rows = [
        row(
            family="or-gate",
            size=4,
            backend=backend,
            process=process,
            seconds=cost * drift,
            iterations=10_000,
        )
        for process, drift in enumerate((1.0, 1.5, 0.7, 2.0))
        for backend, cost in (("numpy", 7e-6), ("torch-cpu", 63e-6), ("numpy-published", 9e-6))
    ]
    by_backend = {
        finding_row.backend: finding_row
        for finding_row in finding(rows, ["numpy-published", "numpy", "torch-cpu"])
    }
    torch = by_backend["torch-cpu"]
    assert torch.ratio_to_numpy == pytest.approx(9.0)
    assert torch.ratio_low == pytest.approx(9.0)
    assert torch.ratio_to_published == pytest.approx(7.0)
    assert torch.published_ratio == pytest.approx(8.1 / 1.7)
    assert torch.low is not None
    assert torch.seconds is not None
    assert torch.low < torch.seconds
    assert by_backend["numpy"].ratio_to_numpy == 1.0


def test_a_backend_that_cannot_run_has_its_row_and_reason(row: MakeRow) -> None:
    rows = [
        row(family="or-gate", backend="torch-cuda", status="skipped", reason="no CUDA device found")
    ]
    (skipped,) = finding(rows, ["torch-cuda"])
    assert skipped.seconds is None
    assert skipped.reason == "no CUDA device found"
    assert skipped.published_seconds == 23.1
    (absent,) = finding([], ["torch-cuda"])
    assert absent.reason == "the run ended before its turn"


def test_the_published_arithmetic_is_always_beside() -> None:
    """An optimised NumPy alone would inflate the ratio."""
    assert finding_backends(["numpy", "torch-cpu"])[0] == "numpy-published"


def test_the_published_times_belong_to_their_problem() -> None:
    """23.1 s for 10,000 iterations on the OR gate; nothing was published for another."""
    assert published_iteration_seconds("or-gate")["torch-cuda"] == pytest.approx(2.31e-3)
    assert published_iteration_seconds("xor") == {}
