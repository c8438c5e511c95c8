"""Find a problem by what a user types: ``or-gate``, ``mlp-width:512``, ``mlp:10x2x4`` …"""

from __future__ import annotations

import re

from perceptron.errors import UserError, unknown
from perceptron.problems import files, shape
from perceptron.problems.families import FAMILIES, NAMED
from perceptron.problems.problem import Problem

# Python reads no number of more than 4,300 digits.
_NUMBER = re.compile(r"-?[0-9]{1,100}")


def find(reference: str) -> Problem:
    """Find the problem of ``reference``: a name, a family and a size, a shape or a file.

    See `shape.find` and `files.find`.

    >>> find("mlp-width:512").hidden
    (512,)

    Raises `UserError` with the nearest name, with the fault of the size, or for data of a library
    that is not installed.
    """
    problem = look_up(reference)
    problem.dataset.require()
    return problem


def look_up(reference: str) -> Problem:
    """Find a problem as `find` does, even if the library of its data is not installed."""
    if files.is_file(reference):
        return _from_file(reference)
    if shape.is_shape(reference):
        return shape.find(reference)
    if reference in NAMED:
        return NAMED[reference]
    name, colon, size = reference.partition(":")
    if name not in FAMILIES:
        families = [f"{family}:SIZE" for family in FAMILIES]
        raise unknown("problem", reference, [*NAMED, *families, shape.FORM])
    family = FAMILIES[name]
    numbers = size.split("x") if colon else []
    if not numbers or not all(map(_NUMBER.fullmatch, numbers)):
        example = "x".join(str(number) for number in family.sizes[len(family.sizes) // 2])
        raise UserError(f"problem {reference!r} needs a size, such as {name}:{example}")
    return family.problem(*(int(number) for number in numbers))


def find_all(word: str) -> tuple[Problem, ...]:
    """Return the problems of all sizes that a model file lists; see `files.references`."""
    return tuple(find(reference) for reference in files.references(word))


def is_taken(name: str) -> bool:
    """Return whether this package has a problem or a family of this name."""
    return name in NAMED or name in FAMILIES or shape.is_shape(name)


def _from_file(reference: str) -> Problem:
    problem = files.find(reference)
    name = problem.family
    if is_taken(name):
        raise UserError(f"{problem.reference}: {name!r} is a built-in problem: rename the file")
    return problem
