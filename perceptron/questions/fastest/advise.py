"""Which backend is fastest for a shape on this machine, and at which sizes that changes?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from dataclasses import replace as with_fields
from math import log
from typing import Annotated, ClassVar

from msgspec.structs import replace

from perceptron.answer import Answer, Page
from perceptron.errors import UserError
from perceptron.machine import usable_cores
from perceptron.measure.job import Time
from perceptron.problems import catalogue, files, shape
from perceptron.problems.cost import operations
from perceptron.problems.families import FAMILIES
from perceptron.problems.optimizer import OptimizerName
from perceptron.problems.problem import DType, Feed, Problem
from perceptron.problems.shape import Shape
from perceptron.questions.crossover.locator import Search, next_measurements
from perceptron.questions.fastest.advice import (
    TEXTBOOK,
    AdviceAxis,
    advise,
    answer_of,
    figures,
    has_other_sizes,
    rows_on,
    whole_trainings,
)
from perceptron.questions.shared.axes import SizeAxis, family_axis, referenced_axis
from perceptron.questions.shared.missing import missing, size_job
from perceptron.questions.shared.pairs import backends_over, require_backends, usual_for
from perceptron.questions.study import DTYPE, MODEL, Backends, Option, Over, Plan, Threads
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.row import Row, times
from perceptron.statistics.ranking import rank_rows
from perceptron.statistics.select import has_time, usable_rows
from perceptron.statistics.select import times as times_of
from perceptron.statistics.sessions import starts_of
from perceptron.statistics.throughput import TrainingLength

# Repeats of the problem itself, and of other sizes on an axis.
_REPEATS = 3
_BESIDE = 2
# With less of the time than this share left, textbook NumPy is not measured.
_BESIDE_SHARE = 0.4
# How far an axis extends from the problem, as a factor to each side.
_REACH = 64
# Rows of other sizes of a problem on batches: even these do not fit into a cache.
_ENOUGH_ROWS = 16_384
LONGEST_SECONDS = 0.03
"""Sizes on an axis whose iteration would take longer are not measured."""

AxisThrough = tuple[AdviceAxis, SizeAxis]
"""An axis through the problem, as the judge takes it, and its problems by size."""
# Fields of a shape; each is an option.
_OF_SHAPE = tuple(field.name for field in fields(Shape))


def _count(help_text: str, metavar: str) -> Option:
    """Return the option of a positive whole number."""
    return Option(help_text, metavar=metavar, as_text=True, panel=MODEL)


class AdvisePlan(Plan, frozen=True, kw_only=True, omit_defaults=True):
    """A training; the options that describe its shape are resolved to a ``problem``."""

    # Half a minute with start and answer.
    usual_seconds: ClassVar[float] = 28.0
    rows: Annotated[int | None, _count("Rows of the training data.", "N")] = None
    features: Annotated[int | None, _count("Features of the training data.", "D")] = None
    hidden: Annotated[
        tuple[int, ...],
        Option(
            "Hidden-layer widths. Default: no hidden layer.",
            metavar="H[,H…]",
            each_once=False,
            panel=MODEL,
        ),
    ] = ()
    problem: Annotated[
        str | None,
        Option("Take a problem or FILE.toml[:SIZE] instead of a shape.", metavar="P", panel=MODEL),
    ] = None
    classes: Annotated[
        int | None, _count("Classes, with cross-entropy. Default: one output.", "C")
    ] = None
    batch: Annotated[int | None, _count("Rows of an iteration. Default: all.", "B")] = None
    optimizer: Annotated[
        OptimizerName | None,
        Option("Train with sgd, adam or adamw. Default: sgd.", metavar="NAME", panel=MODEL),
    ] = None
    feed: Annotated[
        Feed | None,
        Option("Take batches from the device (resident) or the host.", metavar="NAME", panel=MODEL),
    ] = None
    models: Annotated[int | None, _count("Train N models of this shape. Default: 1.", "N")] = None
    epochs: Annotated[int | None, _count("Train for E passes over the rows.", "E")] = None
    iterations: Annotated[
        int | None, _count("Train for K iterations. Default: the problem's, or 10000.", "K")
    ] = None
    backends: Backends = ()
    threads: Threads = None
    over: Over = ()
    dtype: Annotated[DType | None, DTYPE] = None
    name: str = ""
    """The problem's name in its rows."""
    length: TrainingLength = TrainingLength()
    """The length of the training, for this problem and other sizes on its axes."""
    axes: tuple[AdviceAxis, ...] = ()
    """Axes through the problem."""

    def resolved(self) -> AdvisePlan:
        """Return the plan with every default filled in; raise `UserError` naming an option."""
        if self.iterations is not None and self.epochs is not None:
            raise UserError("give --iterations or --epochs, not both")
        problem = catalogue.find(self._reference)
        backends = backends_over(self.backends or usual_for(problem, self.over), self.over)
        threads = self.threads or usable_cores()
        require_backends(backends, threads)
        return AdvisePlan(
            problem=problem.reference,
            name=problem.name,
            length=TrainingLength(
                iterations=self.iterations or problem.iterations, epochs=self.epochs
            ),
            axes=tuple(named for named, _ in all_axes(problem)),
            backends=backends,
            threads=threads,
            dtype=self.dtype or "float32",
        )

    @property
    def _reference(self) -> str:
        """The problem's reference, from the options of the shape or as typed."""
        described = {name: value for name in _OF_SHAPE if (value := getattr(self, name))}
        if self.problem is not None:
            if described:
                option = f"--{next(iter(described))}"
                raise UserError(f"give {option}, which describes a shape, or --problem, not both")
            return self.problem
        if self.rows is None or self.features is None:
            raise UserError("give --rows and --features (and --hidden), or --problem")
        try:
            return Shape(**described).reference
        except UserError as error:
            field = str(error).partition(":")[0]
            raise UserError(f"--{error}" if field in described else str(error)) from None

    @property
    def references(self) -> tuple[str, ...]:
        """The problem that is trained."""
        return (self.problem or self.name,)


