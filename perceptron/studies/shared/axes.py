"""Axes to search along: a family with one size, a model file with several, or through a problem.

And the families of a sweep, with the sizes of a quick one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from perceptron.analysis.advice import AdviceAxis
from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.errors import UserError, unknown
from perceptron.problems import catalogue, files, shape
from perceptron.problems.cost import bytes_moved, operations
from perceptron.problems.families import FAMILIES, Family, Size
from perceptron.problems.problem import Problem
from perceptron.records.measurement import Measurement

# How far to look along an axis through a problem, as a factor to each side.
_REACH = 64
# Rows beside a problem on batches: more do not fit into a cache either.
_ENOUGH_ROWS = 16_384
LONGEST_SECONDS = 0.03
"""A size whose iteration would take longer is not tried beside the problem."""


LINES = tuple(name for name, family in FAMILIES.items() if len(family.axes) == 1)
"""Families along one axis; the others are maps."""

# They ask how a feed or a width changes what `mlp-batch` answers, or about many models, and
# would take its time.
_WHEN_NAMED = ("mlp-batch-host", "mlp-width-adam", "many-or-gates", "many-mlps")

SWEEP = tuple(name for name in LINES if name not in _WHEN_NAMED)
"""Families that are measured unless others are named."""

QUICK_BYTES = 16 * 2**20
"""Largest problem of quick mode, by the memory traffic of one iteration in float32, where nothing
but a CPU trains: there what is larger wins or loses as that does."""

# Longest iteration of quick mode where a device trains as well, which wins at large sizes. That is
# on the CPU, which has to train them too; at ten iterations a process they take seconds in all.
_QUICK_SECONDS = 0.03
# What one server CPU gave NumPy at such sizes: 6 to 8 GB/s, or 55 to 75 Gop/s in products.
_BYTES_PER_SECOND, _OPERATIONS_PER_SECOND = 6e9, 5e10


def quick_sizes(family: Family, backends: Iterable[str]) -> tuple[Size, ...]:
    """Return the sizes of a family that are worth their time in a quick look at these backends."""
    with_device = any(
        # Here, or where the CPU stands in for it.
        accelerator_of(registry.load(name)) is not None
        and registry.reason_unavailable(name) is None
        for name in backends
    )
    return tuple(size for size in family.sizes if _is_quick(family.problem(*size), with_device))


def _is_quick(problem: Problem, with_device: bool) -> bool:
    moved = bytes_moved(problem, "float32")
    if not with_device:
        return moved <= QUICK_BYTES
    seconds = max(moved / _BYTES_PER_SECOND, operations(problem) / _OPERATIONS_PER_SECOND)
    return seconds <= _QUICK_SECONDS


@dataclass(frozen=True)
class SizeAxis:
    """The problems of ``family`` with sizes from ``low`` to ``high``."""

    family: str
    low: int
    high: int
    problem: Callable[[int], Problem]
    """The problem of a size, made once."""
    given: tuple[int, ...] = ()
    """The sizes that a file of the user's own lists."""


def referenced_axis(
    reference: str, family: str, low: int, high: int, given: tuple[int, ...] = ()
) -> SizeAxis:
    """Return an axis whose problems are found by ``reference:SIZE``."""

    @cache
    def problem(size: int) -> Problem:
        return catalogue.find(f"{reference}:{size}")

    return SizeAxis(family, low, high, problem, given)


def family_axis(name: str, quick_for: Iterable[str] | None = None) -> SizeAxis:
    """Return the axis of a family, as far as a quick look at the backends ``quick_for`` goes.

    Raises `UserError` for an unknown family and for one that has two axes.
    """
    if name not in FAMILIES:
        raise unknown("family", name, FAMILIES)
    family = FAMILIES[name]
    if len(family.axes) != 1:
        raise UserError(
            f"family {name!r} varies along {len(family.axes)} axes: "
            f"`perceptron map --family {name}` draws it; for a crossover choose from "
            + ", ".join(LINES)
        )
    every = family.sizes if quick_for is None else quick_sizes(family, quick_for)
    sizes = [size for (size,) in every]
    return SizeAxis(name, min(sizes), max(sizes), cache(family.problem))


