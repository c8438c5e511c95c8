from __future__ import annotations

import gc
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.measure import timing
from perceptron.measure.timing import Effort, time_training
from perceptron.processes.waiting import WaitingMeter
from perceptron.records.measurement import Timings

# Made-up time has no real waiting in it.
NO_METER = WaitingMeter("no such folder")


class FakeTrainer:
    """Trains on made-up time: each iteration takes ``cost`` seconds, each call ``overhead``."""

    def __init__(self, cost: float, overhead: float = 0.0, first: float = 0.0) -> None:
        self.now = 0.0
        self.cost, self.overhead, self.first = cost, overhead, first
        self.calls: list[int] = []
        self.fresh = False

    def clock(self) -> float:
        return self.now

    def train(self, iterations: int) -> None:
        assert self.fresh, "every sample starts from the start parameters"
        self.fresh = False
        self.now += self.overhead + iterations * self.cost + (0.0 if self.calls else self.first)
        self.calls.append(iterations)

    def reset(self) -> None:
        self.now += 123.0  # would be noticed if it were timed
        self.fresh = True


def timed(trainer: FakeTrainer, meter: WaitingMeter = NO_METER, **effort: Any) -> Timings:
    return time_training(trainer, Effort(**effort), trainer.clock, meter, lambda: None)


@given(st.floats(1e-7, 1.0))
def test_timing_recovers_known_cost(cost: float) -> None:
    """Seconds per iteration are the true ones, whatever the size."""
    trainer = FakeTrainer(cost)
    timing = timed(trainer)
    assert timing.seconds == pytest.approx(cost, rel=1e-6)
    assert len(timing.samples) == 5


@given(st.floats(1e-7, 1.0), st.floats(0, 1e-3), st.floats(0, 5))
def test_timing_samples_have_minimum_length(cost: float, overhead: float, first: float) -> None:
    """At least the minimum, even where the first call is slow (imports, compilation)."""
    trainer = FakeTrainer(cost, overhead, first)
    timing = timed(trainer, minimum_seconds=0.01)
    assert min(timing.samples) * timing.iterations >= 0.01 * (1 - 1e-9)
    assert timing.seconds <= cost + overhead + 1e-12  # the first call is in no sample


def test_long_iterations_are_warmed_up_and_short_ones_are_not_waited_for() -> None:
    """0.15 s of training precede the samples where several threads may be at work."""
    slow, fast = FakeTrainer(0.02), FakeTrainer(1e-5)
    timed(slow)
    timed(fast)
    assert 0.02 * sum(slow.calls[:-5]) >= 0.15
    assert 1e-5 * sum(fast.calls[:-5]) < 0.05


@pytest.mark.parametrize(
    ("cost", "overhead", "first", "iterations", "trained"),
    [
        (1.1e-7, 0.0, 0.0, 109_092, 446_571),
        (1.3e-4, 1e-3, 5.0, 83, 1_400),
        (2.7e-3, 0.0, 0.0, 6, 79),
        (0.2, 0.0, 0.0, 1, 4),
    ],
)
def test_timing_iterations_per_sample_are_stable(
    cost: float, overhead: float, first: float, iterations: int, trained: int
) -> None:
    """And it takes as many to find that out: times of other samples are not comparable."""
    trainer = FakeTrainer(cost, overhead, first)
    assert timed(trainer, samples=1).iterations == iterations
    assert sum(trainer.calls) == trained


def test_fixed_iterations_are_kept() -> None:
    """A whole training is timed whole."""
    trainer = FakeTrainer(1e-6)
    timing = timed(trainer, samples=3, iterations=10_000)
    assert timing.iterations == 10_000
    assert trainer.calls[-3:] == [10_000] * 3


@given(st.floats(1e-6, 0.1), st.floats(0, 5), st.integers(1, 3))
def test_timing_slow_training_uses_fewer_iterations(
    cost: float, first: float, samples: int
) -> None:
    """Whole if at all possible; the seconds per iteration are true, and the time is kept."""
    trainer = FakeTrainer(cost, first=first)
    most = 20.0
    timing = timed(trainer, samples=samples, iterations=10_000, most_seconds=most)
    assert timing.seconds == pytest.approx(cost)
    assert (timing.iterations == 10_000) == (10_000 * cost <= most)
    assert sum(trainer.calls) * cost <= 1.3 * most
    assert timing.iterations * cost >= min(10_000 * cost, most / 2)


