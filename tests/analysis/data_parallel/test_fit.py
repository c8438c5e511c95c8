from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.analysis.data_parallel.fit import (
    IterationTime,
    SendingTime,
    fit_compute,
    fit_sending,
    sent_share,
    steps,
)

SHORT = st.floats(1e-6, 1e-2)
PER_ROW = st.floats(1e-8, 1e-4)
BUCKETS = ((40,), (2**20,), (2**20, 25 * 2**20))


@given(SHORT, PER_ROW, SHORT)
def test_what_was_put_in_is_found_again(fixed: float, per_row: float, hooks: float) -> None:
    times = [
        IterationTime(rows, is_ddp, fixed + per_row * rows + hooks * is_ddp)
        for rows in (16, 256, 4096)
        for is_ddp in (False, True)
    ]
    found = fit_compute(times)
    assert found.fixed == pytest.approx(fixed, rel=1e-3, abs=per_row)
    assert found.per_row == pytest.approx(per_row, rel=1e-3)
    assert found.hooks == pytest.approx(hooks, rel=1e-3)
    assert found.spread < 1e-3
    assert found.seconds(100) == pytest.approx(fixed + 100 * per_row + hooks, rel=1e-3)
    assert found.seconds(100, is_ddp=False) < found.seconds(100)


@given(st.floats(1e-6, 1e-3), st.floats(1e-10, 1e-7))
def test_latency_and_bandwidth_are_found_again(per_step: float, per_byte: float) -> None:
    times = []
    for machines in (2, 4):
        for buckets in BUCKETS:
            sent = sent_share(machines) * sum(buckets) * per_byte
            seconds = steps(machines) * len(buckets) * per_step + sent
            times.append(SendingTime(machines, buckets, 1e-5, 1e-5 + seconds))
    found = fit_sending(times)
    assert found.per_step == pytest.approx(per_step, rel=1e-3)
    assert found.per_byte == pytest.approx(per_byte, rel=1e-3)


def test_two_processes_take_two_steps_and_send_the_gradient_once() -> None:
    """Reduce-scatter and all-gather, half of the gradient each."""
    assert (steps(2), sent_share(2)) == (2, 1.0)
    assert (steps(1), sent_share(1)) == (0, 0.0)
    assert (steps(8), sent_share(8)) == (14, 1.75)


def test_the_spread_is_that_of_the_times() -> None:
    """Two processes that differ by 20 % leave a spread of some tens of percent."""
    noisy = [
        IterationTime(rows, False, factor * (1e-3 + 1e-6 * rows))
        for rows in (16, 256, 4096)
        for factor in (0.9, 1.1)
    ]
    assert 0.15 < fit_compute(noisy).spread < 0.5


def test_a_time_that_is_twice_as_long_counts_as_one_that_is_half() -> None:
    """Relative errors would have the short one count more, and find less than is there."""
    found = fit_sending(
        [SendingTime(2, (4,), 1e-9, factor * 1e-4) for factor in (0.5, 2.0, 0.5, 2.0)]
    )
    assert 2 * found.per_step + 4 * found.per_byte == pytest.approx(1e-4, rel=0.01)


def test_two_processes_that_noise_made_faster_than_one_send_for_nothing() -> None:
    found = fit_sending([SendingTime(2, (40,), 1.1e-3, 1e-3), SendingTime(2, (80,), 1.01e-3, 1e-3)])
    assert max(found.per_step, 80 * found.per_byte) < 1e-9


def test_as_many_times_as_unknowns_say_nothing_of_the_spread() -> None:
    assert fit_sending([SendingTime(2, (40,), 9e-4, 1e-3)]).spread == inf
    with pytest.raises(ValueError, match="nothing was measured"):
        fit_compute([])
