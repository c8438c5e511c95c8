"""A map in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from perceptron.analysis.phase_map.grid import Array, Mask

# Of the decided cells, that a rule in one sentence may get wrong.
_EXCEPTIONS = 0.02
# Winners that have room in a line.
_NAMED = 2
_COLUMNS = 100
# Of a map that is all alike, and of a part of one.
_WHOLE = {
    "tie": "the fastest backends tie within 5% everywhere",
    "undecided": "undecided everywhere",
    "unknown": "no backend has a time",
}
_PART = {"tie": "tie", "undecided": "undecided", "unknown": "no time"}


class Area(NamedTuple):
    """A cell and what is decided there: a backend, ``tie`` or None."""

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
    """Return which backend wins how much of the map, and a rule of one size where there is one.

    A rule is stated where it gets at most 2% of the cells with a winner wrong, and where less is
    undecided than its winner has.
    """
    whole = next((name for name in _WHOLE if shares.get(name) == 1), None)
    if whole is not None:
        return _WHOLE[whole]
    winners = [name for name in shares if name not in _WHOLE]
    parts = [f"{name} wins {_percent(shares[name])} of the map" for name in winners[:1]]
    parts += [f"{name} {_percent(shares[name])}" for name in winners[1:_NAMED]]
    if rest := winners[_NAMED:]:
        parts.append(f"{len(rest)} others {_percent(sum(shares[name] for name in rest))}")
    parts += [f"{word} {_percent(shares[name])}" for name, word in _PART.items() if name in shares]
    text = ", ".join(parts)
    rule = _best_rule(areas, axes) if len(winners) == 2 else None
    undecided = shares.get("undecided", 0.0)
    if rule and rule.wrong <= _EXCEPTIONS and undecided < shares[rule.winner]:
        text += f"; {rule.winner} from {rule.size} ≈ {_round(rule.start)}"
    return text if len(text) <= _COLUMNS else text.replace(" of the map", "")


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
