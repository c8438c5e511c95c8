"""A target is met only when there is enough to say so."""

from __future__ import annotations

from math import log1p

import pytest

from perceptron.validation.gate.judging.replay import GATE, Replays, ReplayTrial
from perceptron.validation.gate.judging.targets import targets
from tests.validation.gate.conftest import MakeRun, noise

NONE = Replays([], [], 0)


def equal_runs(run: MakeRun, red: tuple[int, ...] = ()) -> list[object]:
    runs = [run("same", number) for number in range(160)]
    runs += [run("neighbour", number) for number in range(40)]
    for place in red:
        kind, number = runs[place].kind, runs[place].number
        runs[place] = run(kind, number, row_verdict="regression", verdict="regression")
    return runs


def met(runs: list[object], replays: Replays = NONE) -> list[bool | None]:
    return [each.met for each in targets(runs, replays)]  # type: ignore[arg-type]


def test_two_hundred_runs_without_alarm_meet_the_target_and_its_bound_is_exact(
    run: MakeRun,
) -> None:
    """0 of 200: at most 1.83 %, for 1 − 0.025^(1/200)."""
    runs = equal_runs(run)
    first, second, *others = targets(runs, NONE)
    assert (first.met, second.met) == (True, True)
    assert first.reached.high == pytest.approx(1 - 0.025 ** (1 / 200))
    assert (first.reached.hits, first.reached.trials, second.reached.trials) == (0, 200, 40)
    assert [each.met for each in others] == [None] * 5


def test_one_alarm_misses_it_and_too_few_runs_say_nothing(run: MakeRun) -> None:
    assert met(equal_runs(run, red=(3,)))[:2] == [False, True]
    assert met(equal_runs(run, red=(170,)))[:2] == [False, False]
    assert met(equal_runs(run)[:199])[:2] == [None, None]
    assert met([*equal_runs(run)[:2], run("slower-5", 0, verdict="regression")])[0] is None


def trials(level: float, spread: str, hits: int, of: int) -> list[ReplayTrial]:
    return [ReplayTrial(level, spread, {GATE: place < hits}) for place in range(of)]


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
    ("kind", "slower", "place"), [("slower-5", 0.05, 5), ("slower-10", 0.10, 6)]
)
def test_whole_runs_must_find_what_replays_find(
    run: MakeRun, kind: str, slower: float, place: int
) -> None:
    """Ten rows at least, and only those whose blocks spread little."""
    quiet = [log1p(slower) + each for each in noise(0.01, 10)]
    loud = {"ratios": [5 * each for each in noise(0.1, 10)]}
    found = {"ratios": quiet, "row_verdict": "regression"}
    runs = [run(kind, number, **found) for number in range(10)] + [run(kind, 10, **loud)]
    assert met(runs)[place] is True
    assert met(runs[1:])[place] is None
    assert met([*runs, run(kind, 11, ratios=quiet)])[place] is False
