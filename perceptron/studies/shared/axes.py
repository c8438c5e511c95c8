"""Axes to search along: a family with one size, or a model of the user's own with several."""

from __future__ import annotations

from dataclasses import dataclass

from perceptron.errors import UserError, unknown
from perceptron.problems import catalogue, files
from perceptron.problems.cost import bytes_moved
from perceptron.problems.families import FAMILIES
from perceptron.studies.bench import QUICK_BYTES, SWEEP


@dataclass(frozen=True)
class SizeAxis:
    """An axis to search along: ``reference`` and a size name a problem of ``family``."""

    family: str
    reference: str
    low: int
    high: int
    own: bool = False
    """Whether it is a file of the user's own."""

    def problem(self, size: int) -> str:
        """What `catalogue.find` takes."""
        return f"{self.reference}:{size}"


def family_line(name: str, quick: bool) -> SizeAxis:
    """The axis of a family, in quick mode without the sizes that take milliseconds.

    Raises `UserError` for a family that there is not or that has two axes.
    """
    if name not in FAMILIES:
        raise unknown("family", name, FAMILIES)
    family = FAMILIES[name]
    if len(family.axes) != 1:
        raise UserError(
            f"family {name!r} varies along {len(family.axes)} axes: "
            f"`perceptron map --family {name}` draws it; for a crossover choose from "
            + ", ".join(SWEEP)
        )
    sizes = [size for (size,) in family.sizes]
    if quick:
        sizes = [
            size for size in sizes if bytes_moved(family.problem(size), "float32") <= QUICK_BYTES
        ]
    return SizeAxis(name, name, min(sizes), max(sizes))


def file_line(file: str) -> SizeAxis:
    """The sizes that a file lists; raises `UserError` for one that has no several."""
    references = files.references(file)
    problems = [catalogue.find(reference) for reference in references]
    if len(problems) < 2:
        raise UserError(f"{file}: has one size; a crossover needs a [size] table with several")
    sizes = [problem.size for problem in problems]
    reference = references[0].rpartition(":")[0]
    return SizeAxis(problems[0].family, reference, min(sizes), max(sizes), own=True)
