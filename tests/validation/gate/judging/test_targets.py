"""A target is met only when there is enough to say so."""

from __future__ import annotations

from math import log1p

import pytest

from perceptron.validation.gate.judging.replay import GATE, Replays, ReplayTrial
from perceptron.validation.gate.judging.targets import targets
from tests.validation.gate.conftest import MakeRun, noise

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
    assert [target.met for target in others] == [None] * 5


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
    assert met([], Replays(noisy + quiet, [], 1))[2:5] == [True, True, None]
    assert met([], Replays(quiet[1:], trials(0.04, "more", 569, 600), 1))[2:5] == [
        None,
        True,
        False,
    ]
    missed = trials(0.05, "≤ 2.5 %", 569, 600) + trials(0.10, "≤ 1 %", 593, 600)
    assert met([], Replays(missed, [], 1))[2:4] == [False, False]


@pytest.mark.parametrize(
    ("kind", "slower", "index"), [("slower-5", 0.05, 5), ("slower-10", 0.10, 6)]
)
def test_whole_runs_must_find_what_replays_find(
    run: MakeRun, kind: str, slower: float, index: int
) -> None:
    """Ten rows at least, and only those whose blocks spread little."""
    quiet = [log1p(slower) + deviation for deviation in noise(0.01, 10)]
    loud = {"ratios": [5 * deviation for deviation in noise(0.1, 10)]}
    fields = {"ratios": quiet, "row_verdict": "regression"}
    runs = [run(kind, number, **fields) for number in range(10)] + [run(kind, 10, **loud)]
    assert met(runs)[index] is True
    assert met(runs[1:])[index] is None
    assert met([*runs, run(kind, 11, ratios=quiet)])[index] is False
