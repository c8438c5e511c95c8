from __future__ import annotations

import statistics
from collections.abc import Callable
from itertools import count
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.processes.timed_loop import Sample, Samples, lower_quartile, take_samples
from perceptron.statistics.interval import of_ratio

WANTED = 5
# Half of those wanted: so many uncontended ones are enough.
FEW = 3


def scripted(shares: list[float], seconds: list[float]) -> Callable[[int], Sample]:
    """Samples whose threads waited for these shares, one after the other, again and again."""
    numbers = count()

    def take(iterations: int) -> Sample:
        number = next(numbers)
        time = seconds[number % len(seconds)]
        return Sample(iterations, time, shares[number % len(shares)] * time)

    return take


times = st.lists(st.floats(0.01, 0.1), min_size=1, max_size=9)


@given(times)
def test_samples_on_quiet_machine_are_the_first(seconds: list[float]) -> None:
    """Nothing is chosen by its time, and nothing is measured twice."""
    got = take_samples(scripted([0.0], seconds), 100, WANTED)
    assert [sample.seconds for sample in got.retained] == (seconds * WANTED)[:WANTED]
    assert not got.dropped
    assert got.wait_share == 0


@given(st.lists(st.sampled_from([0.0, 0.01, 0.5, 0.6]), min_size=1, max_size=9), times)
def test_samples_are_chosen_by_waiting_only(shares: list[float], seconds: list[float]) -> None:
    """The uncontended count, however slow; where they are too few, those that waited least."""
    got = take_samples(scripted(shares, seconds), 1, WANTED)
    uncontended = [sample for sample in (*got.retained, *got.dropped) if not sample.is_contended]
    if len(uncontended) >= FEW:
        assert not any(sample.is_contended for sample in got.retained)
        assert len(got.retained) == min(WANTED, len(uncontended))
    else:
        assert len(got.retained) == FEW
        most = max(sample.share for sample in got.retained)
        assert all(sample.share >= most - 1e-9 for sample in got.dropped)


@given(st.lists(st.floats(0.0, 0.9), min_size=1, max_size=20), times, st.integers(1, 1000))
def test_taking_again_is_bounded_and_loses_nothing(
    shares: list[float], seconds: list[float], iterations: int
) -> None:
    """Whatever the machine does: enough samples, an end, and every second kept or dropped."""
    taken: list[Sample] = []
    script = scripted(shares, seconds)

    def take(iterations: int) -> Sample:
        taken.append(script(iterations))
        return taken[-1]

    got = take_samples(take, iterations, WANTED)
    assert FEW <= len(got.retained) <= WANTED
    assert len({sample.iterations for sample in got.retained}) == 1
    for field in ("seconds", "iterations"):
        accounted = sum(getattr(sample, field) for sample in (*got.retained, *got.dropped))
        assert accounted == pytest.approx(sum(getattr(sample, field) for sample in taken))
    longest, shortest = max(seconds), min(seconds)
    # Of each of a few lengths 2 s at most, or twice what all that are wanted take.
    assert len(taken) <= 3 + 2 * 25 + (8 + 200 * longest) / shortest


def test_shorter_samples_where_long_ones_are_always_contended() -> None:
    """They fit between two turns of the neighbour's; five of them are a sample."""

    def take(iterations: int) -> Sample:
        seconds = iterations * 1e-4
        return Sample(iterations, seconds, 0.0 if seconds < 3e-3 else 0.5 * seconds)

    got = take_samples(take, 100, WANTED)
    assert [sample.iterations for sample in got.retained] == [100] * WANTED
    assert [sample.seconds for sample in got.retained] == pytest.approx([0.01] * WANTED)
    assert got.wait_share == 0
    assert [sample.iterations for sample in got.dropped] == [100] * 3
    fixed = take_samples(take, 100, WANTED, shorten=False)
    assert fixed.wait_share == pytest.approx(0.5)


class Turns:
    """A core shared with ``others``: each has it for 3 ms in turn, and so have we.

    Of our iterations each takes ``each`` seconds of it.
    """

    TURN = 3e-3

    def __init__(self, others: int, each: float) -> None:
        self._others, self._each = others, each
        self._left = self.TURN
        self.now = 0.0

    def take(self, iterations: int) -> Sample:
        work, waited = iterations * self._each, 0.0
        while work > self._left:
            work -= self._left
            self._left = self.TURN
            waited += self.TURN * self._others
        self._left -= work
        seconds = iterations * self._each + waited
        self.now += seconds
        return Sample(iterations, seconds, waited)


