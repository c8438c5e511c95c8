"""Estimates of devices; what they are beside published times stands in docs/what-if.md."""

from __future__ import annotations

import pytest

from perceptron.analysis.what_if.devices import (
    BACKWARD,
    DEVICES,
    DISPATCH,
    LAUNCH,
    REACHED,
    REACHED_THIN,
    REPLAY,
    SHORTEST_KERNEL,
    device,
)
from perceptron.analysis.what_if.estimate import (
    EAGER,
    GRAPH,
    CaseStatuses,
    DeviceEstimate,
    KernelWork,
    WhatIf,
    check,
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


def test_a_replay_is_shared_out_among_its_steps() -> None:
    estimated = estimate(TINY, 0.0, H100, GRAPH, 4, steps_a_replay=10)
    for side, seconds in enumerate((estimated.low, estimated.high)):
        floor = SHORTEST_KERNEL["elementwise"][side]
        assert seconds == pytest.approx(REPLAY[side] / 10 + 13 * floor)


def test_a_kernel_takes_at_least_what_its_kind_does() -> None:
    """However little it computes: threads that meet in a sum wait for each other."""
    kinds = {
        "nothing": KernelWork(0, 0),
        "elementwise": KernelWork(10, 100),
        "reduction": KernelWork(10, 100, reduces=True),
        "product": KernelWork(10, 100, thinnest=512),
    }
    for kind, work in kinds.items():
        estimated = estimate([work] * 1000, 0.0, H100, GRAPH, 4, steps_a_replay=10)
        assert estimated.low == pytest.approx(REPLAY[0] / 10 + 1000 * SHORTEST_KERNEL[kind][0])


def test_a_backward_pass_costs_the_host_once() -> None:
    """However many kernels it has; a forward pass alone does not."""
    for side, end in enumerate(("low", "high")):
        host = 13 * (DISPATCH[side] * 5e-6 + LAUNCH[side])
        forward, both = (
            getattr(estimate(TINY, 5e-6, H100, EAGER, 4, gradients=gradients), end)
            for gradients in (False, True)
        )
        assert forward == pytest.approx(host)
        assert both == pytest.approx(host + BACKWARD[side])


@pytest.mark.parametrize(
    ("thinnest", "best", "worst"),
    [
        (None, REACHED[1], REACHED[0]),
        (64, REACHED[1], REACHED[0]),
        (32, REACHED[1] / 2, REACHED_THIN[0]),
        (1, REACHED_THIN[1], REACHED_THIN[0]),
    ],
)
def test_a_thin_product_reaches_little_of_the_rate(
    thinnest: int | None, best: float, worst: float
) -> None:
    """Few rows, or a narrow layer, leave most of a tile and of the device idle."""
    estimated = estimate([KernelWork(1e12, 1e6, thinnest)], 0.0, H100, EAGER, 1)
    assert estimated.low == pytest.approx(1e12 / (best * H100.float32))
    assert estimated.high == pytest.approx(1e12 / (worst * H100.float32))


def test_a_kernel_that_moves_much_takes_what_the_memory_does() -> None:
    estimated = estimate([KernelWork(1e6, 1e11)], 7e-6, H100, EAGER, 1)
    assert estimated.low == pytest.approx(1e11 / (REACHED[1] * H100.bandwidth))


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


def test_where_it_might_cross_has_a_range() -> None:
    """64 µs whatever the size, or half, or twice that."""
    answer = answered(64e-6)
    assert answer.status == "crosses"
    assert answer.statuses == CaseStatuses(likely="crosses", best="crosses", worst="crosses")
    assert answer.size == pytest.approx(64)
    assert (answer.low, answer.high) == (pytest.approx(32), pytest.approx(128))
    assert size_words(answer) == "64.0 [32.0, 128]"
    assert "No measurement of h100 is at hand" in estimate_source([answer], [])
    assert "datasheet" in estimate_source([answer], [])


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
    seconds: float, status: str, cases: tuple[str, ...], words: str
) -> None:
    """Where an estimate does not cross there is no size, but it is said which backend wins."""
    answer = answered(seconds)
    assert answer.status == status
    assert (answer.statuses.likely, answer.statuses.best, answer.statuses.worst) == cases
    sizes = (answer.size, answer.low, answer.high)
    assert [size is not None for size in sizes] == [case == "crosses" for case in cases]
    assert estimate_tables([answer])[0].rows[0][-1] == words


@pytest.mark.parametrize(("sizes", "waited"), [((2, 64), 0.0), ((4,), 0.0), ((4, 16), 0.6)])
def test_without_two_sizes_that_say_something_there_is_no_answer(
    sizes: tuple[int, ...], waited: float
) -> None:
    """Not measured on both, at one of them alone, or by threads that had no cores."""
    rows = [measured(size=size, seconds=1.0, waited=waited) for size in sizes]
    assert what_if("line", "numpy", rows, [guess(4, 1.0), guess(16, 1.0)], H100) is None


def test_estimates_are_checked_where_a_device_was_measured() -> None:
    """One of 50 to 200 µs holds 80, and no 800."""
    there = {"machine": "h100-box", "backend": EAGER, "device": "cuda", "size": 4}
    near, far = (
        check([measured(**there, repeat=p, seconds=seconds) for p in range(3)], guess(4, 1e-4))
        for seconds in (8e-5, 8e-4)
    )
    assert near.error == pytest.approx(0.25)
    guesses = [answered(64e-6)]
    assert "Of 2 measurements of h100, 1 lie in" in estimate_source(guesses, [near, far])
    assert estimate_tables(guesses, [near])[1].rows[0][-1] == "+25%"


def test_what_cannot_be_estimated_says_why() -> None:
    """Its measurement stays in the table, and counts for nothing."""
    rows = [measured(machine="h100-box", backend=EAGER, device="cuda", size=4, seconds=8e-5)]
    checked, guesses = check(rows, None, "nobody knows"), [answered(64e-6)]
    assert estimate_tables(guesses, [checked])[1].rows == (
        ("h100-box", "line", "4", "2", EAGER, "nobody knows", "80.0 µs", "–"),
    )
    assert "No measurement of h100" in estimate_source(guesses, [checked])


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(UserError, match="unknown device 'h10': did you mean 'h100'"):
        device("h10")
