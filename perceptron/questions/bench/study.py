"""The main job: the finding, and the crossovers of five families."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, ClassVar

from msgspec import Meta, field
from msgspec.structs import replace

from perceptron.answer import Answer, Figure, Note, Page, Setting, Verdict
from perceptron.backends import registry
from perceptron.errors import unknown
from perceptron.machine import usable_cores
from perceptron.measure.job import Time
from perceptron.options import more_time
from perceptron.problems import catalogue, files
from perceptron.problems.families import FAMILIES
from perceptron.problems.problem import DType
from perceptron.questions.bench.finding import (
    NUMPY,
    finding,
    finding_backends,
    finding_figure,
    finding_ranking,
    finding_rows,
    finding_table,
    finding_verdict,
    published_beside_numpy,
    repeats_wanted,
)
from perceptron.questions.bench.one_size import single_problems, single_tables
from perceptron.questions.crossover.figures import of_pairs, of_sweeps
from perceptron.questions.crossover.judge import axis_of, crossovers, not_reached
from perceptron.questions.crossover.locator import Search, coarse_sizes, repeats
from perceptron.questions.crossover.not_measured import missing as missing_pairs
from perceptron.questions.crossover.study import CrossoverPlan, jobs_of_absent, next_jobs
from perceptron.questions.crossover.sweep import sweeps
from perceptron.questions.crossover.undecided import SINGLE_SIZE
from perceptron.questions.shared.axes import SWEEP, SizeAxis
from perceptron.questions.shared.missing import lasts, missing, size_job
from perceptron.questions.shared.pairs import Pair, backends_over, require_backends
from perceptron.questions.shared.published import FAMILY, ITERATIONS
from perceptron.questions.shared.ranking_sentence import ranking_verdict
from perceptron.questions.shared.training import training_words
from perceptron.questions.study import DTYPE, Backends, Option, Over, Plan, SeveralThreads
from perceptron.records.comparison_key import comparison_key
from perceptron.records.grouping import grouped, grouped_by
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.row import Row, times
from perceptron.statistics.over_processes import threads_in_all
from perceptron.statistics.ranking import rank_rows
from perceptron.statistics.select import NOT_REACHED, has_time, usable_rows
from perceptron.statistics.sessions import intervals_of, starts_of
from perceptron.statistics.sizes import number, size_axis, sized
from perceptron.statistics.trust import budget_for

NO_FAMILY = "none"
"""The value of ``--families`` for the finding alone."""
# Share of the budget for the finding if families are searched too. If a training takes seconds,
# each repeat has a single sample: three would take the families' time.
_SHARE, _SHARE_QUICK = 1 / 6, 1 / 3


class BenchPlan(Plan, frozen=True, kw_only=True):
    """The problems to measure, and the effort."""

    usual_seconds: ClassVar[float] = 360.0
    quick: Annotated[
        bool, Option("Measure for about a minute, with fewer repeats.", ("--quick",))
    ] = False
    families: Annotated[
        tuple[str, ...],
        Option(
            "Measure these families; `none`: the OR gate alone.",
            ("--family", "--families"),
            "NAME …",
        ),
    ] = ()
    problems: Annotated[
        tuple[str, ...],
        Option(
            "Measure your own model: see docs/your-own-model.md.", ("--problem",), "FILE.toml …"
        ),
    ] = ()
    """Problems as typed; once resolved, the files with several sizes."""
    single: tuple[str, ...] = ()
    """References of the problems of one size."""
    backends: Backends = ()
    threads: SeveralThreads = ()
    over: Over = ()
    dtype: Annotated[DType, DTYPE] = "float32"
    beside_finding: tuple[str, ...] = ()
    """Backends that are measured on families only, as the user did not name them."""
    whole: bool = False
    """Whether it includes all default families and backends, and is not quick."""
    planned: dict[str, Annotated[int, Meta(ge=1)]] = field(default_factory=dict)
    """The number of sizes that each family needs for an answer: 1 for a model of one size."""

    def resolved(self) -> BenchPlan:
        """Return the plan with every default filled in; raise `UserError` for a bad option."""
        families = self.families or (() if self.problems or self.single else SWEEP)
        for name in families:
            if name not in FAMILIES and families != (NO_FAMILY,):
                raise unknown("family", name, FAMILIES)
        named = backends_over(self.backends, self.over)
        backends = tuple(sorted(named, key=lambda name: registry.load(name).device != "cpu"))
        require_backends(backends, *self.threads)
        models = [catalogue.find_all(typed) for typed in (*self.problems, *self.single)]
        files.refuse_namesakes(problem.reference for problems in models for problem in problems)
        several = [sizes[0].reference.rpartition(":")[0] for sizes in models if len(sizes) > 1]
        usual = registry.usual()
        others = (name for name in backends if name not in usual)
        plan = BenchPlan(
            quick=self.quick,
            families=families,
            problems=tuple(several),
            single=tuple(sizes[0].reference for sizes in models if len(sizes) == 1),
            backends=backends,
            threads=self.threads or (usable_cores(),),
            dtype=self.dtype,
            beside_finding=self.beside_finding if self.backends else tuple(others),
            whole=not self.quick
            and not models
            and set(SWEEP) <= set(families)
            and set(registry.DEFAULT) <= set(backends),
        )
        # Problems without an axis are refused before anything is measured.
        planned = dict.fromkeys((axis.family for axis in plan.crossovers.axes), 2)
        return replace(plan, planned=planned | {sizes[0].family: len(sizes) for sizes in models})

    @property
    def budget_seconds(self) -> float:
        """The default budget in seconds."""
        return 60.0 if self.quick else self.usual_seconds

    @property
    def references(self) -> tuple[str, ...]:
        """References of the user's model files."""
        return (*self.crossovers.references, *self.single)

    @property
    def finding_backends(self) -> tuple[str, ...]:
        """Backends of the finding; empty if the user named models."""
        return (
            ()
            if self.problems or self.single
            else finding_backends(self.backends, self.beside_finding)
        )

    @property
    def crossovers(self) -> CrossoverPlan:
        """The search along families, and along the user's models with several sizes."""
        return _Search(
            families=tuple(name for name in self.families if name != NO_FAMILY),
            problems=self.problems,
            backends=self.backends,
            threads=self.threads,
            dtype=self.dtype,
            quick=self.quick,
        )


