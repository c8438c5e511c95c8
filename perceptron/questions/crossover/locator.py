"""Choose the sizes to measure next in the search for a crossover.

First come coarse geometric sizes, not all powers of two, which may be slower than other sizes.
Then each change of winner is bisected in the logarithm of the size, until the bracket is narrower
than 10% or than the noise; where a winner is in doubt, more processes or a size between are
measured. All choices follow from the rows so far, so an interrupted search resumes by itself.
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

# Positions in a gap to measure, in this order: the next when a backend fails at the one before.
_WEIGHTS = (1 / 2, 1 / 4, 3 / 4)
# A coarse size closer in log size than this to three times a power of two is rounded to it.
_NEAR = log(1.065)
# Earlier versions started with sizes this factor apart: a search resumed from theirs adds none.
_BEGUN_AT = 4.0
# In a gap, a power of two from here up is replaced by a size just below it.
_ALIASING = 16
# Relative distance of the sizes that show whether a power of two is slower than its neighbours.
_BESIDE = 1 / 50
# Between two noisy sizes closer than this in log size, another size would not show the winner.
_WORTHWHILE = log(1.5)


@dataclass(frozen=True)
class Search:
    """The range of sizes to search, whole numbers, and the effort.

    A search starts at ``low``, at ``high`` and at the ``given`` sizes between them; ``coarse`` is
    the largest ratio of two neighbouring sizes at the start. ``first`` is the number of processes
    that measure a new size, ``enough`` that of the sizes around a crossover, and ``most`` the
    maximum for sizes at which the winner stays in doubt. At the start ``at_once`` sizes are
    measured together, the ends first; 0 for all.
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
"""Pairs of a size and the number of processes that are to measure both backends there."""


def next_measurements(
    rows: Sequence[Measurement], incumbent: str, challenger: str, search: Search
) -> dict[int, int]:
    """Return the sizes to measure next, each with the number of processes it then needs in all.

    The dict is empty if more measurements would not improve the answer.
    """
    rows = [row for row in rows if row.backend in (incumbent, challenger)]
    pair_points = points(rows, incumbent, challenger)
    measured = {point.size: point.taken for point in pair_points}
    # Where a backend failed or was skipped, it would again.
    closed = {row.size for row in rows if row.status != "ok"}
    sizes = ({row.size for row in rows if row.backend == name} for name in (incumbent, challenger))
    # Sizes at which both have a row; a backend may have been measured there for another pair.
    tried = set.intersection(*sizes) | closed
    # Coarse sizes, and those of a round that was cut short.
    new = [
        size
        for size in _ends_first({*_wanted_coarse(search, tried), *map(int, tried)})
        if size not in closed and measured.get(size, 0) < search.first
    ]
    if new:
        return dict.fromkeys(sorted(new[: search.at_once or None]), search.first)
    changes = zero_crossings(pair_points)
    doubts = uncertainties(pair_points, changes)
    requests = [
        *(_for_doubt(pair_points, doubt, doubted(doubts), tried, search) for doubt in doubts),
        *(_for_zero(pair_points, zero, tried, search) for zero in changes),
    ]
    if apart := exceptions(pair_points):
        others = [point for index, point in enumerate(pair_points) if index not in apart]
        requests += [_for_zero(others, zero, tried, search) for zero in zero_crossings(others)]
    if pair_points and not changes:  # then the answer names the closest size
        closest = min(pair_points, key=lambda point: abs(point.mean))
        requests.append([(int(closest.size), search.enough)])
    return {
        size: processes
        for size, processes in sorted(chain(*requests))  # the most for a size come last and win
        if size not in closed and measured.get(size, 0) < processes
    }


def wanted_by(
    pairs: Iterable[tuple[str, str]], requests_of: Callable[[tuple[str, str]], Mapping[int, int]]
) -> dict[tuple[str, int], int]:
    """Return processes by backend and size: the largest number that one of its pairs requests."""
    wanted: dict[tuple[str, int], int] = {}
    for pair in pairs:
        for size, processes in requests_of(pair).items():
            for name in pair:
                wanted[name, size] = max(processes, wanted.get((name, size), 0))
    return wanted


def coarse_sizes(search: Search) -> list[int]:
    """Return the sizes at the start of a search, ascending: ``low``, ``high`` and the given ones.

    The gaps are filled evenly in log size, by a factor of ``coarse`` at most: from 2 to 8,192,
    powers of two alternate with three times powers of two.
    """
    listed = sorted(size for size in search.given if search.low < size < search.high)
    sizes: set[int] = set()
    for low, high in pairwise((search.low, *listed, search.high)):
        steps = 1
        while (high / low) ** (1 / steps) > search.coarse * 1.0001:
            steps += 1
        between = (round(low * (high / low) ** (step / steps)) for step in range(1, steps))
        sizes.update((low, high, *map(_rounded, between)))
    return sorted(sizes)


def _rounded(size: int) -> int:
    """Round to three times a power of two if one is near."""
    near: int = 3 * 2 ** max(0, round(log2(size / 3)))
    return near if abs(log(near / size)) <= _NEAR else size


def _is_power(size: int) -> bool:
    return size >= _ALIASING and size & (size - 1) == 0


def _wanted_coarse(search: Search, tried: Collection[float]) -> list[int]:
    """Return the coarse sizes still needed: none in a narrow gap between two tried sizes.

    So a search that began at other sizes continues from them.
    """
    fixed = {search.low, search.high, *search.given}
    ordered = sorted(tried)

    def is_covered(size: int) -> bool:
        at = bisect_left(ordered, size)
        most = max(_BEGUN_AT, search.coarse) * 1.0001
        return 0 < at < len(ordered) and ordered[at] <= most * ordered[at - 1]

    return [size for size in coarse_sizes(search) if size in fixed or not is_covered(size)]


def _ends_first(sizes: set[int]) -> list[int]:
    """Order sizes: the smallest, the largest, then repeatedly the middle of the widest gap."""
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
    """Request a size inside a gap, or more processes at doubtful sizes.

    A gap beside ``doubtful`` sizes waits until one of them is decided, unless it is wide.
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
    """Request a size inside the bracket of a zero; if it is narrow enough, processes around it."""
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

    If their winner is another than that end's, the power of two is the exception.
    """
    wanted = []
    for end in (int(point.size) for point in (left, right) if _is_power(int(point.size))):
        for step in (-1, 1):
            size = end + step * max(1, round(_BESIDE * end))
            is_known = any(0 < step * (other - end) <= step * (size - end) for other in tried)
            if search.low <= size <= search.high and not is_known:
                wanted.append((size, search.first))
    return wanted


def _between(left: Point, right: Point, tried: set[float], search: Search) -> Wanted:
    """Request an untried whole number between two sizes, if there is one, the middle first."""
    for weight in _WEIGHTS:
        size = round(exp((1 - weight) * left.x + weight * right.x))
        if _is_power(size) and left.size < size * 15 // 16:
            size = size * 15 // 16
        if left.size < size < right.size and size not in tried:
            return [(size, search.first)]
    return []
