"""The main job: the finding, the sweep over the families, and the crossovers in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, zip_longest
from pathlib import Path

from perceptron.analysis.stored.bench import BenchResult, summarise
from perceptron.analysis.stored.finding import FAMILY, ITERATIONS, finding_backends
from perceptron.backends import registry
from perceptron.errors import UserError, unknown
from perceptron.machine import usable_cores
from perceptron.measure.progress import Progress
from perceptron.measure.timing import Effort
from perceptron.problems import catalogue, files
from perceptron.problems.families import FAMILIES, Family, Size
from perceptron.problems.problem import DType, Problem
from perceptron.studies.shared.budget import Budget, study_budget
from perceptron.studies.shared.campaign import run_tasks
from perceptron.studies.shared.opening import (
    OpenRun,
    contents,
    plain,
    refuse_edited_files,
    start_run,
)
from perceptron.studies.shared.over_processes import require_backends
from perceptron.studies.shared.published import published_dtype
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet
from perceptron.studies.shared.spending import Levels, spend
from perceptron.studies.shared.sweep import SWEEP, quick_sizes
from perceptron.studies.shared.task import Task
from perceptron.studies.shared.task_costs import seconds_for

# The finding is measured in full, and first, unless that would take more than this of the time.
_FINDING_SHARE = 0.5
# Fresh processes at each size, and in quick mode.
_ROUNDS, _QUICK_ROUNDS = 8, 4


@dataclass(frozen=True)
class BenchPlan:
    """What to measure and how hard; equal plans are the same run."""

    families: tuple[str, ...] = SWEEP
    backends: tuple[str, ...] = registry.DEFAULT
    dtype: DType = "float32"
    threads: tuple[int, ...] = ()
    """Empty: all cores that this process may use."""
    quick: bool = False
    rounds: int = 0
    """Fresh processes that each backend gets at each size. 0: eight, in quick mode four."""
    problems: tuple[Problem, ...] = ()
    """Of the user's own model files, each size one, beside the families."""
    beside_finding: tuple[str, ...] = ()
    """Backends that the sweep has and the finding has not: nobody named them."""

    def __post_init__(self) -> None:
        for name in self.families:
            if name not in FAMILIES:
                raise unknown("family", name, FAMILIES)
        if any(count < 1 for count in self.threads):
            raise UserError(f"--threads must be at least 1, got {min(self.threads)}")
        require_backends(self.backends, *self.threads)
        if not self.threads:
            object.__setattr__(self, "threads", (usable_cores(),))
        if self.rounds < 0:
            raise UserError(f"--rounds must be at least 1, got {self.rounds}")
        if not self.rounds:
            object.__setattr__(self, "rounds", _QUICK_ROUNDS if self.quick else _ROUNDS)
        own = {problem.reference: problem for problem in self.problems}
        files.refuse_namesakes(own)
        object.__setattr__(self, "problems", tuple(own.values()))

    @property
    def levels(self) -> Levels:
        """How many processes the sizes of the sweep get."""
        first = min(2 if self.quick else 3, self.rounds)
        return Levels(first=first, enough=self.rounds, most=2 * self.rounds)

    @property
    def budget_seconds(self) -> float:
        """What it may take unless the user says otherwise."""
        return 60.0 if self.quick else 360.0

    @property
    def sweep_effort(self) -> Effort:
        return Effort(samples=5, minimum_seconds=0.005 if self.quick else 0.01)

    @property
    def finding_effort(self) -> Effort:
        return Effort(samples=1 if self.quick else 3, iterations=ITERATIONS)

    @property
    def finding_backends(self) -> tuple[str, ...]:
        """Those of the finding: none where models of the user's own were asked for."""
        return () if self.problems else finding_backends(self.backends, self.beside_finding)

    @property
    def whole(self) -> bool:
        """Whether it leaves nothing of the main job out."""
        return (
            not self.quick
            and not self.problems
            and self.rounds >= _ROUNDS
            and set(SWEEP) <= set(self.families)
            and set(registry.DEFAULT) <= set(self.backends)
        )

    @property
    def all_families(self) -> tuple[str, ...]:
        """The families of the sweep, the user's own among them."""
        return tuple(dict.fromkeys(problem.family for problem in self.sweep()))

    def sizes(self, family: Family) -> tuple[Size, ...]:
        """Return all sizes, or in quick mode every other one of those that are quick."""
        if not self.quick:
            return family.sizes
        return tuple(reversed(quick_sizes(family, self.backends)[::-2]))

    def sweep(self) -> list[Problem]:
        """Return every problem beside the finding; quick mode leaves out none of the user's own."""
        ours = [
            FAMILIES[name].problem(*size)
            for name in self.families
            for size in self.sizes(FAMILIES[name])
        ]
        return [*ours, *self.problems]


