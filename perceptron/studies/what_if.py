"""What if there were a GPU here? Kernels are counted, the host measured, the rest published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import ValidationError, convert

from perceptron.analysis.interval import of_times
from perceptron.analysis.what_if import (
    EAGER,
    GRAPH,
    Device,
    DeviceEstimate,
    KernelWork,
    WhatIf,
    estimate,
    what_if,
)
from perceptron.backends import registry
from perceptron.backends.shared.kernels import reduces
from perceptron.errors import UserError
from perceptron.measure.job import Extra, Time
from perceptron.measure.launch import Workers, run_job
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import KERNELS, Measurement
from perceptron.records.readers.stored_runs import LoadedRun

# Shows what the host needs for an operation. What is dispatched on a device is listed without one
# by the backends that are estimated: their optimizers launch what that of the host does not.
_HOST = "torch-cpu"
# Its operations compute next to nothing: all that its iteration takes is dispatching them.
_TINY = "or-gate"
_PROCESSES = 3


def require(problems: Iterable[Problem]) -> None:
    """Raise `UserError` for what cannot be estimated, before anything is measured.

    Without PyTorch nothing can be counted, and no figure says how long the host takes to hand
    batches to a device.
    """
    reason = registry.reason_unavailable(_HOST)
    if reason is not None:
        raise UserError(f"--what-if counts the kernels of {_HOST}: {reason}")
    for problem in problems:
        if problem.feed == "host":
            raise UserError(
                f"--what-if: {problem.name} has its batches from the host, and how long copying "
                "them takes is not estimated: leave one of the two out"
            )


def count_kernels(
    problems: Sequence[Problem], dtype: DType, threads: int = 1
) -> tuple[dict[tuple[str, str], list[KernelWork]], int]:
    """Count what an iteration of each problem dispatches on a device.

    Return its kernels by the backend and the problem's name, and how many operations one of the
    tiny problem has on the host. Raises `UserError` where PyTorch is not installed, without which
    nothing can be counted.
    """
    require(problems)
    references = [problem.reference for problem in problems]
    kernels = {}
    with Workers() as workers:
        for backend in (EAGER, GRAPH):
            counted = _kernels(workers, backend, references, dtype, threads)
            for problem in problems:
                kernels[backend, problem.name] = counted[problem.reference]
        tiny = _kernels(workers, _HOST, [_TINY], dtype, threads)[_TINY]
    return kernels, len(tiny)


def estimates(
    problems: Sequence[Problem], dtype: DType, threads: int, device: Device
) -> dict[str, list[DeviceEstimate]]:
    """Estimate eager PyTorch and a recorded graph, in this order, by the problem's name.

    Raises `UserError` where PyTorch is not installed, without which nothing can be counted.
    """
    kernels, host_operations = count_kernels(problems, dtype, threads)
    dispatch = _dispatch(dtype, threads) / host_operations
    return {
        problem.name: [
            estimate(
                kernels[backend, problem.name],
                dispatch,
                device,
                backend,
                problem.size,
                dtype=dtype,
            )
            for backend in (EAGER, GRAPH)
        ]
        for problem in problems
    }


def kept(run: LoadedRun) -> list[WhatIf]:
    """Return what a run holds; raises `UserError` naming its file for something else."""
    try:
        return convert(run.run.what_if, list[WhatIf])
    except ValidationError as error:
        raise UserError(f"{run.folder / 'run.json'}, what_if: {error}") from None


def of_crossovers(
    rows: Sequence[Measurement],
    problems: Iterable[Problem],
    dtype: DType,
    threads: int,
    device: Device,
) -> list[WhatIf]:
    """Compare every backend that was measured with both estimates, family by family.

    ``problems`` are those that the rows are of.
    """
    by_name = {problem.name: problem for problem in problems}
    answers = []
    for family in dict.fromkeys(row.family for row in rows):
        own = [row for row in rows if row.family == family and row.all_threads == threads]
        measured = dict.fromkeys(row.problem for row in own if row.problem and row.status == "ok")
        pairs = estimates([by_name[name] for name in measured], dtype, threads, device).values()
        for backend in dict.fromkeys(row.backend for row in own if row.status == "ok"):
            for index in range(2):
                answer = what_if(family, backend, own, [pair[index] for pair in pairs], device)
                answers += [answer] if answer is not None else []
    return answers


def _kernels(
    workers: Workers, name: str, references: Sequence[str], dtype: DType, threads: int
) -> dict[str, list[KernelWork]]:
    """Return the kernels of one iteration of a backend on each problem, by its reference."""
    kernels = {}
    for reference in dict.fromkeys(references):
        asked = Extra(
            problem=reference,
            backend=name,
            dtype=dtype,
            threads=threads,
            extra=KERNELS,
            samples=1,
            minimum_seconds=0.0,
        )
        seen = workers.run(name, asked)
        if seen.status != "ok":
            raise UserError(f"--what-if: {reference}: {seen.reason}")
        kernels[reference] = [
            KernelWork(part.work, part.bytes_moved or 0.0, part.thinnest, reduces(part.name))
            for part in seen.parts
        ]
    return kernels


def _dispatch(dtype: DType, threads: int) -> float:
    """Return seconds of one iteration of the tiny problem, over a few fresh processes."""
    asked = Time(problem=_TINY, backend=_HOST, dtype=dtype, threads=threads, minimum_seconds=0.005)
    seconds = []
    for _ in range(_PROCESSES):
        seen = run_job(asked)
        if seen.seconds is None:
            raise UserError(f"--what-if: {_TINY}: {seen.reason}")
        seconds.append(seen.seconds)
    return of_times(seconds).estimate
