"""The main job: the finding, the sweep over the families, and the crossovers in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, pairwise, zip_longest
from operator import attrgetter
from typing import Annotated, ClassVar

from msgspec import Meta, field
from msgspec.structs import replace

from perceptron.answer import Answer, Figure, Note, Page, Setting, Verdict
from perceptron.backends import registry
from perceptron.errors import UserError, unknown
from perceptron.grouping import grouped
from perceptron.machine import usable_cores
from perceptron.measure.job import Time
from perceptron.problems import catalogue, files
from perceptron.problems.families import FAMILIES, Family, Size
from perceptron.problems.problem import DType, Problem
from perceptron.questions.bench.finding import (
    NUMPY,
    finding,
    finding_backends,
    finding_figure,
    finding_table,
    finding_verdict,
    published_beside_numpy,
)
from perceptron.questions.crossover.figures import of_sweeps
from perceptron.questions.crossover.judge import crossovers
from perceptron.questions.crossover.not_reached import not_reached
from perceptron.questions.crossover.rates import (
    fastest_tables,
    single_problems,
    single_tables,
    without_rival,
)
from perceptron.questions.crossover.sweep import sweeps
from perceptron.questions.crossover.verdict import missing as missing_pairs
from perceptron.questions.crossover.verdict import verdicts
from perceptron.questions.fastest.advice_words import fastest_of_iteration
from perceptron.questions.shared.axes import SWEEP, quick_sizes
from perceptron.questions.shared.missing import lasts, missing, size_job
from perceptron.questions.shared.pairs import backends_over, require_backends
from perceptron.questions.shared.published import FAMILY, ITERATIONS
from perceptron.questions.study import DTYPE, Backends, Option, Over, Plan, SeveralThreads
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.row import Row, times
from perceptron.statistics.over_processes import threads_in_all
from perceptron.statistics.select import Definitions, usable_rows
from perceptron.statistics.trust import warnings_of_rows

NO_FAMILY = "none"
"""Typed instead of families: the finding alone."""
# Fresh processes at each size, and in quick mode.
_ROUNDS, _QUICK_ROUNDS = 8, 4
# Problems of the sweep that are begun together, in their first processes; in quick mode fewer, so
# that some have all of these. Repeats of many lie further apart in time.
_TOGETHER, _TOGETHER_QUICKLY = 32, 8
# Of the budget, for the first repeats of the finding where families are swept.
_SHARE = 1 / 3


class BenchPlan(Plan, frozen=True, kw_only=True):
    """The problems to measure, and the effort."""

    quick: Annotated[
        bool, Option("Measure for about a minute, with fewer repeats.", ("--quick",))
    ] = False
    families: Annotated[
        tuple[str, ...],
        Option("Families to sweep; `none` runs only the OR gate.", metavar="NAME …"),
    ] = ()
    problems: Annotated[
        tuple[str, ...],
        Option(
            "Measure your own model: see docs/your-own-model.md.", ("--problem",), "FILE.toml …"
        ),
    ] = ()
    """Problems as typed; once resolved, a reference for each size."""
    backends: Backends = ()
    threads: SeveralThreads = ()
    over: Over = ()
    rounds: Annotated[
        int,
        Option(
            "Repeat each backend at each size. Default: 8; --quick: 4.",
            metavar="N",
            as_text=True,
        ),
    ] = 0
    dtype: Annotated[DType, DTYPE] = "float32"
    beside_finding: tuple[str, ...] = ()
    """Backends that the sweep has and the finding has not: they were not named."""
    whole: bool = False
    """Whether it leaves nothing of the main job out."""
    planned: dict[str, Annotated[int, Meta(ge=1)]] = field(default_factory=dict)
    """The number of sizes of each family of the sweep."""

    def resolved(self) -> BenchPlan:
        """Return it with every default filled in; raises `UserError` naming an option."""
        families = self.families or (() if self.problems else SWEEP)
        for name in families:
            if name not in FAMILIES and families != (NO_FAMILY,):
                raise unknown("family", name, FAMILIES)
        backends = backends_over(self.backends, self.over)
        require_backends(backends, *self.threads)
        own = {
            problem.reference: problem
            for file in self.problems
            for problem in catalogue.find_all(file)
        }
        files.refuse_namesakes(own)
        if self.rounds < 0:
            raise UserError(f"--rounds must be at least 1, got {self.rounds}")
        rounds = self.rounds or (_QUICK_ROUNDS if self.quick else _ROUNDS)
        others = (name for name in backends if name not in registry.DEFAULT)
        plan = BenchPlan(
            quick=self.quick,
            families=families,
            problems=tuple(own),
            backends=backends,
            threads=self.threads or (usable_cores(),),
            rounds=rounds,
            dtype=self.dtype,
            beside_finding=self.beside_finding if self.backends else tuple(others),
            whole=not self.quick
            and not own
            and rounds >= _ROUNDS
            and set(SWEEP) <= set(families)
            and set(registry.DEFAULT) <= set(backends),
        )
        return replace(plan, planned=Counter(problem.family for problem in plan.sweep()))

    @property
    def first_rounds(self) -> int:
        """Repeats that every size gets before any gets all ``rounds``."""
        return min(2 if self.quick else 3, self.rounds)

    @property
    def budget_seconds(self) -> float:
        """Seconds that it takes unless the user says otherwise."""
        return 60.0 if self.quick else 360.0

    @property
    def references(self) -> tuple[str, ...]:
        """References of the user's own model files."""
        return self.problems

    @property
    def finding_backends(self) -> tuple[str, ...]:
        """Backends of the finding; empty if models of the user's own were asked for."""
        return () if self.problems else finding_backends(self.backends, self.beside_finding)

    @property
    def swept(self) -> tuple[str, ...]:
        """The families of the sweep."""
        return tuple(name for name in self.families if name != NO_FAMILY)

    def sizes(self, family: Family) -> tuple[Size, ...]:
        """Return all sizes, or in quick mode every other one of those that are quick."""
        if not self.quick:
            return family.sizes
        return tuple(reversed(quick_sizes(family, self.backends)[::-2]))

    def sweep(self) -> list[Problem]:
        """Return every problem beside the finding; quick mode leaves out none of the user's own."""
        ours = [
            FAMILIES[name].problem(*size)
            for name in self.swept
            for size in self.sizes(FAMILIES[name])
        ]
        return [*ours, *map(catalogue.find, self.problems)]


