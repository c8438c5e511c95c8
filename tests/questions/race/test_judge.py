"""What a race says: medians of censored times, who raced the same seeds, and who is first."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.questions.race.judge import RaceRun, median_of, race_results, race_warnings
from perceptron.records.race import RaceRow
from perceptron.statistics.interval import Interval
from perceptron.statistics.ranking import rank_rows
from tests.made import race_row, race_rows
from tests.made_verdicts import CASES, Case, rows_of

NAMES = [(name, "float32") for name in ("numpy", "torch-cpu", "torch-cuda")]
TOO_LOW = (0.5, 0.6, 0.7)
times = st.lists(st.floats(0.01, 1e4), min_size=1, max_size=30)


def warm(rows: list[RaceRow]) -> dict[str, RaceRun]:
    return {run.backend: run for run in race_results(rows)[1].runs}


def test_race_seed_short_of_target_is_censored() -> None:
    """With it the median is later; without more than half there is none, and all are told."""
    there = [race_row(seed, train=0.1 + 0.01 * seed) for seed in range(4)]
    late = [race_row(seed, train=3.0, accuracies=TOO_LOW) for seed in range(4, 7)]
    run = warm([*there, *late])["numpy"]
    assert (run.seeds, run.reached) == (7, 4)
    assert run.seconds == pytest.approx(0.13)
    lost = [race_row(seed, train=3.0, accuracies=TOO_LOW) for seed in range(3, 7)]
    run = warm([*there[:3], *lost])["numpy"]
    assert (run.seeds, run.reached, run.seconds, run.low, run.epochs) == (7, 3, None, None, None)
    assert run.parts["train"] is None
    assert run.reason is None


def of_case(case: Case) -> list[RaceRow]:
    """Return races that take as long as its rows, without imports and setup."""
    nothing = {"import_seconds": 0.0, "prepare_seconds": 0.0}
    rows = [
        race_row(seed, backend, train=seconds, **nothing)
        for backend, repeats in case.seconds.items()
        for seed, seconds in enumerate(repeats)
    ]
    return [waiting(row, 0.9) if row.backend == case.waited else row for row in rows]


def waiting(row: RaceRow, share: float) -> RaceRow:
    held = {name: replace(getattr(row, name), waited=share) for name in ("fresh", "resident")}
    return replace(row, **held)


@pytest.mark.parametrize("name", CASES)
def test_seeds_are_judged_as_the_one_judge_does_repeats(name: str) -> None:
    """From both starts; where no seed takes time before it trains they are the same."""
    case = CASES[name]
    expected = rank_rows(rows_of(case))
    for result in race_results(of_case(case)):
        ranking = result.ranking
        assert (ranking.decided, ranking.ties, ranking.slower) == (
            case.decided,
            *(tuple(f"{name} float32" for name in names) for names in (case.ties, case.slower)),
        )
        assert ranking.doubts == {f"{name} float32": why for name, why in expected.doubts.items()}
        for backend, ratio in expected.ratios.items():
            own = ranking.ratios[f"{backend} float32"]
            ends = (ratio.estimate, ratio.low, ratio.high)
            assert (own.estimate, own.low, own.high) == pytest.approx(ends)


@pytest.mark.parametrize(("late", "decided"), [(20.0, "yes"), (1.001, "no")])
def test_race_ratio_of_censored_seeds_divides_medians(late: float, decided: str) -> None:
    """Their intervals, of censored times: its ratio is not known."""
    rows = [
        race_row(seed, name, train=times * (1 + 0.01 * seed), accuracies=accuracies)
        for seed in range(9)
        for name, times, accuracies in (
            ("numpy", 0.1, (0.7, 0.9, 0.96)),
            ("torch-cpu", 0.1 * late, TOO_LOW if seed == 8 else (0.7, 0.9, 0.96)),
        )
    ]
    result = race_results(rows)[1]
    assert result.ranking.decided == decided
    numpy, torch = result.runs
    ratio = result.ranking.ratios[torch.name]
    assert ratio.estimate == pytest.approx(torch.seconds / numpy.seconds)
    assert ratio.low == pytest.approx(torch.low / numpy.high)
    assert ratio.high == pytest.approx(torch.high / numpy.low)


def test_race_run_without_time_is_open_and_absent_is_excluded() -> None:
    """One missed the target in most seeds, one was killed, and of one no seed was run."""
    late = [race_row(seed, "numba", accuracies=TOO_LOW) for seed in range(7)]
    lost = {"status": "failed", "fresh": None, "resident": None}
    killed = race_row(0, "python", reason="the worker was ended by SIGKILL", **lost)
    cold, _ = race_results([*race_rows(), *late, killed], [*NAMES, ("jax-cpu", "float32")])
    assert cold.ranking.decided == "partly"
    assert set(cold.ranking.doubts) == {"numba float32", "python float32", "jax-cpu float32"}
    assert race_results(race_rows(), NAMES)[0].ranking.decided == "yes"


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
    typical = median_of([*seconds, *[end] * late], [True] * len(seconds) + [False] * late)
    if late > len(seconds):
        assert typical is None
    elif late < len(seconds):
        assert typical.estimate == pytest.approx(median([*seconds, *[end] * late]))
    else:
        assert typical.estimate == pytest.approx((max(seconds) + end) / 2)


def test_seven_seeds_have_both_ends_and_fewer_none_above() -> None:
    """What the documentation says of how many seeds it takes."""
    seven = median_of([1, 2, 3, 4, 5, 6, 7], [True] * 7)
    assert seven == Interval(4.0, 1.0, 6.0)
    for number in range(2, 7):
        fewer = median_of(list(range(1, number + 1)), [True] * number)
        assert (fewer.low, fewer.high) == (1.0, None)
    assert median_of([3.0], [True]) == Interval(3.0, None, None)
