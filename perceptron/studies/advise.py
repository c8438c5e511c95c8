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
from perceptron.analysis.training_length import TrainingLength
from perceptron.analysis.what_if.devices import Device
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.machine import usable_cores
from perceptron.measure.launch import Workers
from perceptron.measure.progress import Progress
from perceptron.measure.timing import Effort
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Measurement
from perceptron.studies import what_if
from perceptron.studies.shared.axes_through import AxisThrough, all_axes, axes_through
from perceptron.studies.shared.budget import Budget, study_budget
from perceptron.studies.shared.campaign import run_tasks
from perceptron.studies.shared.opening import OpenRun, contents, start_run
from perceptron.studies.shared.over_processes import require_backends
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet
from perceptron.studies.shared.task import Task
from perceptron.studies.shared.task_costs import expected_seconds

# Processes for the problem itself, and for sizes beside it, of which the time allows so many more.
_PROCESSES = 3
_BESIDE = 2
# Share of the time for processes of the problem itself beyond the first.
_OWN_SHARE = 0.6
# What one of those takes of what the first did: half as many workers start, and nothing is checked.
_FURTHER_SHARE = 0.5
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
    budget = study_budget(budget_seconds or SECONDS)
    problem = plan.problem
    as_json: dict[str, object] = {
        "study": "advise",
        "problem": problem.reference,
        "name": problem.name,
        "length": to_builtins(plan.length),
        "axes": to_builtins([through.named for through in all_axes(problem)]),
        "backends": list(plan.backends),
        "dtype": plan.dtype,
        "threads": plan.threads,
        "contents": contents([problem]),
    }
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
        axes = _look(plan, run, progress)
        run.require_rows()
        rows = run.journal.times
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


def _look(plan: AdvisePlan, run: OpenRun, progress: Progress) -> list[advice.AxisRows]:
    """Measure while there is time; return the axes through the problem with their rows.

    The budget was too small if it left out a process of the problem, or a size on one of them.
    """
    problem, rows, budget = plan.problem, run.journal.times, run.budget
    with Workers(budget.until_abandoned) as workers:
        look = _Look(plan, run, workers, progress, budget)
        pairs = [(problem, backend) for backend in plan.backends]
        left_out = look.own(pairs, budget)
        own = [row for row in rows if row.problem == problem.name]
        usable = [name for name in plan.backends if times(own, name)]
        axes = axes_through(problem, own) if len(usable) > 1 else []
        while look.round(usable, axes):
            pass
    axes_rows = [advice.rows_on(through.named, rows, problem.name) for through in axes]
    no_other = any(not axis.has_other_sizes for axis in axes_rows)
    budget.cut_short = left_out or look.left_out_sizes or no_other
    return axes_rows


class _Look:
    """Measuring within the time that is left."""

    def __init__(
        self,
        plan: AdvisePlan,
        run: OpenRun,
        workers: Workers,
        progress: Progress,
        budget: Budget,
    ) -> None:
        self._plan = plan
        self._run = run
        self._workers = workers
        self._progress = progress
        self._budget = budget
        self._beside = 1
        """Processes for each size beside the problem: of those that run already."""
        self.left_out_sizes = False
        """Whether the last round left out a size that it wanted, for lack of time."""

    def measure(
        self, pairs: Sequence[tuple[Problem, str]], processes: int, budget: Budget
    ) -> list[Task]:
        """Measure (problem, backend) pairs in this many lasting processes; return what is left."""
        run, tasks = self._run, self._tasks(pairs, processes)
        return run_tasks(tasks, run.journal, run.run, self._progress, budget, self._workers)

    def own(self, pairs: Sequence[tuple[Problem, str]], budget: Budget) -> bool:
        """Measure the problem itself; return whether a process was left out for lack of time.

        One that could not start in time would tell nothing, and cost the sizes beside it theirs.
        """
        before = budget.spent
        left_out = self.measure(pairs, 1, budget)
        further = _FURTHER_SHARE * (budget.spent - before)
        part = budget.part(_OWN_SHARE)
        for processes in range(2, _PROCESSES + 1):
            if part.left < further:
                return True
            left_out = self.measure(pairs, processes, part)
            self._beside = min(_BESIDE, processes)
        return bool(left_out)

    def round(self, backends: Sequence[str], axes: Sequence[AxisThrough]) -> bool:
        """Measure the next size of each axis while there is time; False when nothing was measured.

        The first axes come first, so that they have as many sizes as the others, or one more.
        """
        before, beside = len(self._run.journal.times), self._beside
        self.left_out_sizes = False
        for through in axes:
            for pairs in self._next_sizes(backends, through)[:1]:
                tasks = self._tasks(pairs, beside)
                # A size that some of the processes have measured says nothing that is sure.
                if sum(self._expected(task) for task in tasks) < self._budget.left:
                    self.left_out_sizes |= bool(self.measure(pairs, beside, self._budget))
                else:
                    self.left_out_sizes = True
        return len(self._run.journal.times) > before

    def _expected(self, task: Task) -> float:
        """Return the seconds that a task takes; the first process of a size also checks it."""
        seconds = expected_seconds(task, self._budget)
        return seconds if task.process else seconds + expected_seconds(task, self._budget, "check")

    def _tasks(self, pairs: Sequence[tuple[Problem, str]], processes: int) -> list[Task]:
        plan = self._plan
        return [
            Task(
                problem=problem,
                backend=backend,
                dtype=plan.dtype,
                threads=plan.threads,
                process=process,
                group="advise",
                effort=_EFFORT,
            )
            for process in range(processes)
            for problem, backend in pairs
        ]

    def rows(self, through: AxisThrough) -> list[Measurement]:
        """Return the rows on an axis, the problem's own among them with its size there."""
        rows = self._run.journal.times
        return advice.rows_on(through.named, rows, self._plan.problem.name).rows

    def _next_sizes(
        self, backends: Sequence[str], through: AxisThrough
    ) -> list[list[tuple[Problem, str]]]:
        """Return the (problem, backend) pairs of each size to measure, nearest a change first."""
        axis, here, beside = through.axis, through.here, self._beside
        rows = advice.whole_trainings(self.rows(through), self._plan.length)
        own = [row for row in rows if row.size == here]
        best = min(backends, key=lambda name: min(times(own, name).values()))
        search = Search(axis.low, axis.high, coarse=16.0, first=beside, enough=beside, most=beside)
        wanted: dict[int, set[str]] = {}
        for other in backends:
            for wish in next_measurements(rows, best, other, search) if other != best else ():
                if wish.size != here:
                    wanted.setdefault(wish.size, set()).update((best, other))
        towards = expected_change(rows, best, [name for name in backends if name != best], here)
        nearest = sorted(wanted, key=lambda size: abs(log(size / towards)))
        return [
            [(axis.problem(size), backend) for backend in sorted(wanted[size])] for size in nearest
        ]
