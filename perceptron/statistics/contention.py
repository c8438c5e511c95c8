"""CPU contention of rows: samples whose threads were ready and had no core.

It decides which processes count in a ratio, and how much waiting may hide. A sample whose threads
waited for a small share w of its time s would have taken about s·(1 − w). So without an uncontended
sample the uncontended time lies between s·(1 − w) and s. Beyond a quarter only s is a bound: a
thread that spins at a barrier until another one has a core does not count as waiting, and
iterations of 0.2 ms were seen to take 16 to 60 ms. Such a row can be decided faster, since waiting
only adds, but never slower.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import log
from operator import attrgetter
from statistics import fmean
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from perceptron.numbers import Quantity
from perceptron.options import again_when_idle
from perceptron.processes.waiting import LARGEST_WAIT_SHARE
from perceptron.records.grouping import Key, grouped
from perceptron.records.measurement import Measurement, largest_waited
from perceptron.records.warning import MeasurementWarning

if TYPE_CHECKING:
    from perceptron.answer import Table

# With fewer uncontended processes the contended ones tell more, whatever waiting hides.
_FEWEST = 3
# One ratio has no spread.
_SEVERAL = 2
# A larger share of waiting bounds nothing. On idle machines 3 in 10,000 rows waited for more.
_LARGEST_BOUNDED = 0.25
# Sides whose waits differ by more than this logarithm were not measured alike.
_UNLIKE = -log(1 - 0.1)
UNKNOWN = 2 * log(sys.float_info.max)
"""How far a log-ratio may be off where nothing bounds it: no float holds an end of its interval."""


def is_contended(row: Measurement) -> bool:
    """Return whether the row's time rests on samples whose threads waited."""
    return _lost(row) > 0


def lost_by_waiting(
    waited: float | None, threads: int, processes: int, device: str | None
) -> float:
    """Return the logarithm of a time over what it would be if no thread had waited.

    0 for a negligible wait, and `UNKNOWN` beyond every bound.
    """
    if waited is None or waited <= largest_waited(threads, processes, device):
        return 0.0
    return -log(1 - waited) if waited <= _LARGEST_BOUNDED else UNKNOWN


def side_by_side(*sides: Mapping[int, Measurement]) -> list[list[Measurement]]:
    """Return each side's rows of the processes that count, in their order.

    They are those that all sides measured without contention. If these are fewer than three, those
    without an unbounded wait count; if these are fewer than two, those in which one side, the same
    in all, has no unbounded wait, if that gives more.
    """
    counted = sorted(set.intersection(*map(set, sides)))
    if any(_has_waited(side.values()) for side in sides):
        counted = counted_processes(
            {process: [_lost(side[process]) for side in sides] for process in counted}
        )
    return [[side[process] for process in counted] for side in sides]


def counted_processes(lost: Mapping[int, Sequence[float]]) -> list[int]:
    """Return the processes that count, see `side_by_side`, in their order in ``lost``.

    ``lost`` holds, by process, what waiting may have added to the logarithm of each side's time.
    """
    idle = [process for process, of_sides in lost.items() if not any(of_sides)]
    if len(idle) >= _FEWEST or not lost:
        return idle
    sides = range(len(next(iter(lost.values()))))
    bounded = [
        [process for process, of_sides in lost.items() if max(of_sides[part]) < UNKNOWN]
        for part in (slice(None), *(slice(side, side + 1) for side in sides))
    ]
    return max(bounded, key=lambda processes: min(len(processes), _SEVERAL)) or list(lost)


def lost(rows: Iterable[Measurement]) -> float:
    """Return the mean that waiting may have added to the logarithms of these times.

    `UNKNOWN` if nothing bounds the wait of a row.
    """
    rows = list(rows)
    return 0.0 if rows and not _has_waited(rows) else mean_lost([_lost(row) for row in rows])


def mean_lost(of_times: Sequence[float]) -> float:
    """Return the mean of what waiting may have added to each; `UNKNOWN` if one has no bound."""
    return UNKNOWN if UNKNOWN in of_times else fmean(of_times)


def hidden(
    numerators: Iterable[Measurement], denominators: Iterable[Measurement]
) -> tuple[float, float]:
    """Return how far below and above the log-ratio that of uncontended times may lie.

    If both sides waited alike, both distances are the larger of what the sides lost. If one has an
    unbounded wait, or waited for much more, the distance is `UNKNOWN` in its direction: without the
    waiting of the numerators the ratio would be smaller, without that of the denominators larger.
    """
    return hidden_by(lost(numerators), lost(denominators))


