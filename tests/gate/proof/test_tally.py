"""Counts are of what they say, and a target is met only when there is enough to say so."""

from __future__ import annotations

from math import log1p

import pytest

from perceptron.gate.proof import tally
from perceptron.gate.proof.kinds import BY_NAME
from perceptron.gate.proof.replay import GATE, Replays, Trial
from perceptron.gate.proof.rules import OTHERS
from tests.gate.proof.conftest import MakeRun, noise

NONE = Replays([], [], 0)


def equal_runs(run: MakeRun, red: tuple[int, ...] = ()) -> list[object]:
    runs = [run("same", number) for number in range(160)]
    runs += [run("neighbour", number) for number in range(40)]
    for place in red:
        kind, number = runs[place].kind, runs[place].number
        runs[place] = run(kind, number, row_verdict="regression", verdict="regression")
    return runs


def met(runs: list[object], replays: Replays = NONE) -> list[bool | None]:
    return [each.met for each in tally.targets(runs, replays)]  # type: ignore[arg-type]


def test_two_hundred_runs_without_alarm_meet_the_target_and_its_bound_is_exact(
    run: MakeRun,
) -> None:
    """0 of 200: at most 1.83 %, for 1 − 0.025^(1/200)."""
    runs = equal_runs(run)
    first, second, *others = tally.targets(runs, NONE)
    assert (first.met, second.met) == (True, True)
    assert first.reached.high == pytest.approx(1 - 0.025 ** (1 / 200))
    assert (first.reached.hits, first.reached.trials, second.reached.trials) == (0, 200, 40)
    assert [each.met for each in others] == [None, None, None]


def test_one_alarm_misses_it_and_too_few_runs_say_nothing(run: MakeRun) -> None:
    assert met(equal_runs(run, red=(3,)))[:2] == [False, True]
    assert met(equal_runs(run, red=(170,)))[:2] == [False, False]
    assert met(equal_runs(run)[:199])[:2] == [None, None]
    assert met([*equal_runs(run)[:2], run("slower-5", 0, verdict="regression")])[0] is None


def trials(level: float, spread: str, hits: int, of: int) -> list[Trial]:
    return [Trial(level, spread, {GATE: place < hits}) for place in range(of)]


def test_slowdowns_count_where_blocks_spread_little() -> None:
    """What is missed on a noisy machine misses no target; 600 replays at least are wanted."""
    noisy = trials(0.05, "≤ 5 %", 0, 500) + trials(0.10, "more", 0, 500)
    quiet = trials(0.05, "≤ 2.5 %", 570, 600) + trials(0.10, "≤ 1 %", 594, 600)
    assert met([], Replays(noisy + quiet, [], 1))[2:] == [True, True, None]
    assert met([], Replays(quiet[1:], trials(0.04, "more", 569, 600), 1))[2:] == [
        None,
        True,
        False,
    ]
    missed = trials(0.05, "≤ 2.5 %", 569, 600) + trials(0.10, "≤ 1 %", 593, 600)
    assert met([], Replays(missed, [], 1))[2:4] == [False, False]


def test_a_run_is_red_for_a_rule_if_any_of_its_benchmarks_is(run: MakeRun) -> None:
    quiet = run("same", 0, ratios=[0.001, -0.001] * 5)
    loud = run("same", 1, ratios=[log1p(0.2) + each for each in noise(0.001, 10)])
    both = run("same", 2, rows=[*quiet.rows, *loud.rows])
    beside, together = tally.false_alarms([quiet, loud, both])
    assert (beside.name, together.name) == ("quiet", "together")
    assert {name: share.hits for name, share in together.shares.items()} == {
        GATE: 0,
        **dict.fromkeys(OTHERS, 2),
    }
    assert {share.trials for share in together.shares.values()} == {3}


def test_only_benchmarks_that_the_head_makes_slower_can_be_found(run: MakeRun) -> None:
    """A copy in the training loop slows no exponential; a head with 21 units slows everything."""
    slow = [log1p(0.2) + each for each in noise(0.003, 10)]
    there = {"ratios": slow, "row_verdict": "regression"}
    other = {**there, "benchmark": "bodies.time_exponential"}
    (copy,) = tally.found_live([run("copy", 0, **there), run("copy", 1, **other)])
    (five,) = tally.found_live([run("slower-5", 0, **there), run("slower-5", 1, **other)])
    assert {share.trials for share in copy.shares.values()} == {1}
    assert {share.hits for share in five.shares.values()} == {2}
    assert copy.name == BY_NAME["copy"].summary
    assert copy.spread == "≤ 1 %"
    assert tally.found_live([run("same", 0, **there)]) == []


def test_kinds_tell_verdicts_costs_and_what_was_measured(run: MakeRun) -> None:
    runs = [
        run("same", 0, row_verdict="improvement"),
        run("same", 1, verdict="inconclusive", control_alarmed=True, seconds=30.0),
        run("scalar", 0, verdict="regression"),
    ]
    same, scalar = tally.live_kinds(runs)
    assert (same.runs, same.verdicts) == (2, {"clean": 1, "inconclusive": 1})
    assert (same.improvements, same.control_alarms, same.seconds) == (1, 1, 20.0)
    assert same.change is None
    assert scalar.change == 0.001


def test_replays_are_told_by_size_and_spread() -> None:
    some = trials(0.05, "≤ 1 %", 3, 4) + trials(0.05, "more", 1, 4) + trials(0.2, "more", 4, 4)
    found = tally.found_replayed(some)
    assert [(each.name, each.spread, each.shares[GATE].hits) for each in found] == [
        ("5 %", "≤ 1 %", 3),
        ("5 %", "more", 1),
        ("20 %", "more", 4),
    ]
    (promised,) = tally.promised(trials(0.041, "≤ 1 %", 3, 4))
    assert (promised.name, promised.shares[GATE].hits) == ("4.1 %", 3)
