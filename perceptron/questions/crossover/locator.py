"""Where to measure next, to find out from which size up one backend beats another.

Coarse geometric sizes first; then, inside each change of winner, bisection in the logarithm of
the size until the bracket is narrower than 10% or than what noise leaves uncertain; and wherever
a winner is in doubt, more processes or a size between. Everything follows from the rows so far: a
search that was cut short resumes by itself.

`next_measurements` says so of one pair along one axis; `next_jobs` of all pairs and axes of a plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import exp, inf, log
from typing import Protocol

from perceptron.backends import registry
from perceptron.grouping import grouped
from perceptron.measure.job import Time
from perceptron.problems.problem import DType
from perceptron.questions.crossover.crossing import (
    NARROW,
    Indices,
    ZeroCrossing,
    uncertainties,
    zero_crossings,
)
from perceptron.questions.crossover.points import Point, points
from perceptron.questions.shared.axes import SizeAxis
from perceptron.questions.shared.missing import missing, size_job
from perceptron.questions.shared.pairs import Pair, between
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


# --- along all axes of a plan --------------------------------------------------------------------


class Searching(Protocol):
    """A plan to search along axes for pairs of backends."""

    @property
    def axes(self) -> tuple[SizeAxis, ...]:
        """The axes to search."""

    @property
    def all_pairs(self) -> tuple[Pair, ...]:
        """(incumbent, challenger)."""

    @property
    def backends(self) -> tuple[str, ...]:
        """Those of the pairs."""

    @property
    def threads(self) -> tuple[int, ...]:
        """Numbers of threads, each searched for itself."""

    @property
    def dtype(self) -> DType | None:
        """What all compute in; float32 by default."""

    @property
    def quick(self) -> bool:
        """Whether samples are short."""

    def search(self, axis: SizeAxis, pair: Pair) -> Search:
        """Return how hard to search along an axis for a pair."""


def search_along(axis: SizeAxis, pair: Pair, quick: bool) -> Search:
    """Return how hard to search along an axis for a pair.

    A quick run starts at no other sizes than a file lists.
    """
    low, high = between(axis, pair, quick)
    coarse = inf if axis.given and quick else Search.coarse
    return Search(low, high, axis.given, coarse, *repeats(quick))


def repeats(quick: bool) -> tuple[int, int, int]:
    """Return the ``first``, ``enough`` and ``most`` processes of a search."""
    return (2, 4, 8) if quick else (3, 8, 32)


def next_jobs(plan: Searching, rows: Sequence[Measurement]) -> list[Time]:
    """Return a job for each backend, size and repeat that some pair needs, of all axes.

    The same processes answer all of them, so that what a process adds cancels between sizes.
    """
    absent = _absent(plan)
    pairs = [pair for pair in plan.all_pairs if absent.isdisjoint(pair)]
    by_axis = grouped(rows, lambda row: (row.family, row.all_threads))
    jobs = jobs_of_absent(plan, rows)
    for axis in plan.axes:
        for threads in plan.threads:
            own = by_axis.get((axis.family, threads), [])
            wanted: dict[tuple[str, int], int] = {}
            for pair in pairs:
                asked = next_measurements(own, *pair, plan.search(axis, pair))
                for size, count in asked.items():
                    for name in pair:
                        wanted[name, size] = max(count, wanted.get((name, size), 0))
            jobs += missing(_jobs(plan, axis, threads, wanted), own)
    return jobs


def jobs_of_absent(plan: Searching, rows: Sequence[Measurement]) -> list[Time]:
    """Return jobs at the ends of each axis for what cannot run here, whose rows say why.

    They take no time, and what it would be compared with is not measured for its sake.
    """
    jobs = []
    for axis in plan.axes:
        ends = {(name, size): 1 for name in _absent(plan) for size in (axis.low, axis.high)}
        for threads in plan.threads:
            jobs += _jobs(plan, axis, threads, ends)
    return missing(jobs, rows)


def _absent(plan: Searching) -> set[str]:
    return {name for name in plan.backends if registry.reason_unavailable(name) is not None}


def _jobs(
    plan: Searching, axis: SizeAxis, threads: int, wanted: Mapping[tuple[str, int], int]
) -> list[Time]:
    """Return a job for so many repeats of each backend and size."""
    dtype = plan.dtype or "float32"
    return [
        size_job(axis.problem(size).reference, name, dtype, threads, repeat, plan.quick)
        for (name, size), count in wanted.items()
        for repeat in range(count)
    ]
