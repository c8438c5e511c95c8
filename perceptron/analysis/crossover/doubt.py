"""How much more processes would tell about a family: where its answer is not sure, or wide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, log
from typing import NamedTuple

from msgspec import Struct

from perceptron.analysis.crossover.judge import Crossover, crossovers
from perceptron.analysis.crossover.points import points
from perceptron.analysis.interval import CONFIDENCE, LARGEST_LOG, TIE, of_times
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
    pairs = [(pair, _spans(pair, rows)) for pair in crossovers(rows) if pair.ratio_at]
    if not pairs:
        return Doubt(False, max(_time_widths(rows), default=inf))
    sizes = sorted({size for pair, spans in pairs for size in _undecided(pair, spans)})
    width = max(span.half_width for _, spans in pairs for span in spans)
    return Doubt(bool(sizes), width, tuple(sizes))


class _Span(NamedTuple):
    """The 95% interval of a log-ratio at one size by itself, as far as repeats differ."""

    size: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2

    @property
    def is_open(self) -> bool:
        """Whether either may win, one by more than a tie."""
        return self.low <= 0 <= self.high and max(-self.low, self.high) > TIE


def _spans(pair: Crossover, rows: Sequence[Measurement]) -> list[_Span]:
    """Return what more repeats may make smaller, which what waiting hides is not."""
    spans = []
    for point in points(rows, pair.incumbent, pair.challenger):
        low, high = point.interval(CONFIDENCE)
        hidden = point.hidden if point.freedom else 0.0
        is_bounded = max(-low, high) < LARGEST_LOG
        low, high = (low + hidden, high - hidden) if is_bounded else (-inf, inf)
        spans.append(_Span(point.size, low, high))
    return spans


def _undecided(pair: Crossover, spans: Iterable[_Span]) -> list[float]:
    """Return the sizes at which either backend may win by more than a tie, and it matters.

    A gap between two decided sizes is left to a search: more repeats do not close it.
    """
    stretches = [(-inf, inf)] if pair.status == "undecided" else pair.undecided
    return [
        span.size
        for span in spans
        if any(low <= span.size <= high for low, high in stretches) and span.is_open
    ]


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
