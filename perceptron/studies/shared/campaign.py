"""Measuring many things fairly: rounds of fresh processes, backends side by side, order random."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from perceptron.backends import registry
from perceptron.backends.protocol import Backend
from perceptron.measure.job import Job, Outcome
from perceptron.measure.launch import Workers, run_job
from perceptron.measure.timing import Effort
from perceptron.problems import catalogue
from perceptron.problems.problem import DType
from perceptron.records.measurement import Measurement
from perceptron.records.store import Run, RunJournal
from perceptron.studies.shared.progress import Progress

# A process that stays holds its libraries in memory, and only rare sizes need more processes.
_STAYING = 8

Ask = Callable[[Job, Backend], Iterator[Outcome]]
Key = tuple[str | None, str, str | None, int | None]


@dataclass(frozen=True)
class Task:
    """One row to be: a problem on a backend in one process.

    Tasks of one ``process`` and ``group`` are measured close in time; those that also share
    backend, dtype, threads and effort share a worker.
    """

    problem: str
    backend: str
    dtype: DType
    threads: int
    process: int
    group: str
    effort: Effort

    @property
    def key(self) -> Key:
        return (self.problem, self.backend, self.dtype, self.threads)

    @property
    def worker(self) -> tuple[str, DType, int, Effort]:
        return (self.backend, self.dtype, self.threads, self.effort)


def run_tasks(
    tasks: Sequence[Task],
    journal: RunJournal,
    run: Run,
    progress: Progress,
    workers: Workers | None = None,
) -> None:
    """Measure every task that the journal has no row for, and write each row at once.

    A problem that a backend failed or skipped once is not tried again in later processes. With
    ``workers`` the first processes stay for later calls, one for each backend, dtype, number of
    threads and ``process``; without, each batch of tasks has a fresh one.
    """
    reasons = {task.backend: registry.reason_unavailable(task.backend) for task in tasks}
    shuffle = random.Random(f"{run.started} {len(journal.rows)}")

    def report(message: str) -> None:
        left = len(_open(tasks, journal.rows))
        progress(len(tasks) - left, len(tasks), message)

    report("starting")
    if workers is not None:
        workers.warm(_staying(_open(tasks, journal.rows), reasons))
    with tempfile.TemporaryDirectory(prefix="perceptron-") as references:
        for batch in _batches(tasks, shuffle):
            todo = {task.problem: task for task in _open(batch, journal.rows)}
            unavailable = reasons[batch[0].backend]
            ask = _asking(batch[0], workers)
            for outcome in _measure(
                list(todo.values()), unavailable, journal.rows, references, ask
            ):
                task = todo[outcome.problem]
                journal.append(_row(task, outcome, run))
                report(f"{task.problem} on {task.backend}")


def _batches(tasks: Iterable[Task], shuffle: random.Random) -> Iterator[list[Task]]:
    """Batches, each for one worker: process by process, groups and workers in random order."""
    rounds: dict[int, dict[str, dict[object, list[Task]]]] = {}
    for task in tasks:
        groups = rounds.setdefault(task.process, {})
        groups.setdefault(task.group, {}).setdefault(task.worker, []).append(task)
    for process in sorted(rounds):
        in_random_order = list(rounds[process].values())
        shuffle.shuffle(in_random_order)
        for workers in in_random_order:
            # The workers of a group follow each other: drift then hits all backends alike.
            batches = list(workers.values())
            shuffle.shuffle(batches)
            for batch in batches:
                shuffle.shuffle(batch)
                yield batch


def _staying(
    tasks: Iterable[Task], reasons: Mapping[str, str | None]
) -> dict[Hashable, tuple[Job, Backend]]:
    """The workers that these tasks will ask, by name, each with a job that it could be given."""
    found: dict[Hashable, tuple[Job, Backend]] = {}
    for task in tasks:
        if reasons[task.backend] is None and task.process < _STAYING:
            for process in (None, task.process):
                found[(*task.worker[:3], process)] = (_job([task]), registry.load(task.backend))
    return found


def _asking(task: Task, workers: Workers | None) -> Ask:
    """How to have a job done: by a fresh process, or by the one that stays for such tasks."""
    if workers is None or task.process >= _STAYING:
        return run_job

    def ask(job: Job, backend: Backend) -> Iterator[Outcome]:
        process = None if job.check else task.process
        return workers.run((*task.worker[:3], process), job, backend)

    return ask


def _measure(
    tasks: list[Task],
    unavailable: str | None,
    rows: list[Measurement],
    references: str,
    ask: Ask,
) -> Iterator[Outcome]:
    """Outcomes of tasks that share a worker, after a worker of its own has shown agreement."""
    if not tasks:
        return
    if unavailable is not None:
        for task in tasks:
            yield Outcome(problem=task.problem, status="skipped", reason=unavailable)
        return
    backend = registry.load(tasks[0].backend)
    agreed = {_key(row) for row in rows if row.status == "ok"}
    unproven = [task for task in tasks if task.key not in agreed]
    refused = set()
    if unproven:
        for outcome in ask(_job(unproven, check=True, references=references), backend):
            if outcome.status != "ok":
                refused.add(outcome.problem)
                yield outcome
    timed = [task for task in tasks if task.problem not in refused]
    if timed:
        yield from ask(_job(timed), backend)


def _job(tasks: list[Task], check: bool = False, references: str | None = None) -> Job:
    first = tasks[0]
    return Job(
        backend=first.backend,
        problems=[task.problem for task in tasks],
        dtype=first.dtype,
        threads=first.threads,
        samples=first.effort.samples,
        minimum_seconds=first.effort.minimum_seconds,
        iterations=first.effort.iterations,
        check=check,
        references=references,
    )


def _row(task: Task, outcome: Outcome, run: Run) -> Measurement:
    problem = catalogue.find(task.problem)
    return run.row(
        process=task.process,
        problem=problem.name,
        family=problem.family,
        size=problem.size,
        rows=problem.dataset.rows,
        features=problem.dataset.features,
        hidden=list(problem.hidden),
        backend=task.backend,
        device=registry.load(task.backend).device,
        dtype=task.dtype,
        threads=task.threads,
        seconds=outcome.seconds,
        samples=outcome.samples,
        iterations=outcome.iterations,
        prepare_seconds=outcome.prepare_seconds,
        peak_bytes=outcome.peak_bytes,
        status=outcome.status,
        reason=outcome.reason,
    )


def _key(row: Measurement) -> Key:
    return (row.problem, row.backend, row.dtype, row.threads)


def _open(tasks: Iterable[Task], rows: Iterable[Measurement]) -> list[Task]:
    """The tasks that have no row yet and whose problem the backend has not failed or skipped."""
    measured, given_up = set(), set()
    for row in rows:
        if row.phase is not None:  # of a part of an iteration
            continue
        measured.add((_key(row), row.process))
        if row.status != "ok":
            given_up.add(_key(row))
    return [
        task
        for task in tasks
        if (task.key, task.process) not in measured and task.key not in given_up
    ]
