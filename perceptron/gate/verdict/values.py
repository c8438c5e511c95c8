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
from perceptron.gate.verdict.evidence import Finding
from perceptron.gate.verdict.rule import Rule

Pairs = Sequence[tuple[float, float]]
"""What BASE and HEAD gave in each block."""


def find_value(pairs: Pairs, rule: Rule) -> Finding:
    """Return the verdict; more is worse.

    By chance all of six changes are positive once in 64 times; that moreover none is more than
    twice as large as another, once in 2,000 at most, by simulation of noise of several shapes.
    """
    if len(pairs) < FEWEST:
        return Finding("inconclusive", "no time was left for it: raise --budget")
    moves, scale = _moves(pairs)
    least, most = min(moves), max(moves)
    if not (least or most):
        return Finding("no change")
    if abs(median(moves)) >= rule.least * scale:
        base, head = (median(side) for side in zip(*pairs, strict=True))
        reason = None if _have_ratios(pairs) else f"from {base:g} to {head:g}"
        if most <= 2 * least:  # so all of them are positive
            return Finding("regression", reason)
        if least >= 2 * most:
            return Finding("improvement", reason)
    if most >= rule.blind * scale:
        much = f"{most / scale:.0%} more" if scale else "more"
        return Finding("inconclusive", f"up to {much} on HEAD, but not every time")
    return Finding("no change")


def value_change(pairs: Pairs) -> tuple[float, float, float] | None:
    """Return HEAD / BASE − 1: its median over the blocks, the least and the largest.

    None for what has no ratio; 0 where nothing differs.
    """
    moves, _ = _moves(pairs)
    if any(moves) and not _have_ratios(pairs):
        return None
    return median(moves), min(moves), max(moves)


def smallest_rise(pairs: Pairs, rule: Rule) -> float | None:
    """Return the rise, as a share, that would have been a regression; None of what is around 0."""
    moves, scale = _moves(pairs)
    # Then the smallest is half of the largest.
    return max(rule.least, 1.5 * (max(moves) - min(moves)) / scale) if scale else None


def _moves(pairs: Pairs) -> tuple[list[float], float]:
    """Return how HEAD differs from BASE in each block, and what that is a share of."""
    if _have_ratios(pairs):
        return [head / base - 1 for base, head in pairs], 1.0
    return [head - base for base, head in pairs], abs(median(base for base, _ in pairs))


def _have_ratios(pairs: Pairs) -> bool:
    return all(base > 0 and head > 0 and isfinite(head / base) for base, head in pairs)
