"""The main job: the finding, the sweep over the families, and the crossovers in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from pathlib import Path

from perceptron.analysis.crossover.doubt import doubt_of
from perceptron.analysis.stored.bench import BenchResult, summarise
from perceptron.analysis.stored.finding import FAMILY, ITERATIONS, finding_backends
from perceptron.backends import registry
from perceptron.errors import UserError, unknown
from perceptron.machine import usable_cores
from perceptron.measure import campaign
from perceptron.measure.budget import Budget
from perceptron.measure.job import Time
from perceptron.measure.progress import Progress
from perceptron.measure.timing import Effort
from perceptron.problems import files
from perceptron.problems.families import FAMILIES, Family, Size
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Measurement
from perceptron.records.row import Row, times
from perceptron.studies.shared.missing import lasts, missing
from perceptron.studies.shared.opening import contents, plain, refuse_edited_files, start_run
from perceptron.studies.shared.over_processes import require_backends
from perceptron.studies.shared.published import published_dtype
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet
from perceptron.studies.shared.sweep import SWEEP, quick_sizes

# Fresh processes at each size, and in quick mode.
_ROUNDS, _QUICK_ROUNDS = 8, 4
# Problems of the sweep that are begun together, in their first processes; in quick mode fewer, so
# that some have all of these. Repeats of many lie further apart in time.
_TOGETHER, _TOGETHER_QUICKLY = 32, 8


@dataclass(frozen=True)
class Levels:
    """Processes that everything gets ``first``, those that are ``enough``, and the ``most``."""

    first: int
    enough: int
    most: int


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
    budget = Budget.of_study(budget_seconds or plan.budget_seconds)
    threads, as_json = max(plan.threads), _as_json(plan)

    def ask(rows: Sequence[Row], left: float) -> list[Time]:
        refuse_edited_files(plan.problems, as_json["contents"])
        return next_jobs(plan, times(rows))

    with start_run(
        as_json, plan.backends, threads, machine, results, plan.quick, budget, quiet=quiet
    ) as run:
        budget.cut_short = not campaign.carry_out(ask, run.journal, run.run, budget, progress)
        run.require_rows()
        journal = run.journal
        return summarise(
            plan.backends,
            journal.folder,
            run.environment,
            journal.times,
            run.warnings(threads),
            Counter(problem.family for problem in plan.sweep()),
            budget.use,
            plan.finding_backends,
        )


# --- what is measured, in its order --------------------------------------------------------------


def next_jobs(plan: BenchPlan, rows: Sequence[Measurement]) -> list[Time]:
    """Return what is missing of the first of `_steps` of which something is."""
    return next((jobs for step in _steps(plan, rows) if (jobs := missing(step, rows))), [])


def _steps(plan: BenchPlan, rows: Sequence[Measurement]) -> Iterator[list[Time]]:
    """Yield jobs step by step: the finding, every family soon, then where an answer is in doubt.

    All get the first processes before any gets more, and enough before some get the most.
    """
    levels = plan.levels
    problems = _every_family_soon(plan.sweep())
    # What cannot run costs no time, and every family has a row that says why.
    every = sweep_jobs(plan, problems, range(1))
    yield [job for job in every if registry.reason_unavailable(job.backend) is not None]
    yield finding_jobs(plan, levels.first)
    together = _TOGETHER_QUICKLY if plan.quick else _TOGETHER
    for begin in range(0, len(problems), together):
        yield sweep_jobs(plan, problems[begin : begin + together], range(levels.first))
    yield finding_jobs(plan, levels.enough)
    yield from _in_doubt(plan, problems, rows)


def finding_jobs(plan: BenchPlan, processes: int) -> list[Time]:
    """Return the jobs of the finding."""
    return [
        Time(
            problem=FAMILY,
            backend=backend,
            dtype=published_dtype(backend),
            threads=threads,
            repeat=repeat,
            samples=plan.finding_effort.samples,
            minimum_seconds=plan.finding_effort.minimum_seconds,
            iterations=plan.finding_effort.iterations,
            lasts=lasts(backend, repeat),
        )
        for repeat in range(processes)
        for threads in plan.threads
        for backend in plan.finding_backends
    ]


def sweep_jobs(
    plan: BenchPlan,
    problems: Iterable[Problem],
    repeats: Iterable[int],
    threads: Iterable[int] | None = None,
) -> list[Time]:
    """Return the jobs of these problems, each on every backend in these processes."""
    return [
        Time(
            problem=problem.reference,
            backend=backend,
            dtype=plan.dtype,
            threads=count,
            repeat=repeat,
            samples=plan.sweep_effort.samples,
            minimum_seconds=plan.sweep_effort.minimum_seconds,
            lasts=lasts(backend, repeat),
        )
        for repeat in repeats
        for count in threads or plan.threads
        for problem in problems
        for backend in plan.backends
    ]


def _in_doubt(
    plan: BenchPlan, problems: Sequence[Problem], rows: Sequence[Measurement]
) -> Iterator[list[Time]]:
    """Yield the next process of each family, that which is most in doubt first.

    A process that all sizes should get comes before one of the sizes that are not sure even then.
    """
    families: dict[tuple[str, int], list[Problem]] = {}
    for threads in plan.threads:
        for problem in problems:
            families.setdefault((problem.family, threads), []).append(problem)
    chosen = []
    for (family, threads), members in families.items():
        doubt = doubt_of(row for row in rows if (row.family, row.all_threads) == (family, threads))
        unsure = [problem for problem in members if problem.size in doubt.sizes]
        for some, first, most in (
            (members, plan.levels.first, plan.levels.enough),
            (unsure, plan.levels.enough, plan.levels.most),
        ):
            jobs = missing(sweep_jobs(plan, some, range(first, most), [threads]), rows)
            if jobs:
                chosen.append((some is members, doubt, jobs))
                break
    for is_owed, _, jobs in sorted(chosen, key=lambda choice: choice[:2], reverse=True):
        # Sizes that came into doubt later lack earlier processes: what most of them share is next.
        repeats = [job.repeat for job in jobs]
        repeat = min(repeats) if is_owed else max(dict.fromkeys(repeats), key=repeats.count)
        yield [job for job in jobs if job.repeat == repeat]


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


def _as_json(plan: BenchPlan) -> dict[str, object]:
    return plain(plan) | {
        "study": "bench",
        "processes": plan.rounds,
        "whole": plan.whole,
        "contents": contents(plan.problems),
    }
