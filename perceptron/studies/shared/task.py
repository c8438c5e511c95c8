"""A row to measure: what is sent to a worker for it, and what its answer becomes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from perceptron.measure.job import Batch, Outcome
from perceptron.measure.rows import backend_fields, problem_fields
from perceptron.measure.timing import Effort
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Measurement, Timings
from perceptron.records.run import Run

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
    """Of all processes that train together."""
    process: int
    group: str
    effort: Effort

    @property
    def key(self) -> Key:
        return (self.problem.name, self.backend, self.dtype, self.threads)

    @property
    def worker(self) -> tuple[str, DType, int, Effort]:
        return (self.backend, self.dtype, self.threads, self.effort)


def job_of(tasks: list[Task], check: bool = False, references: str | None = None) -> Batch:
    """Return the job of tasks that share a worker: to time them, or to ``check`` agreement."""
    first = tasks[0]
    return Batch(
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


def row_of(task: Task, outcome: Outcome, run: Run) -> Measurement:
    """Return the row that a worker's answer becomes."""
    return run.row(
        process=task.process,
        **problem_fields(task.problem),
        **backend_fields(task.backend, task.dtype, task.threads),
        **{field: getattr(outcome, field) for field in Timings.__struct_fields__},
    )


def key_of(row: Measurement) -> Key:
    """Return what the tasks that may have given this row have as their key."""
    return (row.problem, row.backend, row.dtype, row.all_threads)


def remaining(tasks: Iterable[Task], rows: Iterable[Measurement]) -> list[Task]:
    """Return tasks without a row whose problem the backend has not failed or skipped."""
    measured, given_up = set(), set()
    for row in rows:
        if row.phase is not None:  # of a part of an iteration
            continue
        measured.add((key_of(row), row.process))
        if row.status != "ok":
            given_up.add(key_of(row))
    return [
        task
        for task in tasks
        if (task.key, task.process) not in measured and task.key not in given_up
    ]
