"""The words of a row's reason, wherever numbers do not say it by themselves."""

from __future__ import annotations

from math import expm1

from perceptron.gate.verdict.estimate import RatioEstimate, interval
from perceptron.gate.verdict.waits import Waits
from perceptron.gate.verdict.work import WorkEvidence
from perceptron.waiting import LARGEST_WAITED_SHARE

RAISE_BUDGET = "raise --budget"
QUIETER = f"measure on a quieter machine, or {RAISE_BUDGET}"


def too_noisy(waits: Waits) -> str:
    """Return why nothing could be said, with the cause where waiting was it."""
    if waits.waited is None or waits.waited <= LARGEST_WAITED_SHARE:
        return f"too noisy here: {QUIETER}"
    share = f"{100 * waits.waited:.0f} %"
    return f"too noisy here, where it waited {share} of its time for a core: {QUIETER}"


def work_moved(evidence: WorkEvidence) -> str:
    """Return *work rose by 5.0 %*, or that it fell, or that it is the same."""
    if evidence.work is None or evidence.kind == "same":
        return "same work"
    change = evidence.work.change
    return f"work {'rose' if change > 0 else 'fell'} by {100 * abs(change):.1f} %"


def clock_saw(ratio: RatioEstimate, confidence: float) -> str:
    """Return *the clock saw −0.3 % [−0.9, +0.2]*."""
    change, low, high = (
        f"{100 * expm1(value):+.1f}" for value in (ratio.mean, *interval(ratio, confidence))
    )
    return f"the clock saw {change} % [{low}, {high}]"


def could_have_seen(smallest: float | None) -> str:
    """Return what the clock could have seen of what did the same work."""
    if smallest is None:
        return "same work; too noisy here for the clock to tell"
    return f"same work; the clock could have seen {100 * smallest:.0f} %"


def no_clock(evidence: WorkEvidence) -> str:
    """Return what to know of a benchmark that the clock has too few numbers of."""
    if evidence.kind == "same":
        return "same work; no time was left for the clock to look"
    if evidence.kind in {"not counted", "changed"}:
        return f"no time left for it: {RAISE_BUDGET}"
    return f"{work_moved(evidence)}, and no time was left for the clock: {RAISE_BUDGET}"
