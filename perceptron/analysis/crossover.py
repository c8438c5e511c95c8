"""From which size on does the challenger beat the incumbent? The one judge of it.

At each size stands the logarithm of challenger time over incumbent time, one value for each pair
of processes measured side by side. It is above zero where the incumbent wins. Between two sizes it
is taken to be linear in the logarithm of the size; a crossover is its zero. Its interval holds
every size at which the interval of the interpolated trimmed mean contains zero, which is how
Fieller (1954) inverts a test.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import exp, log
from typing import Literal

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from perceptron.analysis.interval import CONFIDENCE, robust_mean
from perceptron.analysis.select import Ground, ground, is_measured, paired, reason
from perceptron.analysis.suspicion import flat_gpu, is_gpu
from perceptron.records.measurement import Measurement

Status = Literal[
    "crosses", "reverses", "always", "never", "multiple", "tie", "suspect", "not measured"
]

# Within ±5 % nobody should care who wins.
TIE = log(1.05)
# Steps between two sizes when the interval of a crossover is read off.
_STEPS = 200


class Crossing(Struct, frozen=True):
    """One change of winner; ``direction`` says who wins from ``size`` on."""

    size: float
    direction: Literal["challenger", "incumbent"]


class Crossover(Struct, frozen=True, kw_only=True):
    """What was found for one pair of backends on one family.

    ``size`` is the crossover where there is exactly one, ``low`` and ``high`` its 95 % interval
    (None where only one process or value was seen, or where the interval is open on that side),
    and ``bracket`` the two measured sizes it lies between.
    """

    family: str
    incumbent: str
    challenger: str
    status: Status
    size: float | None = None
    low: float | None = None
    high: float | None = None
    bracket: tuple[float, float] | None = None
    crossings: list[Crossing] = []
    sizes_measured: list[float] = []
    machine: str
    dtype: str | None
    threads: int | None
    reason: str | None = None


@dataclass(frozen=True)
class _Point:
    """The log-ratios at one size, one for each pair of processes."""

    size: float
    ratios: npt.NDArray[np.float64]
    sign: int
    """1 where the incumbent surely wins, −1 where the challenger does, else 0."""

    @property
    def mean(self) -> float:
        return robust_mean(self.ratios)[0]


@dataclass(frozen=True)
class _Zero:
    """Where the log-ratio changes sign, and the sizes at which its band contains zero."""

    size: float
    low: float | None
    high: float | None
    bracket: tuple[float, float]
    direction: Literal["challenger", "incumbent"]


def crossovers(
    rows: Iterable[Measurement], pairs: Sequence[tuple[str, str]] | None = None
) -> list[Crossover]:
    """Judge every pair on every family, apart for each machine, dtype and number of threads.

    Without ``pairs`` (incumbent, challenger) there is one for each two backends of a family: the
    incumbent is the one on the CPU, else the one seen first. Families that vary along two axes, or
    not at all, have no crossover.
    """
    groups: dict[tuple[str, Ground], list[Measurement]] = {}
    for row in rows:
        groups.setdefault((row.family, ground(row)), []).append(row)
    return [
        _judge(family, incumbent, challenger, where, members)
        for (family, where), members in sorted(groups.items(), key=lambda group: str(group[0]))
        if is_line(members)
        for incumbent, challenger in pairs or _pairs(members)
    ]


def is_line(rows: Iterable[Measurement]) -> bool:
    """Whether these rows vary along one axis: several sizes, one problem for each."""
    rows = list(rows)
    shapes = {(row.size, row.problem) for row in rows}
    sizes = {row.size for row in rows}
    return 1 < len(sizes) == len(shapes)


def _pairs(rows: list[Measurement]) -> list[tuple[str, str]]:
    devices: dict[str, str | None] = {}
    for row in rows:
        devices.setdefault(row.backend, row.device)
    ordered = sorted(devices, key=lambda backend: devices[backend] != "cpu")  # stable
    return list(combinations(ordered, 2))


def _judge(
    family: str, incumbent: str, challenger: str, where: Ground, rows: list[Measurement]
) -> Crossover:
    points = _points(rows, incumbent, challenger)
    sure = [point for point in points if point.sign != 0]
    zeros = [
        _zero(points, left, right) for left, right in pairwise(sure) if left.sign != right.sign
    ]
    status: Status
    because: str | None = None
    if not points:
        status, because = "not measured", _why_not(rows, incumbent, challenger)
    elif flat := flat_gpu(rows, (incumbent, challenger), [point.size for point in points]):
        status, because, zeros = "suspect", flat, []
    elif all(abs(point.mean) <= TIE for point in points):
        status, because, zeros = "tie", "within ±5 % at every size", []
    elif not sure:
        processes = min(len(point.ratios) for point in points)
        status = "not measured"
        because = f"{processes} processes are too few to be sure of a winner at any size"
    elif not zeros:
        status, because = "never" if sure[0].sign > 0 else "always", _closest(points)
    elif len(zeros) > 1:
        status = "multiple"
    else:
        status = "crosses" if zeros[0].direction == "challenger" else "reverses"
        loser = incumbent if status == "crosses" else challenger
        if is_gpu(rows, loser):
            status = "suspect"
            because = f"{loser} stops winning as the work grows: check that it is waited for"
    only = zeros[0] if len(zeros) == 1 else None
    return Crossover(
        family=family,
        incumbent=incumbent,
        challenger=challenger,
        status=status,
        size=only.size if only else None,
        low=only.low if only else None,
        high=only.high if only else None,
        bracket=only.bracket if only else None,
        crossings=[Crossing(zero.size, zero.direction) for zero in zeros],
        sizes_measured=[point.size for point in points],
        machine=where.machine,
        dtype=where.dtype,
        threads=where.threads,
        reason=because,
    )


def _points(rows: list[Measurement], incumbent: str, challenger: str) -> list[_Point]:
    ratios = {}
    for size in sorted({row.size for row in rows if row.size > 0}):
        here = [row for row in rows if row.size == size]
        before, after = paired(here, incumbent, challenger)
        if before:
            ratios[size] = np.log(after) - np.log(before)
    # Being sure at every size at once takes more than at each by itself (Bonferroni).
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(ratios))
    return [_Point(size, values, _sign(values, confidence)) for size, values in ratios.items()]


def _sign(ratios: npt.NDArray[np.float64], confidence: float) -> int:
    low, high = _band(ratios, confidence)
    return 1 if low > 0 else -1 if high < 0 else 0


def _band(ratios: npt.NDArray[np.float64], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of the typical ratio; for a single value the value itself."""
    middle, reach = robust_mean(ratios, confidence)
    return (middle - reach, middle + reach) if len(ratios) > 1 else (middle, middle)


