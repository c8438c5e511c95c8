"""What a race says: parts, who raced the same seeds, and who is first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.analysis.race import (
    NOTHING,
    Competitor,
    RaceRun,
    first_of,
    race_curves,
    race_runs,
    race_warnings,
)
from perceptron.records.race import RaceRow
from tests.made import race_row, race_rows

NUMPY, TORCH = (Competitor(name, "float32") for name in ("numpy", "torch-cpu"))
TOO_LOW = (0.5, 0.6, 0.7)
looks = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def of_start(rows: list[RaceRow], start: str, *names: Competitor) -> dict[Competitor, RaceRun]:
    return {run.competitor: run for run in race_runs(rows, names) if run.start == start}


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
    assert run.parts.train is None
    assert run.reason is None


def test_seeds_that_only_some_had_time_for_are_left_out() -> None:
    rows = [row for row in race_rows() if (row.backend, row.seed) != ("torch-cpu", 6)]
    runs = of_start(rows, "fresh", NUMPY, TORCH)
    assert (runs[NUMPY].seeds, runs[TORCH].seeds) == (6, 6)


def test_one_that_crashes_takes_no_seed_from_the_others() -> None:
    rows = [row for row in race_rows() if row.backend == "numpy" or row.seed < 2]
    failed = {"status": "failed", "reason": "ended by SIGSEGV", "fresh": None, "resident": None}
    rows.append(race_row(2, "torch-cpu", **failed))
    runs = of_start(rows, "fresh", NUMPY, TORCH)
    assert runs[NUMPY].seeds == 7
    assert (runs[TORCH].seeds, runs[TORCH].reason) == (2, "seed 2: ended by SIGSEGV")


def test_of_whom_there_is_no_row_nothing_is_known() -> None:
    runs = of_start(race_rows(), "fresh", NUMPY, Competitor("jax-cpu", "float32"))
    assert runs[Competitor("jax-cpu", "float32")].reason == NOTHING


def test_a_row_that_says_ok_and_holds_nothing_has_not_raced() -> None:
    """Rows are untrusted."""
    run = of_start([race_row(fresh=None)], "fresh", NUMPY)[NUMPY]
    assert (run.seeds, run.reason) == (0, "incomplete")


def test_which_is_first_is_undecided_where_intervals_overlap_or_are_open() -> None:
    """As they are with few seeds."""
    rows = [
        race_row(seed, name, train=0.1 + 0.01 * ((seed + shift) % 7))
        for seed in range(7)
        for name, shift in (("numpy", 0), ("torch-cpu", 3))
    ]
    for some in (rows, [row for row in race_rows() if row.seed < 3]):
        first = first_of(list(of_start(some, "resident", NUMPY, TORCH).values()))
        assert first is not None
        assert len(first.undecided) == 1
    assert first_of([]) is None


@pytest.mark.parametrize(
    ("name", "waited", "undecided"),
    [("torch-cpu", 0.6, 1), ("torch-cpu", 0.2, 0), ("numpy", 0.6, 0)],
)
def test_a_backend_that_waited_for_cores_may_have_been_first(
    name: str, waited: float, undecided: int
) -> None:
    """Waiting only ever adds: the one that is first all the same stays it."""
    rows = [
        replace(row, resident=replace(row.resident, waited=waited))
        if row.backend == name and row.resident is not None
        else row
        for row in race_rows()
    ]
    first = first_of(list(of_start(rows, "resident", NUMPY, TORCH).values()))
    assert first is not None
    assert (first.run.backend, len(first.undecided)) == ("numpy", undecided)


def test_trainings_that_waited_for_a_core_are_warned_of() -> None:
    assert race_warnings(race_rows()) == []
    waited = race_row()
    assert waited.fresh is not None
    slow = replace(waited.fresh, waited=0.5)
    (warning,) = race_warnings([race_row(fresh=slow), race_row(1)])
    assert warning.code == "contended"
    assert "1 of 4 trainings" in warning.message


def test_a_seed_that_is_there_keeps_what_it_had() -> None:
    """The band would fall otherwise when the quick ones are done."""
    rows = [race_row(0, accuracies=(0.97,)), race_row(1, accuracies=(0.5, 0.6, 0.95))]
    (points,) = race_curves(rows, "resident", "accuracy").values()
    assert [(point.low, point.high) for point in points] == [
        (0.5, 0.97),
        (0.6, 0.97),
        (0.95, 0.97),
    ]


@given(st.lists(st.tuples(looks, st.floats(0.01, 10)), min_size=1, max_size=7))
def test_time_never_runs_backwards_and_bands_hold_the_median(
    seeds: list[tuple[list[float], float]],
) -> None:
    rows = [race_row(n, accuracies=seen, train=train) for n, (seen, train) in enumerate(seeds)]
    (points,) = race_curves(rows, "fresh", "accuracy").values()
    assert len(points) == max(len(seen) for seen, _ in seeds)
    times = [point.seconds for point in points]
    assert times == sorted(times)
    assert all(point.low <= point.value <= point.high for point in points)