class Bench:
    """The study."""

    name: ClassVar[str] = "bench"
    Plan: ClassVar[type[Plan]] = BenchPlan
    asked: ClassVar[tuple[str, ...]] = ("families", "problems", "backends")
    page: ClassVar[Page] = Page("", "", "", "", is_overview=True)
    doing: ClassVar[str] = "measuring"

    def next(self, plan: BenchPlan, rows: Sequence[Row], left: float) -> list[Time]:
        """Return what is missing of the first step of which something is."""
        return next_jobs(plan, times(rows))

    def answer(self, plan: BenchPlan, rows: Sequence[Row], run: LoadedRun) -> Answer:
        """Judge the finding, every pair along every family, and the families of one size.

        The finding is that of the smallest number of threads.
        """
        usable = usable_rows(run.folder, times(rows))
        names = set(map(attrgetter("backend"), usable))
        order = {name: _order(name, plan.backends) for name in names}
        own = sorted(usable, key=lambda row: order[row.backend])
        threads = sorted({row.all_threads for row in own if row.all_threads is not None})
        fewest = [row for row in own if row.all_threads == threads[0]]
        has_finding = not plan.problems or any(row.family == FAMILY for row in own)
        of_finding = finding_backends(plan.backends, plan.beside_finding) if has_finding else ()
        found = finding(fewest, of_finding)
        pairs = crossovers(own)
        planned = plan.planned or dict.fromkeys(plan.swept, 2)
        pairs += not_reached(pairs, own, combinations(plan.backends, 2), planned)
        where = f"{run.run.machine}, {threads_in_all(threads[0], plan.backends)}"
        heading = f"{where}, dtypes as published; 95% intervals"
        of_or_gate = finding_verdict(found, heading) if found else None
        parts = of_sweeps(sweeps(own))
        part: Setting = (
            ("Family", FAMILY),
            ("dtype", "as published"),
            ("Threads", str(threads[0])),
            ("Training", "sgd"),
            ("Shown", "whole training"),
        )
        lines = [
            *(f"not measured: {reason}" for reason in missing_pairs(pairs)),
            *(f"{line}." for line in without_rival(own)),
            *published_beside_numpy(found),
        ]
        single = [replace(table, on="terminal") for table in single_tables(own)]
        fastest = [replace(table, on="terminal") for table in fastest_tables(own)]
        return Answer(
            question="bench",
            asked=(("Backends", ", ".join(plan.backends)),),
            verdicts=(
                *([] if of_or_gate is None else [replace(of_or_gate, part=part)]),
                *(replace(one, on="terminal") for one in verdicts(pairs, own)),
                *_single_verdicts(plan, own, run),
                *parts.verdicts,
            ),
            notes=(*(Note(line, "terminal") for line in lines), *parts.notes),
            tables=(
                *([replace(finding_table(found, own), part=part)] if found else []),
                *fastest,
                *single,
                *parts.tables,
            ),
            figures=(
                *(
                    [
                        Figure(
                            title="10,000 iterations on the OR gate",
                            drawing=finding_figure(found),
                            part=part,
                        )
                    ]
                    if found
                    else []
                ),
                *parts.figures,
            ),
            warnings=(*Definitions(times(rows)).warnings(), *warnings_of_rows(own)),
            backends=tuple(dict.fromkeys([*of_finding, *(row.backend for row in own)])),
            next=("perceptron", "crossover") if plan.whole or plan.families == SWEEP else (),
            data={"machine": run.run.machine, "finding": found, "crossovers": pairs},
        )