@pytest.mark.parametrize("others", [1, 4, 12])
@pytest.mark.parametrize("iterations", [50, 120, 350])
def test_samples_fit_between_turns_of_shared_core(others: int, iterations: int) -> None:
    """Also where waiting made samples longer than was asked for. It takes the longer the more
    others there are, and it ends.
    """
    core = Turns(others, 1e-4)
    got = take_samples(core.take, iterations, WANTED)
    assert got.wait_share == 0
    assert len(got.retained) >= FEW
    assert [sample.seconds / sample.iterations for sample in got.retained] == pytest.approx(
        [1e-4] * len(got.retained)
    )
    assert core.now < 3.0


@pytest.mark.parametrize("iterations", [1, 3, 20])
def test_samples_end_early_if_all_are_contended(iterations: int) -> None:
    """Threads that wait for each other beside a busy process: a hundred times as long, always."""
    now = 0.0

    def take(iterations: int) -> Sample:
        nonlocal now
        now += iterations * 0.04
        return Sample(iterations, iterations * 0.04, 1.6 * iterations * 0.04)

    got = take_samples(take, iterations, WANTED)
    assert len(got.retained) == FEW
    assert now < 0.7 + iterations * 0.04, "the first sample, and little more"


def test_waiting_that_nobody_can_tell_is_not_zero() -> None:
    """Elsewhere than on Linux."""
    got = take_samples(lambda iterations: Sample(iterations, 0.01), 10, WANTED)
    assert got.wait_share is None
    assert not got.dropped


def test_lower_quartile_ignores_one_slow_sample() -> None:
    """The lower quartile ignores a neighbour's burst."""
    assert lower_quartile((1.0, 1.0, 1.0, 9.0, 1.0)) == 1.0


class World:
    """A process beside a neighbour, which takes its core at random: ``losses`` times a second.

    Its iterations take about ``typical`` seconds, and vary by ``spread``, slow ones more often.
    """

    def __init__(self, draw: np.random.Generator, typical: float, spread: float, losses: float):
        self._draw = draw
        self._process = typical * exp(draw.normal(0, 0.02))
        self._spread = spread
        self._losses = losses

    def take(self, iterations: int) -> Sample:
        varied = np.exp(self._spread * self._draw.exponential(1, iterations))
        work = self._process * float(varied.sum())
        turns = self._draw.poisson(self._losses * work)
        waited = float(self._draw.exponential(0.004, turns).sum())
        return Sample(iterations, work + waited, waited)

    def seconds(self, choose: Callable[[World], Samples]) -> float:
        kept = choose(self).retained
        return lower_quartile([sample.seconds / sample.iterations for sample in kept])


ITERATIONS = 10


def by_waiting(world: World) -> Samples:
    return take_samples(world.take, ITERATIONS, WANTED)


def ratios(choose: Callable[[World], Samples], losses: tuple[float, float]) -> list[float]:
    """Log-ratios of a body that varies over one that does not, which losses hit unequally."""
    draw = np.random.default_rng(5)
    return [
        log(World(draw, 1e-3, 0.1, losses[0]).seconds(choose))
        - log(World(draw, 1e-3, 0.01, losses[1]).seconds(choose))
        for _ in range(800)
    ]


@pytest.fixture(scope="module")
def quiet() -> float:
    """The mean log-ratio without a neighbour."""
    return statistics.fmean(ratios(by_waiting, (0.0, 0.0)))


# With 30 losses a second a third of the samples of 11 ms are hit, with 300 nearly all, and half of
# their pieces.
@pytest.mark.parametrize("losses", [(30.0, 5.0), (30.0, 300.0)])
def test_samples_beside_other_process_keep_ratios_unbiased(
    quiet: float, losses: tuple[float, float]
) -> None:
    """Judged by waiting a ratio is the quiet one, also where one side loses its core more often,
    and where its samples are put together from shorter ones.
    """
    assert statistics.fmean(ratios(by_waiting, losses)) == pytest.approx(quiet, abs=0.01)


def test_beside_a_neighbour_intervals_hold_what_they_promise(quiet: float) -> None:
    """95% of the intervals of eight processes hold the ratio of the quiet machine."""
    values = np.exp(ratios(by_waiting, (100.0, 10.0))).reshape(-1, 8)
    holds = 0
    for eight in values:
        interval = of_ratio(list(eight), [1.0] * 8)
        assert interval.low is not None
        assert interval.high is not None
        holds += interval.low <= exp(quiet) <= interval.high
    assert holds / len(values) >= 0.92


def test_samples_stop_at_time_limit() -> None:
    """Of whole trainings of 4 s two are begun within 5 s; and one there always is, busy or not."""
    for share, most, taken in ((0.0, 5.0, 2), (0.0, 1.0, 1), (0.5, 1.0, 1)):
        got = take_samples(scripted([share], [4.0]), 10_000, 3, shorten=False, most_seconds=most)
        assert (len(got.retained), len(got.dropped)) == (taken, 0)
