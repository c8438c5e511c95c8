"""What measuring tasks will take, by what others took before them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from contextlib import suppress

from perceptron.backends import registry
from perceptron.backends.protocol import least_seconds_of
from perceptron.measure.timing import usual_seconds
from perceptron.problems.cost import operations
from perceptron.problems.problem import Problem
from perceptron.records.store import RunJournal
from perceptron.studies.shared.budget import Budget
from perceptron.studies.shared.task import Key, Task, key_of, remaining


def expected_seconds(task: Task, budget: Budget, what: str = "time") -> float:
    """Return what a task will take in a worker that runs: to be timed, or to be checked.

    Of a backend that says how long a sample must be, the first task takes as long as that of
    another that says so, and as such samples do.
    """
    costs, least = budget.costs, least_seconds(task)
    kind: Hashable = (what, *task.worker)
    if least and not costs.knows(kind):
        kind = _long(what)
    least = least if what == "time" else 0.0
    return costs.expect(kind, task.problem.reference, least or work_of(task.problem), least)


def learn_seconds(task: Task, budget: Budget, what: str, seconds: float) -> None:
    """Keep what a task took, for `expected_seconds`."""
    costs, least = budget.costs, least_seconds(task)
    work = least if least and what == "time" else work_of(task.problem)
    costs.learn((what, *task.worker), task.problem.reference, seconds, work)
    if least:
        costs.learn(_long(what), task.problem.reference, seconds, work)


def _long(what: str) -> Hashable:
    """Return the kind of all pieces whose samples must be long."""
    return (what, "long")


def least_seconds(task: Task) -> float:
    """Return what timing a task takes because of how long its backend says a sample must be.

    0 where it says nothing. Where it does, that is the work: more models of a pool whose samples
    must be as long all the same take no longer.
    """
    seconds = None
    with suppress(Exception):  # untrusted code may do anything
        seconds = least_seconds_of(registry.load(task.backend), task.problem)
    return 0.0 if seconds is None else usual_seconds(task.effort, seconds)


def seconds_for(tasks: Iterable[Task], journal: RunJournal, budget: Budget) -> float:
    """Return what measuring these tasks will take, as far as the journal has no rows for them.

    Each group of a process has a fresh worker for each backend, and what was not checked yet has
    another one.
    """
    agreed = agreed_keys(journal)
    left = remaining(tasks, journal.times)
    here = {name: registry.reason_unavailable(name) is None for name in {t.backend for t in left}}
    begun = [task for task in left if here[task.backend]]
    unchecked = {task.key: task for task in begun if task.key not in agreed}.values()
    workers = [
        *{(task.process, task.group, task.worker): task.worker for task in begun}.values(),
        *{task.worker for task in unchecked},
    ]
    return (
        sum(expected_seconds(task, budget) for task in begun)
        + sum(expected_seconds(task, budget, "check") for task in unchecked)
        + sum(budget.costs.expect("start", worker) for worker in workers)
    )


def agreed_keys(journal: RunJournal) -> set[Key]:
    """Return what needs no check any more: a backend that has a time on a problem agrees."""
    return {key_of(row) for row in journal.times if row.status == "ok"}


def work_of(problem: Problem) -> float:
    """Return what measuring a problem takes beside what all take, in operations.

    That is an iteration and a look at the loss of all rows, without its gradient.
    """
    return operations(problem) * (1 + problem.dataset.rows / problem.step_rows / 3)
