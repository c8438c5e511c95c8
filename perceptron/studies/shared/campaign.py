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
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Measurement, Timings
from perceptron.records.store import Run, RunJournal
from perceptron.studies.shared.progress import Progress

# A lasting process holds its libraries in memory, and few sizes need more processes than these.
_LASTING = 8

RunJob = Callable[[Job, Backend], Iterator[Outcome]]
Key = tuple[str | None, str, str | None, int | None]


@dataclass(frozen=True)
class Task:
    """A row to measure: a problem on a backend in one process.

    Tasks of one ``process`` and ``group`` are measured close in time; those that also share
    backend, dtype, threads and effort share a worker.
    """

    problem: Problem
    backend: str
    dtype: DType
    threads: int
    process: int
    group: str
    effort: Effort

    @property
    def key(self) -> Key:
        return (self.problem.name, self.backend, self.dtype, self.threads)

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
    ``workers`` the first processes last until it is left, one for each backend, dtype, number of
    threads and ``process``; without, each batch of tasks has a fresh one.
    """
    reasons = {task.backend: registry.reason_unavailable(task.backend) for task in tasks}
    shuffle = random.Random(f"{run.started} {len(journal.rows)}")

    def report(message: str) -> None:
        remaining = len(_remaining(tasks, journal.rows))
        progress(len(tasks) - remaining, len(tasks), message)

    report("starting")
    if workers is not None:
        workers.warm(_lasting(_remaining(tasks, journal.rows), reasons))
    with tempfile.TemporaryDirectory(prefix="perceptron-") as references:
        for batch in _batches(tasks, shuffle):
            todo = {task.problem.reference: task for task in _remaining(batch, journal.rows)}
            unavailable = reasons[batch[0].backend]
            run_in_worker = _runner(batch[0], workers)
            for outcome in _measure(
                list(todo.values()), unavailable, journal.rows, references, run_in_worker
            ):
                task = todo[outcome.problem]
                journal.append(_row(task, outcome, run))
                report(f"{task.problem.name} on {task.backend}")


def _batches(tasks: Iterable[Task], shuffle: random.Random) -> Iterator[list[Task]]:
    """Yield batches, each for one worker: by process, groups and workers in random order."""
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


def _lasting(
    tasks: Iterable[Task], reasons: Mapping[str, str | None]
) -> dict[Hashable, tuple[Job, Backend]]:
    """Return the lasting workers that these tasks need by name, each with a job of its kind."""
    workers: dict[Hashable, tuple[Job, Backend]] = {}
    for task in tasks:
        if reasons[task.backend] is None and task.process < _LASTING:
            for process in (None, task.process):
                workers[(*task.worker[:3], process)] = (_job([task]), registry.load(task.backend))
    return workers


def _runner(task: Task, workers: Workers | None) -> RunJob:
    """Return what runs a job: a fresh process, or the lasting one of such tasks."""
    if workers is None or task.process >= _LASTING:
        return run_job

    def run(job: Job, backend: Backend) -> Iterator[Outcome]:
        process = None if job.check else task.process
        return workers.run((*task.worker[:3], process), job, backend)

    return run


def _measure(
    tasks: list[Task],
    unavailable: str | None,
    rows: list[Measurement],
    references: str,
    run: RunJob,
) -> Iterator[Outcome]:
    """Yield outcomes of tasks that share a worker, once another worker has shown agreement."""
    if not tasks:
        return
    if unavailable is not None:
        for task in tasks:
            yield Outcome(problem=task.problem.reference, status="skipped", reason=unavailable)
        return
    backend = registry.load(tasks[0].backend)
    agreed = {_key(row) for row in rows if row.status == "ok"}
    unproven = [task for task in tasks if task.key not in agreed]
    refused = set()
    if unproven:
        for outcome in run(_job(unproven, check=True, references=references), backend):
            if outcome.status != "ok":
                refused.add(outcome.problem)
                yield outcome
    timed = [task for task in tasks if task.problem.reference not in refused]
    if timed:
        yield from run(_job(timed), backend)


def _job(tasks: list[Task], check: bool = False, references: str | None = None) -> Job:
    first = tasks[0]
    return Job(
        backend=first.backend,
        problems=[task.problem.reference for task in tasks],
        dtype=first.dtype,
        threads=first.threads,
        samples=first.effort.samples,
        minimum_seconds=first.effort.minimum_seconds,
        iterations=first.effort.iterations,
        check=check,
        references=references,
    )


def _row(task: Task, outcome: Outcome, run: Run) -> Measurement:
    problem = task.problem
    return run.row(
        process=task.process,
        problem=problem.name,
        family=problem.family,
        size=problem.size,
        sizes=problem.sizes,
        rows=problem.dataset.rows,
        features=problem.dataset.features,
        hidden=list(problem.hidden),
        backend=task.backend,
        device=registry.load(task.backend).device,
        dtype=task.dtype,
        threads=task.threads,
        **{field: getattr(outcome, field) for field in Timings.__struct_fields__},
    )


def _key(row: Measurement) -> Key:
    return (row.problem, row.backend, row.dtype, row.threads)


def _remaining(tasks: Iterable[Task], rows: Iterable[Measurement]) -> list[Task]:
    """Return tasks without a row whose problem the backend has not failed or skipped."""
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
