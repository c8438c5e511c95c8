"""Measuring many things fairly: rounds of fresh processes, backends side by side, order random."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from math import inf

from perceptron.backends import registry
from perceptron.backends.protocol import Backend
from perceptron.measure.job import Job, Outcome
from perceptron.measure.launch import Abandoned, Workers, run_job
from perceptron.problems.cost import operations
from perceptron.records.measurement import Measurement
from perceptron.records.store import Run, RunJournal
from perceptron.studies.shared.budget import Budget
from perceptron.studies.shared.progress import Progress
from perceptron.studies.shared.task import Task, job_of, key_of, remaining, row_of

# A lasting process holds its libraries in memory, and few sizes need more processes than these.
_LASTING = 8

RunJob = Callable[[Job, Backend], Iterator[Outcome]]


def run_tasks(
    tasks: Sequence[Task],
    journal: RunJournal,
    run: Run,
    progress: Progress,
    budget: Budget,
    workers: Workers | None = None,
    later: Iterable[Task] | None = None,
) -> list[Task]:
    """Measure every task that the journal has no row for, and write each row at once.

    A problem that a backend failed or skipped once is not tried again in later processes. With
    ``workers`` the first processes last until it is left, one for each backend, dtype, number of
    threads and ``process``; without, each batch of tasks has a fresh one. Return the tasks that
    the ``budget`` left no time for; where some of a group do not fit, the first listed are
    measured. ``later`` tasks count for the time that is still to go; None where it is not known
    what will follow, so that there is as much to do as there is time.
    """
    return _Campaign(tasks, journal, run, progress, budget, workers, later).measure()


def expected_seconds(task: Task, budget: Budget, what: str = "time") -> float:
    """Return what a task will take in a worker that runs: to be timed, or to be checked."""
    kind, name = (what, *task.worker), task.problem.reference
    return budget.costs.expect(kind, name, operations(task.problem))


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
        later: Iterable[Task] | None,
    ) -> None:
        self._tasks = tasks
        self._journal = journal
        self._run = run
        self._budget = budget
        self._workers = workers
        self._later = None if later is None else list(later)
        self._progress = progress
        self._to_go = inf
        self._reasons = {task.backend: registry.reason_unavailable(task.backend) for task in tasks}
        self._shuffle = random.Random(f"{run.started} {len(journal.rows)}")

    def measure(self) -> list[Task]:
        self._report("starting")
        with suppress(Abandoned):
            if self._workers is not None and not self._budget.is_over:
                self._workers.warm(_lasting(self._remaining(), self._reasons))
            with tempfile.TemporaryDirectory(prefix="perceptron-") as references:
                for group in _groups(self._remaining(), self._shuffle):
                    self._measure_group(group, references)
        self._journal.note_spent(self._budget.whole.spent)
        self._to_go = self._seconds_to_go([])
        self._report("done")
        return self._remaining()

    def _measure_group(self, group: list[Task], references: str) -> None:
        """Measure as many of these tasks as there is time for, worker after worker."""
        batches = _batches(self._affordable(group), self._shuffle)
        self._to_go = self._seconds_to_go(self._remaining())
        for batch in batches:
            todo = {task.problem.reference: task for task in self._remaining(batch)}
            unavailable = self._reasons[batch[0].backend]
            run_in_worker = self._runner(batch[0])
            outcomes = _measure(
                list(todo.values()), unavailable, self._journal.rows, references, run_in_worker
            )
            with closing(outcomes):
                for outcome in outcomes:
                    task = todo[outcome.problem]
                    self._to_go = max(0.0, self._to_go - self._cost(task))
                    self._journal.append(row_of(task, outcome, self._run))
                    self._journal.note_spent(self._budget.whole.spent)
                    self._report(f"{task.problem.name} on {task.backend}")
                    if unavailable is None and self._budget.is_over:
                        return

    def _seconds_to_go(self, now: list[Task]) -> float:
        """Return what these tasks will take and all that may follow; inf if that is not known."""
        if self._later is None:
            return inf
        later = remaining(self._later, self._journal.rows)
        each_once = {(task.key, task.process): task for task in [*now, *later]}
        return sum(map(self._cost, each_once.values()))

    def _affordable(self, group: list[Task]) -> list[Task]:
        """Return the tasks for which there is time: a problem on all its backends or on none.

        Those of a backend that cannot run here take none.
        """
        kept = [task for task in group if self._reasons[task.backend] is not None]
        problems: dict[str, list[Task]] = {}
        for task in group:
            if self._reasons[task.backend] is None:
                problems.setdefault(task.problem.reference, []).append(task)
        agreed = {key_of(row) for row in self._journal.rows if row.status == "ok"}
        left = self._budget.left
        started: set[object] = set()
        for members in problems.values():
            cost = sum(self._cost(task, "time") for task in members)
            cost += sum(self._cost(task, "check") for task in members if task.key not in agreed)
            for worker in {task.worker for task in members if not self._lasts(task)} - started:
                cost += self._budget.costs.expect("start", worker)
            if cost < left:
                left -= cost
                started.update(task.worker for task in members)
                kept += members
        return kept

    def _cost(self, task: Task, what: str = "time") -> float:
        """Return the seconds that a task is expected to take: to be timed, or to be checked."""
        absent = self._reasons.get(task.backend) is not None
        return 0.0 if absent else expected_seconds(task, self._budget, what)

    def _lasts(self, task: Task) -> bool:
        return self._workers is not None and task.process < _LASTING

    def _runner(self, task: Task) -> RunJob:
        """Return what runs a job and learns from it: in a fresh process, or in a lasting one."""

        def run(job: Job, backend: Backend) -> Iterator[Outcome]:
            if self._workers is None or not self._lasts(task):
                return run_job(job, backend, seconds_left=self._budget.until_abandoned)
            process = None if job.check else task.process
            return self._workers.run((*task.worker[:3], process), job, backend)

        return lambda job, backend: self._learning(task, job, run(job, backend))

    def _learning(self, task: Task, job: Job, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
        """Yield outcomes, and keep what each took; a fresh process's first has its start in it."""
        costs = self._budget.costs
        works = {other.problem.reference: operations(other.problem) for other in self._tasks}
        kind = ("check" if job.check else "time", *task.worker)
        is_fresh = not self._lasts(task)
        before = self._budget.spent
        for outcome in outcomes:
            seconds, work = self._budget.spent - before, works[outcome.problem]
            if is_fresh:
                start = costs.expect("start", task.worker)
                own = costs.expect(kind, outcome.problem, work)
                share = start / (start + own)
                costs.learn("start", task.worker, share * seconds)
                seconds, is_fresh = (1 - share) * seconds, False
            costs.learn(kind, outcome.problem, seconds, work)
            yield outcome
            before = self._budget.spent

    def _remaining(self, tasks: Iterable[Task] | None = None) -> list[Task]:
        return remaining(self._tasks if tasks is None else tasks, self._journal.rows)

    def _report(self, message: str) -> None:
        whole = self._budget.whole
        self._progress(whole.spent, whole.spent + min(whole.left, self._to_go), message)


