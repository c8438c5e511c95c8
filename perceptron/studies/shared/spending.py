"""Spend processes where they change an answer: some everywhere, then where it is in doubt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from perceptron.analysis.crossover.doubt import doubt_of
from perceptron.records.measurement import Measurement
from perceptron.studies.shared.hangs import Hangs
from perceptron.studies.shared.task import Task, remaining

Measure = Callable[[Sequence[Task], Sequence[Task]], object]
"""Measure tasks, as far as there is time; after those others may follow."""


@dataclass(frozen=True)
class Levels:
    """Processes that everything gets ``first``, those that are ``enough``, and the ``most``."""

    first: int
    enough: int
    most: int


def spend(
    tasks: Sequence[Task],
    levels: Levels,
    rows: Sequence[Measurement],
    measure: Measure,
    hangs: Hangs | None = None,
) -> bool:
    """Measure ``tasks`` in more and more processes, the group that is most in doubt first.

    All get the first processes before any gets more, and all that there is time for get enough;
    up to the most go to sizes whose answer is not sure even then. ``rows`` grow as tasks are
    measured: a resumed run continues with what it would have continued with. What ``hangs`` is not
    waited for. Return whether there was time for all else.
    """
    owed = [replace(task, process=process) for process in range(levels.enough) for task in tasks]
    first = levels.first * len(tasks)
    measure(owed[:first], owed[first:])
    by_name: dict[str, list[Task]] = {}
    for task in tasks:
        by_name.setdefault(task.group, []).append(task)
    groups = [_Group(members, levels, rows, hangs or Hangs()) for members in by_name.values()]
    had_time = True
    while groups := [group for group in groups if group.wanted]:
        # A process that everything should get comes before one that few sizes do.
        group = max(groups, key=lambda group: (group.is_owed, group.doubt))
        before, wanted = len(rows), group.wanted
        measure(wanted, owed if group.is_owed else [])
        group.judge()
        if len(rows) == before and group.wanted == wanted:
            had_time = False
            groups.remove(group)  # there is no time for the smallest of them
    return had_time


class _Group:
    """Tasks that are measured close in time, how sure their answers are, and what is next."""

    def __init__(
        self, tasks: list[Task], levels: Levels, rows: Sequence[Measurement], hangs: Hangs
    ) -> None:
        self._tasks = tasks
        self._levels = levels
        self._rows = rows
        self._hangs = hangs
        self.judge()

    def judge(self) -> None:
        """Judge the rows as they are now."""
        families = {(task.problem.family, task.threads) for task in self._tasks}
        doubts = {
            family: doubt_of(row for row in self._rows if (row.family, row.threads) == family)
            for family in families
        }
        self.doubt = max(doubts.values())
        in_doubt: list[Task] = []
        others: list[Task] = []
        for task in self._tasks:
            sizes = doubts[task.problem.family, task.threads].sizes
            (in_doubt if task.problem.size in sizes else others).append(task)
        enough, most = self._levels.enough, self._levels.most
        self.wanted = self._next([*in_doubt, *others], range(enough)) or self._next(
            in_doubt, range(enough, most)
        )
        """The tasks of the next process, those in doubt first."""

    @property
    def is_owed(self) -> bool:
        """Whether the next process is one that everything should get."""
        return self.wanted[0].process < self._levels.enough

    def _next(self, tasks: Sequence[Task], processes: range) -> list[Task]:
        tasks = [
            task for task in tasks if not self._hangs.holds(task.backend, task.problem.reference)
        ]
        for process in processes:
            missing = remaining([replace(task, process=process) for task in tasks], self._rows)
            if missing:
                return missing
        return []