def _zero(points: list[_Point], left: _Point, right: _Point) -> _Zero:
    """The change of sign between two sizes at which the winner is sure.

    Where the estimates in between change sign several times, it is the middle one of the changes,
    and the interval reaches over all of them.
    """
    between = points[points.index(left) : points.index(right) + 1]
    brackets = [
        (before, after)
        for before, after in pairwise(between)
        if before.mean != 0 and (after.mean == 0 or (before.mean > 0) != (after.mean > 0))
    ]
    before, after = brackets[len(brackets) // 2]
    low, _ = _reach(points, _interpolate(*brackets[0]))
    _, high = _reach(points, _interpolate(*brackets[-1]))
    return _Zero(
        size=_interpolate(before, after),
        low=low,
        high=high,
        bracket=(before.size, after.size),
        direction="challenger" if left.sign > 0 else "incumbent",
    )


def _interpolate(left: _Point, right: _Point) -> float:
    """The size at which the straight line between two points is zero."""
    weight = left.mean / (left.mean - right.mean)
    return exp((1 - weight) * log(left.size) + weight * log(right.size))


def _reach(points: list[_Point], zero: float) -> tuple[float | None, float | None]:
    """The sizes below and above ``zero`` up to which the band contains zero; None if it is open."""
    if any(len(point.ratios) < 2 for point in points):
        return None, None
    grid = [
        (exp((1 - weight) * log(left.size) + weight * log(right.size)), left, right, weight)
        for left, right in pairwise(points)
        for weight in np.linspace(0.0, 1.0, _STEPS, endpoint=False)
    ] + [(points[-1].size, points[-2], points[-1], 1.0)]
    below = (step for step in reversed(grid) if step[0] < zero)
    above = (step for step in grid if step[0] > zero)
    return _last_inside(below, zero), _last_inside(above, zero)


def _last_inside(steps: Iterable[tuple[float, _Point, _Point, float]], zero: float) -> float | None:
    """The last size, walking away from ``zero``, before the band leaves zero out."""
    last = zero
    for size, left, right, weight in steps:
        if not _contains_zero(left, right, weight):
            return last
        last = size
    return None


def _contains_zero(left: _Point, right: _Point, weight: float) -> bool:
    if len(left.ratios) == len(right.ratios):
        # A process that was slow at one size tends to be slow at the next: keep them together.
        low, high = _band((1 - weight) * left.ratios + weight * right.ratios)
    else:
        (a, b), (c, d) = _band(left.ratios), _band(right.ratios)
        low, high = (1 - weight) * a + weight * c, (1 - weight) * b + weight * d
    return low <= 0 <= high


def _closest(points: list[_Point]) -> str:
    """Where the pair comes closest to changing places, and where the winner is not sure."""
    point = min(points, key=lambda point: abs(point.mean))
    told = f"closest at {point.size:g}: {exp(point.mean):.2f}"
    if len(point.ratios) > 1:
        low, high = _band(point.ratios)
        told += f" [{exp(low):.2f}, {exp(high):.2f}]"
    told += " times the incumbent's time"
    unsure = [f"{point.size:g}" for point in points if point.sign == 0]
    return f"{told}; not sure at {', '.join(unsure)}" if unsure else told


def _why_not(rows: list[Measurement], incumbent: str, challenger: str) -> str:
    missing = [name for name in (incumbent, challenger) if not is_measured(rows, name)]
    told = [f"{name}: {reason(rows, name) or 'no times'}" for name in missing]
    return "; ".join(told) or "no size was measured on both"