def _groups(tasks: Iterable[Task], shuffle: random.Random) -> Iterator[list[Task]]:
    """Yield the tasks of each process and group, the groups of a process in random order."""
    rounds: dict[int, dict[str, list[Task]]] = {}
    for task in tasks:
        rounds.setdefault(task.process, {}).setdefault(task.group, []).append(task)
    for process in sorted(rounds):
        in_random_order = list(rounds[process].values())
        shuffle.shuffle(in_random_order)
        yield from in_random_order


def _batches(group: Iterable[Task], shuffle: random.Random) -> list[list[Task]]:
    """Return batches, each for one worker, and the tasks of each in random order.

    The workers of a group follow each other: drift then hits all backends alike.
    """
    by_worker: dict[object, list[Task]] = {}
    for task in group:
        by_worker.setdefault(task.worker, []).append(task)
    batches = list(by_worker.values())
    shuffle.shuffle(batches)
    for batch in batches:
        shuffle.shuffle(batch)
    return batches


def _lasting(
    tasks: Iterable[Task], reasons: Mapping[str, str | None]
) -> dict[Hashable, tuple[Job, Backend]]:
    """Return the lasting workers that these tasks need by name, each with a job of its kind."""
    workers: dict[Hashable, tuple[Job, Backend]] = {}
    for task in tasks:
        if reasons[task.backend] is None and task.process < _LASTING:
            for process in (None, task.process):
                workers[(*task.worker[:3], process)] = (job_of([task]), registry.load(task.backend))
    return workers


def _measure(
    tasks: list[Task],
    unavailable: str | None,
    rows: list[Measurement],
    references: str,
    run: RunJob,
) -> Generator[Outcome, None, None]:
    """Yield outcomes of tasks that share a worker, once another worker has shown agreement."""
    if not tasks:
        return
    if unavailable is not None:
        for task in tasks:
            yield Outcome(problem=task.problem.reference, status="skipped", reason=unavailable)
        return
    backend = registry.load(tasks[0].backend)
    agreed = {key_of(row) for row in rows if row.status == "ok"}
    unproven = [task for task in tasks if task.key not in agreed]
    refused = set()
    if unproven:
        for outcome in run(job_of(unproven, check=True, references=references), backend):
            if outcome.status != "ok":
                refused.add(outcome.problem)
                yield outcome
    timed = [task for task in tasks if task.problem.reference not in refused]
    if timed:
        yield from run(job_of(timed), backend)