class Advise:
    """The study."""

    name: ClassVar[str] = "advise"
    Plan: ClassVar[type[Plan]] = AdvisePlan
    query_fields: ClassVar[tuple[str, ...]] = ("name", "dtype", "threads")
    page: ClassVar[Page] = Page(
        "Advice", "Which backend for my model?", "No shape was measured yet.", "one"
    )
    doing: ClassVar[str] = "looking"

    def next(self, plan: AdvisePlan, rows: Sequence[Row], left: float) -> list[Time]:
        """Return the missing jobs of the problem itself, then of the next size on an axis.

        The axis with the fewest sizes is next. Textbook NumPy decides nothing, so it is measured
        only if the problem's repeats leave enough time for other sizes.
        """
        measured = times(rows)
        if jobs := missing(_problem_jobs(plan, _REPEATS), measured):
            return jobs
        if left > _BESIDE_SHARE and (jobs := missing(_textbook_jobs(plan, measured), measured)):
            return jobs
        axes = [
            (through, rows_on(through[0], measured, plan.name)) for through in _axes(plan, measured)
        ]
        for through, on_axis in sorted(axes, key=lambda axis: len({row.size for row in axis[1]})):
            if jobs := missing(_next_on(plan, through, on_axis), measured):
                return jobs
        return []

    def answer(self, plan: AdvisePlan, rows: Sequence[Row], run: LoadedRun) -> Answer:
        """Judge the problem and the axes through it.

        Axes without another size are skipped, unless the time was over before their turn.
        """
        usable = usable_rows(run.folder, times(rows))
        of_problem = [row for row in usable if row.problem == plan.name]
        compared = {row.backend for row in of_problem if has_time(row)}.intersection(plan.backends)
        axes = [
            (axis, on_axis)
            for axis in plan.axes
            if has_other_sizes(axis, on_axis := rows_on(axis, usable, plan.name))
            or (run.run.cut_short and len(compared) > 1)
        ]
        advice = advise(usable, plan.backends, plan.name, plan.length, axes, run.others)
        together = [*of_problem, *(row for row in run.others if row.problem == plan.name)]
        overhead = ("perceptron", "overhead", "--problem", plan.problem or plan.name)
        return replace(
            answer_of(advice, of_problem[0], run.run.budget, starts_of(together)),
            figures=figures(advice, [on_axis for _, on_axis in axes], plan.length),
            next=() if advice.use is None else overhead,
        )


# --- the jobs, in their order --------------------------------------------------------------------


def _problem_jobs(plan: AdvisePlan, repeats: int) -> list[Time]:
    reference = plan.problem or plan.name
    return _jobs(plan, [(reference, name) for name in plan.backends], repeats)


def _textbook_jobs(plan: AdvisePlan, rows: Sequence[Measurement]) -> list[Time]:
    """Return the jobs of textbook NumPy, with the repeats of ``numpy``; none for several models."""
    reference = plan.problem or plan.name
    if catalogue.find(reference).models > 1:
        return []
    of_problem = [row for row in rows if row.problem == plan.name]
    return _jobs(plan, [(reference, TEXTBOOK)], len(times_of(of_problem, "numpy")))


def _jobs(plan: AdvisePlan, pairs: Sequence[tuple[str, str]], repeats: int) -> list[Time]:
    return [
        size_job(
            problem,
            backend,
            plan.dtype or "float32",
            plan.threads or 1,
            repeat,
            quick=True,
            shares_compiled=False,
        )
        for repeat in range(repeats)
        for problem, backend in pairs
    ]


def _axes(plan: AdvisePlan, rows: Sequence[Measurement]) -> list[AxisThrough]:
    """Return the axes through the problem; none until two backends have a time for it."""
    of_problem = [row for row in rows if row.problem == plan.name]
    if len(_usable(plan, of_problem)) < 2:
        return []
    return axes_through(catalogue.find(plan.problem or plan.name), of_problem)


def _usable(plan: AdvisePlan, rows: Sequence[Measurement]) -> list[str]:
    return [name for name in plan.backends if times_of(rows, name)]


