"""Batches call as asv's rules say, and only the calls are timed."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.gate.runner.timing import (
    BATCH_SECONDS,
    Batches,
    Spent,
    calibrate,
    idle_share,
    measure,
)
from perceptron.processes.timed_loop import lower_quartile


class Fake:
    """A benchmark on made-up time; ``log`` holds s for a setup and c for a call."""

    def __init__(self, cost: float, setup: float = 123.0) -> None:
        self.now = 0.0
        self.cost, self.setup = cost, setup
        self.log = ""

    def clock(self) -> float:
        return self.now

    def call(self) -> None:
        assert not gc.isenabled()
        self.now += self.cost
        self.log += "c"

    def reset(self) -> None:
        self.now += self.setup
        self.log += "s"

    @contextmanager
    def unmetered(self) -> Iterator[Callable[[], float | None]]:
        yield lambda: None

    def batches(self, with_setup: bool = False, number: int = 0) -> Batches:
        timer: Callable[[], Callable[[], float]] = lambda: self.clock  # noqa: E731
        hook = self.reset if with_setup else None
        return Batches(self.call, timer, hook, number, self.clock)


@settings(max_examples=30)
@given(st.floats(1e-4, 2.0))
def test_timing_recovers_known_cost_in_long_batches(cost: float) -> None:
    fake = Fake(cost)
    calls, seconds, _ = calibrate(fake.batches())
    assert seconds == pytest.approx(cost)
    assert calls * cost >= BATCH_SECONDS
    assert calls == 1 or calls * cost <= 2 * BATCH_SECONDS, "more would be time for nothing"
    samples = measure(fake.batches(), calls, 5, 0.0, fake.unmetered)["samples"]
    assert lower_quartile(samples) == pytest.approx(cost)
    assert len(samples) == 5
    assert gc.isenabled()


def test_timing_wait_of_one_thread_is_of_counted_batch() -> None:
    """Not where others of its threads ran meanwhile: these make each other wait."""
    fake = Fake(1.0)
    for ran, share in ((0.6, 0.4), (1.2, None)):
        measured = calibrate(
            fake.batches(),
            meter=lambda: 0.4 * fake.now,
            processor=lambda: ran * fake.now,  # noqa: B023 used at once
        )
        assert measured == (1, 1.0, share if share is None else pytest.approx(share))


@settings(max_examples=30)
@given(st.floats(1e-4, 1e-2), st.floats(1e-4, 10.0))
def test_timing_expensive_setup_keeps_batches_short(cost: float, setup: float) -> None:
    """Setups included, a batch takes a fraction of a second, or is a single call. That is found in
    few of them."""
    fake = Fake(cost, setup)
    calls, *_ = calibrate(fake.batches(with_setup=True))
    assert calls == 1 or calls * (cost + setup) <= 0.45
    assert fake.now <= 3 * (cost + setup) + 2.0


@settings(max_examples=30)
@given(st.integers(1, 500))
def test_calibration_keeps_a_fixed_number_whole(number: int) -> None:
    fake = Fake(1e-4, 1e-4)
    calls, *_ = calibrate(fake.batches(with_setup=True, number=number))
    assert calls % number == 0


@pytest.mark.parametrize(
    ("cost", "setup", "number", "calls", "made"),
    [
        (1.1e-6, None, 0, 21_819, 53_739),
        (3.1e-4, None, 0, 78, 157),
        (0.019, None, 0, 2, 5),
        (0.7, None, 0, 1, 2),
        (1.1e-3, 1e-4, 0, 22, 46),
        (1e-4, 9.3e-3, 0, 21, 46),
        (1.1e-3, 1e-3, 7, 28, 70),
    ],
)
def test_timing_calls_per_batch_are_stable(
    cost: float, setup: float | None, number: int, calls: int, made: int
) -> None:
    """And it takes as many to find that out: values of other batches are not comparable."""
    fake = Fake(cost, setup or 0.0)
    per_batch, *_ = calibrate(fake.batches(setup is not None, number))
    assert (per_batch, fake.log.count("c")) == (calls, made)


class Busy(Fake):
    """Each call of a list takes so long, and waits for so long of it."""

    def __init__(self, calls: list[tuple[float, float]]) -> None:
        super().__init__(0.0)
        self.calls = calls
        self.waited = 0.0

    def call(self) -> None:
        cost, waited = self.calls.pop(0)
        self.cost, self.waited = cost, self.waited + waited
        super().call()

    def reset(self) -> None:
        self.waited += 50.0
        super().reset()

    @contextmanager
    def meter(self) -> Iterator[Callable[[], float | None]]:
        yield lambda: self.waited

    def measure(self, samples: int) -> dict[str, Any]:
        return measure(self.batches(), 1, samples, 0.0, self.meter)


def test_timing_uses_timer_of_benchmark() -> None:
    """As one of the processor's time; on the wall it took 0.1 s."""
    fake = Fake(0.1)
    batches = Batches(fake.call, lambda: lambda: 0.25 * fake.now, None, 0, fake.clock)
    assert measure(batches, 1, 3, 0.0, fake.unmetered)["samples"] == pytest.approx([0.025] * 3)


