"""What a map says, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from perceptron.analysis.phase_map.grid import Array, Mask

# Of the decided cells, that a rule in one sentence may get wrong.
_EXCEPTIONS = 0.02


class Area(NamedTuple):
    """A cell and who surely wins it: a backend, ``tie`` or None."""

    x: int
    y: int
    winner: str | None


class _Rule(NamedTuple):
    """``winner`` wins where a size is at least ``start``, but for a share of ``wrong`` cells."""

    wrong: float
    order: int
    size: str
    winner: str
    start: float


def sentence(shares: dict[str, float], areas: Sequence[Area], axes: tuple[str, str]) -> str:
    """Say who wins how much of the map, and from which size up if a rule of one size says it.

    A rule is stated where it gets at most 2% of the cells with a winner wrong, and where less is
    undecided than its winner has.
    """
    winners = [name for name in shares if name not in ("tie", "undecided", "unknown")]
    parts = [f"{name} wins {_percent(shares[name])}" for name in winners]
    if parts:
        parts[0] += " of the map"
    if "tie" in shares:
        parts.append(f"{_percent(shares['tie'])} is a tie within ±5%")
    if "undecided" in shares:
        where = "" if parts else " of the map"
        parts.append(f"{_percent(shares['undecided'])}{where} is undecided")
    if "unknown" in shares:
        parts.append(f"in {_percent(shares['unknown'])} nothing has a time")
    text = ", ".join(parts)
    rule = _best_rule(areas, axes) if len(winners) == 2 else None
    undecided = shares.get("undecided", 0.0)
    if rule and rule.wrong <= _EXCEPTIONS and undecided < shares[rule.winner]:
        text += f"; {rule.winner} from {rule.size} ≈ {_round(rule.start)} up"
    return f"{text}."


def _best_rule(areas: Sequence[Area], axes: tuple[str, str]) -> _Rule | None:
    decided = [area for area in areas if area.winner not in (None, "tie")]
    x, y = np.array([area[:2] for area in decided], np.float64).T
    sizes = {axes[0]: x, axes[1]: y, f"{axes[0]} × {axes[1]}": x * y}
    rules = [
        _rule(order, name, size, winner, np.array([area.winner == winner for area in decided]))
        for order, (name, size) in enumerate(sizes.items())
        if len(set(size)) > 1
        for winner in sorted({str(area.winner) for area in decided})
    ]
    return min(rules, default=None)


def _rule(order: int, name: str, size: Array, winner: str, wins: Mask) -> _Rule:
    """Find the threshold between two sizes that gets the fewest cells wrong."""
    sizes = np.unique(size)
    beyond = size >= sizes[1:, None]
    wrong = (beyond != wins).mean(axis=1)
    best = int(wrong.argmin())
    return _Rule(float(wrong[best]), order, name, winner, sqrt(sizes[best] * sizes[best + 1]))


def _percent(share: float) -> str:
    return "under 1%" if 0 < share <= 0.005 else f"{100 * share:.0f}%"


def _round(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.0f}"
