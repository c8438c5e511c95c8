"""Number the processes of several runs, so that no two values claim the same one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import cycle
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from perceptron.records.ground import ground
from perceptron.records.measurement import Measurement
from perceptron.records.readers.shared.columns import Columns

# Fields that say of what a row is a value: all that its ground is made of, and its case.
_FIELDS = (
    *("machine", "dtype", "threads", "processes", "optimizer", "feed", "outputs", "batch"),
    *("models", "axes", "family", "problem", "size", "backend"),
)
_fields_of = attrgetter(*_FIELDS)


def number_processes(runs: Sequence[Sequence[Measurement]]) -> list[Measurement]:
    """Return all rows in their order, with process numbers that are unique across runs.

    No two rows of one problem and backend on equal ground share a process. Rows of a family that
    shared one within a run still do. A run keeps its numbers as far as no value of an earlier run
    has them: so the files of two backends pair, and a second run of the same backends comes after
    the first.
    """
    numbers = ProcessNumbers()
    return [row for run in runs for row in numbers.number(run)]


class ProcessNumbers:
    """Numbers one run after the other, as `number_processes` does."""

    def __init__(self) -> None:
        self._subjects: dict[Hashable, _Subject] = {}
        self._same: dict[Hashable, _Subject] = {}
        self._families: dict[Hashable, int] = {}

    def number(self, run: Sequence[Measurement]) -> list[Measurement]:
        """Return the rows of the next run with their numbers."""
        before = [row.process for row in run]
        after = self._numbers(map(_fields_of, run), before)
        return [
            row if number == row.process else replace(row, process=number)
            for row, number in zip(run, after, strict=True)
        ]

    def number_columns(self, run: Columns) -> Columns:
        """Return the rows of the next run, which are columns, with their numbers."""
        keys = zip(*(run[field] for field in _FIELDS), strict=True)
        return run.with_column("process", self._numbers(keys, list(run["process"])))

    def _numbers(self, keys: Iterable[tuple[Any, ...]], before: Sequence[int]) -> list[int]:
        """Return the new numbers of rows with these `_FIELDS` and these numbers before."""
        known = self._subjects
        subjects = [known.get(key) or self._new_subject(key) for key in keys]
        after = list(before)
        for indices in _passes(subjects, before):
            members = [(before[index], subjects[index].numbers) for index in indices]
            offset = _offset(members)
            for index, (process, numbers) in zip(indices, members, strict=True):
                after[index] = process + offset
                numbers.add(process + offset)
        return after

    def _new_subject(self, key: tuple[Any, ...]) -> _Subject:
        """Return the subject of rows that say ``key``, which others may say in other words."""
        row = Measurement(source="", when="", **dict(zip(_FIELDS, key, strict=True)))
        family = (ground(row), row.family)
        subject = self._same.get((*family, row.problem, row.size, row.backend))
        if subject is None:
            subject = _Subject(self._families.setdefault(family, len(self._families)))
            self._same[*family, row.problem, row.size, row.backend] = subject
        self._subjects[key] = subject
        return subject


class _Subject:
    """A problem and backend on one ground: the number of its family there, and those in use."""

    __slots__ = ("family", "numbers")

    def __init__(self, family: int) -> None:
        self.family = family
        self.numbers = _UsedNumbers()


def _passes(subjects: Sequence[_Subject], processes: Sequence[int]) -> Iterable[list[int]]:
    """Return the indices of rows that move together: of one family and pass over its subjects."""
    passes: dict[tuple[int, int], list[int]] = defaultdict(list)
    values = list(zip(subjects, processes, strict=True))
    if len(set(values)) == len(values):  # each run of ours
        for index, subject in enumerate(subjects):
            passes[subject.family, 0].append(index)
        return passes.values()
    # The k-th value of the same subject in one run is a k-th pass over it.
    counts: Counter[tuple[_Subject, int]] = Counter()
    for index, value in enumerate(values):
        passes[value[0].family, counts[value]].append(index)
        counts[value] += 1
    return passes.values()


class _UsedNumbers:
    """The process numbers of one subject."""

    def __init__(self) -> None:
        # From a used number to a larger one, with none between them that is free.
        self._further: dict[int, int] = {}

    def add(self, number: int) -> None:
        self._further[number] = number + 1

    def free(self, number: int) -> int:
        """Return the least free number from this one up."""
        if number not in self._further:
            return number
        passed = []
        while number in self._further:
            passed.append(number)
            number = self._further[number]
        # Whoever asks again gets there at once.
        self._further.update(dict.fromkeys(passed, number))
        return number


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