def test_setups_are_part_of_the_time_to_warm_up_in() -> None:
    fake = Fake(1e-3, setup=0.3)
    measure(fake.batches(with_setup=True), 1, 1, 0.9, fake.unmetered)
    assert fake.log == "c" + "sc" * 3 + "sc"


def test_around_very_many_setups_the_waiting_is_that_of_the_whole() -> None:
    """To read the meter around each call would cost more than what is timed."""
    fake = Fake(1e-3, setup=1e-3)
    readings = []

    def meter() -> float:
        readings.append(fake.now)
        return 0.25 * fake.now

    batch = fake.batches(with_setup=True).run(200, meter)
    assert batch.share == pytest.approx(0.25)
    assert len(readings) == 2


WARM_UP = (1.0, 0.0)


def test_timing_contended_sample_is_retaken() -> None:
    """The second waited and is the fastest; the fourth is slow by itself and stays."""
    busy = Busy([WARM_UP, (1.0, 0.0), (0.5, 0.1), (1.0, 0.01), (9.0, 0.0), (1.0, 0.0)])
    measured = busy.measure(4)
    assert measured["samples"] == [1.0, 1.0, 9.0, 1.0]
    assert measured["dropped"] == [0.5]
    assert measured["waits"] == pytest.approx([0.0, 0.01, 0.0, 0.0, 0.2])
    assert measured["waited"] == pytest.approx(0.01 / 12)
    assert busy.calls == [], "as many as needed"


def test_timing_keeps_least_contended_samples() -> None:
    """In the order measured; no more samples than twice as many."""
    calls = [WARM_UP, (1.0, 0.9), (2.0, 0.0), (3.0, 2.0), (4.0, 0.3), (1.0, 0.0)]
    busy = Busy(calls)
    measured = busy.measure(2)
    assert measured["samples"] == [2.0, 4.0]
    assert measured["dropped"] == [1.0, 3.0]
    assert len(busy.calls) == 1


def test_timing_contended_process_takes_no_sample_again() -> None:
    """More would be as contended."""
    busy = Busy([WARM_UP, (1.0, 0.9), (2.0, 0.8), (3.0, 0.0)])
    measured = busy.measure(2)
    assert (measured["samples"], measured["dropped"]) == ([1.0, 2.0], [])


@given(
    passed=st.floats(0.04, 10.0),
    shares=st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(
        lambda shares: sum(shares) <= 1
    ),
    earlier=st.floats(0, 1e5),
)
def test_idle_is_neither_running_waiting_nor_stolen(
    passed: float, shares: list[float], earlier: float
) -> None:
    """A host that takes the CPU away for most of the time does not make a benchmark idle."""
    after = Spent(earlier + passed, *(earlier + share * passed for share in shares))
    share = idle_share(Spent(*[earlier] * 4), after)
    assert share == pytest.approx(1 - sum(shares), abs=1e-6)


@pytest.mark.parametrize(
    "after", [Spent(1.0, 0.1, None, 0.0), Spent(0.009, 0.001, 0.0, 0.0)], ids=["unmetered", "short"]
)
def test_idle_is_unknown_without_meter_and_in_less_than_a_step_of_steal(after: Spent) -> None:
    """Steal time is counted in steps of 10 ms: in 9 ms all but 1 may have been stolen."""
    waited = None if after.waited is None else 0.0
    assert idle_share(Spent(0.0, 0.0, waited, 0.0), after) is None