def test_timing_clock_going_back_is_an_error() -> None:
    """A negative duration must never become a fast backend."""
    trainer = FakeTrainer(-1.0)
    with pytest.raises(RuntimeError, match="went back by"):
        timed(trainer)


def test_timing_disables_garbage_collection() -> None:
    """And works again afterwards."""

    class Watching(FakeTrainer):
        def train(self, iterations: int) -> None:
            assert not gc.isenabled()
            super().train(iterations)

    trainer = Watching(1e-3)
    timed(trainer)
    assert gc.isenabled()


def test_timing_warm_up_ends_when_threads_have_cores() -> None:
    """The fixed time is for systems that cannot tell."""

    class Meter(WaitingMeter):
        def __call__(self) -> float | None:
            # Two threads share a core in the first five calls.
            return 0.5 * sum(trainer.calls[:5]) * trainer.cost

    trainer = FakeTrainer(0.02)
    timing = timed(trainer, Meter("no such folder"))
    assert timing.seconds == pytest.approx(0.02)
    assert timing.dropped == []
    assert len(trainer.calls) == 6 + 5


def test_threads_that_had_all_cores_waited_for_nobody_but_themselves() -> None:
    """More threads than cores: a row that says it waited would blame a neighbour."""

    class Meter(WaitingMeter):
        def __call__(self) -> float | None:
            return 0.5 * sum(trainer.calls) * trainer.cost

        @property
        def ran_seconds(self) -> float:
            return 1e6 * sum(trainer.calls)  # far more than any machine has cores

    trainer = FakeTrainer(1e-4)
    timing = timed(trainer, Meter("no such folder"))
    assert timing.waited == 0.0


class Waiting:
    """A trainer on made-up time whose thread waits for half of each long sample."""

    def __init__(self) -> None:
        self.now = self.waited = 0.0

    def clock(self) -> float:
        return self.now

    def train(self, iterations: int) -> None:
        lost = 0.5 * iterations * 1e-4 if iterations * 1e-4 > 0.003 else 0.0
        self.now += iterations * 1e-4 + lost
        self.waited += lost

    def reset(self) -> None:
        self.waited += 7.0  # waiting before the sample is none of its own


def test_timing_reports_dropped_samples_and_wait() -> None:
    """From the meter to the row's fields."""

    class Meter(WaitingMeter):
        def __call__(self) -> float | None:
            return trainer.waited

    trainer = Waiting()
    timing = time_training(trainer, Effort(), trainer.clock, Meter(), lambda: None)
    assert timing.seconds == pytest.approx(1e-4)
    assert timing.waited == 0
    assert timing.dropped == pytest.approx([1.5e-4] * 3)
    assert timing.iterations * timing.seconds >= 0.0099, "of five pieces"


@pytest.mark.parametrize(("each", "waited"), [(0.02, 0.02 / 0.05 / 2), (0.01, 0.0)])
def test_timing_counts_stolen_time_as_waiting(
    monkeypatch: pytest.MonkeyPatch, each: float, waited: float
) -> None:
    """Steal is known for all samples together only. It is counted in steps of 10 ms, which is a
    fifth of five samples: one step says nothing."""
    monkeypatch.setattr(timing, "usable_cores", lambda: 2)

    class Meter(WaitingMeter):
        def __call__(self) -> float | None:
            return 0.0

    trainer, readings = FakeTrainer(0.01), count()
    meter, effort = Meter("no such folder"), Effort(iterations=1)
    measured = time_training(trainer, effort, trainer.clock, meter, lambda: each * next(readings))
    assert measured.waited == pytest.approx(waited)


def test_threads_that_start_with_the_work_are_known_when_it_is_timed() -> None:
    """Libraries start them when there is some."""

    class Meter(WaitingMeter):
        def refresh(self) -> None:
            self.knows = bool(trainer.calls)

        def __call__(self) -> float | None:
            return 0.5 * sum(trainer.calls) * trainer.cost if self.knows else 0.0

    trainer = FakeTrainer(1e-3)
    assert timed(trainer, Meter("no such folder"), iterations=10).waited == pytest.approx(0.5)
