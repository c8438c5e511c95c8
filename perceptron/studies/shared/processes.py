"""Which worker process a task runs in: one that lasts as long as the study, or a group's own."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from types import TracebackType
from typing import Literal

from perceptron.backends import registry
from perceptron.backends.protocol import Backend
from perceptron.measure.job import Batch, Outcome
from perceptron.measure.launch import SecondsLeft, Workers
from perceptron.measure.timing import Effort
from perceptron.problems.problem import DType
from perceptron.studies.shared.task import Task, job_of

OwnName = tuple[Literal["time", "check"], tuple[str, DType, int, Effort]]
"""What a process of a group is for, and what its tasks share."""

# A lasting process holds its libraries in memory, and few sizes need more processes than these.
_LASTING = 8


class GroupProcesses:
    """The processes of tasks that are measured close in time.

    All are there before the first is timed, so that backends can take turns problem by problem, and
    those that check stay beside those that time.
    ``lasting`` are those of the study, if its first processes last; the others end with the group.
    """

    def __init__(self, lasting: Workers | None, seconds_left: SecondsLeft) -> None:
        self._lasting = lasting
        self._own = Workers(seconds_left)
        self.started: set[OwnName] = set()
        """The group's own processes."""

    def __enter__(self) -> GroupProcesses:
        self._own.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._own.__exit__(kind, error, trace)

    def start(self, tasks: Iterable[Task], unchecked: Iterable[Task]) -> int:
        """Start the own processes of these tasks that are not there, all at once.

        Those are to time all of them and to check the ``unchecked``. Return how many were started.
        """
        wanted = own_workers(tasks, unchecked, self._lasting)
        jobs: dict[Hashable, tuple[Batch, Backend]] = {
            name: (job_of([task]), registry.load(task.backend)) for name, task in wanted.items()
        }
        self._own.warm(jobs)
        count = len(wanted.keys() - self.started)
        self.started |= wanted.keys()
        return count

    def time(self, task: Task) -> Iterator[Outcome]:
        """Yield the outcome of one task. Raises `Abandoned`."""
        job, backend = job_of([task]), registry.load(task.backend)
        if self._lasting is not None and lasts(task, self._lasting):
            return self._lasting.run(_lasting_name(task, task.process), job, backend)
        return self._own.run(("time", task.worker), job, backend)

    def check(self, job: Batch, first: Task) -> Iterator[Outcome]:
        """Yield whether each problem agrees, from a process in which nothing is timed."""
        backend = registry.load(job.backend)
        if self._lasting is not None and lasts(first, self._lasting):
            return self._lasting.run(_lasting_name(first, None), job, backend)
        return self._own.run(("check", first.worker), job, backend)


def own_workers(
    tasks: Iterable[Task], unchecked: Iterable[Task], lasting: Workers | None
) -> dict[OwnName, Task]:
    """Return the processes of a group's own that these tasks need, each with a task of it.

    Nothing is timed in a process that checks.
    """
    named: list[tuple[Literal["time", "check"], Iterable[Task]]]
    named = [("time", tasks), ("check", unchecked)]
    return {
        (what, task.worker): task
        for what, members in named
        for task in members
        if not lasts(task, lasting)
    }


def lasts(task: Task, lasting: Workers | None) -> bool:
    """Return whether a task's process is one of those that last."""
    return lasting is not None and task.process < _LASTING


def lasting_workers(tasks: Iterable[Task]) -> dict[Hashable, tuple[Batch, Backend]]:
    """Return the lasting workers that these tasks need by name, each with a job of its kind."""
    return {
        _lasting_name(task, process): (job_of([task]), registry.load(task.backend))
        for task in tasks
        if task.process < _LASTING
        for process in (None, task.process)
    }


def _lasting_name(task: Task, process: int | None) -> Hashable:
    """Return a name without the effort, which may be another one in each job."""
    return (*task.worker[:3], process)
