"""A project may allow its own benchmarks more, and mute some: first match wins."""

from __future__ import annotations

from math import log1p

import pytest

from perceptron.gate.verdict.judge import Judgement, judge
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Block
from perceptron.records.comparison import GateRule
from tests.gate.conftest import benchmark, blocks, counts
from tests.gate.verdict.conftest import FAILED, trial

CALM = [0.004, -0.004] * 10


def slower(change: float) -> list[Block]:
    """Confirmed, with a second copy of base that is as fast as base."""
    moved = [log1p(change) + step for step in CALM]
    return [*blocks("time_it", moved[:10]), *blocks("time_it", moved, "confirmation", CALM)]


def limited(measured: list[Block], *limits: GateRule, planned: int = 20) -> Judgement:
    plan = {"time_it": planned} if planned else {}
    return judge([benchmark("time_it")], measured, plan, Rule(), limits=limits)


@pytest.mark.parametrize(("change", "verdict"), [(0.08, "no change"), (0.12, "slower")])
def test_limit_exceeded_is_a_regression(change: float, verdict: str) -> None:
    """Confirmed by the clock, or counted alone."""
    limit = GateRule(match="time_it", slower=0.1)
    counted = counts("time_it", change, change, change)
    for measured, planned in ((slower(change), 20), (counted, 0)):
        (row,) = limited(measured, limit, planned=planned).rows
        assert (row.verdict, row.limit) == (verdict, 0.1)
        assert ("allowed (limit 10%)" in (row.reason or "")) is (verdict == "no change")
        assert limited(measured, planned=planned).verdict == "regression"


def test_limit_excuses_probable_slowdown_and_hidden_noise() -> None:
    limit = GateRule(match="time_it", slower=0.4)
    loud = blocks("time_it", [0.06, -0.06] * 5)
    for measured in (counts("time_it", 0.2, 0.2), loud):
        assert limited(measured, planned=0).verdict == "inconclusive"
        assert limited(measured, limit, planned=0).verdict == "clean"


def test_limit_does_not_excuse_failure() -> None:
    failed = [trial(head=FAILED)] * 2
    rule = GateRule(match="time_it", slower=10.0)
    assert limited(failed, rule, planned=0).verdict == "regression"
    muted = GateRule(match="time_it", mute="flaky")
    assert limited(failed, muted, planned=0).verdict == "clean"


def test_mute_keeps_row_verdict_and_first_match_wins() -> None:
    muted, other = GateRule(match="time_", mute="flaky, #1"), GateRule(match="time_it", slower=1.0)
    judgement = limited(slower(0.12), muted, other)
    (row,) = judgement.rows
    assert (row.verdict, row.muted, row.limit) == ("slower", "flaky, #1", None)
    assert (judgement.verdict, judgement.reason) == (
        "clean",
        "nothing was to be judged: 1 benchmark muted",
    )
    assert limited(slower(0.12), GateRule(match="time_other"), muted).verdict == "clean"


def test_mute_hides_no_other_benchmark() -> None:
    """Neither what was not judged beside it, nor an alarm of its own noise."""
    muted, both = GateRule(match="time_it", mute="flaky"), ["time_it", "time_other"]
    unsteady = [
        *blocks("time_it", [0.0, 0.001] * 5),
        *blocks("time_it", CALM, "confirmation", [0.2 + step for step in CALM]),
    ]
    assert limited(unsteady).control.alarmed
    other = blocks("time_other", CALM[:10])
    steady = judge(list(map(benchmark, both)), [*unsteady, *other], {"time_it": 20}, limits=[muted])
    assert [row.alarm for row in steady.control.rows] == [True]
    assert (steady.verdict, steady.reason) == (
        "clean",
        "nothing of 1 benchmark became slower, 1 muted",
    )
    alone = judge(list(map(benchmark, both)), unsteady, {"time_it": 20}, limits=[muted])
    assert alone.verdict == "inconclusive"


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("time_sum", True),
        ("sums.time_sum(10", True),
        ("sums*(10, *)", True),
        ("sums*(11", False),
        ("time_sum*sums", False),
        ("[cs", False),
        ("*", True),
    ],
)
def test_gate_rule_matches_text_and_star(text: str, matches: bool) -> None:
    assert GateRule(match=text).matches("sums.time_sum(10, 'numpy')") is matches


def test_gate_rule_match_is_fast() -> None:
    assert not GateRule(match="a*" * 100 + "b").matches("a" * 100_000)
