"""Where to measure next, to find out from which size up one backend beats another.

Coarse geometric sizes first; then, inside each change of winner, bisection in the logarithm of
the size until the bracket is narrower than 10% or than what noise leaves uncertain; and wherever
a winner is in doubt, more processes or a size between. Everything follows from the rows so far: a
search that was cut short resumes by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import exp, log

from perceptron.questions.crossover.crossing import (
    NARROW,
    Indices,
    ZeroCrossing,
    uncertainties,
    zero_crossings,
)
from perceptron.questions.crossover.points import Point, points
from perceptron.records.measurement import Measurement

# Where in a gap to measure, in this order: elsewhere when a backend fails in its middle.
_WEIGHTS = (1 / 2, 1 / 4, 3 / 4)
# Between two sizes where noise hides the winner, closer ones would not show it either.
_WORTHWHILE = log(1.5)


@dataclass(frozen=True)
class Search:
    """The sizes to look between, whole numbers, and how hard to look.

    A search starts at ``low``, at ``high`` and at what of ``given`` is between; ``coarse`` is the
    largest ratio of two neighbouring sizes at the start. ``first`` processes measure a new size,
    ``enough`` those that a crossover is read off, and ``most`` those at which the winner stays in
    doubt. Of the sizes at the start ``at_once`` are begun together, the ends first; 0 for all.
    """

    low: int
    high: int
    given: tuple[int, ...] = ()
    coarse: float = 4.0
    first: int = 3
    enough: int = 8
    most: int = 32
    at_once: int = 0


def repeats(quick: bool) -> tuple[int, int, int]:
    """Return the ``first``, ``enough`` and ``most`` processes of a search."""
    return (2, 4, 8) if quick else (3, 8, 32)


Wanted = list[tuple[int, int]]
"""Sizes, and how many processes are to measure both backends there."""


def next_measurements(
    rows: Sequence[Measurement], incumbent: str, challenger: str, search: Search
) -> dict[int, int]:
    """Return at which sizes to measure both next, until so many processes have.

    Nothing when the answer is as good as it gets.
    """
    rows = [row for row in rows if row.backend in (incumbent, challenger)]
    known = points(rows, incumbent, challenger)
    measured = {point.size: point.taken for point in known}
    # Where a backend failed or was skipped, measuring again is useless.
    closed = {row.size for row in rows if row.status != "ok"}
    sizes = ({row.size for row in rows if row.backend == name} for name in (incumbent, challenger))
    # Sizes at which both have a row: one measured there for another pair does not count.
    tried = set.intersection(*sizes) | closed
    # Coarse sizes, and those of a round that was cut short.
    new = [
        size
        for size in _ends_first({*coarse_sizes(search), *map(int, tried)})
        if size not in closed and measured.get(size, 0) < search.first
    ]
    if new:
        return dict.fromkeys(sorted(new[: search.at_once or None]), search.first)
    changes = zero_crossings(known)
    asked = [
        *(_for_doubt(known, doubt, tried, search) for doubt in uncertainties(known, changes)),
        *(_for_zero(known, zero, tried, search) for zero in changes),
    ]
    if known and not changes:  # how close it comes is the answer then
        closest = min(known, key=lambda point: abs(point.mean))
        asked.append([(int(closest.size), search.enough)])
    return {
        size: processes
        for size, processes in sorted(chain(*asked))  # of one size the most come last
        if size not in closed and measured.get(size, 0) < processes
    }


def wanted_by(
    pairs: Iterable[tuple[str, str]], asked: Callable[[tuple[str, str]], Mapping[int, int]]
) -> dict[tuple[str, int], int]:
    """Return how many processes are to measure each backend at each size: the most of its pairs."""
    wanted: dict[tuple[str, int], int] = {}
    for pair in pairs:
        for size, processes in asked(pair).items():
            for name in pair:
                wanted[name, size] = max(processes, wanted.get((name, size), 0))
    return wanted


def coarse_sizes(search: Search) -> list[int]:
    """Return whole numbers from ``low`` to ``high``, those given among them.

    Between two of these others are evenly spaced in their logarithm.
    """
    given = sorted(size for size in search.given if search.low < size < search.high)
    sizes: set[int] = set()
    for low, high in pairwise((search.low, *given, search.high)):
        steps = 1
        while (high / low) ** (1 / steps) > search.coarse * 1.0001:
            steps += 1
        sizes.update(round(low * (high / low) ** (step / steps)) for step in range(steps + 1))
    return sorted(sizes)


def _ends_first(sizes: set[int]) -> list[int]:
    """Return the smallest and the largest size, then again and again what halves the widest gap."""
    ordered = sorted(sizes)
    chosen = list(dict.fromkeys((0, len(ordered) - 1)))
    while len(chosen) < len(ordered):
        low, high = max(pairwise(sorted(chosen)), key=lambda gap: gap[1] - gap[0])
        chosen.append((low + high) // 2)
    return [ordered[index] for index in chosen]


def _for_doubt(
    points: Sequence[Point], doubt: Indices, tried: set[float], search: Search
) -> Wanted:
    """Request a size inside a gap, or more processes at the sizes that are in doubt."""
    first, last = doubt
    if last - first != 1:
        doubtful = points[first : last + 1]
        return [(int(point.size), min(search.most, 2 * point.taken)) for point in doubtful]
    left, right = points[first], points[last]
    if left.sign or right.sign or right.x - left.x > _WORTHWHILE:
        return _between(left, right, tried, search)
    return []


def _for_zero(
    points: Sequence[Point], zero: ZeroCrossing, tried: set[float], search: Search
) -> Wanted:
    """Request a size inside the bracket, or where that is narrow enough, processes around it."""
    low, high = zero.ends
    indices = {point.size: index for index, point in enumerate(points)}
    left, right = indices[zero.bracket[0]], indices[zero.bracket[1]]
    gap = points[right].x - points[left].x
    if gap > max(NARROW, log(high / low)) and (
        between := _between(points[left], points[right], tried, search)
    ):
        return between
    inside = [index for index, point in enumerate(points) if low <= point.size <= high]
    first, last = min([left, *inside]), max([right, *inside])
    return [(int(point.size), search.enough) for point in points[first : last + 1]]


def _between(left: Point, right: Point, tried: set[float], search: Search) -> Wanted:
    """Request a whole number between two sizes, if any: the middle unless that was tried."""
    for weight in _WEIGHTS:
        size = round(exp((1 - weight) * left.x + weight * right.x))
        if left.size < size < right.size and size not in tried:
            return [(size, search.first)]
    return []
