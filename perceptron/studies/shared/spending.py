"""Spend processes where they change an answer: some everywhere, then where it is in doubt."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from perceptron.analysis.crossover.doubt import doubt_of
from perceptron.measure.hangs import Hangs
from perceptron.records.measurement import Measurement
from perceptron.studies.shared.task import Task, remaining

Measure = Callable[[Sequence[Task]], object]
"""Measure tasks, as far as there is time."""

Fits = Callable[[Sequence[Task]], bool]
"""Whether there is time for all of these tasks that were not measured yet."""


@dataclass(frozen=True)
class Levels:
    """Processes that everything gets ``first``, those that are ``enough``, and the ``most``."""

    first: int
    enough: int
    most: int


def always(tasks: Sequence[Task]) -> bool:
    """Say that there is time: for whoever has no end to it."""
    return True


def spend(
    tasks: Sequence[Task],
    levels: Levels,
    rows: Sequence[Measurement],
    measure: Measure,
    hangs: Hangs | None = None,
    fits: Fits = always,
) -> bool:
    """Measure ``tasks`` in more and more processes, the family that is most in doubt first.

    All get the first processes before any gets more, and all that there is time for get enough;
    up to the most go to sizes whose answer is not sure even then. Where not even the first
    ``fits``, the problems listed first get them: of one process nothing can be said. Families for
    all of whose processes there is time are measured together, so that they share workers.
    ``rows`` grow as tasks are measured: a resumed run continues with what it would have continued
    with. What ``hangs`` is not waited for. Return whether there was time for all else.
    """
    first = [replace(task, process=process) for process in range(levels.first) for task in tasks]
    listed_first = _fitting(first, fits)
    if len(listed_first) < len(first):
        measure(listed_first)
    measure(first)
    by_name: dict[tuple[str, int], list[Task]] = {}
    for task in tasks:
        by_name.setdefault((task.problem.family, task.threads), []).append(task)
    families = [_Family(members, levels, rows, hangs or Hangs()) for members in by_name.values()]
    had_time = True
    while families := [family for family in families if family.to_come]:
        together, process = _together(families, fits)
        before, wanted = (
            len(rows),
            [task for family in together for task in family.missing(process)],
        )
        measure(wanted)
        for family in together:
            family.judge()
        left = [task for family in together for task in family.missing(process)]
        if len(rows) == before and left == wanted:
            had_time = False
            # There is no time for the smallest of them.
            families = [family for family in families if family not in together]
    return had_time


def _fitting(first: Sequence[Task], fits: Fits) -> Sequence[Task]:
    """Return the tasks of as many of the problems listed first as there is time for."""
    names = list(dict.fromkeys(task.problem.reference for task in first))

    def of_the_first(count: int) -> list[Task]:
        chosen = set(names[:count])
        return [task for task in first if task.problem.reference in chosen]

    counts = range(1, len(names) + 1)
    fitting = bisect_left(counts, True, key=lambda count: not fits(of_the_first(count)))
    return of_the_first(fitting)


def _together(families: Sequence[_Family], fits: Fits) -> tuple[list[_Family], int]:
    """Return the family most in doubt and those that can share its next process, and that.

    Those are families for all of whose processes there is time: where there is not, what is left
    belongs to the one most in doubt.
    """
    # A process that everything should get comes before one that few sizes do.
    first, *others = sorted(
        families, key=lambda family: (family.is_owed, family.doubt), reverse=True
    )
    together, to_come = [first], first.to_come
    for family in others:
        shared = family.missing(first.process)
        if shared and fits([*to_come, *family.to_come]):
            together.append(family)
            to_come = [*to_come, *family.to_come]
    return together, first.process


class _Family:
    """Tasks of a family on so many threads, how sure its answers are, and what is next."""

    def __init__(
        self, tasks: list[Task], levels: Levels, rows: Sequence[Measurement], hangs: Hangs
    ) -> None:
        self._tasks = tasks
        self._name = (tasks[0].problem.family, tasks[0].threads)
        self._levels = levels
        self._rows = rows
        self._hangs = hangs
        self.judge()

    def judge(self) -> None:
        """Judge the rows as they are now."""
        self.doubt = doubt_of(
            row for row in self._rows if (row.family, row.all_threads) == self._name
        )
        in_doubt: list[Task] = []
        others: list[Task] = []
        for task in self._tasks:
            (in_doubt if task.problem.size in self.doubt.sizes else others).append(task)
        enough, most = self._levels.enough, self._levels.most
        owed = self._missing([*in_doubt, *others], range(enough))
        beyond = {} if owed else self._missing(in_doubt, range(enough, most))
        self._to_come = owed or beyond
        self.is_owed = bool(owed)
        """Whether the next process is one that everything should get."""
        # Sizes that came into doubt later lack earlier processes: what most of them share is next.
        by_number = sorted(beyond, key=lambda process: len(beyond[process]), reverse=True)
        self.process = next(iter(owed or by_number), 0)
        """The next process."""

    @property
    def to_come(self) -> list[Task]:
        """What it would get if there were time, as far as its answers are as they are now."""
        return [task for tasks in self._to_come.values() for task in tasks]

    def missing(self, process: int) -> list[Task]:
        """Return what it would get in this process, the sizes in doubt first."""
        return self._to_come.get(process, [])

    def _missing(self, tasks: Sequence[Task], processes: range) -> dict[int, list[Task]]:
        """Return the tasks without a row by process, without processes that have all."""
        tasks = [
            task for task in tasks if not self._hangs.holds(task.backend, task.problem.reference)
        ]
        every = [replace(task, process=process) for process in processes for task in tasks]
        by_process: dict[int, list[Task]] = {}
        for task in remaining(every, self._rows):
            by_process.setdefault(task.process, []).append(task)
        return by_process
