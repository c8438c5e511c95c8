"""How much more processes would tell about a family: where its answer is not sure, or wide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, inf, log

from msgspec import Struct
from msgspec.structs import replace

from perceptron.analysis.crossover.judge import Crossover, SizeRatio, crossovers
from perceptron.analysis.crossover.points import points
from perceptron.analysis.interval import TIE, of_times
from perceptron.analysis.select import times
from perceptron.records.measurement import Measurement


class Doubt(Struct, frozen=True, order=True):
    """The larger, the more there is to learn.

    ``unsure`` says that more processes may change an answer, ``width`` is half the widest 95 %
    interval in it, as a logarithm. What waiting for cores may hide is in neither: more processes
    do not make that smaller.
    """

    unsure: bool
    width: float
    sizes: tuple[float, ...] = ()
    """Those at which more processes may change an answer."""


def doubt_of(rows: Iterable[Measurement]) -> Doubt:
    """Judge the rows of one family and number of threads; nothing measured is all in doubt."""
    rows = list(rows)
    if not any(row.status == "ok" for row in rows):
        return Doubt(True, inf)
    pairs = [_without_hidden(pair, rows) for pair in crossovers(rows) if pair.ratio_at]
    if not pairs:
        return Doubt(False, max(_time_widths(rows), default=inf))
    sizes = sorted({size for pair in pairs for size in _undecided(pair)})
    width = max(_half(ratio.low, ratio.high) for pair in pairs for ratio in pair.ratio_at)
    return Doubt(bool(sizes), width, tuple(sizes))


def _without_hidden(pair: Crossover, rows: Sequence[Measurement]) -> Crossover:
    """Return the pair with intervals that reach as far as processes differ, and no further."""
    measured = points(rows, pair.incumbent, pair.challenger)
    hidden = {point.size: point.hidden for point in measured if point.freedom}
    return replace(
        pair, ratio_at=[_narrowed(ratio, hidden.get(ratio.size, 0.0)) for ratio in pair.ratio_at]
    )


def _narrowed(ratio: SizeRatio, hidden: float) -> SizeRatio:
    if not hidden or not ratio.low or not ratio.high:
        return ratio
    return replace(ratio, low=ratio.low * exp(hidden), high=ratio.high * exp(-hidden))


def _undecided(pair: Crossover) -> list[float]:
    """Return the sizes at which either backend may win by more than a tie, and it matters.

    A gap between two sizes that are sure is left to a search: more processes do not close it.
    """
    stretches = pair.unsure
    if pair.status == "undecided":
        stretches = [(-inf, inf)]
    return [
        ratio.size
        for ratio in pair.ratio_at
        if any(low <= ratio.size <= high for low, high in stretches) and _is_open(ratio)
    ]


def _is_open(ratio: SizeRatio) -> bool:
    if ratio.low is None or ratio.high is None:
        return True
    return log(ratio.low) <= 0 <= log(ratio.high) and max(-log(ratio.low), log(ratio.high)) > TIE


def _time_widths(rows: Sequence[Measurement]) -> Iterable[float]:
    """Yield half the width of each backend's interval at each size, as a logarithm."""
    groups: dict[tuple[str, str | None, float], list[Measurement]] = {}
    for row in rows:
        groups.setdefault((row.backend, row.problem, row.size), []).append(row)
    for (backend, *_), members in groups.items():
        seconds = list(times(members, backend).values())
        if seconds:
            interval = of_times(seconds)
            yield _half(interval.low, interval.high)


def _half(low: float | None, high: float | None) -> float:
    return inf if not low or not high else log(high / low) / 2
