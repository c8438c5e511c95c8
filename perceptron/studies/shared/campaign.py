"""Measuring many things fairly: rounds of fresh processes, backends side by side, order random."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from math import inf

from perceptron.backends import registry
from perceptron.measure.job import Outcome
from perceptron.measure.launch import Abandoned, Workers
from perceptron.measure.progress import Progress
from perceptron.records.files.held import temporary_folder
from perceptron.records.run import Run
from perceptron.records.store import RunJournal
from perceptron.studies.shared.budget import Budget
from perceptron.studies.shared.processes import (
    GroupProcesses,
    OwnName,
    lasting_workers,
    own_workers,
)
from perceptron.studies.shared.task import Task, job_of, remaining, row_of
from perceptron.studies.shared.task_costs import agreed_keys, expected_seconds, learn_seconds
from perceptron.studies.shared.turns import by_worker, groups, side_by_side, some_problems

# Processes that are not there after so many times what they usually take to start do not start.
_LATE = 2.0


def run_tasks(
    tasks: Sequence[Task],
    journal: RunJournal,
    run: Run,
    progress: Progress,
    budget: Budget,
    workers: Workers | None = None,
    apart: bool = False,
) -> list[Task]:
    """Measure every task that the journal has no row for, and write each row at once.

    A problem that a backend failed or skipped once is not tried again in later processes, nor in
    this start one on which it did not end, which the budget keeps. With
    ``workers`` the first processes last until it is left, one for each backend, dtype, number of
    threads and ``process``; without, each batch of tasks has a fresh one. Return the tasks that
    the ``budget`` left no time for; where some of a group do not fit, the first listed are
    measured. A problem is measured on all its backends or on none, unless they are worth it
    ``apart``: then as many as fit.
    """
    return _Campaign(tasks, journal, run, progress, budget, workers, apart).measure()


class _Campaign:
    """One call of `run_tasks`."""

    def __init__(
        self,
        tasks: Sequence[Task],
        journal: RunJournal,
        run: Run,
        progress: Progress,
        budget: Budget,
        workers: Workers | None,
        apart: bool,
    ) -> None:
        self._tasks = tasks
        self._journal = journal
        self._run = run
        self._budget = budget
        self._workers = workers
        self._apart = apart
        self._progress = progress
        self._reasons = {task.backend: registry.reason_unavailable(task.backend) for task in tasks}
        self._shuffle = random.Random(f"{run.started} {len(journal.times)}")

    def measure(self) -> list[Task]:
        self._report("starting")
        with suppress(Abandoned), temporary_folder() as folder:
            references = str(folder)
            for group in groups(self._remaining(), self._shuffle):
                self._refuse_absent(group)
                if self._workers is not None and not self._budget.is_over:
                    self._warm(self._workers, group)
                self._measure_group(group, references)
        self._journal.note_spent(self._budget.whole.spent)
        return self._remaining()

    def _warm(self, workers: Workers, group: list[Task]) -> None:
        """Start a group's lasting workers, without those of a backend that does not start in time.

        Those of later processes can wait: where time is short, rows of the first come before.
        """
        while here := self._affordable(self._remaining(group), set()):
            with self._noting_hangs(inf, self._budget.longest_start):
                workers.warm(lasting_workers(here))
                return

    @contextmanager
    def _noting_hangs(self, expected: float, longest: float, late: float = 0) -> Iterator[None]:
        """Do a piece, and keep that it hangs if it was abandoned for that.

        Raises `Abandoned` only where there is no time for anything else, as where there was less
        than ``late`` seconds for the piece: it was begun late then, and does not hang.
        """
        budget = self._budget
        before = budget.spent
        try:
            with budget.piece(longest):
                yield
        except Abandoned as abandoned:
            seconds = budget.spent - before
            if budget.is_over:
                budget.hangs.note(abandoned, seconds, expected)
                raise
            if seconds < late:
                raise
            budget.hangs.keep(abandoned, seconds)

    def _refuse_absent(self, group: list[Task]) -> None:
        """Keep why backends cannot run here, before anything is started for the others."""
        for task in self._remaining(group):
            reason = self._reasons[task.backend]
            if reason is not None:
                outcome = Outcome(problem=task.problem.reference, status="skipped", reason=reason)
                self._keep(task, outcome)

    def _measure_group(self, group: list[Task], references: str) -> None:
        """Measure as many of these tasks as there is time for, backends side by side."""
        with GroupProcesses(self._workers, self._budget.until_abandoned) as processes:
            while not self._budget.is_over:
                tasks = self._affordable(self._remaining(group), processes.started)
                # Some at a time: what they take says how many more there is time for.
                some = some_problems(self._start(tasks, processes), self._shuffle)
                if not some:
                    return
                for task in self._still_fitting(self._agreeing(some, references, processes)):
                    if self._budget.is_over:
                        return
                    if self._hangs(task):  # in another process of this group
                        continue
                    for outcome in self._learning("time", [task], processes.time(task)):
                        self._keep(task, outcome)

    def _agreeing(
        self, tasks: list[Task], references: str, processes: GroupProcesses
    ) -> list[Task]:
        """Return the tasks whose backend agrees; the others have their rows."""
        refused = set()
        for batch in by_worker(self._unchecked(tasks)):
            left = {task.problem.reference: task for task in batch}
            # Once around, and again without each problem on which the backend did not end.
            while left := {name: task for name, task in left.items() if not self._hangs(task)}:
                todo = list(left.values())
                job = job_of(todo, check=True, references=references)
                for outcome in self._learning("check", todo, processes.check(job, todo[0])):
                    task = left.pop(outcome.problem)
                    if outcome.status != "ok":
                        refused.add(task)
                        self._keep(task, outcome)
        return [task for task in tasks if task not in refused and not self._hangs(task)]

    def _start(self, tasks: list[Task], processes: GroupProcesses) -> list[Task]:
        """Start the processes of these tasks; return the tasks whose processes are there."""
        before, costs = self._budget.spent, self._budget.costs
        while tasks:
            unchecked = self._unchecked(tasks)
            names = own_workers(tasks, unchecked, self._workers).keys() - processes.started
            usual = sum(costs.expect("start", worker) for _, worker in names)
            late = _LATE * usual if costs.knows("start") else 0.0
            with self._noting_hangs(inf, self._budget.longest_start, late):
                count = processes.start(tasks, unchecked)
                seconds = self._budget.spent - before
                for worker in {worker for _, worker in names}:
                    costs.learn("start", worker, seconds / count)
                break
            tasks = [task for task in tasks if not self._hangs(task)]
        return tasks

    def _keep(self, task: Task, outcome: Outcome) -> None:
        self._journal.append(row_of(task, outcome, self._run))
        self._journal.note_spent(self._budget.whole.spent)
        self._report(f"{task.problem.name} on {task.backend}")

    def _affordable(self, tasks: list[Task], started: Set[OwnName]) -> list[Task]:
        """Return the tasks for which there is time; of their processes some are ``started``."""
        kept, left, begun = [], self._budget.left, set(started)
        agreed = agreed_keys(self._journal)
        for members in self._measured_together(tasks):
            unchecked = [task for task in members if task.key not in agreed]
            cost = sum(self._cost(task, "time") for task in members)
            cost += sum(self._cost(task, "check") for task in unchecked)
            workers = own_workers(members, unchecked, self._workers).keys() - begun
            cost += sum(self._budget.costs.expect("start", worker) for _, worker in workers)
            if cost < left:
                left -= cost
                begun |= workers
                kept += members
            else:
                self._budget.left_out.note(members, cost, left)
        return kept

    def _still_fitting(self, tasks: list[Task]) -> Iterator[Task]:
        """Yield tasks side by side, without those for which others have left no time meanwhile."""
        together = {task: unit for unit in self._measured_together(tasks) for task in unit}
        fits: dict[Task, bool] = {}
        for task in side_by_side(tasks, self._shuffle):
            if task not in fits:
                cost, left = sum(map(self._cost, together[task])), self._budget.left
                fits |= dict.fromkeys(together[task], cost < left)
                if cost >= left:
                    self._budget.left_out.note(together[task], cost, left)
            if fits[task]:
                yield task

    def _measured_together(self, tasks: list[Task]) -> list[list[Task]]:
        """Return tasks that are begun together or not at all: those of a problem.

        Where each is worth it ``apart``, the cheapest come first, so that most fit.
        """
        if self._apart:
            return [[task] for task in sorted(tasks, key=self._cost)]
        problems: dict[str, list[Task]] = {}
        for task in tasks:
            problems.setdefault(task.problem.reference, []).append(task)
        return list(problems.values())

    def _unchecked(self, tasks: Iterable[Task]) -> list[Task]:
        agreed = agreed_keys(self._journal)
        return [task for task in tasks if task.key not in agreed]

    def _cost(self, task: Task, what: str = "time") -> float:
        """Return the seconds that a task is expected to take: to be timed, or to be checked."""
        absent = self._reasons.get(task.backend) is not None
        return 0.0 if absent else expected_seconds(task, self._budget, what)

    def _learning(
        self, what: str, tasks: list[Task], outcomes: Iterator[Outcome]
    ) -> Iterator[Outcome]:
        """Yield outcomes of tasks that share a worker; keep what each took, or that it hangs."""
        by_name = {task.problem.reference: task for task in tasks}
        expected = max(expected_seconds(task, self._budget, what) for task in tasks)
        while True:
            before, outcome = self._budget.spent, None
            try:
                with self._noting_hangs(expected, self._budget.longest_piece):
                    outcome = next(outcomes, None)
            except Abandoned as abandoned:
                task = by_name.get(abandoned.problem or "", tasks[0])
                self._budget.left_out.note_unfinished(task, self._budget.spent - before)
                raise
            if outcome is None:
                return
            seconds = self._budget.spent - before
            learn_seconds(by_name[outcome.problem], self._budget, what, seconds)
            yield outcome

    def _hangs(self, task: Task) -> bool:
        return self._budget.hangs.holds(task.backend, task.problem.reference)

    def _remaining(self, tasks: Iterable[Task] | None = None) -> list[Task]:
        """Return what has no row and may be begun."""
        left = remaining(self._tasks if tasks is None else tasks, self._journal.times)
        return [task for task in left if not self._hangs(task)]

    def _report(self, message: str) -> None:
        whole = self._budget.whole
        self._progress(whole.spent, whole.seconds, message)
