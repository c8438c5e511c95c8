"""A row to measure: what is sent to a worker for it, and what its answer becomes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from perceptron.backends import registry
from perceptron.backends.protocol import processes_of
from perceptron.measure.job import Job, Outcome
from perceptron.measure.timing import Effort
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Measurement, Timings
from perceptron.records.run import Run
from perceptron.rehearsal import device_label

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


def job_of(tasks: list[Task], check: bool = False, references: str | None = None) -> Job:
    """Return the job of tasks that share a worker: to time them, or to ``check`` agreement."""
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


def row_of(task: Task, outcome: Outcome, run: Run) -> Measurement:
    """Return the row that a worker's answer becomes."""
    return run.row(
        process=task.process,
        **problem_fields(task.problem),
        **backend_fields(task.backend, task.dtype, task.threads),
        **{field: getattr(outcome, field) for field in Timings.__struct_fields__},
    )


def backend_fields(name: str, dtype: DType, threads: int) -> dict[str, Any]:
    """Return the fields of a row that say who trained it, with so many threads in all.

    Plans hold what shares its threads evenly, so that the threads of all processes are these.
    """
    backend = registry.load(name)
    processes = processes_of(backend)
    return {
        "backend": name,
        "device": device_label(backend.device),
        "dtype": dtype,
        "threads": threads // processes or 1,
        "processes": processes,
    }


def problem_fields(problem: Problem) -> dict[str, Any]:
    """Return the fields of a row that say what was trained."""
    return {
        "problem": problem.name,
        "problem_digest": problem.digest,
        "family": problem.family,
        "size": problem.size,
        "sizes": problem.sizes,
        "axes": problem.axes,
        "rows": problem.dataset.rows,
        "features": problem.dataset.features,
        "hidden": list(problem.hidden),
        "outputs": problem.outputs,
        "batch": problem.batch,
        "iterations_per_epoch": problem.iterations_per_epoch,
        "models": problem.models,
        "folds": problem.folds,
        "optimizer": problem.optimizer.kind,
        "feed": problem.feed,
    }


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
