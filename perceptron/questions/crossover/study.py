"""The study of crossovers: search for the size from which B beats A, or judge results in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import inf
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta
from msgspec.structs import replace

from perceptron.answer import Answer, Answered, Note, Page, ReadFromFiles, Verdict
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.machine import usable_cores
from perceptron.measure.job import Time
from perceptron.numbers import count, digits
from perceptron.problems import files
from perceptron.problems.problem import DType, Problem
from perceptron.questions.crossover import from_files as crossover_from_files
from perceptron.questions.crossover import functions as of_functions
from perceptron.questions.crossover.amortise import amortisations, from_cold
from perceptron.questions.crossover.figures import of_cold_pairs, of_pairs, of_sweeps
from perceptron.questions.crossover.functions import Called, called, next_calls
from perceptron.questions.crossover.judge import Crossover, crossovers, not_reached
from perceptron.questions.crossover.locator import Search, next_measurements, repeats, wanted_by
from perceptron.questions.crossover.not_measured import missing
from perceptron.questions.crossover.page import PAGE
from perceptron.questions.crossover.rule import NoRule, Rule, rules
from perceptron.questions.crossover.sweep import sweeps, without_rival
from perceptron.questions.crossover.undecided import SINGLE_SIZE
from perceptron.questions.shared.axes import SWEEP, SizeAxis, family_axis, file_axis
from perceptron.questions.shared.missing import missing as missing_jobs
from perceptron.questions.shared.missing import size_job
from perceptron.questions.shared.pairs import (
    Pair,
    between,
    pairs_along_models,
    pairs_between,
    pairs_over,
    require_backends,
)
from perceptron.questions.study import (
    DTYPE,
    FROM_FILES,
    Backends,
    Option,
    Over,
    Plan,
    SeveralThreads,
)
from perceptron.records.comparison_key import comparison_key
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.records.readers.reading import SourceRead
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.readers.values import UnitName
from perceptron.records.row import Row, times
from perceptron.statistics.select import NOT_REACHED, usable_rows

# Budget of a quick search along one axis, for all pairs: they share most measurements, and more
# pairs should not make a quick run longer.
_QUICK_SECONDS = 60.0
# Sizes of each axis that are measured together at the start, the ends first, so that every family
# has an answer early: all sizes of five families would take half of a quick run's minute.
_AT_ONCE = 2


# Options that say how files are read.
_OF_FILES = ("by", "size", "size_regex", "unit", "commit")


class CrossoverPlan(Plan, frozen=True, kw_only=True):
    """Where to look for crossovers and how hard."""

    # Budget to search one axis for one pair.
    usual_seconds: ClassVar[float] = 120.0
    usual_note: ClassVar[str] = " a comparison"
    families: Annotated[
        tuple[str, ...],
        Option(
            "Search these families. Default: the five of bench.",
            ("--family", "--families"),
            "NAME …",
        ),
    ] = ()
    pair: Annotated[
        tuple[str, ...],
        Option(
            "Compare incumbent and challenger. Default: every two.", metavar="A:B …", is_list=False
        ),
    ] = ()
    """Pairs as typed; see ``pairs`` for the resolved ones."""
    problems: Annotated[
        tuple[str, ...],
        Option(
            "Search your own model: see docs/your-own-model.md.",
            ("--problem",),
            "FILE.toml …",
            is_list=False,
        ),
    ] = ()
    """Files of models, each with a ``[size]`` table."""
    functions: Annotated[
        str | None,
        Option("Search your own functions: see docs/functions.md.", metavar="FILE.py"),
    ] = None
    sources: Annotated[
        tuple[str, ...],
        Option("Judge these results instead of measuring.", ("--from",), "FILE …", is_list=False),
    ] = ()
    by: Annotated[
        tuple[str, ...],
        Option("Parameters or columns of the backend.", metavar="NAME …", panel=FROM_FILES),
    ] = ()
    size: Annotated[
        str | None, Option("Parameter or column of the size.", metavar="NAME", panel=FROM_FILES)
    ] = None
    size_regex: Annotated[
        str | None,
        Option("Find sizes in names, as in '_(\\d+)$'.", metavar="REGEX", panel=FROM_FILES),
    ] = None
    unit: Annotated[
        UnitName | None,
        Option("Unit of a table's times. Default: s.", metavar="s|ms|us|ns", panel=FROM_FILES),
    ] = None
    commit: Annotated[
        str | None,
        Option("Judge this commit. Default: the newest.", metavar="REV", panel=FROM_FILES),
    ] = None
    iterations: Annotated[
        Annotated[int, Meta(ge=1)],
        Option("Share a cold start over K iterations. Default: 10000.", metavar="K", as_text=True),
    ] = 10_000
    backends: Backends = ()
    threads: SeveralThreads = ()
    over: Over = ()
    dtype: Annotated[DType | None, DTYPE] = None
    quick: Annotated[
        bool, Option("Search each family for a minute, with fewer repeats.", ("--quick",))
    ] = False
    pairs: tuple[Pair, ...] = ()
    """Pairs (incumbent, challenger); empty for every two of ``backends``, or of the functions."""
    called: Called | None = None
    """The functions in the file ``functions``."""

    def resolved(self) -> CrossoverPlan:
        """Return the plan with every default filled in; raise `UserError` for a bad option."""
        if self.sources:
            why = "is about measuring: leave it out with --from"
            self.refuse(why, "functions", "problems", "backends", "threads", "over", "dtype")
            self.refuse(why, "quick")
            return self
        self.refuse("is about files: give it with --from", *_OF_FILES)
        if self.functions is not None:
            return self._of_functions(self.functions)
        wanted = [
            crossover_from_files.split_pair(text, registry.names(), registry.is_name)
            for text in self.pair
        ]
        named = self.backends
        pairs = (
            pairs_over(wanted, self.over)
            if named or wanted
            else pairs_between(self.over) or pairs_along_models(self.families, self.problems)
        ) or self.pairs
        backends = registry.over_processes(named, self.over) if named else registry.usual()
        backends = tuple(sorted(backends, key=lambda name: registry.load(name).device != "cpu"))
        if pairs:
            backends = tuple(dict.fromkeys(name for pair in pairs for name in pair))
        require_backends(backends, *self.threads)
        if len(backends) < 2:
            raise UserError("a crossover needs two backends: name them with --pair A:B")
        plan = CrossoverPlan(
            families=self.families or (() if self.problems else SWEEP),
            problems=self.problems,
            iterations=self.iterations,
            backends=backends,
            threads=self.threads or (usable_cores(),),
            dtype=self.dtype or "float32",
            quick=self.quick,
            pairs=pairs,
        )
        # Problems without an axis are refused before anything is measured.
        files.refuse_namesakes(problem.reference for problem in plan.own_problems)
        return plan

    @classmethod
    def of_functions(
        cls,
        file: str,
        called_functions: Called,
        pairs: tuple[Pair, ...],
        threads: int,
        quick: bool = False,
    ) -> CrossoverPlan:
        """Return the resolved plan for the functions in a file."""
        return cls(
            families=(called_functions.family,),
            functions=file,
            called=called_functions,
            pairs=pairs,
            threads=(threads,),
            quick=quick,
        )

    def _of_functions(self, file: str) -> CrossoverPlan:
        """Return the resolved plan for functions; raise `UserError` for options of training."""
        why = "is about training: leave it out with --functions"
        self.refuse(why, "families", "problems", "backends", "over", "dtype")
        self.refuse(why, "iterations")
        if len(self.threads) > 1:
            raise UserError("--threads takes one number with --functions")
        called_functions = called(file)
        pairs = tuple(
            crossover_from_files.split_pair(text, list(called_functions.names))
            for text in self.pair
        )
        return self.of_functions(
            file, called_functions, pairs, (*self.threads, usable_cores())[0], self.quick
        )

    @property
    def axes(self) -> tuple[SizeAxis, ...]:
        """The axes to search; raises `UserError` for a family or a file that has none."""
        quick_for = self.backends if self.quick else None
        return (
            *(family_axis(name, quick_for) for name in self.families),
            *(file_axis(file) for file in self.problems),
        )

    @property
    def own_problems(self) -> list[Problem]:
        """A problem of each of the user's model files."""
        return [axis.problem(axis.low) for axis in self.axes if axis.given]

    @property
    def references(self) -> tuple[str, ...]:
        """The user's model files, or the files of functions."""
        if self.functions is not None and self.called is not None:
            return (self.functions, *self.called.files)
        return tuple(problem.reference for problem in self.own_problems)

    @property
    def all_pairs(self) -> tuple[Pair, ...]:
        """The pairs of the plan, else every two backends; empty for results read from files."""
        names = self.called.names if self.called else self.backends
        return self.pairs or tuple(combinations(names, 2))

    @property
    def budget_seconds(self) -> float:
        """The default budget in seconds, proportional to axes and pairs that can run here.

        That of a quick run does not depend on pairs.
        """
        if self.sources:
            return 0.0
        if self.called is not None:
            pairs = len(self.all_pairs)
            return _QUICK_SECONDS if self.quick else self.usual_seconds * pairs
        axes = len(self.axes) * len(self.threads)
        if self.quick:
            return _QUICK_SECONDS * axes
        here = {name for name in self.backends if registry.reason_unavailable(name) is None}
        pairs = sum(here.issuperset(pair) for pair in self.all_pairs)
        return self.usual_seconds * max(1, pairs) * axes

    def search(self, axis: SizeAxis, pair: Pair) -> Search:
        """Return the range and effort of the search along an axis for a pair.

        A quick run of a model file starts only at sizes that the file lists.
        """
        low, high = between(axis, pair, self.quick)
        coarse = inf if axis.given and self.quick else Search.coarse
        return Search(low, high, axis.given, coarse, *repeats(self.quick), at_once=_AT_ONCE)