def _single_verdicts(
    plan: BenchPlan, rows: Iterable[Measurement], run: LoadedRun
) -> Iterator[Verdict]:
    """Yield which backend is the fastest on each problem of one size, the finding's aside."""
    for own in single_problems(rows):
        names = dict.fromkeys([*plan.backends, *(row.backend for row in own)])
        verdict = fastest_of_iteration(own, list(names), run.run.budget)
        if verdict is not None:
            yield replace(verdict, part=(("Family", own[0].family),))


def _order(backend: str, backends: Sequence[str]) -> int:
    """Return a backend's rank: of two on equal devices the first one named is the incumbent."""
    return list(backends).index(backend) if backend in backends else len(backends)


# --- what is measured, in its order --------------------------------------------------------------


def next_jobs(plan: BenchPlan, rows: Sequence[Measurement]) -> list[Time]:
    """Return what is missing of the first of `_steps` of which something is."""
    return next((jobs for step in _steps(plan) if (jobs := missing(step, rows))), [])


def _steps(plan: BenchPlan) -> Iterator[list[Time]]:
    """Yield jobs step by step: the finding, every family soon, then repeat by repeat."""
    problems = _every_family_soon(plan.sweep())
    # What cannot run costs no time, and every family has a row that says why.
    every = sweep_jobs(plan, problems, range(1))
    yield [job for job in every if registry.reason_unavailable(job.backend) is not None]
    yield finding_jobs(plan, plan.first_rounds)
    together = _TOGETHER_QUICKLY if plan.quick else _TOGETHER
    for begin in range(0, len(problems), together):
        yield sweep_jobs(plan, problems[begin : begin + together], range(plan.first_rounds))
    yield finding_jobs(plan, plan.rounds)
    for repeat in range(plan.first_rounds, plan.rounds):
        yield sweep_jobs(plan, problems, [repeat])


def finding_jobs(plan: BenchPlan, processes: int) -> list[Time]:
    """Return the jobs of the finding.

    Their share of the budget leaves most of it for what was asked for.
    """
    # NumPy takes a tenth of a second.
    slow = [
        name
        for name in plan.finding_backends
        if name not in NUMPY and registry.reason_unavailable(name) is None
    ]
    of_all, rounds = (_SHARE, plan.first_rounds) if plan.swept else (1.0, plan.rounds)
    share = of_all / (rounds * len(plan.threads) * max(1, len(slow)))
    return [
        Time(
            problem=FAMILY,
            backend=backend,
            dtype=registry.published_dtype(backend),
            threads=threads,
            repeat=repeat,
            samples=1 if plan.quick else 3,
            minimum_seconds=0.01,
            iterations=ITERATIONS,
            share=share,
            lasts=lasts(backend, repeat),
        )
        for repeat in range(processes)
        for threads in plan.threads
        for backend in plan.finding_backends
    ]


def sweep_jobs(plan: BenchPlan, problems: Iterable[Problem], repeats: Iterable[int]) -> list[Time]:
    """Return the jobs of these problems, each on every backend in these processes."""
    return [
        size_job(problem.reference, backend, plan.dtype, threads, repeat, plan.quick)
        for repeat in repeats
        for threads in plan.threads
        for problem in problems
        for backend in plan.backends
    ]


def _every_family_soon(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems in the order in which they matter if there is no time for all.

    Families take turns, each with its ends first and then what halves the largest gap.
    """
    families = grouped(problems, lambda problem: problem.family)
    in_turn = zip_longest(*map(_ends_first, families.values()))
    return [problem for turn in in_turn for problem in turn if problem is not None]


def _ends_first(problems: list[Problem]) -> list[Problem]:
    ordered = sorted(problems, key=lambda problem: problem.size)
    chosen = list(dict.fromkeys((0, len(ordered) - 1)))
    while len(chosen) < len(ordered):
        low, high = max(pairwise(sorted(chosen)), key=lambda gap: gap[1] - gap[0])
        chosen.append((low + high) // 2)
    return [ordered[index] for index in chosen]