class _Search(CrossoverPlan, frozen=True, kw_only=True):
    """A crossover search with fewer processes on a device, each of which takes seconds to start.

    Undecided sizes get more.
    """

    def search(self, axis: SizeAxis, pair: Pair) -> Search:
        search = super().search(axis, pair)
        return dataclasses.replace(search, enough=search.first) if _on_device(pair) else search


def _on_device(backends: Iterable[str]) -> bool:
    """Return whether any of the backends trains on an available device."""
    return any(
        registry.load(name).device != "cpu" and registry.reason_unavailable(name) is None
        for name in backends
    )


def _repeats(plan: BenchPlan) -> tuple[int, int, int]:
    """Return the ``first``, ``enough`` and ``most`` repeats of a problem of one size."""
    first, enough, most = repeats(plan.quick)
    return first, first if _on_device(plan.backends) else enough, most


class Bench:
    """The study of the main job."""

    name: ClassVar[str] = "bench"
    Plan: ClassVar[type[Plan]] = BenchPlan
    query_fields: ClassVar[tuple[str, ...]] = ("families", "problems", "backends")
    page: ClassVar[Page] = Page("", "", "", "", is_overview=True)
    doing: ClassVar[str] = "measuring"

    def next(self, plan: BenchPlan, rows: Sequence[Row], left: float) -> list[Time]:
        """Return the next jobs: the first repeats of the finding, then those of the families.

        Jobs of backends that cannot run come first: their rows only state the reason. While a
        problem of one size is undecided, it gets more repeats along with the families; once it is
        decided, these only narrow its interval, and come last.
        """
        measured, search = times(rows), plan.crossovers
        first, enough, most = _repeats(plan)
        beside = _of_one_size(plan, measured, enough, undecided_only=True)
        return (
            [*jobs_of_absent(search, measured), *_of_one_size(plan, measured, first)]
            or [*next_jobs(search, measured), *_alone(plan, measured), *beside]
            or _of_one_size(plan, measured, enough)
            or _of_one_size(plan, measured, most)
        )

    def answer(self, plan: BenchPlan, rows: Sequence[Row], run: LoadedRun) -> Answer:
        """Judge the finding, every pair along every family, and the families of one size.

        The finding is judged at the smallest number of threads.
        """
        usable = usable_rows(run.folder, times(rows))
        names = set(map(attrgetter("backend"), usable))
        order = {name: _order(name, plan.backends) for name in names}
        ordered = sorted(usable, key=lambda row: order[row.backend])
        by_threads: dict[int | None, list[Measurement]] = grouped_by(
            ordered, attrgetter("threads", "processes"), attrgetter("all_threads")
        )
        threads = sorted(number for number in by_threads if number is not None)
        fewest = by_threads[threads[0]]
        has_finding = bool(plan.finding_backends) or any(row.family == FAMILY for row in ordered)
        of_finding = finding_backends(plan.backends, plan.beside_finding) if has_finding else ()
        trainings = finding_rows([*fewest, *_of_threads(run.others, threads[0])])
        findings = finding(fewest, of_finding, _of_threads(run.others, threads[0]))
        pairs = crossovers([*ordered, *run.others])
        planned = plan.planned or dict.fromkeys(filter(FAMILIES.__contains__, plan.families), 2)
        pairs += not_reached(pairs, ordered, plan.crossovers.all_pairs, planned, plan.threads)
        budget = run.run.budget
        more = budget_for(budget.seconds) if budget else more_time()
        setting = f"{run.run.machine}, {threads_in_all(threads[0], plan.backends)}"
        # The verdict of a family with times at a single size says so itself.
        absent = missing_pairs(pair for pair in pairs if pair.reason != SINGLE_SIZE)
        lines = [f"not measured: {reason}" for reason in absent]
        lines += _without_time(ordered)
        of_one_size = single_problems(ordered)
        every = sweeps(ordered, others=run.others, found=pairs)
        swept = of_sweeps(every, of_pairs(pairs, ordered), "bench")
        part: Setting = (
            ("Family", FAMILY),
            ("dtype", "as published"),
            ("Threads", str(threads[0])),
            ("Training", "sgd"),
            ("Shown", "whole training"),
        )
        verdicts = (
            *swept.verdicts,
            *_single_verdicts(plan.backends, planned, of_one_size, run.others, more),
        )
        tables = (*single_tables(ordered, of_one_size), *swept.tables)
        figures = swept.figures
        if findings:
            of_or_gate = finding_verdict(
                findings,
                finding_ranking(trainings, of_finding),
                f"{setting}, dtypes as published; {intervals_of(starts_of(trainings))}",
                threads[0],
                more,
            )
            verdicts = (*([replace(of_or_gate, part=part)] if of_or_gate else ()), *verdicts)
            tables = (replace(finding_table(findings, ordered), part=part), *tables)
            title, drawing = "10,000 iterations on the OR gate", finding_figure(findings)
            figures = (Figure(title=title, drawing=drawing, part=part), *figures)
        return replace(
            swept,
            query=(("Backends", ", ".join(plan.backends)),),
            verdicts=verdicts,
            notes=(
                *map(Note, lines),
                *(Note(line, part=part) for line in published_beside_numpy(findings)),
                *swept.notes,
            ),
            tables=tables,
            figures=figures,
            backends=tuple(dict.fromkeys([*of_finding, *(row.backend for row in ordered)])),
            next=("perceptron", "crossover") if plan.whole or plan.families == SWEEP else (),
            is_cut=any(pair.reason == NOT_REACHED for pair in pairs),
            data={"machine": run.run.machine, "finding": findings, "crossovers": pairs},
        )


