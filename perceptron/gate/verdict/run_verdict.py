"""What all rows together say, and whether the machine was steady enough to say anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import expm1, log1p

from perceptron.gate.verdict.estimate import FEWEST, estimate, holm, interval
from perceptron.gate.verdict.rule import Rule, p_towards
from perceptron.records.comparison import Control, ControlRow, Row, Verdict


def judge_control(again: Mapping[str, Sequence[float]], rule: Rule) -> Control:
    """Base against its second copy, by benchmark: judged as severely, and in both directions."""
    seen = {key: estimate(values) for key, values in again.items() if len(values) >= FEWEST}
    p = holm(
        {
            f"{sign:+}{key}": p_towards(each, sign, rule)
            for key, each in seen.items()
            for sign in (1, -1)
        }
    )
    rows = []
    for key, each in seen.items():
        smallest = min(p[f"+1{key}"], p[f"-1{key}"])
        low, high = interval(each, rule.confidence)
        alarm = smallest <= rule.alpha and abs(each.mean) >= log1p(rule.least)
        rows.append(
            ControlRow(
                benchmark=key,
                change=expm1(each.mean),
                low=expm1(low),
                high=expm1(high),
                p_adjusted=smallest,
                alarm=alarm,
            )
        )
    return Control(alarmed=any(row.alarm for row in rows), rows=rows)


def whole(rows: Sequence[Row], control: Control, broken: int, rule: Rule) -> tuple[Verdict, str]:
    """The verdict on the run and its reason; ``broken`` of the rows broke on HEAD only."""
    slower = sum(row.verdict == "regression" for row in rows) - broken
    usable = [row for row in rows if row.verdict != "invalid"]
    unsure = [row for row in rows if row.verdict == "inconclusive"]
    if broken:
        return "regression", f"{_benchmarks(broken)} broke on HEAD" + (
            f", {slower} slower" if slower and not control.alarmed else ""
        )
    if control.alarmed:
        return "inconclusive", "base differs from a second copy of itself: this machine is unsteady"
    if slower:
        return "regression", f"{_benchmarks(slower)} slower than BASE, confirmed"
    if not usable:
        return "invalid", "no benchmark could be measured on both revisions"
    if unsure:
        return (
            "inconclusive",
            f"{_benchmarks(len(unsure))} of {len(rows)} could not be judged: a slowdown of "
            f"{100 * rule.blind:g} % might not have been seen",
        )
    return "clean", f"nothing of {_benchmarks(len(usable))} became slower"


def _benchmarks(count: int) -> str:
    return f"{count} benchmark" + ("" if count == 1 else "s")
