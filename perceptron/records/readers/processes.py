"""Number the processes of several runs, so that no two values claim the same one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

from msgspec.structs import replace

from perceptron.records.measurement import Measurement


def number_processes(runs: Sequence[Sequence[Measurement]]) -> list[Measurement]:
    """Return all rows in their order, with process numbers that are unique across runs.

    No two rows of one problem and backend on equal ground share a process. Rows of a family that
    shared one within a run still do. A run keeps its numbers as far as no value of an earlier run
    has them: so the files of two backends pair, and a second run of the same backends comes after
    the first.
    """
    used: dict[Hashable, _UsedNumbers] = defaultdict(_UsedNumbers)
    return [row for run in runs for row in _number(run, used)]


class _UsedNumbers:
    """The process numbers of one subject; they tend to have no gaps from 0 up."""

    def __init__(self) -> None:
        self._numbers: set[int] = set()
        self._free = 0

    def add(self, number: int) -> None:
        self._numbers.add(number)
        while self._free in self._numbers:
            self._free += 1

    def step(self, number: int) -> int:
        """Return the least step up to a number that may be free; 0 if this one is."""
        if number not in self._numbers:
            return 0
        return max(1, self._free - number)


def _number(run: Sequence[Measurement], used: dict[Hashable, _UsedNumbers]) -> list[Measurement]:
    # The k-th value of the same subject in one run is a k-th pass over it.
    counts: Counter[Hashable] = Counter()
    passes: dict[Hashable, list[int]] = defaultdict(list)
    for index, row in enumerate(run):
        same = (_subject(row), row.process)
        passes[_family(row), counts[same]].append(index)
        counts[same] += 1
    numbered_run = list(run)
    for indices in passes.values():
        offset = _offset([run[index] for index in indices], used)
        for index in indices:
            row = run[index]
            numbered_run[index] = replace(row, process=row.process + offset)
            used[_subject(row)].add(row.process + offset)
    return numbered_run


def _offset(rows: list[Measurement], used: dict[Hashable, _UsedNumbers]) -> int:
    """Return the smallest number to add so that no process is in use already."""
    offset = 0
    while True:
        steps = (used[_subject(row)].step(row.process + offset) for row in rows)
        step = next((step for step in steps if step), 0)
        if step == 0:
            return offset
        offset += step


def _family(row: Measurement) -> tuple[Hashable, ...]:
    return row.machine, row.dtype, row.threads, row.family


def _subject(row: Measurement) -> Hashable:
    return *_family(row), row.problem, row.size, row.backend
