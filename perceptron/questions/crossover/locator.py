"""Where to measure next, to find out from which size up one backend beats another.

Coarse geometric sizes first, not all of them powers of two, which may be slower than all other
sizes; then, inside each change of winner, bisection in the logarithm of
the size until the bracket is narrower than 10% or than what noise leaves uncertain; and wherever
a winner is in doubt, more processes or a size between. Everything follows from the rows so far: a
search that was cut short resumes by itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import exp, log, log2

from perceptron.questions.crossover.crossing import (
    NARROW,
    Indices,
    ZeroCrossing,
    doubted,
    exceptions,
    uncertainties,
    zero_crossings,
)
from perceptron.questions.crossover.points import Point, points
from perceptron.records.measurement import Measurement

# Where in a gap to measure, in this order: elsewhere when a backend fails in its middle.
_WEIGHTS = (1 / 2, 1 / 4, 3 / 4)
# Closer to three times a power of two than this in log size, a size at the start becomes that.
_NEAR = log(1.065)
# Earlier versions started with sizes this factor apart: a resumed search needs none between.
_BEGUN_AT = 4.0
# A power of two from here on is passed over for a size just below.
_ALIASING = 16
# So far from it, as a share, is a size that shows whether a power of two is slower than others.
_BESIDE = 1 / 50
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
    coarse: float = 3.0
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
    """Return the sizes to measure both at next, and how many processes each then needs in all.

    Empty when more measurements would not improve the answer.
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
        for size in _ends_first({*_wanted_coarse(search, tried), *map(int, tried)})
        if size not in closed and measured.get(size, 0) < search.first
    ]
    if new:
        return dict.fromkeys(sorted(new[: search.at_once or None]), search.first)
    changes = zero_crossings(known)
    doubts = uncertainties(known, changes)
    asked = [
        *(_for_doubt(known, doubt, doubted(doubts), tried, search) for doubt in doubts),
        *(_for_zero(known, zero, tried, search) for zero in changes),
    ]
    if apart := exceptions(known):
        others = [point for index, point in enumerate(known) if index not in apart]
        asked += [_for_zero(others, zero, tried, search) for zero in zero_crossings(others)]
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

    Between two of these others are evenly spaced in their logarithm, by a factor of 3 at most: from
    2 to 8,192 powers of two and three times such alternate.
    """
    given = sorted(size for size in search.given if search.low < size < search.high)
    sizes: set[int] = set()
    for low, high in pairwise((search.low, *given, search.high)):
        steps = 1
        while (high / low) ** (1 / steps) > search.coarse * 1.0001:
            steps += 1
        between = (round(low * (high / low) ** (step / steps)) for step in range(1, steps))
        sizes.update((low, high, *map(_rounded, between)))
    return sorted(sizes)


def _rounded(size: int) -> int:
    """Return three times a power of two where that is near."""
    near: int = 3 * 2 ** max(0, round(log2(size / 3)))
    return near if abs(log(near / size)) <= _NEAR else size


def _is_power(size: int) -> bool:
    return size >= _ALIASING and size & (size - 1) == 0


def _wanted_coarse(search: Search, tried: Collection[float]) -> list[int]:
    """Return the coarse sizes that are needed beside those tried: none inside a narrow gap.

    A search that began at other sizes goes on from them.
    """
    fixed = {search.low, search.high, *search.given}
    known = sorted(tried)

    def is_covered(size: int) -> bool:
        at = bisect_left(known, size)
        most = max(_BEGUN_AT, search.coarse) * 1.0001
        return 0 < at < len(known) and known[at] <= most * known[at - 1]

    return [size for size in coarse_sizes(search) if size in fixed or not is_covered(size)]


def _ends_first(sizes: set[int]) -> list[int]:
    """Return the smallest and the largest size, then again and again what halves the widest gap."""
    ordered = sorted(sizes)
    chosen = list(dict.fromkeys((0, len(ordered) - 1)))
    while len(chosen) < len(ordered):
        low, high = max(pairwise(sorted(chosen)), key=lambda gap: gap[1] - gap[0])
        chosen.append((low + high) // 2)
    return [ordered[index] for index in chosen]


def _for_doubt(
    points: Sequence[Point],
    doubt: Indices,
    doubtful: Collection[int],
    tried: set[float],
    search: Search,
) -> Wanted:
    """Request a size inside a gap, or more processes at the sizes that are in doubt.

    Beside a size that is ``doubtful`` itself a gap waits until that is known, unless it is wide.
    """
    first, last = doubt
    if last - first != 1:
        doubted_points = points[first : last + 1]
        return [(int(point.size), min(search.most, 2 * point.taken)) for point in doubted_points]
    left, right = points[first], points[last]
    if (
        left.decided
        or right.decided
        or right.x - left.x > _WORTHWHILE
        or not (first in doubtful or last in doubtful)
    ):
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
    around = [(int(point.size), search.enough) for point in points[first : last + 1]]
    return [*around, *_beside(points[left], points[right], tried, search)]


def _beside(left: Point, right: Point, tried: Iterable[float], search: Search) -> Wanted:
    """Request a size on both sides of each end of a bracket that is a power of two.

    Where they have another winner than that end, the winner changes elsewhere.
    """
    wanted = []
    for end in (int(point.size) for point in (left, right) if _is_power(int(point.size))):
        for step in (-1, 1):
            size = end + step * max(1, round(_BESIDE * end))
            is_known = any(0 < step * (one - end) <= step * (size - end) for one in tried)
            if search.low <= size <= search.high and not is_known:
                wanted.append((size, search.first))
    return wanted


def _between(left: Point, right: Point, tried: set[float], search: Search) -> Wanted:
    """Request a whole number between two sizes, if any: the middle unless that was tried."""
    for weight in _WEIGHTS:
        size = round(exp((1 - weight) * left.x + weight * right.x))
        if _is_power(size) and left.size < size * 15 // 16:
            size = size * 15 // 16
        if left.size < size < right.size and size not in tried:
            return [(size, search.first)]
    return []
