"""Number the processes of several runs, so that no two values claim the same one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from itertools import cycle

from msgspec.structs import replace

from perceptron.records.ground import ground
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
    """The process numbers of one subject."""

    def __init__(self) -> None:
        # From a used number to a larger one, with none between them that is free.
        self._further: dict[int, int] = {}

    def add(self, number: int) -> None:
        self._further[number] = number + 1

    def free(self, number: int) -> int:
        """Return the least free number from this one up."""
        passed = []
        while number in self._further:
            passed.append(number)
            number = self._further[number]
        # Whoever asks again gets there at once.
        self._further.update(dict.fromkeys(passed, number))
        return number


def _number(run: Sequence[Measurement], used: dict[Hashable, _UsedNumbers]) -> list[Measurement]:
    # The k-th value of the same subject in one run is a k-th pass over it.
    counts: Counter[Hashable] = Counter()
    passes: dict[Hashable, list[tuple[int, _UsedNumbers]]] = defaultdict(list)
    for index, row in enumerate(run):
        family = (ground(row), row.family)
        subject = (*family, row.problem, row.size, row.backend)
        same = (subject, row.process)
        passes[family, counts[same]].append((index, used[subject]))
        counts[same] += 1
    numbered_run = list(run)
    for members in passes.values():
        offset = _offset([(run[index].process, numbers) for index, numbers in members])
        for index, numbers in members:
            process = run[index].process + offset
            numbers.add(process)
            if offset:
                numbered_run[index] = replace(run[index], process=process)
    return numbered_run


def _offset(rows: Sequence[tuple[int, _UsedNumbers]]) -> int:
    """Return the smallest number to add so that no process is in use already."""
    offset = 0
    fitting = 0
    for process, numbers in cycle(rows):
        free = numbers.free(process + offset) - process
        fitting = fitting + 1 if free == offset else 1
        offset = free
        if fitting == len(rows):
            break
    return offset