def _next_on(plan: AdvisePlan, through: AxisThrough, on_axis: Sequence[Measurement]) -> list[Time]:
    """Return the jobs of the size nearest to the problem that the search on an axis needs."""
    named, axis = through
    rows = whole_trainings(on_axis, plan.length)
    here = [row for row in rows if row.size == named.here]
    usable = _usable(plan, here)
    # No more repeats than the problem itself has.
    beside = min(_BESIDE, min(len(times_of(here, name)) for name in usable))
    best, *others = rank_rows([row for row in here if row.backend in usable]).order
    search = Search(axis.low, axis.high, coarse=16.0, first=beside, enough=beside, most=beside)
    wanted: dict[int, set[str]] = {}
    for other in others:
        for size in next_measurements(rows, best, other, search):
            if size != named.here:
                wanted.setdefault(size, set()).update((best, other))
    if not wanted:
        return []
    size = min(wanted, key=lambda size: abs(log(size / named.here)))
    reference = axis.problem(size).reference
    return _jobs(plan, [(reference, name) for name in sorted(wanted[size])], beside)


# --- the axes through a problem -------------------------------------------------------------------


def axes_through(problem: Problem, rows: Sequence[Measurement]) -> list[AxisThrough]:
    """Return the axes along which a problem can vary, each as far as iterations stay short.

    ``rows`` are those of the problem. The axes that change the answer most come first.
    """
    slowest = max(row.seconds for row in rows if row.seconds is not None)
    most = LONGEST_SECONDS / slowest * operations(problem)
    axes = []
    for named, axis in all_axes(problem):
        high = axis.high
        # Assume that the time of an iteration is proportional to its operations.
        while high > named.here and operations(axis.problem(high)) > most:
            high = max(named.here, high // 2)
        if axis.low < high:
            axes.append((named, with_fields(axis, high=high)))
    return axes


def all_axes(problem: Problem) -> list[AxisThrough]:
    """Return the axes along which a problem can vary, in the order of measurement."""
    if shape.is_shape(problem.name):
        return _shape_axes(shape.parse(problem.name))
    if files.is_file(problem.reference):
        file = problem.reference.removesuffix(f":{problem.size}")
        sizes = [member.size for member in catalogue.find_all(file)]
        if len(sizes) < 2:
            return []
        axis = referenced_axis(file, problem.family, min(sizes), max(sizes))
        return [_through(problem.size, "size", axis)]
    if problem.family in FAMILIES and len(FAMILIES[problem.family].axes) == 1:
        (label,) = FAMILIES[problem.family].axes
        return [_through(problem.size, label, family_axis(problem.family))]
    return []


def _through(here: int, label: str, axis: SizeAxis, fewer_rows: bool = False) -> AxisThrough:
    return AdviceAxis(axis=label, here=here, family=axis.family, fewer_rows=fewer_rows), axis


def _shape_axes(described: shape.Shape) -> list[AxisThrough]:
    axes = []
    for name in _axes_of(described):
        here = _size(described, name)
        if name == "hidden" and set(described.hidden) != {here}:
            continue  # hidden layers of unequal width have no size in common
        low, high = _ends(described, name)
        beside = _with_enough_rows(described, high if name == "batch" else described.batch)
        family = beside.family(name)
        axis = referenced_axis(family, family, low, high)
        fewer = beside.rows < described.rows
        axes.append(_through(here, shape.in_words(name), axis, fewer))
    return axes


def _with_enough_rows(described: shape.Shape, batch: int | None) -> shape.Shape:
    """Return the shape with only as many rows as timing iterations on batches needs.

    Every process loads all rows, and evaluating the loss is a pass over them: with sixty thousand
    this takes far longer than the samples.
    """
    if batch is None:
        return described
    return with_fields(described, rows=min(described.rows, max(_ENOUGH_ROWS, batch)))


def _axes_of(described: shape.Shape) -> Sequence[shape.Axis]:
    """Return the axes of a shape in the order of measurement, the number of models first.

    With batches, rows are not an axis: more rows are more of the same iterations, which change the
    order of two backends only through their setup.
    """
    several: tuple[shape.Axis, ...] = ("models",) if described.models > 1 else ()
    if described.batch is None:
        return (*several, *(axis for axis in described.axes() if axis != "models"))
    return (*several, "batch", *(("hidden",) if described.hidden else ()), "features")


def _ends(described: shape.Shape, axis: shape.Axis) -> tuple[int, int]:
    """Return the lowest and the highest size on an axis, within the problems that exist."""
    here = _size(described, axis)
    least = {"models": 1, "batch": 1, "rows": described.classes or 2}.get(axis, 2)
    high = here * _REACH
    return max(least, here // _REACH), min(described.rows, high) if axis == "batch" else high


def _size(described: shape.Shape, axis: shape.Axis) -> int:
    sizes = {
        "rows": described.rows,
        "features": described.features,
        "hidden": max(described.hidden, default=0),
        "batch": described.batch or described.rows,
        "models": described.models,
    }
    return sizes[axis]