class CrossoverStudy:
    """The study of crossovers."""

    name: ClassVar[str] = "crossover"
    Plan: ClassVar[type[Plan]] = CrossoverPlan
    query_fields: ClassVar[tuple[str, ...]] = (
        *("families", "problems", "pairs", "backends", "dtype", "threads"),
    )
    page: ClassVar[Page] = PAGE
    doing: ClassVar[str] = "searching"

    def next(self, plan: CrossoverPlan, rows: Sequence[Row], left: float) -> list[Time]:
        """Return a job for each backend, size and repeat that a pair needs next, on all axes."""
        if plan.functions is not None and plan.called is not None:
            arguments = (plan.functions, plan.called, plan.all_pairs, plan.threads[0])
            return list(next_calls(*arguments, times(rows), plan.quick))
        return next_jobs(plan, times(rows))

    def answer(self, plan: CrossoverPlan, rows: Sequence[Row], run: LoadedRun) -> Answer:
        """Judge every pair, warm and from a cold start."""
        own_rows = usable_rows(run.folder, times(rows))
        judged = crossovers([*own_rows, *run.others], plan.all_pairs or None)
        if _is_list(plan):
            judged = list(map(_within_bracket, judged))
        if run.run.cut_short:
            families = (*plan.families, *(Path(file).stem for file in plan.problems))
            planned = dict.fromkeys(families, 2)
            judged += not_reached(judged, own_rows, plan.all_pairs, planned, plan.threads)
        return answer_of(plan, own_rows, judged, others=run.others)

    def read(self, plan: CrossoverPlan) -> ReadFromFiles:
        """Judge results of other tools."""
        rows, pairs, judged, sources, warnings = crossover_from_files.read_files(
            plan.sources,
            plan.pair,
            plan.families,
            plan.by,
            plan.size,
            plan.size_regex,
            plan.unit,
            plan.commit,
        )
        return ReadFromFiles(
            answer=answer_of(replace(plan, pairs=pairs), rows, judged, sources=sources),
            rows=rows,
            sources=tuple(map(crossover_from_files.source_line, sources)),
            warnings=tuple(warnings),
        )

    def rules(self, answered: Answered | ReadFromFiles) -> list[Rule | NoRule]:
        """Return the rule of each pair of an answer."""
        judged = answered.answer.data["crossovers"]
        if isinstance(answered, Answered):
            libraries = answered.run.facts.environment.libraries
            return rules(judged, [*answered.run.times, *answered.run.others], libraries)
        return rules(judged, answered.rows)


