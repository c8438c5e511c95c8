"""Why a winner is not known: too busy a machine, too few repeats, single values, nothing shared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp

from perceptron.analysis.contention import contended_samples
from perceptron.analysis.crossover.comparable import ComparableRows, described
from perceptron.analysis.crossover.points import Point
from perceptron.analysis.select import is_own, reason
from perceptron.records.measurement import Measurement


def why_undecided(
    points: Sequence[Point],
    rows: Sequence[Measurement],
    known: int,
    comparable: ComparableRows,
    pair: tuple[str, str],
) -> str | None:
    """Return why no winner is known, or not at enough sizes: it is in ``known`` ranges of them."""
    contended = {point.size for point in points if point.says_nothing and point.taken > 1}
    names = " and ".join(pair)
    if contended:
        samples, taken = contended_samples(row for row in rows if row.size in contended)
        share = f"{100 * samples / max(1, taken):.0f}%"
        return f"too busy to compare: {share} of samples contended; next: --wait or --threads 1"
    if len(points) == 1:
        return _of_one_size(points[0], comparable, pair)
    if known:
        return None
    if any(point.stated is not None for point in points):
        return f"the intervals of {names} overlap at every size"
    fewest = min(point.count for point in points)
    repeats = "1 repeat" if fewest == 1 else f"{fewest} repeats"
    following = "; next: a larger --budget" if all(map(is_own, rows)) else ""
    return f"{repeats} cannot separate {names}{following}"


def _of_one_size(point: Point, comparable: ComparableRows, pair: tuple[str, str]) -> str:
    """Return the ratio at the only size, and which other state has more sizes.

    One size decides nothing, whatever it says.
    """
    incumbent, challenger = pair
    text = f"one size decides nothing: {challenger} takes {exp(point.mean):.2f}× as long there"
    better = comparable.more_sizes(incumbent, challenger, 1)
    return f"{text}; more sizes at {described(better)}" if better else text


def why_not_sure(points: Sequence[Point]) -> str:
    """Return why nothing is decided although no other winner hides at any size."""
    if all(point.freedom for point in points):
        return "no size is decided by more than 5%"
    return "single values have no interval"


def why_not(
    comparable: ComparableRows, rows: Iterable[Measurement], incumbent: str, challenger: str
) -> str:
    """Return why two backends cannot be compared: one has no time, or they share no state."""
    newest = {name: comparable.newest(name) for name in (incumbent, challenger)}
    missing = [name for name, where in newest.items() if where is None]
    if missing:
        reasons = {name: reason(rows, name) for name in missing}
        explained = [f"{name}: {why}" for name, why in reasons.items() if why]
        return "; ".join(explained or [f"{name}: no times" for name in missing])
    one, other = newest.values()
    if one is None or other is None or comparable.are_together(incumbent, challenger):
        return "no size was measured on both"
    return (
        f"never measured together: {incumbent} at {described(one)}, "
        f"{challenger} at {described(other)}"
    )
