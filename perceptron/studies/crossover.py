"""From which size up does B beat A here? Measured near the crossover."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import inf
from pathlib import Path

from msgspec import to_builtins
from msgspec.structs import replace

from perceptron.analysis.crossover.locator import Search, next_measurements
from perceptron.analysis.crossover.result import CrossoverResult, crossover_result
from perceptron.analysis.what_if.devices import Device
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.machine import usable_cores
from perceptron.measure.launch import Workers
from perceptron.measure.progress import Progress
from perceptron.measure.timing import Effort
from perceptron.problems import files
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Measurement
from perceptron.studies import what_if
from perceptron.studies.shared.axes import SizeAxis, family_axis, file_axis
from perceptron.studies.shared.budget import Budget, study_budget
from perceptron.studies.shared.campaign import run_tasks
from perceptron.studies.shared.many_models import between
from perceptron.studies.shared.opening import (
    OpenRun,
    contents,
    plain,
    refuse_edited_files,
    start_run,
)
from perceptron.studies.shared.over_processes import Pair, require_backends
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet
from perceptron.studies.shared.sweep import SWEEP
from perceptron.studies.shared.task import Task, key_of

# To search one axis for one pair, and in a quick search for all pairs: they share most of what is
# measured, and a look should not take longer because it is a look at more.
_SECONDS = 120.0
_QUICK_SECONDS = 60.0


@dataclass(frozen=True)
class CrossoverPlan:
    """Where to look for crossovers and how hard; equal plans are the same run."""

    families: tuple[str, ...] = SWEEP
    problems: tuple[str, ...] = ()
    """Files of models of the user's own, each with a ``[size]`` table."""
    pairs: tuple[Pair, ...] = ()
    """(incumbent, challenger); empty for every two of ``backends``."""
    backends: tuple[str, ...] = registry.DEFAULT
    dtype: DType = "float32"
    threads: tuple[int, ...] = ()
    """Empty: all cores that this process may use."""
    iterations: int = 10_000
    """Of the training that a start from cold is shared out over."""
    quick: bool = False

    def __post_init__(self) -> None:
        if self.pairs:
            involved = dict.fromkeys(name for pair in self.pairs for name in pair)
            object.__setattr__(self, "backends", tuple(involved))
        require_backends(self.backends, *self.threads)
        if not self.threads:
            object.__setattr__(self, "threads", (usable_cores(),))
        if len(self.backends) < 2:
            raise UserError("a crossover needs two backends: name them with --pair A:B")
        # What has no axis is refused before anything is measured.
        files.refuse_namesakes(problem.reference for problem in self.own_problems)

    @cached_property
    def axes(self) -> tuple[SizeAxis, ...]:
        """The axes to search; raises `UserError` for a family or a file that has none."""
        quick_for = self.backends if self.quick else None
        return (
            *(family_axis(name, quick_for) for name in self.families),
            *(file_axis(file) for file in self.problems),
        )

    @property
    def own_problems(self) -> list[Problem]:
        """A problem of each model file of the user's own."""
        return [axis.problem(axis.low) for axis in self.axes if axis.given]

    def require_estimates(self) -> None:
        """Raise `UserError` for what a device that is not here cannot be estimated for."""
        what_if.require(axis.problem(axis.low) for axis in self.axes)

    @property
    def all_pairs(self) -> tuple[Pair, ...]:
        """The pairs of the plan, else every two backends, those on the CPU first."""
        ordered = sorted(self.backends, key=lambda name: registry.load(name).device != "cpu")
        return self.pairs or tuple(combinations(ordered, 2))

    @property
    def effort(self) -> Effort:
        return Effort(samples=5, minimum_seconds=0.005 if self.quick else 0.01)

    @property
    def budget_seconds(self) -> float:
        """What it may take unless the user says otherwise: so much for each axis and pair.

        Pairs that cannot run here take no time. A quick search takes no longer for more pairs.
        """
        axes = len(self.axes) * len(self.threads)
        if self.quick:
            return _QUICK_SECONDS * axes
        here = {name for name in self.backends if registry.reason_unavailable(name) is None}
        pairs = sum(here.issuperset(pair) for pair in self.all_pairs)
        return _SECONDS * max(1, pairs) * axes

    def search(self, axis: SizeAxis, pair: Pair) -> Search:
        """Return how hard to search along an axis for a pair.

        A quick search starts at no other sizes than a file lists.
        """
        low, high = between(axis, pair, self.quick)
        if not self.quick:
            return Search(low, high, axis.given)
        coarse = inf if axis.given else Search.coarse
        return Search(low, high, axis.given, coarse, first=2, enough=4, most=8)


