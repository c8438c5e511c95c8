"""Estimates of devices; what they are beside published times stands in docs/what-if.md."""

from __future__ import annotations

import pytest

from perceptron.analysis.what_if import (
    DEVICES,
    EAGER,
    GRAPH,
    REACHED,
    DeviceEstimate,
    KernelWork,
    WhatIf,
    device,
    estimate,
    estimate_source,
    estimate_tables,
    ratio_to,
    size_words,
    what_if,
)
from perceptron.errors import UserError
from tests.made import measured

H100 = DEVICES["h100"]
TINY = [KernelWork(10, 100)] * 13


def test_a_graph_does_not_wait_for_the_host() -> None:
    """Whatever the host needs for an operation, a replay needs none of it."""
    slow, fast = (estimate(TINY, dispatch, H100, GRAPH, 4) for dispatch in (1e-3, 1e-6))
    assert slow == fast
    assert fast.high < estimate(TINY, 7e-6, H100, EAGER, 4).low


@pytest.mark.parametrize(
    ("name", "thinnest", "best", "worst"),
    [
        ("rtx-4090", 512, 82.6e12 / 64, 82.6e12 / 64),
        ("t4", 512, 8.1e12 / 32, 8.1e12 / 32),
        ("a100", 512, 19.5e12, 9.7e12),
        ("a100", None, 9.7e12, 9.7e12),
    ],
)
def test_float64_has_rates_of_its_own(
    name: str, thinnest: int | None, best: float, worst: float
) -> None:
    """A product may run on tensor cores, where those compute in all 64 bits."""
    work = [KernelWork(1e12, 1e6, thinnest)]
    estimated = estimate(work, 0.0, DEVICES[name], EAGER, 1, dtype="float64")
    assert estimated.low == pytest.approx(1e12 / (REACHED[1] * best))
    assert estimated.high == pytest.approx(1e12 / (REACHED[0] * worst))


@pytest.mark.parametrize(
    ("seconds", "status"), [(0.9e-4, "open"), (4e-5, "slower"), (3e-4, "faster")]
)
def test_an_estimate_whose_ends_disagree_is_open(seconds: float, status: str) -> None:
    """Of 50 to 200 µs nobody knows whether they are less than 90."""
    ratio = ratio_to(guess(4, 1e-4), "numpy", seconds)
    assert ratio.status == status
    assert ratio.ratio == pytest.approx(1e-4 / seconds)
    assert (ratio.low, ratio.high) == pytest.approx((5e-5 / seconds, 2e-4 / seconds))


def guess(size: float, seconds: float) -> DeviceEstimate:
    return DeviceEstimate(
        backend=EAGER,
        device="h100",
        size=size,
        seconds=seconds,
        low=seconds / 2,
        high=seconds * 2,
    )


def answered(seconds: float) -> WhatIf | None:
    """Where numpy takes 1 µs a size, and a device so long at every size."""
    sizes = [4.0**power for power in range(7)]
    rows = [measured(size=size, backend="numpy", seconds=1e-6 * size) for size in sizes]
    return what_if("line", "numpy", rows, [guess(size, seconds) for size in sizes], H100)


@pytest.mark.parametrize(
    ("seconds", "status", "cases", "words"),
    [
        (64e-6, "crosses", ("crosses", "crosses", "crosses"), "64.0 [32.0, 128]"),
        (1e-9, "always", ("always", "always", "always"), "every size"),
        (1.0, "never", ("never", "never", "never"), "no size measured"),
        (3000e-6, "open", ("crosses", "crosses", "never"), "3,000 [1,500, never]"),
        (5000e-6, "open", ("never", "crosses", "never"), "never [2,500, never]"),
        (0.75e-6, "open", ("always", "always", "crosses"), "always [always, 1.50]"),
    ],
)
def test_what_depends_on_the_range_is_open(
    seconds: float, status: str, cases: tuple[str, ...], words: str
) -> None:
    """Twice as fast or as slow as likely; where that does not cross, the winner stands instead."""
    answer = answered(seconds)
    assert answer.status == status
    assert (answer.statuses.likely, answer.statuses.best, answer.statuses.worst) == cases
    sizes = (answer.size, answer.low, answer.high)
    assert [size is not None for size in sizes] == [case == "crosses" for case in cases]
    assert estimate_tables([answer])[0].rows[0][-1] == size_words(answer) == words
    assert "datasheet" in estimate_source([answer])


@pytest.mark.parametrize(("sizes", "waited"), [((2, 64), 0.0), ((4,), 0.0), ((4, 16), 0.6)])
def test_without_two_sizes_that_say_something_there_is_no_answer(
    sizes: tuple[int, ...], waited: float
) -> None:
    """Not measured on both, at one of them alone, or by threads that had no cores."""
    rows = [measured(size=size, seconds=1.0, waited=waited) for size in sizes]
    assert what_if("line", "numpy", rows, [guess(4, 1.0), guess(16, 1.0)], H100) is None


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(UserError, match="unknown device 'h10': did you mean 'h100'"):
        device("h10")
