"""A target is met only when there is enough to say so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.validation.gate.judging.replay import GATE, Replays, ReplayTrial
from benchmarks.validation.gate.judging.targets import targets
from tests.validation.gate.conftest import MakeRun

NONE = Replays([], [], 0)


def equal_runs(run: MakeRun, alarms: tuple[int, ...] = ()) -> list[object]:
    runs = [run("same", number) for number in range(160)]
    runs += [run("neighbour", number) for number in range(40)]
    for index in alarms:
        kind, number = runs[index].kind, runs[index].number
        runs[index] = run(kind, number, row_verdict="regression", verdict="regression")
    return runs


def met(runs: list[object], replays: Replays = NONE) -> list[bool | None]:
    return [target.met for target in targets(runs, replays)]  # type: ignore[arg-type]


def test_two_hundred_runs_without_alarm_meet_the_target_and_its_bound_is_exact(
    run: MakeRun,
) -> None:
    """0 of 200: at most 1.83 %, for 1 − 0.025^(1/200)."""
    runs = equal_runs(run)
    first, second, *others = targets(runs, NONE)
    assert (first.met, second.met) == (True, True)
    assert first.reached.high == pytest.approx(1 - 0.025 ** (1 / 200))
    assert (first.reached.hits, first.reached.trials, second.reached.trials) == (0, 200, 40)
    assert [target.met for target in others] == [None] * 9


def test_one_alarm_misses_it_and_too_few_runs_say_nothing(run: MakeRun) -> None:
    assert met(equal_runs(run, alarms=(3,)))[:2] == [False, True]
    assert met(equal_runs(run, alarms=(170,)))[:2] == [False, False]
    assert met(equal_runs(run)[:199])[:2] == [None, None]
    assert met([*equal_runs(run)[:2], run("slower-5", 0, verdict="regression")])[0] is None


def trials(level: float, spread: str, hits: int, of: int) -> list[ReplayTrial]:
    return [ReplayTrial(level, spread, {GATE: index < hits}) for index in range(of)]


def test_slowdowns_count_where_blocks_spread_little() -> None:
    """What is missed on a noisy machine misses no target; 600 replays at least are wanted."""
    noisy = trials(0.05, "≤ 5 %", 0, 500) + trials(0.10, "more", 0, 500)
    quiet = trials(0.05, "≤ 2.5 %", 570, 600) + trials(0.10, "≤ 1 %", 594, 600)
    assert met([], Replays(noisy + quiet, [], 1))[8:] == [True, True, None]
    promised = trials(0.04, "more", 569, 600)
    assert met([], Replays(quiet[1:], promised, 1))[8:] == [None, True, False]
    missed = trials(0.05, "≤ 2.5 %", 569, 600) + trials(0.10, "≤ 1 %", 593, 600)
    assert met([], Replays(missed, [], 1))[8:10] == [False, False]
    counted = [replace(trial, evidence="same work") for trial in missed]
    assert met([], Replays(counted, [], 1))[8:10] == [None, None]


def more_work(level: float, found: int, seen: int, of: int) -> list[ReplayTrial]:
    """Louder and louder, and of any spread: all count."""
    return [
        ReplayTrial(
            level, "more", {GATE: index < found}, "more work", 4.0 ** (index % 3), index < seen
        )
        for index in range(of)
    ]


def test_more_work_is_found_whatever_the_clock_says() -> None:
    """From 2 % up; of 1 % it is enough that it is seen."""
    enough = more_work(0.02, 594, 0, 600) + more_work(0.01, 0, 594, 600)
    other = more_work(0.0, 0, 0, 600) + more_work(0.10, 0, 0, 600)
    assert met([], Replays(enough + other, [], 1))[2:5:2] == [True, True]
    missed = more_work(0.05, 593, 0, 600) + more_work(0.01, 0, 593, 600)
    assert met([], Replays(missed, [], 1))[2:5:2] == [False, False]
    assert met([], Replays(enough[1:-1], [], 1))[2:5:2] == [None, None]


def test_whole_runs_must_find_more_work_where_it_was_counted(run: MakeRun) -> None:
    """Not where it was not: that is the clock's."""
    counts = {0: [1e6, 1.03e6], 1: [1e6, 1.03e6]}
    found = {"counts": counts, "row_verdict": "regression", "stands_on": "work"}
    runs = [run("slower-3", number, **found) for number in range(20)]
    runs += [run("slower-3-neighbour", number, **found) for number in range(10)]
    assert met(runs)[3] is True
    assert met(runs[1:])[3] is None
    assert met([*runs, run("slower-3", 40, not_counted="it crashed")])[3] is True
    assert met([*runs, run("slower-3", 40, counts=counts)])[3] is False


def test_one_per_cent_must_be_seen_and_need_not_be_found(run: MakeRun) -> None:
    counts = {0: [1e6, 1.01e6], 1: [1e6, 1.01e6]}
    runs = [run("slower-1", number, counts=counts) for number in range(8)]
    assert met(runs)[5] is True
    assert met(runs[1:])[5] is None
    assert met([*runs, run("slower-1", 16, counts={0: [1e6, 1.0001e6]})])[5] is False


def test_a_speed_up_is_never_called_slower(run: MakeRun) -> None:
    """Not even with more work; the other benchmark of the run is not asked."""
    gather, python = "bodies.time_gather", "bodies.time_python"
    runs = [run("in-order", number, benchmark=gather) for number in range(2)]
    runs += [run("vectorised", number, benchmark=python) for number in range(2)]
    red = {"row_verdict": "regression", "verdict": "regression"}
    assert met(runs)[6] is True
    assert met(runs[1:])[6] is None
    assert met([*runs, run("in-order", 3, benchmark="bodies.time_waiting", **red)])[6] is True
    assert met([run("in-order", 3, benchmark=gather, **red)])[6] is False


def test_what_no_count_sees_must_be_found_in_whole_runs(run: MakeRun) -> None:
    red = {"row_verdict": "regression"}
    bodies = {"cache": "gather", "sleep": "waiting", "lock": "waiting"}
    runs = [
        run(kind, number, benchmark=f"bodies.time_{body}", **red)
        for kind, body in bodies.items()
        for number in range(3)
    ]
    assert met(runs)[7] is True
    assert met(runs[1:])[7] is None
    assert met([*runs, run("lock", 3, benchmark="bodies.time_waiting")])[7] is False