def bench(
    plan: BenchPlan,
    machine: str | None,
    results: Path,
    progress: Progress,
    budget_seconds: float | None = None,
    quiet: Quiet = LOOK_ONCE,
) -> BenchResult:
    """Run the plan, or resume it where it was interrupted, and judge what was measured.

    It takes at most ``budget_seconds``, by default the plan's, all starts together. Raises
    `UserError` if the results folder cannot be written to, if a file of the user's own did not
    stay as it was, or if there was no time for anything.
    """
    require_backends(plan.backends, *plan.threads)
    budget = study_budget(budget_seconds or plan.budget_seconds)
    threads = max(plan.threads)
    with start_run(
        _as_json(plan), plan.backends, threads, machine, results, plan.quick, budget, quiet=quiet
    ) as run:
        budget.cut_short = not measure(plan, run, progress)
        refuse_edited_files(plan.problems, run.run.plan["contents"])
        run.require_rows()
        journal = run.journal
        return summarise(
            plan.backends,
            journal.folder,
            run.environment,
            journal.times,
            run.warnings(threads),
            plan.all_families,
            budget.use,
            plan.finding_backends,
        )


def measure(plan: BenchPlan, run: OpenRun, progress: Progress) -> bool:
    """Measure the finding, then the sweep where that changes an answer.

    Return whether there was time for all.
    """

    def measure_within(budget: Budget, tasks: Sequence[Task]) -> list[Task]:
        return run_tasks(tasks, run.journal, run.run, progress, budget)

    whole = run.budget
    published, sweep = finding_tasks(plan), sweep_tasks(plan)
    measure_within(whole.part(_FINDING_SHARE), published)
    had_time = spend(
        sweep,
        plan.levels,
        run.journal.times,
        partial(measure_within, whole),
        whole.hangs,
        lambda tasks: seconds_for(tasks, run.journal, whole) <= whole.left,
    )
    return not measure_within(whole, published) and had_time


def sweep_tasks(plan: BenchPlan) -> list[Task]:
    """Return the tasks of the first process beside the finding, each family's ends first."""
    return [
        Task(
            problem=problem,
            backend=backend,
            dtype=plan.dtype,
            threads=threads,
            process=0,
            # A worker takes all families: with a GPU, starting it takes longer than they do.
            group=f"sweep {threads}",
            effort=plan.sweep_effort,
        )
        for threads in plan.threads
        for problem in _every_family_soon(plan.sweep())
        for backend in plan.backends
    ]


def _every_family_soon(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems in the order in which they matter if there is no time for all.

    Families take turns, each with its ends first and then what halves the largest gap.
    """
    families: dict[str, list[Problem]] = {}
    for problem in problems:
        families.setdefault(problem.family, []).append(problem)
    in_turn = zip_longest(*map(_ends_first, families.values()))
    return [problem for turn in in_turn for problem in turn if problem is not None]


def _ends_first(problems: list[Problem]) -> list[Problem]:
    ordered = sorted(problems, key=lambda problem: problem.size)
    chosen = list(dict.fromkeys((0, len(ordered) - 1)))
    while len(chosen) < len(ordered):
        low, high = max(pairwise(sorted(chosen)), key=lambda gap: gap[1] - gap[0])
        chosen.append((low + high) // 2)
    return [ordered[index] for index in chosen]


def finding_tasks(plan: BenchPlan) -> list[Task]:
    """Return the tasks of the finding."""
    finding = catalogue.find(FAMILY)
    return [
        _finding_task(plan, finding, backend, threads, process)
        for process in range(plan.rounds)
        for threads in plan.threads
        for backend in plan.finding_backends
    ]


def _finding_task(
    plan: BenchPlan, finding: Problem, backend: str, threads: int, process: int
) -> Task:
    return Task(
        problem=finding,
        backend=backend,
        dtype=published_dtype(backend),
        threads=threads,
        process=process,
        group=f"finding {threads}",
        effort=plan.finding_effort,
    )


def _as_json(plan: BenchPlan) -> dict[str, object]:
    return plain(plan) | {
        "study": "bench",
        "processes": plan.rounds,
        "whole": plan.whole,
        "contents": contents(plan.problems),
    }