def _of_threads(rows: Iterable[Measurement], threads: int) -> list[Measurement]:
    return [row for row in rows if row.all_threads == threads]


def _without_time(rows: Sequence[Measurement]) -> Iterator[str]:
    """Yield the reasons of families of several sizes without a single time."""
    for family, members in grouped(rows, attrgetter("family")).items():
        if any(map(has_time, members)) or len({row.size for row in members}) < 2:
            continue
        reasons = dict.fromkeys(f"{row.backend}: {row.reason}" for row in members if row.reason)
        yield f"not measured: {family}: {'; '.join(reasons)}"


def _single_verdicts(
    backends: Sequence[str],
    planned: Mapping[str, int],
    problems: Iterable[list[Measurement]],
    others: Iterable[Measurement],
    more: str,
) -> Iterator[Verdict]:
    """Yield the verdict on each problem of one size, without the finding's.

    It is undecided if more sizes of the family were ``planned``.
    """
    for members in problems:
        first, names = members[0], dict.fromkeys([*backends, *(row.backend for row in members)])
        threads = threads_in_all(first.all_threads, (row.backend for row in members))
        setting = filter(None, (first.machine, threads, first.dtype, training_words(first)))
        alike = (
            row
            for row in others
            if row.problem == first.problem and comparison_key(row) == comparison_key(first)
        )
        together = [*members, *alike]
        covers = intervals_of(starts_of(together))
        heading = f"{', '.join(setting)}, per iteration; {covers}"
        ranking = rank_rows(together, names)
        verdict = ranking_verdict(first.family, ranking, heading, first.all_threads, more)
        if verdict is not None and planned.get(first.family, 1) > 1:
            size = sized(number(first.size), size_axis(first.family, axis_of(members)))
            verdict = replace(
                verdict,
                decided="no",
                sentence=f"undecided at {size}, the only size",
                notes=(f"why: {SINGLE_SIZE}; next: {more}",),
            )
        if verdict is not None:
            yield replace(verdict, part=(("Family", first.family),))


