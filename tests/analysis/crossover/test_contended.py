from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.analysis.contention import (
    LARGEST_CONTENDED_SHARE,
    contention,
    contention_warnings,
    is_contended,
)
from perceptron.analysis.crossover.judge import crossovers
from perceptron.analysis.crossover.points import points
from perceptron.records.measurement import Measurement
from tests.analysis.crossover.conftest import A, B
from tests.made import measured

RATIOS = {4: 4.0, 16: 2.2, 32: 1.7, 64: 1.3, 256: 0.6, 512: 0.45, 1024: 0.3}


def rows_of(
    size: int, ratio: float, waits: list[tuple[float | None, float | None]]
) -> list[Measurement]:
    """A row of each backend and process; waiting makes its time longer by as much."""
    noise = np.random.default_rng(size).normal(0, 0.01, (len(waits), 2))
    return [
        measured(
            backend=backend,
            size=size,
            problem=f"line:{size}",
            repeat=process,
            seconds=1e-3 * true * exp(noise[process, side]) / (1 - (waited[side] or 0.0)),
            samples=[1.0] * 5,
            waited=waited[side],
            contended=None if waited[side] is None else 0,
        )
        for process, waited in enumerate(waits)
        for side, (backend, true) in enumerate([(A, 1.0), (B, ratio)])
    ]


def test_uncontended_processes_count_where_there_are_enough() -> None:
    """Three of them say more than eight that waited."""
    waits = [(0.5, 0.0), (0.0, 0.0), (0.0, 0.6), (0.01, 0.0), (0.4, 0.4), (0.0, 0.02)]
    (point,) = points(rows_of(4, 1.5, [*waits]), A, B)
    assert point.processes == (1, 3, 5)
    assert (point.count, point.taken, point.hidden) == (3, 6, 0.0)
    assert point.mean == pytest.approx(log(1.5), abs=0.03)


def test_where_all_waited_the_interval_holds_what_waiting_may_hide() -> None:
    """A challenger that loses a fifth of its time looks slower: it may be as fast."""
    (point,) = points(rows_of(4, 1.0, [(0.15, 0.2)] * 8), A, B)
    assert point.mean == pytest.approx(log(0.85 / 0.8), abs=0.02)
    assert point.hidden == pytest.approx(-log(0.8))
    low, high = point.interval()
    assert low <= 0 <= high
    assert point.sign == 0


@pytest.mark.parametrize("waited", [(0.3, 0.3), (0.0, 0.2), (0.2, 0.0)])
def test_sides_that_waited_long_or_unlike_say_nothing(waited: tuple[float, float]) -> None:
    """Whatever their ratio is, and however many processes agree on it."""
    (point,) = points(rows_of(4, 4780.0, [waited] * 8), A, B)
    assert point.says_nothing
    assert point.sign == 0


def test_a_size_that_says_nothing_moves_no_crossover() -> None:
    """Its times may be hundreds of times off: the change is where the others put it."""
    calm = [(0.0, 0.0)] * 8
    rows = [row for size, ratio in RATIOS.items() for row in rows_of(size, ratio, calm)]
    (before,) = crossovers(rows)
    (after,) = crossovers([*rows, *rows_of(128, 900.0, [(0.0, 0.9)] * 8)])
    assert (after.status, after.size, after.bracket) == (before.status, before.size, (64, 256))
    assert (128, 128) in after.undecided
    assert after.decided == [(4, 64), (256, 1024)]


@given(st.floats(0.0, 0.9), st.floats(0.0, 0.9), st.floats(0.3, 3.0))
def test_waiting_alone_never_makes_a_sure_winner(first: float, second: float, ratio: float) -> None:
    """Whatever each waited: the side that is sure to win is the one that wins uncontended."""
    (point,) = points(rows_of(4, ratio, [(first, second)] * 6), A, B)
    if point.sign:
        assert point.sign == (1 if ratio > 1 else -1) or abs(log(ratio)) < 0.04


def test_a_sweep_that_waited_throughout_is_too_busy_to_compare() -> None:
    rows = [row for size, ratio in RATIOS.items() for row in rows_of(size, ratio, [(0.5, 0.5)] * 8)]
    (crossover,) = crossovers(rows)
    assert (crossover.status, crossover.is_decided, crossover.size) == ("undecided", False, None)
    assert crossover.decided == []
    assert crossover.reason == (
        "too busy to compare: 100% of samples contended; next: --wait or --threads 1"
    )


def test_many_threads_together_may_wait_for_more() -> None:
    """What the system does for itself it does on every core."""
    assert is_contended(measured(waited=0.1, threads=2))
    assert not is_contended(measured(waited=0.1, threads=64))
    assert is_contended(measured(waited=0.5, threads=64))


TEN = [1e-3] * 10


def test_few_contended_samples_that_were_taken_again_are_no_news() -> None:
    """They cost a little time, and the times stand."""
    quiet = [measured(samples=TEN, waited=0.0, contended=0)] * 9
    few = [*quiet, measured(samples=TEN, waited=0.0, contended=11)]
    assert contention(few).share < LARGEST_CONTENDED_SHARE
    assert contention_warnings(few) == []
    (warning,) = contention_warnings([*few, measured(samples=TEN, waited=0.0, contended=11)])
    assert warning.code == "contended"
    assert warning.message.startswith("17% of the samples were contended")
    assert "rest on" not in warning.message


def test_times_that_waited_all_the_same_are_counted() -> None:
    """One of twenty is outvoted by the processes beside it; more are not."""
    rows = [measured(samples=TEN, waited=0.0, contended=0)] * 19 + [
        measured(samples=TEN, waited=0.3, contended=0)
    ]
    assert contention_warnings(rows) == []
    (warning,) = contention_warnings(rows[1:])
    assert "1 of 19 times rest on samples that waited more than 2% of their time" in warning.message
    assert "--wait" in warning.advice