def locate(
    plan: CrossoverPlan,
    machine: str | None,
    results: Path,
    progress: Progress,
    device: Device | None = None,
    budget_seconds: float | None = None,
    quiet: Quiet = LOOK_ONCE,
) -> CrossoverResult:
    """Search along every axis, or resume an interrupted search, and judge.

    It takes at most ``budget_seconds``, by default the plan's, all starts together. With a
    ``device`` that is not here its estimates stand beside what was measured. Raises `UserError` if
    the results folder cannot be written to, if a file of the user's own did not stay as it was, or
    if there was no time for anything.
    """
    require_backends(plan.backends, *plan.threads)
    if device is not None:
        plan.require_estimates()
    budget = study_budget(budget_seconds or plan.budget_seconds)
    before = contents(plan.own_problems)
    as_json = plain(plan) | {"study": "crossover", "contents": before}
    threads = max(plan.threads)
    with start_run(
        as_json, plan.backends, threads, machine, results, plan.quick, budget, quiet=quiet
    ) as run:
        budget.cut_short = not _search(plan, run, progress)
        refuse_edited_files(plan.own_problems, before)
        run.require_rows()
        measured = {key_of(row) for row in run.journal.times}
        result = crossover_result(
            run.journal.times,
            plan.all_pairs,
            plan.iterations,
            run.environment,
            run.journal.folder,
            [*run.warnings(threads), *budget.left_out.warnings(measured)],
            budget.use,
        )
        if device is None:
            return result
        problems = [
            axis.problem(size)
            for axis in plan.axes
            for size in sorted({int(row.size) for row in result.rows if row.family == axis.family})
        ]
        estimates = what_if.of_crossovers(result, problems, plan.dtype, plan.threads[0], device)
        run.journal.keep_what_if([to_builtins(one) for one in estimates])
        return replace(
            result,
            what_if=estimates,
            checks=what_if.checks(results, plan.dtype, device),
        )


def _search(plan: CrossoverPlan, run: OpenRun, progress: Progress) -> bool:
    """Search along each axis in its share of the time; return whether there was time for all.

    What some do not need is shared out among those that were cut short. The same processes answer
    all rounds of all axes, so that what a process adds cancels between sizes.
    """
    axes = [(axis, threads) for axis in plan.axes for threads in plan.threads]
    with Workers(run.budget.until_abandoned) as workers:
        while axes and not run.budget.is_over:
            before = len(run.journal.times)
            axes = [
                (axis, threads)
                for index, (axis, threads) in enumerate(axes)
                if not _search_axis(
                    plan,
                    axis,
                    threads,
                    run,
                    progress,
                    run.budget.part(1 / (len(axes) - index)),
                    workers,
                )
            ]
            if len(run.journal.times) == before:
                break
    return not axes


def _search_axis(
    plan: CrossoverPlan,
    axis: SizeAxis,
    threads: int,
    run: OpenRun,
    progress: Progress,
    budget: Budget,
    workers: Workers,
) -> bool:
    """Measure along one axis until the answer is as good as it gets, or the time is over.

    Return whether there was time for all.
    """
    journal = run.journal
    while True:
        before = len(journal.times)
        rows = [
            row for row in journal.times if row.family == axis.family and row.all_threads == threads
        ]
        tasks = _next_tasks(plan, axis, threads, rows)
        if not tasks:
            return True
        left_out = run_tasks(tasks, journal, run.run, progress, budget, workers)
        if left_out and (budget.is_over or len(journal.times) == before):
            return False
        if len(journal.times) == before:
            return True


def _next_tasks(
    plan: CrossoverPlan, axis: SizeAxis, threads: int, rows: list[Measurement]
) -> list[Task]:
    """Return a task for each backend, size and process that some pair needs and that has no row.

    A backend that cannot run here has tasks at the ends of the axis, whose rows say why; what it
    would be compared with is not measured for its sake.
    """
    absent = {name for name in plan.backends if registry.reason_unavailable(name) is not None}
    wanted = {(name, size): 1 for name in absent for size in (axis.low, axis.high)}
    for pair in plan.all_pairs:
        if absent.isdisjoint(pair):
            for wish in next_measurements(rows, *pair, plan.search(axis, pair)):
                for backend in pair:
                    key = (backend, wish.size)
                    wanted[key] = max(wish.processes, wanted.get(key, 0))
    done = {(row.backend, row.size, row.process) for row in rows}
    return [
        Task(
            problem=axis.problem(size),
            backend=backend,
            dtype=plan.dtype,
            threads=threads,
            process=process,
            group=axis.family,
            effort=plan.effort,
        )
        for (backend, size), processes in wanted.items()
        for process in range(processes)
        if (backend, size, process) not in done
    ]
