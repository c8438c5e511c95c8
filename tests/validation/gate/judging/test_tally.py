"""Counts are of what they say, and a target is met only when there is enough to say so."""

from __future__ import annotations

from math import log1p

import pytest

from benchmarks.validation.gate.judging import tally
from benchmarks.validation.gate.judging.other_rules import OTHERS
from benchmarks.validation.gate.judging.replay import GATE, ReplayTrial
from benchmarks.validation.gate.record import Judged
from benchmarks.validation.gate.runs.kinds import BY_NAME
from benchmarks.validation.share import share
from tests.validation.gate.conftest import MakeRun, noise


def trials(level: float, spread: str, hits: int, of: int) -> list[ReplayTrial]:
    return [ReplayTrial(level, spread, {GATE: index < hits}) for index in range(of)]


def test_a_run_is_red_for_a_rule_if_any_of_its_benchmarks_is(run: MakeRun) -> None:
    quiet = run("same", 0, ratios=[0.001, -0.001] * 5)
    loud = run("same", 1, ratios=[log1p(0.2) + deviation for deviation in noise(0.001, 10)])
    both = run("same", 2, rows=[*quiet.rows, *loud.rows])
    beside, together = tally.false_alarms([quiet, loud, both])
    assert (beside.name, together.name) == ("quiet", "together")
    assert {name: share.hits for name, share in together.shares.items()} == {
        GATE: 0,
        **dict.fromkeys(OTHERS, 2),
    }
    assert {share.trials for share in together.shares.values()} == {3}


def test_only_benchmarks_that_the_head_makes_slower_can_be_found(run: MakeRun) -> None:
    """A copy in the training loop slows no exponential; a head with more units slows all in units.

    What is slower by less than is to be called so, or faster, is not to be found.
    """
    slow = [log1p(0.2) + deviation for deviation in noise(0.003, 10)]
    fields = {"ratios": slow, "row_verdict": "regression"}
    other = {**fields, "benchmark": "bodies.time_exponential"}
    (copy,) = tally.found_live([run("copy", 0, **fields), run("copy", 1, **other)])
    (five,) = tally.found_live([run("slower-5", 0, **fields), run("slower-5", 1, **other)])
    assert {share.trials for share in copy.shares.values()} == {1}
    assert {share.hits for share in five.shares.values()} == {2}
    assert copy.name == BY_NAME["copy"].summary
    assert copy.spread == "≤ 1 %"
    for kind in ("same", "slower-1", "vectorised"):
        assert tally.found_live([run(kind, 0, **{**fields, "benchmark": "b.time_python"})]) == []


def test_kinds_tell_verdicts_costs_and_what_was_measured(run: MakeRun) -> None:
    more = {0: [1e6, 1.2e6], 1: [1e6, 1.2e6]}
    runs = [
        run("same", 0, row_verdict="improvement", counts={0: [1e6, 1e6]}),
        run("same", 1, verdict="inconclusive", control_alarmed=True, seconds=30.0),
        run("scalar", 0, verdict="regression", counts=more),
    ]
    same, scalar = tally.live_kinds(runs)
    assert (same.runs, same.verdicts) == (2, {"clean": 1, "inconclusive": 1})
    assert (same.improvements, same.control_alarms, same.seconds) == (1, 1, 20.0)
    assert (same.change, same.work) == (None, None)
    assert (scalar.change, scalar.work) == (0.001, pytest.approx(0.2))


def test_small_p_values_are_counted_by_benchmark(run: MakeRun) -> None:
    """Of quiet screens only, whatever the verdict was."""
    runs = [run("same", number, ratios=noise(0.02, 10, number)) for number in range(100)]
    shifted = [0.5 + deviation for deviation in noise(0.001, 10)]
    runs += [run("same", number, ratios=shifted, benchmark="b.time_python") for number in range(3)]
    runs += [run("neighbour", 0, ratios=shifted), run("slower-5", 0, ratios=shifted)]
    training, python, together = tally.calibration(runs)
    assert (training.name, python.name, together.name) == ("training", "python", "together")
    ten, two = training.shares.values()
    assert (ten.trials, two.trials) == (100, 100)
    assert 3 <= ten.hits <= 20
    assert two.hits <= ten.hits
    assert {share.hits for share in python.shares.values()} == {3}
    assert {share.trials for share in together.shares.values()} == {103}


def test_replays_are_told_by_size_and_spread() -> None:
    some = trials(0.05, "≤ 1 %", 3, 4) + trials(0.05, "more", 1, 4) + trials(0.2, "more", 4, 4)
    rows = tally.found_replayed(some)
    assert [(row.name, row.spread, row.shares[GATE].hits) for row in rows] == [
        ("5 %", "≤ 1 %", 3),
        ("5 %", "more", 1),
        ("20 %", "more", 4),
    ]
    assert tally.found_more_work(some) == [
        Judged(name="5 %", spread="×1", shares={"seen": share(0, 8), GATE: share(4, 8)}),
        Judged(name="20 %", spread="×1", shares={"seen": share(0, 4), GATE: share(4, 4)}),
    ]
    (promised,) = tally.promised(trials(0.041, "≤ 1 %", 3, 4))
    assert (promised.name, promised.shares[GATE].hits) == ("4.1 %", 3)