def _order(backend: str, backends: Sequence[str]) -> int:
    """Return a backend's sort key, its index: the first of two named backends is the incumbent."""
    return list(backends).index(backend) if backend in backends else len(backends)


# --- what is measured beside the families --------------------------------------------------------


def _of_one_size(
    plan: BenchPlan, rows: Sequence[Measurement], most: int, *, undecided_only: bool = False
) -> list[Time]:
    """Return the missing jobs, up to ``most`` repeats, of the finding and models of one size."""
    jobs = []
    for threads in plan.threads:
        of_threads = [row for row in rows if row.all_threads == threads]
        if plan.finding_backends and threads == min(plan.threads):  # only that is shown
            trainings = finding_rows(of_threads)
            ranking = finding_ranking(trainings, plan.finding_backends)
            if not (undecided_only and ranking.decided == "yes"):
                wanted = repeats_wanted(trainings, ranking, *_repeats(plan))
                jobs += finding_jobs(plan, threads, min(most, wanted))
        for problem in map(catalogue.find, plan.single):
            of_problem = [row for row in of_threads if row.problem == problem.name]
            ranking = rank_rows(of_problem, plan.backends)
            if undecided_only and ranking.decided == "yes":
                continue
            wanted = repeats_wanted(of_problem, ranking, *_repeats(plan))
            jobs += [
                size_job(problem.reference, name, plan.dtype, threads, repeat, plan.quick)
                for repeat in range(min(most, wanted))
                for name in plan.backends
            ]
    return missing(jobs, rows)


def finding_jobs(plan: BenchPlan, threads: int, count: int) -> list[Time]:
    """Return the jobs of ``count`` repeats of the finding.

    Their share of the budget leaves most of it for the families.
    """
    # NumPy takes a tenth of a second.
    slow = [
        name
        for name in plan.finding_backends
        if name not in NUMPY and registry.reason_unavailable(name) is None
    ]
    _, enough, _ = _repeats(plan)
    share = _SHARE_QUICK if plan.quick else _SHARE
    of_all = share if plan.crossovers.axes else 1.0
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
            share=of_all / (enough * max(1, len(slow))),
            lasts=lasts(backend, repeat),
        )
        for repeat in range(count)
        for backend in plan.finding_backends
    ]


def _alone(plan: BenchPlan, rows: Sequence[Measurement]) -> list[Time]:
    """Return the jobs of the only backend that can run here, if there is just one."""
    here = [name for name in plan.backends if registry.reason_unavailable(name) is None]
    if len(here) != 1:
        return []
    name, (first, _, _) = here[0], repeats(plan.quick)
    jobs = [
        size_job(axis.problem(size).reference, name, plan.dtype, threads, repeat, plan.quick)
        for axis in plan.crossovers.axes
        for size in coarse_sizes(plan.crossovers.search(axis, (name, name)))
        for threads in plan.threads
        for repeat in range(first)
    ]
    return missing(jobs, rows)
