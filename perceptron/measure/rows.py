"""Rows of a job: the worker's answer with the fields of the run, the problem and the backend."""

from __future__ import annotations

from math import prod
from typing import Any

from perceptron.backends import registry
from perceptron.backends.protocol import processes_of
from perceptron.measure.job import Call, Extra, Job, Outcome, Race, timed
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem
from perceptron.records.measurement import KERNELS, PHASES, PROFILE, Measurement, Status, Timings
from perceptron.records.race import RaceRow, RaceTimes
from perceptron.records.row import Row
from perceptron.records.run import Run, now
from perceptron.records.validity import impossible

Seen = Timings | RaceTimes
"""A worker's answer to a job, or the reason why there is none."""


def nothing(job: Job, status: Status, reason: str | None) -> Seen:
    """Return an answer without times: the status of a job, and the reason."""
    kind = RaceTimes if isinstance(job, Race) else Timings
    return kind(status=status, reason=reason)


def rows_of(job: Job, subject: dict[str, Any], answer: Seen, run: Run) -> list[Row]:
    """Return the rows of a job from its worker's answer: one row, or one for each part of an extra.

    ``subject`` has the `subject_fields` of the job.
    """
    if isinstance(job, Extra):
        return _explaining(job, subject, answer, run)
    if isinstance(job, Call):
        backend: dict[str, Any] = {"backend": job.backend, "threads": job.threads, "processes": 1}
    else:
        backend = backend_fields(job.backend, job.dtype, job.threads)
    if isinstance(answer, Timings):
        row = run.row(repeat=job.repeat, **subject, **backend, **timed(answer))
        fault = impossible(row)  # a backend that returns at once has trained nothing
        if fault is not None:
            failed = timed(Timings(status="failed", reason=fault))
            row = run.row(repeat=job.repeat, **subject, **backend, **failed)
        return [row]
    assert isinstance(job, Race), f"times of a race for a {type(job).__name__}"
    race_row = RaceRow(
        machine=run.machine,
        environment=run.environment,
        commit=run.commit,
        code=run.code,
        when=now(),
        problem=subject["problem"],
        problem_digest=subject["problem_digest"],
        target=job.target,
        epochs=job.epochs,
        iterations_per_epoch=subject["iterations_per_epoch"],
        check_iterations=job.check_iterations,
        seed=job.repeat,
        **backend,
        **{field: getattr(answer, field) for field in RaceTimes.__struct_fields__},
    )
    return [race_row]


def _explaining(job: Extra, subject: dict[str, Any], answer: Seen, run: Run) -> list[Row]:
    """Return a row for each part, or one with the number of kernels, or one with the reason.

    Each row has a phase, which distinguishes it from a training.
    """
    backend = backend_fields(job.backend, job.dtype, job.threads)
    parts = answer.parts if isinstance(answer, Outcome) else ()

    def row(family: str, size: float, phase: str, **keys: Any) -> Measurement:
        return run.row(repeat=job.repeat, family=family, size=size, phase=phase, **backend, **keys)

    if not parts:
        status = "skipped" if answer.status == "ok" else answer.status
        reason = answer.reason or "nothing was measured"
        return [row(job.extra, 1, job.extra, status=status, reason=reason)]
    if job.extra == KERNELS:
        return [row(KERNELS, len(parts), KERNELS)]
    if job.extra == PROFILE:
        return [row(PROFILE, sum(part.work for part in parts), PROFILE)]
    of_problem = job.extra == PHASES
    rows: list[Row] = []
    for part in parts:
        subject_of_part = subject if of_problem else {"family": job.extra, "size": part.work}
        rows.append(row(phase=part.name, **subject_of_part, **timed(part)))
    return rows


def subject_fields(job: Job) -> dict[str, Any]:
    """Return the fields of a row for the problem, or for the sizes of a function's call."""
    if isinstance(job, Call):
        family, _, sizes_text = job.problem.rpartition(":")
        sizes = tuple(map(int, sizes_text.split("x")))
        return {
            "problem_digest": job.digest,
            "family": family,
            "size": prod(sizes),
            "sizes": sizes if len(sizes) > 1 else None,
            "axes": job.axes,
        }
    return problem_fields(catalogue.look_up(job.problem))


def backend_fields(name: str, dtype: str | None, threads: int) -> dict[str, Any]:
    """Return the fields of a row for the backend; ``threads`` is the total of its processes.

    Plans contain only backends that divide the threads evenly.
    """
    backend = registry.load(name)
    processes = processes_of(backend)
    return {
        "backend": name,
        "device": backend.device,
        "dtype": dtype,
        "threads": threads // processes or 1,
        "processes": processes,
    }


def problem_fields(problem: Problem) -> dict[str, Any]:
    """Return the fields of a row of times for the problem."""
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
