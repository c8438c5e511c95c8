"""Batches call as asv's rules say, and only the calls are timed."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.gate.runner.timing import (
    BATCH_SECONDS,
    Batches,
    RawBatches,
    Samples,
    calibrate,
    lower_quartile,
    measure,
    samples_for,
)


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

    def batches(self, with_setup: bool = False, number: int = 0) -> Batches:
        timer: Callable[[], Callable[[], float]] = lambda: self.clock  # noqa: E731
        hook = self.reset if with_setup else None
        return Batches(self.call, timer, hook, number, self.clock)


def test_without_a_setup_calls_follow_each_other() -> None:
    fake = Fake(1.0)
    assert fake.batches().run(5) == (5.0, 5.0, None)
    assert fake.log == "ccccc"


def test_with_a_setup_each_call_finds_fresh_state_and_setups_are_not_timed() -> None:
    """The first was set up by the runner before."""
    fake = Fake(1.0)
    batches = fake.batches(with_setup=True)
    assert batches.run(3) == (3.0, 3.0, None)
    assert batches.run(1) == (1.0, 1.0, None)
    assert fake.log == "cscscsc"


def test_a_fixed_number_of_calls_shares_a_setup() -> None:
    fake = Fake(1.0)
    fake.batches(with_setup=True, number=3).run(6)
    assert fake.log == "cccsccc"


@settings(max_examples=30)
@given(st.floats(1e-4, 2.0))
def test_the_known_cost_is_read_back_from_batches_that_are_long_enough(cost: float) -> None:
    fake = Fake(cost)
    calls, seconds = calibrate(fake.batches(), fake.clock)
    assert seconds == pytest.approx(cost)
    assert calls * cost >= BATCH_SECONDS
    assert calls == 1 or calls * cost <= 2 * BATCH_SECONDS, "more would be time for nothing"
    samples = measure(fake.batches(), calls, 5, 0.0, clock=fake.clock).samples
    assert lower_quartile(samples) == pytest.approx(cost)
    assert len(samples) == 5


@settings(max_examples=30)
@given(st.floats(1e-4, 1e-2), st.floats(1e-4, 10.0))
def test_an_expensive_setup_makes_no_endless_batch(cost: float, setup: float) -> None:
    """Setups included, a batch takes a fraction of a second, or is a single call."""
    fake = Fake(cost, setup)
    calls, _ = calibrate(fake.batches(with_setup=True), fake.clock)
    assert calls == 1 or calls * (cost + setup) <= 0.45


@settings(max_examples=30)
@given(st.integers(1, 500))
def test_calibration_keeps_a_fixed_number_whole(number: int) -> None:
    fake = Fake(1e-4, 1e-4)
    calls, _ = calibrate(fake.batches(with_setup=True, number=number), fake.clock)
    assert calls % number == 0


def test_a_batch_precedes_the_samples_and_more_if_asked_for() -> None:
    fake = Fake(0.01)
    measure(fake.batches(), 2, 3, 0.0, clock=fake.clock)
    assert len(fake.log) == 2 + 3 * 2
    fake = Fake(0.01)
    measure(fake.batches(), 2, 3, 0.5, clock=fake.clock)
    assert len(fake.log) >= 50 + 3 * 2
    fake = Fake(0.01)
    measure(fake.batches(), 2, 3, 1e9, clock=fake.clock)
    assert len(fake.log) <= 110


def test_slow_calls_are_made_a_few_times() -> None:
    assert samples_for(1.0) == 3
    assert samples_for(0.001) == 5


def test_calls_in_a_process_of_their_own_tell_what_they_took() -> None:
    made: list[int] = []

    def timeit(number: int) -> float:
        made.append(number)
        return 0.5 * number

    raw = RawBatches(timeit, 1)
    assert raw.run(3) == (1.5, 1.5, None)
    assert made == [1, 1, 1]
    assert raw.run(3, lambda: 0.0).waited is None, "its threads are not this process's"


def test_the_timer_that_a_setup_sets_is_the_one_that_counts() -> None:
    """As a benchmark does that counts seconds per iteration."""
    fake = Fake(1.0)
    scaled = Batches(fake.call, lambda: lambda: fake.now / 10, None, 0, fake.clock)
    assert scaled.run(5) == (pytest.approx(0.5), 5.0, None)


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

    def measure(self, samples: int, spare: int, with_setup: bool = False) -> Samples:
        return measure(
            self.batches(with_setup),
            1,
            samples,
            0.0,
            spare=spare,
            limit=0.02,
            meter=self.meter,
            clock=self.clock,
        )


WARM_UP = (1.0, 0.0)


def test_a_sample_that_waited_is_taken_again_however_long_it_took() -> None:
    """The second waited and is the fastest; the fourth is slow by itself and stays."""
    busy = Busy([WARM_UP, (1.0, 0.0), (0.5, 0.1), (1.0, 0.01), (9.0, 0.0), (1.0, 0.0)])
    measured = busy.measure(4, spare=4)
    assert measured.samples == [1.0, 1.0, 9.0, 1.0]
    assert measured.dropped == [0.5]
    assert measured.waits == pytest.approx([0.0, 0.01, 0.0, 0.0, 0.2])
    assert measured.waited == pytest.approx(0.01 / 12)
    assert busy.calls == [], "as many as needed"


def test_where_too_few_are_undisturbed_those_count_that_waited_least() -> None:
    """In the order measured; no more samples than there are spare ones."""
    calls = [WARM_UP, (1.0, 0.9), (1.0, 0.0), (2.0, 0.8), (3.0, 0.3), (4.0, 2.0), (1.0, 0.0)]
    busy = Busy(calls)
    measured = busy.measure(3, spare=2)
    assert measured.samples == [1.0, 2.0, 3.0]
    assert measured.dropped == [1.0, 4.0]
    assert len(busy.calls) == 1


def test_a_process_that_never_has_its_cores_takes_no_more() -> None:
    busy = Busy([WARM_UP, *[(1.0, 0.5)] * 9])
    measured = busy.measure(3, spare=3)
    assert (len(measured.samples), measured.dropped, len(busy.calls)) == (3, [], 6)
    assert measured.waited == pytest.approx(0.5)


def test_waiting_of_setups_does_not_count() -> None:
    measured = Busy([WARM_UP, *[(1.0, 0.0)] * 3]).measure(3, spare=3, with_setup=True)
    assert (measured.waits, measured.dropped) == ([0.0] * 3, [])


def test_where_setups_are_very_many_the_meter_is_read_once_around_them() -> None:
    """Reading it around each call would cost more than the calls."""
    read: list[float] = []

    def meter() -> float:
        read.append(busy.waited)
        return busy.waited

    busy = Busy([(1.0, 0.0)] * 1000)
    batch = busy.batches(with_setup=True).run(1000, meter)
    assert (batch.seconds, len(read)) == (1000.0, 2)
    assert batch.waited == pytest.approx(50.0 * 999 / (1000 + 999 * busy.setup))


def test_where_waiting_is_unknown_nothing_is_dropped() -> None:
    fake = Fake(1.0)
    measured = measure(fake.batches(), 1, 3, 0.0, spare=3, clock=fake.clock)
    assert measured == ([1.0] * 3, [], [], None)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_the_lower_quartile_is_the_usual_one(values: list[float]) -> None:
    import numpy as np

    assert lower_quartile(values) == pytest.approx(float(np.quantile(values, 0.25)))


def test_what_runs_elsewhere_is_as_long_as_its_author_made_it() -> None:
    """To start a process takes longer than most of what it times: more of it makes no batch."""
    runs: list[int] = []

    def timeit(number: int) -> float:
        runs.append(number)
        return 1e-6 * number

    assert calibrate(RawBatches(timeit, 3))[0] == 3
    assert runs == [3, 3]
