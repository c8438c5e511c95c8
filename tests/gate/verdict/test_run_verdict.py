"""The verdict on a run says on how many benchmarks it stands, and by which evidence."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.gate.verdict.judge import judge
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.run_verdict import judge_run
from perceptron.records.block import Reading
from perceptron.records.comparison import Control, Row
from tests.gate.conftest import benchmark, blocks
from tests.made_comparison import broken, row, slower, work

RULE = Rule()
CALM, ALARM = Control(alarmed=False, rows=[]), Control(alarmed=True, rows=[])


def concluded(*rows: Row, **fields: Any) -> tuple[str, str]:
    control = fields.pop("control", CALM)
    return judge_run(rows, control, fields.pop("broken", 0), RULE, **fields)


@pytest.mark.parametrize(("left_out", "verdict"), [(3, "clean"), (4, "inconclusive")])
def test_too_few_judged_are_not_clean(left_out: int, verdict: str) -> None:
    assert concluded(row(), row(), row(), left_out=left_out)[0] == verdict


def test_the_share_is_the_rules() -> None:
    strict = Rule(least_judged=1.0)
    assert judge_run([row()], CALM, 0, strict, 1)[0] == "inconclusive"
    assert judge_run([row()], CALM, 0, strict, 0)[0] == "clean"
    assert judge_run([row()], CALM, 0, Rule(least_judged=0.0), 99)[0] == "clean"


def test_an_alarm_stops_the_clock_and_not_the_counts() -> None:
    assert concluded(row(), control=ALARM)[0] == "inconclusive"
    verdict, reason = concluded(row(), slower(stands_on="work"), control=ALARM)
    assert verdict == "regression"
    assert "differs from a second copy of itself" in reason


def test_what_is_probably_slower_comes_before_what_nobody_can_judge() -> None:
    rise = row(verdict="inconclusive", probably_slower=True, work=work(0.12), stands_on="work")
    more = replace(rise, work=work(0.18))
    noisy = row(verdict="inconclusive")
    verdict, reason = concluded(rise, more, noisy, row())
    assert verdict == "inconclusive"
    assert reason.startswith("probably slower: up to +18% instructions in 2 benchmarks; 1 ")
    assert concluded(rise, slower())[0] == "regression"
    assert concluded(rise, control=ALARM)[1].startswith("probably slower: +12% ")


def test_what_is_muted_has_no_say_and_is_counted() -> None:
    flaky = {"muted": "flaky, #1234"}
    for said in (slower(**flaky), broken(**flaky), row(verdict="inconclusive", **flaky)):
        assert concluded(said, row()) == ("clean", "nothing of 1 benchmark became slower, 1 muted")
        assert concluded(said)[0] == "clean"
        assert concluded(said, slower())[0] == "regression"


def test_what_the_plan_left_out_was_not_judged_either() -> None:
    some = blocks("time_it", [0.001 * (number % 3) for number in range(10)])
    judged, hardly = (
        judge([benchmark("time_it")], some, {}, RULE, left_out=left_out) for left_out in (1, 2)
    )
    assert (judged.verdict, judged.reason) == ("clean", "1 of 2 benchmarks judged, none slower")
    assert hardly.verdict == "inconclusive"


def test_what_its_author_skips_on_both_is_nothing_to_judge() -> None:
    """Most sets of parameters of some suites are."""
    skipped = Reading(status="skipped", reason="no such shape")
    untried = Reading(status="untried", reason="no time was left to try it")
    (trial,) = blocks("time_it", [0.0])
    trial = replace(trial, stage="calibration")
    some = blocks("time_it", [0.001 * (number % 3) for number in range(10)])
    others = [benchmark(f"time_{number}") for number in range(5)]
    verdicts = {
        reading.status: judge(
            [benchmark("time_it"), *others],
            [
                *some,
                *(
                    replace(trial, benchmark=other.name, base=reading, head=reading)
                    for other in others
                ),
            ],
            {},
            RULE,
        )
        for reading in (skipped, untried)
    }
    assert verdicts["skipped"].verdict == "clean"
    assert len(verdicts["skipped"].left_out) == 5
    assert verdicts["untried"].verdict == "inconclusive"
    assert verdicts["untried"].reason.startswith("only 1 of 6 benchmarks")
