from __future__ import annotations

import pytest

from perceptron.analysis.what_if.devices import DEVICES, LAUNCH, REACHED
from perceptron.analysis.what_if.estimate import (
    EAGER,
    GRAPH,
    CaseStatuses,
    DeviceEstimate,
    KernelWork,
    check,
    estimate,
    what_if,
)
from perceptron.report.tables import what_if as what_if_text
from tests.conftest import MakeRow

H100 = DEVICES["h100"]
TINY = [KernelWork(10, 100)] * 13


def test_a_tiny_problem_waits_for_the_host() -> None:
    """Thirteen operations of 7 µs and a launch each: 117 to 156 µs, as GPUs are seen to take."""
    estimated = estimate(TINY, 7e-6, H100, EAGER, 4)
    assert estimated.low == pytest.approx(13 * (7e-6 + LAUNCH[0]))
    assert estimated.high == pytest.approx(13 * (7e-6 + LAUNCH[1]))
    assert estimated.low < estimated.seconds < estimated.high


def test_a_graph_does_not_wait_for_the_host() -> None:
    """Whatever the host needs for an operation, a replay needs none of it."""
    slow, fast = (estimate(TINY, dispatch, H100, GRAPH, 4) for dispatch in (1e-3, 1e-6))
    assert slow == fast
    assert fast.high < estimate(TINY, 7e-6, H100, EAGER, 4).low


@pytest.mark.parametrize(
    ("kernel", "seconds"),
    [
        (KernelWork(1e12, 1e6), 1e12 / (REACHED[1] * H100.float32)),
        (KernelWork(1e6, 1e11), 1e11 / (REACHED[1] * H100.bandwidth)),
    ],
    ids=["arithmetic", "memory"],
)
def test_a_large_kernel_takes_what_the_device_does(kernel: KernelWork, seconds: float) -> None:
    assert estimate([kernel], 7e-6, H100, EAGER, 1).low == pytest.approx(seconds)


def guess(size: float, seconds: float) -> DeviceEstimate:
    return DeviceEstimate(
        backend=EAGER,
        device="h100",
        size=size,
        seconds=seconds,
        low=seconds / 2,
        high=seconds * 2,
    )


def test_where_it_might_cross_has_a_range(row: MakeRow) -> None:
    """numpy takes 1 µs a size; 64 µs whatever the size, or half, or twice that."""
    sizes = [4.0**power for power in range(7)]
    rows = [row(size=size, backend="numpy", seconds=1e-6 * size) for size in sizes]
    answer = what_if("line", "numpy", rows, [guess(size, 64e-6) for size in sizes], H100)
    assert answer is not None
    assert answer.status == "crosses"
    assert answer.statuses == CaseStatuses(likely="crosses", best="crosses", worst="crosses")
    assert answer.size == pytest.approx(64)
    assert (answer.low, answer.high) == (pytest.approx(32), pytest.approx(128))
    assert "datasheet" in answer.source
    (cells,) = what_if_text.cells([answer])
    assert cells[-1] == "64.0 [32.0, 128]"


@pytest.mark.parametrize(
    ("seconds", "status", "cases", "words"),
    [
        (1e-9, "always", ("always", "always", "always"), "every size"),
        (1.0, "never", ("never", "never", "never"), "no size measured"),
        (3000e-6, "open", ("crosses", "crosses", "never"), "3,000 [1,500, never]"),
        (5000e-6, "open", ("never", "crosses", "never"), "never [2,500, never]"),
        (0.75e-6, "open", ("always", "always", "crosses"), "always [always, 1.50]"),
    ],
)
def test_what_depends_on_the_range_is_open(
    row: MakeRow, seconds: float, status: str, cases: tuple[str, ...], words: str
) -> None:
    """Where an estimate does not cross there is no size, but it is said which backend wins."""
    sizes = [4.0**power for power in range(7)]
    rows = [row(size=size, backend="numpy", seconds=1e-6 * size) for size in sizes]
    answer = what_if("line", "numpy", rows, [guess(size, seconds) for size in sizes], H100)
    assert answer is not None
    assert answer.status == status
    assert (answer.statuses.likely, answer.statuses.best, answer.statuses.worst) == cases
    sizes = (answer.size, answer.low, answer.high)
    assert [size is not None for size in sizes] == [case == "crosses" for case in cases]
    assert what_if_text.cells([answer])[0][-1] == words


def test_without_a_measured_size_there_is_no_answer(row: MakeRow) -> None:
    assert what_if("line", "numpy", [row(size=2, seconds=1.0)], [guess(4, 1.0)], H100) is None


def test_estimates_are_checked_where_a_device_was_measured(row: MakeRow) -> None:
    rows = [
        row(machine="h100-box", backend=EAGER, device="cuda", size=4, process=p, seconds=8e-5)
        for p in range(3)
    ]
    (checked,) = check(rows, guess(4, 1e-4))
    assert checked.error == pytest.approx(0.25)
    assert "1 lie in the estimate's range" in what_if_text.check_line([checked], "h100")
    assert what_if_text.check_cells([checked])[0][-1] == "+25 %"
    assert "No measurement of a h100" in what_if_text.check_line([], "h100")
