"""What all rows say together, and whether the machine was steady enough for a verdict."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import expm1, log1p

from perceptron.gate.verdict.estimate import FEWEST, estimate, holm, interval
from perceptron.gate.verdict.rule import Rule, p_towards
from perceptron.records.comparison import Control, ControlRow, Row, Verdict


def judge_control(
    controls: Mapping[str, Sequence[float]], rule: Rule, muted: Collection[str] = ()
) -> Control:
    """Judge base against its second copy, by benchmark: as severely, and in both directions.

    What is ``muted`` may be known to be unsteady: that says nothing of the machine.
    """
    estimates = {key: estimate(values) for key, values in controls.items() if len(values) >= FEWEST}
    p = holm(
        {
            f"{sign:+}{key}": p_towards(ratio, sign, rule)
            for key, ratio in estimates.items()
            for sign in (1, -1)
        }
    )
    rows = []
    for key, ratio in estimates.items():
        smallest = min(p[f"+1{key}"], p[f"-1{key}"])
        low, high = interval(ratio, rule.confidence)
        alarm = smallest <= rule.alpha and abs(ratio.mean) >= log1p(rule.least)
        rows.append(
            ControlRow(
                benchmark=key,
                change=expm1(ratio.mean),
                low=expm1(low),
                high=expm1(high),
                p_adjusted=smallest,
                alarm=alarm,
            )
        )
    return Control(alarmed=any(row.alarm and row.benchmark not in muted for row in rows), rows=rows)


def judge_run(
    rows: Sequence[Row], control: Control, broken: int, rule: Rule, left_out: int = 0
) -> tuple[Verdict, str]:
    """Return the verdict on the run and its reason.

    ``broken`` of the rows broke on HEAD only. Beside the rows, so many benchmarks were ``left_out``
    that ought to have been judged. What is muted has no say.
    """
    heard = [row for row in rows if row.muted is None]
    muted = len(rows) - len(heard)
    if muted and not (heard or left_out):
        return "clean", f"nothing was to be judged: {_benchmarks(muted)} muted"
    verdict, reason = _judge(heard, control, broken, rule, left_out)
    return verdict, reason + (f", {muted} muted" if muted else "")


def _judge(
    rows: Sequence[Row], control: Control, broken: int, rule: Rule, left_out: int
) -> tuple[Verdict, str]:
    slower = _slower(rows, broken)
    usable = [row for row in rows if row.verdict != "invalid"]
    undecided = [row for row in rows if row.verdict == "inconclusive"]
    if broken:
        reason = f"{_benchmarks(broken)} broke on HEAD" + (f", {slower}" if slower else "")
        return "regression", reason
    if slower and control.alarmed:
        return "regression", (
            f"{slower}; the clock judges nothing here, as base differs from a second copy of itself"
        )
    if slower:
        return "regression", slower
    doubts = []
    if probably := [row for row in undecided if row.probably_slower]:
        doubts.append(_probably_slower(probably))
    if control.alarmed:
        doubts.append("base differs from a second copy of itself: this machine is unsteady")
    elif len(undecided) > len(probably):
        lost = sum(row.verdict in {"inconclusive", "invalid"} for row in rows) - len(probably)
        doubts.append(
            f"{lost + left_out:,} of {_benchmarks(len(rows) + left_out)} could not be judged: "
            f"a slowdown of {100 * rule.blind:g}% may be hidden"
        )
    if doubts:
        return "inconclusive", "; ".join(doubts)
    if not usable and (rows or not left_out):
        return "invalid", "no benchmark could be measured on both revisions"
    judged, everything = len(usable), len(rows) + left_out
    if judged < rule.least_judged * everything:
        some = f"only {judged}" if judged else "none"
        return "inconclusive", (
            f"{some} of {_benchmarks(everything)} could be judged: less than "
            f"{100 * rule.least_judged:g}%"
        )
    if judged < everything:
        return "clean", f"{judged} of {_benchmarks(everything)} judged, none slower"
    return "clean", f"nothing of {_benchmarks(judged)} became slower"


def _probably_slower(rows: Sequence[Row]) -> str:
    """Return by how many instructions more: the largest rise, of how many benchmarks."""
    rise = max(row.work.change for row in rows if row.work is not None)
    most = "up to " if len(rows) > 1 else ""
    return f"probably slower: {most}+{100 * rise:.0f}% instructions in {_benchmarks(len(rows))}"


def _slower(rows: Sequence[Row], broken: int) -> str:
    """Return how many became slower by which evidence; nothing if none did."""
    regressions = [row for row in rows if row.verdict == "regression"]
    by_work = sum(row.stands_on != "time" for row in regressions)
    by_clock = len(regressions) - broken - by_work
    words = {
        (True, False): "confirmed",
        (False, True): "by counted instructions",
        (True, True): f"{by_clock} confirmed by the clock and {by_work} by counted instructions",
    }.get((by_clock > 0, by_work > 0))
    return f"{_benchmarks(by_clock + by_work)} slower than BASE, {words}" if words else ""


def _benchmarks(count: int) -> str:
    return f"{count:,} benchmark" + ("" if count == 1 else "s")