def _is_list(plan: CrossoverPlan) -> bool:
    """Return whether the file of functions lists its sizes, so that none between was searched."""
    return plan.called is not None and plan.called.is_list


def _within_bracket(crossover: Crossover) -> Crossover:
    """Return the crossover with its bracket as interval: no size between was measured."""
    if crossover.size is None or crossover.bracket is None:
        return crossover
    return replace(crossover, low=crossover.bracket[0], high=crossover.bracket[1])


def _elsewhere(cold: Sequence[Crossover], warm: Sequence[Crossover]) -> list[Crossover]:
    """Return the cold crossovers that differ from the warm ones in winner or size."""
    by_pair = {
        (pair.family, comparison_key(pair), pair.incumbent, pair.challenger): pair for pair in warm
    }

    def is_same(pair: Crossover) -> bool:
        other = by_pair.get((pair.family, comparison_key(pair), pair.incumbent, pair.challenger))
        if other is None or other.status != pair.status:
            return False
        if pair.size is None or other.size is None:
            turns = [(at.direction, digits(at.size, 1)) for at in pair.crossings]
            return turns == [(at.direction, digits(at.size, 1)) for at in other.crossings]
        return (other.low or 0.0) <= pair.size <= (other.high or inf)

    return [pair for pair in cold if not is_same(pair)]


