"""Which backend for my shape on this machine, and at which sizes that changes: within seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

from msgspec import to_builtins

from perceptron.analysis import advice
from perceptron.analysis.crossover.expected import expected_change
from perceptron.analysis.crossover.locator import Search, next_measurements
from perceptron.analysis.select import times
from perceptron.analysis.throughput import TrainingLength
from perceptron.analysis.what_if.devices import Device
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.machine import usable_cores
from perceptron.measure import campaign
from perceptron.measure.budget import Budget
from perceptron.measure.job import Time
from perceptron.measure.progress import Progress
from perceptron.measure.timing import Effort
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Measurement
from perceptron.records.row import Row
from perceptron.records.row import times as times_of
from perceptron.studies import what_if
from perceptron.studies.shared.axes_through import AxisThrough, all_axes, axes_through
from perceptron.studies.shared.missing import missing
from perceptron.studies.shared.opening import contents, refuse_edited_files, start_run
from perceptron.studies.shared.over_processes import require_backends
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet

# Processes for the problem itself, and for sizes beside it.
_PROCESSES = 3
_BESIDE = 2
# Share of the time that the problem's own processes leave for sizes beside it.
_BESIDE_SHARE = 0.4
SECONDS = 28.0
"""What it may take unless the user says otherwise: half a minute with what precedes and follows."""
_EFFORT = Effort(samples=5, minimum_seconds=0.005)


@dataclass(frozen=True)
class AdvisePlan:
    """A problem, and the training that is to be fast."""

    problem: Problem
    backends: tuple[str, ...] = registry.DEFAULT
    dtype: DType = "float32"
    threads: int = 0
    """0 for all cores that this process may use."""
    iterations: int | None = None
    """Of the whole training; None for those that the problem says, if there are no ``epochs``."""
    epochs: int | None = None

    def __post_init__(self) -> None:
        if self.iterations is not None and self.epochs is not None:
            raise UserError("give --iterations or --epochs, not both")
        object.__setattr__(self, "threads", self.threads or usable_cores())
        require_backends(self.backends, self.threads)

    @property
    def length(self) -> TrainingLength:
        """How long the training is, of this problem and of those along its axes."""
        return TrainingLength(
            iterations=self.iterations or self.problem.iterations, epochs=self.epochs
        )


def advise(
    plan: AdvisePlan,
    machine: str | None,
    results: Path,
    progress: Progress,
    device: Device | None = None,
    budget_seconds: float | None = None,
    quiet: Quiet = LOOK_ONCE,
) -> advice.AdviceResult:
    """Measure the problem on every backend that can run here, then look along its axes.

    End after at most ``budget_seconds``, by default `SECONDS`, or when nothing is left to measure;
    the estimates of a ``device`` that is not here take a few seconds more. Raises `UserError` if
    the results folder cannot be written to, or if there was no time for anything.
    """
    if device is not None:
        what_if.require([plan.problem])
    budget = Budget.of_study(budget_seconds or SECONDS)
    problem = plan.problem
    before = contents([problem])
    as_json: dict[str, object] = {
        "study": "advise",
        "problem": problem.reference,
        "name": problem.name,
        "length": to_builtins(plan.length),
        "axes": to_builtins([through.named for through in all_axes(problem)]),
        "backends": list(plan.backends),
        "dtype": plan.dtype,
        "threads": plan.threads,
        "contents": before,
    }

    def ask(rows: Sequence[Row], left: float) -> list[Time]:
        refuse_edited_files([problem], before)
        return next_jobs(plan, times_of(rows), left / budget.seconds)

    with start_run(
        as_json,
        plan.backends,
        plan.threads,
        machine,
        results,
        quick=True,
        budget=budget,
        quiet=quiet,
    ) as run:
        whole = campaign.carry_out(ask, run.journal, run.run, budget, progress)
        run.require_rows()
        rows = run.journal.times
        axes = [advice.rows_on(one.named, rows, problem.name) for one in _axes(plan, rows)]
        # The budget was too small if it left out a process of the problem, or sizes beside it.
        lacks = missing(_own_jobs(plan, _PROCESSES), rows)
        budget.cut_short = not (whole and not lacks and all(one.has_other_sizes for one in axes))
        return advice.AdviceResult(
            advice=advice.advise(rows, plan.backends, problem.name, plan.length, axes),
            rows=rows,
            results=run.journal.folder,
            warnings=run.warnings(plan.threads),
            estimates=[]
            if device is None
            else what_if.estimates([problem], plan.dtype, plan.threads, device)[problem.name],
            budget=budget.use,
        )


# --- what is measured, in its order --------------------------------------------------------------


def next_jobs(plan: AdvisePlan, rows: Sequence[Measurement], left: float) -> list[Time]:
    """Return what is missing of the problem itself, then of the next size on an axis through it.

    ``left`` is the share of the time that is. Where the problem takes long, its further processes
    leave some of it for sizes beside it. Axes take turns, the first ones first.
    """
    for processes in range(1, _PROCESSES + 1):
        jobs = missing(_own_jobs(plan, processes), rows)
        if jobs and (processes == 1 or left > _BESIDE_SHARE):
            return jobs
    axes = [
        (through, advice.rows_on(through.named, rows, plan.problem.name).rows)
        for through in _axes(plan, rows)
    ]
    for through, on_axis in sorted(axes, key=lambda axis: len({row.size for row in axis[1]})):
        if jobs := missing(_next_on(plan, through, on_axis), rows):
            return jobs
    return []


def _axes(plan: AdvisePlan, rows: Sequence[Measurement]) -> list[AxisThrough]:
    """Return the axes through the problem; none before two backends have a time of it."""
    own = _own(plan, rows)
    return axes_through(plan.problem, own) if len(_usable(plan, own)) > 1 else []


def _own(plan: AdvisePlan, rows: Sequence[Measurement]) -> list[Measurement]:
    return [row for row in rows if row.problem == plan.problem.name]


def _usable(plan: AdvisePlan, own: Sequence[Measurement]) -> list[str]:
    return [name for name in plan.backends if times(own, name)]


def _next_on(plan: AdvisePlan, through: AxisThrough, on_axis: Sequence[Measurement]) -> list[Time]:
    """Return the jobs of the size on an axis that is nearest to an expected change of winner."""
    axis, here = through.axis, through.here
    rows = advice.whole_trainings(on_axis, plan.length)
    own = [row for row in rows if row.size == here]
    usable = _usable(plan, own)
    # As many processes as the problem itself had time for.
    beside = min(_BESIDE, min(len(times(own, name)) for name in usable))
    best = min(usable, key=lambda name: min(times(own, name).values()))
    others = [name for name in usable if name != best]
    search = Search(axis.low, axis.high, coarse=16.0, first=beside, enough=beside, most=beside)
    wanted: dict[int, set[str]] = {}
    for other in others:
        for wish in next_measurements(rows, best, other, search):
            if wish.size != here:
                wanted.setdefault(wish.size, set()).update((best, other))
    if not wanted:
        return []
    towards = expected_change(rows, best, others, here)
    size = min(wanted, key=lambda size: abs(log(size / towards)))
    return _jobs(plan, [(axis.problem(size), name) for name in sorted(wanted[size])], beside)


def _own_jobs(plan: AdvisePlan, processes: int) -> list[Time]:
    return _jobs(plan, [(plan.problem, name) for name in plan.backends], processes)


def _jobs(plan: AdvisePlan, pairs: Sequence[tuple[Problem, str]], processes: int) -> list[Time]:
    return [
        Time(
            problem=problem.reference,
            backend=backend,
            dtype=plan.dtype,
            threads=plan.threads,
            repeat=repeat,
            samples=_EFFORT.samples,
            minimum_seconds=_EFFORT.minimum_seconds,
        )
        for repeat in range(processes)
        for problem, backend in pairs
    ]
