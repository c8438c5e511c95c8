"""From which size up does B beat A here? Measured near the crossover."""

from __future__ import annotations

from collections.abc import Sequence
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
from perceptron.measure import campaign
from perceptron.measure.budget import Budget
from perceptron.measure.job import Time
from perceptron.measure.progress import Progress
from perceptron.measure.timing import Effort
from perceptron.problems import files
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Measurement
from perceptron.records.row import Row, times
from perceptron.studies import what_if
from perceptron.studies.shared.axes import SizeAxis, family_axis, file_axis
from perceptron.studies.shared.many_models import between
from perceptron.studies.shared.missing import lasts, missing
from perceptron.studies.shared.opening import contents, plain, refuse_edited_files, start_run
from perceptron.studies.shared.over_processes import Pair, require_backends
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet
from perceptron.studies.shared.sweep import SWEEP

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
    budget = Budget.of_study(budget_seconds or plan.budget_seconds)
    before = contents(plan.own_problems)
    as_json = plain(plan) | {"study": "crossover", "contents": before}
    threads = max(plan.threads)

    def ask(rows: Sequence[Row], left: float) -> list[Time]:
        refuse_edited_files(plan.own_problems, before)
        return next_jobs(plan, times(rows))

    with start_run(
        as_json, plan.backends, threads, machine, results, plan.quick, budget, quiet=quiet
    ) as run:
        budget.cut_short = not campaign.carry_out(ask, run.journal, run.run, budget, progress)
        run.require_rows()
        result = crossover_result(
            run.journal.times,
            plan.all_pairs,
            plan.iterations,
            run.environment,
            run.journal.folder,
            run.warnings(threads),
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


def next_jobs(plan: CrossoverPlan, rows: Sequence[Measurement]) -> list[Time]:
    """Return a job for each backend, size and process that some pair needs, of all axes.

    The same processes answer all of them, so that what a process adds cancels between sizes.
    """
    return [
        job
        for axis in plan.axes
        for threads in plan.threads
        for job in _next_on(
            plan,
            axis,
            threads,
            [row for row in rows if (row.family, row.all_threads) == (axis.family, threads)],
        )
    ]


def _next_on(
    plan: CrossoverPlan, axis: SizeAxis, threads: int, rows: list[Measurement]
) -> list[Time]:
    """Return what is missing on an axis, of which these are the rows.

    A backend that cannot run here has jobs at the ends of the axis, whose rows say why; what it
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
    jobs = [
        Time(
            problem=axis.problem(size).reference,
            backend=backend,
            dtype=plan.dtype,
            threads=threads,
            repeat=repeat,
            samples=plan.effort.samples,
            minimum_seconds=plan.effort.minimum_seconds,
            lasts=lasts(backend, repeat),
        )
        for (backend, size), processes in wanted.items()
        for repeat in range(processes)
    ]
    return missing(jobs, rows)