def answer_of(
    plan: CrossoverPlan,
    rows: Sequence[Measurement],
    found: Sequence[Crossover],
    sources: Sequence[SourceRead] = (),
    others: Sequence[Measurement] = (),
) -> Answer:
    """Return the answer from the rows of a run and the ``others`` of other sessions."""
    pairs = plan.all_pairs or None
    cold_rows = from_cold([*rows, *others], plan.iterations)
    has_cold = any(row.status == "ok" for row in cold_rows)
    cold = crossovers(cold_rows, pairs) if has_cold else []
    elsewhere = _elsewhere(cold, found)
    every = sweeps(rows, pairs, plan.iterations, others, found)
    if _is_list(plan):
        every = [
            replace(sweep, found=list(map(_within_bracket, sweep.crossovers))) for sweep in every
        ]
    families = list(dict.fromkeys(crossover.family for crossover in found))
    every.sort(key=lambda sweep: [*families, sweep.family].index(sweep.family))
    answer = of_sweeps(
        every,
        (*of_pairs(found, rows), *of_cold_pairs(elsewhere, plan.iterations)),
        f"crossover of {', '.join(families)}",
    )
    of_called = of_functions.notes(plan.called, plan.all_pairs, rows) if plan.called else []
    not_measured = [f"not measured: {reason}" for reason in missing(found)]
    if not answer.verdicts:  # no pair has a time of both at two sizes
        subject = ", ".join(families)
        none = (Verdict(subject=subject, decided="no", sentence=line) for line in not_measured)
        answer, not_measured = replace(answer, verdicts=tuple(none)), []
    lines = [
        *of_called,
        *not_measured,
        *(f"{line}." for line in without_rival(rows)),
    ]
    if any(crossover.decided_ranges for crossover in cold) and not elsewhere:
        lines.append(
            f"From a cold start, its setup shared out over {count(plan.iterations)} iterations: "
            "where decided, the same backends are faster."
        )
    backends = tuple(dict.fromkeys(row.backend for row in rows))
    return replace(
        answer,
        query=(("Backends", ", ".join(backends)),),
        notes=(*map(Note, lines), *answer.notes),
        backends=backends,
        next=()
        if plan.sources or plan.called or plan.problems or plan.families != SWEEP
        else ("perceptron", "map"),
        is_cut=any(crossover.reason in (NOT_REACHED, SINGLE_SIZE) for crossover in found),
        data={
            "crossovers": found,
            "from_cold": {"iterations": plan.iterations, "crossovers": cold},
            "amortisation": amortisations(rows),
            "sources": sources,
            **({"notes": of_called} if plan.called else {}),
        },
    )


def next_jobs(plan: CrossoverPlan, rows: Sequence[Measurement]) -> list[Time]:
    """Return a job for each backend, size and repeat that a pair needs next, on all axes.

    The same processes measure all sizes, so that effects of a process cancel between them.
    """
    absent = _absent(plan)
    pairs = [pair for pair in plan.all_pairs if absent.isdisjoint(pair)]
    by_axis = grouped(rows, lambda row: (row.family, row.all_threads))
    jobs = jobs_of_absent(plan, rows)
    for axis in plan.axes:
        for threads in plan.threads:
            rows_of_axis = by_axis.get((axis.family, threads), [])
            jobs += missing_jobs(
                _jobs(plan, axis, threads, _wanted(plan, axis, pairs, rows_of_axis)), rows_of_axis
            )
    return jobs


def _wanted(
    plan: CrossoverPlan, axis: SizeAxis, pairs: Sequence[Pair], rows: Sequence[Measurement]
) -> dict[tuple[str, int], int]:
    return wanted_by(pairs, lambda pair: next_measurements(rows, *pair, plan.search(axis, pair)))


def jobs_of_absent(plan: CrossoverPlan, rows: Sequence[Measurement]) -> list[Time]:
    """Return jobs at the ends of each axis for backends that cannot run here.

    They take no time: their rows only state the reason.
    """
    jobs = []
    for axis in plan.axes:
        ends = {(name, size): 1 for name in _absent(plan) for size in (axis.low, axis.high)}
        for threads in plan.threads:
            jobs += _jobs(plan, axis, threads, ends)
    return missing_jobs(jobs, rows)


def _absent(plan: CrossoverPlan) -> set[str]:
    return {name for name in plan.backends if registry.reason_unavailable(name) is not None}


def _jobs(
    plan: CrossoverPlan, axis: SizeAxis, threads: int, wanted: Mapping[tuple[str, int], int]
) -> list[Time]:
    """Return the jobs of each backend and size in ``wanted``."""
    dtype = plan.dtype or "float32"
    return [
        size_job(axis.problem(size).reference, name, dtype, threads, repeat, plan.quick)
        for (name, size), processes in wanted.items()
        for repeat in range(processes)
    ]
