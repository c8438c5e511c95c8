"""Numbering the processes of several runs, so that no two values claim the same one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

from msgspec.structs import replace

from perceptron.records.measurement import Measurement


def numbered(runs: Sequence[Sequence[Measurement]]) -> list[Measurement]:
    """All rows in their order; no two of one problem and backend on equal ground share a process.

    Rows of a family that shared one within a run still do. A run keeps its numbers as far as no
    value of an earlier run has them: so the files of two backends pair, and a second run of the
    same backends follows on the first.
    """
    taken: dict[Hashable, _Taken] = defaultdict(_Taken)
    return [row for run in runs for row in _number(run, taken)]


class _Taken:
    """The process numbers that one thing has; they tend to lie without gaps from zero on."""

    def __init__(self) -> None:
        self._numbers: set[int] = set()
        self._free = 0

    def add(self, number: int) -> None:
        self._numbers.add(number)
        while self._free in self._numbers:
            self._free += 1

    def beyond(self, number: int) -> int:
        """How far it is, at least, to a number that is free; 0 if this one is."""
        if number not in self._numbers:
            return 0
        return max(1, self._free - number)


def _number(run: Sequence[Measurement], taken: dict[Hashable, _Taken]) -> list[Measurement]:
    # The k-th value of the same thing in one run is a k-th pass over it.
    seen: Counter[Hashable] = Counter()
    passes: dict[Hashable, list[int]] = defaultdict(list)
    for place, row in enumerate(run):
        same = (_thing(row), row.process)
        passes[_family(row), seen[same]].append(place)
        seen[same] += 1
    found = list(run)
    for places in passes.values():
        offset = _offset([run[place] for place in places], taken)
        for place in places:
            row = run[place]
            found[place] = replace(row, process=row.process + offset)
            taken[_thing(row)].add(row.process + offset)
    return found


def _offset(rows: list[Measurement], taken: dict[Hashable, _Taken]) -> int:
    """The smallest number to add so that no process is taken already."""
    offset = 0
    while True:
        steps = (taken[_thing(row)].beyond(row.process + offset) for row in rows)
        step = next((step for step in steps if step), 0)
        if step == 0:
            return offset
        offset += step


def _family(row: Measurement) -> tuple[Hashable, ...]:
    return row.machine, row.dtype, row.threads, row.family


def _thing(row: Measurement) -> Hashable:
    return *_family(row), row.problem, row.size, row.backend
