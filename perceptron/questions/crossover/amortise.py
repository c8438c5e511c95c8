"""After how many iterations has a backend that is faster per iteration made up for its setup?

Before the first iteration a backend allocates, copies to its device, compiles and captures, which
takes ``prepare_seconds``. *Resident* times leave that out, as in a long training; times *from cold*
include a share of it, as in a short one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from math import ceil, inf
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from perceptron.answer import Table
from perceptron.numbers import Cell, Quantity
from perceptron.records.comparison_key import comparison_key
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import Interval, inverse, of_times, ratio_within, standing
from perceptron.statistics.select import (
    Definitions,
    by_family_and_key,
    by_state,
    has_time,
    is_of_suite,
    moment,
    prepared,
    times,
)


class Amortisation(Struct, frozen=True, kw_only=True):
    """Two backends at one size: the faster per iteration, and when it has made up for its setup.

    Seconds are of an iteration and of the setup, with their 95% intervals. From ``iterations`` on
    the faster backend is also faster with its setup; 1 if its setup is shorter as well. ``low`` and
    ``high`` follow from the ends of three intervals: the setups, the faster backend's time, and the
    ratio of the two times measured side by side. ``high`` is None if the faster backend is
    undecided, or if the two tie per iteration (``is_tie``).
    """

    family: str
    size: float
    machine: str
    dtype: str | None
    threads: int | None
    optimizer: str | None = None
    feed: str | None = None
    outputs: int | None = None
    batch: int | None = None
    models: int | None = None
    faster: str
    slower: str
    faster_seconds: Interval
    slower_seconds: Interval
    faster_setup: Interval
    slower_setup: Interval
    iterations: int
    low: int
    high: int | None
    is_tie: bool = False


def from_cold(rows: Iterable[Measurement], iterations: int) -> list[Measurement]:
    """Return the rows with their setup time spread over a training of ``iterations``.

    Timed rows without a setup time, or whose code was compiled before, are left out.
    """
    return [
        # The device's own seconds are those of an iteration alone.
        replace(row, seconds=row.seconds + row.prepare_seconds / iterations, device_seconds=None)
        if row.seconds is not None and row.prepare_seconds is not None
        else row
        for row in rows
        if _is_cold(row) or row.status != "ok"
    ]


def _is_cold(row: Measurement) -> bool:
    """Return whether the row has a setup time that includes compiling its code."""
    return row.prepare_seconds is not None and not row.prepared_from_cache


def amortisations(rows: Iterable[Measurement]) -> list[Amortisation]:
    """Compare every two backends at every size where both were measured from a cold start.

    Like crossovers, a pair is compared at the newest commit that has both.
    """
    started = [row for row in rows if has_time(row) and row.prepare_seconds]
    groups = by_family_and_key(Definitions(started).keep(started))
    judged = [
        amortisation
        for members in groups.values()
        for amortisation in _of_family(by_state(members).values())
    ]
    return sorted(judged, key=lambda amortisation: (amortisation.family, amortisation.size))


def _of_family(states: Iterable[list[Measurement]]) -> Iterator[Amortisation]:
    judged: set[tuple[str, str]] = set()
    for members in sorted(states, key=lambda rows: max(map(moment, rows)), reverse=True):
        cases = grouped(members, attrgetter("size", "problem"))
        here = set()
        for case in cases.values():
            by_name = {
                name: members
                for name, members in grouped(case, attrgetter("backend")).items()
                if any(map(_is_cold, members))
            }
            # Once for each backend, not for each pair.
            seconds = {
                name: of_times(list(times(members, name).values()))
                for name, members in by_name.items()
            }
            prepare = {
                name: of_times(list(prepared(filter(_is_cold, members), name).values()))
                for name, members in by_name.items()
            }
            for first, second in combinations(by_name, 2):
                pair = (min(first, second), max(first, second))
                if pair not in judged:
                    here.add(pair)
                    yield _amortise(by_name[first] + by_name[second], pair, seconds, prepare)
        judged |= here


def _amortise(
    rows: list[Measurement],
    pair: tuple[str, str],
    seconds: Mapping[str, Interval],
    prepare: Mapping[str, Interval],
) -> Amortisation:
    faster, slower = sorted(pair, key=lambda name: (seconds[name].estimate, prepare[name].estimate))
    ratio = ratio_within(rows, slower, faster) if is_of_suite(rows[0]) else None
    verdict = standing(ratio)
    if ratio is not None and verdict == "faster":
        # ``seconds`` are of all processes; those measured side by side say the opposite.
        faster, slower, ratio, verdict = slower, faster, inverse(ratio), "slower"
    saved = _difference(seconds[slower], seconds[faster])
    if ratio is not None and verdict == "slower":
        saved = _saved(seconds[faster], ratio)
    elif not is_of_suite(rows[0]) and _end(saved, -1) > 0:
        verdict = "slower"  # other tools' single values were not measured side by side
    behind = _difference(prepare[faster], prepare[slower])
    low, likely, high = (_iterations(_end(behind, -sign), _end(saved, sign)) for sign in (1, 0, -1))
    if verdict != "slower":
        high = inf
    first = rows[0]
    return Amortisation(
        family=first.family,
        size=first.size,
        **comparison_key(first)._asdict(),
        faster=faster,
        slower=slower,
        faster_seconds=seconds[faster],
        slower_seconds=seconds[slower],
        faster_setup=prepare[faster],
        slower_setup=prepare[slower],
        iterations=1 if likely == inf else int(likely),
        low=1 if low == inf else int(low),
        high=None if high == inf else int(high),
        is_tie=verdict == "tie",
    )


def _end(interval: Interval, sign: int) -> float:
    """Return the upper end for ``sign`` 1, the lower for −1, else the estimate.

    A missing end is the estimate too.
    """
    end = {1: interval.high, -1: interval.low}.get(sign)
    return interval.estimate if end is None else end


def _difference(minuend: Interval, subtrahend: Interval) -> Interval:
    """Return ``minuend`` minus ``subtrahend`` in seconds, with the widest possible interval."""
    low, middle, high = (_end(minuend, sign) - _end(subtrahend, -sign) for sign in (-1, 0, 1))
    return Interval(middle, low, high)


def _saved(faster: Interval, ratio: Interval) -> Interval:
    """Return the seconds that the faster backend saves per iteration if the other takes ``ratio``×.

    They are above zero where ``ratio`` is decided, however much the times themselves drift.
    """
    assert ratio.low is not None
    most = inf if ratio.high is None else _end(faster, 1) * (ratio.high - 1)
    return Interval(
        faster.estimate * (ratio.estimate - 1), _end(faster, -1) * (ratio.low - 1), most
    )


def _iterations(behind: float, saved: float) -> float:
    """Return the iteration from which the faster backend is ahead in total; inf for never."""
    if behind <= 0:
        return 1.0
    return inf if saved <= 0 else max(1.0, ceil(behind / saved))


# --- in a table -----------------------------------------------------------------------------------

TITLE = "After how many iterations the faster one has made up for its setup"
COLUMNS = (
    *("family", "size>", "faster", "per iteration", "setup"),
    *("slower", "per iteration", "setup", "ahead from iteration>"),
)
# Sizes of each pair that a table shows.
_SIZES = 7


def amortisation_tables(amortisations: Sequence[Amortisation]) -> list[Table]:
    """Return one table with at most `_SIZES` evenly spread sizes of each pair, or none."""
    pairs = grouped(
        amortisations,
        lambda pair: (pair.family, comparison_key(pair), *sorted((pair.faster, pair.slower))),
    )
    rows = tuple(_cells(shown) for members in pairs.values() for shown in _some(members))
    return [Table(title=TITLE, columns=COLUMNS, rows=rows)] if rows else []


def _some(members: list[Amortisation]) -> list[Amortisation]:
    number = min(_SIZES, len(members))
    indices = {round(step * (len(members) - 1) / max(1, number - 1)) for step in range(number)}
    return [members[index] for index in sorted(indices)]


def _cells(amortisation: Amortisation) -> tuple[Cell, ...]:
    intervals = (
        amortisation.faster_seconds,
        amortisation.faster_setup,
        amortisation.slower_seconds,
        amortisation.slower_setup,
    )
    fast, fast_setup, slow, slow_setup = (
        Quantity(time.estimate, "s", time.ends) for time in intervals
    )
    ahead: Cell = 1
    if amortisation.high != 1:
        ahead = Quantity(
            amortisation.iterations, "", (amortisation.low, amortisation.high), digits=","
        )
    faster = amortisation.faster + (
        ", a tie" if amortisation.is_tie else "" if amortisation.high else ", undecided"
    )
    return (
        *(amortisation.family, amortisation.size, faster, fast, fast_setup),
        *(amortisation.slower, slow, slow_setup, ahead),
    )
