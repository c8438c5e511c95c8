"""Where a change of winner is to be expected, from the few sizes that were measured so far."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

from perceptron.analysis.crossover.points import points
from perceptron.records.measurement import Measurement

# Of logarithms: where nearly parallel times would meet is no size.
_FAR = log(1e6)
_ROUNDING = 1e-9


def expected_change(
    rows: Sequence[Measurement], best: str, others: Sequence[str], here: float
) -> float:
    """Return the size at which ``best`` and another backend probably take equally long.

    That is where a line through the log-ratios of the two sizes with the closest times meets 0; of
    several the nearest to ``here``, and that itself while nothing tells.
    """
    changes = []
    for other in others:
        closest = sorted(points(rows, best, other), key=lambda point: abs(point.mean))[:2]
        if len(closest) == 2 and abs(closest[0].mean - closest[1].mean) > _ROUNDING:
            left, right = closest
            slope = (right.mean - left.mean) / (right.x - left.x)
            changes.append(left.x - left.mean / slope)
    start = log(here)
    reached = [min(max(x, start - _FAR), start + _FAR) for x in changes]
    return exp(min(reached, key=lambda x: abs(x - start), default=start))
