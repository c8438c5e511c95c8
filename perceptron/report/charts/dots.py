"""Dots with bars in rows: on which side a label keeps clear of bars and of other labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from perceptron.figure import Axis, Dot, log_axis
from perceptron.numbers import tick

# Factors by which an axis is longer where labels stand beyond its last dot.
_LEFT, _RIGHT = 4.0, 12.0
# Two dots closer than this factor leave no room for a label between them.
_CLOSE = 1.6


def placed(dots: Sequence[Dot]) -> tuple[Dot, ...]:
    """Return the dots with their labels beyond the ends of their bars, away from each other.

    Of two in a row the left one has its label on the left and the right one on the right. One that
    stands on the other's bar, or close to it, has its label above.
    """
    by_row: dict[int, list[Dot]] = {}
    for dot in dots:
        by_row.setdefault(dot.row, []).append(dot)
    return tuple(dot for members in by_row.values() for dot in _apart(members))


def dots_axis(dots: Iterable[Dot], title: str) -> Axis:
    """Return the axis over all dots and bars, with room for the labels on either side."""
    members = list(dots)
    left = _LEFT if any(dot.side == "left" for dot in members) else 1.0
    ends = [end for dot in members for end in (dot.low, dot.seconds, dot.high)]
    return log_axis(ends, tick, 10, title, room=(left, _RIGHT))


def _apart(members: Sequence[Dot]) -> list[Dot]:
    if len(members) != 2:
        return list(members)
    published, ours = sorted(members, key=lambda dot: not dot.published)
    if ours.low / _CLOSE < published.seconds < ours.high * _CLOSE:
        return [replace(published, side="above"), replace(ours, side="right")]
    left = published.seconds < ours.seconds
    return [
        replace(published, side="left" if left else "right"),
        replace(ours, side="right" if left else "left"),
    ]
