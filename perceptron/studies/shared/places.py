"""The families that one problem lies on: those whose member of some size is the same training."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from perceptron.analysis.fleet.advice import Place
from perceptron.errors import UserError
from perceptron.problems import shape
from perceptron.problems.families import FAMILIES
from perceptron.problems.optimizer import Adam, AdamW
from perceptron.problems.problem import Problem
from perceptron.studies.shared.axes_through import all_axes


def places_of(problem: Problem) -> list[Place]:
    """Return where a problem's time may have been measured: itself, and on families through it.

    A family holds it whose problem of some size does the same work: equal data in number and kind,
    layers, loss, batches, feed and kind of optimizer. Rates, starts and names cost no time.
    """
    places = [_place(problem, problem.axes[0] if len(problem.axes) == 1 else "size")]
    for same in (problem, *_as_shape(problem)):
        for through in all_axes(same):
            on_it = through.axis.problem(through.here)
            if _same_work(problem, on_it):
                places.append(_place(on_it, through.label))
    places += [
        _place(member, family.axes[0])
        for family in FAMILIES.values()
        if len(family.axes) == 1
        for size in _numbers(problem)
        if (member := _member(family.problem, size)) is not None and _same_work(problem, member)
    ]
    return list({(place.family, place.problem): place for place in places}.values())


def _place(problem: Problem, axis: str) -> Place:
    name = problem.name.removesuffix(f":{problem.size}")
    return Place(family=problem.family, size=problem.size, problem=name, axis=axis)


def _member(build: Callable[..., Problem], size: int) -> Problem | None:
    """Return the member of a family at this size; None where there is none."""
    try:
        return build(size)
    except UserError:
        return None


def _numbers(problem: Problem) -> list[int]:
    """Return the numbers of a problem that may be its size on some family."""
    numbers = (
        problem.dataset.rows,
        problem.dataset.features,
        len(problem.hidden),
        *problem.hidden[:1],
        problem.batch or problem.dataset.rows,
        problem.models,
    )
    return [number for number in dict.fromkeys(numbers) if number >= 1]


def _as_shape(problem: Problem) -> Iterator[Problem]:
    """Yield the problem of the same shape under a shape's name, if it does the same work."""
    outputs = problem.outputs
    optimizer = problem.optimizer
    try:
        own = shape.Shape(
            rows=problem.dataset.rows,
            features=problem.dataset.features,
            hidden=problem.hidden,
            classes=outputs if outputs > 1 else None,
            batch=problem.batch,
            optimizer="adamw"
            if isinstance(optimizer, AdamW)
            else "adam"
            if isinstance(optimizer, Adam)
            else "sgd",
            feed=problem.feed,
            models=problem.models,
        )
        member = shape.find(own.reference)
    except UserError:
        return
    if _same_work(problem, member):
        yield member


def _same_work(one: Problem, other: Problem) -> bool:
    return _work(one) == _work(other)


def _work(problem: Problem) -> tuple[object, ...]:
    """Return what of a problem costs time."""
    # Values cost nothing, whatever they are, and neither do rows that are held out.
    return (
        problem.dataset.rows,
        problem.dataset.features,
        problem.layers,
        problem.loss,
        problem.batch,
        _last_batch(problem),
        problem.feed,
        problem.optimizer.kind,
        problem.models,
        problem.folds,
    )


def _last_batch(problem: Problem) -> str | None:
    """Return what becomes of a last short batch, where there is one."""
    if problem.batch is None or problem.dataset.rows % problem.batch == 0:
        return None
    return problem.last
