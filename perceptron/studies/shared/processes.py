"""Which worker process a task runs in: one that lasts as long as the study, or a group's own."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from types import TracebackType

from perceptron.backends import registry
from perceptron.backends.protocol import Backend
from perceptron.measure.job import Job, Outcome
from perceptron.measure.launch import SecondsLeft, Workers, run_job
from perceptron.studies.shared.task import Task, job_of

# A lasting process holds its libraries in memory, and few sizes need more processes than these.
_LASTING = 8


class GroupProcesses:
    """The processes of tasks that are measured close in time.

    All are there before the first is timed, so that backends can take turns problem by problem.
    ``lasting`` are those of the study, if its first processes last; the others end with the group.
    """

    def __init__(self, lasting: Workers | None, seconds_left: SecondsLeft) -> None:
        self._lasting = lasting
        self._seconds_left = seconds_left
        self._own = Workers(seconds_left)

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

    def start(self, tasks: Iterable[Task]) -> int:
        """Start the own processes of these tasks, all at once; return how many that are."""
        wanted = {
            _own_name(task): (job_of([task]), registry.load(task.backend))
            for task in tasks
            if not lasts(task, self._lasting)
        }
        self._own.warm(wanted)
        return len(wanted)

    def time(self, task: Task) -> Iterator[Outcome]:
        """Yield the outcome of one task. Raises `Abandoned`."""
        job, backend = job_of([task]), registry.load(task.backend)
        if self._lasting is not None and lasts(task, self._lasting):
            return self._lasting.run(_lasting_name(task, task.process), job, backend)
        return self._own.run(_own_name(task), job, backend)

    def check(self, job: Job, first: Task) -> Iterator[Outcome]:
        """Yield whether each problem agrees, from a process in which nothing is timed."""
        backend = registry.load(job.backend)
        if self._lasting is not None and lasts(first, self._lasting):
            return self._lasting.run(_lasting_name(first, None), job, backend)
        return run_job(job, backend, seconds_left=self._seconds_left)


def lasts(task: Task, lasting: Workers | None) -> bool:
    """Return whether a task's process is one of those that last."""
    return lasting is not None and task.process < _LASTING


def lasting_workers(tasks: Iterable[Task]) -> dict[Hashable, tuple[Job, Backend]]:
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


def _own_name(task: Task) -> Hashable:
    return task.worker
