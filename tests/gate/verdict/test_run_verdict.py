"""The verdict on a run says on how many benchmarks it stands, and by which evidence."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.gate.verdict.judge import Judgement, judge, judge_run
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import SideMeasurement
from perceptron.records.comparison import Control, Row
from tests.gate.conftest import benchmark, blocks
from tests.gate.verdict.conftest import LATE, RULE, trial
from tests.made_comparison import instructions, row, slower

CALM, ALARM = Control(alarmed=False, rows=[]), Control(alarmed=True, rows=[])


def concluded(*rows: Row, **fields: Any) -> tuple[str, str]:
    control = fields.pop("control", CALM)
    return judge_run(rows, control, fields.pop("broken", 0), RULE, **fields)


@pytest.mark.parametrize(
    ("least", "judged", "left_out", "verdict"),
    [
        (0.5, 3, 3, "clean"),
        (0.5, 3, 4, "inconclusive"),
        (1.0, 1, 1, "inconclusive"),
        (1.0, 1, 0, "clean"),
        (0.0, 1, 99, "clean"),
    ],
)
def test_too_few_judged_are_not_clean(
    least: float, judged: int, left_out: int, verdict: str
) -> None:
    """By the share of the rule."""
    rule = Rule(least_judged=least)
    assert judge_run([row()] * judged, CALM, 0, rule, left_out)[0] == verdict


def test_run_verdict_puts_probable_slowdown_before_inconclusive() -> None:
    rise = row(
        verdict="inconclusive",
        probably_slower=True,
        instructions=instructions(0.12),
        evidence="work",
    )
    more = replace(rise, instructions=instructions(0.18))
    noisy = row(verdict="inconclusive")
    verdict, reason = concluded(rise, more, noisy, row())
    assert verdict == "inconclusive"
    assert reason.startswith("probably slower: up to +18% instructions in 2 benchmarks; 1 ")
    assert concluded(rise, slower())[0] == "regression"
    assert concluded(rise, control=ALARM)[1].startswith("probably slower: +12% ")


def test_run_verdict_counts_unjudged_unless_skipped_on_both() -> None:
    """Most sets of parameters of some suites are skipped; the plan may leave out the others."""
    timed = blocks("time_it", [0.001 * (number % 3) for number in range(10)])
    others = [benchmark(f"time_{number}") for number in range(5)]

    def judged(measurement: SideMeasurement, left_out: int = 0) -> Judgement:
        tried = [
            replace(trial(base=measurement, head=measurement), benchmark=other.name)
            for other in others
        ]
        return judge([benchmark("time_it"), *others], [*timed, *tried], {}, RULE, left_out=left_out)

    skipped = judged(SideMeasurement(status="skipped", reason="no such shape"), 1)
    assert (skipped.verdict, skipped.reason) == ("clean", "1 of 2 benchmarks judged, none slower")
    assert len(skipped.left_out) == 5
    assert (
        judged(SideMeasurement(status="skipped", reason="no such shape"), 2).verdict
        == "inconclusive"
    )
    untried = judged(LATE)
    assert untried.verdict == "inconclusive"
    assert untried.reason.startswith("only 1 of 6 benchmarks")
