"""Axes to search along: a family with one size, or a model of the user's own with several."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from perceptron.errors import UserError, unknown
from perceptron.problems import catalogue
from perceptron.problems.families import FAMILIES
from perceptron.problems.problem import Problem
from perceptron.studies.shared.sweep import LINES, quick_sizes


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
