from __future__ import annotations

from math import exp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.questions.crossover.amortise import (
    Amortisation,
    amortisation_tables,
    amortisations,
    from_cold,
)
from perceptron.records.measurement import Measurement
from tests.questions.crossover.conftest import row

EAGER, COMPILED = "torch-cpu", "torch-compile"


def started(
    seconds: dict[str, float],
    prepare: dict[str, float],
    spread: tuple[float, ...] = (0.0, 0.0),
    **fields: object,
) -> list[Measurement]:
    """Make a row for each backend and process; process k takes exp(±spread[k]) times as long."""
    return [
        row(
            backend=name,
            repeat=process,
            seconds=cost * exp(off * (1 if name == COMPILED else -1)),
            prepare_seconds=prepare[name],
            **({"size": 4} | fields),
        )
        for process, off in enumerate(spread)
        for name, cost in seconds.items()
    ]


def only(rows: list[Measurement]) -> Amortisation:
    (amortisation,) = amortisations(rows)
    return amortisation


@settings(deadline=None)
@given(
    fast=st.floats(1e-6, 1e-2),
    times=st.floats(1.05, 100),
    sooner=st.floats(1e-3, 1.0),
    later=st.floats(1e-3, 100),
)
def test_amortisation_iteration_is_first_where_total_is_faster(
    fast: float, times: float, sooner: float, later: float
) -> None:
    """And one iteration earlier it is not."""
    seconds = {EAGER: fast * times, COMPILED: fast}
    prepare = {EAGER: sooner, COMPILED: sooner + later}
    amortisation = only(started(seconds, prepare))

    def training(name: str, iterations: int) -> float:
        return prepare[name] + seconds[name] * iterations

    slack = 1 + 1e-9
    assert (
        training(COMPILED, amortisation.iterations)
        <= training(EAGER, amortisation.iterations) * slack
    )
    if amortisation.iterations > 1:
        before = amortisation.iterations - 1
        assert training(COMPILED, before) * slack >= training(EAGER, before)


def test_amortisation_bounds_follow_spread_of_times() -> None:
    """With spread the break-even lies between its bounds, which lie further apart than nothing."""
    spread = (-0.02, -0.01, 0.0, 0.01, 0.02)
    amortisation = only(started({EAGER: 3e-3, COMPILED: 1e-3}, {EAGER: 1, COMPILED: 5}, spread))
    assert amortisation.high is not None
    assert amortisation.low < amortisation.iterations < amortisation.high


def test_times_that_drift_together_leave_the_faster_one_decided() -> None:
    """Side by side 1.5 times in every process: that it is ahead in the end is known."""
    drifts = (0.5, 2.0, 0.7, 1.6, 1.0, 0.6, 1.8)
    even = started({EAGER: 1.5e-3, COMPILED: 1e-3}, {EAGER: 1, COMPILED: 5}, (0.0,) * len(drifts))
    rows = [
        replace(measurement, seconds=drifts[measurement.repeat] * (measurement.seconds or 0.0))
        for measurement in even
    ]
    amortisation = only(rows)
    assert (amortisation.faster_seconds.high or 0) > (amortisation.slower_seconds.low or 0)
    assert amortisation.high is not None
    assert amortisation.low < amortisation.iterations < amortisation.high
    assert amortisation_tables([amortisation])[0].rows[0][2] == COMPILED


@pytest.mark.parametrize("prepare", [{EAGER: 1, COMPILED: 5}, {EAGER: 5, COMPILED: 1}])
def test_amortisation_has_no_high_bound_if_winner_is_open(prepare: dict[str, float]) -> None:
    """The ratio side by side is open: it may never catch up, or not stay ahead."""
    spread = (-0.2, -0.1, 0.0, 0.1, 0.2)
    amortisation = only(started({EAGER: 1.05e-3, COMPILED: 1e-3}, prepare, spread))
    assert amortisation.faster == COMPILED
    assert amortisation.high is None
    assert (amortisation.iterations == 1) == (prepare[EAGER] == 5)
    assert amortisation.low <= amortisation.iterations


def test_amortisation_of_a_tie_has_no_high_bound() -> None:
    """2% for sure: the table says that it is a tie, and not that it is undecided."""
    tie = only(started({EAGER: 1.02e-3, COMPILED: 1e-3}, {EAGER: 0.5, COMPILED: 0.6}))
    assert (tie.is_tie, tie.high) == (True, None)
    (table,) = amortisation_tables([tie])
    assert table.rows[0][2] == f"{COMPILED}, a tie"


def test_rows_that_do_not_say_how_they_started_are_left_out() -> None:
    """They would look as if starting were free; why a backend has no time stays."""
    silent = row(seconds=0.002)
    failed = row(status="failed", reason="it broke")
    assert from_cold([silent, failed], 1000) == [failed]
    assert amortisations([silent, row(backend=EAGER, seconds=0.001, prepare_seconds=1.0)]) == []


def test_cold_start_excludes_setup_from_compile_cache() -> None:
    """It counts as an iteration's time, beside the setup of the repeat that compiled."""
    costs, ready = {EAGER: 3e-3, COMPILED: 1e-3}, {EAGER: 0.5, COMPILED: 10.5}
    rows = [
        replace(measurement, prepare_seconds=0.1, prepared_from_cache=True)
        if measurement.backend == COMPILED and measurement.repeat
        else measurement
        for measurement in started(costs, ready, (0.0,) * 4)
    ]
    cold = [
        measurement.repeat
        for measurement in from_cold(rows, 1000)
        if measurement.backend == COMPILED
    ]
    assert cold == [0]
    assert only(rows).iterations == only(started(costs, ready)).iterations == 5001
    assert amortisations([row for row in rows if row.repeat]) == []


def test_amortisation_uses_newest_commit_only() -> None:
    """Times of another commit do not count, as in the crossovers."""
    costs, ready = {EAGER: 3e-3, COMPILED: 1e-3}, {EAGER: 0.5, COMPILED: 10.5}
    slow = {name: 10 * cost for name, cost in costs.items()}
    old = started(slow, ready, commit="old", when="2026-01-01")
    new = started(costs, ready, commit="new", when="2026-01-02")
    # As when two runs are read: a second run's processes are numbered after the first's.
    new = [replace(measurement, repeat=2 + measurement.repeat) for measurement in new]
    assert only(old + new) == only(new)


def test_contended_times_do_not_say_that_the_faster_one_is_ahead() -> None:
    """Where waiting may explain the difference, the number of iterations has no upper end."""
    costs, ready = {EAGER: 3e-3, COMPILED: 1e-3}, {EAGER: 0.5, COMPILED: 0.4}
    assert only(started(costs, ready, waited=0.0)).high == 1
    assert only(started(costs, ready, waited=0.6)).high is None
    assert only(started(costs, ready, (0.0,))).high is None
