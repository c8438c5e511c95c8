"""What a race says: medians of censored times, who raced the same seeds, and who is first."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.questions.race import judge as race
from perceptron.questions.race.judge import (
    RaceRun,
    is_tie,
    leaders_of,
    median_of,
    race_runs,
    race_warnings,
)
from perceptron.records.race import RaceRow
from perceptron.statistics.interval import Interval
from tests.made import race_row, race_rows

NUMPY, TORCH = (("numpy", "float32"), ("torch-cpu", "float32"))
TOO_LOW = (0.5, 0.6, 0.7)
times = st.lists(st.floats(0.01, 1e4), min_size=1, max_size=30)


def of_start(
    rows: list[RaceRow], start: race.RaceStart, *names: tuple[str, str]
) -> dict[tuple[str, str], RaceRun]:
    runs = race.of_start(race_runs(rows, names), start)
    return {(run.backend, run.dtype): run for run in runs}


def test_a_seed_that_does_not_get_there_is_censored_and_not_dropped() -> None:
    """With it the median is later; without more than half there is none, and all are told."""
    there = [race_row(seed, train=0.1 + 0.01 * seed) for seed in range(4)]
    late = [race_row(seed, train=3.0, accuracies=TOO_LOW) for seed in range(4, 7)]
    run = of_start([*there, *late], "resident", NUMPY)[NUMPY]
    assert (run.seeds, run.reached) == (7, 4)
    assert run.seconds == pytest.approx(0.13)
    lost = [race_row(seed, train=3.0, accuracies=TOO_LOW) for seed in range(3, 7)]
    run = of_start([*there[:3], *lost], "resident", NUMPY)[NUMPY]
    assert (run.seeds, run.reached, run.seconds, run.low, run.epochs) == (7, 3, None, None, None)
    assert run.parts["train"] is None
    assert run.reason is None


def test_which_is_first_is_undecided_where_intervals_overlap_or_are_open() -> None:
    """As they are with few seeds."""
    rows = [
        race_row(seed, name, train=0.1 + 0.01 * ((seed + shift) % 7))
        for seed in range(7)
        for name, shift in (("numpy", 0), ("torch-cpu", 3))
    ]
    for some in (rows, [row for row in race_rows() if row.seed < 3]):
        assert len(leaders_of(of_start(some, "resident", NUMPY, TORCH).values())) == 2
    assert leaders_of([]) == []


@pytest.mark.parametrize(
    ("seeds", "apart", "tie"), [(7, 0.04, True), (7, 0.06, False), (3, 0, False)]
)
def test_a_tie_is_within_5_percent_and_has_intervals(seeds: int, apart: float, tie: bool) -> None:
    """With few seeds their ends are open: then nothing says that they are as fast."""
    rows = [
        race_row(seed, name, train=0.1 * (1 + 0.02 * seed + more))
        for seed in range(seeds)
        for name, more in (("numpy", 0.0), ("torch-cpu", apart))
    ]
    leaders = leaders_of(of_start(rows, "resident").values())
    assert (len(leaders), is_tie(leaders)) == (2, tie)


@pytest.mark.parametrize(
    ("name", "waited", "leaders"),
    [
        ("torch-cpu", 0.6, ["numpy", "torch-cpu"]),
        ("torch-cpu", 0.2, ["numpy"]),
        ("numpy", 0.6, ["numpy"]),
    ],
)
def test_a_backend_that_waited_for_cores_may_have_been_first(
    name: str, waited: float, leaders: list[str]
) -> None:
    """Waiting only ever adds: the one that is first all the same stays it."""
    rows = [
        replace(row, resident=replace(row.resident, waited=waited)) if row.backend == name else row
        for row in race_rows()
    ]
    found = leaders_of(of_start(rows, "resident", NUMPY, TORCH).values())
    assert [run.backend for run in found] == leaders


def test_trainings_that_waited_for_a_core_are_warned_of() -> None:
    assert race_warnings(race_rows()) == []
    waited = race_row()
    slow = replace(waited.fresh, waited=0.5)
    (warning,) = race_warnings([race_row(fresh=slow), race_row(1)])
    assert warning.code == "contended"
    assert "1 of 4 trainings" in warning.message


@given(times, st.integers(0, 40))
def test_those_given_up_last_only_raise_the_rank(seconds: list[float], late: int) -> None:
    """Given up behind all others they count as slower, as if they had got there at the very end.

    So the median is that of all, and there is none once more than half are given up.
    """
    end = max(seconds) * 2
    found = median_of([*seconds, *[end] * late], [True] * len(seconds) + [False] * late)
    if late > len(seconds):
        assert found is None
    elif late < len(seconds):
        assert found.estimate == pytest.approx(median([*seconds, *[end] * late]))
    else:
        assert found.estimate == pytest.approx((max(seconds) + end) / 2)


def test_seven_seeds_have_both_ends_and_fewer_none_above() -> None:
    """What the documentation says of how many seeds it takes."""
    seven = median_of([1, 2, 3, 4, 5, 6, 7], [True] * 7)
    assert seven == Interval(4.0, 1.0, 6.0)
    for number in range(2, 7):
        fewer = median_of(list(range(1, number + 1)), [True] * number)
        assert (fewer.low, fewer.high) == (1.0, None)
    assert median_of([3.0], [True]) == Interval(3.0, None, None)