def hidden_by(over: float, under: float) -> tuple[float, float]:
    """Return `hidden` from what the numerators and the denominators lost on average."""
    if max(over, under) < UNKNOWN and abs(over - under) <= _UNLIKE:
        return max(over, under), max(over, under)
    return (over if over < under else UNKNOWN, under if under < over else UNKNOWN)


def _has_waited(rows: Iterable[Measurement]) -> bool:
    """Return whether any row waited beyond `LARGEST_WAIT_SHARE`; in most runs none did."""
    waited = map(attrgetter("waited"), rows)
    return max(filter(None, waited), default=0.0) > LARGEST_WAIT_SHARE


def _lost(row: Measurement) -> float:
    if row.waited is None or row.waited <= LARGEST_WAIT_SHARE:
        return 0.0  # nearly always, and each row is looked up several times
    return lost_by_waiting(row.waited, row.all_threads or 1, row.processes or 1, row.device)


CONTENDED = "contended"
"""The code of the warning, and the heading of its column."""
# Contended samples are taken again: up to this share that only costs a tenth of the time.
LARGEST_CONTENDED_SHARE = 0.1
# One in twenty: of eight processes the trimmed mean leaves out the slowest.
LARGEST_WAITED_ROWS = 0.05


class Contention(Struct, frozen=True, kw_only=True):
    """Rows with known waiting: their number of samples, and how many of these waited."""

    samples: int = 0
    """All that were taken, dropped ones included."""
    contended: int = 0
    """Samples whose threads waited: dropped, or counted where no others were taken."""
    times: int = 0
    """Rows with a time."""
    waited: int = 0
    """Rows whose time rests on samples that waited."""

    @property
    def share(self) -> float:
        """The share of the samples that were contended, 0 without any."""
        return self.contended / self.samples if self.samples else 0.0

    @property
    def is_any(self) -> bool:
        """Whether any sample or time was contended."""
        return bool(self.contended or self.waited)

    def __add__(self, other: Contention) -> Contention:
        return Contention(
            samples=self.samples + other.samples,
            contended=self.contended + other.contended,
            times=self.times + other.times,
            waited=self.waited + other.waited,
        )


def contention(rows: Iterable[Measurement]) -> Contention:
    """Add up the contention of these rows; rows with an unknown wait add nothing."""
    measured = [row for row in rows if row.status == "ok" and row.waited is not None]
    waited = list(filter(is_contended, measured)) if _has_waited(measured) else []
    dropped = sum(filter(None, map(attrgetter("contended"), measured)))
    return Contention(
        samples=dropped + sum(map(len, map(attrgetter("samples"), measured))),
        contended=dropped + sum(map(len, map(attrgetter("samples"), waited))),
        times=len(measured),
        waited=len(waited),
    )


def contention_warnings(rows: Iterable[Measurement]) -> list[MeasurementWarning]:
    """Return a warning if many samples were contended, or if times rest on samples that waited."""
    total = contention(rows)
    few_waited = total.waited <= LARGEST_WAITED_ROWS * total.times
    if few_waited and total.share <= LARGEST_CONTENDED_SHARE:
        return []
    message = f"{100 * total.share:.0f}% of the samples were contended"
    if total.waited:
        message += (
            f"; other programs slowed {total.waited:,} of {total.times:,} results by over "
            f"{100 * LARGEST_WAIT_SHARE:.0f}%"
        )
    advice = f"end other programs, or {again_when_idle()}"
    return [MeasurementWarning(code=CONTENDED, message=message, advice=advice)]


def with_contended(table: Table, contentions: Iterable[Contention]) -> Table:
    """Return the table, with a column of contention if any of its rows was contended.

    ``contentions`` has an entry for each row of the table.
    """
    contentions = list(contentions)
    if not any(row.is_any for row in contentions):
        return table
    cells = zip(table.rows, map(contended, contentions), strict=True)
    rows = tuple((*row, cell) for row, cell in cells)
    return replace(table, columns=(*table.columns, CONTENDED), rows=rows)


def contended(total: Contention) -> Quantity | None:
    """Return ``12% of samples, 3 of 8 times waited``, or None if it is unknown."""
    if not total.times:
        return None
    waited = f", {total.waited} of {total.times} times waited" if total.waited else ""
    return Quantity(total.share, "%", after=f" of samples{waited}")


def by_key(rows: Iterable[Measurement], key: Callable[[Measurement], Key]) -> dict[Key, Contention]:
    """Add up the contention of whole iterations by ``key``."""
    whole = (row for row in rows if row.phase is None)
    return {group: contention(members) for group, members in grouped(whole, key).items()}
