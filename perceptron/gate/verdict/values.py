"""The verdict on a value (``track_``, ``peakmem_``, ``mem_``), which is compared as it is.

Most values are the same in every process and need no statistics, and some have no ratio, as they
are 0 or below. What varies from block to block may do so by its draws, which both sides share: so
the sides of each block are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from statistics import median

from perceptron.gate.verdict.estimate import FEWEST
from perceptron.gate.verdict.evidence import Finding, Numbers
from perceptron.gate.verdict.rule import Rule


def judge_value(pairs: Sequence[tuple[float, float]], rule: Rule) -> tuple[Numbers, Finding]:
    """Return the numbers and the verdict of what BASE and HEAD gave in each block; more is worse.

    The change is the median over the blocks, its ends are the least and the largest: None for what
    has no ratio, 0 where nothing differs.
    """
    if have_ratios := all(base > 0 and head > 0 and isfinite(head / base) for base, head in pairs):
        moves, scale = [head / base - 1 for base, head in pairs], 1.0
    else:
        moves = [head - base for base, head in pairs]
        scale = abs(median(base for base, _ in pairs))
    middle, least, most = median(moves), min(moves), max(moves)
    # The rise that would have been a regression, as a share: then the smallest is half of the
    # largest. None of what is around 0.
    smallest = max(rule.least, 1.5 * (most - least) / scale) if scale else None
    sizes = (middle, least, most) if have_ratios or not any(moves) else (None, None, None)
    return (*sizes, smallest, None), _find(pairs, moves, scale, have_ratios, rule)


def _find(
    pairs: Sequence[tuple[float, float]],
    moves: Sequence[float],
    scale: float,
    have_ratios: bool,
    rule: Rule,
) -> Finding:
    """Return the verdict on the ``moves`` from BASE to HEAD, which are shares of ``scale``.

    By chance all of six changes are positive once in 64 times; that moreover none is more than
    twice as large as another, once in 2,000 at most, by simulation of noise of several shapes.
    """
    if len(pairs) < FEWEST:
        return Finding("inconclusive", "no time was left for it: raise --budget")
    least, most = min(moves), max(moves)
    if not (least or most):
        return Finding("no change")
    if abs(median(moves)) >= rule.least * scale:
        base, head = (median(side) for side in zip(*pairs, strict=True))
        reason = None if have_ratios else f"from {base:g} to {head:g}"
        if most <= 2 * least:  # so all of them are positive
            return Finding("regression", reason)
        if least >= 2 * most:
            return Finding("improvement", reason)
    if most >= rule.blind * scale:
        much = f"{most / scale:.0%} more" if scale else "more"
        return Finding("inconclusive", f"up to {much} on HEAD, but not every time")
    return Finding("no change")