def file_axis(file: str) -> SizeAxis:
    """Return the axis of the sizes that a file lists; raise `UserError` if it has only one."""
    problems = catalogue.find_all(file)
    if len(problems) < 2:
        raise UserError(f"{file}: has one size; a crossover needs a [size] table with several")
    sizes = tuple(problem.size for problem in problems)
    reference = problems[0].reference.rpartition(":")[0]
    return referenced_axis(reference, problems[0].family, min(sizes), max(sizes), sizes)


# --- through a problem ----------------------------------------------------------------------------


AxisThrough = tuple[AdviceAxis, SizeAxis]
"""An axis through the problem: what the judge needs to know of it, and its problems."""


def axes_through(problem: Problem, own: Sequence[Measurement]) -> list[AxisThrough]:
    """Return what can be varied about a problem, as far as iterations stay short.

    ``own`` are its rows with a time. What changes the answer most comes first.
    """
    slowest = max(row.seconds for row in own if row.seconds is not None)
    most = LONGEST_SECONDS / slowest * operations(problem)
    axes = []
    for named, axis in all_axes(problem):
        high = axis.high
        # An iteration is taken to last by its operations.
        while high > named.here and operations(axis.problem(high)) > most:
            high = max(named.here, high // 2)
        if axis.low < high:
            axes.append((named, replace(axis, high=high)))
    return axes


def all_axes(problem: Problem) -> list[AxisThrough]:
    """Return what can be varied about a problem, in the order in which axes get the time."""
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


def _shape_axes(own: shape.Shape) -> list[AxisThrough]:
    axes = []
    for name in _looked_along(own):
        here = _size(own, name)
        if name == "hidden" and set(own.hidden) != {here}:
            continue  # hidden layers of unequal width have no size in common
        low, high = _ends(own, name)
        beside = _with_enough_rows(own, high if name == "batch" else own.batch)
        family = beside.family(name)
        axis = referenced_axis(family, family, low, high)
        fewer = beside.rows < own.rows
        axes.append(_through(here, shape.in_words(name), axis, fewer))
    return axes


def _with_enough_rows(own: shape.Shape, batch: int | None) -> shape.Shape:
    """Return the shape with no more rows than it takes to time iterations on batches.

    Every process loads all rows, and a look at a backend's loss is a pass over them: on sixty
    thousand that takes far longer than the samples.
    """
    if batch is None:
        return own
    return replace(own, rows=min(own.rows, max(_ENOUGH_ROWS, batch)))


def _looked_along(own: shape.Shape) -> Sequence[shape.Axis]:
    """Return the axes of a shape in the order in which they get the time.

    The number of models comes first, where there are several.
    On batches the rows are left out: more of them are more of the same iterations, which cannot
    change the order of two backends but by their setup.
    """
    several: tuple[shape.Axis, ...] = ("models",) if own.models > 1 else ()
    if own.batch is None:
        return (*several, *(axis for axis in own.axes() if axis != "models"))
    return (*several, "batch", *(("hidden",) if own.hidden else ()), "features")


def _ends(own: shape.Shape, axis: shape.Axis) -> tuple[int, int]:
    """Return how far to look, where there are such problems."""
    here = _size(own, axis)
    least = {"models": 1, "batch": 1, "rows": own.classes or 2}.get(axis, 2)
    high = here * _REACH
    return max(least, here // _REACH), min(own.rows, high) if axis == "batch" else high


def _size(own: shape.Shape, axis: shape.Axis) -> int:
    sizes = {
        "rows": own.rows,
        "features": own.features,
        "hidden": max(own.hidden, default=0),
        "batch": own.batch or own.rows,
        "models": own.models,
    }
    return sizes[axis]
