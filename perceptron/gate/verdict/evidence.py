"""One row's verdict, from what the clock and the counted work say of it.

Counts repeat to the last digits and see no cache, lock or wait; the clock sees all of it, through
noise. So the clock convicts alone, by its confirmation; work that rose convicts unless the clock is
sure that time did not follow; and what did the same work needs no more of the clock than a look.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import log1p
from typing import Literal

from perceptron.gate.verdict.estimate import RatioEstimate, interval, p_above
from perceptron.gate.verdict.reasons import (
    QUIETER,
    RAISE_BUDGET,
    clock_saw,
    could_have_seen,
    no_clock,
    too_noisy,
    work_moved,
)
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.waits import Waits
from perceptron.gate.verdict.work import WorkEvidence
from perceptron.records.comparison import Evidence, RowVerdict, Work

# One call on a busy machine may take so many times as long as another.
_FAR_SLOWER = 1.5


@dataclass(frozen=True)
class Finding:
    """A row's verdict, why, and on what it stands."""

    verdict: RowVerdict
    reason: str | None = None
    stands_on: Evidence = "time"


Outcome = Literal["confirmed", "doubtful", "not shown", "too few", "no time"]


@dataclass(frozen=True)
class Confirmation:
    """What became of a benchmark that the screen promoted.

    ``doubtful``: confirmed, but the control does not vouch for it. ``not shown``: fresh blocks do
    not confirm it. ``too few`` of them gave a number. ``no time``: none was planned.
    """

    slower: bool
    outcome: Outcome
    reason: str | None = None
    """Of a doubt."""


@dataclass(frozen=True)
class Clock:
    """What the clock says of one benchmark."""

    ratio: RatioEstimate
    """Of its fresh blocks; of its screen where there are none."""
    screen: RatioEstimate
    smallest: float | None
    """The smallest slowdown that it detects; None where that is none to speak of."""
    confirmation: Confirmation | None = None
    """None for what was not promoted."""
    waits: Waits = field(default_factory=Waits)


def find(clock: Clock, evidence: WorkEvidence, rule: Rule) -> Finding:
    """Return the verdict on a benchmark that has numbers on both revisions."""
    if evidence.kind == "rose" and evidence.work is not None:
        return _rose(clock, evidence, evidence.work, rule)
    confirmation = clock.confirmation
    if confirmation is not None:
        if confirmation.outcome == "confirmed":
            if confirmation.slower:
                return Finding("regression")
            return Finding("improvement", None, "both" if evidence.kind == "fell" else "time")
        if confirmation.outcome == "doubtful":
            return Finding("inconclusive", confirmation.reason)
        if confirmation.slower and confirmation.outcome == "no time":
            return Finding(
                "inconclusive", f"a slowdown to confirm, and no time left: {RAISE_BUDGET}"
            )
        if confirmation.slower and confirmation.outcome == "too few":
            return Finding(
                "inconclusive", "a slowdown to confirm, and too few blocks gave a number"
            )
    if evidence.kind == "fell" and evidence.work is not None:
        return _fell(clock, evidence, evidence.work, rule)
    if evidence.kind == "same":
        return _same(clock, rule)
    return _by_time(clock, rule)


def find_without_clock(evidence: WorkEvidence, trial: float | None = None) -> Finding:
    """Return the verdict where too few blocks gave a number.

    The same work acquits alone, unless HEAD took far longer in the one ``trial``, head / base, that
    there was. Less work is no reason to be unsure.
    """
    reason = no_clock(evidence)
    if evidence.kind == "same" and trial is not None and trial > _FAR_SLOWER:
        slower = f"same work, but {trial:.1f} times as long in its only trial"
        return Finding("inconclusive", f"{slower}: {RAISE_BUDGET}", "time")
    if evidence.kind == "same":
        return Finding("no change", reason, "work")
    if evidence.kind == "fell":
        return Finding("improvement", reason, "work")
    return Finding("inconclusive", reason)


def _rose(clock: Clock, evidence: WorkEvidence, work: Work, rule: Rule) -> Finding:
    moved = work_moved(evidence)
    confirmation = clock.confirmation
    if confirmation is not None and (confirmation.slower, confirmation.outcome) == (
        True,
        "confirmed",
    ):
        return Finding("regression", moved, "both")
    if _is_below(clock.screen, _half(work, rule), rule.contradiction):
        return Finding("no change", f"{moved}, and {clock_saw(clock.screen, rule.confidence)}")
    if interval(clock.screen, rule.confidence)[0] > 0:
        return Finding("regression", moved, "both")
    if is_undecided(clock.screen, work, rule):
        saw = clock_saw(clock.screen, rule.confidence)
        return Finding("inconclusive", f"{moved}, and {saw}: {QUIETER}")
    return Finding("regression", f"{moved}, and the clock does not contradict it", "work")


def is_undecided(screen: RatioEstimate, work: Work, rule: Rule) -> bool:
    """Return whether work that rose a lot is a regression is left open by the clock.

    A slowdown as large as the work would show at least in the estimate; faster code that does more,
    such as vectorised one, would not.
    """
    half = _half(work, rule)
    contradicted = _is_below(screen, half, rule.contradiction)
    return work.change >= rule.blind and screen.mean < half and not contradicted


def _fell(clock: Clock, evidence: WorkEvidence, work: Work, rule: Rule) -> Finding:
    moved = work_moved(evidence)
    if p_above(clock.screen, -_half(work, rule)) <= rule.contradiction:
        finding = _by_time(clock, rule)
        if finding.verdict != "no change":
            return finding
        return replace(finding, reason=f"{moved}, and {clock_saw(clock.screen, rule.confidence)}")
    agrees = interval(clock.screen, rule.confidence)[1] < 0
    return Finding("improvement", moved, "both" if agrees else "work")


def _half(work: Work, rule: Rule) -> float:
    """Return by how much log time must follow the work at least, up or down.

    Half as far as the work went, but no further than what is worth acting on: time that surely rose
    by 20 % where work doubled is no contradiction.
    """
    return min(abs(log1p(work.change)) / 2, log1p(rule.least))


def _is_below(ratio: RatioEstimate, limit: float, alpha: float) -> bool:
    """Return whether the mean is surely below the limit: one-sided, at level ``alpha``."""
    return p_above(replace(ratio, mean=-ratio.mean), -limit) <= alpha


def _same(clock: Clock, rule: Rule) -> Finding:
    """Nothing about noise makes it inconclusive."""
    reason = _looks_faster(clock, rule)
    if clock.smallest is not None and clock.smallest <= rule.blind:
        return Finding("no change", reason, "both")
    return Finding("no change", reason or could_have_seen(clock.smallest), "work")


def _by_time(clock: Clock, rule: Rule) -> Finding:
    blind = clock.smallest is None or clock.smallest > rule.blind
    # What is surely no slowdown of that size has hidden none.
    if blind and interval(clock.ratio, rule.confidence)[1] >= log1p(rule.blind):
        return Finding("inconclusive", too_noisy(clock.waits))
    return Finding("no change", _looks_faster(clock, rule))


def _looks_faster(clock: Clock, rule: Rule) -> str | None:
    """Return why what looked faster in its screen is no improvement; None where it did not."""
    if clock.confirmation is None or interval(clock.screen, rule.confidence)[1] > -log1p(
        rule.least
    ):
        return None
    why = {
        "no time": RAISE_BUDGET,
        "too few": "too few fresh blocks gave a number",
        "not shown": "fresh blocks do not show it",
    }.get(clock.confirmation.outcome)
    return None if why is None else f"looks faster, not confirmed: {why}"
