"""The verdict on a value (``track_``, ``peakmem_``, ``mem_``), which is compared as it is.

Most values are the same in every process and need no statistics, and some have no ratio, as they
are 0 or below. So all of one side must lie above the other: of six and six by chance, 1 in 924.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from statistics import median

from perceptron.gate.verdict.estimate import FEWEST
from perceptron.gate.verdict.evidence import Finding
from perceptron.gate.verdict.rule import Rule


def find_value(base: Sequence[float], head: Sequence[float], rule: Rule) -> Finding:
    """Return the verdict on what each process of BASE and of HEAD gave; more is worse.

    Where values spread, all of one side lie above the other now and then. That they lie above by as
    much as they spread never happens by chance.
    """
    if len(base) < FEWEST:
        return Finding("inconclusive", "no time was left for it: raise --budget")
    before, after = median(base), median(head)
    differ = abs(after - before) >= rule.least * abs(before)
    above, below, spread = min(head) - max(base), min(base) - max(head), _spread(base, head)
    if differ and max(above, below) > 0 and max(above, below) >= spread:
        reason = None if value_change(base, head) else f"from {before:g} to {after:g}"
        return Finding("regression" if above > 0 else "improvement", reason)
    if differ and above > 0:
        return Finding(
            "inconclusive", "more in every process, but values of one revision differ too"
        )
    relative = relative_spread(base, head)
    if below <= 0 and relative > rule.blind:
        repeat = "make the benchmark repeatable"
        return Finding("inconclusive", f"values of one revision differ by {relative:.0%}: {repeat}")
    return Finding("no change")


def value_change(base: Sequence[float], head: Sequence[float]) -> tuple[float, float, float] | None:
    """Return HEAD / BASE − 1 of the medians, and its least and largest of any two processes.

    None for what has no ratio.
    """
    if {*base} == {*head} == {base[0]}:
        return 0.0, 0.0, 0.0
    if min(*base, *head) <= 0:
        return None
    ratios = median(head) / median(base), min(head) / max(base), max(head) / min(base)
    middle, low, high = (ratio - 1 for ratio in ratios)
    return (middle, low, high) if isfinite(high) else None


def relative_spread(base: Sequence[float], head: Sequence[float]) -> float:
    """Return how far values of one revision are apart, as a share of them."""
    spread = _spread(base, head)
    return spread and spread / max(map(abs, (*base, *head)))


def _spread(base: Sequence[float], head: Sequence[float]) -> float:
    return max(max(side) - min(side) for side in (base, head))
