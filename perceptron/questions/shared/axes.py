"""The axes to search along: families with one axis, and model files with several sizes.

Also the families that are measured by default, and the sizes of a quick run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.errors import UserError, unknown
from perceptron.problems import catalogue
from perceptron.problems.cost import bytes_moved, operations
from perceptron.problems.families import FAMILIES, Family, Size
from perceptron.problems.problem import Problem

LINES = tuple(name for name, family in FAMILIES.items() if len(family.axes) == 1)
"""Families along one axis; the others are maps."""

# They vary the feed or the width of `mlp-batch`, or the number of models, and take extra time.
_WHEN_NAMED = ("mlp-batch-host", "mlp-width-adam", "many-or-gates", "many-mlps")

SWEEP = tuple(name for name in LINES if name not in _WHEN_NAMED)
"""Families that are measured by default."""

QUICK_BYTES = 16 * 2**20
"""Largest problem of quick mode on a CPU alone, by memory traffic of one iteration in float32:
the winner does not change at larger sizes."""

# Longest iteration on the CPU in quick mode with a device, which wins at large sizes only. At ten
# iterations a process these sizes take seconds in all.
_QUICK_SECONDS = 0.03
# Measured with NumPy on a server CPU at such sizes: 6 to 8 GB/s, or 55 to 75 Gop/s in products.
_BYTES_PER_SECOND, _OPERATIONS_PER_SECOND = 6e9, 5e10


def _quick_sizes(family: Family, backends: Iterable[str]) -> tuple[Size, ...]:
    """Return the sizes of a family that a quick run of these backends measures."""
    with_device = any(
        # On the device, or on the CPU in its place.
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
    """Return the problem of a size; the same object at each call."""
    given: tuple[int, ...] = ()
    """The sizes that a model file lists; empty for a family."""


def referenced_axis(
    reference: str, family: str, low: int, high: int, given: tuple[int, ...] = ()
) -> SizeAxis:
    """Return the axis of the problems that the catalogue finds as ``reference:SIZE``."""

    @cache
    def problem(size: int) -> Problem:
        return catalogue.find(f"{reference}:{size}")

    return SizeAxis(family, low, high, problem, given)


def family_axis(name: str, quick_for: Iterable[str] | None = None) -> SizeAxis:
    """Return the axis of a family; ``quick_for`` limits it to a quick run of these backends.

    Raises `UserError` for an unknown family and for one with two axes.
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
    every = family.sizes if quick_for is None else _quick_sizes(family, quick_for)
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
