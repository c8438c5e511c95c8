"""Axes through a problem: what can be varied about it, as far as iterations stay short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from perceptron.problems import catalogue, files, shape
from perceptron.problems.cost import operations
from perceptron.problems.families import FAMILIES
from perceptron.problems.problem import Problem
from perceptron.questions.fastest.advice import AdviceAxis
from perceptron.questions.shared.axes import SizeAxis, family_axis, referenced_axis
from perceptron.records.measurement import Measurement

# How far to look along an axis through a problem, as a factor to each side.
_REACH = 64
# Rows beside a problem on batches: more do not fit into a cache either.
_ENOUGH_ROWS = 16_384
LONGEST_SECONDS = 0.03
"""A size whose iteration would take longer is not tried beside the problem."""

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
