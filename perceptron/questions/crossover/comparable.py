"""Which rows of a family may be compared: those of one state of the code, the newest that has both.

Rows of different code, environments or versions of a benchmark are never paired, nor those of two
definitions of one problem; and of commits only those that asv measured, at one level.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from operator import attrgetter
from statistics import median

from perceptron import optional
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.select import (
    Definitions,
    State,
    by_state,
    has_time,
    is_own,
    moment,
    reason,
)

# A level is found among so many: older commits say little about the newest.
_MOST_COMMITS = 30

BySize = dict[float, list[Measurement]]
"""The rows with a time of one backend in one state."""


class ComparableRows:
    """The rows with a time of one family on one ground, by state, backend and size."""

    def __init__(self, rows: Iterable[Measurement]) -> None:
        timed = [row for row in rows if row.size > 0 and has_time(row)]
        self._rows = by_state(Definitions(timed).keep(timed))
        # A history has thousands of states, of which the newest few are looked into.
        self._by_backend: dict[State, dict[str, BySize]] = {}
        self._newest_first = sorted(
            self._rows, key=lambda where: (self._moment(where), repr(where)), reverse=True
        )

    def states(self, incumbent: str, challenger: str) -> list[State]:
        """Return the states in which both have a time at the same size, of the newest such commit.

        They are several where another tool measured it in several environments; of our own rows the
        newest counts. Without any date no commit is the newest, and all are there.
        """
        both = (where for where in self._newest_first if self._shared(where, incumbent, challenger))
        first = next(both, None)
        if first is None:
            return []
        if all(map(is_own, self._rows[first])):
            return [first]
        if self._moment(first) == ("", ""):
            return [first, *both]
        return [
            where
            for where in self._newest_first
            if _code(where) == _code(first) and self._shared(where, incumbent, challenger)
        ]

    def level(self, where: State, incumbent: str, challenger: str) -> list[State]:
        """Return the states whose commits are of one level with this one, which comes first.

        Each commit that asv measured is a fresh process. Where no time of either backend has
        stepped since, all of them measured the same, and the newest is one repeat of several.
        Without asv, which finds the steps, or without dates it is alone.
        """
        earlier = (
            other
            for other in self._newest_first[self._newest_first.index(where) :]
            if _but_commit(other) == _but_commit(where)
            and self._shared(other, incumbent, challenger)
        )
        alike = list(islice(earlier, _MOST_COMMITS))[::-1]
        is_history = where.source == "asv" and all(
            row.committed for other in alike for row in self._rows[other]
        )
        if not is_history or len(alike) < 2 or optional.missing("pages", "asv") is not None:
            return [where]
        first = 0
        for backend in (incumbent, challenger):
            for size in self._shared(where, incumbent, challenger):
                times = [
                    (at, median(row.seconds or 0.0 for row in own))
                    for at, other in enumerate(alike)
                    if (own := self.by_size(other, backend).get(size))
                ]
                if len(times) > 1:
                    newest, _ = level_stretches([seconds for _, seconds in times])[-1]
                    first = max(first, times[newest][0])
        return alike[first:][::-1]

    def newest(self, backend: str) -> State | None:
        """Return the newest state in which a backend has a time."""
        return next((where for where in self._newest_first if self.by_size(where, backend)), None)

    def by_size(self, where: State, backend: str) -> BySize:
        """Return the rows of a backend in a state; empty if there are none."""
        if where not in self._by_backend:
            self._by_backend[where] = by_backend_and_size(self._rows[where])
        return self._by_backend[where].get(backend, {})

    def _moment(self, where: State) -> tuple[str, str]:
        return max({(moment(row), row.when) for row in self._rows[where]})

    def _shared(self, where: State, incumbent: str, challenger: str) -> set[float]:
        return self.by_size(where, incumbent).keys() & self.by_size(where, challenger).keys()


def by_backend_and_size(rows: Iterable[Measurement]) -> dict[str, BySize]:
    """Return the rows of each backend, by their sizes."""
    by_backend = grouped(rows, attrgetter("backend"))
    return {name: grouped(own, attrgetter("size")) for name, own in by_backend.items()}


def level_stretches(seconds: Sequence[float]) -> list[tuple[int, int]]:
    """Return the first and last index of each stretch of equal level; together they are the series.

    They come from `asv.step_detect.detect_steps`: a piecewise constant fit (a Potts model) that
    minimises the sum of absolute deviations, as asv's pages call it but for its weights, which rows
    do not keep. It takes 25 ms for 500 values with asv's compiled helper, 0.1 s where asv was
    installed without. Readers leave out impossible seconds: of much larger ratios the search would
    not end.
    """
    from asv.step_detect import detect_steps  # importing asv takes a tenth of a second

    middle = median(seconds)
    levels = detect_steps([value / middle for value in seconds])
    return [(left, right - 1) for left, right, *_ in levels]


def _but_commit(where: State) -> State:
    return where._replace(commit=None)


def _code(where: State) -> tuple[str | None, ...]:
    return where.source, where.commit, where.code


def described(where: State) -> str:
    """Return a state in a few words."""
    words = [
        f"commit {where.commit[:8]}" if where.commit else None,
        f"code {where.code}" if where.code else None,
        where.environment,
        f"version {where.version[:8]}" if where.version else None,
    ]
    return ", ".join(filter(None, words)) or where.source or "nothing known"


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
    one, other = newest[incumbent], newest[challenger]
    if one is None or other is None or one == other:
        return "no size was measured on both"
    return (
        f"never measured together: {incumbent} at {described(one)}, "
        f"{challenger} at {described(other)}"
    )
