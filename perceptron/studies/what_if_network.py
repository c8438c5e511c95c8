"""What if more machines like this one trained together? Here is measured what the answer needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import cast, get_args

from perceptron.analysis.data_parallel.estimate import NetworkWhatIf, NotEstimated, what_if_network
from perceptron.analysis.data_parallel.fit import (
    IterationTime,
    SendingTime,
    fit_compute,
    fit_sending,
)
from perceptron.analysis.data_parallel.networks import Network
from perceptron.analysis.select import NOT_REACHED, has_time
from perceptron.backends import registry
from perceptron.backends.data_parallel.buckets import bucket_bytes
from perceptron.errors import UserError
from perceptron.machine import usable_cores
from perceptron.measure.launch import Workers
from perceptron.measure.timing import Effort
from perceptron.problems import catalogue
from perceptron.problems.cost import operations
from perceptron.problems.optimizer import OptimizerName
from perceptron.problems.problem import DType, Problem
from perceptron.problems.shape import Shape
from perceptron.records.measurement import Measurement
from perceptron.studies.shared.campaign import run_tasks
from perceptron.studies.shared.opening import OpenRun
from perceptron.studies.shared.progress import Progress
from perceptron.studies.shared.task import Task

PLAIN, ALONE, TWO = "torch-cpu", "torch-ddp", "torch-ddp@2"
BACKENDS = (PLAIN, ALONE)
# Shapes by which sending is learned: gradients of 0.3 KiB, 256 KiB and 4 MiB, and as few rows
# as can be, so that next to nothing is computed beside them.
_SENT: tuple[tuple[int, tuple[int, ...]], ...] = ((8, (8,)), (128, (512,)), (512, (2048,)))
_SENT_ROWS = 4
# Rows beside the problem's own, by which is learned what divides.
_ROWS_APART = 8
# An iteration of more operations takes longer than is worth a look.
_MOST_OPERATIONS = 3e8
# On batches no more rows than that: every process loads all of them.
_BATCHES = 4
_PROCESSES = 2
SECONDS = 90.0
"""What advise may take with it, unless the user says otherwise: ranks take seconds to start."""
# Of what is left of the budget when the problem itself is measured.
_SHARE = 0.75
_EFFORT = Effort(samples=5, minimum_seconds=0.005)


def require(problem: Problem) -> None:
    """Raise `UserError` for what cannot be estimated, before anything is measured."""
    for name in BACKENDS:
        reason = registry.reason_unavailable(name)
        if reason is not None:
            raise UserError(f"--what-if-network measures {name}: {reason}")
    if usable_cores() < 2:
        raise UserError(
            "--what-if-network measures two processes side by side, and here is one core: run it "
            "on a machine of two"
        )
    if problem.feed == "host":
        raise UserError(
            f"--what-if-network: {problem.name} has its batches from the host, which is not "
            "estimated: leave one of the two out"
        )
    if problem.models > 1:
        raise UserError(
            f"--what-if-network: {problem.name} is several models at once, which need no network: "
            "each machine trains some of them"
        )


def measure(
    problem: Problem,
    dtype: DType,
    threads: int,
    run: OpenRun,
    workers: Workers,
    progress: Progress,
) -> bool:
    """Measure what the estimate needs, while there is time; return whether some was left out."""
    budget = run.budget.part(_SHARE)
    for process in range(_PROCESSES):
        if process and budget.left < budget.spent:
            return True  # it would not be done in time, and a part of it says nothing
        wanted = tasks(problem, dtype, threads, process)
        if run_tasks(wanted, run.journal, run.run, progress, budget, workers):
            return True
    return False


def tasks(problem: Problem, dtype: DType, threads: int, process: int) -> list[Task]:
    """Return what one process of each kind measures; what the first measures is enough.

    That is the problem, whose machines have so many threads, and others of more and fewer rows, on
    one process with DDP and without; and how long two processes take to send gradients of several
    sizes, on a thread each.
    """
    members = [
        *((one, name, threads) for one in _rows_apart(problem) for name in BACKENDS),
        *(
            pair
            for whole, half in _sent()
            for pair in ((whole, TWO, 2), (half, ALONE, 1))  # each has half of the rows
        ),
    ]
    return [
        Task(
            problem=one,
            backend=name,
            dtype=dtype,
            threads=number,
            process=process,
            group="network",
            effort=_EFFORT,
        )
        for one, name, number in members
    ]


def answer(
    rows: Iterable[Measurement], problem: Problem, dtype: DType, threads: int, network: Network
) -> NetworkWhatIf | NotEstimated:
    """Estimate the problem from rows of its `tasks`, or say what is missing and why."""
    measured = _Measured([row for row in rows if row.dtype == dtype])
    computed = [
        IterationTime(one.step_rows, name != PLAIN, seconds)
        for one in _rows_apart(problem)
        for name in BACKENDS
        for seconds in measured.times(one, name, threads).values()
    ]
    sent = [
        SendingTime(2, bucket_bytes(whole, dtype), alone[process], seconds)
        for whole, half in _sent()
        for alone in [measured.times(half, ALONE, 1)]
        for process, seconds in measured.times(whole, TWO, 2).items()
        if process in alone
    ]
    if not _are_enough(computed, sent):
        reason = measured.missing or f"{NOT_REACHED}: allow more time by --budget"
        return NotEstimated(network=network.name, reason=reason)
    return what_if_network(
        problem.name,
        problem.step_rows,
        dtype,
        threads,
        bucket_bytes(problem, dtype),
        fit_compute(computed),
        fit_sending(sent),
        network,
    )


def _are_enough(computed: Sequence[IterationTime], sent: Sequence[SendingTime]) -> bool:
    """Return whether there are more times than unknowns, and what tells these apart."""
    sizes = {(one.step_rows, one.is_ddp) for one in computed}
    return len(sizes) > 3 < len(computed) and len({one.buckets for one in sent}) > 1 < len(sent) - 1


class _Measured:
    """Rows in which times are looked up."""

    def __init__(self, rows: Sequence[Measurement]) -> None:
        self._rows = rows
        self.missing: str | None = None
        """The first that was looked up in vain, and why it is not there."""

    def times(self, problem: Problem, backend: str, threads: int) -> dict[int, float]:
        """Return seconds per iteration by process, as far as there are any."""
        key = (problem.name, backend, threads)
        own = [row for row in self._rows if (row.problem, row.backend, row.all_threads) == key]
        found = {row.process: row.seconds for row in own if has_time(row) and row.seconds}
        if not found and self.missing is None:
            reason = next((row.reason for row in own if row.reason), NOT_REACHED)
            self.missing = f"{backend} on {problem.name}, {threads} threads: {reason}"
        return found


def _rows_apart(problem: Problem) -> list[Problem]:
    """Return the problem, and others of the same layers that have more and fewer rows a step."""
    here = problem.step_rows
    least = max(2, problem.outputs)
    counts = [here // _ROWS_APART**2, here // _ROWS_APART, here * _ROWS_APART]
    others = [_with_step_rows(problem, count) for count in counts if count >= least]
    fitting = [one for one in others if operations(one) <= _MOST_OPERATIONS]
    # Two beside the problem are enough; the larger ones tell more of what divides.
    return [problem, *fitting[-2:]]


def _with_step_rows(problem: Problem, count: int) -> Problem:
    """Return a problem of the same layers and optimizer with so many rows an iteration."""
    name = problem.optimizer.kind.split()[0]
    assert name in get_args(OptimizerName)
    batched = problem.batch is not None
    shape = Shape(
        rows=count * _BATCHES if batched else count,
        features=problem.dataset.features,
        hidden=problem.hidden,
        classes=problem.outputs if problem.outputs > 1 else None,
        batch=count if batched else None,
        optimizer=cast("OptimizerName", name),
    )
    return catalogue.find(shape.reference)


def _sent() -> Iterator[tuple[Problem, Problem]]:
    """Yield shapes by which sending is learned, each with its half of the rows."""
    for features, hidden in _SENT:
        whole = Shape(rows=_SENT_ROWS, features=features, hidden=hidden)
        half = replace(whole, rows=_SENT_ROWS // 2)
        yield catalogue.find(whole.reference), catalogue.find(half.reference)
