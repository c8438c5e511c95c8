"""What if there were a GPU here? Kernels are counted, the host measured, the rest published."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.interval import of_times
from perceptron.analysis.select import current
from perceptron.analysis.what_if.devices import Device
from perceptron.analysis.what_if.estimate import (
    EAGER,
    GRAPH,
    DeviceEstimate,
    EstimateCheck,
    Kernel,
    WhatIf,
    check,
    estimate,
    what_if,
)
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.measure.job import Extra, Job
from perceptron.measure.launch import Workers
from perceptron.problems import catalogue
from perceptron.problems.problem import DType
from perceptron.records.readers.table import load_measurements

# Lists the kernels, and shows what the host needs for an operation.
_COUNTED = "torch-cpu"
# Its operations compute next to nothing: all that its iteration takes is dispatching them.
_TINY = "or-gate"
_PROCESSES = 3


def require() -> None:
    """Raise `UserError` where PyTorch is not installed: without it nothing can be counted."""
    reason = registry.reason_unavailable(_COUNTED)
    if reason is not None:
        raise UserError(f"--what-if counts the kernels of {_COUNTED}: {reason}")


def estimates(
    problems: Sequence[str], dtype: DType, threads: int, device: Device
) -> dict[str, list[DeviceEstimate]]:
    """What eager PyTorch and a recorded graph might take, likely first, by problem.

    Raises `UserError` where PyTorch is not installed, without which nothing can be counted.
    """
    require()
    with Workers() as workers:
        kernels = _kernels(workers, [_TINY, *problems], dtype, threads)
        dispatch = _dispatch(dtype, threads) / len(kernels[_TINY])
    return {
        problem: [
            estimate(kernels[problem], dispatch, device, backend, catalogue.find(problem).size)
            for backend in (EAGER, GRAPH)
        ]
        for problem in problems
        if problem in kernels
    }


def of_located(found: CrossoverResult, dtype: DType, threads: int, device: Device) -> list[WhatIf]:
    """Every backend that was measured against both estimates, family by family."""
    answers = []
    for family in dict.fromkeys(row.family for row in found.rows):
        rows = [row for row in found.rows if row.family == family and row.threads == threads]
        problems = dict.fromkeys(row.problem for row in rows if row.problem and row.status == "ok")
        guessed = estimates(list(problems), dtype, threads, device)
        for name in dict.fromkeys(row.backend for row in rows if row.status == "ok"):
            for place in range(2):
                each = what_if(
                    family, name, rows, [pair[place] for pair in guessed.values()], device
                )
                answers += [each] if each is not None else []
    return answers


def checks(results: Path, dtype: DType, threads: int, device: Device) -> list[EstimateCheck]:
    """The estimates beside whatever was measured on a device of this name, if anything was.

    A machine is taken to have the device if a part of its name is the device's.
    """
    if not (results / "runs").is_dir():
        return []
    rows = [
        row
        for row in load_measurements(results)
        if row.backend in (EAGER, GRAPH)
        and row.status == "ok"
        and (row.dtype, row.threads) == (dtype, threads)
        and device.name in re.split(r"[^a-z0-9]+", row.machine.lower())
    ]
    problems = list(dict.fromkeys(row.problem for row in rows if row.problem))
    if not problems:
        return []
    return [
        each
        for problem, guessed in estimates(problems, dtype, threads, device).items()
        for guess in guessed
        for each in check(current(row for row in rows if row.problem == problem), guess)
    ]


def _kernels(
    workers: Workers, problems: Iterable[str], dtype: DType, threads: int
) -> dict[str, list[Kernel]]:
    found = {}
    backend = registry.load(_COUNTED)
    for outcome in workers.run(
        "kernels", _job(list(dict.fromkeys(problems)), dtype, threads, "kernels"), backend
    ):
        if outcome.status != "ok":
            raise UserError(f"--what-if: {outcome.problem}: {outcome.reason}")
        found[outcome.problem] = [
            Kernel(part.work, part.bytes_moved or 0.0) for part in outcome.parts
        ]
    return found


def _dispatch(dtype: DType, threads: int) -> float:
    """Seconds of one iteration of the tiny problem, over a few fresh processes."""
    seconds = []
    for process in range(_PROCESSES):
        with Workers() as workers:
            (outcome,) = workers.run(
                process, _job([_TINY], dtype, threads), registry.load(_COUNTED)
            )
        if outcome.seconds is None:
            raise UserError(f"--what-if: {_TINY}: {outcome.reason}")
        seconds.append(outcome.seconds)
    return of_times(seconds).estimate


def _job(problems: list[str], dtype: DType, threads: int, extra: Extra | None = None) -> Job:
    return Job(
        backend=_COUNTED,
        problems=problems,
        dtype=dtype,
        threads=threads,
        samples=5,
        minimum_seconds=0.005,
        extra=extra,
    )
